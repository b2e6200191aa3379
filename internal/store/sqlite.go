package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"modernc.org/sqlite" // also registers the driver
	sqlite3 "modernc.org/sqlite/lib"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/dbfile"
)

const (
	// busyTimeout is how long a write waits for another process's write.
	busyTimeout = 5 * time.Second
	// maxReaders is how many reads run at once; more wait their turn.
	maxReaders = 8
	// applicationID marks our files, see the first migration.
	applicationID = 0x50455253
)

func openSQLite(ctx context.Context, path string, opts Options) (_ *Store, err error) {
	s := &Store{name: path, prepared: map[string]*sql.Stmt{}}
	s.queries = queries{prepare: s.prepareForRead, translate: s.translateSQLite, observe: opts.Observe}
	if err := dbfile.Check(path, opts.Create); err != nil {
		return nil, err
	}
	if err := dbfile.CheckPermission(path); err != nil {
		return nil, err
	}
	if opts.Exclusive {
		if s.lock, err = dbfile.Lock(ctx, path); err != nil {
			return nil, err
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, s.lock.Unlock())
			}
		}()
	}

	connections, err := newCounter(dsn(path, url.Values{
		"mode":          {mode(opts.Create)},
		"_busy_timeout": {milliseconds(busyTimeout)},
		"_synchronous":  {"FULL"},
		"_foreign_keys": {"1"},
		"_txlock":       {"immediate"},
	}))
	if err != nil {
		return nil, s.translate(err)
	}
	s.writer = sql.OpenDB(connections)
	s.writer.SetMaxOpenConns(1)
	s.writer.SetMaxIdleConns(1)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.writer.Close())
		}
	}()
	if err := s.checkOurs(ctx); err != nil {
		return nil, err
	}
	if err := s.setWAL(ctx); err != nil {
		return nil, err
	}
	if err := s.migrate(ctx, opts.Create); err != nil {
		return nil, err
	}
	if opts.Create { // a command that only reads need not wait for a write
		if err := s.checkWritable(ctx); err != nil {
			return nil, err
		}
	}

	s.readers, err = sql.Open("sqlite", dsn(path, url.Values{
		"mode":          {"rw"},
		"_busy_timeout": {milliseconds(busyTimeout)},
		"_query_only":   {"1"},
	}))
	if err != nil {
		return nil, s.translate(err)
	}
	s.readers.SetMaxOpenConns(maxReaders)
	s.readers.SetMaxIdleConns(maxReaders)
	if s.watch, err = newWatch(ctx, s.writer, &connections.made); err != nil {
		return nil, errors.Join(s.translate(err), s.readers.Close())
	}
	return s, nil
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
func (s *Store) checkOurs(ctx context.Context) error {
	const query = `select (select application_id from pragma_application_id), (select count(*) from sqlite_schema where tbl_name not in ('goose_db_version', 'sqlite_sequence'))`
	var application, objects int
	err := s.writer.QueryRowContext(ctx, query).Scan(&application, &objects)
	if driverErr, ok := errors.AsType[*sqlite.Error](err); ok && driverErr.Code() == sqlite3.SQLITE_NOTADB {
		return dbfile.NotADatabase(err, s.name) // later it would be one that was damaged
	}
	if err != nil {
		return s.translate(err)
	}
	if objects > 0 && application != applicationID {
		return persona.Invalidf("The database file %s belongs to another program, and was left as it is. Name another file with --database sqlite:PATH.", s.name)
	}
	return nil
}

// setWAL is no part of the DSN, as it writes: checkOurs has to come first.
func (s *Store) setWAL(ctx context.Context) error {
	const query = `pragma journal_mode = wal`
	var got string
	if err := s.writer.QueryRowContext(ctx, query).Scan(&got); err != nil {
		return s.translate(err)
	}
	if got != "wal" {
		return persona.UnavailableError(nil, "The database file %s is on a file system without shared memory (its journal mode stays %q), which Personae needs. Put it on a local disk.", s.name, got)
	}
	return nil
}

// checkWritable finds a locked file at the start, and not with the first write.
func (s *Store) checkWritable(ctx context.Context) error {
	sqlTx, err := s.writer.BeginTx(ctx, nil) // immediate, see the DSN
	if err != nil {
		return s.translate(err)
	}
	return s.translate(sqlTx.Rollback())
}

// openForStatus opens a database that must exist, and changes nothing.
func openForStatus(ctx context.Context, databaseURL string) (_ *Store, err error) {
	path, err := parseURL(databaseURL)
	if err != nil {
		return nil, err
	}
	if err := dbfile.Check(path, false); err != nil {
		return nil, err
	}
	s := &Store{name: path}
	s.translate = s.translateSQLite
	s.writer, err = sql.Open("sqlite", dsn(path, url.Values{"mode": {"rw"}, "_query_only": {"1"}}))
	if err != nil {
		return nil, s.translate(err)
	}
	if err := s.checkOurs(ctx); err != nil {
		return nil, errors.Join(err, s.writer.Close())
	}
	return s, nil
}

// translateSQLite makes domain errors of the driver's, with the file and the
// way out; others stay as they are.
func (s *Store) translateSQLite(err error) error {
	driverErr, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	unavailable := func(format string) error { return persona.UnavailableError(err, format, s.name) }
	const primary = 0xff // the rest of the code is detail
	switch driverErr.Code() & primary {
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
	case sqlite3.SQLITE_IOERR:
		return unavailable("The disk that holds the database file %s did not work. Nothing of this change was kept; check the disk and its free space, and try again.")
	}
	return err
}

// isTaken tells whether err says that a primary key or a unique value is in
// use.
func isTaken(err error) bool {
	driverErr, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	code := driverErr.Code()
	return code == sqlite3.SQLITE_CONSTRAINT_UNIQUE || code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
}
