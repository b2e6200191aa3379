package library

import (
	"context"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// Limits of the change feed.
const (
	DefaultChanges = 100
	MaxChanges     = 1000
)

// Changes is a part of the change feed, without documents.
type Changes struct {
	Revisions []*entity.Revision
	// Next is where the part after this one begins.
	Next entity.Cursor
	// HasNext tells that there are more changes already.
	HasNext bool
}

// Changes returns what was changed in the caller's workspace after a place in
// the feed, in the order in which it was committed. Who goes on from Next each
// time misses no change, and sees none twice. form are the errors of the
// request's form.
func (l *Library) Changes(ctx context.Context, c Caller, after entity.Cursor, limit int, form ...errs.Field) (*Changes, error) {
	if err := require(c, account.ScopeRead); err != nil {
		return nil, err
	}
	var list errs.List
	list.AddAll(form)
	if limit < 1 || limit > MaxChanges {
		list.Add("limit", "is %d: use 1 to %d", limit, MaxChanges)
	}
	if err := list.Err(); err != nil {
		return nil, err
	}
	revisions, next, err := l.store.Changes(ctx, c.Workspace.OID, after, limit)
	if err != nil {
		return nil, err
	}
	changes := &Changes{Revisions: revisions, Next: next}
	if len(revisions) == limit {
		more, _, err := l.store.Changes(ctx, c.Workspace.OID, next, 1)
		if err != nil {
			return nil, err
		}
		changes.HasNext = len(more) > 0
	}
	return changes, nil
}
