package store

import (
	"context"
	"time"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/document"
	"personae.dev/internal/store/measure"
	"personae.dev/internal/store/personarow"
)

const revisionColumns = `
	r.o_id, p.workspace_o_id, p.o_id, r.number, r.action, coalesce(r.key_o_id, ''), r.created_at, r.snapshot,
	u.o_id, u.organization_o_id, u.first_name, u.last_name, u.email, u.role, u.created_at`

const (
	countRevisions = `
		select count(*)
		from revisions r
		join personas p on p.id = r.persona_id
		where p.workspace_o_id = $1 and p.o_id = $2`
	listRevisions = `
		select ` + revisionColumns + `
		from revisions r
		join personas p on p.id = r.persona_id
		join users u on u.o_id = r.user_o_id
		where p.workspace_o_id = $1 and p.o_id = $2
		order by r.number desc
		limit $3 offset $4`
)

// Revisions implements persona.Reader: page and total are of one moment.
func (s *Store) Revisions(ctx context.Context, workspaceOID, personaOID string, query persona.RevisionQuery) (page *persona.RevisionPage, err error) {
	err = s.snapshot(ctx, []string{countRevisions, listRevisions, personaByID}, func(q *queries) error {
		page, err = q.Revisions(ctx, workspaceOID, personaOID, query)
		return err
	})
	return page, err
}

// Revisions implements persona.Reader.
func (q *queries) Revisions(ctx context.Context, workspaceOID, personaOID string, query persona.RevisionQuery) (*persona.RevisionPage, error) {
	defer q.timed("revisions")()
	total, err := one(ctx, q, countRevisions, scanInt, nil, workspaceOID, personaOID)
	if err != nil {
		return nil, err
	}
	// One more tells what stood before the last, and whether something follows.
	found, err := all(ctx, q, listRevisions, measure.Within(query.MaxBytes, scanRevision), workspaceOID, personaOID, query.Limit+1, query.Offset)
	if err != nil {
		return nil, err
	}
	if err := q.complete(ctx, workspaceOID, found); err != nil {
		return nil, err
	}
	page := &persona.RevisionPage{Revisions: chain(found), Total: total}
	if page.HasNext = len(found) > query.Limit; page.HasNext {
		page.Revisions = found[:query.Limit]
	}
	return page, nil
}

const revisionByID = `
	select ` + revisionColumns + `
	from revisions asked
	join revisions r on r.persona_id = asked.persona_id and r.number in (asked.number, asked.number - 1)
	join personas p on p.id = r.persona_id
	join users u on u.o_id = r.user_o_id
	where p.workspace_o_id = $1 and asked.o_id = $2
	order by r.number desc`

// Revision implements persona.Reader: revision and persona are of one moment.
func (s *Store) Revision(ctx context.Context, workspaceOID, oID string) (r *persona.Revision, err error) {
	err = s.snapshot(ctx, []string{revisionByID, personaByID}, func(q *queries) error {
		r, err = q.Revision(ctx, workspaceOID, oID)
		return err
	})
	return r, err
}

// Revision implements persona.Reader.
func (q *queries) Revision(ctx context.Context, workspaceOID, oID string) (*persona.Revision, error) {
	defer q.timed("revision")()
	found, err := all(ctx, q, revisionByID, scanRevision, workspaceOID, oID)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, persona.RevisionNotFound()
	}
	if err := q.complete(ctx, workspaceOID, found); err != nil {
		return nil, err
	}
	return chain(found)[0], nil
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

// chain sets what each revision changed: what the next, which is older, left.
func chain(revisions []*persona.Revision) []*persona.Revision {
	for i := range revisions[:max(len(revisions)-1, 0)] {
		revisions[i].Before = revisions[i+1].Persona
	}
	return revisions
}

func scanRevision(r row) (*persona.Revision, error) {
	var (
		revision             persona.Revision
		workspaceOID         string
		created, userCreated int64
		snapshot             []byte
	)
	u := &revision.User
	err := r.Scan(&revision.OID, &workspaceOID, &revision.PersonaOID, &revision.Number, &revision.Action, &revision.KeyOID, &created, &snapshot,
		&u.OID, &u.OrganizationOID, &u.FirstName, &u.LastName, &u.Email, &u.Role, &userCreated)
	if err != nil {
		return nil, err
	}
	revision.At, u.CreatedAt = fromMicros(created), fromMicros(userCreated)
	if string(snapshot) == personarow.AsNow {
		return &revision, nil // see complete
	}
	revision.Persona, err = document.DecodeSnapshot(snapshot, workspaceOID, revision.PersonaOID)
	return &revision, err
}

