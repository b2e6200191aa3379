package segments

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite" // the driver
	"pgregory.net/rapid"

	"personae.dev/internal/persona"
	"personae.dev/internal/search"
	"personae.dev/internal/store/document"
	"personae.dev/internal/store/engine"
	"personae.dev/internal/store/inverted"
	"personae.dev/internal/wire"
)

// database makes one with the tables of the index, and two workspaces.
func database(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "index.db")+"?_journal_mode=wal&_synchronous=off")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	migration, err := os.ReadFile("../migrations/sqlite/00005_segments.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, tables, _ := strings.Cut(string(migration), "DROP TABLE personas_search;")
	for _, text := range []string{tables, `create table workspaces (o_id, number)`, `insert into workspaces values ('wa_1', 1), ('wa_2', 2)`} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// library is an index, and what is to be found in it.
type library struct {
	db       *sql.DB
	index    *Index
	personas map[int64]*persona.Persona
	words    map[int64]search.Indexed
	changes  []engine.Change
}

func newLibrary(t testing.TB) *library {
	t.Helper()
	return &library{db: database(t), index: New(), personas: map[int64]*persona.Persona{}, words: map[int64]search.Indexed{}}
}

func workspaceOf(id int64) int { return int(id%2) + 1 }

func (l *library) put(id int64, p *persona.Persona) {
	_, there := l.personas[id]
	l.personas[id], l.words[id] = p, search.WordsOf(p)
	l.changes = append(l.changes, l.index.Put(workspaceOf(id), id, p.Author.OID, !there, p))
}

func (l *library) remove(id int64) {
	delete(l.personas, id)
	l.changes = append(l.changes, l.index.Remove(workspaceOf(id), id))
}

// commit applies what was changed, in a transaction that is kept or undone.
func (l *library) commit(t testing.TB, keep bool) {
	t.Helper()
	sqlTx, err := l.db.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sqlTx.Rollback() }()
	if err := l.index.Prepare(l.changes)(context.Background(), sqlTx); err != nil {
		t.Fatalf("Prepare, and write: %v", err)
	}
	if !keep {
		return
	}
	l.changes = nil
	if err := sqlTx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// naive is Search without an index.
func (l *library) naive(workspace int, q *persona.Query) (total int, ids []int64) {
	type match struct {
		id   int64
		tier int
		*persona.Persona
	}
	var all []match
	for id, p := range l.personas {
		if workspaceOf(id) != workspace || q.Status != persona.StatusAll && p.Status() != cmp.Or(q.Status, persona.StatusActive) ||
			q.AuthorOID != "" && p.Author.OID != q.AuthorOID || q.PlaybookOID != "" && !slices.Contains(p.Links.PlaybookOIDs, q.PlaybookOID) ||
			q.ProductOID != "" && !slices.Contains(p.Links.OfferingOIDs, q.ProductOID) && p.Links.Offerings != persona.OfferingsAll &&
				(p.Links.PrimaryOfferingOID == nil || *p.Links.PrimaryOfferingOID != q.ProductOID) {
			continue
		}
		words, missing := l.words[id], slices.Clone(q.Words)
		for tier, columns := range [][]string{words.Name, words.Titles, words.Rest} {
			// Of a tier are the columns up to its own.
			missing = slices.DeleteFunc(missing, func(word string) bool {
				return slices.ContainsFunc(columns, func(of string) bool { return strings.HasPrefix(of, word) })
			})
			if len(missing) == 0 {
				all = append(all, match{id, tier, p})
				break
			}
		}
	}
	lower := func(name string) string {
		return strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			return r
		}, name)
	}
	key := func(a, b persona.Position) int {
		order := cmp.Or(cmp.Compare(a.Micros, b.Micros), strings.Compare(lower(a.Name), lower(b.Name)))
		if q.Descending {
			order = -order
		}
		return cmp.Or(order, strings.Compare(a.OID, b.OID))
	}
	slices.SortFunc(all, func(a, b match) int {
		if q.Order == persona.ByRank {
			return cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(utf8.RuneCountInString(a.Name), utf8.RuneCountInString(b.Name)),
				strings.Compare(a.Name, b.Name), strings.Compare(a.OID, b.OID))
		}
		return key(persona.PositionOf(a.Persona, q.Order), persona.PositionOf(b.Persona, q.Order))
	})
	total, offset := len(all), q.Offset
	if q.After != nil {
		offset = 0
		all = slices.DeleteFunc(all, func(m match) bool { return key(persona.PositionOf(m.Persona, q.Order), *q.After) <= 0 })
	}
	all = all[min(offset, len(all)):]
	for _, m := range all[:min(q.Limit+1, len(all))] {
		ids = append(ids, m.id)
	}
	return total, ids
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// check holds a search against one without an index.
func (l *library) check(t failer, workspace int, q *persona.Query) {
	t.Helper()
	type result struct {
		Total int
		IDs   []int64
	}
	var want, got result
	want.Total, want.IDs = l.naive(workspace, q)
	var err error
	got.Total, got.IDs, err = l.index.Search(context.Background(), l.db, fmt.Sprintf("wa_%d", workspace), q)
	if err != nil {
		t.Fatalf("Search: %v", err)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Fatalf("Search(%+v) (-want +got):\n%s", q, diff)
	}
}

