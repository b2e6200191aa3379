package storetest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"personae.dev/internal/persona"
)

// pages lists all that q finds, by offset or, if asked, by cursor, and checks
// that every page says what is true of the whole.
func (f *fixture) pages(t *testing.T, r persona.Reader, q persona.Query, byCursor bool) (oIDs []string) {
	t.Helper()
	total := -1
	for {
		page, err := r.List(t.Context(), f.workspace.OID, q)
		if err != nil {
			t.Fatalf("List(%+v): %v", q, err)
		}
		if total < 0 {
			total = page.Total
		}
		for _, p := range page.Personas {
			oIDs = append(oIDs, p.OID)
		}
		if page.Total != total || page.HasNext != (len(oIDs) < total) || page.HasNext && len(page.Personas) != q.Limit || len(oIDs) > total {
			t.Fatalf("List(%+v): after %d of %d, a page of %d with HasNext %t and Total %d", q, len(oIDs), total, len(page.Personas), page.HasNext, page.Total)
		}
		if !page.HasNext {
			return oIDs
		}
		if byCursor {
			q.After = new(persona.PositionOf(page.Personas[len(page.Personas)-1], q.Order))
		} else {
			q.Offset += len(page.Personas)
		}
	}
}

// found lists what q finds in one page, in the order of ids.
func (f *fixture) found(t *testing.T, r persona.Reader, q persona.Query) []string {
	t.Helper()
	q.Limit = 1000
	if q.Status == "" {
		q.Status = persona.StatusAll
	}
	oIDs := f.pages(t, r, q, false)
	slices.Sort(oIDs)
	return oIDs
}

func (s suite) testListOrder(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	// Ties in every order, and ids whose order is that of their bytes.
	for _, p := range []struct {
		oID, name        string
		created, updated int
	}{
		{"pe_b", "b", 0, 3},
		{"pe_B", "B", 0, 2},
		{"pe_a", "a", 1, 1},
		{"pe_é", "a", 1, 0},
		{"pe_A", "c", -1, 3},
		{"pe_0", "C", 2, 3},
		{"pe__", "É", 2, 0},
		{"pe_\U0001f600", "_", 2, 0},
	} {
		q := f.persona(p.oID, p.name)
		q.CreatedAt, q.UpdatedAt = day.Add(time.Duration(p.created)*time.Millisecond), day.Add(time.Duration(p.updated)*time.Millisecond)
		f.insert(t, q)
	}
	other := f.persona("pe_theirs", "a")
	other.WorkspaceOID = f.other.OID
	f.insert(t, other)
	for _, test := range []struct {
		order      persona.Order
		descending bool
		want       string
	}{
		{persona.ByCreatedAt, false, "A B b a é 0 _ \U0001f600"},
		{persona.ByCreatedAt, true, "0 _ \U0001f600 a é B b A"},
		{persona.ByUpdatedAt, false, "_ é \U0001f600 a B 0 A b"},
		{persona.ByUpdatedAt, true, "0 A b B a _ é \U0001f600"},
		// The case of ASCII letters does not count, and that of others does.
		{persona.ByName, false, "\U0001f600 a é B b 0 A _"},
		{persona.ByName, true, "_ 0 A B b a é \U0001f600"},
	} {
		want := strings.Fields(test.want)
		for i := range want {
			want[i] = "pe_" + want[i]
		}
		for limit := 1; limit <= len(want)+1; limit++ {
			for _, byCursor := range []bool{false, true} {
				q := persona.Query{Order: test.order, Descending: test.descending, Limit: limit, Status: persona.StatusActive}
				same(t, fmt.Sprintf("%s, descending %t, limit %d, by cursor %t", test.order, test.descending, limit, byCursor), want, f.pages(t, f, q, byCursor))
			}
		}
	}
	f.write(t, func(ctx context.Context, tx persona.Tx) error {
		same(t, "in a transaction", 8, len(f.pages(t, tx, persona.Query{Order: persona.ByName, Limit: 3}, true)))
		return nil
	})
	for _, offset := range []int{8, 9, math.MaxInt - 2, math.MaxInt} {
		for total, words := range map[int][]string{8: nil, 2: {"a"}} {
			for _, order := range []persona.Order{persona.ByCreatedAt, persona.ByName, persona.ByRank} {
				if order == persona.ByRank && words == nil {
					continue
				}
				q := persona.Query{Words: words, Order: order, Limit: 2, Offset: offset}
				same(t, fmt.Sprintf("beyond the end: %+v", q), &persona.Page{Total: total}, must[*persona.Page](t)(f.List(t.Context(), f.workspace.OID, q)))
			}
		}
	}
	nowhere := must[*persona.Page](t)(f.List(t.Context(), "wa_unknown", persona.Query{Limit: 2}))
	same(t, "of no workspace", &persona.Page{}, nowhere)
	// A cursor takes the place of an offset.
	first := must[*persona.Page](t)(f.List(t.Context(), f.workspace.OID, persona.Query{Order: persona.ByCreatedAt, Limit: 2}))
	after := persona.PositionOf(first.Personas[1], persona.ByCreatedAt)
	second := must[*persona.Page](t)(f.List(t.Context(), f.workspace.OID, persona.Query{Order: persona.ByCreatedAt, Limit: 1, Offset: 5, After: &after}))
	same(t, "after a cursor, with an offset", "pe_b", second.Personas[0].OID)
}

