package store

import (
	"context"
	"time"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// ModelCalls implements entity.Reader.
func (q *queries) ModelCalls(ctx context.Context, workspace string, limit, offset int) ([]entity.ModelCall, int, error) {
	const query = `
		select workspace, created_at, purpose, model, input_tokens, output_tokens, ms, tries, repaired, outcome
		from model_calls
		where workspace = $1
		order by id desc
		limit $2 offset $3`
	calls, err := all(ctx, q, query, func(r row) (c entity.ModelCall, err error) {
		var at, ms, repaired int64
		err = r.Scan(&c.Workspace, &at, &c.Purpose, &c.Model, &c.InputTokens, &c.OutputTokens, &ms, &c.Tries, &repaired, &c.Outcome)
		c.At, c.Took, c.Repaired = fromMillis(at), time.Duration(ms)*time.Millisecond, repaired != 0
		return c, err
	}, workspace, limit, offset)
	if err != nil {
		return nil, 0, err
	}
	total, err := one(ctx, q, `select count(*) from model_calls where workspace = $1`, scanInt, nil, workspace)
	return calls, int(total), err
}

// ModelUsage implements entity.Reader.
func (q *queries) ModelUsage(ctx context.Context, workspace string, since time.Time) (entity.ModelUsage, error) {
	const query = `
		select count(*), coalesce(sum(input_tokens + output_tokens), 0)
		from model_calls
		where workspace = $1 and created_at >= $2`
	return one(ctx, q, query, func(r row) (u entity.ModelUsage, err error) {
		return u, r.Scan(&u.Calls, &u.Tokens)
	}, nil, workspace, millis(since))
}

// ModelAnswer implements entity.Reader.
func (q *queries) ModelAnswer(ctx context.Context, workspace, digest string, at time.Time) ([]byte, error) {
	const query = `select answer from model_answers where workspace = $1 and digest = $2 and keep_until > $3`
	return one(ctx, q, query, func(r row) (answer []byte, err error) {
		return answer, r.Scan(&answer)
	}, errs.NotFoundf("model_answer_not_found", "No answer of a model is kept for this."), workspace, digest, millis(at))
}

// AddModelCall implements entity.Tx.
func (t *tx) AddModelCall(ctx context.Context, c *entity.ModelCall) error {
	const query = `
		insert into model_calls (workspace, created_at, purpose, model, input_tokens, output_tokens, ms, tries, repaired, outcome)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	repaired := 0
	if c.Repaired {
		repaired = 1
	}
	_, err := t.exec(ctx, query, c.Workspace, millis(c.At), c.Purpose, c.Model, c.InputTokens, c.OutputTokens, c.Took.Milliseconds(), c.Tries, repaired, c.Outcome)
	return err
}

// PutModelAnswer implements entity.Tx.
func (t *tx) PutModelAnswer(ctx context.Context, workspace, digest string, answer []byte, until time.Time) error {
	const query = `
		insert into model_answers (workspace, digest, keep_until, answer)
		values ($1, $2, $3, $4)
		on conflict (workspace, digest) do update set keep_until = excluded.keep_until, answer = excluded.answer`
	_, err := t.exec(ctx, query, workspace, digest, millis(until), string(answer))
	return err
}

// PurgeModels implements entity.Tx.
func (t *tx) PurgeModels(ctx context.Context, calls, answers time.Time) (int, error) {
	if _, err := t.exec(ctx, `delete from model_calls where created_at < $1`, millis(calls)); err != nil {
		return 0, err
	}
	n, err := t.exec(ctx, `delete from model_answers where keep_until <= $1`, millis(answers))
	return int(n), err
}