var syllables = []string{"a", "b", "ab", "abc", "é", "京", "0", "Zz", "aB", strings.Repeat("long", 8)}

func anyText(most int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(syllables), 0, most).Draw(t, "syllables"), rapid.SampledFrom([]string{" ", ""}).Draw(t, "between"))
	})
}

func anyPersona(id int64) *rapid.Generator[*persona.Persona] {
	return rapid.Custom(func(t *rapid.T) *persona.Persona {
		day := func(label string) time.Time {
			return time.Date(2024, 1, rapid.IntRange(1, 4).Draw(t, label), 0, 0, 0, 0, time.UTC)
		}
		sometimes := func(label string) *time.Time {
			if rapid.IntRange(0, 3).Draw(t, label) > 0 {
				return nil
			}
			return new(day(label))
		}
		ids := func(label string) []string {
			return rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y", "xy", ""}), 0, 2).Draw(t, label)
		}
		p := &persona.Persona{
			OID: fmt.Sprint(id), Name: anyText(3).Draw(t, "name"), CommonJobTitles: []string{anyText(3).Draw(t, "title")}, PainPoints: []string{anyText(9).Draw(t, "rest")},
			CreatedAt: day("created"), UpdatedAt: day("updated"), ArchivedAt: sometimes("archived"), DeletedAt: sometimes("deleted"),
			Links: persona.Links{
				Offerings:    rapid.SampledFrom([]persona.OfferingMode{"", persona.OfferingsAll, persona.OfferingsSpecific}).Draw(t, "mode"),
				OfferingOIDs: ids("offerings"), PlaybookOIDs: ids("playbooks"),
			},
		}
		p.Author.OID = rapid.SampledFrom([]string{"u_1", "u_12"}).Draw(t, "author")
		if primary := ids("primary"); len(primary) > 0 {
			p.Links.PrimaryOfferingOID = &primary[0]
		}
		return p
	})
}

func anyQuery() *rapid.Generator[*persona.Query] {
	return rapid.Custom(func(t *rapid.T) *persona.Query {
		q := &persona.Query{
			Words:      search.Words(anyText(2).Draw(t, "text")),
			Status:     rapid.SampledFrom([]persona.Status{"", persona.StatusActive, persona.StatusArchived, persona.StatusDeleted, persona.StatusAll}).Draw(t, "status"),
			AuthorOID:  rapid.SampledFrom([]string{"", "", "u_1"}).Draw(t, "author"),
			ProductOID: rapid.SampledFrom([]string{"", "", "x"}).Draw(t, "product"), PlaybookOID: rapid.SampledFrom([]string{"", "", "", "x"}).Draw(t, "playbook"),
			Order:      rapid.SampledFrom([]persona.Order{persona.ByRank, persona.ByName, persona.ByCreatedAt, persona.ByUpdatedAt}).Draw(t, "order"),
			Descending: rapid.Bool().Draw(t, "descending"), Limit: rapid.IntRange(1, 9).Draw(t, "limit"), Offset: rapid.OneOf(rapid.IntRange(0, 5), rapid.IntRange(math.MaxInt-20, math.MaxInt)).Draw(t, "offset"),
		}
		if len(q.Words) == 0 {
			q.Words = []string{"a"}
		}
		if q.Order != persona.ByRank && rapid.Bool().Draw(t, "by cursor") {
			p := anyPersona(5).Draw(t, "after")
			q.After = new(persona.PositionOf(p, q.Order))
		}
		return q
	})
}

