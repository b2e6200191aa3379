package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	"modernc.org/sqlite" // also registers the driver
	sqlite3 "modernc.org/sqlite/lib"

	"personae.dev/internal/persona"
)

const (
	// busyTimeout is how long a write waits for another process's write.
	busyTimeout = 5 * time.Second
	// maxReaders is how many reads run at once; more wait their turn.
	maxReaders = 8
	// applicationID marks our files, see the first migration.
	applicationID = 0x50455253
	// checkLockEvery is the pause between two tries for the server lock, and
	// waitForLock how long a server that starts while another stops goes on
	// trying.
	checkLockEvery = 100 * time.Millisecond
	waitForLock    = 2 * time.Second
)

func openSQLite(ctx context.Context, path string, opts Options) (_ *Store, err error) {
	s := &Store{name: path, prepared: map[string]*sql.Stmt{}}
	s.queries = queries{prepare: s.prepareForRead, translate: s.translateSQLite, observe: opts.Observe}
	if err := checkFile(path, opts.Create); err != nil {
		return nil, err
	}
	if err := checkPermission(path); err != nil {
		return nil, err
	}
	if opts.Exclusive {
		if s.lock, err = lockServer(ctx, path); err != nil {
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
	if err := s.checkWritable(ctx); err != nil {
		return nil, err
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

// checkFile finds in advance what SQLite would only call "unable to open".
func checkFile(path string, create bool) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !create:
		return persona.NotFoundf("database_not_found",
			"The database file %s does not exist. Name the right one with --database sqlite:PATH, or make it with `personae migrate` or `personae serve`.", path)
	case errors.Is(err, fs.ErrNotExist):
		folder := filepath.Dir(path)
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			return persona.NotFoundf("database_not_found",
				"The folder %s for the database file %s does not exist. Make it, or name another one with --database sqlite:PATH.", folder, filepath.Base(path))
		}
		return makeFile(path)
	case err != nil:
		return persona.UnavailableError(err, "The database file %s cannot be looked at. Check who may read its folder.", path)
	case info.IsDir():
		return persona.Invalidf("The database %s is a folder: name a file in it with --database sqlite:PATH.", path)
	case info.Size() == 0 && !create:
		return persona.Invalidf("The database file %s is empty. Set it up with `personae migrate` or `personae serve`.", path)
	case info.Size() > 0:
		return checkHeader(path)
	}
	return nil
}

// makeFile makes an empty file that its owner alone can read; SQLite gives its
// journals the same rights.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return persona.UnavailableError(err, "The database file %s cannot be made. Make its folder writable for this user, or name another file with --database sqlite:PATH.", path)
	}
	return f.Close()
}

// checkPermission finds a file that may only be read before SQLite does: that
// would open it all the same, and leave a log beside it that nobody can write.
func checkPermission(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return persona.UnavailableError(err, "The database file %s is read-only. Make the file and its folder writable for this user, and try again.", path)
	}
	return f.Close()
}

// checkHeader refuses what is not an SQLite file before SQLite makes a journal
// beside it.
func checkHeader(path string) error {
	const magic = "SQLite format 3\x00"
	f, err := os.Open(path)
	if err != nil {
		return persona.UnavailableError(err, "The database file %s cannot be read by this user. Check its permissions.", path)
	}
	defer f.Close()
	var header [len(magic)]byte
	if _, err := io.ReadFull(f, header[:]); err != nil || string(header[:]) != magic {
		return notADatabase(err, path)
	}
	return nil
}

func notADatabase(err error, path string) error {
	return &persona.Error{
		Kind: persona.Invalid, Code: "not_a_database", Err: err,
		Message: fmt.Sprintf("The file %s is not an SQLite database, and was left as it is. Name another file with --database sqlite:PATH.", path),
	}
}

// lockServer takes the lock that one server at a time holds, in a file beside
// the database. Commands such as import do not take it.
func lockServer(ctx context.Context, path string) (*flock.Flock, error) {
	lock := flock.New(path + ".lock")
	ctx, cancel := context.WithTimeout(ctx, waitForLock)
	defer cancel()
	locked, err := lock.TryLockContext(ctx, checkLockEvery)
	switch {
	case locked:
		return lock, nil
	case err == nil, errors.Is(err, context.DeadlineExceeded):
		return nil, persona.UnavailableError(nil,
			"The database file %s is in use by another server, and one server at a time may have it. Stop that one, or name another file with --database sqlite:PATH.", path)
	default:
		return nil, persona.UnavailableError(err,
			"The lock file %s.lock cannot be made. Make the folder writable for this user, or name another database with --database sqlite:PATH.", path)
	}
}

// checkOurs refuses an SQLite file of another program. One that has no more
// than goose's own table is ours: a process that ended, or is still busy,
// before its first migration.
func (s *Store) checkOurs(ctx context.Context) error {
	const query = `select (select application_id from pragma_application_id), (select count(*) from sqlite_schema where tbl_name not in ('goose_db_version', 'sqlite_sequence'))`
	var application, objects int
	if err := s.writer.QueryRowContext(ctx, query).Scan(&application, &objects); err != nil {
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
	if err := checkFile(path, false); err != nil {
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
	case sqlite3.SQLITE_NOTADB:
		return notADatabase(err, s.name)
	case sqlite3.SQLITE_CORRUPT:
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
