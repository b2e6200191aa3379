package store

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"net/url"
	"slices"
	"strings"
	"time"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// CheckOptions say how to check a database.
type CheckOptions struct {
	// Derive returns a row with all that is derived from its document.
	Derive func(*entity.Row) (*entity.Stored, error)
	// Repair writes what is derived again where it is wrong. Documents are never
	// changed.
	Repair bool
	// Report, if set, is told each problem, in words.
	Report func(problem string)
}

// CheckReport counts what a check has found.
type CheckReport struct {
	Entities int
	// Damaged entities are not what was written: only a backup has them.
	Damaged int
	// Wrong entities have columns, links or words that do not follow from their
	// document; Repaired of them were written again.
	Wrong, Repaired int
	// Other problems concern the database as a whole.
	Other int
}

// Problems is how many problems are left.
func (r CheckReport) Problems() int { return r.Damaged + r.Wrong - r.Repaired + r.Other }

// Check compares every entity with its tag, and columns, links and words with
// what its document says. Others may read and write meanwhile.
func (s *Store) Check(ctx context.Context, o CheckOptions) (report CheckReport, err error) {
	c := &checker{store: s, options: o}
	if o.Report == nil {
		c.options.Report = func(string) {}
	}
	if e, ok := s.engine.(*sqliteEngine); ok {
		err = c.checkFile(ctx, e)
	} else {
		err = s.snapshot(ctx, func(q *queries) error { return c.checkAll(ctx, q) })
	}
	if err == nil && o.Repair {
		err = c.repair(ctx)
	}
	return c.report, err
}

type checker struct {
	store   *Store
	options CheckOptions
	report  CheckReport
	// found has the words that SQLite's index has of each entity; nil where they
	// are compared in the database.
	found map[int64]wordSum
	// rebuild says that the index of words is to be made from nothing, because of
	// so many problems with it.
	rebuild       bool
	indexProblems int
	wrong         []entity.Ref
}

// wordSum is a checksum of the words of an entity, in any order.
type wordSum struct {
	count int
	sum   uint64
}

var wordSeed = maphash.MakeSeed() //nolint:gochecknoglobals // one seed, so that sums can be compared

func (s wordSum) plus(column int, term string) wordSum {
	return wordSum{s.count + 1, s.sum + maphash.Comparable(wordSeed, term)*uint64(2*column+1)}
}

func (c *checker) other(format string, args ...any) {
	c.report.Other++
	c.options.Report(fmt.Sprintf(format, args...))
}

// checkFile checks an SQLite file, the words that its index has, and every entity,
// all as they are at one moment.
func (c *checker) checkFile(ctx context.Context, e *sqliteEngine) (err error) {
	// A connection of its own, as those of readers can make no table.
	db, err := openPool(e.source(url.Values{"_busy_timeout": {milliseconds(busyTimeout)}}), 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return e.translate(err)
	}
	defer conn.Close()
	q := c.store.on(conn)
	if _, err := q.exec(ctx, "begin"); err != nil {
		return err
	}
	defer func() { _, _ = q.exec(context.WithoutCancel(ctx), "rollback") }()
	for _, query := range []string{
		`pragma integrity_check(10)`,
		`select "table" || ' has a row that belongs to nothing' from pragma_foreign_key_check limit 10`,
	} {
		for problem, err := range each(ctx, q, query, scanText) {
			if err != nil {
				return err
			}
			switch {
			case problem == "ok":
			case strings.Contains(problem, "fts5"):
				c.damagedIndex(problem)
			default:
				c.other("The database file is damaged: %s. Restore it from a backup.", problem)
			}
		}
	}
	if !c.rebuild {
		err := c.readWords(ctx, q)
		switch {
		case errs.KindOf(err) == errs.Unavailable:
			c.damagedIndex(err.Error())
		case err != nil:
			return err
		}
	}
	return c.checkAll(ctx, q)
}

func (c *checker) damagedIndex(problem string) {
	c.other("The index of words is damaged: %s. --repair builds it again.", problem)
	c.indexProblems++
	c.rebuild, c.found = true, map[int64]wordSum{}
}