// TestModel holds the index against a search without one, after any changes, in
// transactions that are kept or undone.
func TestModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		l := newLibrary(t)
		const ids = 60
		for range rapid.IntRange(1, 40).Draw(rt, "transactions") {
			for range rapid.IntRange(1, 5).Draw(rt, "changes") {
				id := rapid.Int64Range(1, ids).Draw(rt, "id")
				if _, there := l.personas[id]; there && rapid.IntRange(0, 3).Draw(rt, "what") == 0 {
					l.remove(id)
				} else {
					l.put(id, anyPersona(id).Draw(rt, "persona"))
				}
			}
			if rapid.IntRange(0, 5).Draw(rt, "undone") == 0 {
				l.commit(t, false)
			}
			l.commit(t, true)
		}
		for range 5 {
			l.check(rt, rapid.IntRange(1, 2).Draw(rt, "workspace"), anyQuery().Draw(rt, "query"))
		}
	})
}

func onet(t testing.TB) (personas []*persona.Persona) {
	t.Helper()
	text, err := os.ReadFile("../../../examples/onet/personas.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line, err := range wire.DecodeLines(bytes.NewReader(text)) {
		if err != nil {
			t.Fatal(err)
		}
		personas = append(personas, line.Persona)
	}
	return personas
}

// numbers returns what one row of a query has.
func numbers(t testing.TB, db *sql.DB, text string, dest ...any) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), text).Scan(dest...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// TestManySegments has segments of every class, merges them, and leaves some
// empty and some sparse.
func TestManySegments(t *testing.T) {
	t.Parallel()
	l, personas := newLibrary(t), onet(t)
	queries := []*persona.Query{
		{Words: []string{"s"}, Order: persona.ByRank, Limit: 50},
		{Words: []string{"nurse"}, Order: persona.ByRank, Limit: 1000},
		{Words: []string{"sales", "manager"}, Order: persona.ByRank, Limit: 20, Offset: 30},
		{Words: []string{"a", "m", "eng"}, Order: persona.ByName, Descending: true, Limit: 30, Status: persona.StatusAll},
		{Words: []string{"ma"}, Order: persona.ByCreatedAt, Limit: 10, Offset: 100, AuthorOID: "u_3"},
	}
	check := func() {
		t.Helper()
		for _, q := range queries {
			l.check(t, 1, q)
			l.check(t, 2, q)
		}
		var segments, orphans, most int
		numbers(t, l.db, `select count(*), coalesce(max(docs), 0) from search_segments`, &segments, &most)
		numbers(t, l.db, `select count(*) from search_blocks where segment not in (select id from search_segments)`, &orphans)
		if orphans > 0 || most > inverted.MaxDocs || segments > 2*(2*inverted.MergeAt+2*len(l.personas)/inverted.MaxDocs) {
			t.Errorf("%d personas have %d segments, the largest of %d, and %d parts without", len(l.personas), segments, most, orphans)
		}
	}
	next := int64(0)
	add := func(transactions, each int) {
		for range transactions {
			for range each {
				next++
				p := *personas[next%int64(len(personas))]
				p.OID, p.Author.OID = fmt.Sprint(next), fmt.Sprintf("u_%d", next%5)
				p.CreatedAt = time.UnixMilli(next)
				l.put(next, &p)
			}
			l.commit(t, true)
		}
		check()
	}
	add(150, 1)
	add(20, 70)
	add(3, 1000)
	add(1, 6000)
	change := func(every int64, change func(id int64)) {
		for id := every; id <= next; id += every {
			change(id)
		}
		l.commit(t, true)
		check()
	}
	change(7, func(id int64) {
		p := *l.personas[id]
		p.Name = "Sales " + p.Name
		l.put(id, &p)
	})
	change(5, func(id int64) {
		p := *l.personas[id]
		p.ArchivedAt = new(time.UnixMilli(1))
		l.put(id, &p)
	})
	for range 3 { // the sparse are merged one by one
		for id := next/2 + 1; id <= next; id++ {
			if _, there := l.personas[id]; there && id%10 > 0 {
				l.remove(id)
			}
		}
		l.remove(10 * (next/20 - int64(len(l.changes))))
		l.commit(t, true)
	}
	check()
	change(1, func(id int64) {
		if _, there := l.personas[id]; there {
			l.remove(id)
		}
	})
	var left int
	numbers(t, l.db, `select (select count(*) from search_segments) + (select count(*) from search_blocks)`, &left)
	if left > 0 {
		t.Errorf("of no persona there are %d segments and parts", left)
	}
}

// TestManyWords has personas with as many words as they may have.
func TestManyWords(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	for id := range int64(500) {
		var words []string
		for i := range search.MaxIndexedWords {
			words = append(words, fmt.Sprintf("w%dx%d", i, id%3))
		}
		l.put(2*id, &persona.Persona{OID: fmt.Sprint(id), Name: "many", PainPoints: []string{strings.Join(words, " ")}})
	}
	l.commit(t, true)
	var heaviest, segments int
	numbers(t, l.db, `select max(weight), count(*) from search_segments`, &heaviest, &segments)
	if heaviest > inverted.MaxDocs || segments < 3 {
		t.Errorf("there are %d segments, and the heaviest weighs %d", segments, heaviest)
	}
	for _, words := range [][]string{{"w4000x1"}, {"w17"}, {"w1", "w2", "many"}, {"w4999x2", "w4998x1"}} {
		l.check(t, 1, &persona.Query{Words: words, Order: persona.ByRank, Limit: 100})
	}
}

// TestDamage: what cannot be right is an error that says so.
func TestDamage(t *testing.T) {
	t.Parallel()
	personas := onet(t)
	for _, damage := range []string{
		`delete from search_blocks where part = 0`,
		`delete from search_blocks where part = 2`,
		`update search_blocks set bytes = substr(bytes, 1, length(bytes) - 1)`,
		`update search_blocks set bytes = x'00' where part > 0`,
		`update search_segments set dead = x'ff'`,
		`update search_segments set dead = zeroblob(24), docs = 150`,
		`update search_segments set docs = 0`,
		`update search_segments set docs = -1000`,
		`update search_segments set docs = 1 << 50`,
	} {
		l := newLibrary(t)
		for i, p := range personas[:100] {
			l.put(int64(2*i), p)
		}
		l.commit(t, true)
		if _, err := l.db.ExecContext(t.Context(), damage); err != nil {
			t.Fatal(err)
		}
		l.index = New() // which has nothing in its cache
		failed := 0
		wrong := func(what string, err error) {
			t.Helper()
			if err != nil {
				failed++
			}
			if err != nil && persona.KindOf(err) != persona.Unavailable {
				t.Errorf("%s after %s: %v", what, damage, err)
			}
		}
		for _, word := range []string{"s", "\x00"} {
			_, _, err := l.index.Search(t.Context(), l.db, "wa_1", &persona.Query{Words: []string{word}, Order: persona.ByRank, Limit: 10})
			wrong("Search", err)
		}
		wrong("Put", l.index.Prepare([]engine.Change{l.index.Put(1, 0, "u_1", false, personas[0])})(t.Context(), l.db))
		wrong("Remove", l.index.Prepare([]engine.Change{l.index.Remove(1, 2)})(t.Context(), l.db))
		for id := range int64(inverted.MergeAt) { // at last it is merged
			wrong("Put", l.index.Prepare([]engine.Change{l.index.Put(1, 1000+id, "u_1", true, personas[0])})(t.Context(), l.db))
		}
		if failed == 0 {
			t.Errorf("after %s nothing is wrong", damage)
		}
	}
}

// TestIDsWithoutClock: ids are not used twice after a start before 2020, which is
// where the time of a bubble stands.
func TestIDsWithoutClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := map[int64]bool{}
		for range 5 {
			x, last := New(), int64(0)
			for range 5 {
				id := x.newID()
				if id <= last || seen[id] {
					t.Errorf("id %d follows %d, and was there before: %t", id, last, seen[id])
				}
				seen[id], last = true, id
			}
		}
	})
}

