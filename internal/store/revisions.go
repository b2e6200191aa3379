package store

import (
	"context"
	"database/sql"
	"time"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/document"
)

const revisionColumns = `
	r.o_id, p.workspace_o_id, p.o_id, r.number, r.action, coalesce(r.key_o_id, ''), r.created_at, r.snapshot, b.snapshot,
	u.o_id, u.organization_o_id, u.first_name, u.last_name, u.email, u.role, u.created_at`

// Revisions implements persona.Reader.
func (q *queries) Revisions(ctx context.Context, workspaceOID, personaOID string, limit, offset int) ([]*persona.Revision, int, error) {
	defer q.timed("revisions")()
	const count = `
		select count(*)
		from revisions r
		join personas p on p.id = r.persona_id
		where p.workspace_o_id = $1 and p.o_id = $2`
	const query = `
		select ` + revisionColumns + `
		from revisions r
		join personas p on p.id = r.persona_id
		join users u on u.o_id = r.user_o_id
		left join revisions b on b.persona_id = r.persona_id and b.number = r.number - 1
		where p.workspace_o_id = $1 and p.o_id = $2
		order by r.number desc
		limit $3 offset $4`
	total, err := one(ctx, q, count, scanInt, nil, workspaceOID, personaOID)
	if err != nil {
		return nil, 0, err
	}
	revisions, err := all(ctx, q, query, scanRevision, workspaceOID, personaOID, limit, offset)
	return revisions, total, err
}

// Revision implements persona.Reader.
func (q *queries) Revision(ctx context.Context, workspaceOID, oID string) (*persona.Revision, error) {
	defer q.timed("revision")()
	const query = `
		select ` + revisionColumns + `
		from revisions r
		join personas p on p.id = r.persona_id
		join users u on u.o_id = r.user_o_id
		left join revisions b on b.persona_id = r.persona_id and b.number = r.number - 1
		where p.workspace_o_id = $1 and r.o_id = $2`
	return one(ctx, q, query, scanRevision, error(persona.RevisionNotFound()), workspaceOID, oID)
}

func scanRevision(r row) (*persona.Revision, error) {
	var (
		revision             persona.Revision
		workspaceOID         string
		created, userCreated int64
		after                []byte
		before               sql.Null[[]byte]
	)
	u := &revision.User
	err := r.Scan(&revision.OID, &workspaceOID, &revision.PersonaOID, &revision.Number, &revision.Action, &revision.KeyOID, &created, &after, &before,
		&u.OID, &u.OrganizationOID, &u.FirstName, &u.LastName, &u.Email, &u.Role, &userCreated)
	if err != nil {
		return nil, err
	}
	revision.At, u.CreatedAt = fromMicros(created), fromMicros(userCreated)
	if revision.Persona, err = document.DecodeSnapshot(after, workspaceOID, revision.PersonaOID); err != nil {
		return nil, err
	}
	if before.Valid {
		if revision.Before, err = document.DecodeSnapshot(before.V, workspaceOID, revision.PersonaOID); err != nil {
			return nil, err
		}
	}
	return &revision, nil
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
	text, err := document.EncodeSnapshot(r.Persona)
	if err != nil {
		return err
	}
	r.Number, err = one(ctx, &t.queries, query, scanInt, error(persona.PersonaNotFound()),
		r.Persona.WorkspaceOID, r.Persona.OID, r.OID, string(r.Action), r.User.OID, r.KeyOID, micros(r.At), text)
	return err
}

// FirstAnswer implements persona.Reader.
func (q *queries) FirstAnswer(ctx context.Context, workspaceOID, key string) (*persona.FirstAnswer, error) {
	const query = `
		select workspace_o_id, key, persona_o_id, body_digest, answer, etag, created_at
		from idempotent_answers
		where workspace_o_id = $1 and key = $2`
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

// InsertFirstAnswer implements persona.Tx.
func (t *tx) InsertFirstAnswer(ctx context.Context, a *persona.FirstAnswer) error {
	const query = `
		insert into idempotent_answers (workspace_o_id, key, persona_o_id, body_digest, answer, etag, created_at)
		values ($1, $2, $3, $4, $5, $6, $7)`
	_, err := t.exec(ctx, query, a.WorkspaceOID, a.Key, a.PersonaOID, a.BodyDigest[:], string(a.Answer), a.ETag, micros(a.At))
	if isTaken(err) {
		return taken("idempotency key", a.Key)
	}
	return err
}

// PurgeFirstAnswers implements persona.Tx.
func (t *tx) PurgeFirstAnswers(ctx context.Context, before time.Time) (int, error) {
	const query = `delete from idempotent_answers where created_at < $1`
	result, err := t.exec(ctx, query, micros(before))
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}
