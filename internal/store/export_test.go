package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

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

// Together runs writes in one batch, in order, and returns their errors.
func (s *Store) Together(ctx context.Context, fns ...func(context.Context, entity.Tx) error) []error {
	results := make([]error, len(fns))
	w := s.engine.(*sqliteEngine).writer
	err := w.enqueue(ctx, &job{alone: func(context.Context, *session) error {
		same := &writer{engine: w.engine, session: w.session, queue: make(chan *job, len(fns)), joinTime: time.Hour, fail: w.fail}
		var all []*job
		for _, fn := range fns {
			j := &job{fn: func(ctx context.Context, t *tx) error { return fn(ctx, t) }}
			all = append(all, j)
			same.queue <- j
		}
		jobs, err := same.transaction(<-same.queue)
		w.session = same.session
		for _, j := range jobs {
			results[slices.Index(all, j)] = cmp.Or(err, j.err)
		}
		return nil
	}})
	if err != nil {
		panic(err)
	}
	return results
}