// testListCursor: what stood still is neither passed over nor repeated, whatever
// comes and goes between two pages.
func (s suite) testListCursor(t *testing.T) {
	t.Parallel()
	for _, order := range []persona.Order{persona.ByCreatedAt, persona.ByUpdatedAt, persona.ByName} {
		for _, descending := range []bool{false, true} {
			f := s.setup(t)
			var want []string
			at := func(p *persona.Persona, i int) *persona.Persona {
				p.CreatedAt = day.Add(time.Duration(i) * time.Second)
				p.UpdatedAt = p.CreatedAt
				p.Name = fmt.Sprintf("%04d", i)
				return p
			}
			for i := range 10 {
				oID := fmt.Sprintf("pe_%d", i)
				f.insert(t, at(f.persona(oID, ""), 10*i))
				want = append(want, oID)
			}
			if descending {
				slices.Reverse(want)
			}
			var got []string
			q := persona.Query{Order: order, Descending: descending, Limit: 2}
			for n := 0; ; n++ {
				page := must[*persona.Page](t)(f.List(t.Context(), f.workspace.OID, q))
				for _, p := range page.Personas {
					if !strings.HasPrefix(p.OID, "pe_new") {
						got = append(got, p.OID)
					}
				}
				if !page.HasNext {
					break
				}
				last := page.Personas[len(page.Personas)-1]
				q.After = new(persona.PositionOf(last, order))
				// Before and behind the page something is added, and where the
				// page ended something goes.
				f.insert(t, at(f.persona(fmt.Sprintf("pe_new_%d_0", n), ""), -n), at(f.persona(fmt.Sprintf("pe_new_%d_1", n), ""), 95+n))
				f.write(t, func(ctx context.Context, tx persona.Tx) error { return tx.PurgePersona(ctx, f.workspace.OID, last.OID) })
			}
			same(t, fmt.Sprintf("%s, descending %t", order, descending), want, got)
		}
	}
}

func (s suite) testListFilters(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	add := func(oID string, change func(*persona.Persona)) {
		p := f.persona(oID, "x")
		change(p)
		f.insert(t, p)
	}
	add("1_plain", func(*persona.Persona) {})
	add("2_archived", func(p *persona.Persona) { p.ArchivedAt = &day })
	add("3_deleted", func(p *persona.Persona) { p.DeletedAt = &day })
	add("4_both", func(p *persona.Persona) { p.ArchivedAt, p.DeletedAt = &day, &day })
	add("5_member", func(p *persona.Persona) { p.Author = f.member })
	add("6_inactive", func(p *persona.Persona) { p.Active = false })
	add("7_primary", func(p *persona.Persona) { p.Links.PrimaryOfferingOID = new("of_1") })
	add("8_specific", func(p *persona.Persona) {
		p.Links = persona.Links{Offerings: persona.OfferingsSpecific, OfferingOIDs: []string{"of_2", "of_1"}, PlaybookOIDs: []string{"pb_1", "pb_2"}}
	})
	add("9_all", func(p *persona.Persona) {
		p.Links = persona.Links{Offerings: persona.OfferingsAll, PlaybookOIDs: []string{"of_1"}}
	})
	theirs := f.persona("theirs", "x")
	theirs.WorkspaceOID, theirs.Links = f.other.OID, persona.Links{Offerings: persona.OfferingsAll, PlaybookOIDs: []string{"pb_1"}}
	f.insert(t, theirs)
	for _, test := range []struct {
		name  string
		query persona.Query
		want  string
	}{
		{"Default", persona.Query{}, "1 5 6 7 8 9"},
		{"Active", persona.Query{Status: persona.StatusActive}, "1 5 6 7 8 9"},
		{"Archived", persona.Query{Status: persona.StatusArchived}, "2"},
		{"Deleted", persona.Query{Status: persona.StatusDeleted}, "3 4"},
		{"All", persona.Query{Status: persona.StatusAll}, "1 2 3 4 5 6 7 8 9"},
		{"Author", persona.Query{AuthorOID: f.member.OID}, "5"},
		{"UnknownAuthor", persona.Query{AuthorOID: "u_unknown"}, ""},
		{"Product", persona.Query{ProductOID: "of_1"}, "7 8 9"},
		{"OtherProduct", persona.Query{ProductOID: "of_2"}, "8 9"},
		{"UnknownProduct", persona.Query{ProductOID: "of_unknown"}, "9"}, // all is all
		{"ProductIsNoPlaybook", persona.Query{ProductOID: "pb_1"}, "9"},
		{"Playbook", persona.Query{PlaybookOID: "pb_2"}, "8"},
		{"PlaybookIsNoProduct", persona.Query{PlaybookOID: "of_1"}, "9"},
		{"UnknownPlaybook", persona.Query{PlaybookOID: "PB_1"}, ""},
		{"Both", persona.Query{ProductOID: "of_1", PlaybookOID: "pb_1"}, "8"},
		{"Everything", persona.Query{ProductOID: "of_1", PlaybookOID: "pb_1", AuthorOID: f.owner.OID, Words: []string{"x"}, Status: persona.StatusAll}, "8"},
		{"EverythingButTheWord", persona.Query{ProductOID: "of_1", PlaybookOID: "pb_1", AuthorOID: f.owner.OID, Words: []string{"y"}, Status: persona.StatusAll}, ""},
	} {
		test.query.Order, test.query.Limit = persona.ByCreatedAt, 2
		var got []string
		for _, oID := range f.pages(t, f, test.query, false) {
			got = append(got, oID[:1])
		}
		same(t, test.name, strings.Fields(test.want), got)
	}
	// Links are replaced, and go.
	changed := f.persona("8_specific", "x")
	changed.Links = persona.Links{Offerings: persona.OfferingsSpecific, OfferingOIDs: []string{"of_3"}}
	f.write(t, func(ctx context.Context, tx persona.Tx) error { return tx.ReplacePersona(ctx, changed) })
	same(t, "the old product", []string{"9_all"}, f.found(t, f, persona.Query{ProductOID: "of_2"}))
	same(t, "the new product", []string{"8_specific", "9_all"}, f.found(t, f, persona.Query{ProductOID: "of_3"}))
	same(t, "the old playbook", []string(nil), f.found(t, f, persona.Query{PlaybookOID: "pb_1"}))
	f.write(t, func(ctx context.Context, tx persona.Tx) error {
		return tx.PurgePersona(ctx, f.workspace.OID, "8_specific")
	})
	f.insert(t, f.persona("8_specific", "x")) // perhaps in the place of the other
	same(t, "the product of one that is gone", []string{"9_all"}, f.found(t, f, persona.Query{ProductOID: "of_3"}))
}

