// Package sqlite opens an SQLite file for the store: one connection that writes,
// some that read, and a watch for the writes of other processes. What is asked
// of the database stands in store.
package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite" // also registers the driver
	sqlite3 "modernc.org/sqlite/lib"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/dbfile"
	"personae.dev/internal/store/engine"
	"personae.dev/internal/store/migrations"
	"personae.dev/internal/store/segments"
	"personae.dev/internal/store/sqlite/lookup"
	_ "personae.dev/internal/store/sqlite/rawfile" // for all connections of the process
)

const (
	// busyTimeout is how long a write waits for another process's write.
	busyTimeout = 5 * time.Second
	// PageSize is that of a new file: three usual personas have room in a page, and
	// seldom one needs more.
	PageSize = 8 << 10
	// keptLog is how many bytes of the log stay on the disk when what it holds is
	// in the file: an import makes a log as large as itself.
	keptLog = 64 << 20
	// ApplicationID marks our files, see the first migration.
	ApplicationID = 0x50455253
)

// DB is an open SQLite file.
type DB struct {
	path    string
	writer  *sql.DB
	readers *sql.DB
	watch   *watch
	writes  *writes
	lock    *flock.Flock // nil unless Exclusive
	bulk    bool         // the log may be off

	lookups   *lookup.Pool
	closing   sync.Once
	closed    error // what closing found
	preparing sync.Mutex
	prepared  map[string]*sql.Stmt
}

var _ engine.Engine = (*DB)(nil)

// Open opens the file at path, of which what prepare returns writes the search index. Its errors
// name the file and the way out.
func Open(ctx context.Context, path string, opts engine.Options, prepare engine.Prepare) (_ *DB, err error) {
	d := &DB{path: path, prepared: map[string]*sql.Stmt{}}
	if err := dbfile.Check(path, opts.Create); err != nil {
		return nil, err
	}
	if err := dbfile.CheckPermission(path); err != nil {
		return nil, err
	}
	if opts.Exclusive {
		if d.lock, err = dbfile.Lock(ctx, path); err != nil {
			return nil, err
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, d.lock.Unlock())
			}
		}()
	}

	synchronous, lock := "FULL", "immediate"
	if opts.Bulk {
		// Without a log, EXTRA makes the end of the journal durable too, and a reader
		// that came in would hold up the writer.
		synchronous, lock = "EXTRA", "exclusive"
	}
	connections, err := newCounter(dsn(path, url.Values{
		"mode":          {mode(opts.Create)},
		"_busy_timeout": {milliseconds(busyTimeout)},
		"_synchronous":  {synchronous},
		"_foreign_keys": {"1"},
		"_txlock":       {lock},
		// What a write of a shared commit changes is noted, lest it be undone: in
		// memory, for the notes of all are a few MiB at most. What a migration sorts is
		// in memory then, too.
		"_pragma": {"page_size(" + strconv.Itoa(PageSize) + ")", "journal_size_limit(" + strconv.Itoa(keptLog) + ")", "temp_store(memory)"},
	}))
	if err != nil {
		return nil, d.Translate(err)
	}
	d.writer = sql.OpenDB(connections)
	d.writer.SetMaxOpenConns(1)
	d.writer.SetMaxIdleConns(1)
	defer func() {
		if err != nil {
			err = errors.Join(err, d.writer.Close())
		}
	}()
	if err := d.checkOurs(ctx); err != nil {
		return nil, err
	}
	if err := d.setWAL(ctx); err != nil {
		return nil, err
	}
	if err := d.migrations().Up(ctx, opts.Create); err != nil {
		return nil, err
	}
	if opts.Create { // a command that only reads need not wait for a write
		if err := d.checkWritable(ctx); err != nil {
			return nil, err
		}
	}

	d.readers, err = sql.Open("sqlite", dsn(path, url.Values{
		"mode":          {"rw"},
		"_busy_timeout": {milliseconds(busyTimeout)},
		"_query_only":   {"1"},
	}))
	if err != nil {
		return nil, d.Translate(err)
	}
	d.readers.SetMaxOpenConns(opts.Readers)
	d.readers.SetMaxIdleConns(opts.Readers)
	if d.watch, err = newWatch(ctx, d.writer, &connections.made); err != nil {
		return nil, errors.Join(d.Translate(err), d.readers.Close())
	}
	d.lookups = lookup.New(dsn(path, url.Values{"mode": {"rw"}}), busyTimeout)
	d.writes = &writes{db: d.writer, watch: d.watch, prepareChanges: prepare, after: commitAfter, prepared: map[string]*sql.Stmt{}}
	if opts.Bulk {
		d.leaveWAL(ctx)
	}
	return d, nil
}

