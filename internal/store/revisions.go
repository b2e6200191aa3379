package store

import (
	"context"
	"time"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/document"
	"personae.dev/internal/store/history"
	"personae.dev/internal/store/measure"
	"personae.dev/internal/store/personarow"
)

// Revisions implements persona.Reader: page and total are of one moment.
func (s *Store) Revisions(ctx context.Context, workspaceOID, personaOID string, query persona.RevisionQuery) (page *persona.RevisionPage, err error) {
	err = s.snapshot(ctx, []string{history.Count, history.List, personaByID}, func(q *queries) error {
		page, err = q.Revisions(ctx, workspaceOID, personaOID, query)
		return err
	})
	return page, err
}

// Revisions implements persona.Reader.
func (q *queries) Revisions(ctx context.Context, workspaceOID, personaOID string, query persona.RevisionQuery) (*persona.RevisionPage, error) {
	defer q.timed("revisions")()
	if err := q.hold(ctx, q.dialect.HoldPersona, workspaceOID, personaOID); err != nil {
		return nil, err
	}
	total, err := one(ctx, q, history.Count, scanInt, nil, workspaceOID, personaOID)
	if err != nil {
		return nil, err
	}
	// One more tells what stood before the last, and whether something follows.
	found, err := all(ctx, q, history.List, measure.Within(query.MaxBytes, history.Scan), workspaceOID, personaOID, query.Limit+1, query.Offset)
	if err != nil {
		return nil, err
	}
	if err := q.complete(ctx, workspaceOID, found); err != nil {
		return nil, err
	}
	page := &persona.RevisionPage{Revisions: history.Chain(found), Total: total}
	if page.HasNext = len(found) > query.Limit; page.HasNext {
		page.Revisions = found[:query.Limit]
	}
	return page, nil
}

// Revision implements persona.Reader: revision and persona are of one moment.
func (s *Store) Revision(ctx context.Context, workspaceOID, oID string) (r *persona.Revision, err error) {
	err = s.snapshot(ctx, []string{history.ByID, personaByID}, func(q *queries) error {
		r, err = q.Revision(ctx, workspaceOID, oID)
		return err
	})
	return r, err
}

// Revision implements persona.Reader.
func (q *queries) Revision(ctx context.Context, workspaceOID, oID string) (*persona.Revision, error) {
	defer q.timed("revision")()
	if err := q.hold(ctx, q.dialect.HoldOfRevision, workspaceOID, oID); err != nil {
		return nil, err
	}
	found, err := all(ctx, q, history.ByID, history.Scan, workspaceOID, oID)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, persona.RevisionNotFound()
	}
	if err := q.complete(ctx, workspaceOID, found); err != nil {
		return nil, err
	}
	return history.Chain(found)[0], nil
}

// complete reads what the newest revision left, where that is the persona as it
// is now.
func (q *queries) complete(ctx context.Context, workspaceOID string, newestFirst []*persona.Revision) error {
	if len(newestFirst) == 0 || newestFirst[0].Persona != nil {
		return nil
	}
	newest := newestFirst[0]
	p, err := q.Persona(ctx, workspaceOID, newest.PersonaOID)
	if err != nil {
		return err
	}
	p.Author = persona.User{} // it is no part of the history
	newest.Persona = p
	return nil
}

// InsertRevision implements persona.Tx.
func (t *tx) InsertRevision(ctx context.Context, r *persona.Revision) error {
	defer t.timed("insert_revision")()
	var err error
	r.Number, err = one(ctx, &t.queries, history.Insert, scanInt, error(persona.PersonaNotFound()),
		r.Persona.WorkspaceOID, r.Persona.OID, r.OID, string(r.Action), r.User.OID, r.KeyOID, micros(r.At), personarow.AsNow)
	return err
}

// keepSnapshot writes down what the newest revision of a persona left, which is
// about to be replaced, and returns the status that it has until then.
func (t *tx) keepSnapshot(ctx context.Context, workspaceOID, personaOID string) (persona.Status, error) {
	p, err := t.Persona(ctx, workspaceOID, personaOID)
	if err != nil {
		return "", err
	}
	text, err := document.EncodeSnapshot(p)
	if err != nil {
		return "", err
	}
	_, err = t.exec(ctx, history.Keep, workspaceOID, personaOID, text, personarow.AsNow)
	return p.Status(), err
}

// FirstAnswer implements persona.Reader.
func (q *queries) FirstAnswer(ctx context.Context, workspaceOID, key string) (*persona.FirstAnswer, error) {
	if err := q.hold(ctx, q.dialect.HoldKey, workspaceOID, key); err != nil {
		return nil, err
	}
	missing := persona.NotFoundf("first_answer_not_found", "Nothing was created with the idempotency key %s.", key)
	return one(ctx, q, history.FirstAnswer, history.ScanFirstAnswer, error(missing), workspaceOID, key)
}

// PutFirstAnswer implements persona.Tx.
func (t *tx) PutFirstAnswer(ctx context.Context, a *persona.FirstAnswer) error {
	_, err := t.exec(ctx, history.PutFirstAnswer, a.WorkspaceOID, a.Key, a.PersonaOID, a.BodyDigest[:], string(a.Answer), a.ETag, micros(a.At))
	return err
}

// PurgeFirstAnswers implements persona.Tx.
func (t *tx) PurgeFirstAnswers(ctx context.Context, before time.Time) (int, error) {
	const query = `
		delete from idempotent_answers
		where (workspace_o_id, key) in (select workspace_o_id, key from idempotent_answers where created_at < $1`
	result, err := t.exec(ctx, query+t.dialect.PassHeld+")", micros(before))
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}
