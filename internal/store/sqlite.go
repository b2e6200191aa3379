package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // registers the driver
	sqlite3 "modernc.org/sqlite/lib"

	"personae.dev/internal/errs"
	"personae.dev/internal/store/dbfile"
	"personae.dev/internal/store/migrations"
)

const (
	// busyTimeout is how long a write waits for one of another process.
	busyTimeout = 5 * time.Second
	// PageSize is that of a new file.
	PageSize = 8 << 10
	// keptLog is how many bytes of the log stay on the disk when what it holds is
	// in the file.
	keptLog = 64 << 20
	// ApplicationID marks our files, see the first migration.
	ApplicationID = 0x50455253
	// maxPrepared is how many statements a connection keeps prepared.
	maxPrepared = 200
	// memory is the path of a database that is forgotten.
	memory = ":memory:"
)

// sqliteEngine is an open SQLite file: one connection that writes, and some that
// read.
type sqliteEngine struct {
	path    string // for messages
	shared  string // the name of a database in memory
	options *engineOptions
	writes  *sql.DB
	reads   *sql.DB
	readers chan *session // idle ones; nil is one that is not open yet
	done    chan struct{} // closed by close
	writer  *writer
	files   *files
	// anchor is a connection that is used once. SQLite removes the log with the
	// last connection, and others may be given up after an error.
	anchor *session
	lock   *flock.Flock // nil unless Exclusive

	closing sync.Once
	closed  error
}

// memories numbers the databases in memory of a process.
var memories atomic.Int64 //nolint:gochecknoglobals // names databases in memory apart

// Path returns the file that a database names: sqlite:PATH, or a path.
func Path(database string) (string, error) {
	path, found := strings.CutPrefix(database, "sqlite:")
	if !found {
		// Something with a colon or an equals sign may be an address that holds a
		// password: it is not shown.
		if strings.ContainsAny(database, ":=") && filepath.VolumeName(database) == "" {
			return "", errs.BadSettingf("The database %q is not one that this version can open: write a file name, such as personae.db, or postgres:// and the address of a PostgreSQL database.", withoutSecrets(database))
		}
		path = database
	}
	switch {
	case path == "":
		return "", errs.BadSettingf("The database %q names no file: write one, such as personae.db.", database)
	case path != memory && strings.Contains(path, memory):
		return "", errs.BadSettingf("The database %q is no file name: write one, such as personae.db, or :memory: for a database that is forgotten at the end.", database)
	}
	return path, nil
}

// openSQLite opens the file at path.
func openSQLite(ctx context.Context, path string, opts Options) (_ *Store, err error) {
	e := &sqliteEngine{path: path}
	inMemory := path == memory
	if !inMemory {
		if err := e.prepareFile(ctx, opts); err != nil {
			return nil, err
		}
		defer func() {
			if err != nil && e.lock != nil {
				err = errors.Join(err, e.lock.Unlock())
			}
		}()
	}
	e.options = &engineOptions{dialect: sqliteDialect, translate: e.translate, observe: opts.Observe, warn: opts.Warn}
	params := url.Values{
		"_busy_timeout": {milliseconds(busyTimeout)},
		"_synchronous":  {"FULL"},
		"_foreign_keys": {"1"},
		"_pragma":       {"page_size(" + strconv.Itoa(PageSize) + ")", "journal_size_limit(" + strconv.Itoa(keptLog) + ")", "temp_store(memory)"},
	}
	reading := url.Values{"_busy_timeout": {milliseconds(busyTimeout)}, "_query_only": {"1"}}
	if inMemory {
		e.shared = fmt.Sprintf("/personae%d", memories.Add(1))
	}
	if e.writes, err = openPool(e.source(params), 1); err != nil {
		return nil, e.translate(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.writes.Close())
		}
	}()
	if err := e.setUp(ctx, opts.Create || inMemory, !inMemory); err != nil {
		return nil, err
	}
	if e.reads, err = openPool(e.source(reading), opts.Readers+1); err != nil {
		return nil, e.translate(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.reads.Close())
		}
	}()
	if e.anchor, err = newSession(ctx, e.reads); err != nil {
		return nil, e.translate(err)
	}
	const used = `select count(*) from meta`
	if _, err := e.anchor.ExecContext(ctx, used); err != nil {
		_ = e.anchor.Close()
		return nil, e.translate(err)
	}
	e.readers, e.done = make(chan *session, opts.Readers), make(chan struct{})
	for range opts.Readers {
		e.readers <- nil
	}
	q := queries{engineOptions: e.options, connect: e.connect}
	if e.writer, err = newWriter(ctx, e); err != nil {
		_ = e.anchor.Close()
		return nil, err
	}
	s := &Store{queries: q, engine: e}
	if err := s.endLeases(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// endLeases forgets the requests with an idempotency key that a server which was
// killed has left in progress: no other one has the file.
func (s *Store) endLeases(ctx context.Context) error {
	if e, ok := s.engine.(*sqliteEngine); !ok || e.lock == nil {
		return nil
	}
	const pending = ` from idempotency where pending_until is not null`
	if n, err := one(ctx, &s.queries, `select count(*)`+pending, scanInt, nil); err != nil || n == 0 {
		return err
	}
	return s.engine.write(ctx, false, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, `delete`+pending)
		return err
	})
}

