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
	"iter"
	"time"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/counts"
	"personae.dev/internal/store/dialect"
	"personae.dev/internal/store/engine"
	"personae.dev/internal/store/fts"
	"personae.dev/internal/store/measure"
	"personae.dev/internal/store/migrations"
	"personae.dev/internal/store/postgres"
	"personae.dev/internal/store/segments"
	"personae.dev/internal/store/sqlite"
)

// graceTime is what a statement has beyond its timeout, which the engine is to
// notice first.
const graceTime = time.Second

// Options say how to open a database.
type Options = engine.Options

// Settings are what an operator may choose of a database.
type Settings = engine.Settings

// Migration is one step of the database's structure.
type Migration = migrations.Step

// Store is a persona.Store on an SQL database.
type Store struct {
	queries
	engine engine.Engine
}

var _ persona.Store = (*Store)(nil)

// Open opens the database that url names: sqlite:PATH, or an address
// postgres://…. Its errors name the database and the way out.
func Open(ctx context.Context, url string, opts Options) (*Store, error) {
	opts = opts.WithDefaults()
	if postgres.Addresses(url) {
		db, err := postgres.Open(ctx, url, opts, fts.Prepare)
		if err != nil {
			return nil, err
		}
		return newStore(db, queries{dialect: dialect.Postgres(), timeout: opts.StatementTimeout + graceTime, observe: opts.Observe}), nil
	}
	path, err := sqlite.Path(url)
	if err != nil {
		return nil, err
	}
	index := segments.New()
	db, err := sqlite.Open(ctx, path, opts, preparing(index))
	if err != nil {
		return nil, err
	}
	return newStore(db, queries{dialect: dialect.SQLite(index), observe: opts.Observe, lookUp: db.One, view: db.View}), nil
}

// preparing is what SQLite does at the end of a transaction: it writes what came
// of totals and of words.
func preparing(index *segments.Index) engine.Prepare {
	return func(changes []engine.Change) func(context.Context, engine.Runner) error {
		var totals []counts.Change
		words := make([]engine.Change, 0, len(changes))
		for _, change := range changes {
			if total, is := change.(counts.Change); is {
				totals = append(totals, total)
			} else {
				words = append(words, change)
			}
		}
		write := index.Prepare(words)
		return func(ctx context.Context, r engine.Runner) error {
			if err := counts.Apply(ctx, r, totals); err != nil {
				return err
			}
			return write(ctx, r)
		}
	}
}

func newStore(db engine.Engine, q queries) *Store {
	q.Runner, q.translate = db.Reader(), db.Translate
	return &Store{queries: q, engine: db}
}

// Migrations tells which steps a database has, without changing it.
func Migrations(ctx context.Context, url string, opts Options) ([]Migration, error) {
	if postgres.Addresses(url) {
		return postgres.Steps(ctx, url, opts.WithDefaults())
	}
	path, err := sqlite.Path(url)
	if err != nil {
		return nil, err
	}
	return sqlite.Steps(ctx, path)
}

