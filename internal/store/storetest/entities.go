package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"personae.dev/internal/entity"
	"personae.dev/internal/entity/entitytest"
	"personae.dev/internal/errs"
)

func (s suite) testRow(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	full := l.Persona("pe_1", "VP of Sales", func(s *entity.Stored) {
		s.Shape, s.Author = 7, l.Member.Author()
		s.UpdatedAt = Day.Add(time.Hour)
		s.ArchivedAt, s.DeletedAt = new(Day.Add(2*time.Hour)), new(Day.Add(3*time.Hour))
		s.Hidden = []byte(`{"questionOIds":["qq_1"]}`)
	})
	plain := l.Persona("pe_2", "CFO")
	early := l.Persona("pe_3", "Old", func(s *entity.Stored) {
		s.CreatedAt, s.UpdatedAt = time.UnixMilli(-1).UTC(), time.UnixMilli(0).UTC()
	})
	l.Insert(t, full, plain, early)
	for _, want := range []*entity.Stored{full, plain, early} {
		same(t, want.OID, &want.Row, must[*entity.Row](t)(l.Row(ctx, want.Ref, nil)))
	}
	for name, ref := range map[string]entity.Ref{
		"another id":                  {Workspace: l.Workspace.OID, Kind: "persona", OID: "pe_4"},
		"another kind":                {Workspace: l.Workspace.OID, Kind: "product", OID: "pe_1"},
		"another workspace":           {Workspace: l.Other.OID, Kind: "persona", OID: "pe_1"},
		"the same id in another case": {Workspace: l.Workspace.OID, Kind: "persona", OID: "PE_1"},
	} {
		_, err := l.Row(ctx, ref, nil)
		wantKind(t, name, err, errs.NotFound)
		if got, want := errs.CodeOf(err), errs.NotFoundCode(ref.Kind); got != want {
			t.Errorf("the code is %s, want %s", got, want)
		}
	}
}

// testRowOfKinds stores entities of all kinds, some of each at once, and reads
// them back.
func (s suite) testRowOfKinds(t *testing.T) {
	l := s.library(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		var entities []*entity.Entity
		var stored []*entity.Stored
		for _, k := range s.kinds {
			e := entitytest.Entity(k).Draw(rt, k.Name)
			e.OID, e.Author = fmt.Sprintf("%s%d", k.Prefix, n), l.Owner.Author()
			entities, stored = append(entities, e), append(stored, k.Store(l.Workspace.OID, e))
		}
		l.Insert(t, stored...)
		for i, k := range s.kinds {
			row := must[*entity.Row](t)(l.Row(t.Context(), stored[i].Ref, nil))
			same(t, k.Name, &stored[i].Row, row)
			if loaded := must[*entity.Entity](t)(k.Load(row)); !k.Equal(entities[i], loaded) {
				t.Errorf("%s: loaded %v, want %v", k.Name, loaded, entities[i])
			}
		}
		if t.Failed() {
			rt.Fatal("see above")
		}
	})
}

func (s suite) testText(t *testing.T) {
	l := s.library(t)
	texts := []string{
		"", " ", "'", `"`, `\`, `%_`, "$1", "?", "a\tb\nc", "Ünïcödé", "e\u0301", "é", "\u202e\u200b\ufeff", "北京", "\U0001f600", "\u2028",
		strings.Repeat("\ufdfa", 255), // eighteen characters each when it is folded
		strings.Repeat("x", 2<<20), strings.Repeat("😀", 100_000),
	}
	for i, text := range texts {
		name := string([]rune(text)[:min(255, len([]rune(text)))])
		p := l.Persona(fmt.Sprintf("pe_%d", i), name, func(s *entity.Stored) { s.Document = []byte(text + "d"); s.Hidden = []byte(text + "h") })
		l.Insert(t, p)
		same(t, fmt.Sprintf("%.20q", text), &p.Row, must[*entity.Row](t)(l.Row(t.Context(), p.Ref, nil)))
	}
	for _, text := range []string{"pe_'x", `pe_"\`, "pe_%", "pe_\U0001f600 ", " pe"} {
		p := l.Persona(text, text)
		l.Insert(t, p)
		same(t, text, &p.Row, must[*entity.Row](t)(l.Row(t.Context(), p.Ref, nil)))
	}
}

