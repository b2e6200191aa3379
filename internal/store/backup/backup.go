// Package backup copies an SQLite database that is in use into one file, and
// puts such a file in the place of a database. Each copy is read whole before it
// gets its name, and removed where it is not right.
package backup

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite" // also registers the driver
	sqlite3 "modernc.org/sqlite/lib"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/store"
	"personae.dev/internal/store/dbfile"
)

const (
	// stepPages is how many pages are copied between two looks at whether to go
	// on: 8 MiB, some milliseconds.
	stepPages = 1024
	// busyTimeout is how long to wait for a lock of another process.
	busyTimeout = 5 * time.Second
)

// Options say how to copy.
type Options struct {
	// Force replaces a file or a database that is there.
	Force bool
	// Progress, if set, is told how many bytes of how many are done.
	Progress func(done, total int64)
}

// Contents is what a database holds.
type Contents struct {
	Version int64
	// Rows has the number of rows of every table.
	Rows map[string]int64
	// Bytes is the size of the file.
	Bytes int64
	// Damaged names entities whose bytes are not what was written. A backup has
	// them as they are.
	Damaged []string
}

// Save copies the database of a URL into a file, while others read and write
// it. The copy holds everything that was committed before Save began.
func Save(ctx context.Context, database, file string, opts Options) (_ *Contents, err error) {
	path, err := sqlitePath(database)
	if err != nil {
		return nil, err
	}
	if err := dbfile.Check(path, false); err != nil {
		return nil, err
	}
	target, err := backupTarget(path, file, opts.Force)
	if err != nil {
		return nil, err
	}
	temporary, err := makeTemporary(target)
	if err != nil {
		return nil, err
	}
	defer removeUnlessRenamed(temporary, &err)
	contents, err := copyDatabase(ctx, path, temporary, opts.Progress)
	if err != nil {
		return nil, err
	}
	if err := syncFile(temporary); err != nil {
		return nil, diskError(err, file)
	}
	found, err := verify(ctx, temporary, file)
	if err != nil {
		return nil, err
	}
	if found.Version != contents.Version || !maps.Equal(found.Rows, contents.Rows) {
		return nil, damaged(fmt.Errorf("the database has version %d and rows %v, the copy %d and %v", contents.Version, contents.Rows, found.Version, found.Rows), file)
	}
	if err := os.Rename(temporary, target); err != nil {
		return nil, diskError(err, file)
	}
	return found, syncFolder(target)
}

// sqlitePath returns the file of a database.
func sqlitePath(database string) (string, error) {
	path, err := store.Path(database)
	if err != nil {
		return "", errs.BadSettingf("Backup and restore are for a database that is a file: write its name. PostgreSQL has pg_dump and pg_restore, see docs/operations.md.")
	}
	return path, nil
}

// backupTarget returns where a backup goes: where a link leads, the file is,
// and the link stays.
func backupTarget(path, file string, force bool) (string, error) {
	if file == "-" {
		return "", errs.BadSettingf("A backup cannot go to stdout: it is read again, and only then gets its name. Name a file, and send that.")
	}
	target := followed(file)
	info, err := os.Stat(target)
	if err == nil {
		switch {
		case info.IsDir():
			return "", errs.BadSettingf("%s is a folder: name a file in it.", file)
		case !info.Mode().IsRegular():
			return "", errs.BadSettingf("%s is a device or a pipe: name a file.", file)
		case isOf(path, info):
			return "", errs.BadSettingf("%s belongs to the database itself: name another file.", file)
		case !force:
			return "", errs.Conflictf("file_exists", "The file %s exists. Name another one, or replace it with --force.", file)
		}
	}
	return target, nil
}

// isOf tells whether a file is the database's, or one that stands beside it.
func isOf(path string, info os.FileInfo) bool {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal", ".lock"} {
		if other, err := os.Stat(followed(path) + suffix); err == nil && os.SameFile(info, other) {
			return true
		}
	}
	return false
}

