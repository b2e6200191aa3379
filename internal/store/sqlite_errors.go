package store

import (
	"errors"
	"fmt"

	sqlite3 "modernc.org/sqlite/lib"

	"personae.dev/internal/errs"
)

// translate makes errors of package errs of the driver's, with the file and what
// to do; others stay as they are.
func (e *sqliteEngine) translate(err error) error {
	code, ok := sqliteCode(err)
	if !ok {
		return err
	}
	unavailable := func(format string) error { return errs.Unavailablef(err, format, e.path) }
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
			return errs.Conflictf("already_exists", "Something of what was to be added to the database file %s is there already.", e.path)
		case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
			return noOwner(err)
		}
	case sqlite3.SQLITE_IOERR:
		if code == sqlite3.SQLITE_IOERR_FSYNC {
			return &errs.Error{Kind: errs.Unavailable, Code: errs.CodeOutcomeUnknown, Err: err, Message: fmt.Sprintf(
				"The disk that holds the database file %s did not confirm that the change was kept. Check the disk, and see what is there before you make the change again.", e.path)}
		}
		return unavailable("The disk that holds the database file %s did not work. Nothing of this change was kept; check the disk and its free space, and try again.")
	}
	return err
}

// noOwner answers for what belongs to a workspace, an organization or a user that
// is not there.
func noOwner(err error) error {
	return &errs.Error{
		Kind: errs.NotFound, Code: "owner_not_found", Err: err,
		Message: "The workspace, the organization or the user that this belongs to does not exist.",
	}
}

// sqliteCode returns SQLite's code for an error of it.
func sqliteCode(err error) (code int, ok bool) {
	if f, ok := errors.AsType[interface {
		error
		Code() int
	}](err); ok {
		return f.Code(), true
	}
	return 0, false
}