// counter counts the connections that it makes: the driver gives one up when a
// statement on it is cancelled.
type counter struct {
	driver.Connector
	made atomic.Int64
}

func newCounter(dsn string) (*counter, error) {
	connector, err := sqlite.NewConnector(dsn)
	return &counter{Connector: connector}, err
}

// Connect implements driver.Connector.
func (c *counter) Connect(ctx context.Context) (driver.Conn, error) {
	c.made.Add(1)
	return c.Connector.Connect(ctx)
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func mode(create bool) string {
	if create {
		return "rwc"
	}
	return "rw"
}

// dsn escapes path, which may hold any character.
func dsn(path string, params url.Values) string {
	escaped := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(filepath.ToSlash(path))
	if strings.HasPrefix(escaped, "//") {
		escaped = "//" + escaped // or what follows would be taken for a host
	}
	return "file:" + escaped + "?" + params.Encode()
}

// checkOurs refuses an SQLite file of another program. One that has no more
// than goose's own table is ours: a process that ended, or is still busy,
// before its first migration.
func (d *DB) checkOurs(ctx context.Context) error {
	const query = `select (select application_id from pragma_application_id), (select count(*) from sqlite_schema where tbl_name not in ('goose_db_version', 'sqlite_sequence'))`
	var application, objects int
	err := d.writer.QueryRowContext(ctx, query).Scan(&application, &objects)
	if driverErr, ok := errors.AsType[*sqlite.Error](err); ok && driverErr.Code() == sqlite3.SQLITE_NOTADB {
		return dbfile.NotADatabase(err, d.path) // later it would be one that was damaged
	}
	if err != nil {
		return d.Translate(err)
	}
	if objects > 0 && application != ApplicationID {
		return persona.Invalidf("The database file %s belongs to another program, and was left as it is. Name another file with --database sqlite:PATH.", d.path)
	}
	return nil
}

// setWAL is no part of the DSN, as it writes: checkOurs has to come first.
func (d *DB) setWAL(ctx context.Context) error {
	const query = `pragma journal_mode = wal`
	var got string
	if err := d.writer.QueryRowContext(ctx, query).Scan(&got); err != nil {
		return d.Translate(err)
	}
	if got != "wal" {
		return persona.UnavailableError(nil, "The database file %s is on a file system without shared memory (its journal mode stays %q), which Personae needs. Put it on a local disk.", d.path, got)
	}
	return nil
}

// leaveWAL has the next transaction written to the file itself, and what is
// overwritten kept beside it until the end: of a transaction that mostly adds,
// that is little. Where another connection has the file, nothing changes.
func (d *DB) leaveWAL(ctx context.Context) {
	const query = `pragma journal_mode = delete`
	d.bulk = true
	_, _ = d.writer.ExecContext(ctx, query)
}

// checkWritable finds a locked file at the start, and not with the first write.
func (d *DB) checkWritable(ctx context.Context) error {
	sqlTx, err := d.writer.BeginTx(ctx, nil) // immediate, see the DSN
	if err != nil {
		return d.Translate(err)
	}
	return d.Translate(sqlTx.Rollback())
}

// FillSearchIndex builds the search index anew, in one transaction.
func (d *DB) FillSearchIndex(ctx context.Context) error {
	sqlTx, err := d.writer.BeginTx(ctx, nil)
	if err != nil {
		return d.Translate(err)
	}
	if err := segments.FillAnew(ctx, sqlTx); err != nil {
		return d.Translate(errors.Join(err, sqlTx.Rollback()))
	}
	return d.Translate(sqlTx.Commit())
}

// Steps tells which migrations the file at path has. It must exist, and is not
// changed.
func Steps(ctx context.Context, path string) (_ []migrations.Step, err error) {
	if err := dbfile.Check(path, false); err != nil {
		return nil, err
	}
	d := &DB{path: path}
	d.writer, err = sql.Open("sqlite", dsn(path, url.Values{"mode": {"rw"}, "_query_only": {"1"}}))
	if err != nil {
		return nil, d.Translate(err)
	}
	defer func() { err = errors.Join(err, d.writer.Close()) }()
	if err := d.checkOurs(ctx); err != nil {
		return nil, err
	}
	return d.migrations().Steps(ctx)
}

// NewestVersion is that of a file with every migration.
func NewestVersion() (version int64, err error) {
	db, err := sql.Open("sqlite", "") // which nobody asks anything
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return (&DB{writer: db}).migrations().Newest()
}

func (d *DB) migrations() migrations.Database {
	return migrations.Database{
		DB: d.writer, Name: d.path, Folder: "sqlite", Dialect: goose.DialectSQLite3, Translate: d.Translate,
		HasVersions: `select count(*) from sqlite_schema where name = 'goose_db_version'`,
		Options: []goose.ProviderOption{goose.WithGoMigrations(
			// It filled a table that migration 5 drops.
			goose.NewGoMigration(4, &goose.GoFunc{RunTx: func(context.Context, *sql.Tx) error { return nil }}, nil),
			goose.NewGoMigration(6, &goose.GoFunc{RunTx: segments.Fill}, nil),
		)},
	}
}

// Close implements engine.Engine. A second time does no harm.
func (d *DB) Close() error {
	d.closing.Do(func() {
		d.watch.stop()
		d.writes.close()
		d.lookups.Close()
		d.closed = d.readers.Close()
		if d.bulk {
			// Or whoever opens it next sets it.
			_ = d.setWAL(context.Background())
		}
		d.closed = errors.Join(d.closed, d.writer.Close())
		if d.lock != nil {
			d.closed = errors.Join(d.closed, d.lock.Unlock())
		}
	})
	return d.closed
}

// One runs a query for one row: see lookup.Pool.
func (d *DB) One(ctx context.Context, text string, scan func(lookup.Row) error, args ...string) (found bool, err error) {
	found, err = d.lookups.One(ctx, text, scan, args...)
	return found, d.Translate(err)
}

// View is One for a scan that leaves nothing behind of the texts of the row.
func (d *DB) View(ctx context.Context, text string, scan func(lookup.Row) error, args ...string) (found bool, err error) {
	found, err = d.lookups.View(ctx, text, scan, args...)
	return found, d.Translate(err)
}

// Epoch implements engine.Engine.
func (d *DB) Epoch() (epoch uint64, ok bool) { return d.watch.now() }

// Watch implements engine.Engine. SQLite tells that another process changed
// something, and never what: only the epoch tells of it.
func (d *DB) Watch(func(persona.Change)) {}

// Translate implements engine.Engine: it makes domain errors of the driver's, with the file and the
// way out; others stay as they are.
func (d *DB) Translate(err error) error {
	code, ok := codeOf(err)
	if !ok {
		return err
	}
	unavailable := func(format string) error { return persona.UnavailableError(err, format, d.path) }
	const primary = 0xff // the rest of the code is detail
	switch code & primary {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return unavailable("The database file %s is locked by another program. Wait until that has ended its work, or stop it, and try again.")
	case sqlite3.SQLITE_FULL:
		return unavailable("The disk that holds the database file %s is full. Nothing of this change was kept; free some space and try again.")
	case sqlite3.SQLITE_READONLY:
		return unavailable("The database file %s is read-only. Make the file and its folder writable for this user, and try again.")
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return unavailable("The database file %s cannot be opened. Make the file and its folder readable and writable for this user, and try again.")
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return unavailable("The database file %s is damaged. Stop the server, keep a copy of the file, and restore it from a backup.")
	case sqlite3.SQLITE_CONSTRAINT:
		switch code {
		case sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE:
			return persona.Conflictf("already_exists", "Something of what was to be added to the database file %s is there already.", d.path)
		}
	case sqlite3.SQLITE_IOERR:
		return unavailable("The disk that holds the database file %s did not work. Nothing of this change was kept; check the disk and its free space, and try again.")
	}
	return err
}

// codeOf returns SQLite's code for an error of it, whoever made it.
func codeOf(err error) (code int, ok bool) {
	if f, ok := errors.AsType[interface {
		error
		Code() int
	}](err); ok {
		return f.Code(), true
	}
	return 0, false
}
