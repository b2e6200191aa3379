package library

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// Written is an entity after a change.
type Written struct {
	*Document
	// Entity is what the document shows.
	Entity *entity.Entity
	row    *entity.Row
	// Replayed tells that nothing was done, and that the document is the answer
	// to an earlier create with the same idempotency key.
	Replayed bool
	// Missing are new link targets that are not in the workspace, or not of a
	// kind that the field takes: "field: id".
	Missing []string
	// Linking is, after a delete, what still links to the entity, MaxLinking at
	// most, and LinkingTotal how many there are.
	Linking      []entity.Named
	LinkingTotal int
}

func newWritten(k *entity.Kind, row *entity.Row, e *entity.Entity) *Written {
	return &Written{Document: render(k, row, nil), Entity: e, row: row}
}

// WithQuestionIDs returns the body of what was written, with the ids of
// qualifying questions, which Document does not show.
func (l *Library) WithQuestionIDs(k *entity.Kind, w *Written) ([]byte, error) {
	row, err := withQuestionIDs(k, w.row)
	if err != nil {
		return nil, err
	}
	return render(k, row, nil).Body, nil
}

// Target names the entity to change.
type Target struct {
	// OID may be "" for a singleton.
	OID string
	// IfMatch is the header If-Match, "" for none: the change is made only where
	// it names the present version, or is "*".
	IfMatch string
	// Errors are those of the request's form.
	Errors []errs.Field
	// StrictLinks refuses new links to what is not in the workspace.
	StrictLinks bool
}

// need adds the error that an id is missing. What could not be read names
// nothing, and that is its only error.
func (t *Target) need(path, oID, what string) {
	if oID == "" && !slices.ContainsFunc(t.Errors, func(f errs.Field) bool { return f.Path == "body" || f.Path == path }) {
		t.Errors = errs.JoinAll(t.Errors, []errs.Field{{Path: path, Message: "must name the " + what}})
	}
}

// Update changes the fields that patch gives. A deleted entity is not changed;
// a singleton that is not there is made.
func (l *Library) Update(ctx context.Context, c Caller, k *entity.Kind, t Target, patch *entity.Patch) (*Written, error) {
	return l.change(ctx, c, edit{
		kind: k, target: t, action: entity.ActionUpdated, make: k.Singleton, origins: patch.Origins,
		apply: func(_ context.Context, _ entity.Reader, before *entity.Entity) (*entity.Entity, []errs.Field, error) {
			if before == nil {
				next, fields := k.Apply(nil, named(k, patch, c.Workspace.Name))
				return next, fields, nil
			}
			if err := refuseDeleted(k, before); err != nil && !k.Singleton {
				return nil, nil, err
			}
			next, fields := k.Apply(before, patch)
			if k.Singleton {
				next.DeletedAt = nil // only a revert can delete it
			}
			return next, fields, nil
		},
	})
}

// named returns the patch, with a name where it has none: a singleton is called
// what its workspace is.
func named(k *entity.Kind, patch *entity.Patch, name string) *entity.Patch {
	const field = "name"
	if k.Field(field) == nil || patch.Given[field] != nil || patch.Nested[field] != nil {
		return patch
	}
	with := *patch
	with.Given = maps.Clone(patch.Given)
	with.Given[field], _ = jsontext.AppendQuote(nil, name) // which is valid UTF-8
	return &with
}

// Delete marks an entity as deleted; it can be restored until it is purged. A
// second time changes nothing.
func (l *Library) Delete(ctx context.Context, c Caller, k *entity.Kind, t Target) (*Written, error) {
	written, err := l.mark(ctx, c, k, t, entity.ActionDeleted, func(e *entity.Entity) error {
		l.setDate(&e.DeletedAt)
		return nil
	})
	if err != nil {
		return nil, err
	}
	linking, total, err := l.store.Linking(ctx, c.Workspace.OID, written.Entity.OID, MaxLinking)
	if err != nil { // it is deleted all the same
		l.log.WarnContext(ctx, "What links to a deleted entity could not be read.", "kind", k.Name, "oId", t.OID, "error", err)
		return written, nil
	}
	beyond := total - len(linking)
	written.Linking = slices.DeleteFunc(linking, func(n entity.Named) bool { return n.DeletedAt != nil || n.OID == written.Entity.OID })
	written.LinkingTotal = len(written.Linking) + beyond
	return written, nil
}

// Archive marks an entity as archived: it is kept, and left out of lists. A
// second time changes nothing.
func (l *Library) Archive(ctx context.Context, c Caller, k *entity.Kind, t Target) (*Written, error) {
	return l.mark(ctx, c, k, t, entity.ActionArchived, func(e *entity.Entity) error {
		l.setDate(&e.ArchivedAt)
		return refuseDeleted(k, e)
	})
}

// Restore undoes archiving and deletion.
func (l *Library) Restore(ctx context.Context, c Caller, k *entity.Kind, t Target) (*Written, error) {
	return l.mark(ctx, c, k, t, entity.ActionRestored, func(e *entity.Entity) error {
		e.ArchivedAt, e.DeletedAt = nil, nil
		return nil
	})
}

