package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"personae.dev/internal/persona"
)

// full returns a persona with a value in every field.
func (f *fixture) full(oID string) *persona.Persona {
	return &persona.Persona{
		WorkspaceOID: f.workspace.OID, OID: oID, Author: f.owner,
		Name: "VP of Sales", InternalName: new("Sally"), Description: new("Leads sales."),
		PrimaryResponsibilities: []string{"r1", "r2"},
		PainPoints:              []string{"p1"},
		KeyConcerns:             []string{"c1", "c1"},
		KeyObjectives:           []string{"o2", "o1"},
		CommonJobTitles:         []string{"t1"},
		WhyTheyMatterToUs:       []string{"w1"},
		WhyWeMatterToThem:       []string{"w2"},
		CustomFields: []persona.CustomField{
			{Title: "Tools", Value: []string{"CRM", "Mail"}}, {Title: "None"}, {Title: "Tools", Value: []string{"again"}},
		},
		BuyingRole: []string{"Decider"},
		QualifyingQuestions: []persona.QualifyingQuestion{
			{OID: "qq_1", Question: "q1", Rationale: "r1", FitType: persona.FitGood, Weight: persona.WeightLow},
			{Question: "q2", FitType: persona.FitBad, Weight: persona.WeightInstantDisqualifier, ArchivedAt: new(day.Add(time.Millisecond))},
			{OID: "qq_3", Question: "q3", FitType: persona.FitGood, Weight: persona.WeightMedium},
			{Question: "q4", FitType: persona.FitGood, Weight: persona.WeightHigh},
		},
		Links: persona.Links{
			PrimaryOfferingOID: new("of_1"), Offerings: persona.OfferingsSpecific,
			OfferingOIDs: []string{"of_2", "of_1"}, PlaybookOIDs: []string{"pb_2", "pb_1"},
		},
		Active: false, Unrecognized: true, Rejected: true,
		CreatedAt: day, UpdatedAt: day.Add(1 * time.Millisecond),
		ArchivedAt: new(day.Add(2 * time.Millisecond)), DeletedAt: new(day.Add(3 * time.Millisecond)),
	}
}

// roundTrip inserts p and reads it back in every way there is.
func (f *fixture) roundTrip(t *testing.T, p *persona.Persona) {
	t.Helper()
	given := *p
	f.insert(t, p)
	same(t, "what was given to InsertPersona", &given, p)
	got := must[*persona.Persona](t)(f.Persona(t.Context(), p.WorkspaceOID, p.OID))
	same(t, "Persona", p, got)
	f.view(t, p)
	all := collect(t, f, p.WorkspaceOID)
	i := slices.IndexFunc(all, func(q *persona.Persona) bool { return q.OID == p.OID })
	if i < 0 {
		t.Fatalf("Personas has not %q", p.OID)
	}
	same(t, "Personas", p, all[i])
}

// view fails the test unless ViewPersona shows p, and has no error of its own.
func (f *fixture) view(t *testing.T, p *persona.Persona) {
	t.Helper()
	seen := errors.New("seen")
	err := f.ViewPersona(t.Context(), p.WorkspaceOID, p.OID, func(got *persona.Persona) error {
		same(t, "ViewPersona", p, got)
		return seen
	})
	if !errors.Is(err, seen) {
		t.Errorf("ViewPersona(%q): %v, want what view returned", p.OID, err)
	}
}

// testViewPersona: what many see at the same time is not mixed up.
func (s suite) testViewPersona(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	personas := []*persona.Persona{f.full("pe_full"), f.persona("pe_bare", "bare"), f.persona("pe_long", "long")}
	for i := range 5000 {
		personas[2].PainPoints = append(personas[2].PainPoints, fmt.Sprintf("pain %d: <%s>", i, strings.Repeat("é", i%50)))
	}
	f.insert(t, personas...)
	var group sync.WaitGroup
	for i := range 6 {
		group.Go(func() {
			for n := range 30 {
				f.view(t, personas[(i+n)%len(personas)])
			}
		})
	}
	group.Wait()
}

