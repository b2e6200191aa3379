package store

import (
	"context"
	"fmt"
	"math"
	"strings"

	"personae.dev/internal/entity"
)

// conditions are parts of a statement that is put together, and its arguments.
// The parts are constant texts; values are always arguments.
type conditions struct {
	where []string
	args  []any
}

// arg notes a value, and returns its place in the text.
func (c *conditions) arg(value any) string {
	c.args = append(c.args, value)
	return fmt.Sprintf("$%d", len(c.args))
}

func (c *conditions) and(condition string) { c.where = append(c.where, condition) }

func (c *conditions) text() string { return strings.Join(c.where, " and ") }

// List implements entity.Reader: all of a page is of one moment.
func (s *Store) List(ctx context.Context, query entity.Query) (*entity.Page, error) {
	return read(ctx, s, func(q *queries) (*entity.Page, error) { return q.List(ctx, query) })
}

// List implements entity.Reader.
func (t *tx) List(ctx context.Context, query entity.Query) (*entity.Page, error) {
	if t.batch != nil && len(query.Words) > 0 {
		if err := t.batch.flush(ctx); err != nil {
			return nil, err
		}
	}
	return t.queries.List(ctx, query)
}

// List implements entity.Reader.
func (q *queries) List(ctx context.Context, query entity.Query) (*entity.Page, error) {
	defer q.timed("list")()
	l, err := q.listing(ctx, &query)
	if err != nil {
		return nil, err
	}
	total, err := l.total(ctx)
	if err != nil {
		return nil, err
	}
	ids, err := l.ids(ctx)
	if err != nil {
		return nil, err
	}
	page := &entity.Page{Total: int(total)}
	if page.HasNext = len(ids) > query.Limit; page.HasNext {
		ids = ids[:query.Limit]
	}
	if query.Admit != nil && !query.Heads {
		size, err := q.size(ctx, &query, ids)
		if err != nil {
			return nil, err
		}
		if err := query.Admit(size); err != nil {
			return nil, err
		}
	}
	rows, err := q.rowsByID(ctx, query.Workspace, ids, query.Heads)
	if err != nil {
		return nil, err
	}
	if !query.Heads {
		if err := l.join(ctx, rows); err != nil {
			return nil, err
		}
	}
	for _, r := range rows {
		page.Rows = append(page.Rows, r.Row)
	}
	if len(page.Rows) > 0 {
		page.Last = position(page.Rows[len(page.Rows)-1], query.Order)
	}
	return page, nil
}

// position is where a page ends whose last row is r.
func position(r *entity.Row, order entity.Order) entity.Position {
	at := entity.Position{OID: r.OID}
	switch order {
	case entity.OrderName:
		at.Name = sortName(r.Name)
	case entity.OrderUpdated:
		at.Millis = millis(r.UpdatedAt)
	default:
		at.Millis = millis(r.CreatedAt)
	}
	return at
}

// size is how many bytes the documents of rows have, with those that are joined.
func (q *queries) size(ctx context.Context, query *entity.Query, ids []int64) (int64, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	own := `
		select coalesce(sum(octet_length(document) + octet_length(hidden)), 0)
		from entities e
		where ` + q.inWorkspace + ` and id in ` + fmt.Sprintf(q.numbers, "$2")
	size, err := one(ctx, q, own, scanInt, nil, query.Workspace, jsonText(ids))
	var fields []string
	for _, set := range query.Sets {
		for _, join := range set.Joins {
			fields = append(fields, join.Field)
		}
	}
	if err != nil || len(fields) == 0 {
		return size, err
	}
	joined, err := one(ctx, q, "select coalesce(sum(octet_length(e.document)), 0)"+q.joined(), scanInt, nil,
		query.Workspace, jsonText(ids), jsonText(fields))
	return size + joined, err
}

// listing is a list that is asked for.
type listing struct {
	*queries
	query *entity.Query
	match *match // nil where there are no words
	// from and conditions select the entities e, or the words s, or both, without
	// what finds words.
	from string
	conditions
	filtered bool
}

