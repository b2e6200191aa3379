package store

import (
	"context"

	"personae.dev/internal/persona"
)

// Organizations implements persona.Reader.
func (q *queries) Organizations(ctx context.Context) ([]persona.Organization, error) {
	defer q.timed("organizations")()
	const query = `
		select o_id, name, slug, domain, created_at
		from organizations
		order by created_at, o_id`
	if err := q.hold(ctx, q.dialect.HoldAccounts); err != nil {
		return nil, err
	}
	return all(ctx, q, query, scanOrganization)
}

// InsertOrganization implements persona.Tx.
func (t *tx) InsertOrganization(ctx context.Context, o *persona.Organization) error {
	const query = `
		insert into organizations (o_id, name, slug, domain, created_at)
		values ($1, $2, $3, $4, $5)
		on conflict do nothing`
	t.writer.Changed(persona.Change{}) // rare, and a part of many answers
	return t.insert(ctx, query, taken("organization", o.Slug), o.OID, o.Name, o.Slug, o.Domain, micros(o.CreatedAt))
}

func scanOrganization(r row) (o persona.Organization, err error) {
	var created int64
	err = r.Scan(&o.OID, &o.Name, &o.Slug, &o.Domain, &created)
	o.CreatedAt = fromMicros(created)
	return o, err
}
