package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"personae.dev/internal/persona"
	"personae.dev/internal/search"
)

// search finds by text.
func (f *fixture) search(t *testing.T, text string) []string {
	t.Helper()
	return f.found(t, f, persona.Query{Words: search.Words(text)})
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
		// What an index of words might take for an operator, and what stands beside words.
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
		words := search.Words(text)
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
	many.PainPoints = search.Words(sixtyFour("word%d"))
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

// testSearchLists: with words, a list has the same filters, statuses, orders and
// cursors as without; what comes and goes between, in many writes, is followed.
func (s suite) testSearchLists(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	const count = 150
	version := func(i, number int) *persona.Persona {
		p := f.persona(fmt.Sprintf("pe_%03d", i), fmt.Sprintf("%c lead %s", 'A'+(i*7)%26+32*(i%2), strings.Repeat("x", i%3)))
		p.CreatedAt = day.Add(time.Duration(i*31%count) * time.Second)
		p.UpdatedAt = p.CreatedAt.Add(time.Duration(i*17%count+1000*number) * time.Second)
		p.PainPoints = []string{fmt.Sprintf("version%d third%d", number, i%3)}
		if i%4 == 0 {
			p.Author = f.member
		}
		switch i % 5 {
		case 0:
			p.Links.PrimaryOfferingOID = new("of_1")
		case 1:
			p.Links = persona.Links{Offerings: persona.OfferingsSpecific, OfferingOIDs: []string{"of_2", "of_1"}, PlaybookOIDs: []string{"pb_1"}}
		case 2:
			p.Links = persona.Links{Offerings: persona.OfferingsAll, PlaybookOIDs: []string{"pb_1", "pb_2"}}
		}
		switch (i + number) % 7 {
		case 0:
			p.ArchivedAt = &day
		case 1:
			p.DeletedAt = &day
		}
		return p
	}
	check := func(what string) {
		t.Helper()
		for i, q := range []persona.Query{
			{},
			{Status: persona.StatusActive},
			{Status: persona.StatusArchived},
			{Status: persona.StatusDeleted},
			{AuthorOID: f.member.OID},
			{ProductOID: "of_1"},
			{ProductOID: "of_2", Status: persona.StatusActive},
			{PlaybookOID: "pb_2"},
			{AuthorOID: f.owner.OID, ProductOID: "of_1", PlaybookOID: "pb_1", Status: persona.StatusActive},
			{PlaybookOID: "of_1"},
		} {
			for j, order := range []persona.Order{persona.ByCreatedAt, persona.ByUpdatedAt, persona.ByName} {
				if q.Status == "" {
					q.Status = persona.StatusAll
				}
				q.Order, q.Descending, q.Limit = order, (i+j)%2 == 0, 13
				plain := f.pages(t, f, q, false)
				q.Words = []string{"lea"} // which all have
				same(t, fmt.Sprintf("%s: %+v", what, q), plain, f.pages(t, f, q, (i+j)%3 > 0))
			}
		}
	}
	for part := range slices.Chunk(slices.Collect(func(yield func(int) bool) {
		for i := 0; i < count && yield(i); i++ {
		}
	}), 2) {
		f.write(t, func(ctx context.Context, tx persona.Tx) error {
			for _, i := range part {
				if err := tx.InsertPersona(ctx, version(i, 1)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	check("inserted")
	undone := errors.New("undone")
	change := func(tx persona.Tx) error {
		for i := range count {
			var err error
			switch {
			case i%10 == 9:
				err = tx.PurgePersona(t.Context(), f.workspace.OID, fmt.Sprintf("pe_%03d", i))
			case i%3 == 0:
				err = tx.ReplacePersona(t.Context(), version(i, 2))
			}
			if err != nil {
				return err
			}
		}
		return tx.InsertPersona(t.Context(), version(count, 2))
	}
	err := f.Write(t.Context(), func(tx persona.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		same(t, "in the transaction", 46, len(f.found(t, tx, persona.Query{Words: []string{"version2"}})))
		return undone
	})
	if !errors.Is(err, undone) {
		t.Fatalf("Write: %v", err)
	}
	same(t, "undone", 0, len(f.search(t, "version2")))
	check("undone")
	for _, alone := range []bool{false, true} {
		write := f.Write
		if alone {
			write = f.WriteAlone
			change = func(tx persona.Tx) error {
				for i := range count {
					if i%10 != 9 {
						if err := tx.ReplacePersona(t.Context(), version(i, 3)); err != nil {
							return err
						}
					}
				}
				return nil
			}
		}
		if err := write(t.Context(), change); err != nil {
			t.Fatalf("Write: %v", err)
		}
		check("changed")
	}
	same(t, "the second version", []string{"pe_150"}, f.search(t, "version2"))
	same(t, "the third version", 135, len(f.search(t, "version3 lead")))
}