// testListAtOnce: as many lists as there may be run at once, each the first of
// its kind, and none waits for another for ever.
func (s suite) testListAtOnce(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	f.insert(t, f.full("pe_1"), f.persona("pe_2", "x"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var group sync.WaitGroup
	begin := make(chan struct{})
	for i := range 64 {
		pick := func(bit int, value string) string {
			if i&bit == 0 {
				return ""
			}
			return value
		}
		q := persona.Query{
			Status: persona.StatusAll, Limit: 1, Descending: i&1 != 0,
			AuthorOID: pick(2, "u_1"), ProductOID: pick(4, "of_1"), PlaybookOID: pick(8, "pb_1"), Words: strings.Fields(pick(16, "sales")),
			Order: persona.ByCreatedAt,
		}
		if i&32 != 0 {
			q.Order = persona.ByName
		}
		want := 2
		if i&(4|8|16) != 0 {
			want = 1
		}
		group.Go(func() {
			<-begin
			page, err := f.List(ctx, f.workspace.OID, q)
			if err != nil || page.Total != want {
				t.Errorf("List(%+v) = %+v, %v; want %d", q, page, err, want)
			}
		})
	}
	close(begin)
	group.Wait()
}

// testListWhatIsMissing: the caller has nothing of a page, some of it, nearly
// all, or all.
func (s suite) testListWhatIsMissing(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	const personas = 20
	for i := range personas {
		f.insert(t, f.persona(fmt.Sprintf("pe_%02d", i), "VP"))
	}
	query := persona.Query{Order: persona.ByName, Limit: personas - 1}
	want := must[*persona.Page](t)(f.List(t.Context(), f.workspace.OID, query))
	for _, missing := range []int{personas, 10, 1, 0} {
		query.Have = func(oID string, updatedAt time.Time) bool {
			i := slices.IndexFunc(want.Personas, func(p *persona.Persona) bool { return p.OID == oID })
			return i >= missing && updatedAt.Equal(want.Personas[i].UpdatedAt)
		}
		got := must[*persona.Page](t)(f.List(t.Context(), f.workspace.OID, query))
		if got.Total != want.Total || got.HasNext != want.HasNext || len(got.Personas) != len(want.Personas) {
			t.Fatalf("%d missing: %+v, want %+v", missing, got, want)
		}
		for i, p := range got.Personas {
			if i < missing {
				same(t, fmt.Sprintf("%d missing: number %d", missing, i), want.Personas[i], p)
			}
			head := func(p *persona.Persona) []any { return []any{p.OID, p.Name, p.CreatedAt, p.UpdatedAt} }
			same(t, fmt.Sprintf("%d missing: head of number %d", missing, i), head(want.Personas[i]), head(p))
		}
	}
	query.MaxBytes = 1
	_, err := f.List(t.Context(), f.workspace.OID, query)
	wantCode(t, "a page that the caller has, and that is too large", err, persona.CodePageTooLarge)
}
