package store

import (
	"context"
	"errors"

	"personae.dev/internal/entity"
)

// QueryText returns what a query answers in a transaction.
func QueryText(ctx context.Context, t entity.Tx, query string) string {
	text, err := one(ctx, &t.(*tx).queries, query, func(r row) (text string, err error) {
		err = r.Scan(&text)
		return text, err
	}, errors.New("no row"))
	if err != nil {
		return err.Error()
	}
	return text
}

// ExecText runs a statement in a transaction.
func ExecText(ctx context.Context, t entity.Tx, query string) error {
	_, err := t.(*tx).exec(ctx, query)
	return err
}

// Fail lets statements of the writer fail; nil for none.
func (s *Store) Fail(ctx context.Context, fail func(text string) error) error {
	w := s.engine.(*sqliteEngine).writer
	return w.enqueue(ctx, &job{alone: func(context.Context, *session) error {
		w.fail = fail
		return nil
	}})
}
