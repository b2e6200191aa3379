package library

import (
	"context"

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
}

// LinkedEntity is an entity that another one links to.
type LinkedEntity struct {
	// Field is the one that links, of the other entity's kind.
	Field  *entity.Field
	Kind   *entity.Kind
	Entity *entity.Entity
}

// Around returns an entity as it is now, and with links set also what it links
// to. A link to all offerings stands for each of them, by name. A singleton that
// was not written yet is nil.
func (l *Library) Around(ctx context.Context, c Caller, k *entity.Kind, oID string, links bool) (*Around, error) {
	e, err := l.Entity(ctx, c, k, oID)
	if k.Singleton && errs.KindOf(err) == errs.NotFound && (oID == "" || oID == singletonID(k, c.Workspace.OID)) {
		return &Around{}, nil
	}
	if err != nil {
		return nil, err
	}
	around := &Around{Entity: e}
	if links {
		around.Linked, err = l.linkedFrom(ctx, c, k, e)
	}
	return around, err
}

// linkedFrom returns what e links to.
func (l *Library) linkedFrom(ctx context.Context, c Caller, k *entity.Kind, e *entity.Entity) ([]LinkedEntity, error) {
	links := k.Links(e)
	targets, err := l.targets(ctx, l.store, c.Workspace.OID, links)
	if err != nil {
		return nil, err
	}
	var found []LinkedEntity
	seen := map[entity.Ref]bool{{Workspace: c.Workspace.OID, Kind: k.Name, OID: e.OID}: true}
	add := func(f *entity.Field, row *entity.Row) error {
		kind, err := l.registry.Kind(row.Kind)
		if err != nil || row.DeletedAt != nil || seen[row.Ref] || len(found) == MaxAround {
			return nil //nolint:nilerr // the kind is gone
		}
		seen[row.Ref] = true
		linked, err := kind.Load(row)
		if err != nil {
			return err
		}
		found = append(found, LinkedEntity{f, kind, linked})
		return nil
	}
	for _, link := range links {
		f := k.Field(link.Field)
		if link.Target == entity.LinkAll {
			page, err := l.offerings(ctx, c.Workspace, f)
			if err != nil {
				return nil, err
			}
			for _, row := range page.Rows {
				if err := add(f, row); err != nil {
					return nil, err
				}
			}
			continue
		}
		target := targets.of(k, link)
		if target == nil || len(found) == MaxAround {
			continue
		}
		row, err := l.store.Row(ctx, entity.Ref{Workspace: c.Workspace.OID, Kind: target.Kind, OID: target.OID}, nil)
		if errs.KindOf(err) == errs.NotFound { // it was purged in between
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := add(f, row); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// offerings returns what a link to all offerings stands for, by name.
func (l *Library) offerings(ctx context.Context, w account.Workspace, f *entity.Field) (*entity.Page, error) {
	q := entity.Query{Workspace: w.OID, Order: entity.OrderName, Limit: MaxAround}
	for _, name := range f.Targets {
		q.Sets = append(q.Sets, entity.Set{Kind: name})
	}
	return l.store.List(ctx, q)
}