func (s suite) testInsertRefuses(t *testing.T) {
	l := s.library(t)
	first := l.Persona("pe_1", "first")
	l.Insert(t, first)
	insert := func(s *entity.Stored) error {
		return l.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error {
			return tx.Insert(ctx, s, l.Change(entity.ActionCreated, Day))
		})
	}
	wantKind(t, "a taken id", insert(l.Persona("pe_1", "second")), errs.Conflict)
	wantKind(t, "no workspace", insert(l.Persona("pe_2", "x", func(s *entity.Stored) { s.Workspace = "wa_none" })), errs.NotFound)
	wantKind(t, "no author", insert(l.Persona("pe_2", "x", func(s *entity.Stored) { s.Author.OID = "u_none" })), errs.NotFound)
	// The id of another kind or workspace is no obstacle.
	for _, other := range []*entity.Stored{
		l.Persona("pe_1", "other", func(s *entity.Stored) { s.Kind = "product" }),
		l.Persona("pe_1", "other", func(s *entity.Stored) { s.Workspace = l.Other.OID }),
	} {
		if err := insert(other); err != nil {
			t.Errorf("Insert(%v): %v", other.Ref, err)
		}
		same(t, "other", &other.Row, must[*entity.Row](t)(l.Row(t.Context(), other.Ref, nil)))
	}
	same(t, "first", &first.Row, must[*entity.Row](t)(l.Row(t.Context(), first.Ref, nil)))
	// A failed insert leaves no revision.
	page := must[*entity.RevisionPage](t)(l.Revisions(t.Context(), entity.RevisionQuery{Workspace: l.Workspace.OID, Limit: 10}))
	if page.Total != 2 {
		t.Errorf("there are %d revisions, want 2", page.Total)
	}
}

func (s suite) testReplace(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	l.Insert(t, l.Persona("pe_1", "before", func(s *entity.Stored) {
		s.Links = []entity.Link{{Field: "segmentOIds", Target: "sg_1"}, {Field: "segmentOIds", Position: 1, Target: "sg_2"}, {Field: "offering", Target: "px_1"}}
		s.Facets = []entity.Facet{{Field: "type", Value: "A"}}
	}))
	after := l.Persona("pe_1", "after", func(s *entity.Stored) {
		s.Author = l.Member.Author() // which changes nothing
		s.Shape, s.UpdatedAt = 2, Day.Add(time.Hour)
		s.Links = []entity.Link{{Field: "segmentOIds", Target: "sg_3"}}
		s.Facets = []entity.Facet{{Field: "type", Value: "B"}}
	})
	rev := l.Change(entity.ActionUpdated, after.UpdatedAt)
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error { return tx.Replace(ctx, after, rev) })
	if rev.Number != 2 {
		t.Errorf("the number of the revision is %d, want 2", rev.Number)
	}
	want := after.Row
	want.Author = l.Owner.Author()
	same(t, "Row", &want, must[*entity.Row](t)(l.Row(ctx, after.Ref, nil)))
	same(t, "Links", after.Links, must[[]entity.Link](t)(l.Links(ctx, after.Ref)))
	same(t, "facet B", 1, must[*entity.Page](t)(l.List(ctx, entity.Query{Workspace: l.Workspace.OID, Sets: []entity.Set{{Kind: "persona", Facet: &after.Facets[0]}}, Limit: 1})).Total)

	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error { return tx.Replace(ctx, after, nil) })
	page := must[*entity.RevisionPage](t)(l.Revisions(ctx, entity.RevisionQuery{Workspace: l.Workspace.OID, Limit: 10}))
	if page.Total != 2 {
		t.Errorf("there are %d revisions, want 2: a replacement without one adds none", page.Total)
	}
	err := l.Write(ctx, func(ctx context.Context, tx entity.Tx) error { return tx.Replace(ctx, l.Persona("pe_2", "none"), nil) })
	wantKind(t, "Replace of what is not there", err, errs.NotFound)
}

