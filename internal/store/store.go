// Package store keeps the library in an SQL database: SQL text, transactions,
// migrations, and what the engine needs to be durable. It implements
// persona.Store; storetest says what that means.
//
// It decides nothing: rules stand in library.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"personae.dev/internal/persona"
)

// Options say how to open a database.
type Options struct {
	// Create makes the database where it is missing, and brings an older one up
	// to date. Without it, both are errors.
	Create bool
	// Exclusive refuses a database that another process opened with Exclusive:
	// a database has one server.
	Exclusive bool
	// Observe, if set, is told how long each operation took. It must be safe
	// for concurrent use.
	Observe func(operation string, took time.Duration)
}

// Store is a persona.Store on an SQL database.
type Store struct {
	queries
	name    string // of the database, for messages
	writer  *sql.DB
	readers *sql.DB
	watch   *watch
	lock    *flock.Flock // nil unless Exclusive

	preparing sync.Mutex
	prepared  map[string]*sql.Stmt
}

var _ persona.Store = (*Store)(nil)

// Open opens the database that url names: sqlite:PATH. Its errors name the
// database and the way out.
func Open(ctx context.Context, url string, opts Options) (*Store, error) {
	path, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	if opts.Observe == nil {
		opts.Observe = func(string, time.Duration) {}
	}
	return openSQLite(ctx, path, opts)
}

func parseURL(url string) (path string, err error) {
	path, found := strings.CutPrefix(url, "sqlite:")
	switch {
	case !found:
		// Not the whole of an address: it may hold a password.
		if scheme, _, isAddress := strings.Cut(url, "://"); isAddress {
			url = scheme + "://…"
		}
		return "", persona.BadSettingf("The database %q is not one that this version can open: write sqlite: and a file name, such as sqlite:personae.db.", url)
	case path == "":
		return "", persona.BadSettingf("The database %q names no file: write sqlite: and a file name, such as sqlite:personae.db.", url)
	case strings.Contains(path, ":memory:"):
		return "", persona.BadSettingf("The database %q would be forgotten at the end: write sqlite: and a file name, such as sqlite:personae.db.", url)
	}
	return path, nil
}

// Close closes the store. What was written is durable already.
func (s *Store) Close() error {
	s.watch.stop()
	err := errors.Join(s.readers.Close(), s.writer.Close())
	if s.lock != nil {
		err = errors.Join(err, s.lock.Unlock())
	}
	return err
}

// Ping implements persona.Store.
func (s *Store) Ping(ctx context.Context) error {
	defer s.timed("ping")()
	const query = `select count(*) from organizations` // reads the file, which `select 1` does not
	_, err := one(ctx, &s.queries, query, scanInt, nil)
	return err
}

// Epoch implements persona.Store.
func (s *Store) Epoch() (epoch uint64, ok bool) { return s.watch.now() }

// Write implements persona.Store.
func (s *Store) Write(ctx context.Context, fn func(persona.Tx) error) (err error) {
	defer s.timed("write")()
	sqlTx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return s.translate(err)
	}
	defer func() {
		if rollback := sqlTx.Rollback(); rollback != nil && !errors.Is(rollback, sql.ErrTxDone) {
			err = errors.Join(err, s.translate(rollback))
		}
	}()
	// From here to the commit nobody else can change the database.
	if err := s.watch.check(ctx, sqlTx); err != nil {
		return s.translate(err)
	}
	t := &tx{queries: s.queries}
	statements := map[string]*sql.Stmt{}
	t.prepare = func(ctx context.Context, text string) (*sql.Stmt, error) {
		if stmt := statements[text]; stmt != nil {
			return stmt, nil
		}
		stmt, err := sqlTx.PrepareContext(ctx, text)
		statements[text] = stmt
		return stmt, err
	}
	if err := fn(t); err != nil {
		return err
	}
	err = sqlTx.Commit()
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		return ctx.Err() // which rolled it back
	}
	return s.translate(err)
}

// prepareForRead returns the statement of text, prepared once on each reading
// connection and kept as long as the store.
func (s *Store) prepareForRead(ctx context.Context, text string) (*sql.Stmt, error) {
	s.preparing.Lock()
	stmt := s.prepared[text]
	s.preparing.Unlock()
	if stmt != nil {
		return stmt, nil
	}
	// Not under the lock: it may have to wait for a connection.
	stmt, err := s.readers.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	s.preparing.Lock()
	defer s.preparing.Unlock()
	if first := s.prepared[text]; first != nil {
		defer stmt.Close() // another read was first
		return first, nil
	}
	s.prepared[text] = stmt
	return stmt, nil
}

