package store

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

	"personae.dev/internal/errs"
)

// translate makes errors of package errs of the driver's, with the database and
// what to do; others stay as they are.
func (e *postgresEngine) translate(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if _, known := errors.AsType[*errs.Error](err); known {
		return err
	}
	if told, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.translateCode(err, told.Code)
	}
	_, network := errors.AsType[net.Error](err)
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err):
		return e.unavailable(err, "The database %s did not answer in time, or all connections to it were in use. Try again, and look at its load.")
	case network, connecting, pgconn.SafeToRetry(err), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.Is(err, net.ErrClosed):
		return e.unavailable(err, "The database %s cannot be reached. Check that its server runs, and that address, user and network are right.")
	}
	return err
}

// translateCode translates an error of the server.
func (e *postgresEngine) translateCode(err error, code string) error {
	switch code {
	case "23503": // foreign_key_violation
		return noOwner(err)
	case "23505": // unique_violation
		return errs.Conflictf("already_exists", "Something of what was to be added to the database %s is there already.", e.name)
	case "3D000": // invalid_catalog_name
		return e.unavailable(err, "The database %s does not exist on its server. Make it with createdb, or name another one with --database.")
	case "42501": // insufficient_privilege
		return e.unavailable(err, "The database %s may not be changed by this user. Grant the user what is missing.")
	case "0A000", "25006": // feature_not_supported: a transaction that writes; read_only_sql_transaction
		return e.readOnly(err)
	case "42P01", "42703", "3F000": // undefined_table, undefined_column, invalid_schema_name
		return e.unavailable(err, "The database %s has lost tables that were there at the start. Restore it from a backup, and start the server again.")
	case "25P03": // idle_in_transaction_session_timeout
		return e.unavailable(err, "The database %s gave up a change that did nothing for a minute. Nothing of it was kept; try again.")
	case "40001", "40P01", "55P03": // serialization_failure, deadlock_detected, lock_not_available
		return e.unavailable(err, "Another change of the same was under way in the database %s. Nothing of this one was kept; try again.")
	case "53100": // disk_full
		return e.unavailable(err, "The disk of the database %s is full. Nothing of this change was kept; free some space and try again.")
	case "57014": // query_canceled
		return e.unavailable(err, "The database %s took longer than --database-statement-timeout. Try again, and look at its load.")
	}
	switch code[:2] {
	case "28": // invalid authorization
		return e.unavailable(err, "The database %s refuses the user or the password. Correct them in --database or PERSONAE_DATABASE.")
	case "08", "53", "57", "58", "XX":
		return e.unavailable(err, "The database %s does not work at the moment. Try again, and look at the log of its server.")
	}
	return err
}

func (e *postgresEngine) unavailable(err error, format string) error {
	return errs.Unavailablef(oneLine{err}, format, e.name)
}

// readOnly answers for a server that only follows another one.
func (e *postgresEngine) readOnly(err error) error {
	return errs.Unavailablef(err, "The database %s is a read-only copy. Name the primary server with --database, or all of them with target_session_attrs=primary.", e.name)
}

// outcomeUnknown is the error for a commit of which nobody knows what came.
func (e *postgresEngine) outcomeUnknown(err error) error {
	return &errs.Error{
		Kind: errs.Unavailable, Code: errs.CodeOutcomeUnknown, Err: oneLine{err},
		Message: fmt.Sprintf("The database %s did not tell whether the change was kept. See what is there before you make it again.", e.name),
	}
}

// oneLine says in one line what the driver says in one for each address.
type oneLine struct{ error }

// Error implements error.
func (e oneLine) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }

// Unwrap returns the error of the driver.
func (e oneLine) Unwrap() error { return e.error }