func (s suite) testJoins(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	product := l.Persona("px_1", "product", func(s *entity.Stored) { s.Kind = "product" })
	deleted := l.Persona("px_2", "deleted", func(s *entity.Stored) { s.Kind, s.DeletedAt = "product", new(Day) })
	playbook := func(oID string, links ...entity.Link) *entity.Stored {
		return l.Persona(oID, oID, func(s *entity.Stored) { s.Kind, s.Links = "playbook", links })
	}
	both := playbook("pb_1", entity.Link{Field: "productOId", Target: "px_1"}, entity.Link{Field: "companyOId", Target: "px_2"}, entity.Link{Field: "other", Target: "px_1"})
	l.Insert(t, product, deleted, both, playbook("pb_2", entity.Link{Field: "productOId", Target: "px_none"}), playbook("pb_3"))
	joins := []entity.Join{{Field: "companyOId", As: "company"}, {Field: "productOId", As: "product"}}
	row := must[*entity.Row](t)(l.Row(ctx, both.Ref, joins))
	same(t, "Joined", [][]byte{deleted.Document, product.Document}, row.Joined)
	page := must[*entity.Page](t)(l.List(ctx, entity.Query{
		Workspace: l.Workspace.OID, Sets: []entity.Set{{Kind: "playbook", Joins: joins}, {Kind: "product"}}, Order: entity.OrderName, Limit: 10,
	}))
	var joined [][][]byte
	for _, r := range page.Rows {
		joined = append(joined, r.Joined)
	}
	same(t, "Joined of a list", [][][]byte{{deleted.Document, product.Document}, {nil, nil}, {nil, nil}, nil}, joined)
}

func (s suite) testAll(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	const many = 450 // more than are read at once
	var entities []*entity.Stored
	for i := range many {
		entities = append(entities, l.Persona(fmt.Sprintf("pe_%d", many-i), fmt.Sprint(i), func(s *entity.Stored) {
			s.CreatedAt = Day.Add(time.Duration(-i) * time.Hour)
			if i%3 == 0 {
				s.DeletedAt = new(Day)
			}
		}))
	}
	l.Insert(t, entities...)
	l.Insert(t, l.Persona("px_1", "x", func(s *entity.Stored) { s.Kind = "product" }), l.Persona("pe_x", "x", func(s *entity.Stored) { s.Workspace = l.Other.OID }))
	var want []*entity.Row
	for _, s := range entities {
		want = append(want, &s.Row)
	}
	same(t, "All", want, everything(t, l, l.Workspace.OID, "persona"))
	for kind, want := range map[string]int{"persona": many, "product": 1, "segment": 0, "": many + 1} {
		if got := must[int](t)(l.Count(ctx, l.Workspace.OID, kind)); got != want {
			t.Errorf("Count(%q) = %d, want %d", kind, got, want)
		}
	}
	for range l.All(ctx, l.Workspace.OID, "persona") {
		break // an abandoned sequence leaves nothing behind
	}
	l.Insert(t, l.Persona("pe_after", "after"))
}

func (s suite) testFind(t *testing.T) {
	l := s.library(t)
	l.Insert(t, l.Persona("a", "A"), l.Persona("b", "B", func(s *entity.Stored) { s.Kind, s.DeletedAt = "product", new(Day) }),
		l.Persona("a", "A2", func(s *entity.Stored) { s.Kind = "product" }), l.Persona("c", "C", func(s *entity.Stored) { s.Workspace = l.Other.OID }))
	got := must[[]entity.Named](t)(l.Find(t.Context(), l.Workspace.OID, []string{"a", "b", "c", "d"}))
	same(t, "Find", []entity.Named{{Kind: "persona", OID: "a", Name: "A"}, {Kind: "product", OID: "b", Name: "B", DeletedAt: new(Day)}, {Kind: "product", OID: "a", Name: "A2"}}, got)
	same(t, "Find nothing", []entity.Named(nil), must[[]entity.Named](t)(l.Find(t.Context(), l.Workspace.OID, nil)))
}