// snapshot runs fn, whose reads, of the texts, are all of one moment.
func (s *Store) snapshot(ctx context.Context, texts []string, fn func(*queries) error) error {
	// Before the transaction: it has one connection, and while all have one
	// nobody could get a second one to prepare on.
	prepared := map[string]*sql.Stmt{}
	for _, text := range texts {
		stmt, err := s.prepareForRead(ctx, text) //nolint:sqlclosecheck // the store keeps it
		if err != nil {
			return s.translate(err)
		}
		prepared[text] = stmt
	}
	sqlTx, err := s.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return s.translate(err)
	}
	defer func() { _ = sqlTx.Rollback() }() // it only read
	q := s.queries
	q.prepare = func(ctx context.Context, text string) (*sql.Stmt, error) {
		return sqlTx.StmtContext(ctx, prepared[text]), nil
	}
	return fn(&q)
}

// queries holds the statements that read, for a Store and for a transaction.
type queries struct {
	prepare   func(ctx context.Context, text string) (*sql.Stmt, error)
	translate func(error) error
	observe   func(operation string, took time.Duration)
}

// tx holds the statements that write too.
type tx struct{ queries }

var _ persona.Tx = (*tx)(nil)

// timed starts to measure an operation; call what it returns at the end.
func (q *queries) timed(operation string) func() {
	began := time.Now()
	return func() { q.observe(operation, time.Since(began)) }
}

func (q *queries) exec(ctx context.Context, text string, args ...any) (sql.Result, error) {
	stmt, err := q.prepare(ctx, text)
	if err != nil {
		return nil, q.translate(err)
	}
	result, err := stmt.ExecContext(ctx, args...)
	return result, q.translate(err)
}

// row is what *sql.Row and *sql.Rows can both do.
type row interface{ Scan(dest ...any) error }

// one reads the row of a query that has one at most, and answers missing where
// it has none.
func one[T any](ctx context.Context, q *queries, text string, scan func(row) (T, error), missing error, args ...any) (T, error) {
	var zero T
	stmt, err := q.prepare(ctx, text)
	if err != nil {
		return zero, q.translate(err)
	}
	value, err := scan(stmt.QueryRowContext(ctx, args...))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return zero, missing
	case err != nil:
		return zero, q.translate(err)
	}
	return value, nil
}

// each reads the rows of a query, one after the other.
func each[T any](ctx context.Context, q *queries, text string, scan func(row) (T, error), args ...any) func(yield func(T, error) bool) {
	return func(yield func(T, error) bool) {
		var zero T
		stmt, err := q.prepare(ctx, text)
		if err != nil {
			yield(zero, q.translate(err))
			return
		}
		rows, err := stmt.QueryContext(ctx, args...)
		if err != nil {
			yield(zero, q.translate(err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			value, err := scan(rows)
			if !yield(value, q.translate(err)) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(zero, q.translate(err))
		}
	}
}

// all reads the rows of a query at once.
func all[T any](ctx context.Context, q *queries, text string, scan func(row) (T, error), args ...any) ([]T, error) {
	var values []T
	for value, err := range each(ctx, q, text, scan, args...) {
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

// within bounds what is read at once: the bytes of all JSON columns together,
// if limit is not 0.
func within[T any](limit int, scan func(row) (T, error)) func(row) (T, error) {
	if limit == 0 {
		return scan
	}
	left := limit
	return func(r row) (T, error) { return scan(measured{r, &left, limit}) }
}

type measured struct {
	row
	left  *int
	limit int
}

// Scan implements row.
func (m measured) Scan(dest ...any) error {
	err := m.row.Scan(dest...)
	for _, d := range dest {
		if text, ok := d.(*[]byte); ok {
			*m.left -= len(*text)
		}
	}
	if err == nil && *m.left < 0 {
		return persona.PageTooLarge(m.limit)
	}
	return err
}

// micros is a time as the database keeps it.
func micros(t time.Time) int64 { return t.UnixMicro() }

func nullMicros(t *time.Time) sql.Null[int64] {
	if t == nil {
		return sql.Null[int64]{}
	}
	return sql.Null[int64]{V: micros(*t), Valid: true}
}

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

func fromNullMicros(us sql.Null[int64]) *time.Time {
	if !us.Valid {
		return nil
	}
	t := fromMicros(us.V)
	return &t
}

// taken answers an insert whose id or name is in use.
func taken(what, id string) error {
	return persona.Conflictf("already_exists", "The %s %s exists already.", what, id)
}

func scanInt(r row) (n int, err error) {
	err = r.Scan(&n)
	return n, err
}

// mustAffectOne answers missing where a statement changed no row.
func mustAffectOne(result sql.Result, missing error) error {
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("store: rows affected: %w", err)
	}
	if n == 0 {
		return missing
	}
	return nil
}
