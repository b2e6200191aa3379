package library

import (
	"context"
	"slices"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
)

// Tallies counts the entities of the caller's workspace by kind, also those that
// were made or changed since a time. Kinds without entities are not there.
func (l *Library) Tallies(ctx context.Context, c Caller, since time.Time) (map[string]entity.Tally, error) {
	if err := require(c, account.ScopeRead); err != nil {
		return nil, err
	}
	list, err := l.store.Tallies(ctx, c.Workspace.OID, since)
	if err != nil {
		return nil, err
	}
	byKind := make(map[string]entity.Tally, len(list))
	for _, t := range list {
		byKind[t.Kind] = t
	}
	return byKind, nil
}

// Neighbours returns what entities of a kind link to and what links to them, by
// their ids: those that are there and not deleted, each once under the first
// field. A link to all offerings stands for each of them, by name.
func (l *Library) Neighbours(ctx context.Context, c Caller, k *entity.Kind, oIDs ...string) (map[string][]entity.Neighbour, error) {
	if err := require(c, account.ScopeRead); err != nil {
		return nil, err
	}
	found, err := l.store.Neighbours(ctx, c.Workspace.OID, k.Name, oIDs)
	if err != nil {
		return nil, err
	}
	around := map[string][]entity.Neighbour{}
	type pair struct{ of, kind, oID string }
	there := map[pair]bool{}
	add := func(n entity.Neighbour) {
		p := pair{n.Of, n.Kind, n.OID}
		if !there[p] && n.Status != entity.StatusDeleted && (n.Kind != k.Name || n.OID != n.Of) {
			there[p] = true
			around[n.Of] = append(around[n.Of], n)
		}
	}
	offerings := map[string][]entity.Named{} // by the field that links to all
	for _, n := range found {
		from, to := k, n.Kind
		if n.Back {
			if from, err = l.registry.Kind(n.Kind); err != nil {
				continue // the kind is gone
			}
			to = k.Name
		}
		f := from.Field(n.Field)
		switch {
		case f == nil:
		case n.OID == entity.LinkAll && !n.Back:
			if offerings[f.Name] == nil {
				if offerings[f.Name], err = l.offerings(ctx, c.Workspace, f); err != nil {
					return nil, err
				}
			}
			for _, row := range offerings[f.Name] {
				add(entity.Neighbour{Of: n.Of, Field: f.Name, Kind: row.Kind, OID: row.OID, Name: row.Name, Status: entity.StatusActive})
			}
		case slices.Contains(f.Targets, to):
			add(n)
		}
	}
	return around, nil
}
