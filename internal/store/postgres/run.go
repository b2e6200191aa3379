package postgres

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/engine"
)

// graceTime is how much longer than the server we wait for what has a timeout
// there: it says more.
const graceTime = time.Second

// patience is how long what is sent to the server may go without an answer.
func (d *DB) patience() time.Duration { return d.opts.StatementTimeout + graceTime }

// Reader implements engine.Engine.
func (d *DB) Reader() engine.Runner { return d.readers }

// Snapshot implements engine.Engine.
func (d *DB) Snapshot(ctx context.Context, _ []string, fn func(engine.Runner) error) error {
	conn, err := d.acquire(ctx, d.readers)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := d.do(ctx, conn, "begin isolation level repeatable read read only"); err != nil {
		return d.Translate(err)
	}
	defer d.rollback(ctx, conn)
	return fn(conn)
}

// Write implements engine.Engine. Others write at the same time: a statement
// sees what they have committed, and store holds what must not change between
// two.
func (d *DB) Write(ctx context.Context, fn func(engine.Writer) error) error {
	conn, err := d.acquire(ctx, d.writer)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := d.do(ctx, conn, "begin isolation level read committed read write"); err != nil {
		return d.Translate(err)
	}
	ended := false
	defer func() {
		if !ended { // fn may have panicked
			d.rollback(ctx, conn)
		}
	}()
	w := &writer{Conn: conn, prepare: d.prepare}
	if err := fn(w); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ended = true
	// Not to be given up half-way: nobody would know what came of it.
	if err := d.do(context.WithoutCancel(ctx), conn, d.watch.telling(w.changes)+"commit"); err != nil {
		d.watch.doubt()
		d.rollback(ctx, conn)
		if inDoubt(err) {
			return d.outcomeUnknown(err)
		}
		return d.Translate(err)
	}
	return nil
}

// inDoubt tells whether what a failed commit was for may have been kept all the
// same. It was not where PostgreSQL refused it, and where nothing was sent.
func inDoubt(err error) bool {
	if told, ok := errors.AsType[*pgconn.PgError](err); ok {
		return told.SeverityUnlocalized != "ERROR" // the others end the connection, at any time
	}
	return !pgconn.SafeToRetry(err)
}

// WriteAlone implements engine.Engine: every write has a transaction of its own.
func (d *DB) WriteAlone(ctx context.Context, fn func(engine.Writer) error) error {
	return d.Write(ctx, fn)
}

// writer is a connection in a transaction that writes.
type writer struct {
	*sql.Conn
	prepare engine.Prepare
	changes changes
}

// Later implements engine.Writer.
func (w *writer) Later(ctx context.Context, change engine.Change) error {
	return w.prepare([]engine.Change{change})(ctx, w)
}

// Changed implements engine.Writer.
func (w *writer) Changed(change persona.Change) { w.changes.add(change) }

// Flush implements engine.Writer.
func (w *writer) Flush(context.Context) error { return nil }

// InsertMany implements engine.Writer, by COPY.
func (w *writer) InsertMany(ctx context.Context, into string, rows [][]any) error {
	var text []byte
	for _, values := range rows {
		for i, value := range values {
			if i > 0 {
				text = append(text, '\t')
			}
			text = appendField(text, value)
		}
		text = append(text, '\n')
	}
	return w.Raw(func(driverConn any) error {
		_, err := driverConn.(*stdlib.Conn).Conn().PgConn().CopyFrom(ctx, bytes.NewReader(text), "copy "+into+" from stdin")
		return err
	})
}

// appendField adds a value in the text format of COPY.
func appendField(text []byte, value any) []byte {
	switch value := value.(type) {
	case nil:
		return append(text, `\N`...)
	case []byte:
		return hex.AppendEncode(append(text, `\\x`...), value)
	case string:
		for i := range len(value) {
			switch c := value[i]; c {
			case '\\':
				text = append(text, '\\', '\\')
			case '\t':
				text = append(text, '\\', 't')
			case '\n':
				text = append(text, '\\', 'n')
			case '\r':
				text = append(text, '\\', 'r')
			default:
				text = append(text, c)
			}
		}
		return text
	}
	return fmt.Append(text, value) // a number or a bool
}

// acquire takes a connection of a pool.
func (d *DB) acquire(ctx context.Context, pool *sql.DB) (*sql.Conn, error) {
	// It may have to wait for a free one, and then to make one.
	ctx, cancel := context.WithTimeout(ctx, d.opts.ConnectTimeout)
	defer cancel()
	conn, err := pool.Conn(ctx)
	return conn, d.Translate(err)
}

// do sends constant statements that answer nothing. It is sql.Tx that would
// otherwise do so, which waits for ever for a server that is out of reach.
func (d *DB) do(ctx context.Context, conn *sql.Conn, text string) error {
	ctx, cancel := context.WithTimeout(ctx, d.patience())
	defer cancel()
	return conn.Raw(func(driverConn any) error {
		_, err := driverConn.(*stdlib.Conn).Conn().PgConn().Exec(ctx, text).ReadAll()
		return err
	})
}

// rollback ends a transaction. A connection on which that cannot be done is not
// used again, and then the server ends the transaction.
func (d *DB) rollback(ctx context.Context, conn *sql.Conn) {
	if d.do(context.WithoutCancel(ctx), conn, "rollback") != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}
