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
		page, err := l.store.List(ctx, entity.Query{
			Workspace: c.Workspace.OID, Name: ref, Status: status, Order: entity.OrderCreated, Limit: MaxFound,
		})
		if err != nil || len(page.Rows) > 0 {
			return foundIn(page), err
		}
	}
	return nil, nil
}

// foundIn returns the rows of a page by name; page may be nil.
func foundIn(page *entity.Page) []entity.Named {
	if page == nil {
		return nil
	}
	found := make([]entity.Named, len(page.Rows))
	for i, row := range page.Rows {
		found[i] = entity.Named{Kind: row.Kind, OID: row.OID, Name: row.Name, DeletedAt: row.DeletedAt}
	}
	return found
}
