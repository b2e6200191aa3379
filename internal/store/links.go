package store

import (
	"context"
	"database/sql"
	"fmt"

	"personae.dev/internal/entity"
)

// facetPosition is the position of a row of links that is no link, but the value
// of an enum field that lists filter by.
const facetPosition = -1

// linkRow is a row of links, as PostgreSQL is handed it, too.
type linkRow struct {
	Field    string `json:"field"`
	Position int    `json:"position"`
	Target   string `json:"target"`
}

// linkRows are the rows of links of an entity.
func linkRows(s *entity.Stored) []linkRow {
	rows := make([]linkRow, 0, len(s.Links)+len(s.Facets))
	for _, l := range s.Links {
		rows = append(rows, linkRow{l.Field, l.Position, l.Target})
	}
	for _, f := range s.Facets {
		rows = append(rows, linkRow{f.Field, facetPosition, f.Value})
	}
	return rows
}

// Links implements entity.Reader.
func (q *queries) Links(ctx context.Context, ref entity.Ref) ([]entity.Link, error) {
	const query = `
		select l.field, l.position, l.target
		from entities e
		join links l on l.entity_id = e.id and l.workspace = e.workspace
		where e.workspace = $1 and e.o_id = $2 and e.kind = $3 and l.position >= 0
		order by l.field, l.position`
	return all(ctx, q, query, scanLink, ref.Workspace, ref.OID, ref.Kind)
}

func scanLink(r row) (l entity.Link, err error) {
	err = r.Scan(&l.Field, &l.Position, &l.Target)
	return l, err
}

// Linking implements entity.Reader. An entity that links to the target under two
// fields is there twice.
func (q *queries) Linking(ctx context.Context, workspace, target string, limit int) (named []entity.Named, total int, _ error) {
	const query = `
		select kind, o_id, name, deleted_at, field, count(*) over ()
		from (
			select distinct e.kind, e.o_id, e.name, e.deleted_at, l.field, e.id
			from links l
			join entities e on e.id = l.entity_id and e.workspace = l.workspace
			where l.workspace = $1 and l.target = $2 and l.position >= 0
		) f
		order by id, field
		limit $3`
	named, err := all(ctx, q, query, func(r row) (entity.Named, error) { return scanNamed(withMore{r, []any{&total}}) }, workspace, target, limit)
	return named, total, err
}

// Neighbours implements entity.Reader.
func (q *queries) Neighbours(ctx context.Context, workspace, kind string, oIDs []string) ([]entity.Neighbour, error) {
	if len(oIDs) == 0 {
		return nil, nil
	}
	oneOf := fmt.Sprintf(q.texts, "$3")
	query := `
		select e.o_id, l.field, 0, coalesce(t.kind, ''), l.target, coalesce(t.name, ''), t.archived_at, t.deleted_at, l.position
		from entities e
		join links l on l.entity_id = e.id and l.workspace = e.workspace
		left join entities t on t.workspace = l.workspace and t.o_id = l.target
		where e.workspace = $1 and e.kind = $2 and e.o_id in ` + oneOf + ` and l.position >= 0
		union all
		select l.target, l.field, 1, e.kind, e.o_id, e.name, e.archived_at, e.deleted_at, e.id
		from links l
		join entities e on e.id = l.entity_id and e.workspace = l.workspace
		where l.workspace = $1 and l.target in ` + oneOf + ` and l.position >= 0
		order by 3, 1, 2, 9, 4`
	return all(ctx, q, query, func(r row) (n entity.Neighbour, err error) {
		var back, order int64
		var archived, deleted sql.Null[int64]
		err = r.Scan(&n.Of, &n.Field, &back, &n.Kind, &n.OID, &n.Name, &archived, &deleted, &order)
		n.Back, n.Status = back == 1, entity.StatusOf(fromNullMillis(archived), fromNullMillis(deleted))
		return n, err
	}, workspace, kind, jsonText(oIDs))
}

// withMore is a row that has more columns than those that are scanned.
type withMore struct {
	row
	more []any
}

// Scan implements row.
func (r withMore) Scan(dest ...any) error { return r.row.Scan(append(dest, r.more...)...) }
