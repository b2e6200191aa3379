package library

import (
	"context"
	"fmt"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// MaxAround is how many linked entities Around returns.
const MaxAround = 200

// Around is an entity with what it links to.
type Around struct {
	Entity *entity.Entity
	// Linked has each entity once, under the first field that names it, in the
	// order of the kind's fields and of their targets. Deleted ones are left out,
	// as is what is not in the workspace.
	Linked []LinkedEntity

	held Listed
}

// Close gives the bytes of what is linked back to the list budget.
func (a *Around) Close() { a.held.Close() }

// LinkedEntity is an entity that another one links to.
type LinkedEntity struct {
	// Field is the one that links, of the other entity's kind.
	Field  *entity.Field
	Kind   *entity.Kind
	Entity *entity.Entity
}

// Around returns an entity as it is now, and with links set also what it links
// to. A link to all offerings stands for each of them, by name. A singleton that
// was not written yet is nil. Close what is returned.
func (l *Library) Around(ctx context.Context, c Caller, k *entity.Kind, oID string, links bool) (*Around, error) {
	e, err := l.Entity(ctx, c, k, oID)
	if k.Singleton && errs.KindOf(err) == errs.NotFound && (oID == "" || oID == singletonID(k, c.Workspace.OID)) {
		return &Around{}, nil
	}
	if err != nil {
		return nil, err
	}
	around := &Around{Entity: e, held: Listed{release: l.lists.Release}}
	if links {
		if around.Linked, err = l.linkedFrom(ctx, c, k, e, &around.held); err != nil {
			around.Close()
			return nil, err
		}
	}
	return around, nil
}

// linkedFrom returns what e links to. Its bytes are held.
func (l *Library) linkedFrom(ctx context.Context, c Caller, k *entity.Kind, e *entity.Entity, held *Listed) ([]LinkedEntity, error) {
	workspace, links := c.Workspace.OID, k.Links(e)
	targets, err := l.targets(ctx, l.store, workspace, links)
	if err != nil {
		return nil, err
	}
	var found []LinkedEntity
	var refs []entity.Ref
	seen := map[entity.Ref]bool{{Workspace: workspace, Kind: k.Name, OID: e.OID}: true}
	add := func(f *entity.Field, n entity.Named) {
		ref := entity.Ref{Workspace: workspace, Kind: n.Kind, OID: n.OID}
		kind, err := l.registry.Kind(n.Kind)
		if err != nil || n.DeletedAt != nil || seen[ref] || len(found) == MaxAround { // or the kind is gone
			return
		}
		seen[ref] = true
		found, refs = append(found, LinkedEntity{Field: f, Kind: kind}), append(refs, ref)
	}
	for _, link := range links {
		f := k.Field(link.Field)
		if link.Target == entity.LinkAll {
			offerings, err := l.offerings(ctx, c.Workspace, f)
			if err != nil {
				return nil, err
			}
			for _, offering := range offerings {
				add(f, offering)
			}
		} else if target := targets.of(k, link); target != nil {
			add(f, *target)
		}
	}
	rows, err := l.rows(ctx, workspace, refs, held)
	if err != nil {
		return nil, err
	}
	there := found[:0]
	for i, linked := range found {
		if row := rows[refs[i]]; row != nil { // else it was purged in between
			if linked.Entity, err = linked.Kind.Load(row); err != nil {
				return nil, err
			}
			there = append(there, linked)
		}
	}
	return there, nil
}

// rows reads some rows of a workspace. Their bytes are held.
func (l *Library) rows(ctx context.Context, workspace string, refs []entity.Ref, held *Listed) (map[entity.Ref]*entity.Row, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	q := entity.Query{Workspace: workspace, Status: entity.StatusAll, Order: entity.OrderCreated}
	kinds := map[string]bool{}
	for _, ref := range refs {
		q.OIDs = append(q.OIDs, ref.OID)
		if !kinds[ref.Kind] {
			kinds[ref.Kind] = true
			q.Sets = append(q.Sets, entity.Set{Kind: ref.Kind})
		}
	}
	q.Limit = len(refs) * len(q.Sets) // an id may be that of several kinds
	page, err := l.page(ctx, held, q)
	if errs.CodeOf(err) == errs.CodePageTooLarge {
		return nil, errs.InvalidFields([]errs.Field{{Path: "with", Message: fmt.Sprintf("is too much: what is linked has more than %d MiB; leave with out", MaxPageBytes>>20)}})
	}
	if err != nil {
		return nil, err
	}
	rows := make(map[entity.Ref]*entity.Row, len(page.Rows))
	for _, row := range page.Rows {
		rows[row.Ref] = row
	}
	return rows, nil
}

// offerings returns what a link to all offerings stands for, by name.
func (l *Library) offerings(ctx context.Context, w account.Workspace, f *entity.Field) ([]entity.Named, error) {
	q := entity.Query{Workspace: w.OID, Order: entity.OrderName, Limit: MaxAround}
	for _, name := range f.Targets {
		q.Sets = append(q.Sets, entity.Set{Kind: name})
	}
	return l.names(ctx, q)
}
