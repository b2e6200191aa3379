package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"personae.dev/internal/errs"
)

// runner runs statements on one connection.
type runner interface {
	QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error)
}

// queries has the statements that read, for a Store and for a transaction.
type queries struct {
	*engineOptions
	// connect returns where the next statement runs, and what ends its use.
	connect func(context.Context) (runner, func(), error)
	// writing is set in a transaction that writes: what is read there is locked
	// where the engine runs transactions side by side.
	writing bool
}

// engineOptions is what all queries of a store share.
type engineOptions struct {
	*dialect
	// timeout bounds a statement; 0 for none.
	timeout time.Duration
	// translate makes errors of package errs of the driver's.
	translate func(error) error
	observe   func(operation string, took time.Duration)
	warn      func(message string, args ...any)
}

// on returns the same queries on one connection.
func (q queries) on(r runner) *queries {
	q.connect = func(context.Context) (runner, func(), error) { return r, func() {}, nil }
	return &q
}

// timed starts to measure an operation; call what it returns at the end.
func (q *queries) timed(operation string) func() {
	began := time.Now()
	return func() { q.observe(operation, time.Since(began)) }
}

// bound bounds a statement. In a transaction that writes it ends with that, and
// not with the context of a request.
func (q *queries) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if q.writing {
		ctx = context.WithoutCancel(ctx)
	}
	if q.timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, q.timeout)
}

// exec runs a statement, and returns how many rows it changed.
func (q *queries) exec(ctx context.Context, text string, args ...any) (int64, error) {
	ctx, cancel := q.bound(ctx)
	defer cancel()
	r, done, err := q.connect(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	result, err := r.ExecContext(ctx, text, args...)
	if err != nil {
		return 0, q.translate(err)
	}
	n, err := result.RowsAffected()
	return n, q.translate(err)
}

// row is a row that can be read.
type row interface{ Scan(dest ...any) error }

// each reads the rows of a query, one after the other.
func each[T any](ctx context.Context, q *queries, text string, scan func(row) (T, error), args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		ctx, cancel := q.bound(ctx)
		defer cancel()
		r, done, err := q.connect(ctx)
		if err != nil {
			yield(zero, err)
			return
		}
		defer done()
		rows, err := r.QueryContext(ctx, text, args...)
		if err != nil {
			yield(zero, q.translate(err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			value, err := scan(rows)
			if !yield(value, q.translate(err)) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(zero, q.translate(err))
		}
	}
}

// all reads the rows of a query at once.
func all[T any](ctx context.Context, q *queries, text string, scan func(row) (T, error), args ...any) ([]T, error) {
	var values []T
	for value, err := range each(ctx, q, text, scan, args...) {
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

// one reads the row of a query that has one at most, and answers missing where
// it has none.
func one[T any](ctx context.Context, q *queries, text string, scan func(row) (T, error), missing error, args ...any) (T, error) {
	for value, err := range each(ctx, q, text, scan, args...) {
		return value, err
	}
	var zero T
	return zero, missing
}

func scanInt(r row) (n int64, err error) {
	err = r.Scan(&n)
	return n, err
}

// insert runs an insert that does nothing where the row is there already; then
// it answers taken.
func (q *queries) insert(ctx context.Context, text string, taken error, args ...any) error {
	n, err := q.exec(ctx, text, args...)
	if err == nil && n == 0 {
		err = taken
	}
	return err
}

// taken answers an insert whose id or name is in use.
func taken(what, id string) error {
	return errs.Conflictf("already_exists", "The %s %s exists already.", what, id)
}

// jsonText returns a value as JSON, which is how lists are handed to a statement.
func jsonText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("store: %T as JSON: %v", value, err)) // lists of texts and numbers never fail
	}
	return string(text)
}

// millis is a time as the database keeps it.
func millis(t time.Time) int64 { return t.UnixMilli() }

func nullMillis(t *time.Time) sql.Null[int64] {
	if t == nil {
		return sql.Null[int64]{}
	}
	return sql.Null[int64]{V: millis(*t), Valid: true}
}

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func fromNullMillis(ms sql.Null[int64]) *time.Time {
	if !ms.Valid {
		return nil
	}
	t := fromMillis(ms.V)
	return &t
}