// FillSearchIndex makes the database where it is missing, brings it up to date,
// and builds its search index anew from the personas.
func FillSearchIndex(ctx context.Context, url string, opts Options) (err error) {
	if postgres.Addresses(url) {
		return persona.Invalidf("There is no search index to build in %s: PostgreSQL has one of its own, which REINDEX builds anew. --search-index is for SQLite.", Name(url))
	}
	path, err := sqlite.Path(url)
	if err != nil {
		return err
	}
	opts.Create = true
	db, err := sqlite.Open(ctx, path, opts.WithDefaults(), preparing(segments.New()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.FillSearchIndex(ctx)
}

// Name is the url of a database without what is secret in it, for logs.
func Name(url string) string {
	if postgres.Addresses(url) {
		return postgres.Name(url)
	}
	return url
}

// Close closes the store. What was written is durable already.
func (s *Store) Close() error { return s.engine.Close() }

// Ping implements persona.Store.
func (s *Store) Ping(ctx context.Context) error {
	defer s.timed("ping")()
	const query = `select count(*) from organizations` // reads the database, which `select 1` does not
	_, err := one(ctx, &s.queries, query, scanInt, nil)
	return err
}

// Epoch implements persona.Store.
func (s *Store) Epoch() (epoch uint64, ok bool) { return s.engine.Epoch() }

// Watch implements persona.Store.
func (s *Store) Watch(changed func(persona.Change)) { s.engine.Watch(changed) }

// Write implements persona.Store.
func (s *Store) Write(ctx context.Context, fn func(persona.Tx) error) (err error) {
	defer s.timed("write")()
	return s.engine.Write(ctx, s.inTx(fn))
}

// WriteAlone implements persona.Store.
func (s *Store) WriteAlone(ctx context.Context, fn func(persona.Tx) error) (err error) {
	defer s.timed("write")()
	return s.engine.WriteAlone(ctx, s.inTx(fn))
}

func (s *Store) inTx(fn func(persona.Tx) error) func(engine.Writer) error {
	return func(w engine.Writer) error {
		q := s.queries
		q.Runner, q.writing, q.lookUp, q.view = w, true, nil, nil
		return fn(&tx{queries: q, writer: w, numbers: map[string]int{}})
	}
}

// snapshot runs fn on the database as it is at one moment. texts are those of
// the statements that fn runs.
func (s *Store) snapshot(ctx context.Context, texts []string, fn func(*queries) error) error {
	return s.engine.Snapshot(ctx, texts, func(r engine.Runner) error {
		q := s.queries
		q.Runner, q.lookUp, q.view = r, nil, nil
		return fn(&q)
	})
}

// queries holds the statements that read, for a Store and for a transaction.
type queries struct {
	engine.Runner
	dialect *dialect.Dialect
	// writing is set in a transaction that writes: what it reads it holds, see
	// dialect.
	writing bool
	// timeout bounds a statement where the engine cannot, as it is out of
	// reach; 0 for none.
	timeout   time.Duration
	translate func(error) error
	// lookUp is a faster way to a row that is found by texts, where the engine
	// has one. It reads what is committed, and so nil stands in transactions.
	lookUp lookUp
	// view is lookUp for what keeps nothing of the row.
	view    lookUp
	observe func(operation string, took time.Duration)
}

type lookUp = func(ctx context.Context, text string, scan func(row) error, args ...string) (found bool, err error)

// tx holds the statements that write too.
type tx struct {
	queries
	writer  engine.Writer
	added   int            // personas
	numbers map[string]int // of workspaces, by their ids
}

var _ persona.Tx = (*tx)(nil)

// count notes what lists have as total: so many more personas of a status, or
// less.
func (t *tx) count(ctx context.Context, workspaceOID string, status persona.Status, by int) error {
	if !t.dialect.Counts {
		return nil
	}
	return t.later(ctx, counts.Change{WorkspaceOID: workspaceOID, Status: status, By: by})
}

// timed starts to measure an operation; call what it returns at the end.
func (q *queries) timed(operation string) func() {
	began := time.Now()
	return func() { q.observe(operation, time.Since(began)) }
}

// bound bounds a statement.
func (q *queries) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if q.timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, q.timeout)
}

// holdRow ends the text of a query for one row.
func (q *queries) holdRow(alias string) string {
	if !q.writing || q.dialect.HoldRow == "" {
		return ""
	}
	return q.dialect.HoldRow + alias
}

// hold runs a statement that holds something until the transaction ends.
func (q *queries) hold(ctx context.Context, statement string, args ...any) error {
	if !q.writing || statement == "" {
		return nil
	}
	_, err := q.exec(ctx, statement, args...)
	return err
}

func (q *queries) exec(ctx context.Context, text string, args ...any) (sql.Result, error) {
	ctx, cancel := q.bound(ctx)
	defer cancel()
	result, err := q.ExecContext(ctx, text, args...)
	return result, q.translate(err)
}

// insert adds the row of a statement that does nothing where it is there
// already; then it answers taken.
func (q *queries) insert(ctx context.Context, text string, taken error, args ...any) error {
	result, err := q.exec(ctx, text, args...)
	if err != nil {
		return err
	}
	return mustAffectOne(result, taken)
}

// row is a row that can be read.
type row = measure.Row

// one reads the row of a query that has one at most, and answers missing where
// it has none.
func one[T any](ctx context.Context, q *queries, text string, scan func(row) (T, error), missing error, args ...any) (T, error) {
	for value, err := range each(ctx, q, text, scan, args...) {
		return value, err
	}
	var zero T
	return zero, missing
}

// lookedUp is one for arguments that are texts, and the fastest way there is.
func lookedUp[T any](ctx context.Context, q *queries, text string, scan func(row) (T, error), missing func() error, args ...string) (value T, err error) {
	if q.lookUp == nil {
		arguments := make([]any, len(args))
		for i, arg := range args {
			arguments[i] = arg
		}
		return one(ctx, q, text, scan, missing(), arguments...)
	}
	found, err := q.lookUp(ctx, text, func(r row) (err error) {
		value, err = scan(r)
		return err
	}, args...)
	if err == nil && !found {
		err = missing()
	}
	return value, err
}

// each reads the rows of a query, one after the other.
func each[T any](ctx context.Context, q *queries, text string, scan func(row) (T, error), args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		ctx, cancel := q.bound(ctx)
		defer cancel()
		rows, err := q.QueryContext(ctx, text, args...)
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

// micros is a time as the database keeps it.
func micros(t time.Time) int64 { return t.UnixMicro() }

func nullMicros(t *time.Time) sql.Null[int64] {
	if t == nil {
		return sql.Null[int64]{}
	}
	return sql.Null[int64]{V: micros(*t), Valid: true}
}

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

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
