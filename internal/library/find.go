package library

import (
	"context"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// MaxFound is how many entities of one name Find returns.
const MaxFound = 20

// Find returns what ref names in the caller's workspace, whatever its kind: the
// entities with this id, deleted or not, or where there is none, those with this
// exact name. Archived and deleted ones count where no other has the name.
func (l *Library) Find(ctx context.Context, c Caller, ref string) ([]entity.Named, error) {
	if err := require(c, account.ScopeRead); err != nil {
		return nil, err
	}
	if account.ValidID(ref) {
		found, err := l.store.Find(ctx, c.Workspace.OID, []string{ref})
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	if len(errs.CheckText("name", ref, 0, len(ref))) > 0 {
		return nil, nil // no entity has such a name
	}
	for _, status := range []entity.Status{entity.StatusActive, entity.StatusAll} {
		found, err := l.names(ctx, entity.Query{
			Workspace: c.Workspace.OID, Name: ref, Status: status, Order: entity.OrderCreated, Limit: MaxFound,
		})
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	return nil, nil
}

// names lists entities by name alone.
func (l *Library) names(ctx context.Context, q entity.Query) ([]entity.Named, error) {
	q.Heads = true
	page, err := l.store.List(ctx, q)
	if err != nil {
		return nil, err
	}
	found := make([]entity.Named, len(page.Rows))
	for i, row := range page.Rows {
		found[i] = entity.Named{Kind: row.Kind, OID: row.OID, Name: row.Name, DeletedAt: row.DeletedAt}
	}
	return found, nil
}
