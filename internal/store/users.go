package store

import (
	"context"

	"personae.dev/internal/persona"
)

// Users implements persona.Reader.
func (q *queries) Users(ctx context.Context) ([]persona.User, error) {
	defer q.timed("users")()
	const query = `
		select o_id, organization_o_id, first_name, last_name, email, role, created_at
		from users
		order by created_at, o_id`
	if err := q.hold(ctx, q.dialect.HoldAccounts); err != nil {
		return nil, err
	}
	return all(ctx, q, query, scanUser)
}

// InsertUser implements persona.Tx.
func (t *tx) InsertUser(ctx context.Context, u *persona.User) error {
	const query = `
		insert into users (o_id, organization_o_id, first_name, last_name, email, role, created_at)
		values ($1, $2, $3, $4, $5, $6, $7)
		on conflict do nothing`
	name := u.OID
	if u.Email != nil {
		name = *u.Email
	}
	t.writer.Changed(persona.Change{}) // rare, and a part of many answers
	return t.insert(ctx, query, taken("user", name), u.OID, u.OrganizationOID, u.FirstName, u.LastName, u.Email, string(u.Role), micros(u.CreatedAt))
}

func scanUser(r row) (u persona.User, err error) {
	var created int64
	err = r.Scan(&u.OID, &u.OrganizationOID, &u.FirstName, &u.LastName, &u.Email, &u.Role, &created)
	u.CreatedAt = fromMicros(created)
	return u, err
}