func scanText(r row) (text string, err error) {
	err = r.Scan(&text)
	return text, err
}

// readWords reads the whole index of words.
func (c *checker) readWords(ctx context.Context, q *queries) error {
	const (
		vocabulary = `create virtual table temp.vocabulary using fts5vocab(main, words, instance)`
		query      = `select term, doc, col from temp.vocabulary`
	)
	type instance struct {
		term, column string
		id           int64
	}
	scan := func(r row) (i instance, err error) {
		err = r.Scan(&i.term, &i.id, &i.column)
		return i, err
	}
	if _, err := q.exec(ctx, vocabulary); err != nil {
		return err
	}
	columns := []string{"terms", "names", "titles", "rest"}
	c.found = map[int64]wordSum{}
	for i, err := range each(ctx, q, query, scan) {
		if err != nil {
			return err
		}
		c.found[i.id] = c.found[i.id].plus(slices.Index(columns, i.column), i.term)
	}
	return nil
}

// checkAll checks every entity of all workspaces.
func (c *checker) checkAll(ctx context.Context, q *queries) error {
	type numberedWorkspace struct {
		id  int64
		oID string
	}
	const query = `select id, o_id from workspaces order by id`
	workspaces, err := all(ctx, q, query, func(r row) (w numberedWorkspace, err error) {
		err = r.Scan(&w.id, &w.oID)
		return w, err
	})
	if err != nil {
		return err
	}
	for _, w := range workspaces {
		const rows = selectRows + ` where e.workspace = $1 and e.id > $2 order by e.id limit $3`
		for last := int64(-1); ; {
			some, err := all(ctx, q, rows, scanUnchecked, w.oID, last, rowsAtOnce)
			if err != nil {
				return err
			}
			for _, r := range some {
				if err := c.checkOne(ctx, q, w.id, r); err != nil {
					return err
				}
				last = r.id
			}
			if len(some) < rowsAtOnce {
				break
			}
		}
	}
	if len(c.found) > 0 { // what is left belongs to no entity
		c.damagedIndex(fmt.Sprintf("it has the words of %d entities that are not there", len(c.found)))
	}
	return nil
}

// checkOne checks an entity.
func (c *checker) checkOne(ctx context.Context, q *queries, workspace int64, r keyed) error {
	c.report.Entities++
	name := fmt.Sprintf("The %s %s of the workspace %s", r.Kind, r.OID, r.Workspace)
	found := c.found[r.id]
	delete(c.found, r.id)
	if r.Tag != entity.TagOf(r.Document, r.Hidden) {
		c.report.Damaged++
		c.options.Report(name + " is damaged: it is not what was written. Restore it from a backup.")
		return nil
	}
	derived, err := c.options.Derive(r.Row)
	if err != nil {
		c.report.Damaged++
		c.options.Report(fmt.Sprintf("%s cannot be read: %v", name, err))
		return nil
	}
	var problems []string
	note := func(what string, same bool) {
		if !same {
			problems = append(problems, what)
		}
	}
	columns, err := sameColumns(ctx, q, r, derived)
	if err != nil {
		return err
	}
	note("columns", columns)
	links, err := sameLinks(ctx, q, r, derived)
	if err != nil {
		return err
	}
	note("links", links)
	words := c.rebuild || found == sumOf(workspace, derived)
	if q.postgres {
		if words, err = sameWords(ctx, q, workspace, r, derived); err != nil {
			return err
		}
	}
	note("words", words)
	if len(problems) > 0 {
		c.report.Wrong++
		c.options.Report(fmt.Sprintf("%s has %s that do not follow from its document: --repair writes them again.", name, strings.Join(problems, ", ")))
		c.wrong = append(c.wrong, r.Ref)
	}
	return nil
}

