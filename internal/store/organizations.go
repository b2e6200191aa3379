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
	return all(ctx, q, query, scanOrganization)
}

// InsertOrganization implements persona.Tx.
func (t *tx) InsertOrganization(ctx context.Context, o *persona.Organization) error {
	const query = `
		insert into organizations (o_id, name, slug, domain, created_at)
		values ($1, $2, $3, $4, $5)`
	_, err := t.exec(ctx, query, o.OID, o.Name, o.Slug, o.Domain, micros(o.CreatedAt))
	if isTaken(err) {
		return taken("organization", o.Slug)
	}
	return err
}

func scanOrganization(r row) (o persona.Organization, err error) {
	var created int64
	err = r.Scan(&o.OID, &o.Name, &o.Slug, &o.Domain, &created)
	o.CreatedAt = fromMicros(created)
	return o, err
}
