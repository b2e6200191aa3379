package library

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// changeAll makes changes of several entities in a transaction, in the order of
// their ids, so that two such transactions never wait for each other. The result
// is in the order of edits. The caller forgets what the cache has of them.
func (l *Library) changeAll(ctx context.Context, tx entity.Tx, c Caller, edits []edit) ([]*draft, error) {
	order := make([]int, len(edits))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(edits[a].target.OID, edits[b].target.OID), cmp.Compare(edits[a].kind.Name, edits[b].kind.Name))
	})
	drafts := make([]*draft, len(edits))
	for _, i := range order {
		e := edits[i]
		ref := entity.Ref{Workspace: c.Workspace.OID, Kind: e.kind.Name, OID: e.target.OID}
		d, err := l.prepare(ctx, tx, c, ref, e)
		if err != nil {
			return nil, err
		}
		if d.stored != nil {
			if err := d.write(ctx, tx); err != nil {
				return nil, err
			}
		}
		if err := l.join(ctx, tx, e.kind, d.result); err != nil {
			return nil, err
		}
		drafts[i] = d
	}
	return drafts, nil
}

// MakeOnly sets the field Kind.Only of an entity, and unsets it in all others of
// the workspace, with a revision each. A second time changes nothing.
func (l *Library) MakeOnly(ctx context.Context, c Caller, k *entity.Kind, t Target) (*Written, error) {
	if err := require(c, account.ScopeWrite); err != nil {
		return nil, err
	}
	t.need("oId", t.OID, k.Title)
	if err := errs.InvalidFields(t.Errors); err != nil {
		return nil, err
	}
	ref := entity.Ref{Workspace: c.Workspace.OID, Kind: k.Name, OID: t.OID}
	if !account.ValidID(t.OID) {
		return nil, notFound(k)
	}
	set := func(t Target, value string) edit {
		return edit{
			kind: k, target: t, action: entity.ActionUpdated,
			apply: func(_ context.Context, _ entity.Reader, before *entity.Entity) (*entity.Entity, []errs.Field, error) {
				next := *before
				next.Fields = maps.Clone(before.Fields)
				next.Fields[k.Only] = jsontext.Value(value)
				if value == "false" {
					return &next, nil, nil // also of a deleted one, which may be restored
				}
				return &next, nil, refuseDeleted(k, before)
			},
		}
	}
	var drafts []*draft
	var edits []edit
	err := l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		edits = []edit{set(t, "true")}
		// It locks the workspace: no other call looks for the others meanwhile.
		if _, err := tx.Count(ctx, ref.Workspace, k.Name); err != nil {
			return err
		}
		for row, err := range tx.All(ctx, ref.Workspace, k.Name) {
			if err != nil {
				return err
			}
			e, err := k.Load(row)
			if err != nil {
				return err
			}
			if row.OID != t.OID && isOnly(k, e) {
				edits = append(edits, set(Target{OID: row.OID}, "false"))
			}
		}
		var err error
		drafts, err = l.changeAll(ctx, tx, c, edits)
		return err
	})
	for _, e := range edits {
		l.changed(entity.Ref{Workspace: ref.Workspace, Kind: k.Name, OID: e.target.OID})
	}
	if err != nil {
		if errs.CodeOf(err) == errs.NotFoundCode(k.Name) {
			err = l.explain(ctx, k, ref, err)
		}
		return nil, err
	}
	return drafts[0].result, nil
}

// keepOnly gives an entity that is brought back the value that it has now of the
// field that one entity has at most.
func keepOnly(k *entity.Kind, before, next *entity.Entity) {
	if k.Only == "" {
		return
	}
	next.Fields = maps.Clone(next.Fields)
	next.Fields[k.Only] = before.Fields[k.Only]
}

// isOnly tells whether e is the one that Kind.Only is true for.
func isOnly(k *entity.Kind, e *entity.Entity) bool {
	return k.Only != "" && string(e.Fields[k.Only]) == "true"
}

// checkOnly refuses an import after which Kind.Only would be true for two.
func (i *importer) checkOnly(ctx context.Context, tx entity.Tx) error {
	for k, line := range i.only {
		if _, err := tx.Count(ctx, i.opts.Workspace.OID, k.Name); err != nil { // as MakeOnly does
			return err
		}
		var found []string
		for row, err := range tx.All(ctx, i.opts.Workspace.OID, k.Name) {
			if err != nil {
				return err
			}
			e, err := k.Load(row)
			if err != nil {
				return err
			}
			if isOnly(k, e) {
				found = append(found, e.OID)
			}
		}
		if len(found) < 2 {
			continue
		}
		if i.opts.Invalid != nil {
			i.opts.Invalid(line, []errs.Field{{Path: k.Only, Message: "would be true for " + strings.Join(found, " and ") + ": keep it for one of them"}})
		}
		return errs.Invalidf("There can be one %s %s only. Nothing was imported: correct the lines.", k.Only, k.Title)
	}
	return nil
}