func (s suite) testLinks(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	links := []entity.Link{{Field: "offering", Target: "px_1"}, {Field: "offering", Position: 1, Target: "px_2"}, {Field: "playbook", Target: "px_1"}}
	l.Insert(t,
		l.Persona("pe_1", "one", func(s *entity.Stored) {
			s.Links = links
			s.Facets = []entity.Facet{{Field: "type", Value: "px_1"}} // no link
		}),
		l.Persona("pe_2", "two", func(s *entity.Stored) { s.Links, s.DeletedAt = links[:1], new(Day) }),
		l.Persona("pe_3", "three", func(s *entity.Stored) { s.Links, s.Workspace = links, l.Other.OID }),
	)
	same(t, "Links", links, must[[]entity.Link](t)(l.Links(ctx, entity.Ref{Workspace: l.Workspace.OID, Kind: "persona", OID: "pe_1"})))
	one := entity.Named{Kind: "persona", OID: "pe_1", Name: "one", Field: "offering"}
	two := entity.Named{Kind: "persona", OID: "pe_2", Name: "two", Field: "offering", DeletedAt: new(Day)}
	byPlaybook := one
	byPlaybook.Field = "playbook"
	l.wantLinking(t, "px_1", 10, 3, one, byPlaybook, two)
	l.wantLinking(t, "px_1", 2, 3, one, byPlaybook)
	l.wantLinking(t, "px_3", 10, 0)
}

// wantLinking fails the test unless Linking answers want, and that there are total.
func (l *Library) wantLinking(t *testing.T, target string, limit, total int, want ...entity.Named) {
	t.Helper()
	got, n, err := l.Linking(t.Context(), l.Workspace.OID, target, limit)
	if err != nil || n != total {
		t.Errorf("Linking to %s: %d in all, %v; want %d", target, n, err, total)
	}
	same(t, "Linking to "+target, want, got)
}

func (s suite) testNeighbours(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	l.Insert(t,
		l.Persona("pe_1", "one", func(s *entity.Stored) {
			s.Links = []entity.Link{{Field: "offering", Target: "px_2"}, {Field: "offering", Position: 1, Target: "px_1"}, {Field: "all", Target: entity.LinkAll}, {Field: "gone", Target: "px_3"}}
			s.Facets = []entity.Facet{{Field: "type", Value: "px_1"}} // no link
		}),
		l.Persona("px_1", "product", func(s *entity.Stored) { s.Kind = "product" }),
		l.Persona("px_2", "archived", func(s *entity.Stored) { s.Kind, s.ArchivedAt = "product", new(Day) }),
		l.Persona("pb_1", "playbook", func(s *entity.Stored) {
			s.Kind, s.Links = "playbook", []entity.Link{{Field: "personas", Target: "pe_1"}}
		}),
		l.Persona("pb_1", "other", func(s *entity.Stored) {
			s.Kind, s.Links, s.Workspace = "playbook", []entity.Link{{Field: "personas", Target: "pe_1"}}, l.Other.OID
		}),
	)
	active, archived := entity.StatusActive, entity.StatusArchived
	same(t, "Neighbours", []entity.Neighbour{
		{Of: "pe_1", Field: "all", OID: entity.LinkAll, Status: active},
		{Of: "pe_1", Field: "gone", OID: "px_3", Status: active},
		{Of: "pe_1", Field: "offering", Kind: "product", OID: "px_2", Name: "archived", Status: archived},
		{Of: "pe_1", Field: "offering", Kind: "product", OID: "px_1", Name: "product", Status: active},
		{Of: "pe_1", Field: "personas", Back: true, Kind: "playbook", OID: "pb_1", Name: "playbook", Status: active},
	}, must[[]entity.Neighbour](t)(l.Neighbours(ctx, l.Workspace.OID, "persona", []string{"pe_1", "pe_none"})))
	same(t, "Neighbours of nothing", []entity.Neighbour(nil), must[[]entity.Neighbour](t)(l.Neighbours(ctx, l.Workspace.OID, "persona", nil)))
}

func (s suite) testTallies(t *testing.T) {
	l := s.library(t)
	l.Insert(t, l.Persona("pe_1", "new"), l.Persona("pe_2", "archived", func(s *entity.Stored) { s.ArchivedAt = new(Day) }),
		l.Persona("pe_3", "changed", func(s *entity.Stored) { s.CreatedAt = Day.Add(-time.Hour) }),
		l.Persona("pe_4", "old", func(s *entity.Stored) { s.CreatedAt, s.UpdatedAt = Day.Add(-time.Hour), Day.Add(-time.Hour) }),
		l.Persona("px_1", "deleted", func(s *entity.Stored) { s.Kind, s.DeletedAt = "product", new(Day) }),
		l.Persona("px_2", "theirs", func(s *entity.Stored) { s.Kind, s.Workspace = "product", l.Other.OID }),
	)
	same(t, "Tallies", []entity.Tally{{Kind: "persona", Active: 3, Archived: 1, New: 1, Changed: 1}},
		must[[]entity.Tally](t)(l.Tallies(t.Context(), l.Workspace.OID, Day)))
}

