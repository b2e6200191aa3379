package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"personae.dev/internal/persona"
)

// Translate implements engine.Engine: it makes domain errors of the driver's,
// with the database and the way out; others stay as they are.
func (d *DB) Translate(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if _, known := errors.AsType[*persona.Error](err); known {
		return err
	}
	if told, ok := errors.AsType[*pgconn.PgError](err); ok {
		return d.translateTold(err, told.Code)
	}
	_, network := errors.AsType[net.Error](err)
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err):
		return d.unavailable(err, "The database %s did not answer in time, or all connections to it were in use. Try again, and look at its load.")
	case network, connecting, pgconn.SafeToRetry(err), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.Is(err, net.ErrClosed):
		return d.unavailable(err, "The database %s cannot be reached. See whether its server runs, and whether address, user and network are right.")
	}
	return err
}

// translateTold translates what the server says.
func (d *DB) translateTold(err error, code string) error {
	switch code {
	case "23505": // unique_violation
		return persona.Conflictf("already_exists", "Something of what was to be added to the database %s is there already.", d.name)
	case "3D000": // invalid_catalog_name
		return d.unavailable(err, "The database %s does not exist on its server. Make it with createdb, or name another one with --database.")
	case "42501", "25006": // insufficient_privilege, read_only_sql_transaction
		return d.unavailable(err, "The database %s may not be changed by this user, or is a read-only copy. Grant the user what is missing, or name the primary server.")
	case "25P03": // idle_in_transaction_session_timeout
		return d.unavailable(err, "The database %s gave a change up that did nothing for a minute. Nothing of it was kept; try again.")
	case "40001", "40P01", "55P03": // serialization_failure, deadlock_detected, lock_not_available
		return d.unavailable(err, "Another change stood in the way of this one in the database %s. Nothing of it was kept; try again.")
	case "53100": // disk_full
		return d.unavailable(err, "The disk of the database %s is full. Nothing of this change was kept; free some space and try again.")
	case "57014": // query_canceled
		return d.unavailable(err, "The database %s took longer than --database-statement-timeout. Try again, and look at its load.")
	}
	switch code[:2] {
	case "28": // invalid authorization
		return d.unavailable(err, "The database %s refuses the user or the password. Mend them in --database or PERSONAE_DATABASE.")
	case "08", "53", "57", "58", "XX":
		return d.unavailable(err, "The database %s does not work at the moment. Try again, and look at the log of its server.")
	}
	return err
}

func (d *DB) unavailable(err error, format string) error {
	return persona.UnavailableError(oneLine{err}, format, d.name)
}

// outcomeUnknown is the error for a commit of which nobody knows what came.
func (d *DB) outcomeUnknown(err error) error {
	return &persona.Error{
		Kind: persona.Unavailable, Code: persona.CodeOutcomeUnknown, Err: oneLine{err},
		Message: fmt.Sprintf("The database %s did not tell whether the change was kept. See what is there before you make it again.", d.name),
	}
}

// oneLine tells in one line what the driver tells in one for each address.
type oneLine struct{ error }

// Error implements error.
func (e oneLine) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }

// Unwrap returns what the driver said.
func (e oneLine) Unwrap() error { return e.error }