// TestFill fills an index in more than one lot.
func TestFill(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	exec := func(text string, args ...any) {
		t.Helper()
		if _, err := l.db.ExecContext(t.Context(), text, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`create table personas (id integer primary key, workspace_o_id, user_o_id, o_id, name, internal_name, description, document blob,
		created_at, updated_at, archived_at, deleted_at, primary_offering_o_id, offering_mode)`)
	for i, p := range onet(t)[:150] {
		id := int64(i + 1)
		p.OID, p.Author.OID, p.CreatedAt, p.UpdatedAt = fmt.Sprint(id), "u_1", time.UnixMicro(id), time.UnixMicro(-id)
		p.Links = persona.Links{}
		doc, err := document.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		exec(`insert into personas values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, null, null, null, null)`,
			id, fmt.Sprintf("wa_%d", workspaceOf(id)), p.Author.OID, p.OID, p.Name, p.InternalName, p.Description, doc, id, -id)
		l.put(id, p)
	}
	sqlTx, err := l.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sqlTx.Rollback() }()
	if err := l.index.fill(t.Context(), sqlTx, 20); err != nil {
		t.Fatalf("fill: %v", err)
	}
	if err := sqlTx.Commit(); err != nil {
		t.Fatal(err)
	}
	var segments int
	numbers(t, l.db, `select count(*) from search_segments`, &segments)
	if segments < 8 {
		t.Errorf("there are %d segments, want one for each lot", segments)
	}
	for _, workspace := range []int{1, 2} {
		for _, word := range []string{"s", "manager", "a"} {
			l.check(t, workspace, &persona.Query{Words: []string{word}, Order: persona.ByRank, Limit: 50})
		}
	}
}

