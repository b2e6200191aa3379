// Package dbfile checks the place where a database file is, or is to be made,
// before a database engine opens it, and holds the lock of a server. It knows no
// SQL.
//
// It never opens the database file itself: closing it again would drop the locks
// that an engine in the same process has on it.
package dbfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"personae.dev/internal/errs"
)

const (
	// checkLockEvery is the pause between two tries for the lock, and waitForLock
	// how long a server that starts while another one stops goes on trying.
	checkLockEvery = 100 * time.Millisecond
	waitForLock    = 2 * time.Second
	// smallest is how many bytes an SQLite file has at least, unless it is empty.
	smallest = 512
)

// Check says in plain words what an engine would call "unable to open". Where
// create is set and there is no file, it makes an empty one that its owner alone
// can read.
func Check(path string, create bool) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !create:
		return errs.NotFoundf("database_not_found",
			"The database file %s does not exist. Name the right one with --database FILE, or make it with `personae migrate` or `personae serve`.", path)
	case errors.Is(err, fs.ErrNotExist):
		folder := filepath.Dir(path)
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			return errs.NotFoundf("database_not_found",
				"The folder %s for the database file %s does not exist. Make it, or name another one with --database FILE.", folder, filepath.Base(path))
		}
		if err := checkOrphan(path, "-wal", "-journal"); err != nil {
			return err
		}
		return Make(path)
	case err != nil:
		return errs.Unavailablef(err, "The database file %s cannot be looked at. Check who may read its folder.", path)
	case info.IsDir():
		return errs.Invalidf("The database %s is a folder: name a file in it with --database FILE.", path)
	case info.Size() == 0 && !create:
		return errs.Invalidf("The database file %s is empty. Set it up with `personae migrate` or `personae serve`.", path)
	case info.Size() == 0:
		if err := checkOrphan(path, "-wal"); err != nil { // another process may have a journal, and be making it
			return err
		}
	case info.Size() < smallest:
		return NotADatabase(nil, path)
	}
	return CheckAccess(path)
}

// CheckName refuses a file that has other names than path: another process that
// opens it by one of them would keep another log.
func CheckName(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return errs.Unavailablef(err, "The database file %s cannot be looked at. Check who may read its folder.", path)
	}
	if n := links(info); n > 1+keptNames(path, info) {
		return errs.Invalidf("The database file %s has %d names (hard links), and each name would have a log of its own. Remove the other names, or copy the file.", path, n)
	}
	if isMount(path) {
		return errs.Invalidf("The database file %s is a mount of its own, and its log would be kept elsewhere than the file. Mount its folder, and not the file.", path)
	}
	return nil
}

// Kept is what the name of a database that a restore has replaced goes on with.
// A restore gives the old database that name first, and then the new one the
// name of the old: one that is killed in between leaves a file with both.
const Kept = ".replaced-"

// keptNames is how many such names a database file has. Nothing opens a file by
// them, so they need no log.
func keptNames(path string, info fs.FileInfo) (n uint64) {
	siblings, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return 0
	}
	for _, sibling := range siblings {
		if !strings.HasPrefix(sibling.Name(), filepath.Base(path)+Kept) {
			continue
		}
		if other, err := sibling.Info(); err == nil && os.SameFile(info, other) {
			n++
		}
	}
	return n
}

// checkOrphan refuses to make a database where the log of another one is: SQLite
// would write over it, and with it over what the log alone has.
func checkOrphan(path string, suffixes ...string) error {
	for _, suffix := range suffixes {
		log, err := os.Stat(path + suffix)
		if err != nil || log.Size() == 0 {
			continue
		}
		if info, err := os.Stat(path); err == nil && (info.Size() > 0 || suffix == "-journal") {
			return nil // another process is making it
		}
		return errs.Conflictf("database_log_found",
			"There is no database %s, but its log %s%s, which holds what was written last. Put the database file back in its place; or move the log away to make a new database.", path, path, suffix)
	}
	return nil
}

// Make makes an empty file that its owner alone can read; SQLite gives its logs
// the same permissions. One that is there stays.
func Make(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) { // another process was first
		return nil
	}
	if err != nil {
		return errs.Unavailablef(err, "The database file %s cannot be made. Make its folder writable for this user, or name another file with --database FILE.", path)
	}
	return f.Close()
}

// NotADatabase answers for a file that is something else.
func NotADatabase(err error, path string) error {
	return &errs.Error{
		Kind: errs.Invalid, Code: "not_a_database", Err: err,
		Message: fmt.Sprintf("The file %s is not an SQLite database, and was left as it is. Name another file with --database FILE.", path),
	}
}

// Lock takes the lock that one server at a time has, in a file beside the
// database, and writes into it which file it is for. Commands such as import do
// not take it.
func Lock(ctx context.Context, path string) (*flock.Flock, error) {
	name, err := lockName(path)
	if err != nil {
		return nil, err
	}
	lock := flock.New(name)
	ctx, cancel := context.WithTimeout(ctx, waitForLock)
	defer cancel()
	locked, err := lock.TryLockContext(ctx, checkLockEvery)
	switch {
	case locked:
		if err := os.WriteFile(name, []byte(identity(path)+"\n"), 0o600); err != nil {
			return nil, errors.Join(lockFailed(err, path), lock.Unlock())
		}
		return lock, nil
	case errors.Is(err, context.Canceled):
		return nil, err
	case err == nil, errors.Is(err, context.DeadlineExceeded):
		return nil, errs.Unavailablef(nil,
			"The database file %s is in use by another server, and one server at a time may have it. Stop that one, or name another file with --database FILE.", path)
	default:
		return nil, lockFailed(err, path)
	}
}

func lockFailed(err error, path string) error {
	return errs.Unavailablef(err, "The lock file %s.lock cannot be made. Make the folder writable for this user, or name another database with --database FILE.", path)
}

// CheckServer refuses a file that is not the one which a running server has open
// by this name: it was replaced under the server.
func CheckServer(path string) error {
	name, err := lockName(path)
	if err != nil {
		return err
	}
	written, err := os.ReadFile(name)
	if err != nil {
		return nil //nolint:nilerr // no server ever had it
	}
	if was := strings.TrimSpace(string(written)); was == "" || was == identity(path) {
		return nil
	}
	lock := flock.New(name)
	free, err := lock.TryRLock()
	if err != nil || free {
		return lock.Unlock()
	}
	return errs.Unavailablef(nil, "The database file %s was replaced while a server had it open. Stop the server first.", path)
}

// lockName is the name of the lock file, whatever links lead to the database.
func lockName(path string) (string, error) {
	followed, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", errs.Unavailablef(err, "The database file %s cannot be found: follow its links.", path)
	}
	return followed + ".lock", nil
}
