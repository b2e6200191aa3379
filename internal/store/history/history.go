// Package history is how revisions and first answers are kept in a database: the
// statements, and how a row of them is read. It runs no SQL.
package history

import (
	"time"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/document"
	"personae.dev/internal/store/measure"
	"personae.dev/internal/store/personarow"
)

const columns = `
	r.o_id, p.workspace_o_id, p.o_id, r.number, r.action, coalesce(r.key_o_id, ''), r.created_at, r.snapshot,
	u.o_id, u.organization_o_id, u.first_name, u.last_name, u.email, u.role, u.created_at`

// The statements about revisions: how many a persona has, a page of them, one
// with the one before it, one more, and what the newest left.
const (
	Count = `
		select count(*)
		from revisions r
		join personas p on p.id = r.persona_id
		where p.workspace_o_id = $1 and p.o_id = $2`
	List = `
		select ` + columns + `
		from revisions r
		join personas p on p.id = r.persona_id
		join users u on u.o_id = r.user_o_id
		where p.workspace_o_id = $1 and p.o_id = $2
		order by r.number desc
		limit $3 offset $4`
	ByID = `
		select ` + columns + `
		from revisions asked
		join revisions r on r.persona_id = asked.persona_id and r.number in (asked.number, asked.number - 1)
		join personas p on p.id = r.persona_id
		join users u on u.o_id = r.user_o_id
		where p.workspace_o_id = $1 and asked.o_id = $2
		order by r.number desc`
	Insert = `
		insert into revisions (o_id, persona_id, number, action, user_o_id, key_o_id, created_at, snapshot)
		select $3, p.id, coalesce((select max(number) from revisions where persona_id = p.id), 0) + 1, $4, $5, nullif($6, ''), $7, $8
		from personas p
		where p.workspace_o_id = $1 and p.o_id = $2
		returning number`
	Keep = `
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
)

// Scan reads a revision, without its persona where that is as it is now.
func Scan(r measure.Row) (*persona.Revision, error) {
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
	revision.At, u.CreatedAt = at(created), at(userCreated)
	if string(snapshot) == personarow.AsNow {
		return &revision, nil
	}
	revision.Persona, err = document.DecodeSnapshot(snapshot, workspaceOID, revision.PersonaOID)
	return &revision, err
}

// Chain sets what each revision changed: what the next, which is older, left.
func Chain(revisions []*persona.Revision) []*persona.Revision {
	for i := range revisions[:max(len(revisions)-1, 0)] {
		revisions[i].Before = revisions[i+1].Persona
	}
	return revisions
}

// The statements about first answers.
const (
	FirstAnswer = `
		select workspace_o_id, key, persona_o_id, body_digest, answer, etag, created_at
		from idempotent_answers
		where workspace_o_id = $1 and key = $2`
	PutFirstAnswer = `
		insert into idempotent_answers (workspace_o_id, key, persona_o_id, body_digest, answer, etag, created_at)
		values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (workspace_o_id, key) do update
		set persona_o_id = excluded.persona_o_id, body_digest = excluded.body_digest, answer = excluded.answer, etag = excluded.etag, created_at = excluded.created_at`
)

// ScanFirstAnswer reads a first answer.
func ScanFirstAnswer(r measure.Row) (*persona.FirstAnswer, error) {
	var (
		a       persona.FirstAnswer
		digest  []byte
		created int64
	)
	err := r.Scan(&a.WorkspaceOID, &a.Key, &a.PersonaOID, &digest, &a.Answer, &a.ETag, &created)
	copy(a.BodyDigest[:], digest)
	a.At = at(created)
	return &a, err
}

func at(us int64) time.Time { return time.UnixMicro(us).UTC() }