func TestCache(t *testing.T) {
	t.Parallel()
	c := newCache(3 * (keptSize + 100))
	for i := range 3 {
		c.put(partKey{1, i}, i, 100)
	}
	c.get(partKey{1, 0})
	c.put(partKey{1, 3}, 3, 100)
	c.put(partKey{1, 3}, 4, 100)
	c.put(partKey{1, 4}, 4, 4000)
	for part, want := range []any{0, nil, 2, 3, nil} {
		if got := c.get(partKey{1, part}); got != want {
			t.Errorf("part %d is %v, want %v", part, got, want)
		}
	}
}

// BenchmarkIndex cuts and indexes personas, so many with each transaction.
func BenchmarkIndex(b *testing.B) {
	personas := onet(b)
	for _, count := range []int{1, 16, 64, inverted.MaxDocs} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			l := newLibrary(b)
			done, known := int64(0), map[string]*sql.Stmt{}
			var took time.Duration
			for b.Loop() {
				sqlTx, err := l.db.BeginTx(b.Context(), nil)
				if err != nil {
					b.Fatal(err)
				}
				began := time.Now()
				changes := make([]engine.Change, count)
				for i := range changes {
					done++
					changes[i] = l.index.Put(1, done, "u_1", true, personas[done%int64(len(personas))])
				}
				if err := l.index.Prepare(changes)(b.Context(), keeping{sqlTx, known}); err != nil {
					b.Fatal(err)
				}
				took += time.Since(began)
				if err := sqlTx.Commit(); err != nil {
					b.Fatal(err)
				}
				for text, stmt := range known {
					if stmt == nil {
						if known[text], err = l.db.PrepareContext(b.Context(), text); err != nil {
							b.Fatal(err)
						}
					}
				}
			}
			b.ReportMetric(float64(took.Nanoseconds())/1000/float64(done), "µs/persona")
		})
	}
}

// keeping runs statements as the writing connection does, which keeps them.
type keeping struct {
	*sql.Tx
	known map[string]*sql.Stmt
}

func (p keeping) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if known := p.known[text]; known != nil {
		return p.StmtContext(ctx, known).QueryContext(ctx, args...) //nolint:sqlclosecheck // the transaction closes it
	}
	p.known[text] = nil
	return p.Tx.QueryContext(ctx, text, args...)
}

func (p keeping) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	if known := p.known[text]; known != nil {
		return p.StmtContext(ctx, known).ExecContext(ctx, args...) //nolint:sqlclosecheck // the transaction closes it
	}
	p.known[text] = nil
	return p.Tx.ExecContext(ctx, text, args...)
}
