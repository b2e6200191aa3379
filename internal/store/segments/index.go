// Package segments keeps the search index of SQLite in its tables
// (docs/adr/0022): which segments there are, read, written and merged. What is in
// a segment, store/inverted knows.
//
// It is not for PostgreSQL, which has an index of its own (store/fts).
package segments

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"

	"personae.dev/internal/persona"
	"personae.dev/internal/search"
	"personae.dev/internal/store/engine"
	"personae.dev/internal/store/inverted"
)

// Index writes and searches the segments of a database. It is safe for
// concurrent use.
type Index struct {
	cache    *cache
	cutters  sync.Pool
	builders sync.Pool
	lastID   atomic.Int64
}

// New returns an Index with nothing in its cache.
func New() *Index {
	return &Index{
		cache:    newCache(cacheBytes),
		cutters:  sync.Pool{New: func() any { return new(search.Cutter) }},
		builders: sync.Pool{New: func() any { return new(inverted.Builder) }},
	}
}

// change is what became of a persona.
type change struct {
	workspace int // its number
	id        int64
	fresh     bool
	doc       *inverted.Doc // nil where it is gone
}

// Size implements engine.Change.
func (c *change) Size() int {
	const alone = 200
	if c.doc == nil {
		return alone
	}
	return alone + c.doc.Size()
}

// Put is that p stands in the row id of a workspace, by its number; fresh, if it
// did not before. Its author is given, as a change of p may not tell.
func (x *Index) Put(workspace int, id int64, author string, fresh bool, p *persona.Persona) engine.Change {
	cutter := x.cutters.Get().(*search.Cutter)
	defer x.cutters.Put(cutter)
	return &change{workspace, id, fresh, inverted.NewDoc(cutter, id, author, p)}
}

// Remove is that a persona is gone from the row id.
func (x *Index) Remove(workspace int, id int64) engine.Change {
	return &change{workspace: workspace, id: id}
}

// The statements of a search, beside those of a page.
const (
	segmentsOf = `
		select s.id, s.docs, s.dead
		from search_segments s
		join workspaces w on w.number = s.workspace
		where w.o_id = $1`
	headsOf = `
		select b.segment, b.part, b.bytes
		from json_each($1) s
		cross join search_blocks b on b.segment = s.value and b.part = 0`
	partsOf = `select segment, part, bytes from search_blocks where segment = $1 and part between $2 and $3 order by part`
)

// Texts are the statements that Search runs.
func Texts() []string { return []string{segmentsOf, headsOf, partsOf} }

// Search returns how many personas q finds, and the ids of the rows of its page,
// in their order, with one more where there is one. r must read at one moment.
func (x *Index) Search(ctx context.Context, r engine.Runner, workspaceOID string, q *persona.Query) (total int, ids []int64, err error) {
	segments, err := x.segments(ctx, r, workspaceOID)
	if err != nil {
		return 0, nil, err
	}
	m := inverted.NewMatcher(q, func(s *inverted.Segment, from, to int) ([][]byte, error) {
		return x.parts(ctx, r, s.ID, inverted.FirstBlock+from, inverted.FirstBlock+to)
	})
	var found []*inverted.Segment
	for _, s := range segments {
		if err := ctx.Err(); err != nil {
			return 0, nil, err
		}
		n, err := m.Match(s)
		if err != nil {
			return 0, nil, damaged(err)
		}
		if n > 0 {
			found = append(found, s)
		}
		total += n
	}
	if q.After == nil && q.Offset >= total { // of any size, which Page could not count up to
		return total, nil, nil
	}
	return total, inverted.Page(found, q, q.Offset, q.Limit+1), nil
}

// segments reads which segments a workspace has, and their heads.
func (x *Index) segments(ctx context.Context, r engine.Runner, workspaceOID string) ([]*inverted.Segment, error) {
	var all []*inverted.Segment
	missing := map[int64]*inverted.Segment{}
	err := read(ctx, r, segmentsOf, func(rows *sql.Rows) error {
		var (
			s    inverted.Segment
			docs int
			dead sql.RawBytes
		)
		if err := rows.Scan(&s.ID, &docs, &dead); err != nil {
			return err
		}
		if len(dead) > 0 {
			var err error
			if s.Dead, err = inverted.BitmapOf(dead, docs); err != nil {
				return damaged(err)
			}
		}
		if s.Head, _ = x.cache.get(partKey{s.ID, inverted.HeadPart}).(*inverted.Head); s.Head == nil {
			missing[s.ID] = &s
		}
		all = append(all, &s)
		return nil
	}, workspaceOID)
	if err == nil && len(missing) > 0 {
		err = x.heads(ctx, r, missing)
	}
	for _, s := range all {
		if err == nil && s.Dead != nil && len(s.Dead) != len(inverted.NewBitmap(s.Head.Docs)) {
			err = damaged(inverted.ErrDamaged)
		}
	}
	return all, err
}

// heads reads the heads of segments, by their ids.
func (x *Index) heads(ctx context.Context, r engine.Runner, missing map[int64]*inverted.Segment) error {
	ids := make([]int64, 0, len(missing))
	for id := range missing {
		ids = append(ids, id)
	}
	found := 0
	err := read(ctx, r, headsOf, func(rows *sql.Rows) error {
		part, err := scanPart(rows)
		if err != nil {
			return err
		}
		h, err := inverted.ParseHead(part.bytes)
		if err != nil {
			return damaged(err)
		}
		x.cache.put(part.partKey, h, h.Size)
		missing[part.segment].Head = h
		found++
		return nil
	}, jsonOf(ids))
	if err == nil && found < len(ids) {
		err = damaged(inverted.ErrDamaged)
	}
	return err
}

// parts reads the parts [from, to) of a segment, but for the head.
func (x *Index) parts(ctx context.Context, r engine.Runner, segment int64, from, to int) ([][]byte, error) {
	parts := make([][]byte, to-from)
	missing := false
	for i := range parts {
		parts[i], _ = x.cache.get(partKey{segment, from + i}).([]byte)
		missing = missing || parts[i] == nil
	}
	if !missing {
		return parts, nil
	}
	found := 0
	err := read(ctx, r, partsOf, func(rows *sql.Rows) error {
		part, err := scanPart(rows)
		if err != nil {
			return err
		}
		x.cache.put(part.partKey, part.bytes, len(part.bytes))
		parts[part.part-from] = part.bytes
		found++
		return nil
	}, segment, from, to-1)
	if err == nil && found < len(parts) {
		err = inverted.ErrDamaged
	}
	return parts, err
}

type part struct {
	partKey
	bytes []byte
}

func scanPart(rows *sql.Rows) (p part, err error) {
	err = rows.Scan(&p.segment, &p.part, &p.bytes)
	return p, err
}

// read calls scan with each row of a query.
func read(ctx context.Context, r engine.Runner, text string, scan func(*sql.Rows) error, args ...any) error {
	rows, err := r.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func jsonOf(ids []int64) string {
	text, _ := json.Marshal(ids) //nolint:errchkjson // numbers cannot fail
	return string(text)
}

// damaged is what to tell of a part that cannot be read.
func damaged(err error) error {
	if !errors.Is(err, inverted.ErrDamaged) {
		return err
	}
	return persona.UnavailableError(err, "The search index of the database is damaged. Take a backup, and build it anew from the personas with `personae migrate --search-index`.")
}
