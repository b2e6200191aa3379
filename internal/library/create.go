package library

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

const (
	// IdempotencyLasts is how long an idempotency key gives its first answer again.
	IdempotencyLasts = 24 * time.Hour
	// IdempotencyLease is how long a request with such a key may be in progress.
	IdempotencyLease = 10 * time.Minute
	// MaxIdempotencyKey is how many characters a key may have.
	MaxIdempotencyKey = 255
)

// Create says how to create an entity.
type Create struct {
	Patch *entity.Patch
	// Errors are those of the request's form.
	Errors []errs.Field
	// IdempotencyKey is "" for none. With it, the same key and Body, with the same
	// fields of it given, give the first answer again for IdempotencyLasts.
	IdempotencyKey string
	Body           []byte
	// StrictLinks refuses links to what is not in the workspace.
	StrictLinks bool
}

// Create makes an entity, authored by the user of the caller's key.
func (l *Library) Create(ctx context.Context, c Caller, k *entity.Kind, create Create) (*Written, error) {
	if err := require(c, account.ScopeWrite); err != nil {
		return nil, err
	}
	d, fields, err := l.draftOf(ctx, c, k, create)
	if err != nil {
		return nil, err
	}
	if create.IdempotencyKey != "" {
		fields = errs.JoinAll(fields, errs.CheckText("Idempotency-Key", create.IdempotencyKey, 1, MaxIdempotencyKey))
	}
	if err := errs.InvalidFields(fields); err != nil {
		return nil, err
	}
	// A body that n8n sends gives less than the same from another client.
	digest := IdempotencyDigest(k.Name+"/create", create.Body, slices.Sorted(maps.Keys(create.Patch.Given)))
	written := d.result
	err = l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		if create.IdempotencyKey != "" {
			first, err := l.firstAnswer(ctx, tx, c, create.IdempotencyKey, digest)
			if err != nil {
				return err
			}
			if len(first) > 0 {
				written = first[0]
				return nil
			}
		}
		if err := d.write(ctx, tx); err != nil {
			return err
		}
		if err := l.join(ctx, tx, k, written); err != nil || create.IdempotencyKey == "" {
			return err
		}
		return tx.PutIdempotency(ctx, &entity.Idempotency{
			Workspace: c.Workspace.OID, Key: create.IdempotencyKey, Digest: digest, At: l.now(), Rows: []*entity.Row{&d.stored.Row},
		})
	})
	l.changed(d.stored.Ref)
	if err != nil {
		return nil, err
	}
	return written, nil
}

// draftOf prepares a new entity.
func (l *Library) draftOf(ctx context.Context, c Caller, k *entity.Kind, create Create) (*draft, []errs.Field, error) {
	now := l.now()
	e, fields := k.Apply(nil, create.Patch)
	e.OID, e.Author, e.CreatedAt, e.UpdatedAt = l.newID(k.Prefix), c.User.Author(), now, now
	missing, refused, err := l.missing(ctx, l.store, k, c.Workspace.OID, nil, e)
	if err != nil {
		return nil, nil, err
	}
	if create.StrictLinks {
		fields = errs.JoinAll(fields, refused)
	}
	if fields = errs.Join(create.Errors, fields); len(fields) > 0 {
		return nil, fields, nil
	}
	d := &draft{stored: k.Store(c.Workspace.OID, e)}
	d.rev = l.newRevision(c, d.stored, entity.ActionCreated, now)
	d.rev.Origins = create.Patch.Origins
	d.result = newWritten(k, &d.stored.Row, e)
	d.result.Missing = missing
	return d, nil, nil
}

// IdempotencyDigest is what a request with an idempotency key asks for: what is
// done (such as "persona/generate"), the body, and the fields of it that count.
func IdempotencyDigest(what string, body []byte, fields []string) [32]byte {
	h := sha256.New()
	fmt.Fprintf(h, "%s %d ", what, len(body))
	h.Write(body)
	fmt.Fprintf(h, "%q", fields)
	return [32]byte(h.Sum(nil))
}

// firstAnswer returns what was answered to the first request with a key; nothing
// where there was none.
func (l *Library) firstAnswer(ctx context.Context, tx entity.Tx, c Caller, key string, digest [32]byte) ([]*Written, error) {
	record, err := tx.Idempotency(ctx, c.Workspace.OID, key)
	if errs.KindOf(err) == errs.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	now := l.now()
	pending := record.PendingUntil != nil
	switch {
	case record.At.Before(now.Add(-IdempotencyLasts)): // Purge has yet to remove it
		return nil, nil
	case pending && !now.Before(*record.PendingUntil): // it was never finished
		return nil, nil
	case record.Digest != digest:
		return nil, errs.Conflictf(errs.CodeKeyReused, "The Idempotency-Key was used for another request in the last 24 hours: send a new key with a new body.")
	case pending:
		err := errs.Conflictf(errs.CodeIdempotencyInProgress, "The first request with this Idempotency-Key is in progress: send it again in a while, to get its answer.")
		err.RetryAfter = inProgressRetryAfter
		return nil, err
	}
	var first []*Written
	for _, row := range record.Rows {
		k, err := l.registry.Kind(row.Kind)
		if err != nil {
			return nil, err
		}
		if row, err = current(k, row); err != nil {
			return nil, err
		}
		e, err := k.Load(row)
		if err != nil {
			return nil, err
		}
		written := newWritten(k, row, e)
		if err := l.join(ctx, tx, k, written); err != nil {
			return nil, err
		}
		written.Replayed = true
		first = append(first, written)
	}
	return first, nil
}