func (s suite) testOutdated(t *testing.T) {
	l := s.library(t)
	l.Insert(t, l.Persona("pe_1", "old"), l.Persona("pe_2", "new", func(s *entity.Stored) { s.Shape = 2 }),
		l.Persona("pe_3", "old", func(s *entity.Stored) { s.Workspace = l.Other.OID }), l.Persona("px_1", "x", func(s *entity.Stored) { s.Kind = "product" }))
	outdated := func(limit int, after ...int64) []entity.Ref {
		var refs []entity.Ref
		for _, o := range must[[]entity.OutdatedEntity](t)(l.Outdated(t.Context(), "persona", 2, append(after, 0)[0], limit)) {
			refs = append(refs, o.Ref)
		}
		return refs
	}
	first, third := l.Persona("pe_1", "").Ref, entity.Ref{Workspace: l.Other.OID, Kind: "persona", OID: "pe_3"}
	one := must[[]entity.OutdatedEntity](t)(l.Outdated(t.Context(), "persona", 2, 0, 1))
	same(t, "Outdated", []entity.Ref{first, third}, outdated(10))
	same(t, "Outdated, one", []entity.Ref{first}, outdated(1))
	same(t, "Outdated after it", []entity.Ref{third}, outdated(10, one[0].Number))
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		return tx.Replace(ctx, l.Persona("pe_1", "old", func(s *entity.Stored) { s.Shape = 2 }), nil)
	})
	same(t, "Outdated afterwards", []entity.Ref{third}, outdated(10))
}

// testIsolation asks one workspace for what another one has.
func (s suite) testIsolation(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	theirs := l.Persona("pe_1", "secret", func(s *entity.Stored) {
		s.Workspace, s.Links = l.Other.OID, []entity.Link{{Field: "offering", Target: "px_1"}}
	})
	rev := l.Change(entity.ActionCreated, Day)
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error { return tx.Insert(ctx, theirs, rev) })
	workspace := l.Workspace.OID
	for _, query := range []entity.Query{
		{},
		{Words: []string{"secret"}, Order: entity.OrderRank},
		{Words: []string{"s"}},
		{OIDs: []string{"pe_1"}},
		{Name: "secret"},
		{Status: entity.StatusAll},
		{Linked: []entity.LinkFilter{{Target: "px_1", Fields: []string{"offering"}}}},
	} {
		query.Workspace, query.Limit = workspace, 10
		if page := must[*entity.Page](t)(l.List(ctx, query)); page.Total != 0 || len(page.Rows) != 0 {
			t.Errorf("%+v finds %v", query, page)
		}
	}
	_, _, err := l.Revision(ctx, workspace, rev.RevisionOID)
	wantKind(t, "Revision", err, errs.NotFound)
	if page := must[*entity.RevisionPage](t)(l.Revisions(ctx, entity.RevisionQuery{Workspace: workspace, OIDs: []string{"pe_1"}, Limit: 1})); page.Total != 0 {
		t.Errorf("there are %d revisions", page.Total)
	}
	changes, _, err := l.Changes(ctx, workspace, entity.Cursor{}, 10)
	if err != nil || len(changes) > 0 {
		t.Errorf("Changes = %v, %v", changes, err)
	}
	for name, write := range map[string]func(context.Context, entity.Tx) error{
		"Replace": func(ctx context.Context, tx entity.Tx) error { return tx.Replace(ctx, l.Persona("pe_1", "mine"), nil) },
		"Purge": func(ctx context.Context, tx entity.Tx) error {
			return tx.Purge(ctx, entity.Ref{Workspace: workspace, Kind: "persona", OID: "pe_1"})
		},
	} {
		wantKind(t, name, l.Write(ctx, write), errs.NotFound)
	}
	same(t, "what is theirs", &theirs.Row, must[*entity.Row](t)(l.Row(ctx, theirs.Ref, nil)))
}
