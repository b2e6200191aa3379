package backup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"personae.dev/internal/errs"
	"personae.dev/internal/store/dbfile"
)

// Restored is what Restore did.
type Restored struct {
	Contents
	// Aside is where the replaced database is now, "" where there was none.
	Aside string
	// Logs is where the logs are now that nobody could empty into their database:
	// it was damaged, or gone. They may hold what was written last.
	Logs []string
}

// Restore puts a backup in the place of a database that no server has open. Who
// looks meanwhile, or after a crash, finds the old one or the new one.
func Restore(ctx context.Context, file, database string, opts Options) (_ *Restored, err error) {
	path, err := sqlitePath(database)
	if err != nil {
		return nil, err
	}
	if file == "-" {
		return nil, errs.BadSettingf("A backup cannot come from stdin: it is read whole before anything is changed. Name a file.")
	}
	if err := checkTarget(path, file, opts.Force); err != nil {
		return nil, err
	}
	lock, err := dbfile.Lock(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	path = followed(path)
	replaces, err := mayReplace(path, opts.Force) // again: a server may have been there meanwhile
	if err != nil {
		return nil, err
	}

	// What is verified is the copy, so that nobody can change it any more.
	temporary, err := makeTemporary(path)
	if err != nil {
		return nil, err
	}
	defer removeUnlessRenamed(temporary, &err)
	if err := checkWhole(file); err != nil {
		return nil, err
	}
	if err := copyFile(ctx, file, temporary, opts.Progress); err != nil {
		return nil, err
	}
	contents, err := verify(ctx, temporary, file)
	if err != nil {
		return nil, err
	}
	done := &Restored{Contents: *contents}
	aside := path + dbfile.Kept + time.Now().UTC().Format("20060102T150405.000Z")
	if replaces {
		release, err := seize(ctx, path)
		if err != nil {
			return nil, err
		}
		defer release()
		// A second name, so that there is no moment without a database.
		if err := os.Link(path, aside); err != nil {
			return nil, errs.Unavailablef(nil, "The database %s cannot be kept aside as %s: %s. Nothing was changed.", path, aside, reason(err))
		}
		done.Aside = aside
	}
	if done.Logs, err = keepLogs(path, aside); err != nil {
		return nil, err
	}
	if err := syncFolder(path); err != nil {
		return nil, err
	}
	if err := os.Rename(temporary, path); err != nil {
		return nil, diskError(err, path)
	}
	return done, syncFolder(path)
}

// checkTarget looks at the place for a database, and makes an empty file where
// there is none, for the lock.
func checkTarget(path, file string, force bool) error {
	if info, err := os.Stat(file); err == nil && isOf(path, info) {
		return errs.BadSettingf("%s belongs to the database itself: name a backup.", file)
	}
	if _, err := os.Stat(file); err != nil { // before a database is made
		return errs.NotFoundf("backup_not_found", "The backup %s cannot be found: %s.", file, reason(err))
	}
	if _, err := mayReplace(path, force); err != nil {
		return err
	}
	if _, err := os.Stat(path); err == nil {
		return dbfile.CheckAccess(path)
	}
	if folder, err := os.Stat(filepath.Dir(path)); err != nil || !folder.IsDir() {
		return dbfile.Check(path, true) // which says so
	}
	return dbfile.Make(path)
}

// mayReplace tells whether there is something to replace, which takes force.
func mayReplace(path string, force bool) (replaces bool, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return false, diskError(err, path)
	case info.Size() == 0 && info.Mode().IsRegular():
		return false, nil
	case info.IsDir():
		return false, errs.BadSettingf("The database %s is a folder: name a file in it with --database FILE.", path)
	case !info.Mode().IsRegular():
		return false, errs.BadSettingf("The database %s is a device or a pipe: name a file with --database FILE.", path)
	case !force:
		return false, errs.Conflictf("database_exists", "There is a database in %s. Name another one, or replace it with --force: it is kept beside the new one.", path)
	}
	return true, nil
}

// checkWhole finds what is no backup before it is copied.
func checkWhole(file string) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return errs.NotFoundf("backup_not_found", "The backup %s cannot be found: %s.", file, reason(err))
	case !info.Mode().IsRegular():
		return errs.Invalidf("The backup %s is no file.", file)
	case info.Size() == 0:
		return errs.Invalidf("The backup %s is empty.", file)
	}
	if err := dbfile.Check(file, false); err != nil {
		return notABackup(err, file)
	}
	for _, suffix := range []string{"-wal", "-journal"} {
		if log, err := os.Stat(file + suffix); err == nil && log.Size() > 0 {
			return errs.Invalidf("The file %s is not whole: what was written last stands in %s%s. Take a copy with `personae backup`.", file, file, suffix)
		}
	}
	return nil
}

func copyFile(ctx context.Context, from, to string, progress func(done, total int64)) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return errs.Unavailablef(nil, "The backup %s cannot be read: %s.", from, reason(err))
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return fmt.Errorf("backup: stat: %w", err)
	}
	target, err := os.OpenFile(to, os.O_WRONLY, 0)
	if err != nil {
		return diskError(err, to)
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if _, err := io.Copy(target, &counted{ctx: ctx, r: source, total: info.Size(), progress: progress}); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errs.Unavailablef(nil, "The backup %s cannot be copied beside the database: %s. Nothing was changed.", from, reason(err))
	}
	if err := target.Sync(); err != nil {
		return diskError(err, to)
	}
	return nil
}

// counted tells how much was read, and ends with its context.
type counted struct {
	ctx         context.Context //nolint:containedctx // io.Reader has no other way
	r           io.Reader
	done, total int64
	progress    func(done, total int64)
}

// Read implements io.Reader.
func (c *counted) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(b)
	c.done += int64(n)
	if c.progress != nil {
		c.progress(c.done, c.total)
	}
	return n, err
}

// keepLogs gives the logs of a database that is damaged, or gone, names that
// begin with aside: only such a one still has any here. Beside the new file they
// would be taken for its own.
func keepLogs(path, aside string) (kept []string, err error) {
	for _, suffix := range []string{"-wal", "-journal"} {
		info, err := os.Stat(path + suffix)
		switch {
		case err != nil:
			continue
		case info.Size() == 0:
			err = os.Remove(path + suffix)
		default:
			kept = append(kept, aside+suffix)
			err = os.Rename(path+suffix, aside+suffix)
		}
		if err != nil {
			return nil, diskError(err, path+suffix)
		}
	}
	if err := os.Remove(path + "-shm"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, diskError(err, path+"-shm")
	}
	return kept, nil
}

// seize empties the log of a database into its file, and keeps everybody else
// out until release. A database that is damaged is left as it is.
func seize(ctx context.Context, path string) (release func(), err error) {
	db, err := sql.Open("sqlite", uri(path, "mode", "rw"))
	if err != nil {
		return nil, fmt.Errorf("backup: open: %w", err)
	}
	db.SetMaxOpenConns(1)
	release = func() { _ = db.Close() } // it was only to be read
	if err = setRollbackMode(ctx, db); err == nil {
		_, err = db.ExecContext(ctx, `begin exclusive`)
	}
	switch primary(err) {
	case 0:
		if err == nil {
			return release, nil
		}
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return release, nil
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN: // it may be whole, on a disk that is not
		err = errs.Unavailablef(err, "The database file %s, or its log, cannot be read or written. See to its disk and its permissions, or move it away with its -wal, and try again; nothing was changed.", path)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		err = errs.Unavailablef(err, "The database file %s is open in another program. Stop that, and try again; nothing was changed.", path)
	}
	release()
	return nil, err
}