// copyDatabase copies from one read transaction: that holds up nobody, and
// others' commits do not make the copy begin anew.
func copyDatabase(ctx context.Context, path, to string, progress func(done, total int64)) (contents *Contents, err error) {
	db, err := sql.Open("sqlite", uri(path, "mode", "rw", "_query_only", "1"))
	if err != nil {
		return nil, fmt.Errorf("backup: open: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, sourceError(err, path)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, `begin`); err != nil {
		return nil, sourceError(err, path)
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), `rollback`) }()
	contents, err = read(ctx, conn, path)
	switch {
	case primary(err) == sqlite3.SQLITE_NOTADB:
		return nil, dbfile.NotADatabase(err, path)
	case err != nil:
		return nil, err
	}
	err = conn.Raw(func(driver any) error { return copyPages(ctx, driver, to, progress) })
	if err != nil {
		return nil, copyError(err, path, to)
	}
	return contents, makeWhole(ctx, to)
}

func copyPages(ctx context.Context, source any, to string, progress func(done, total int64)) error {
	// What a crash leaves of the copy is thrown away, so that it needs neither
	// journal nor sync.
	backup, err := source.(interface {
		NewBackup(uri string) (*sqlite.Backup, error)
	}).NewBackup(uri(to, "mode", "rw", "_journal_mode", "OFF", "_synchronous", "OFF"))
	if err != nil {
		return err
	}
	for more := true; more; {
		if more, err = backup.Step(stepPages); err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return errors.Join(err, backup.Finish())
		}
		if progress != nil {
			const pageSize = store.PageSize // an older file may have others, which a bar can bear
			total := int64(backup.PageCount()) * pageSize
			progress(total-int64(backup.Remaining())*pageSize, total)
		}
	}
	return backup.Finish()
}