// mark is a change of the dates in an entity's head.
func (l *Library) mark(ctx context.Context, c Caller, k *entity.Kind, t Target, action entity.Action, set func(*entity.Entity) error) (*Written, error) {
	return l.change(ctx, c, edit{
		kind: k, target: t, action: action,
		apply: func(_ context.Context, _ entity.Reader, before *entity.Entity) (*entity.Entity, []errs.Field, error) {
			next := *before
			return &next, nil, set(&next)
		},
	})
}

func (l *Library) setDate(at **time.Time) {
	if *at == nil {
		now := l.now()
		*at = &now
	}
}

// Revert makes an entity what it was after an earlier revision. Where k is nil,
// kind and entity are those of the revision.
func (l *Library) Revert(ctx context.Context, c Caller, k *entity.Kind, t Target, revisionOID string) (*Written, error) {
	if err := require(c, account.ScopeWrite); err != nil {
		return nil, err
	}
	if k == nil {
		t.need("revisionOId", revisionOID, "revision")
		if err := errs.InvalidFields(t.Errors); err != nil {
			return nil, err
		}
		rev, err := l.revision(ctx, l.store, c, revisionOID)
		if err != nil {
			return nil, err
		}
		if k, err = l.registry.Kind(rev.Kind); err != nil {
			return nil, errs.RevisionNotFound() // the kind is gone
		}
		t.OID = cmp.Or(t.OID, rev.OID)
	}
	return l.change(ctx, c, edit{
		kind: k, target: t, action: entity.ActionReverted,
		apply: func(ctx context.Context, r entity.Reader, before *entity.Entity) (*entity.Entity, []errs.Field, error) {
			rev, err := l.revision(ctx, r, c, revisionOID)
			if err != nil {
				return nil, nil, err
			}
			if rev.OID != before.OID || rev.Kind != k.Name {
				return nil, []errs.Field{{Path: "revisionOId", Message: "is a revision of another " + k.Title}}, nil
			}
			next, err := k.LoadRevision(rev)
			if err != nil {
				return nil, nil, err
			}
			next.Author, next.UpdatedAt = before.Author, before.UpdatedAt
			next.DeletedAt = nil // who brings it back wants it
			keepOnly(k, before, next)
			return next, k.Validate(next), nil
		},
	})
}

func (l *Library) revision(ctx context.Context, r entity.Reader, c Caller, oID string) (*entity.Revision, error) {
	if !account.ValidID(oID) {
		return nil, errs.RevisionNotFound()
	}
	rev, _, err := r.Revision(ctx, c.Workspace.OID, oID)
	return rev, err
}

// edit is a change of one entity.
type edit struct {
	kind   *entity.Kind
	target Target
	action entity.Action
	// make tells that an entity that is not there is made; apply gets nil then.
	make bool
	// origins are what the change is made from.
	origins []entity.Origin
	// apply returns what before becomes, which it does not change, and the errors
	// of that. It may be called more than once.
	apply func(ctx context.Context, r entity.Reader, before *entity.Entity) (*entity.Entity, []errs.Field, error)
}

// draft is a change that is prepared, and not written yet.
type draft struct {
	before *entity.Row    // nil where there was none
	stored *entity.Stored // nil where nothing differs
	rev    *entity.Revision
	result *Written
}

// singletonTries is how often a singleton's first update is tried: another one
// may have made it in between.
const singletonTries = 3

// change is every change of an entity. It is prepared outside the write queue,
// and inside only where the row was changed in between; row, links, words and
// revision are written in one transaction. A request that has errors of its own
// is told all that are known, whatever became of the entity.
func (l *Library) change(ctx context.Context, c Caller, e edit) (*Written, error) {
	if err := require(c, account.ScopeWrite); err != nil {
		return nil, err
	}
	k, t := e.kind, &e.target
	if k.Singleton {
		t.OID = cmp.Or(t.OID, singletonID(k, c.Workspace.OID))
	}
	t.need("oId", t.OID, k.Title)
	ref := entity.Ref{Workspace: c.Workspace.OID, Kind: k.Name, OID: t.OID}
	if !account.ValidID(t.OID) || k.Singleton && t.OID != singletonID(k, ref.Workspace) {
		return nil, cmp.Or(errs.InvalidFields(t.Errors), error(notFound(k)))
	}
	var d *draft
	var err error
	for range singletonTries {
		// Whatever comes of it, the answer tells what the entity is now: another
		// server may have changed it.
		d, err = l.changeOnce(ctx, c, ref, e)
		l.changed(ref)
		if !e.make || errs.KindOf(err) != errs.Conflict || errs.CodeOf(err) == errs.DeletedCode(k.Name) {
			break
		}
	}
	switch errs.KindOf(err) {
	case errs.NotFound, errs.Conflict, errs.Precondition:
		if invalid := errs.InvalidFields(t.Errors); invalid != nil {
			return nil, invalid
		}
		if errs.CodeOf(err) == errs.NotFoundCode(k.Name) {
			err = l.explain(ctx, k, ref, err)
		}
	}
	if err != nil {
		return nil, err
	}
	return d.result, nil
}