// inProgressRetryAfter is how many seconds the caller should wait for the answer
// of a request that is in progress.
const inProgressRetryAfter = 5

// Pending is a request with an idempotency key that is in progress.
type Pending struct {
	key    string
	digest [32]byte
	until  time.Time
}

// BeginIdempotent begins a request that takes long, under its idempotency key:
// either it returns what was answered the first time, or a Pending, to be handed
// to CreateAll or Abandon.
func (l *Library) BeginIdempotent(ctx context.Context, c Caller, key string, digest [32]byte) (*Pending, []*Written, error) {
	if err := require(c, account.ScopeWrite); err != nil {
		return nil, nil, err
	}
	if err := errs.InvalidFields(errs.CheckText("Idempotency-Key", key, 1, MaxIdempotencyKey)); err != nil {
		return nil, nil, err
	}
	now := l.now()
	p := &Pending{key, digest, now.Add(IdempotencyLease)}
	var first []*Written
	err := l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		var err error
		if first, err = l.firstAnswer(ctx, tx, c, key, digest); err != nil || len(first) > 0 {
			return err
		}
		return tx.PutIdempotency(ctx, &entity.Idempotency{Workspace: c.Workspace.OID, Key: key, Digest: digest, At: now, PendingUntil: &p.until})
	})
	switch {
	case err != nil:
		return nil, nil, err
	case len(first) > 0:
		return nil, first, nil
	}
	return p, nil, nil
}

// own returns an error where the lease of p has ended, and another request with
// the key began.
func (p *Pending) own(ctx context.Context, tx entity.Tx, workspace string) error {
	record, err := tx.Idempotency(ctx, workspace, p.key)
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return err
	}
	if err != nil || record.PendingUntil == nil || !record.PendingUntil.Equal(p.until) || record.Digest != p.digest {
		return errs.Conflictf(errs.CodeIdempotencyInProgress, "The request took longer than %d minutes, and another one with its Idempotency-Key has begun: send it again in a while, to get its answer.", int(IdempotencyLease.Minutes()))
	}
	return nil
}

// Abandon gives up what BeginIdempotent began: the key can be used again at once.
func (l *Library) Abandon(ctx context.Context, c Caller, p *Pending) error {
	return l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		if err := p.own(ctx, tx, c.Workspace.OID); err != nil {
			if errs.KindOf(err) == errs.Conflict { // it is another's now
				return nil
			}
			return err
		}
		return tx.DropIdempotency(ctx, c.Workspace.OID, p.key)
	})
}

// draftsOf prepares new entities of a kind.
func (l *Library) draftsOf(ctx context.Context, c Caller, k *entity.Kind, creates []Create) ([]*draft, error) {
	var list errs.List
	drafts := make([]*draft, len(creates))
	for i, create := range creates {
		d, fields, err := l.draftOf(ctx, c, k, create)
		if err != nil {
			return nil, err
		}
		drafts[i] = d
		list.AddAll(within(fmt.Sprintf("%s[%d].", k.Plural, i), fields))
	}
	return drafts, list.Err()
}

// DraftAll returns entities as CreateAll would make them, and writes nothing. Their
// ids stand for none.
func (l *Library) DraftAll(ctx context.Context, c Caller, k *entity.Kind, creates []Create) ([]*Written, error) {
	if err := require(c, account.ScopeWrite); err != nil {
		return nil, err
	}
	drafts, err := l.draftsOf(ctx, c, k, creates)
	if err != nil {
		return nil, err
	}
	written := make([]*Written, len(drafts))
	for i, d := range drafts {
		written[i] = d.result
	}
	return written, nil
}

// CreateAll makes several entities of a kind in one transaction, all or none, and
// ends pending, which may be nil. The paths of errors begin with the plural of
// the kind: "useCases[2].name".
func (l *Library) CreateAll(ctx context.Context, c Caller, k *entity.Kind, creates []Create, pending *Pending) ([]*Written, error) {
	if err := require(c, account.ScopeWrite); err != nil {
		return nil, err
	}
	drafts, err := l.draftsOf(ctx, c, k, creates)
	if err != nil {
		return nil, err
	}
	written := make([]*Written, len(drafts))
	err = l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		if pending != nil {
			if err := pending.own(ctx, tx, c.Workspace.OID); err != nil {
				return err
			}
		}
		rows := make([]*entity.Row, len(drafts))
		for i, d := range drafts {
			if err := d.write(ctx, tx); err != nil {
				return err
			}
			if err := l.join(ctx, tx, k, d.result); err != nil {
				return err
			}
			rows[i], written[i] = &d.stored.Row, d.result
		}
		if pending == nil {
			return nil
		}
		return tx.PutIdempotency(ctx, &entity.Idempotency{Workspace: c.Workspace.OID, Key: pending.key, Digest: pending.digest, At: l.now(), Rows: rows})
	})
	for _, d := range drafts {
		l.changed(d.stored.Ref)
	}
	if err != nil {
		return nil, err
	}
	return written, nil
}
