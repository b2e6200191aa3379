package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"personae.dev/internal/persona"
)

// indexWords writes the words of a persona, instead of those it had.
func (t *tx) indexWords(ctx context.Context, id int, p *persona.Persona) error {
	const query = `
		insert or replace into personas_search (rowid, scope, name, titles, rest)
		values ($1, $2, $3, $4, $5)`
	name, titles, rest := p.Texts()
	_, err := t.exec(ctx, query, id, p.WorkspaceOID, name, titles, rest)
	return err
}

func (t *tx) forgetWords(ctx context.Context, id int) error {
	const query = `delete from personas_search where rowid = $1`
	_, err := t.exec(ctx, query, id)
	return err
}

// match is the full-text query for all words, each as a prefix, in the columns,
// within one workspace. Quoted, no text is an operator.
func match(workspaceOID, columns string, words []string) string {
	quote := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	terms := make([]string, len(words))
	for i, word := range words {
		terms[i] = quote(word) + " *"
	}
	return "scope : " + quote(workspaceOID) + " AND {" + columns + "} : (" + strings.Join(terms, " AND ") + ")"
}

// List implements persona.Reader: page and total are of one moment.
func (s *Store) List(ctx context.Context, workspaceOID string, query persona.Query) (*persona.Page, error) {
	l := newListing(workspaceOID, query)
	// Before the transaction: it has one connection, and while all have one
	// nobody could get a second one to prepare on.
	prepared := map[string]*sql.Stmt{}
	for _, text := range []string{l.count, l.page} {
		stmt, err := s.prepareForRead(ctx, text) //nolint:sqlclosecheck // the store keeps it
		if err != nil {
			return nil, s.translate(err)
		}
		prepared[text] = stmt
	}
	sqlTx, err := s.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, s.translate(err)
	}
	defer func() { _ = sqlTx.Rollback() }() // it only read
	q := s.queries
	q.prepare = func(ctx context.Context, text string) (*sql.Stmt, error) {
		return sqlTx.StmtContext(ctx, prepared[text]), nil
	}
	return q.list(ctx, l)
}

// List implements persona.Reader.
func (q *queries) List(ctx context.Context, workspaceOID string, query persona.Query) (*persona.Page, error) {
	return q.list(ctx, newListing(workspaceOID, query))
}

func (q *queries) list(ctx context.Context, l *listing) (*persona.Page, error) {
	defer q.timed("list")()
	total, err := one(ctx, q, l.count, scanInt, nil, l.args[:l.countArgs]...)
	if err != nil {
		return nil, err
	}
	personas, err := all(ctx, q, l.page, scanPersona, l.args...)
	if err != nil {
		return nil, err
	}
	page := &persona.Page{Personas: personas, Total: total}
	if page.HasNext = len(personas) > l.limit; page.HasNext {
		page.Personas = personas[:l.limit]
	}
	return page, nil
}

// listing puts together the text of a list from constant parts: there are too
// many kinds for one text each. Values are always arguments.
type listing struct {
	workspaceOID string
	limit        int

	from  string
	where []string
	// args are the values of page; the first countArgs are those of count too.
	args      []any
	countArgs int
	// count and page are the texts that come of it.
	count, page string
}

func newListing(workspaceOID string, query persona.Query) *listing {
	l := &listing{workspaceOID: workspaceOID, limit: query.Limit, from: "personas p", args: []any{workspaceOID}, where: []string{"p.workspace_o_id = $1"}}
	switch query.Status {
	case persona.StatusArchived:
		l.where = append(l.where, "p.archived_at is not null and p.deleted_at is null")
	case persona.StatusDeleted:
		l.where = append(l.where, "p.deleted_at is not null")
	case persona.StatusAll:
	default:
		l.where = append(l.where, "p.archived_at is null and p.deleted_at is null")
	}
	if query.AuthorOID != "" {
		l.where = append(l.where, "p.user_o_id = "+l.arg(query.AuthorOID))
	}
	if query.ProductOID != "" {
		product := l.arg(query.ProductOID)
		l.where = append(l.where, `(p.primary_offering_o_id = `+product+` or p.offering_mode = 'ALL' or exists (
			select 1 from persona_links l where l.persona_id = p.id and l.kind = 'offering' and l.target_o_id = `+product+`))`)
	}
	if query.PlaybookOID != "" {
		l.where = append(l.where, `exists (
			select 1 from persona_links l where l.persona_id = p.id and l.kind = 'playbook' and l.target_o_id = `+l.arg(query.PlaybookOID)+`)`)
	}
	if len(query.Words) > 0 {
		l.from = "personas_search s join personas p on p.id = s.rowid"
		l.where = append(l.where, "personas_search match "+l.arg(match(workspaceOID, "name titles rest", query.Words)))
	}
	l.countArgs = len(l.args)
	l.count = "select count(*) from " + l.from + " where " + strings.Join(l.where, " and ")
	l.page = l.pageText(query)
	return l
}

// arg notes a value and returns its place in the text.
func (l *listing) arg(value any) string {
	l.args = append(l.args, value)
	return fmt.Sprintf("$%d", len(l.args))
}

// pageText is the text for a page and one row more, which tells whether
// something follows. It notes further arguments.
func (l *listing) pageText(query persona.Query) string {
	where := l.where
	direction, beyond := "", ">"
	if query.Descending {
		direction, beyond = " desc", "<"
	}
	first, second := "p.created_at", ""
	switch query.Order {
	case persona.ByRank:
		// The tiers of persona.ByRank, then BM25, which is smaller for better.
		direction = ""
		first = `case
			when s.rowid in (select rowid from personas_search where personas_search match ` + l.arg(match(l.workspaceOID, "name", query.Words)) + `) then 0
			when s.rowid in (select rowid from personas_search where personas_search match ` + l.arg(match(l.workspaceOID, "name titles", query.Words)) + `) then 1
			else 2 end`
		second = "bm25(personas_search, 0, 10, 4, 1)"
	case persona.ByName:
		first = "p.name collate nocase"
	case persona.ByUpdatedAt:
		first = "p.updated_at"
	}
	from := query.Offset
	if at := query.After; at != nil {
		from = 0
		value := any(at.Micros)
		if query.Order == persona.ByName {
			value = at.Name
		}
		after, oID := l.arg(value), l.arg(at.OID)
		where = append(where, "("+first+" "+beyond+" "+after+" or "+first+" = "+after+" and p.o_id > "+oID+")")
	}
	limit, offset := l.arg(query.Limit+1), l.arg(from)
	columns, order := "", "first"+direction
	if second != "" {
		columns, order = ", "+second+" as second", order+", second"
	}
	order += ", third"
	// The inner select finds rows by index; only those of the page are read.
	return "select " + personaColumns + `
		from (
			select p.id as id, p.o_id as third, ` + first + " as first" + columns + `
			from ` + l.from + " where " + strings.Join(where, " and ") + `
			order by ` + order + `
			limit ` + limit + " offset " + offset + `
		) found
		join personas p on p.id = found.id
		join users u on u.o_id = p.user_o_id
		order by ` + order
}
