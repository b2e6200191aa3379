package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"personae.dev/internal/store/engine"
)

// runner runs statements that prepare gives.
type runner func(ctx context.Context, text string) (*sql.Stmt, error)

// QueryContext implements engine.Runner.
func (prepare runner) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	stmt, err := prepare(ctx, text) //nolint:sqlclosecheck // who prepared it closes it
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// ExecContext implements engine.Runner.
func (prepare runner) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	stmt, err := prepare(ctx, text) //nolint:sqlclosecheck // who prepared it closes it
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

// InsertMany implements engine.Writer.
func (prepare runner) InsertMany(ctx context.Context, into string, rows [][]any) error {
	text := "insert into " + into + " values (" + strings.Repeat("?, ", len(rows[0])-1) + "?)"
	for _, values := range rows {
		if _, err := prepare.ExecContext(ctx, text, values...); err != nil {
			return err
		}
	}
	return nil
}

// Reader implements engine.Engine.
func (d *DB) Reader() engine.Runner { return runner(d.prepareForRead) }

// Snapshot implements engine.Engine.
func (d *DB) Snapshot(ctx context.Context, texts []string, fn func(engine.Runner) error) error {
	// Before the transaction: it has one connection, and while all have one
	// nobody could get a second one to prepare on.
	prepared := map[string]*sql.Stmt{}
	for _, text := range texts {
		stmt, err := d.prepareForRead(ctx, text) //nolint:sqlclosecheck // the store keeps it
		if err != nil {
			return d.Translate(err)
		}
		prepared[text] = stmt
	}
	sqlTx, err := d.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return d.Translate(err)
	}
	defer func() { _ = sqlTx.Rollback() }() // it only read
	return fn(runner(func(ctx context.Context, text string) (*sql.Stmt, error) {
		return sqlTx.StmtContext(ctx, prepared[text]), nil
	}))
}

// Write implements engine.Engine. Writes take turns, those of other processes
// too.
func (d *DB) Write(ctx context.Context, fn func(engine.Writer) error) (err error) {
	sqlTx, err := d.writer.BeginTx(ctx, nil)
	if err != nil {
		return d.Translate(err)
	}
	defer func() {
		if rollback := sqlTx.Rollback(); rollback != nil && !errors.Is(rollback, sql.ErrTxDone) {
			err = errors.Join(err, d.Translate(rollback))
		}
	}()
	// From here to the commit nobody else can change the database.
	if err := d.watch.check(ctx, sqlTx); err != nil {
		return d.Translate(err)
	}
	statements := map[string]*sql.Stmt{}
	err = fn(runner(func(ctx context.Context, text string) (*sql.Stmt, error) {
		if stmt := statements[text]; stmt != nil {
			return stmt, nil
		}
		stmt, err := sqlTx.PrepareContext(ctx, text)
		statements[text] = stmt
		return stmt, err
	}))
	if err != nil {
		return err
	}
	err = sqlTx.Commit()
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		return ctx.Err() // which rolled it back
	}
	return d.Translate(err)
}

// prepareForRead returns the statement of text, prepared once on each reading
// connection and kept as long as the database is open.
func (d *DB) prepareForRead(ctx context.Context, text string) (*sql.Stmt, error) {
	d.preparing.Lock()
	stmt := d.prepared[text]
	d.preparing.Unlock()
	if stmt != nil {
		return stmt, nil
	}
	// Not under the lock: it may have to wait for a connection.
	stmt, err := d.readers.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	d.preparing.Lock()
	defer d.preparing.Unlock()
	if first := d.prepared[text]; first != nil {
		defer stmt.Close() // another read was first
		return first, nil
	}
	d.prepared[text] = stmt
	return stmt, nil
}