// prepareFile looks at the file, and takes its lock.
func (e *sqliteEngine) prepareFile(ctx context.Context, opts Options) (err error) {
	if err := dbfile.Check(e.path, opts.Create); err != nil {
		return err
	}
	if err := dbfile.CheckName(e.path); err != nil {
		return err
	}
	if !opts.Exclusive {
		return dbfile.CheckServer(e.path)
	}
	e.lock, err = dbfile.Lock(ctx, e.path)
	return err
}

// setUp brings the file up to date, if it may.
func (e *sqliteEngine) setUp(ctx context.Context, create, log bool) error {
	if err := e.checkOurs(ctx); err != nil {
		return err
	}
	if log {
		if err := e.setWAL(ctx); err != nil {
			return err
		}
	}
	if err := e.migrations().Up(ctx, create); err != nil {
		return err
	}
	if !create { // a command that only reads need not wait for a write
		return nil
	}
	// A locked file is found at the start, and not with the first write.
	_, err := e.writes.ExecContext(ctx, "begin immediate; rollback")
	return e.translate(err)
}

func openPool(dsn string, size int) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// source is the name of the database for the driver. The path may hold any
// character.
func (e *sqliteEngine) source(params url.Values) string {
	if e.shared != "" {
		params.Set("vfs", "memdb")
		return "file:" + e.shared + "?" + params.Encode()
	}
	params.Set("mode", "rw")
	escaped := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(filepath.ToSlash(e.path))
	if strings.HasPrefix(escaped, "//") {
		escaped = "//" + escaped // or what follows would be taken for a host
	}
	return "file:" + escaped + "?" + params.Encode()
}

// checkOurs refuses an SQLite file of another program, or of a build before this
// structure. One that has no more than goose's own table is ours: a process that
// ended, or is still busy, before its first migration.
func (e *sqliteEngine) checkOurs(ctx context.Context) error {
	const query = `
		select (select application_id from pragma_application_id),
			(select count(*) from sqlite_schema where tbl_name not in ('goose_db_version', 'sqlite_sequence')),
			(select count(*) from sqlite_schema where name = 'meta')`
	var application, objects, current int
	err := e.writes.QueryRowContext(ctx, query).Scan(&application, &objects, &current)
	if code, ok := sqliteCode(err); ok && code == sqlite3.SQLITE_NOTADB {
		return dbfile.NotADatabase(err, e.path) // later it would be one that was damaged
	}
	switch {
	case err != nil:
		return e.translate(err)
	case objects > 0 && application != ApplicationID:
		return errs.Invalidf("The database file %s belongs to another program, and was left as it is. Name another file with --database FILE.", e.path)
	case objects > 0 && current == 0:
		return OfEarlierBuild("database file " + e.path)
	}
	return nil
}

// OfEarlierBuild answers for a database of a build that had another structure.
func OfEarlierBuild(what string) error {
	return errs.Conflictf("database_too_old",
		"The %s was made by an earlier build, whose structure this program does not read; it was left as it is. Export with the build that made it (`personae export`), and import the export into a new database (`personae import`).", what)
}