func (q *queries) listing(ctx context.Context, query *entity.Query) (*listing, error) {
	l := &listing{queries: q, query: query, from: "entities e"}
	if len(query.Words) == 0 {
		l.and("e.workspace = " + l.arg(query.Workspace))
		l.ofSets()
		l.ofStatus()
		l.filter()
		return l, nil
	}
	number, err := q.workspaceNumber(ctx, query.Workspace)
	if err != nil {
		return nil, err
	}
	l.match = newMatch(number, query)
	if q.postgres {
		l.and("s.workspace = " + l.arg(query.Workspace))
	}
	terms := len(l.where)
	l.filter()
	l.filtered = len(l.where) > terms
	l.from = "words s"
	if l.filtered || query.Order != entity.OrderRank {
		l.from = "words s" + q.dialect.join + "entities e on e.id = s.rowid"
		if q.postgres {
			l.from = "words s join entities e on e.workspace = s.workspace and e.id = s.entity_id"
		}
	}
	return l, nil
}

// ofSets selects by kind, and where a set has one, by facet.
func (l *listing) ofSets() {
	var parts, kinds []string
	for _, set := range l.query.Sets {
		if set.Facet == nil {
			kinds = append(kinds, l.arg(set.Kind))
			continue
		}
		parts = append(parts, fmt.Sprintf(
			"e.kind = %s and exists (select 1 from links f where f.workspace = e.workspace and f.entity_id = e.id and f.field = %s and f.position = %d and f.target = %s)",
			l.arg(set.Kind), l.arg(set.Facet.Field), facetPosition, l.arg(set.Facet.Value)))
	}
	switch {
	case len(kinds) == 1:
		parts = append(parts, "e.kind = "+kinds[0])
	case len(kinds) > 1:
		parts = append(parts, "e.kind in ("+strings.Join(kinds, ", ")+")")
	}
	switch {
	case len(parts) == 1:
		l.and(parts[0])
	case len(parts) > 1:
		l.and("(" + strings.Join(parts, " or ") + ")")
	}
}

func (l *listing) ofStatus() {
	switch l.query.Status {
	case entity.StatusArchived:
		l.and("e.archived_at is not null and e.deleted_at is null")
	case entity.StatusDeleted:
		l.and("e.deleted_at is not null")
	case entity.StatusAll:
	default:
		l.and("e.archived_at is null and e.deleted_at is null")
	}
}

// filter selects by all that is not found by words.
func (l *listing) filter() {
	query := l.query
	if query.AuthorOID != "" {
		l.and("e.author = " + l.arg(query.AuthorOID))
	}
	if query.Name != "" {
		l.and("e.sort_name = " + l.arg(sortName(query.Name)) + " and e.name = " + l.arg(query.Name))
	}
	if query.UpdatedSince != nil {
		l.and("e.updated_at >= " + l.arg(millis(*query.UpdatedSince)))
	}
	if len(query.OIDs) > 0 {
		l.and("e.o_id in " + fmt.Sprintf(l.texts, l.arg(jsonText(query.OIDs))))
	}
	for _, linked := range query.Linked {
		l.linked(linked)
	}
}

// linked selects by links in both directions.
func (l *listing) linked(f entity.LinkFilter) {
	if len(f.Fields) == 0 && len(f.Back) == 0 {
		l.and("1 = 0")
		return
	}
	workspace, target := l.arg(l.query.Workspace), l.arg(f.Target)
	var parts []string
	if len(f.Fields) > 0 {
		parts = append(parts, fmt.Sprintf(
			"e.id in (select t.entity_id from links t where t.workspace = %s and t.target in (%s, '%s') and t.position >= 0 and t.field in %s)",
			workspace, target, entity.LinkAll, fmt.Sprintf(l.texts, l.arg(jsonText(f.Fields)))))
	}
	if len(f.Back) > 0 {
		// What the target links to, found once.
		back := fmt.Sprintf("from entities b"+l.dialect.join+"links t on t.workspace = b.workspace and t.entity_id = b.id "+
			"where b.workspace = %s and b.o_id = %s and b.kind in %s and t.position >= 0 and t.field in %s",
			workspace, target, fmt.Sprintf(l.texts, l.arg(jsonText(f.Kinds))), fmt.Sprintf(l.texts, l.arg(jsonText(f.Back))))
		parts = append(parts, "e.o_id in (select t.target "+back+")", "exists (select 1 "+back+" and t.target = '"+entity.LinkAll+"')")
	}
	l.and("(" + strings.Join(parts, " or ") + ")")
}

