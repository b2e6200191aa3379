// Package listing puts together the SQL of a list: there are too many kinds for a
// text each. It runs none.
package listing

import (
	"fmt"
	"strings"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/fts"
)

// Listing is the text of a list, of constant parts. Values are always arguments.
type Listing struct {
	// Count counts the list, with the first CountArgs of Args.
	Count     string
	CountArgs int
	Args      []any

	workspaceOID string
	query        *persona.Query
	workspace    int // its number, where there are words
	// from and where are for the index of words s, the personas p, or both.
	from  string
	where []string
	// found selects the rows of the page, in the order by.
	found, by string
}

// New puts a list together of the personas of a workspace; number is that of the
// workspace, and only looked at where there are words.
func New(workspaceOID string, number int, query *persona.Query) *Listing {
	l := &Listing{workspaceOID: workspaceOID, workspace: number, query: query, from: "personas p"}
	if len(query.Words) > 0 {
		// It names the workspace and the status.
		l.from = fts.Join
		l.and(fts.Matches(l.match(fts.All)))
	} else {
		l.inWorkspace()
	}
	l.filter()
	l.CountArgs = len(l.Args)
	counted := l.from
	if len(query.Words) > 0 && len(l.where) == 1 {
		counted = "personas_search s" // without a look at the personas
	}
	l.Count = "select count(*) from " + counted + " where " + strings.Join(l.where, " and ")
	l.setPage()
	return l
}

// Page is the text that reads columns of the personas p of a page, and one row
// more, with all Args. join is for what else the columns are of.
func (l *Listing) Page(columns, join string) string {
	return "select " + columns + l.found + join + " order by " + l.by
}

func (l *Listing) and(condition string) { l.where = append(l.where, condition) }

// inWorkspace selects by workspace and status.
func (l *Listing) inWorkspace() {
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
func (l *Listing) filter() {
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
func (l *Listing) arg(value any) string {
	l.Args = append(l.Args, value)
	return fmt.Sprintf("$%d", len(l.Args))
}

// setPage sets what is for a page and one row more, which tells whether
// something follows. It notes further arguments.
func (l *Listing) setPage() {
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
	l.by = strings.Join(order, ", ")
	// The inner select finds rows by index; only those of the page are read.
	l.found = `
		from (
			select ` + strings.Join(columns, ", ") + `
			from ` + l.from + " where " + strings.Join(where, " and ") + `
			order by ` + l.by + `
			limit ` + l.arg(l.query.Limit+1) + " offset " + l.arg(offset) + `
		) found
		join personas p on p.id = found.id
		`
}

// tier is the first key of persona.ByRank.
func (l *Listing) tier() string {
	in := func(columns fts.Columns) string { return fts.Matches(l.match(columns)) }
	return "case when " + in(fts.Names) + " then 0 when " + in(fts.Titles) + " then 1 else 2 end"
}

// match notes the full-text query and returns its place in the text.
func (l *Listing) match(in fts.Columns) string {
	return l.arg(fts.Match(l.workspace, l.query.Status, in, l.query.Words))
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
