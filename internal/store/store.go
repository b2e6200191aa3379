// Package store keeps the library in an SQL database: it has all SQL text, the
// transactions, the structure of the database, and what an engine needs to be
// durable. It implements entity.Store on SQLite and on PostgreSQL; package
// storetest says in tests what that means.
//
// It decides nothing: rules are in package library.
package store

import (
	"context"
	"strings"
	"time"

	"personae.dev/internal/entity"
	"personae.dev/internal/store/migrations"
)

// Options say how to open a database.
type Options struct {
	// Create makes the database where it is missing, and brings an older one up
	// to date. Without it, both are errors.
	Create bool
	// Exclusive refuses an SQLite file that another process opened with
	// Exclusive: it has one server. PostgreSQL has any number.
	Exclusive bool
	Settings
	// Observe, if set, is told how long each operation took. It must be safe for
	// concurrent use.
	Observe func(operation string, took time.Duration)
	// Warn, if set, is told what an operator should know. It must be safe for
	// concurrent use.
	Warn func(message string, args ...any)
}

// Settings are what an operator may choose. Zero values stand for the defaults.
type Settings struct {
	// Readers and Writers are how many connections read and write at once; what
	// comes beyond waits. SQLite has one that writes.
	Readers, Writers int
	// StatementTimeout is how long a statement may take, and ConnectTimeout how
	// long it may take to get a connection. PostgreSQL only.
	StatementTimeout, ConnectTimeout time.Duration
	// TLS is an sslmode, and takes the place of the one in the address.
	// PostgreSQL only.
	TLS string
}

// The defaults of Settings.
const (
	DefaultReaders          = 8
	DefaultWriters          = 8
	DefaultStatementTimeout = 5 * time.Second
	DefaultConnectTimeout   = 5 * time.Second
)

func (o Options) withDefaults() Options {
	if o.Readers == 0 {
		o.Readers = DefaultReaders
	}
	if o.Writers == 0 {
		o.Writers = DefaultWriters
	}
	if o.StatementTimeout == 0 {
		o.StatementTimeout = DefaultStatementTimeout
	}
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = DefaultConnectTimeout
	}
	if o.Observe == nil {
		o.Observe = func(string, time.Duration) {}
	}
	if o.Warn == nil {
		o.Warn = func(string, ...any) {}
	}
	return o
}

// Migration is one step of the structure of a database.
type Migration = migrations.Step

// Store is an entity.Store on an SQL database.
type Store struct {
	queries
	engine engine
}

var _ entity.Store = (*Store)(nil)

// engine is an open database that is up to date.
type engine interface {
	// connect returns a connection for one statement that reads.
	connect(ctx context.Context) (runner, func(), error)
	// snapshot runs fn, whose statements all read the database as it was at one
	// moment.
	snapshot(ctx context.Context, fn func(runner) error) error
	// write runs fn in a transaction. long is for one that may take more than
	// some milliseconds.
	write(ctx context.Context, long bool, fn func(context.Context, *tx) error) error
	compact(ctx context.Context) error
	// ping and pingWrite tell what an operator should know of a database that
	// does not answer, or cannot be written.
	ping(ctx context.Context) error
	pingWrite(ctx context.Context) error
	close() error
}

// Open opens a database: sqlite:PATH or the path of a file, sqlite::memory: for
// one that is forgotten, or an address postgres://…. Its errors name the
// database and say what to do. In memory, reads and writes exclude each other.
func Open(ctx context.Context, database string, opts Options) (*Store, error) {
	opts = opts.withDefaults()
	if isPostgres(database) {
		return openPostgres(ctx, database, opts)
	}
	path, err := Path(database)
	if err != nil {
		return nil, err
	}
	return openSQLite(ctx, path, opts)
}

// Migrations tells which steps a database has, without changing it.
func Migrations(ctx context.Context, database string, opts Options) ([]Migration, error) {
	if isPostgres(database) {
		return postgresSteps(ctx, database, opts.withDefaults())
	}
	path, err := Path(database)
	if err != nil {
		return nil, err
	}
	return sqliteSteps(ctx, path)
}

// Name is the name of a database without what is secret in it, for logs.
func Name(database string) string {
	if isPostgres(database) {
		return postgresName(database)
	}
	if path, err := Path(database); err == nil {
		return path
	}
	return withoutSecrets(database)
}

// withoutSecrets keeps of an address that no engine knows what cannot hold a
// password: its beginning.
func withoutSecrets(database string) string {
	if end := strings.IndexAny(database, ":= "); end >= 0 {
		return database[:end+1] + "…"
	}
	return database
}

// Write implements entity.Store.
func (s *Store) Write(ctx context.Context, fn func(context.Context, entity.Tx) error) error {
	defer s.timed("write")()
	return s.engine.write(ctx, false, func(ctx context.Context, t *tx) error { return fn(ctx, t) })
}

// WriteLong implements entity.Store.
func (s *Store) WriteLong(ctx context.Context, fn func(context.Context, entity.Tx) error) error {
	defer s.timed("write_long")()
	return s.engine.write(ctx, true, func(ctx context.Context, t *tx) error { return fn(ctx, t) })
}

// Compact implements entity.Store.
func (s *Store) Compact(ctx context.Context) error {
	defer s.timed("compact")()
	return s.engine.compact(ctx)
}

// Ping implements entity.Store.
func (s *Store) Ping(ctx context.Context) error {
	defer s.timed("ping")()
	if err := s.engine.ping(ctx); err != nil {
		return err
	}
	const query = `select count(*) from organizations` // reads the database, which `select 1` does not
	_, err := one(ctx, &s.queries, query, scanInt, nil)
	return err
}

// PingWrite implements entity.Store.
func (s *Store) PingWrite(ctx context.Context) error {
	defer s.timed("ping_write")()
	return s.engine.pingWrite(ctx)
}

// Close closes the store. What was written is durable already. A second call
// does nothing.
func (s *Store) Close() error { return s.engine.close() }

// snapshot runs fn on the database as it is at one moment.
func (s *Store) snapshot(ctx context.Context, fn func(*queries) error) error {
	return s.engine.snapshot(ctx, func(r runner) error { return fn(s.on(r)) })
}

// read is snapshot for an fn that returns a value.
func read[T any](ctx context.Context, s *Store, fn func(*queries) (T, error)) (value T, err error) {
	err = s.snapshot(ctx, func(q *queries) error {
		value, err = fn(q)
		return err
	})
	return value, err
}

// tx is a transaction that writes.
type tx struct {
	queries
	// batch keeps the words that are still to be written; nil on PostgreSQL.
	batch *batch
}

var _ entity.Tx = (*tx)(nil)
