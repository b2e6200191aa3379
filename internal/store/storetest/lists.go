package storetest

import (
	"context"
	"errors"
	"fmt"
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

// search finds by text.
func (f *fixture) search(t *testing.T, text string) []string {
	t.Helper()
	return f.found(t, f, persona.Query{Words: persona.Words(text)})
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
		{"pe__", "é", 2, 0},
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
		// The case of ASCII letters does not count.
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
	beyond := must[*persona.Page](t)(f.List(t.Context(), f.workspace.OID, persona.Query{Limit: 2, Offset: 8}))
	same(t, "beyond the end", &persona.Page{Total: 8}, beyond)
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

func (s suite) testSearch(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	theirs := f.full("theirs")
	theirs.WorkspaceOID, theirs.Name = f.other.OID, "secret nurse"
	f.insert(t, theirs)
	// Each field for itself.
	add := func(oID string, change func(*persona.Persona)) {
		p := f.persona(oID, "Plain")
		change(p)
		f.insert(t, p)
	}
	add("name", func(p *persona.Persona) { p.Name = "Chief Ingénieur, C++ (R&D) der Straße" })
	add("internal", func(p *persona.Persona) { p.InternalName = new("Sally the Sales-Leader") })
	add("description", func(p *persona.Persona) {
		p.Description = new("o'clock e\u0301tude, 北京 И́ван हिन्दी ΣΊΣΥΦΟΣ")
	})
	for i, list := range f.persona("", "").Lists() {
		add("list_"+list.Name, func(p *persona.Persona) { *p.Lists()[i].Items = []string{"one", "word" + list.Name} })
	}
	add("custom", func(p *persona.Persona) {
		p.CustomFields = []persona.CustomField{{Title: "customtitle", Value: []string{"a", "customvalue"}}}
	})
	add("question", func(p *persona.Persona) {
		p.QualifyingQuestions = []persona.QualifyingQuestion{{Question: "hiddenquestion", Rationale: "hiddenrationale", FitType: persona.FitGood, Weight: persona.WeightLow}}
	})
	add("spread", func(p *persona.Persona) {
		p.Name, p.CommonJobTitles, p.PainPoints = "Nurse", []string{"Head"}, []string{"too little sleep"}
	})
	for text, want := range map[string]string{
		// A prefix, whatever case and accents; each word in any field.
		"chief": "name", "CHIEF": "name", "chi": "name", "hief": "", "ingenieur": "name", "INGÉNIEUR": "name", "inge\u0301n": "name",
		"chief ingé": "name", "ingé chief": "name", "chief nurse": "", "chief c++": "name", "R&D": "name", "r d c": "name", "straße": "name",
		"sally": "internal", "sales leader": "internal", "sales-leader": "internal", "leader sales": "internal",
		"étude": "description", "etu": "description", "o'clock": "description", "北京": "description", "北": "description", "иван": "description",
		"हिन्दी": "description", "हिन": "description", "σίσυφος": "description",
		"customt": "custom", "customvalue customtitle": "custom", "hiddenquestion": "", "hiddenrationale": "",
		"nurse head sleep": "spread", "sleep nurse": "spread", "nur hea sle lit too": "spread", "nurse head awake": "",
		"secret": "", "wa_1": "", "wa": "", "1": "", "name": "",
		// What FTS5 would take for an operator, and what stands beside words.
		`"nurse"`: "spread", `nurse"`: "spread", "nurse*": "spread", "*nurse": "spread", "^nurse": "spread", "nurse -head": "spread", "-nurse": "spread",
		"nurse:": "spread", "name:nurse": "", "NEAR(nurse head)": "", "nurse OR chief": "", "nurse AND": "", "NOT nurse": "", "{name}:nurse": "",
		"(nurse": "spread", "nurse)": "spread", "nurse \U0001f600": "spread", "\u2764\ufe0f nurse": "spread", "nurse \u0301": "spread",
		"'; drop table personas--": "", "$1 nurse": "", `\nurse`: "spread", "nurse/head": "spread", "nurse\nhead": "spread", "\ufeffnurse": "spread",
	} {
		same(t, fmt.Sprintf("%q", text), strings.Fields(want), f.search(t, text))
	}
	for _, list := range f.persona("", "").Lists() {
		same(t, list.Name, []string{"list_" + list.Name}, f.search(t, "word"+list.Name))
	}
	everything := f.found(t, f, persona.Query{})
	same(t, "all that are plain", 12, len(f.search(t, "p plain")))
	same(t, "everything", 14, len(everything))
	// Anything goes, whatever it finds.
	long := strings.Repeat("nurse", 2_000)
	for name, text := range map[string]string{
		"TenThousandCharacters": long, "TenThousandMarks": strings.Repeat("ह\u093f", 5_000), "TenThousandAccents": "e" + strings.Repeat("\u0301", 9_999),
		"ManyWords":   sixtyFour("word%d"),
		"ManyLetters": sixtyFour("%c"),
	} {
		words := persona.Words(text)
		for _, order := range []persona.Order{persona.ByRank, persona.ByCreatedAt} {
			if _, err := f.List(t.Context(), f.workspace.OID, persona.Query{Words: words, Order: order, Limit: 10}); err != nil {
				t.Errorf("%s, %s: %v", name, order, err)
			}
		}
	}
	for _, text := range append(awkwardTexts(), `"`, "*", "NEAR(", "NEAR(a b, 2)", "OR", "-", ":", "a:", "e", "\U0001f600", "a\U0001f600b", long) {
		f.insert(t, f.persona("awkward", "awkward "+text))
		if got := f.search(t, "awkward "+text); !slices.Contains(got, "awkward") {
			t.Errorf("what is called %q is not found by its name", text)
		}
		f.write(t, func(ctx context.Context, tx persona.Tx) error {
			return tx.PurgePersona(ctx, f.workspace.OID, "awkward")
		})
	}
	many := f.persona("many", "x")
	many.PainPoints = persona.Words(sixtyFour("word%d"))
	f.insert(t, many)
	same(t, "64 words", []string{"many"}, f.search(t, sixtyFour("word%d")))
}

// sixtyFour makes a text of 64 different words.
func sixtyFour(format string) string {
	var words []string
	for i := range 64 {
		words = append(words, fmt.Sprintf(format, 'A'+i))
	}
	return strings.Join(words, " ")
}

func (s suite) testSearchFollows(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	f.insert(t, f.persona("pe_1", "before"), f.persona("pe_2", "beside"))
	same(t, "what was inserted", []string{"pe_1"}, f.search(t, "before"))
	replaced := f.persona("pe_1", "after")
	f.write(t, func(ctx context.Context, tx persona.Tx) error {
		if err := tx.ReplacePersona(ctx, replaced); err != nil {
			return err
		}
		same(t, "in the transaction", []string{"pe_1"}, f.found(t, tx, persona.Query{Words: []string{"after"}}))
		same(t, "in the transaction, before", []string(nil), f.found(t, tx, persona.Query{Words: []string{"before"}}))
		return nil
	})
	same(t, "what was replaced", []string(nil), f.search(t, "before"))
	same(t, "what it was replaced by", []string{"pe_1"}, f.search(t, "after"))
	replaced.DeletedAt = &day
	f.write(t, func(ctx context.Context, tx persona.Tx) error { return tx.ReplacePersona(ctx, replaced) })
	same(t, "what is deleted, among all", []string{"pe_1"}, f.search(t, "after"))
	same(t, "what is deleted, among the active", []string(nil), f.found(t, f, persona.Query{Words: []string{"after"}, Status: persona.StatusActive}))
	f.write(t, func(ctx context.Context, tx persona.Tx) error { return tx.PurgePersona(ctx, f.workspace.OID, "pe_1") })
	same(t, "what is purged", []string(nil), f.search(t, "after"))
	f.insert(t, f.persona("pe_3", "third")) // perhaps in the place of the first
	same(t, "what came afterwards", []string{"pe_3"}, f.search(t, "third"))
	same(t, "what stood beside", []string{"pe_2"}, f.search(t, "beside"))
}

func (s suite) testSearchRank(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	// Each tier stands above the next, however often the words occur there; ids
	// and ages say the opposite.
	nurses := slices.Repeat([]string{"nurse head"}, 50)
	for i, change := range []func(*persona.Persona){
		func(p *persona.Persona) { p.PainPoints, p.KeyConcerns = nurses, nurses },
		func(p *persona.Persona) {
			p.CommonJobTitles = append([]string{"nurse"}, p.CommonJobTitles...)
			p.PainPoints = nurses
		},
		func(p *persona.Persona) { p.CommonJobTitles = []string{"head nurse"} },
		func(p *persona.Persona) { p.Name, p.CommonJobTitles = "nurse", []string{"head"} },
		func(p *persona.Persona) { p.InternalName = new(strings.Repeat("long ", 20) + "head nurse") },
		func(p *persona.Persona) { p.Name, p.InternalName = "nurse", new("head") },
	} {
		p := f.persona(fmt.Sprintf("pe_%d", i), "someone")
		p.CreatedAt = day.Add(time.Duration(i) * time.Second)
		change(p)
		f.insert(t, p)
	}
	for _, limit := range []int{1, 2, 100} {
		for _, descending := range []bool{false, true} { // makes no difference
			q := persona.Query{Words: []string{"head", "nurse"}, Order: persona.ByRank, Descending: descending, Limit: limit}
			got := f.pages(t, f, q, false)
			same(t, fmt.Sprintf("limit %d", limit), []string{"pe_5", "pe_4", "pe_3", "pe_2", "pe_0", "pe_1"}, got)
		}
	}
	// In a tier the shorter name comes first, in characters, then the smaller
	// one, by code points; what others say, or other workspaces, plays no part.
	for i, name := range []string{"ranked in full", "ranked éé", "ranked ee", "Ranked zz", "ranked", "RANKED 北京"} {
		f.insert(t, f.persona(fmt.Sprintf("rank_%d", i), name))
	}
	ranked := []string{"rank_4", "rank_5", "rank_3", "rank_2", "rank_1", "rank_0"}
	q := persona.Query{Words: []string{"ranked"}, Order: persona.ByRank, Limit: 4}
	same(t, "by name", ranked, f.pages(t, f, q, false))
	var theirs []*persona.Persona
	for i := range 100 {
		p := f.persona(fmt.Sprintf("theirs_%d", i), "ranked "+strings.Repeat("é", i%10))
		p.WorkspaceOID = f.other.OID
		theirs = append(theirs, p)
	}
	f.insert(t, theirs...)
	same(t, "by name, beside others", ranked, f.pages(t, f, q, false))
	// What is equal stands in the order of ids.
	var want []string
	for i := range 20 {
		oID := fmt.Sprintf("tie_%02d", (i*7)%20)
		f.insert(t, f.persona(oID, "equal"))
		want = append(want, fmt.Sprintf("tie_%02d", i))
	}
	same(t, "ties", want, f.pages(t, f, persona.Query{Words: []string{"equal"}, Order: persona.ByRank, Limit: 3}, false))
}

// revision returns the next change of p.
func (f *fixture) revision(oID string, p *persona.Persona, action persona.Action) *persona.Revision {
	return &persona.Revision{OID: oID, PersonaOID: p.OID, Action: action, At: day.Add(time.Hour), User: f.member, KeyOID: "ak_1", Persona: p}
}

func (f *fixture) note(t *testing.T, revisions ...*persona.Revision) {
	t.Helper()
	f.write(t, func(ctx context.Context, tx persona.Tx) error {
		for _, r := range revisions {
			if err := tx.InsertRevision(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s suite) testRevisions(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	ours, theirs, beside := f.full("pe_1"), f.persona("pe_1", "theirs"), f.persona("pe_2", "beside")
	theirs.WorkspaceOID = f.other.OID
	f.insert(t, ours, theirs, beside)
	bare := f.persona("pe_1", "bare")
	all := f.persona("pe_1", "all")
	all.Links = persona.Links{Offerings: persona.OfferingsAll}
	byCommand := f.revision("rv_3", all, persona.ActionImported)
	byCommand.KeyOID, byCommand.User, byCommand.At = "", f.owner, day.Add(-time.Hour) // whose time does not count
	given := []*persona.Revision{f.revision("rv_1", ours, persona.ActionCreated), f.revision("rv_2", bare, persona.ActionUpdated), byCommand}
	f.note(t, given[0], f.revision("rv_beside", beside, persona.ActionCreated), given[1], f.revision("rv_theirs", theirs, persona.ActionCreated), given[2])

	// want is what is read of them: newest first, with what was before.
	var want []*persona.Revision
	var before *persona.Persona
	for i, r := range given {
		same(t, "Number", i+1, r.Number)
		w, snapshot := *r, *r.Persona
		snapshot.Author = persona.User{}
		w.Persona, w.Before = &snapshot, before
		before = w.Persona
		want = append([]*persona.Revision{&w}, want...)
	}
	check := func(r persona.Reader, limit, offset int, want []*persona.Revision) {
		t.Helper()
		page, err := r.Revisions(t.Context(), f.workspace.OID, "pe_1", persona.RevisionQuery{Limit: limit, Offset: offset, MaxBytes: 1 << 20})
		if err != nil || page.Total != 3 || len(page.Revisions) != len(want) {
			t.Fatalf("Revisions: %+v, %v; want %d of 3", page, err, len(want))
		}
		same(t, "HasNext", offset+limit < 3, page.HasNext)
		for i := range want {
			same(t, want[i].OID, want[i], page.Revisions[i])
		}
	}
	check(f, 10, 0, want)
	check(f, 2, 0, want[:2])
	check(f, 2, 1, want[1:])
	check(f, 1, 2, want[2:])
	check(f, 10, 3, nil)
	f.write(t, func(_ context.Context, tx persona.Tx) error {
		check(tx, 10, 0, want)
		return nil
	})
	for _, w := range want {
		same(t, w.OID, w, must[*persona.Revision](t)(f.Revision(t.Context(), f.workspace.OID, w.OID)))
	}
	for _, unknown := range [][2]string{{f.other.OID, "rv_1"}, {f.workspace.OID, "rv_theirs"}, {f.workspace.OID, "RV_1"}, {f.workspace.OID, ""}, {"wa_unknown", "rv_1"}} {
		_, err := f.Revision(t.Context(), unknown[0], unknown[1])
		wantKind(t, fmt.Sprintf("Revision(%s, %s)", unknown[0], unknown[1]), err, persona.NotFound)
	}
	// A page has as many bytes as it may have: the row after it counts.
	f.write(t, func(ctx context.Context, tx persona.Tx) error {
		large := f.persona("pe_2", "beside")
		large.PainPoints = []string{strings.Repeat("x", 10_000)}
		for i := range 5 {
			if err := tx.InsertRevision(ctx, f.revision(fmt.Sprintf("rv_large_%d", i), large, persona.ActionUpdated)); err != nil {
				return err
			}
		}
		return tx.ReplacePersona(ctx, large)
	})
	for limit, fits := range map[int]bool{1: true, 2: false} {
		_, err := f.Revisions(t.Context(), f.workspace.OID, "pe_2", persona.RevisionQuery{Limit: limit, MaxBytes: 25_000})
		if !fits {
			wantCode(t, "a page that is too large", err, persona.CodePageTooLarge)
		} else if err != nil {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
	_, err := f.List(t.Context(), f.workspace.OID, persona.Query{Limit: 10, MaxBytes: 10_000})
	wantCode(t, "a list that is too large", err, persona.CodePageTooLarge)
	if _, err := f.List(t.Context(), f.workspace.OID, persona.Query{Limit: 10, MaxBytes: 20_000}); err != nil {
		t.Errorf("List: %v", err)
	}
	for _, unknown := range [][2]string{{f.workspace.OID, "pe_3"}, {"wa_unknown", "pe_1"}, {f.other.OID, "pe_2"}} {
		page, err := f.Revisions(t.Context(), unknown[0], unknown[1], persona.RevisionQuery{Limit: 10})
		if err != nil || page.Total != 0 || len(page.Revisions) != 0 || page.HasNext {
			t.Errorf("Revisions(%q) = %+v, %v; want none", unknown, page, err)
		}
	}
	err = f.Write(t.Context(), func(tx persona.Tx) error {
		return tx.InsertRevision(t.Context(), f.revision("rv_9", f.persona("pe_3", "x"), persona.ActionCreated))
	})
	wantKind(t, "InsertRevision of no persona", err, persona.NotFound)
}

func (s suite) testPurgePersona(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	ours, theirs := f.full("pe_1"), f.persona("pe_1", "VP theirs")
	theirs.WorkspaceOID = f.other.OID
	f.insert(t, ours, theirs, f.persona("pe_2", "beside"))
	f.note(t, f.revision("rv_1", ours, persona.ActionCreated), f.revision("rv_theirs", theirs, persona.ActionCreated))
	purge := func(workspaceOID, oID string) error {
		return f.Write(t.Context(), func(tx persona.Tx) error { return tx.PurgePersona(t.Context(), workspaceOID, oID) })
	}
	for _, unknown := range [][2]string{{f.workspace.OID, "pe_3"}, {f.other.OID, "pe_2"}, {"wa_unknown", "pe_1"}} {
		wantKind(t, fmt.Sprintf("PurgePersona(%q)", unknown), purge(unknown[0], unknown[1]), persona.NotFound)
	}
	if err := purge(f.workspace.OID, "pe_1"); err != nil {
		t.Fatalf("PurgePersona: %v", err)
	}
	wantKind(t, "PurgePersona, a second time", purge(f.workspace.OID, "pe_1"), persona.NotFound)
	_, err := f.Persona(t.Context(), f.workspace.OID, "pe_1")
	wantKind(t, "Persona", err, persona.NotFound)
	_, err = f.Revision(t.Context(), f.workspace.OID, "rv_1")
	wantKind(t, "Revision", err, persona.NotFound)
	same(t, "the persona beside", []string{"beside"}, names(collect(t, f, f.workspace.OID)))
	same(t, "their persona", []*persona.Persona{theirs}, collect(t, f, f.other.OID))
	must[*persona.Revision](t)(f.Revision(t.Context(), f.other.OID, "rv_theirs"))
	// The id is free, and its history begins anew.
	again := f.persona("pe_1", "again")
	f.insert(t, again)
	r := f.revision("rv_1", again, persona.ActionCreated)
	f.note(t, r)
	same(t, "Number", 1, r.Number)
	same(t, "what the old one was called", []string(nil), f.search(t, "sally"))
	same(t, "what the old one was linked to", []string(nil), f.found(t, f, persona.Query{PlaybookOID: "pb_1"}))
}

func (s suite) testDeleted(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	add := func(oID string, workspace persona.Workspace, deleted time.Duration) persona.DeletedPersona {
		p := f.persona(oID, "name of "+oID)
		p.WorkspaceOID, p.DeletedAt = workspace.OID, new(day.Add(deleted))
		f.insert(t, p)
		return persona.DeletedPersona{WorkspaceOID: workspace.OID, OID: oID, Name: p.Name, DeletedAt: *p.DeletedAt}
	}
	f.insert(t, f.persona("kept", "x"))
	third, first, second := add("b", f.other, 0), add("z", f.other, -time.Hour), add("a", f.workspace, 0)
	last := add("last", f.workspace, time.Millisecond)
	for _, test := range []struct {
		before time.Duration
		limit  int
		want   []persona.DeletedPersona
	}{
		{-time.Hour, 10, nil},
		{0, 10, []persona.DeletedPersona{first}},
		{time.Millisecond, 10, []persona.DeletedPersona{first, second, third}},
		{time.Millisecond, 2, []persona.DeletedPersona{first, second}},
		{time.Hour, 10, []persona.DeletedPersona{first, second, third, last}},
	} {
		same(t, fmt.Sprintf("before %s, limit %d", test.before, test.limit), test.want,
			must[[]persona.DeletedPersona](t)(f.Deleted(t.Context(), day.Add(test.before), test.limit)))
	}
	for before, want := range map[time.Duration]int{-time.Hour: 0, 0: 1, time.Millisecond: 3, time.Hour: 4} {
		same(t, fmt.Sprintf("count before %s", before), want, must[int](t)(f.CountDeleted(t.Context(), day.Add(before))))
	}
}

func (s suite) testFirstAnswers(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	answer := func(workspace persona.Workspace, key, body string, at time.Duration) *persona.FirstAnswer {
		a := &persona.FirstAnswer{WorkspaceOID: workspace.OID, Key: key, PersonaOID: "pe_" + key, Answer: []byte(body), At: day.Add(at)}
		for i := range a.BodyDigest {
			a.BodyDigest[i] = byte(i*7) ^ byte(len(body))
		}
		return a
	}
	insert := func(a *persona.FirstAnswer) error {
		return f.Write(t.Context(), func(tx persona.Tx) error { return tx.InsertFirstAnswer(t.Context(), a) })
	}
	given := []*persona.FirstAnswer{
		answer(f.workspace, "k", `{"name":"\u0000 é \U0001f600"}`, 0), answer(f.workspace, "K ", "2", time.Millisecond),
		answer(f.other, "k", "theirs", 2*time.Millisecond),
	}
	for _, a := range given {
		if err := insert(a); err != nil {
			t.Fatalf("InsertFirstAnswer: %v", err)
		}
		same(t, "FirstAnswer", a, must[*persona.FirstAnswer](t)(f.FirstAnswer(t.Context(), a.WorkspaceOID, a.Key)))
	}
	wantKind(t, "a key that is taken", insert(answer(f.workspace, "k", "again", time.Hour)), persona.Conflict)
	same(t, "what is there", given[0], must[*persona.FirstAnswer](t)(f.FirstAnswer(t.Context(), f.workspace.OID, "k")))
	for _, unknown := range [][2]string{{f.workspace.OID, "K"}, {f.other.OID, "K "}, {"wa_unknown", "k"}, {f.workspace.OID, ""}} {
		_, err := f.FirstAnswer(t.Context(), unknown[0], unknown[1])
		wantKind(t, fmt.Sprintf("FirstAnswer(%q)", unknown), err, persona.NotFound)
	}
	for _, step := range []struct {
		before time.Duration
		want   int
	}{{0, 0}, {2 * time.Millisecond, 2}, {2 * time.Millisecond, 0}} {
		f.write(t, func(ctx context.Context, tx persona.Tx) error {
			n, err := tx.PurgeFirstAnswers(ctx, day.Add(step.before))
			same(t, fmt.Sprintf("PurgeFirstAnswers before %s", step.before), step.want, n)
			return err
		})
	}
	_, err := f.FirstAnswer(t.Context(), f.workspace.OID, "k")
	wantKind(t, "FirstAnswer that was purged", err, persona.NotFound)
	same(t, "the one that is younger", given[2], must[*persona.FirstAnswer](t)(f.FirstAnswer(t.Context(), f.other.OID, "k")))
	if err := insert(given[0]); err != nil {
		t.Errorf("a key that was purged: %v", err)
	}
}

// testChangeIsWhole: what a persona is found by, its history and the answer for
// its idempotency key are kept together with it, or not at all.
func (s suite) testChangeIsWhole(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	before := f.full("pe_1")
	f.insert(t, before, f.persona("pe_gone", "goner"))
	f.note(t, f.revision("rv_1", before, persona.ActionCreated))
	errUndo := errors.New("undo")
	change := func(ctx context.Context, tx persona.Tx) error {
		changed, added := f.persona("pe_1", "changed"), f.persona("pe_2", "added")
		changed.Links.PlaybookOIDs, added.Links.PlaybookOIDs = []string{"pb_new"}, []string{"pb_new"}
		if err := firstOf(
			func() error { return tx.ReplacePersona(ctx, changed) },
			func() error { return tx.InsertRevision(ctx, f.revision("rv_2", changed, persona.ActionUpdated)) },
			func() error { return tx.InsertPersona(ctx, added) },
			func() error { return tx.InsertRevision(ctx, f.revision("rv_3", added, persona.ActionCreated)) },
			func() error {
				return tx.InsertFirstAnswer(ctx, &persona.FirstAnswer{WorkspaceOID: f.workspace.OID, Key: "k", Answer: []byte("a"), At: day})
			},
			func() error { return tx.PurgePersona(ctx, f.workspace.OID, "pe_gone") },
		); err != nil {
			return err
		}
		same(t, "found in the transaction", []string{"pe_1", "pe_2"}, f.found(t, tx, persona.Query{PlaybookOID: "pb_new"}))
		same(t, "searched in the transaction", []string(nil), f.found(t, tx, persona.Query{Words: []string{"goner"}}))
		// Nobody else sees anything of it yet.
		same(t, "found beside the transaction", []string(nil), f.found(t, f, persona.Query{PlaybookOID: "pb_new"}))
		same(t, "searched beside the transaction", []string{"pe_gone"}, f.search(t, "goner"))
		return nil
	}
	for name, try := range map[string]func() error{
		"Error": func() error {
			return f.Write(t.Context(), func(tx persona.Tx) error { return errors.Join(change(t.Context(), tx), errUndo) })
		},
		"LastStepFails": func() error {
			return f.Write(t.Context(), func(tx persona.Tx) error {
				if err := change(t.Context(), tx); err != nil {
					return err
				}
				return tx.InsertPersona(t.Context(), f.persona("pe_2", "taken"))
			})
		},
		"Cancelled": func() error {
			ctx, cancel := context.WithCancel(t.Context())
			return f.Write(ctx, func(tx persona.Tx) error {
				err := change(ctx, tx)
				cancel()
				return err
			})
		},
	} {
		if err := try(); err == nil {
			t.Fatalf("%s: Write succeeded", name)
		}
		same(t, name+": Persona", before, must[*persona.Persona](t)(f.Persona(t.Context(), f.workspace.OID, "pe_1")))
		same(t, name+": List", []string{"pe_1", "pe_gone"}, f.found(t, f, persona.Query{}))
		same(t, name+": new links", []string(nil), f.found(t, f, persona.Query{PlaybookOID: "pb_new"}))
		same(t, name+": old links", []string{"pe_1"}, f.found(t, f, persona.Query{PlaybookOID: "pb_1"}))
		for text, want := range map[string][]string{"changed": nil, "added": nil, "sally": {"pe_1"}, "goner": {"pe_gone"}} {
			same(t, name+": search for "+text, want, f.search(t, text))
		}
		history, err := f.Revisions(t.Context(), f.workspace.OID, "pe_1", persona.RevisionQuery{Limit: 10})
		if err != nil || history.Total != 1 {
			t.Errorf("%s: the history is %+v, %v; want 1", name, history, err)
		}
		_, err = f.FirstAnswer(t.Context(), f.workspace.OID, "k")
		wantKind(t, name+": FirstAnswer", err, persona.NotFound)
	}
	f.write(t, change)
	same(t, "List afterwards", []string{"pe_1", "pe_2"}, f.found(t, f, persona.Query{}))
	same(t, "search afterwards", []string{"pe_2"}, f.search(t, "added"))
}

// firstOf takes steps until one fails.
func firstOf(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