// setWAL is no part of the DSN, as it writes: checkOurs has to come first.
func (e *sqliteEngine) setWAL(ctx context.Context) error {
	const query = `pragma journal_mode = wal`
	var got string
	if err := e.writes.QueryRowContext(ctx, query).Scan(&got); err != nil {
		return e.translate(err)
	}
	if got != "wal" {
		return errs.Unavailablef(nil, "The database file %s is on a file system without shared memory (its journal mode stays %q), which Personae needs. Put it on a local disk.", e.path, got)
	}
	return nil
}

func (e *sqliteEngine) migrations() migrations.Database {
	return migrations.Database{
		DB: e.writes, Name: e.path, Folder: "sqlite", Dialect: goose.DialectSQLite3, Translate: e.translate,
		HasVersions: `select count(*) from sqlite_schema where name = 'goose_db_version'`,
	}
}

// sqliteSteps tells which steps the file at path has. It must exist, and is not
// changed.
func sqliteSteps(ctx context.Context, path string) (_ []migrations.Step, err error) {
	if err := dbfile.Check(path, false); err != nil {
		return nil, err
	}
	e := &sqliteEngine{path: path}
	if e.writes, err = openPool(e.source(url.Values{"_query_only": {"1"}}), 1); err != nil {
		return nil, e.translate(err)
	}
	defer func() { err = errors.Join(err, e.writes.Close()) }()
	if err := e.checkOurs(ctx); err != nil {
		return nil, err
	}
	return e.migrations().Steps(ctx)
}

// NewestVersion is that of a file with every migration.
func NewestVersion() (version int64, err error) {
	db, err := sql.Open("sqlite", "") // is never asked anything
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return (&sqliteEngine{writes: db}).migrations().Newest()
}

// acquire takes a connection that reads.
func (e *sqliteEngine) acquire(ctx context.Context) (*session, error) {
	select {
	case s := <-e.readers:
		if s != nil {
			return s, nil
		}
		s, err := newSession(ctx, e.reads)
		if err != nil {
			e.readers <- nil
		}
		return s, e.translate(err)
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-e.done:
		return nil, errClosed
	}
}

// connect implements engine.
func (e *sqliteEngine) connect(ctx context.Context) (runner, func(), error) {
	s, err := e.acquire(ctx)
	if err != nil {
		return nil, nil, err
	}
	return s, func() { e.readers <- s }, nil
}

// snapshot implements engine.
func (e *sqliteEngine) snapshot(ctx context.Context, fn func(runner) error) error {
	s, err := e.acquire(ctx)
	if err != nil {
		return err
	}
	// Not under the request's context: the driver may report its end although the
	// transaction has begun, and no reader may go back inside of one.
	if _, err := s.ExecContext(context.WithoutCancel(ctx), "begin"); err != nil {
		s.discard()
		e.readers <- nil
		return e.translate(err)
	}
	defer func() {
		if _, err := s.ExecContext(context.WithoutCancel(ctx), "rollback"); err != nil {
			s.discard()
			s = nil
		}
		e.readers <- s
	}()
	return fn(s)
}

// write implements engine.
func (e *sqliteEngine) write(ctx context.Context, long bool, fn func(context.Context, *tx) error) error {
	return e.writer.do(ctx, long, fn)
}

// ping implements engine.
func (e *sqliteEngine) ping(context.Context) error { return e.files.check() }

// pingWrite implements engine.
func (e *sqliteEngine) pingWrite(ctx context.Context) error { return e.writer.ping(ctx) }

// close implements engine.
func (e *sqliteEngine) close() error {
	e.closing.Do(func() {
		e.writer.close()
		close(e.done)
		for range cap(e.readers) { // also those in use
			if s := <-e.readers; s != nil {
				_ = s.Close()
			}
		}
		_ = e.anchor.Close()
		e.closed = errors.Join(e.reads.Close(), e.writes.Close())
		if e.lock != nil {
			e.closed = errors.Join(e.closed, e.lock.Unlock())
		}
	})
	return e.closed
}
