package store

import (
	"context"
	"encoding/json"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/counts"
	texts "personae.dev/internal/store/listing"
	"personae.dev/internal/store/measure"
	"personae.dev/internal/store/personarow"
	"personae.dev/internal/store/segments"
)

// List implements persona.Reader: page and total are of one moment.
func (s *Store) List(ctx context.Context, workspaceOID string, query persona.Query) (page *persona.Page, err error) {
	l, err := s.listing(ctx, workspaceOID, query)
	if err != nil {
		return nil, err
	}
	err = s.snapshot(ctx, l.texts(), func(q *queries) error {
		page, err = q.list(ctx, l)
		return err
	})
	return page, err
}

// List implements persona.Reader.
func (t *tx) List(ctx context.Context, workspaceOID string, query persona.Query) (*persona.Page, error) {
	if err := t.writer.Flush(ctx); err != nil {
		return nil, t.translate(err)
	}
	l, err := t.listing(ctx, workspaceOID, query)
	if err != nil {
		return nil, err
	}
	return t.list(ctx, l)
}

func (q *queries) list(ctx context.Context, l *listing) (*persona.Page, error) {
	defer q.timed("list")()
	total, err := q.count(ctx, l)
	if err != nil {
		return nil, err
	}
	personas, err := q.listed(ctx, l)
	if err != nil {
		return nil, err
	}
	page := &persona.Page{Personas: personas, Total: total}
	if page.HasNext = len(personas) > l.query.Limit; page.HasNext {
		page.Personas = personas[:l.query.Limit]
	}
	return page, nil
}

// count returns how many personas a list has. Where segments find them, it notes
// which the page has.
func (q *queries) count(ctx context.Context, l *listing) (int, error) {
	if !l.bySegments {
		return one(ctx, q, l.count, scanInt, nil, l.args[:l.countArgs]...)
	}
	total, ids, err := q.dialect.Segments.Search(ctx, q.Runner, l.workspaceOID, &l.query)
	if err != nil {
		return 0, q.translate(err)
	}
	text, err := json.Marshal(ids)
	l.args = []any{l.workspaceOID, string(text)}
	return total, err
}

// readAlone is how many personas of a page are read one by one, where the caller
// has the others.
const readAlone = 5

// listed reads a page, and one persona more.
func (q *queries) listed(ctx context.Context, l *listing) ([]*persona.Persona, error) {
	whole := measure.Within(l.query.MaxBytes, personarow.Scan)
	if l.query.Have == nil {
		return all(ctx, q, l.page, whole, l.args...)
	}
	personas, err := all(ctx, q, l.heads, headsWithin(l.query.MaxBytes), l.args...)
	if err != nil {
		return nil, err
	}
	var missing []int
	for i, p := range personas[:min(len(personas), l.query.Limit)] {
		if !l.query.Have(p.OID, p.UpdatedAt) {
			missing = append(missing, i)
		}
	}
	if len(missing) > readAlone {
		l.query.Have = nil
		return q.listed(ctx, l)
	}
	for _, i := range missing {
		if personas[i], err = one(ctx, q, personaByID, personarow.Scan, nil, l.workspaceOID, personas[i].OID); err != nil {
			return nil, err
		}
	}
	return personas, nil
}

// headColumns are what a list has of each persona.
const headColumns = "p.o_id, p.name, p.created_at, p.updated_at, octet_length(p.document)"

// headsWithin reads headColumns, and bounds what all documents together have.
func headsWithin(limit int) func(row) (*persona.Persona, error) {
	left := limit
	return func(r row) (*persona.Persona, error) {
		var (
			p                      persona.Persona
			created, updated, size int64
		)
		err := r.Scan(&p.OID, &p.Name, &created, &updated, &size)
		p.CreatedAt, p.UpdatedAt = fromMicros(created), fromMicros(updated)
		if left -= int(size); err == nil && limit > 0 && left < 0 {
			err = persona.PageTooLarge(limit)
		}
		return &p, err
	}
}

// Of a page that segments found, its rows in their order.
const (
	foundPage  = "select " + personarow.Columns + foundRows + withAuthor + " order by found.key"
	foundHeads = "select " + headColumns + foundRows + " order by found.key"
	foundRows  = `
		from json_each($2) found
		cross join personas p on p.id = found.value and p.workspace_o_id = $1
		`
	withAuthor = "join users u on u.o_id = p.user_o_id"
)

// listing is a list that is asked for.
type listing struct {
	workspaceOID string
	query        persona.Query
	// bySegments says that there are words, and an index for them beside SQL.
	bySegments bool
	// page and heads read a page with args; count counts the list with the first
	// countArgs of them.
	count, page, heads string
	args               []any
	countArgs          int
}

// texts are the statements that a list may run.
func (l *listing) texts() []string {
	if l.bySegments {
		return append(segments.Texts(), l.page, l.heads, personaByID)
	}
	return []string{l.count, l.page, l.heads, personaByID}
}

func (q *queries) listing(ctx context.Context, workspaceOID string, query persona.Query) (*listing, error) {
	l := &listing{workspaceOID: workspaceOID, query: query, page: foundPage, heads: foundHeads}
	if l.bySegments = len(query.Words) > 0 && q.dialect.Segments != nil; l.bySegments {
		return l, nil
	}
	number := 0
	if len(query.Words) > 0 {
		const query = `select number from workspaces where o_id = $1`
		var err error
		if number, err = one(ctx, q, query, scanInt, nil, workspaceOID); err != nil {
			return nil, err
		}
	}
	text := texts.New(workspaceOID, number, &query)
	l.count, l.args, l.countArgs = text.Count, text.Args, text.CountArgs
	if q.dialect.Counts && l.countArgs == 1 { // by workspace and status alone
		l.count = counts.Total(query.Status)
	}
	l.page, l.heads = text.Page(personarow.Columns, withAuthor), text.Page(headColumns, "")
	return l, nil
}
