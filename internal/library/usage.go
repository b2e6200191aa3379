package library

import (
	"context"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// ModelCallsLast is how long the records of calls to a language model are kept.
const ModelCallsLast = 400 * 24 * time.Hour

// Usage returns a page of the calls to the language model that the caller's
// workspace made, newest first, how many there are in all, and the sum since a
// time.
func (l *Library) Usage(ctx context.Context, c Caller, since time.Time, limit, offset int, list errs.List) (calls []entity.ModelCall, total int, sum entity.ModelUsage, err error) {
	if err := require(c, account.ScopeRead); err != nil {
		return nil, 0, sum, err
	}
	checkPage(&list, limit, MaxLimit, offset)
	if err := list.Err(); err != nil {
		return nil, 0, sum, err
	}
	if calls, total, err = l.store.ModelCalls(ctx, c.Workspace.OID, limit, offset); err != nil {
		return nil, 0, sum, err
	}
	sum, err = l.store.ModelUsage(ctx, c.Workspace.OID, since)
	return calls, total, sum, err
}

// checkPage notes what is wrong with the place and the length of a page.
func checkPage(list *errs.List, limit, most, offset int) {
	if limit < 1 || limit > most {
		list.Add("limit", "is %d: use 1 to %d", limit, most)
	}
	if offset < 0 {
		list.Add("offset", "is %d: use 0 or more", offset)
	}
}