func (l *Library) changeOnce(ctx context.Context, c Caller, ref entity.Ref, e edit) (*draft, error) {
	d, err := l.prepare(ctx, l.store, c, ref, e)
	if err != nil || d.stored == nil {
		return d, err
	}
	err = l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		now, err := l.row(ctx, tx, e.kind, ref)
		if err != nil && errs.KindOf(err) != errs.NotFound {
			return err
		}
		if !sameVersion(now, d.before) {
			if d, err = l.prepare(ctx, tx, c, ref, e); err != nil || d.stored == nil {
				return err
			}
		}
		if err := d.write(ctx, tx); err != nil {
			return err
		}
		return l.join(ctx, tx, e.kind, d.result)
	})
	return d, err
}

func sameVersion(a, b *entity.Row) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Tag == b.Tag
}

// write writes what was prepared.
func (d *draft) write(ctx context.Context, tx entity.Tx) error {
	if d.before == nil {
		return tx.Insert(ctx, d.stored, d.rev)
	}
	return tx.Replace(ctx, d.stored, d.rev)
}

// join completes the document of w with what is joined to it.
func (l *Library) join(ctx context.Context, r entity.Reader, k *entity.Kind, w *Written) error {
	if len(k.Joins) == 0 {
		return nil
	}
	now, err := r.Row(ctx, w.row.Ref, k.Joins)
	if err != nil {
		return err
	}
	with := *w.row
	with.Joined = now.Joined
	w.Document, w.row = render(k, &with, nil), &with
	return nil
}

// prepare reads the entity and makes the change in memory.
func (l *Library) prepare(ctx context.Context, r entity.Reader, c Caller, ref entity.Ref, e edit) (*draft, error) {
	k := e.kind
	d := &draft{}
	var before *entity.Entity
	row, err := l.row(ctx, r, k, ref)
	switch {
	case errs.KindOf(err) == errs.NotFound && e.make && e.target.IfMatch == "":
	case errs.KindOf(err) == errs.NotFound:
		return nil, notFound(k)
	case err != nil:
		return nil, err
	default:
		d.before = row
		if !matches(e.target.IfMatch, row.Tag) {
			return nil, &errs.Error{
				Kind: errs.Precondition, Code: errs.ChangedCode(k.Name), ETag: render(k, row, nil).ETag,
				Message: "The " + k.Title + " is no longer the one that If-Match names: read it again, and repeat the change on what it is now.",
			}
		}
		if before, err = k.Load(row); err != nil {
			return nil, err
		}
	}
	next, fields, err := e.apply(ctx, r, before)
	if err != nil {
		return nil, err
	}
	var missing []string
	if next != nil {
		var refused []errs.Field
		if missing, refused, err = l.missing(ctx, r, k, ref.Workspace, before, next); err != nil {
			return nil, err
		}
		if e.target.StrictLinks {
			fields = errs.JoinAll(fields, refused)
		}
	}
	if err := errs.InvalidFields(errs.Join(e.target.Errors, fields)); err != nil {
		return nil, err
	}
	if before != nil && same(k, before, next) {
		d.result = newWritten(k, row, before)
		return d, nil
	}
	now := l.now()
	action := e.action
	if before == nil {
		next.OID, next.Author, next.CreatedAt, next.UpdatedAt = ref.OID, c.User.Author(), now, now
		action = entity.ActionCreated
	} else {
		next.UpdatedAt = after(before.UpdatedAt, now)
	}
	d.stored = k.Store(ref.Workspace, next)
	d.rev = l.newRevision(c, d.stored, action, now)
	d.rev.Origins = e.origins
	if before != nil {
		d.rev.Fields = k.Changed(before, next)
	}
	d.result = newWritten(k, &d.stored.Row, next)
	d.result.Missing = missing
	return d, nil
}

// same tells whether two versions of an entity differ in nothing but updatedAt.
// An import may change createdAt, and a revert changes it back.
func same(k *entity.Kind, a, b *entity.Entity) bool {
	return k.Equal(a, b) && a.CreatedAt.Equal(b.CreatedAt)
}

// after returns now, or the next moment after before where that is later: the
// clock was turned back, or a date ahead was imported. No version has the
// updatedAt of another, nor one before it, until the last date that there is.
func after(before, now time.Time) time.Time {
	if next := before.Add(time.Millisecond); next.After(now) && next.Year() <= 9999 {
		return next
	}
	return now
}

// newRevision returns the revision of a change that leaves an entity as s.
func (l *Library) newRevision(c Caller, s *entity.Stored, action entity.Action, at time.Time) *entity.Revision {
	return &entity.Revision{
		Ref: s.Ref, RevisionOID: l.newID(account.RevisionPrefix), Action: action,
		Author: c.User.Author(), KeyOID: c.Key.OID, Source: c.Source, At: at,
		Name: s.Name, Shape: s.Shape, Document: s.Document, Hidden: s.Hidden, ArchivedAt: s.ArchivedAt, DeletedAt: s.DeletedAt,
	}
}