// makeWhole takes the mark from a copy by which readers would look for a
// write-ahead log beside it.
func makeWhole(ctx context.Context, file string) (err error) {
	db, err := sql.Open("sqlite", uri(file, "mode", "rw", "_pragma", "locking_mode(exclusive)"))
	if err != nil {
		return fmt.Errorf("backup: open the copy: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return setRollbackMode(ctx, db)
}

// rower is what *sql.DB, *sql.Conn and *sql.Tx can all do.
type rower interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// setRollbackMode ends the write-ahead log of a database and empties it into
// the file. It is an error while anybody else has the database open.
func setRollbackMode(ctx context.Context, db rower) error {
	var mode string
	if err := db.QueryRowContext(ctx, `pragma journal_mode = delete`).Scan(&mode); err != nil {
		return err
	}
	if mode != "delete" {
		return fmt.Errorf("backup: the journal mode stays %s", mode)
	}
	return nil
}

// verify reads a file whole that is one database, and changes nothing. Messages
// call it name.
func verify(ctx context.Context, file, name string) (_ *Contents, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, diskError(err, name)
	}
	// Immutable: without locks and without a log, so that nothing is left
	// beside it and a folder that is read-only will do.
	db, err := sql.Open("sqlite", uri(file, "mode", "ro", "immutable", "1"))
	if err != nil {
		return nil, fmt.Errorf("backup: open: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	contents, err := read(ctx, db, name)
	if err != nil {
		return nil, fileError(err, name)
	}
	for _, check := range []string{`pragma integrity_check(3)`, `select "table" || ' has a row without its parent' from pragma_foreign_key_check limit 3`} {
		faults, err := column(ctx, db, check)
		if err != nil {
			return nil, fileError(err, name)
		}
		if text := strings.Join(faults, "; "); text != "" && text != "ok" {
			return nil, damaged(errors.New(text), name)
		}
	}
	contents.Bytes = info.Size()
	contents.Damaged, err = findDamaged(ctx, db)
	return contents, err
}

// findDamaged compares the documents of all entities with their tags.
func findDamaged(ctx context.Context, db rower) (names []string, err error) {
	const query = `select workspace || ' ' || kind || ' ' || o_id, tag, document, hidden from entities order by id`
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			name                  string
			tag, document, hidden sql.RawBytes
		)
		if err := rows.Scan(&name, &tag, &document, &hidden); err != nil {
			return nil, err
		}
		if want := entity.TagOf(document, hidden); !bytes.Equal(tag, want[:]) {
			names = append(names, name)
		}
	}
	return names, rows.Err()
}

// read returns what a database holds, if it is one of ours and not too new.
func read(ctx context.Context, db rower, name string) (*Contents, error) {
	const (
		marks = `
			select (select application_id from pragma_application_id),
				(select count(*) from sqlite_schema where name = 'goose_db_version'), (select count(*) from sqlite_schema where name = 'meta')`
		latest = `select coalesce(max(version_id), 0) from goose_db_version`
		tables = `select name from pragma_table_list where schema = 'main' and type = 'table' and name not like 'sqlite_%'`
	)
	var application, versions, current int
	if err := db.QueryRowContext(ctx, marks).Scan(&application, &versions, &current); err != nil {
		return nil, err
	}
	if application != store.ApplicationID || versions == 0 {
		return nil, errs.Invalidf("The file %s is not a database of Personae.", name)
	}
	if current == 0 {
		return nil, store.OfEarlierBuild("file " + name)
	}
	contents := &Contents{Rows: map[string]int64{}}
	if err := db.QueryRowContext(ctx, latest).Scan(&contents.Version); err != nil {
		return nil, err
	}
	known, err := store.NewestVersion()
	if err != nil {
		return nil, err
	}
	if contents.Version > known {
		return nil, errs.Conflictf("database_too_new",
			"The database %s has version %d, and this program knows versions up to %d. Use the program that wrote it, or a newer one; nothing was changed.", name, contents.Version, known)
	}
	names, err := column(ctx, db, tables)
	if err != nil {
		return nil, err
	}
	for _, table := range names {
		var rows int64
		if err := db.QueryRowContext(ctx, `select count(*) from "`+strings.ReplaceAll(table, `"`, `""`)+`"`).Scan(&rows); err != nil {
			return nil, err
		}
		contents.Rows[table] = rows
	}
	return contents, nil
}

// column reads the first column of a query.
func column(ctx context.Context, db rower, query string) (values []string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, rows.Err()
}

// uri names a file for the driver; params are pairs of name and value.
func uri(path string, params ...string) string {
	query := url.Values{"_busy_timeout": {strconv.FormatInt(busyTimeout.Milliseconds(), 10)}}
	for i := 0; i < len(params); i += 2 {
		query.Set(params[i], params[i+1])
	}
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	path = "/" + strings.TrimPrefix(filepath.ToSlash(path), "/") // Windows has a drive there
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
}

// primary returns the primary code of SQLite's error, 0 for another one.
func primary(err error) int {
	driverErr, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return 0
	}
	return driverErr.Code() & 0xff // the rest is detail
}

// sourceError tells what is wrong with the database that is copied.
func sourceError(err error, path string) error {
	switch primary(err) {
	case 0:
		return err
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return errs.Unavailablef(err, "The database file %s is damaged. Keep a copy of the file, and restore an older backup.", path)
	}
	return errs.Unavailablef(err, "The database file %s cannot be read.", path)
}

// copyError tells which of the two files failed.
func copyError(err error, path, to string) error {
	switch primary(err) {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return errs.Unavailablef(err, "The backup cannot be written into the folder %s: the disk is full, or does not work. Nothing is left of it; make room, or name another file.", filepath.Dir(to))
	}
	return sourceError(err, path)
}

// fileError tells what is wrong with a backup.
func fileError(err error, name string) error {
	switch primary(err) {
	case 0:
		return err
	case sqlite3.SQLITE_NOTADB:
		return notABackup(err, name)
	}
	return damaged(err, name)
}

func notABackup(err error, name string) error {
	return &errs.Error{
		Kind: errs.Invalid, Code: "not_a_database", Err: err,
		Message: fmt.Sprintf("The file %s is not an SQLite database, and no backup: name a file that `personae backup` made.", name),
	}
}

func damaged(err error, name string) error {
	return errs.Unavailablef(err, "The backup %s is damaged, and is not used. Take another one.", name)
}