// InsertRevision implements persona.Tx.
func (t *tx) InsertRevision(ctx context.Context, r *persona.Revision) error {
	defer t.timed("insert_revision")()
	const query = `
		insert into revisions (o_id, persona_id, number, action, user_o_id, key_o_id, created_at, snapshot)
		select $3, p.id, coalesce((select max(number) from revisions where persona_id = p.id), 0) + 1, $4, $5, nullif($6, ''), $7, $8
		from personas p
		where p.workspace_o_id = $1 and p.o_id = $2
		returning number`
	var err error
	r.Number, err = one(ctx, &t.queries, query, scanInt, error(persona.PersonaNotFound()),
		r.Persona.WorkspaceOID, r.Persona.OID, r.OID, string(r.Action), r.User.OID, r.KeyOID, micros(r.At), personarow.AsNow)
	return err
}

// keepSnapshot writes down what the newest revision of a persona left, which is
// about to be replaced, and returns the status that it has until then.
func (t *tx) keepSnapshot(ctx context.Context, workspaceOID, personaOID string) (persona.Status, error) {
	const query = `
		update revisions
		set snapshot = $3
		where o_id = (
				select r.o_id
				from revisions r
				join personas p on p.id = r.persona_id
				where p.workspace_o_id = $1 and p.o_id = $2
				order by r.number desc
				limit 1)
			and snapshot = $4`
	p, err := t.Persona(ctx, workspaceOID, personaOID)
	if err != nil {
		return "", err
	}
	text, err := document.EncodeSnapshot(p)
	if err != nil {
		return "", err
	}
	_, err = t.exec(ctx, query, workspaceOID, personaOID, text, personarow.AsNow)
	return p.Status(), err
}

// FirstAnswer implements persona.Reader.
func (q *queries) FirstAnswer(ctx context.Context, workspaceOID, key string) (*persona.FirstAnswer, error) {
	const query = `
		select workspace_o_id, key, persona_o_id, body_digest, answer, etag, created_at
		from idempotent_answers
		where workspace_o_id = $1 and key = $2`
	if err := q.hold(ctx, q.dialect.holdKey, workspaceOID, key); err != nil {
		return nil, err
	}
	missing := persona.NotFoundf("first_answer_not_found", "Nothing was created with the idempotency key %s.", key)
	return one(ctx, q, query, func(r row) (*persona.FirstAnswer, error) {
		var (
			a       persona.FirstAnswer
			digest  []byte
			created int64
		)
		err := r.Scan(&a.WorkspaceOID, &a.Key, &a.PersonaOID, &digest, &a.Answer, &a.ETag, &created)
		copy(a.BodyDigest[:], digest)
		a.At = fromMicros(created)
		return &a, err
	}, error(missing), workspaceOID, key)
}

// PutFirstAnswer implements persona.Tx.
func (t *tx) PutFirstAnswer(ctx context.Context, a *persona.FirstAnswer) error {
	const query = `
		insert into idempotent_answers (workspace_o_id, key, persona_o_id, body_digest, answer, etag, created_at)
		values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (workspace_o_id, key) do update
		set persona_o_id = excluded.persona_o_id, body_digest = excluded.body_digest, answer = excluded.answer, etag = excluded.etag, created_at = excluded.created_at`
	_, err := t.exec(ctx, query, a.WorkspaceOID, a.Key, a.PersonaOID, a.BodyDigest[:], string(a.Answer), a.ETag, micros(a.At))
	return err
}

// PurgeFirstAnswers implements persona.Tx.
func (t *tx) PurgeFirstAnswers(ctx context.Context, before time.Time) (int, error) {
	const query = `
		delete from idempotent_answers
		where (workspace_o_id, key) in (select workspace_o_id, key from idempotent_answers where created_at < $1`
	result, err := t.exec(ctx, query+t.dialect.passHeld+")", micros(before))
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}