// found returns the conditions, and those that find words in a tier.
func (l *listing) found(t tier) *conditions {
	c := &conditions{where: append([]string(nil), l.where...), args: append([]any(nil), l.args...)}
	switch {
	case l.match == nil:
	case l.postgres:
		column, query := l.match.tsquery(t)
		c.and("s." + column + " @@ " + c.arg(query) + "::tsquery")
	default:
		c.and("s.words match " + c.arg(l.match.fts5(t)))
	}
	return c
}

// total counts the list.
func (l *listing) total(ctx context.Context) (int64, error) {
	from, c := l.from, l.found(tierAll)
	if l.match != nil && !l.filtered {
		from = "words s"
	}
	return one(ctx, l.queries, "select count(*) from "+from+" where "+c.text(), scanInt, nil, c.args...)
}

// ids returns the numbers of the rows of a page, and of one more, which tells
// whether something follows.
func (l *listing) ids(ctx context.Context) ([]int64, error) {
	if l.query.Order == entity.OrderRank {
		return l.ranked(ctx)
	}
	c := l.found(tierAll)
	direction, beyond := "", ">"
	if l.query.Descending {
		direction, beyond = " desc", "<"
	}
	key := "e.created_at"
	switch l.query.Order {
	case entity.OrderName:
		key = "e.sort_name"
	case entity.OrderUpdated:
		key = "e.updated_at"
	}
	if l.query.Order != entity.OrderName && (l.query.Name != "" || len(l.query.OIDs) > 0) {
		key += " + 0" // few are found by these, and many are in the index of the order
	}
	offset := l.query.Offset
	if at := l.query.After; at != nil {
		offset = 0
		value := any(at.Millis)
		if l.query.Order == entity.OrderName {
			value = at.Name
		}
		last, oID := c.arg(value), c.arg(at.OID)
		c.and(fmt.Sprintf("%s %s= %s and (%s %s %s or e.o_id > %s)", key, beyond, last, key, beyond, last, oID))
	}
	text := fmt.Sprintf("select e.id from %s where %s order by %s%s, e.o_id limit %s offset %s",
		l.from, c.text(), key, direction, c.arg(l.query.Limit+1), c.arg(offset))
	return all(ctx, l.queries, text, scanInt, c.args...)
}

// ranked is ids for entity.OrderRank: tier by tier, until there are enough. Within
// a tier what was added last comes first.
func (l *listing) ranked(ctx context.Context) ([]int64, error) {
	offset := min(l.query.Offset, math.MaxInt32) // more rows than a workspace has; what is added to it stays a number
	enough := offset + l.query.Limit + 1
	if l.match == nil {
		return nil, fmt.Errorf("store: a list by rank has no words")
	}
	id, order := "s.rowid", "s.rowid desc"
	if l.postgres {
		// The sum keeps PostgreSQL from going through all entities in this order.
		id, order = "s.entity_id", "s.entity_id + 0 desc"
	}
	var ids []int64
	seen := map[int64]bool{}
	for t := tierExact; t <= tierAll && len(ids) < enough; t++ {
		if t == tierExact && l.match.exact == "" {
			continue
		}
		c := l.found(t)
		text := fmt.Sprintf("select %s from %s where %s order by %s limit %s", id, l.from, c.text(), order, c.arg(enough))
		for id, err := range each(ctx, l.queries, text, scanInt, c.args...) {
			if err != nil {
				return nil, err
			}
			if !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	return ids[min(offset, len(ids)):min(enough, len(ids))], nil
}

// join fills Joined of the rows whose set asks for it.
func (l *listing) join(ctx context.Context, rows []keyed) error {
	for _, set := range l.query.Sets {
		if len(set.Joins) == 0 {
			continue
		}
		var of []keyed
		for _, r := range rows {
			if r.Kind == set.Kind {
				of = append(of, r)
			}
		}
		if err := l.queries.join(ctx, l.query.Workspace, of, set.Joins); err != nil {
			return err
		}
	}
	return nil
}
