package library

import (
	"context"
	"strings"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// Caller is who asks, and through what.
type Caller struct {
	*account.Principal
	Source entity.Source
}

// GetOptions say what Get answers.
type GetOptions struct {
	// Fresh reads past the cache.
	Fresh bool
	// QuestionIDs shows the ids of qualifying questions.
	QuestionIDs bool
	// Links adds "links": {"to": […], "from": […]}, last.
	Links bool
}

// Get returns an entity of the caller's workspace, deleted or not. The oID of a
// singleton may be "".
func (l *Library) Get(ctx context.Context, c Caller, k *entity.Kind, oID string, o GetOptions) (*Document, error) {
	ref, err := l.readable(c, k, oID)
	if err != nil {
		return nil, err
	}
	var d *Document
	// What is joined changes with another entity, which does not know of this one.
	if o.Fresh || o.QuestionIDs || o.Links || len(k.Joins) > 0 {
		d, err = l.getFresh(ctx, k, ref, o)
	} else {
		d, err = l.documents.get(ctx, ref, func(ctx context.Context) (*Document, error) {
			row, err := l.row(ctx, l.store, k, ref)
			if err != nil {
				return nil, err
			}
			return render(k, row, nil), nil
		})
	}
	if err != nil && k.Singleton && errs.KindOf(err) == errs.NotFound {
		return &Document{Body: []byte("null")}, nil
	}
	if err != nil {
		return nil, l.explain(ctx, k, ref, err)
	}
	return d, nil
}

// readable returns what oID names, to a caller who may read.
func (l *Library) readable(c Caller, k *entity.Kind, oID string) (entity.Ref, error) {
	if err := require(c, account.ScopeRead); err != nil {
		return entity.Ref{}, err
	}
	ref := entity.Ref{Workspace: c.Workspace.OID, Kind: k.Name, OID: strings.Clone(oID)} // a cache keeps it, and not the request's text
	switch {
	case k.Singleton && (oID == "" || oID == singletonID(k, ref.Workspace)):
		ref.OID = singletonID(k, ref.Workspace)
	case oID == "":
		return ref, errs.InvalidFields([]errs.Field{{Path: "oId", Message: "must not be empty: name the " + k.Title + ", as in ?oId=" + k.Prefix + "…"}})
	case k.Singleton || !account.ValidID(oID):
		return ref, notFound(k)
	}
	return ref, nil
}

// row reads a row, in the present shape of its kind.
func (l *Library) row(ctx context.Context, r entity.Reader, k *entity.Kind, ref entity.Ref) (*entity.Row, error) {
	row, err := r.Row(ctx, ref, k.Joins)
	if err != nil {
		return nil, err
	}
	return current(k, row)
}

// current returns row in the present shape of its kind.
func current(k *entity.Kind, row *entity.Row) (*entity.Row, error) {
	if row.Shape >= k.Shape {
		return row, nil
	}
	e, err := k.Load(row)
	if err != nil {
		return nil, err
	}
	now := k.Store(row.Workspace, e).Row
	now.Author, now.Joined = row.Author, row.Joined
	return &now, nil
}

// getFresh reads past the cache.
func (l *Library) getFresh(ctx context.Context, k *entity.Kind, ref entity.Ref, o GetOptions) (*Document, error) {
	row, err := l.rowNow(ctx, k, ref)
	if err != nil {
		return nil, err
	}
	var links []byte
	if o.Links {
		if links, err = l.links(ctx, k, row); err != nil {
			return nil, err
		}
	}
	if o.QuestionIDs {
		if row, err = withQuestionIDs(k, row); err != nil {
			return nil, err
		}
	}
	return render(k, row, links), nil
}

// rowNow reads a row past the cache, which forgets what it has: nobody shall see
// an older version afterwards.
func (l *Library) rowNow(ctx context.Context, k *entity.Kind, ref entity.Ref) (*entity.Row, error) {
	row, err := l.row(ctx, l.store, k, ref)
	l.documents.drop(ref)
	return row, err
}

// Entity returns an entity as it is now, past the cache.
func (l *Library) Entity(ctx context.Context, c Caller, k *entity.Kind, oID string) (*entity.Entity, error) {
	ref, err := l.readable(c, k, oID)
	if err != nil {
		return nil, err
	}
	row, err := l.rowNow(ctx, k, ref)
	if err != nil {
		return nil, l.explain(ctx, k, ref, err)
	}
	return k.Load(row)
}

// Limits of histories.
const (
	DefaultRevisions     = 25
	MaxRevisions         = 100
	MaxRevisionEntityIDs = 20
)

// Revisions returns a page of the history of the caller's workspace, newest
// first. Its workspace is set here; form are the errors of the request's form.
func (l *Library) Revisions(ctx context.Context, c Caller, q entity.RevisionQuery, form ...errs.Field) (*entity.RevisionPage, error) {
	if err := require(c, account.ScopeRead); err != nil {
		return nil, err
	}
	var list errs.List
	list.AddAll(form)
	checkPage(&list, q.Limit, MaxRevisions, q.Offset)
	if len(q.OIDs) > MaxRevisionEntityIDs {
		list.Add("entityOIds", "has %d ids; the limit is %d", len(q.OIDs), MaxRevisionEntityIDs)
	}
	if err := list.Err(); err != nil {
		return nil, err
	}
	var possible bool
	if q.OIDs, possible = validIDs(q.OIDs, q.AuthorOID, q.KeyOID); !possible {
		return &entity.RevisionPage{}, nil
	}
	q.Workspace = c.Workspace.OID
	return l.store.Revisions(ctx, q)
}

// validIDs returns the ids that something can have. possible is false where that
// is none of many, or where one of single is set and is no id.
func validIDs(many []string, single ...string) (valid []string, possible bool) {
	for _, oID := range many {
		if account.ValidID(oID) {
			valid = append(valid, oID)
		}
	}
	possible = len(valid) > 0 || len(many) == 0
	for _, oID := range single {
		possible = possible && (oID == "" || account.ValidID(oID))
	}
	return valid, possible
}

// RevisionDetail is one change in full.
type RevisionDetail struct {
	*entity.Revision
	Kind *entity.Kind
	// Before is nil for the first revision.
	Before, After *entity.Entity
	// BeforeBody and AfterBody are as Document.Body; BeforeBody is nil for the
	// first.
	BeforeBody, AfterBody []byte
	Diff                  entity.Diff
}

// Revision returns one change of an entity of the caller's workspace.
func (l *Library) Revision(ctx context.Context, c Caller, revisionOID string) (*RevisionDetail, error) {
	if err := require(c, account.ScopeRead); err != nil {
		return nil, err
	}
	if !account.ValidID(revisionOID) {
		return nil, errs.RevisionNotFound()
	}
	rev, before, err := l.store.Revision(ctx, c.Workspace.OID, revisionOID)
	if err != nil {
		return nil, err
	}
	k, err := l.registry.Kind(rev.Kind)
	if err != nil {
		return nil, errs.RevisionNotFound() // the kind is gone
	}
	row, err := l.store.Row(ctx, rev.Ref, k.Joins) // for what is joined
	if errs.KindOf(err) == errs.NotFound {         // it was purged in between
		return nil, errs.RevisionNotFound()
	}
	if err != nil {
		return nil, err
	}
	d := &RevisionDetail{Revision: rev, Kind: k}
	if d.After, d.AfterBody, err = revised(k, rev, row); err != nil {
		return nil, err
	}
	if before != nil {
		if d.Before, d.BeforeBody, err = revised(k, before, row); err != nil {
			return nil, err
		}
	}
	d.Diff = k.Diff(d.Before, d.After)
	return d, nil
}

// revised returns the entity as a revision left it, and its document; row is the
// entity now.
func revised(k *entity.Kind, rev *entity.Revision, row *entity.Row) (*entity.Entity, []byte, error) {
	e, err := k.LoadRevision(rev)
	if err != nil {
		return nil, nil, err
	}
	e.Author = row.Author
	was := *row
	was.Document = rev.Document
	if rev.Shape < k.Shape {
		was.Document = k.Store(rev.Workspace, e).Document
	}
	return e, render(k, &was, nil).Body, nil
}

// withQuestionIDs returns the row with a document where qualifying questions
// have their ids, which the published shape lacks.
func withQuestionIDs(k *entity.Kind, row *entity.Row) (*entity.Row, error) {
	with := *row
	var err error
	with.Document, err = k.DocumentWithQuestionIDs(row)
	return &with, err
}