func (s suite) testPersonaRoundTrip(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	f.roundTrip(t, f.full("pe_full"))
	f.roundTrip(t, f.persona("pe_bare", "bare"))

	// Each flag for itself, lest two of them are mixed up.
	active, unrecognized, rejected := f.persona("pe_active", "x"), f.persona("pe_unrecognized", "x"), f.persona("pe_rejected", "x")
	unrecognized.Active, unrecognized.Unrecognized = false, true
	rejected.Active, rejected.Rejected = false, true
	// So with what can be absent, and the texts that can be empty.
	archived, deleted, empty := f.persona("pe_archived", "x"), f.persona("pe_deleted", "x"), f.persona("pe_empty", "x")
	archived.ArchivedAt = new(day.Add(time.Hour))
	deleted.DeletedAt = new(day.Add(time.Hour))
	empty.InternalName, empty.Description = new(""), new("")
	internal, described := f.persona("pe_internal", "x"), f.persona("pe_described", "x")
	internal.InternalName, described.Description = new("i"), new("d")
	byMember := f.persona("pe_member", "x")
	byMember.Author = f.member
	for _, p := range []*persona.Persona{active, unrecognized, rejected, archived, deleted, empty, internal, described, byMember} {
		f.roundTrip(t, p)
	}
	// Each list for itself, beside empty ones.
	for i, list := range f.persona("", "").Lists() {
		p := f.persona("pe_list_"+list.Name, "x")
		for j, l := range p.Lists() {
			*l.Items = []string{}
			if j == i {
				*l.Items = []string{"only here"}
			}
		}
		p.CustomFields, p.QualifyingQuestions = []persona.CustomField{}, []persona.QualifyingQuestion{}
		f.roundTrip(t, p)
	}
	same(t, "CountPersonas", 11+8, must[int](t)(f.CountPersonas(t.Context(), f.workspace.OID)))
}

func (s suite) testPersonaText(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	for i, text := range awkwardTexts() {
		if text == "" {
			continue
		}
		p := f.full(text) // also as an id
		p.Name, p.InternalName, p.Description = text, &text, &text
		for _, list := range p.Lists() {
			*list.Items = []string{text, "between", text}
		}
		p.CustomFields = []persona.CustomField{{Title: text, Value: []string{text}}}
		p.QualifyingQuestions[0].Question, p.QualifyingQuestions[0].Rationale = text, text
		if faults := p.Validate(); len(faults) > 0 {
			t.Fatalf("text %d: %v", i, faults)
		}
		f.roundTrip(t, p)
	}
}

func (s suite) testPersonaTimes(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	times := []time.Time{
		time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(1, 1, 1, 0, 0, 0, 1e6, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 999e6, time.UTC),
		time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2024, 2, 29, 23, 59, 59, 1e6, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC),
	}
	for i, at := range times {
		p := f.persona(fmt.Sprintf("pe_%d", i), "x")
		p.CreatedAt, p.UpdatedAt, p.ArchivedAt, p.DeletedAt = at, at, &at, &at
		p.QualifyingQuestions = []persona.QualifyingQuestion{{Question: "q", FitType: persona.FitBad, Weight: persona.WeightLow, ArchivedAt: &at}}
		f.roundTrip(t, p)
	}
	// The zone of what is given does not matter, what is read is UTC.
	p := f.persona("pe_zone", "x")
	p.CreatedAt = day.In(time.FixedZone("somewhere", -5*3600-1800))
	f.insert(t, p)
	same(t, "CreatedAt", day, must[*persona.Persona](t)(f.Persona(t.Context(), f.workspace.OID, "pe_zone")).CreatedAt)
}

