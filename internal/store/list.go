package store

import (
	"context"
	"fmt"
	"strings"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/fts"
	"personae.dev/internal/store/measure"
	"personae.dev/internal/store/personarow"
)

// List implements persona.Reader: page and total are of one moment.
func (s *Store) List(ctx context.Context, workspaceOID string, query persona.Query) (page *persona.Page, err error) {
	l, err := s.listing(ctx, workspaceOID, query)
	if err != nil {
		return nil, err
	}
	err = s.snapshot(ctx, []string{l.count, l.page, l.heads, personaByID}, func(q *queries) error {
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
	total, err := one(ctx, q, l.count, scanInt, nil, l.args[:l.countArgs]...)
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

// listing puts together the text of a list from constant parts: there are too
// many kinds for one text each. Values are always arguments.
type listing struct {
	workspaceOID string
	query        persona.Query
	index        *fts.Index
	workspace    int // its number, where there are words
	// from and where are for the index of words s, the personas p, or both.
	from  string
	where []string
	// args are the values of page; the first countArgs are those of count too.
	args      []any
	countArgs int
	// count, page and heads are the texts that come of it.
	count, page, heads string
}

func (q *queries) listing(ctx context.Context, workspaceOID string, query persona.Query) (*listing, error) {
	l := &listing{workspaceOID: workspaceOID, query: query, index: q.dialect.words, from: "personas p"}
	if len(query.Words) > 0 {
		const number = `select number from workspaces where o_id = $1`
		var err error
		if l.workspace, err = one(ctx, q, number, scanInt, nil, workspaceOID); err != nil {
			return nil, err
		}
		// It names the workspace and the status.
		l.from = l.index.Join
		l.and(l.index.Matches(l.match(fts.All)))
	} else {
		l.inWorkspace()
	}
	l.filter()
	l.countArgs = len(l.args)
	counted := l.from
	if len(query.Words) > 0 && len(l.where) == 1 {
		counted = "personas_search s" // without a look at the personas
	}
	l.count = "select count(*) from " + counted + " where " + strings.Join(l.where, " and ")
	l.setPage()
	return l, nil
}

func (l *listing) and(condition string) { l.where = append(l.where, condition) }

// inWorkspace selects by workspace and status.
func (l *listing) inWorkspace() {
	l.and("p.workspace_o_id = " + l.arg(l.workspaceOID))
	switch l.query.Status {
	case persona.StatusArchived:
		l.and("p.archived_at is not null and p.deleted_at is null")
	case persona.StatusDeleted:
		l.and("p.deleted_at is not null")
	case persona.StatusAll:
	default:
		l.and("p.archived_at is null and p.deleted_at is null")
	}
}

// filter selects by author and links.
func (l *listing) filter() {
	if l.query.AuthorOID != "" {
		l.and("p.user_o_id = " + l.arg(l.query.AuthorOID))
	}
	if l.query.ProductOID != "" {
		product := l.arg(l.query.ProductOID)
		l.and(`(p.primary_offering_o_id = ` + product + ` or p.offering_mode = 'ALL' or exists (
			select 1 from persona_links l where l.persona_id = p.id and l.kind = 'offering' and l.target_o_id = ` + product + `))`)
	}
	if l.query.PlaybookOID != "" {
		l.and(`exists (
			select 1 from persona_links l where l.persona_id = p.id and l.kind = 'playbook' and l.target_o_id = ` + l.arg(l.query.PlaybookOID) + `)`)
	}
}

// arg notes a value and returns its place in the text.
func (l *listing) arg(value any) string {
	l.args = append(l.args, value)
	return fmt.Sprintf("$%d", len(l.args))
}

// setPage sets the texts for a page and one row more, which tells whether
// something follows. It notes further arguments.
func (l *listing) setPage() {
	where, offset := l.where, l.query.Offset
	direction, beyond := "", ">"
	if l.query.Descending {
		direction, beyond = " desc", "<"
	}
	// What the page is sorted by; the last is the id, always ascending.
	var keys []string
	switch l.query.Order {
	case persona.ByRank:
		direction = ""
		keys = []string{l.tier(), "length(p.name)", "p.name"}
	case persona.ByName:
		keys = []string{"lower(p.name)"} // of ASCII letters only, in both engines
	case persona.ByUpdatedAt:
		keys = []string{"p.updated_at"}
	default:
		keys = []string{"p.created_at"}
	}
	if at := l.query.After; at != nil {
		offset = 0
		value := any(at.Micros)
		if l.query.Order == persona.ByName {
			value = lowerASCII(at.Name)
		}
		key, after, oID := keys[0], l.arg(value), l.arg(at.OID)
		where = append(where, "("+key+" "+beyond+" "+after+" or "+key+" = "+after+" and p.o_id > "+oID+")")
	}
	keys = append(keys, "p.o_id")
	columns, order := []string{"p.id as id"}, []string{}
	for i, key := range keys {
		name := fmt.Sprintf("k%d", i)
		columns, order = append(columns, key+" as "+name), append(order, name)
	}
	order[0] += direction
	by := strings.Join(order, ", ")
	// The inner select finds rows by index; only those of the page are read.
	found := `
		from (
			select ` + strings.Join(columns, ", ") + `
			from ` + l.from + " where " + strings.Join(where, " and ") + `
			order by ` + by + `
			limit ` + l.arg(l.query.Limit+1) + " offset " + l.arg(offset) + `
		) found
		join personas p on p.id = found.id
		`
	l.page = "select " + personarow.Columns + found + "join users u on u.o_id = p.user_o_id order by " + by
	l.heads = "select " + headColumns + found + "order by " + by
}

// tier is the first key of persona.ByRank.
func (l *listing) tier() string {
	in := func(columns fts.Columns) string { return l.index.In(l.match(columns)) }
	return "case when " + in(fts.Names) + " then 0 when " + in(fts.Titles) + " then 1 else 2 end"
}

// match notes the full-text query and returns its place in the text.
func (l *listing) match(in fts.Columns) string {
	return l.arg(l.index.Match(l.workspace, l.query.Status, in, l.query.Words))
}

// lowerASCII is what lower() of a name does in both engines. That of an argument
// is another in PostgreSQL.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}
