// Package dbfile looks at the place where a database file should be before a
// database engine does: an engine's messages say less, and it leaves journals
// beside what is none of its files. It knows no SQL.
package dbfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"personae.dev/internal/persona"
)

const (
	// checkLockEvery is the pause between two tries for the server lock, and
	// waitForLock how long a server that starts while another stops goes on
	// trying.
	checkLockEvery = 100 * time.Millisecond
	waitForLock    = 2 * time.Second
)

// Check finds in advance what SQLite would only call "unable to open".
func Check(path string, create bool) error {
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

// CheckPermission finds a file that may only be read before SQLite does: that
// would open it all the same, and leave a log beside it that nobody can write.
func CheckPermission(path string) error {
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
		return NotADatabase(err, path)
	}
	return nil
}

// NotADatabase answers for a file that is something else.
func NotADatabase(err error, path string) error {
	return &persona.Error{
		Kind: persona.Invalid, Code: "not_a_database", Err: err,
		Message: fmt.Sprintf("The file %s is not an SQLite database, and was left as it is. Name another file with --database sqlite:PATH.", path),
	}
}

// Lock takes the lock that one server at a time holds, in a file beside
// the database. Commands such as import do not take it.
func Lock(ctx context.Context, path string) (*flock.Flock, error) {
	// By its own name, whatever links lead to it.
	followed, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, persona.UnavailableError(err, "The database file %s cannot be found: follow its links.", path)
	}
	lock := flock.New(followed + ".lock")
	ctx, cancel := context.WithTimeout(ctx, waitForLock)
	defer cancel()
	locked, err := lock.TryLockContext(ctx, checkLockEvery)
	switch {
	case locked:
		return lock, nil
	case errors.Is(err, context.Canceled):
		return nil, err
	case err == nil, errors.Is(err, context.DeadlineExceeded):
		return nil, persona.UnavailableError(nil,
			"The database file %s is in use by another server, and one server at a time may have it. Stop that one, or name another file with --database sqlite:PATH.", path)
	default:
		return nil, persona.UnavailableError(err,
			"The lock file %s.lock cannot be made. Make the folder writable for this user, or name another database with --database sqlite:PATH.", path)
	}
}
