package library

import (
	"context"
	"fmt"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// RevertKeyOptions say which changes to undo.
type RevertKeyOptions struct {
	Workspace account.Workspace
	KeyOID    string
	Since     time.Time
	// By is in whose name it is done.
	By account.User
	// DryRun returns the plan, and changes nothing.
	DryRun bool
	// Force also reverts what somebody else changed later; their change is undone
	// with it, and stays in the history.
	Force bool
}

// RevertAction is what is done with an entity that a key changed.
type RevertAction string

// The actions of a plan.
const (
	RevertToBefore RevertAction = "revert"    // it becomes what it was before the key changed it
	RevertDelete   RevertAction = "delete"    // the key made it: it is deleted
	RevertNothing  RevertAction = "unchanged" // it is as it was before
	RevertConflict RevertAction = "conflict"  // somebody else changed it later: it is left alone
)

// RevertStep is what is done with one entity.
type RevertStep struct {
	entity.Ref
	Name   string
	Action RevertAction
	// Fields are those that change.
	Fields []string
	// Changes is how many revisions of the key are undone.
	Changes int
	// ChangedBy is who else changed the entity after the key, "" for nobody.
	ChangedBy string
	// To is the revision that is brought back, "" where the entity is deleted.
	To string
}

// RevertKey undoes what a key did since a time, in one transaction: each entity
// becomes what it was before the key changed it, and what the key made is
// deleted. An entity that somebody else changed after the key's first change is a
// conflict, and left alone without Force. The plan is in the order of the key's
// last changes, newest first.
func (l *Library) RevertKey(ctx context.Context, o RevertKeyOptions) (plan []RevertStep, err error) {
	if o.DryRun {
		plan, _, err = l.revertPlan(ctx, l.store, o)
		return plan, err
	}
	err = l.store.WriteLong(ctx, func(ctx context.Context, tx entity.Tx) error {
		var drafts []*draft
		var err error
		if plan, drafts, err = l.revertPlan(ctx, tx, o); err != nil {
			return err
		}
		for _, d := range drafts {
			if err := d.write(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	for _, step := range plan {
		l.changed(step.Ref)
	}
	if err != nil {
		return nil, err
	}
	return plan, nil
}

// revisionsAtOnce is how many revisions are read at a time.
const revisionsAtOnce = 1000

// revertPlan returns the steps, and what is to be written.
func (l *Library) revertPlan(ctx context.Context, r entity.Reader, o RevertKeyOptions) (plan []RevertStep, drafts []*draft, _ error) {
	if _, err := keyOf(ctx, r, o.Workspace.OID, o.KeyOID); err != nil {
		return nil, nil, err
	}
	changes := map[entity.Ref][]*entity.Revision{} // newest first
	var order []entity.Ref
	query := entity.RevisionQuery{Workspace: o.Workspace.OID, KeyOID: o.KeyOID, From: &o.Since, Restored: true}
	err := eachRevision(ctx, r, query, func(rev *entity.Revision) {
		if changes[rev.Ref] == nil {
			order = append(order, rev.Ref)
		}
		changes[rev.Ref] = append(changes[rev.Ref], rev)
	})
	if err != nil {
		return nil, nil, err
	}
	for _, ref := range order {
		step, d, err := l.revertStep(ctx, r, o, changes[ref])
		if err != nil {
			return nil, nil, fmt.Errorf("library: revert %s %s: %w", ref.Kind, ref.OID, err)
		}
		plan = append(plan, step)
		if d != nil {
			drafts = append(drafts, d)
		}
	}
	return plan, drafts, nil
}

func eachRevision(ctx context.Context, r entity.Reader, q entity.RevisionQuery, each func(*entity.Revision)) error {
	q.Limit = revisionsAtOnce
	for {
		page, err := r.Revisions(ctx, q)
		if err != nil {
			return err
		}
		for _, rev := range page.Revisions {
			each(rev)
		}
		if q.Offset += len(page.Revisions); len(page.Revisions) == 0 || q.Offset >= page.Total {
			return nil
		}
	}
}

// revertStep returns what becomes of an entity that the key changed in
// revisions, newest first; the draft is nil where nothing is written.
func (l *Library) revertStep(ctx context.Context, r entity.Reader, o RevertKeyOptions, revisions []*entity.Revision) (RevertStep, *draft, error) {
	first := revisions[len(revisions)-1]
	step := RevertStep{Ref: first.Ref, Name: first.Name, Changes: len(revisions)}
	k, err := l.registry.Kind(first.Kind)
	if err != nil {
		return step, nil, err
	}
	row, err := l.row(ctx, r, k, first.Ref)
	if err != nil {
		return step, nil, err
	}
	now, err := k.Load(row)
	if err != nil {
		return step, nil, err
	}
	_, before, err := r.Revision(ctx, first.Workspace, first.RevisionOID)
	if err != nil {
		return step, nil, err
	}
	next := *now
	action := entity.ActionDeleted
	if before == nil {
		step.Action = RevertDelete
		l.setDate(&next.DeletedAt)
	} else {
		was, err := k.LoadRevision(before)
		if err != nil {
			return step, nil, err
		}
		step.Action, step.To, action = RevertToBefore, before.RevisionOID, entity.ActionReverted
		next = *was
		next.Author = now.Author
		keepOnly(k, now, &next)
		if err := errs.InvalidFields(k.Validate(&next)); err != nil {
			return step, nil, err
		}
	}
	if same(k, now, &next) {
		step.Action = RevertNothing
		return step, nil, nil
	}
	step.Fields = k.Changed(now, &next)
	err = eachRevision(ctx, r, entity.RevisionQuery{Workspace: first.Workspace, Kinds: []string{k.Name}, OIDs: []string{first.OID}, Restored: true},
		func(rev *entity.Revision) {
			if rev.Number > first.Number && rev.KeyOID != o.KeyOID && step.ChangedBy == "" {
				step.ChangedBy = rev.Author.Name()
				if step.ChangedBy == "" {
					step.ChangedBy = rev.Author.OID
				}
			}
		})
	if err != nil {
		return step, nil, err
	}
	if step.ChangedBy != "" && !o.Force {
		step.Action = RevertConflict
		return step, nil, nil
	}
	at := l.now()
	next.UpdatedAt = after(now.UpdatedAt, at)
	caller := Caller{&account.Principal{Workspace: o.Workspace, User: o.By}, entity.SourceRevert}
	d := &draft{before: row, stored: k.Store(first.Workspace, &next)}
	d.rev = l.newRevision(caller, d.stored, action, at)
	d.rev.Fields = step.Fields
	return step, d, nil
}
