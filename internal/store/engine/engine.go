// Package engine says what the store needs of a database engine: where to run
// statements, alone or together, and whether what was read can be trusted. The
// engines stand in sqlite and postgres. It holds no SQL.
package engine

import (
	"context"
	"database/sql"
	"time"

	"personae.dev/internal/persona"
)

// Engine is an open database that is up to date.
type Engine interface {
	// Reader runs statements that read, each for itself.
	Reader() Runner
	// Snapshot runs fn, whose statements all read the database as it was at one
	// moment. texts are those that fn will run.
	Snapshot(ctx context.Context, texts []string, fn func(Runner) error) error
	// Write runs fn in one transaction, which is durable when Write returns nil.
	// fn may be run beside others, in a transaction that they share.
	Write(ctx context.Context, fn func(Writer) error) error
	// WriteAlone is Write for an fn that takes long, so that none shares its
	// transaction, and has to wait for its end.
	WriteAlone(ctx context.Context, fn func(Writer) error) error
	// Translate makes domain errors of the driver's: it is the one place that
	// knows them.
	Translate(err error) error
	// Epoch and Watch are those of persona.Store.
	Epoch() (epoch uint64, ok bool)
	Watch(changed func(persona.Change))
	Close() error
}

// Runner runs SQL.
type Runner interface {
	QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error)
}

// Writer runs SQL in a transaction that writes.
type Writer interface {
	Runner
	// InsertMany adds rows the fastest way to a table, which into names with its
	// columns: "table (column, column)". Each value is a string, int64, int, bool,
	// []byte or nil.
	InsertMany(ctx context.Context, into string, rows [][]any) error
	// Later applies a change of the search index, now or together with others,
	// at the end of the transaction at the latest, in the order of the calls.
	Later(ctx context.Context, change Change) error
	// Changed notes what caches of other processes may keep, and must forget once
	// the transaction is durable; the zero Change is for all that they keep.
	Changed(change persona.Change)
	// Flush lets what follows see the changes of Later.
	Flush(ctx context.Context) error
}

// Change is one of the search index; what it is, who applies it knows.
type Change interface {
	// Size is about how many bytes it keeps in memory.
	Size() int
}

// Prepare does with changes of the search index what needs no database, and
// returns what writes them. It is safe for concurrent use. It is handed to an
// engine, as no engine knows the index.
type Prepare func(changes []Change) (write func(context.Context, Runner) error)

// Options say how to open a database.
type Options struct {
	// Create makes the database where it is missing, and brings an older one up
	// to date. Without it, both are errors.
	Create bool
	// Exclusive refuses an SQLite file that another process opened with
	// Exclusive: it has one server. PostgreSQL has any number.
	Exclusive bool
	// Bulk is for a command that writes much in one transaction: an SQLite file
	// that nobody else has open is written without its log, in which all would be
	// written a second time. Who opens it meanwhile waits, as for any lock.
	Bulk bool
	Settings
	// Observe, if set, is told how long each operation took. It must be safe
	// for concurrent use.
	Observe func(operation string, took time.Duration)
	// Warn, if set, is told what an operator should know. It must be safe for
	// concurrent use.
	Warn func(message string, args ...any)
}

// Settings are what an operator may choose. Zero values stand for the defaults.
type Settings struct {
	// Readers and Writers are how many connections read and write at once; more
	// wait their turn. SQLite has one that writes.
	Readers, Writers int
	// StatementTimeout is how long a statement may take, and ConnectTimeout how
	// long a connection may take to be had. PostgreSQL only.
	StatementTimeout, ConnectTimeout time.Duration
	// TLS is an sslmode, and takes the place of the one in the address.
	// PostgreSQL only.
	TLS string
}

// The defaults of Settings.
const (
	DefaultReaders          = 8
	DefaultWriters          = 4
	DefaultStatementTimeout = 5 * time.Second
	DefaultConnectTimeout   = 5 * time.Second
)

// WithDefaults returns the options with nothing left open.
func (o Options) WithDefaults() Options {
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
