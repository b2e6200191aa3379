package sqlite

import (
	"context"
	"database/sql"

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
