package store

import (
	"context"
	"iter"
	"slices"
	"strings"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/engine"
	"personae.dev/internal/store/fts"
	"personae.dev/internal/store/personarow"
	"personae.dev/internal/store/tables"
)

const (
	// rowsAtOnce is how many rows one statement reads, and bytesAtOnce about how
	// many bytes of them are kept.
	rowsAtOnce  = 1000
	bytesAtOnce = 8 << 20
)

// Rows implements persona.Reader.
func (s *Store) Rows(ctx context.Context) iter.Seq2[persona.Row, error] {
	return func(yield func(persona.Row, error) bool) {
		var texts []string
		for kind := range persona.RowKinds {
			texts = append(texts, tables.Of(kind).Page())
		}
		err := s.snapshot(ctx, texts, func(q *queries) error {
			q.Rows(ctx)(yield)
			return nil
		})
		if err != nil {
			yield(persona.Row{}, err)
		}
	}
}

// Rows implements persona.Reader.
func (q *queries) Rows(ctx context.Context) iter.Seq2[persona.Row, error] {
	return func(yield func(persona.Row, error) bool) {
		for kind := range persona.RowKinds {
			after := make([]string, tables.Of(kind).Keys)
			for limit, more := rowsAtOnce, true; more; {
				rows, cut, err := q.rowsAfter(ctx, kind, after, limit)
				if err != nil {
					yield(persona.Row{}, err)
					return
				}
				for _, r := range rows {
					if !yield(r, nil) {
						return
					}
					after = r.Key
				}
				// Where rows are large, PostgreSQL would send many for nothing.
				more = cut || len(rows) == limit
				limit = min(2*len(rows), rowsAtOnce)
			}
		}
	}
}

// rowsAfter reads the rows beyond a key, and tells whether they were cut short,
// as they are large.
func (q *queries) rowsAfter(ctx context.Context, kind persona.RowKind, after []string, limit int) (rows []persona.Row, cut bool, err error) {
	defer q.timed("rows")()
	t := tables.Of(kind)
	var args []any
	for _, text := range after {
		args = append(args, text)
	}
	size := 0
	for values, err := range each(ctx, q, t.Page(), t.Scan, append(args, limit)...) {
		if err != nil {
			return nil, false, err
		}
		r := persona.Row{Kind: kind, Values: values}
		for _, value := range values[:t.Keys] {
			r.Key = append(r.Key, value.(string))
		}
		rows = append(rows, r)
		if size += r.Size(); size > bytesAtOnce {
			return rows, true, nil
		}
	}
	return rows, false, nil
}

// CountRows implements persona.Reader.
func (q *queries) CountRows(ctx context.Context) (int, error) {
	total := 0
	for kind := range persona.RowKinds {
		n, err := one(ctx, q, "select count(*) from "+tables.Of(kind).Name, scanInt, nil)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// InsertRows implements persona.Tx.
func (t *tx) InsertRows(ctx context.Context, rows []persona.Row) error {
	defer t.timed("insert_rows")()
	t.writer.Changed(persona.Change{})
	for kind := range persona.RowKinds {
		of := tables.Of(kind)
		var values [][]any
		for _, r := range rows {
			if r.Kind == kind {
				values = append(values, r.Values)
			}
		}
		if err := t.insertMany(ctx, of.Name+" ("+strings.Join(of.Columns, ", ")+")", values); err != nil {
			return err
		}
		if kind == persona.PersonaRows {
			if err := t.indexRows(ctx, of, values); err != nil {
				return err
			}
		}
	}
	return nil
}

// insertMany adds rows to a table, named with its columns.
func (t *tx) insertMany(ctx context.Context, into string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	ctx, cancel := t.bound(ctx)
	defer cancel()
	return t.translate(t.writer.InsertMany(ctx, into, rows))
}

// indexRows writes what finds personas.
func (t *tx) indexRows(ctx context.Context, of tables.Table, personas [][]any) error {
	if len(personas) == 0 {
		return nil
	}
	var links, words [][]any
	totals := map[total]int{} // counted at the end: each count is a change that waits
	at := personarow.Place{Fresh: true}
	for _, values := range personas {
		value := func(column string) any { return values[slices.Index(of.Columns, column)] }
		workspace := value("workspace_o_id").(string)
		var err error
		if at.Workspace, err = t.workspaceNumber(ctx, workspace); err != nil {
			return err
		}
		p, err := tables.Persona(value)
		if err != nil {
			return err
		}
		at.ID, at.Author = value("id").(int64), p.Author.OID
		totals[total{workspace, p.Status()}]++
		links = append(links, personarow.LinkRows(at, p)...)
		if t.dialect.Segments == nil {
			words = append(words, fts.Row(at.Workspace, at.ID, p))
		} else if err := t.later(ctx, t.dialect.Put(at, p)); err != nil {
			return err
		}
	}
	if err := t.countAll(ctx, totals); err != nil {
		return err
	}
	if err := t.insertMany(ctx, personarow.Links, links); err != nil {
		return err
	}
	if err := t.execAll(ctx, t.dialect.BeforeWords); err != nil {
		return err
	}
	if err := t.insertMany(ctx, fts.Into, words); err != nil {
		return err
	}
	return t.execAll(ctx, t.dialect.AfterWords)
}

// later changes the search index, which a search in the transaction waits for.
func (t *tx) later(ctx context.Context, change engine.Change) error {
	ctx, cancel := t.bound(ctx)
	defer cancel()
	return t.translate(t.writer.Later(ctx, change))
}

func (t *tx) execAll(ctx context.Context, statements []string) error {
	for _, text := range statements {
		if _, err := t.exec(ctx, text); err != nil {
			return err
		}
	}
	return nil
}