// sameColumns compares the columns of a row with its document.
func sameColumns(ctx context.Context, q *queries, r keyed, derived *entity.Stored) (bool, error) {
	const query = `select sort_name from entities where workspace = $1 and id = $2`
	sorted, err := one(ctx, q, query, scanText, notFound(r.Ref), r.Workspace, r.id)
	equal := func(a, b *time.Time) bool { return a == nil && b == nil || a != nil && b != nil && a.Equal(*b) }
	return err == nil && sorted == sortName(r.Name) && r.OID == derived.OID && r.Name == derived.Name &&
		r.CreatedAt.Equal(derived.CreatedAt) && r.UpdatedAt.Equal(derived.UpdatedAt) &&
		equal(r.ArchivedAt, derived.ArchivedAt) && equal(r.DeletedAt, derived.DeletedAt), err
}

// sameLinks compares the links of a row with its document.
func sameLinks(ctx context.Context, q *queries, r keyed, derived *entity.Stored) (bool, error) {
	const query = `select field, position, target from links where workspace = $1 and entity_id = $2`
	found, err := all(ctx, q, query, scanLink, r.Workspace, r.id)
	if err != nil {
		return false, err
	}
	want := linkRows(derived)
	if len(found) != len(want) {
		return false, nil
	}
	for _, l := range found {
		if !slices.Contains(want, linkRow{l.Field, l.Position, l.Target}) {
			return false, nil
		}
	}
	return true, nil
}

// sumOf is the checksum of the words that an entity should have.
func sumOf(workspace int64, derived *entity.Stored) (sum wordSum) {
	terms, prefix := termsOf(derived), workspacePrefix(workspace)
	for column, list := range [][]string{terms.Terms, terms.Names, terms.Titles, terms.Rest} {
		for _, term := range list {
			sum = sum.plus(column, prefix+term)
		}
	}
	return sum
}

// sameWords compares the words of a row of PostgreSQL with its document.
func sameWords(ctx context.Context, q *queries, workspace int64, r keyed, derived *entity.Stored) (bool, error) {
	const query = `
		select count(*)
		from words s,
			(select array_to_tsvector(array(select jsonb_array_elements_text($3::jsonb))) as names,
				array_to_tsvector(array(select jsonb_array_elements_text($4::jsonb))) as titles,
				array_to_tsvector(array(select jsonb_array_elements_text($5::jsonb))) as rest) t
		where s.workspace = $1 and s.entity_id = $2 and s.names = t.names and s.titles = t.names || t.titles and s.words = t.names || t.titles || t.rest`
	terms, prefix := termsOf(derived), workspacePrefix(workspace)
	list := func(terms ...string) string {
		prefixed := make([]string, len(terms))
		for i, term := range terms {
			prefixed[i] = prefix + term
		}
		return jsonText(prefixed)
	}
	n, err := one(ctx, q, query, scanInt, nil, r.Workspace, r.id, list(append(terms.Terms, terms.Names...)...), list(terms.Titles...), list(terms.Rest...))
	return n == 1, err
}

// repair writes again what is derived from the documents.
func (c *checker) repair(ctx context.Context) error {
	const empty = `insert into words (words) values ('delete-all')`
	again, wrong := c.wrong, map[entity.Ref]bool{}
	for _, ref := range c.wrong {
		wrong[ref] = true
	}
	if c.rebuild {
		again = nil
		err := c.store.engine.write(ctx, true, func(ctx context.Context, t *tx) error {
			if _, err := t.exec(ctx, empty); err != nil {
				return err
			}
			for r, err := range each(ctx, &t.queries, selectRows+" order by e.id", scanUnchecked) {
				if err != nil {
					return err
				}
				again = append(again, r.Ref)
			}
			return nil
		})
		if err != nil {
			return err
		}
		c.report.Other -= c.indexProblems
	}
	const atOnce = 100
	for some := range slices.Chunk(again, atOnce) {
		repaired := 0
		err := c.store.Write(ctx, func(ctx context.Context, t entity.Tx) error {
			repaired = 0
			for _, ref := range some {
				row, err := t.Row(ctx, ref, nil)
				if err != nil {
					continue // damaged, or purged meanwhile
				}
				derived, err := c.options.Derive(row)
				if err != nil {
					continue
				}
				if err := t.Replace(ctx, derived, nil); err != nil {
					return err
				}
				if wrong[ref] {
					repaired++
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		c.report.Repaired += repaired
	}
	return nil
}