func (s suite) testPersonaSize(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	many := f.persona("pe_many", "many")
	for _, list := range many.Lists()[:2] {
		for i := range persona.MaxListItems {
			*list.Items = append(*list.Items, strconv.Itoa(i))
		}
	}
	// What doubles or more when it is escaped, to the limit.
	large := f.persona("pe_large", "large")
	for i := range 9 {
		large.PainPoints = append(large.PainPoints, strings.Repeat([]string{`"`, "<", "\u2028", "\U0001f600", "x"}[i%5], 10_000))
	}
	size := 0
	for _, s := range large.PainPoints {
		size += len(s)
	}
	for item := strings.Repeat(`<"&'\`, 2000); size+len(item) < persona.MaxTextBytes-100; size += len(item) {
		large.WhyWeMatterToThem = append(large.WhyWeMatterToThem, item)
	}
	for _, p := range []*persona.Persona{many, large} {
		if faults := p.Validate(); len(faults) > 0 {
			t.Fatalf("%s: %v", p.OID, faults)
		}
		f.insert(t, p)
		// Not by roundTrip, which would take seconds to compare.
		if got := must[*persona.Persona](t)(f.Persona(t.Context(), f.workspace.OID, p.OID)); !p.Equal(got) {
			t.Errorf("%s comes back as something else", p.OID)
		}
	}
	for i, p := range collect(t, f, f.workspace.OID) {
		if want := []*persona.Persona{large, many}[i]; !p.Equal(want) {
			t.Errorf("Personas: %s comes back as something else", want.OID)
		}
	}
}

func (s suite) testPersonaOrder(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	inserted, ages, sorted := orderOf("pe_")
	for _, oID := range inserted {
		p := f.persona(oID, oID)
		p.CreatedAt = day.Add(ages[oID])
		p.UpdatedAt = day.Add(-ages[oID]) // which is no reason to move
		if ages[oID] == 0 {
			p.DeletedAt, p.ArchivedAt = &p.CreatedAt, &p.UpdatedAt // nor is this one to leave it out
		}
		f.insert(t, p)
	}
	same(t, "Personas", sorted, names(collect(t, f, f.workspace.OID)))
	same(t, "CountPersonas", len(sorted), must[int](t)(f.CountPersonas(t.Context(), f.workspace.OID)))
	// To replace one does not move it either, unless its age says so.
	first := must[*persona.Persona](t)(f.Persona(t.Context(), f.workspace.OID, sorted[0]))
	second := must[*persona.Persona](t)(f.Persona(t.Context(), f.workspace.OID, sorted[1]))
	first.CreatedAt = day.Add(time.Hour)
	f.write(t, func(ctx context.Context, tx persona.Tx) error {
		if err := tx.ReplacePersona(ctx, second); err != nil {
			return err
		}
		return tx.ReplacePersona(ctx, first)
	})
	same(t, "Personas", append(sorted[1:len(sorted):len(sorted)], sorted[0]), names(collect(t, f, f.workspace.OID)))
}

func (s suite) testPersonaConflict(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	before := f.full("pe_1")
	f.insert(t, before)
	for name, deleted := range map[string]*time.Time{"Kept": nil, "Deleted": &day} {
		again := f.persona("pe_1", "again")
		again.DeletedAt = deleted
		err := f.Write(t.Context(), func(tx persona.Tx) error { return tx.InsertPersona(t.Context(), again) })
		wantKind(t, name, err, persona.Conflict)
	}
	same(t, "what was there", []*persona.Persona{before}, collect(t, f, f.workspace.OID))
}

func (s suite) testPersonaNotFound(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	f.insert(t, f.persona("pe_1", "x"), f.persona("Été", "x"))
	// An id is a text of its own, to the letter.
	for _, oID := range []string{"pe_2", "PE_1", "pe_1 ", " pe_1", "pe_", "pe%", "", "été", "E\u0301te\u0301"} {
		p, err := f.Persona(t.Context(), f.workspace.OID, oID)
		wantKind(t, "Persona("+oID+")", err, persona.NotFound)
		if p != nil {
			t.Errorf("Persona(%q) = %v beside an error", oID, p)
		}
		err = f.ViewPersona(t.Context(), f.workspace.OID, oID, func(p *persona.Persona) error {
			t.Errorf("ViewPersona(%q) shows %v", oID, p)
			return nil
		})
		wantKind(t, "ViewPersona("+oID+")", err, persona.NotFound)
		err = f.Write(t.Context(), func(tx persona.Tx) error { return tx.ReplacePersona(t.Context(), f.persona(oID, "y")) })
		wantKind(t, "ReplacePersona("+oID+")", err, persona.NotFound)
	}
	for _, workspaceOID := range []string{f.other.OID, "wa_unknown", ""} {
		_, err := f.Persona(t.Context(), workspaceOID, "pe_1")
		wantKind(t, "Persona of "+workspaceOID, err, persona.NotFound)
	}
	same(t, "Personas", []string{"x", "x"}, names(collect(t, f, f.workspace.OID)))
}

func (s suite) testReplacePersona(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	f.insert(t, f.full("pe_1"), f.persona("pe_2", "beside"))
	// Everything changes, also to nothing and back, but the author.
	versions := []*persona.Persona{f.persona("pe_1", "bare"), f.full("pe_1")}
	versions[0].CreatedAt, versions[0].UpdatedAt = day.Add(-time.Hour), day.Add(time.Hour)
	for _, version := range versions {
		given := *version
		given.Author = f.member
		f.write(t, func(ctx context.Context, tx persona.Tx) error { return tx.ReplacePersona(ctx, &given) })
		same(t, version.Name, version, must[*persona.Persona](t)(f.Persona(t.Context(), f.workspace.OID, "pe_1")))
	}
	same(t, "the persona beside", f.persona("pe_2", "beside"), must[*persona.Persona](t)(f.Persona(t.Context(), f.workspace.OID, "pe_2")))
	same(t, "CountPersonas", 2, must[int](t)(f.CountPersonas(t.Context(), f.workspace.OID)))
}

func (s suite) testUnknownOwner(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	// library sees to it that this does not happen; that it cannot keeps the
	// joins of Persona and Credential from losing rows.
	ofNobody, nowhere := f.persona("pe_1", "x"), f.persona("pe_1", "x")
	ofNobody.Author.OID, nowhere.WorkspaceOID = "u_unknown", "wa_unknown"
	keyOfNobody := f.key("ak_1", f.workspace)
	keyOfNobody.UserOID = "u_unknown"
	refused := map[string]func(context.Context, persona.Tx) error{
		"persona of nobody":       func(ctx context.Context, tx persona.Tx) error { return tx.InsertPersona(ctx, ofNobody) },
		"persona of no workspace": func(ctx context.Context, tx persona.Tx) error { return tx.InsertPersona(ctx, nowhere) },
		"key of nobody":           func(ctx context.Context, tx persona.Tx) error { return tx.InsertAPIKey(ctx, keyOfNobody) },
		"key of no workspace": func(ctx context.Context, tx persona.Tx) error {
			return tx.InsertAPIKey(ctx, f.key("ak_1", persona.Workspace{OID: "wa_unknown"}))
		},
		"workspace of no organization": func(ctx context.Context, tx persona.Tx) error {
			return tx.InsertWorkspace(ctx, &persona.Workspace{OID: "wa_9", OrganizationOID: "og_9", Name: "x", CreatedAt: day})
		},
		"user of no organization": func(ctx context.Context, tx persona.Tx) error {
			return tx.InsertUser(ctx, &persona.User{OID: "u_9", OrganizationOID: "og_9", Role: persona.RoleMember, CreatedAt: day})
		},
	}
	for name, insert := range refused {
		if err := f.Write(t.Context(), func(tx persona.Tx) error { return insert(t.Context(), tx) }); err == nil {
			t.Errorf("a %s was inserted", name)
		} else if kind := persona.KindOf(err); kind == persona.Conflict || kind == persona.NotFound {
			t.Errorf("a %s is an error of kind %s, which a caller would be told", name, kind)
		}
	}
	same(t, "number of users", 2, len(must[[]persona.User](t)(f.Users(t.Context()))))
}

func (s suite) testIsolation(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	ours, theirs := f.full("pe_same"), f.persona("pe_same", "theirs")
	theirs.WorkspaceOID, theirs.Author = f.other.OID, f.member
	onlyTheirs := f.persona("pe_theirs", "only theirs")
	onlyTheirs.WorkspaceOID = f.other.OID
	f.insert(t, ours, theirs, onlyTheirs)
	f.insertKeys(t, f.key("ak_ours", f.workspace), f.key("ak_theirs", f.other))

	check := func(what string, r persona.Reader) {
		same(t, what+": our persona", ours, must[*persona.Persona](t)(r.Persona(t.Context(), f.workspace.OID, "pe_same")))
		same(t, what+": their persona", theirs, must[*persona.Persona](t)(r.Persona(t.Context(), f.other.OID, "pe_same")))
		_, err := r.Persona(t.Context(), f.workspace.OID, "pe_theirs")
		wantKind(t, what+": their persona for us", err, persona.NotFound)
		same(t, what+": our personas", []*persona.Persona{ours}, collect(t, r, f.workspace.OID))
		same(t, what+": their personas", []*persona.Persona{theirs, onlyTheirs}, collect(t, r, f.other.OID))
		same(t, what+": count of ours", 1, must[int](t)(r.CountPersonas(t.Context(), f.workspace.OID)))
		same(t, what+": count of theirs", 2, must[int](t)(r.CountPersonas(t.Context(), f.other.OID)))
		same(t, what+": our keys", []persona.APIKey{*f.key("ak_ours", f.workspace)}, must[[]persona.APIKey](t)(r.APIKeys(t.Context(), f.workspace.OID)))
		same(t, what+": their keys", []persona.APIKey{*f.key("ak_theirs", f.other)}, must[[]persona.APIKey](t)(r.APIKeys(t.Context(), f.other.OID)))
	}
	check("at first", f)
	f.write(t, func(_ context.Context, tx persona.Tx) error {
		check("in a transaction", tx)
		return nil
	})

	ours = f.persona("pe_same", "ours replaced")
	f.write(t, func(ctx context.Context, tx persona.Tx) error { return tx.ReplacePersona(ctx, ours) })
	check("after ours was replaced", f)

	err := f.Write(t.Context(), func(tx persona.Tx) error {
		return tx.ReplacePersona(t.Context(), f.persona("pe_theirs", "ours now"))
	})
	wantKind(t, "ReplacePersona of theirs", err, persona.NotFound)
	err = f.Write(t.Context(), func(tx persona.Tx) error {
		return tx.RevokeAPIKey(t.Context(), f.workspace.OID, "ak_theirs", day)
	})
	wantKind(t, "RevokeAPIKey of theirs", err, persona.NotFound)
	check("after what was refused", f)
}

// testModel holds the store against a map: whatever is inserted and replaced,
// in whatever order, kept or undone, both have the same.
func (s suite) testModel(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	errUndo := errors.New("undo")
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		workspace := persona.Workspace{OID: fmt.Sprintf("wa_model_%d", round), OrganizationOID: f.organization.OID, Name: strconv.Itoa(round), CreatedAt: day}
		f.write(t, func(ctx context.Context, tx persona.Tx) error { return tx.InsertWorkspace(ctx, &workspace) })
		model := map[string]*persona.Persona{}
		ids := rapid.SliceOfNDistinct(AnyText(1, 20), 1, 4, rapid.ID).Draw(rt, "ids")
		for range rapid.IntRange(1, 2).Draw(rt, "transactions") {
			undo := rapid.Bool().Draw(rt, "undo")
			next := map[string]*persona.Persona{}
			for oID, p := range model {
				next[oID] = p
			}
			err := f.Write(t.Context(), func(tx persona.Tx) error {
				for range rapid.IntRange(0, 3).Draw(rt, "steps") {
					p := AnyPersona().Draw(rt, "persona")
					p.WorkspaceOID, p.OID, p.Author = workspace.OID, rapid.SampledFrom(ids).Draw(rt, "id"), f.owner
					put := tx.InsertPersona
					if old := next[p.OID]; old != nil {
						put = tx.ReplacePersona
						if rapid.Bool().Draw(rt, "purge") {
							if err := tx.PurgePersona(t.Context(), p.WorkspaceOID, p.OID); err != nil {
								return err
							}
							delete(next, p.OID)
							continue
						}
					}
					if err := put(t.Context(), p); err != nil {
						return err
					}
					next[p.OID] = p
				}
				compareToModel(t, rt, tx, workspace.OID, ids, next)
				if undo {
					return errUndo
				}
				return nil
			})
			switch {
			case undo && !errors.Is(err, errUndo), !undo && err != nil:
				rt.Fatalf("Write: %v", err)
			case !undo:
				model = next
			}
			compareToModel(t, rt, f, workspace.OID, ids, model)
		}
	})
}

func compareToModel(t *testing.T, rt *rapid.T, r persona.Reader, workspaceOID string, ids []string, model map[string]*persona.Persona) {
	t.Helper()
	var want []*persona.Persona
	for _, oID := range ids {
		got, err := r.Persona(t.Context(), workspaceOID, oID)
		p := model[oID]
		switch {
		case p == nil && persona.KindOf(err) != persona.NotFound:
			rt.Fatalf("Persona(%q) = %v, %v; want NotFound", oID, got, err)
		case p == nil:
			continue
		case err != nil:
			rt.Fatalf("Persona(%q): %v", oID, err)
		}
		if diff := cmp.Diff(p, got, sameOptions()); diff != "" {
			rt.Fatalf("Persona(%q) (-want +got):\n%s", oID, diff)
		}
		if !p.Equal(got) {
			rt.Fatalf("Persona(%q) is not Equal to what was put", oID)
		}
		want = append(want, p)
	}
	for _, status := range []persona.Status{persona.StatusActive, persona.StatusArchived, persona.StatusDeleted, persona.StatusAll} {
		total := 0
		for _, p := range want {
			if status == persona.StatusAll || status == p.Status() {
				total++
			}
		}
		page, err := r.List(t.Context(), workspaceOID, persona.Query{Status: status, Limit: 1})
		if err != nil || page.Total != total {
			rt.Fatalf("List of %s: %+v, %v; want the total %d", status, page, err, total)
		}
	}
	slices.SortFunc(want, func(a, b *persona.Persona) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.OID, b.OID)
	})
	if diff := cmp.Diff(want, collect(t, r, workspaceOID), sameOptions()); diff != "" {
		rt.Fatalf("Personas (-want +got):\n%s", diff)
	}
	if n, err := r.CountPersonas(t.Context(), workspaceOID); err != nil || n != len(want) {
		rt.Fatalf("CountPersonas = %d, %v; want %d", n, err, len(want))
	}
}
