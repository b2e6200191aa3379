package library_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/examples"
	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
	"personae.dev/internal/match"
	"personae.dev/internal/store"
	"personae.dev/internal/store/postgrestest"
	"personae.dev/internal/store/storetest"
)

// matched returns the answer for some titles as text: "title: persona score, …".
func (f *fixture) matched(t *testing.T, r library.MatchRequest) string {
	t.Helper()
	if r.Limit == 0 {
		r.Limit = library.DefaultMatches
	}
	answer, err := f.Match(t.Context(), f.caller, r)
	if err != nil {
		t.Fatalf("Match: %v", err)
	}
	var b strings.Builder
	for _, m := range answer {
		b.WriteString(m.Title + ":")
		for _, found := range m.Matches {
			fmt.Fprintf(&b, " %s %.3f", found.OID, found.Score)
			if found.Inactive {
				b.WriteString(" inactive")
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// titles is a request that names no score.
func titles(titles ...string) library.MatchRequest {
	return library.MatchRequest{Titles: titles, MinScore: match.Auto}
}

func (f *fixture) wantMatched(t *testing.T, r library.MatchRequest, want string) {
	t.Helper()
	if diff := cmp.Diff(want, f.matched(t, r)); diff != "" {
		t.Errorf("Match(%q) (-want +got):\n%s", r.Titles, diff)
	}
}

func (f *fixture) demo(t *testing.T) {
	t.Helper()
	if _, err := f.Import(t.Context(), library.ImportOptions{Workspace: f.workspace, Author: f.setUp.Owner}, library.ReadLines(strings.NewReader(examples.Demo()))); err != nil {
		t.Fatalf("Import: %v", err)
	}
}

// TestMatchFollowsChanges shows that every change of a persona counts at once.
func TestMatchFollowsChanges(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ask := titles("Keeper of the Bees")
	f.wantMatched(t, ask, "Keeper of the Bees:\n")
	oID := f.create(t, `{"name":"Beekeeper","commonJobTitles":["Keeper of the Bees"]}`).Entity.OID
	f.wantMatched(t, ask, "Keeper of the Bees: "+oID+" 1.000\n")
	f.update(t, oID, `{"active":false}`)
	f.wantMatched(t, ask, "Keeper of the Bees: "+oID+" 1.000 inactive\n")
	f.update(t, oID, `{"commonJobTitles":["Queen"]}`)
	f.wantMatched(t, titles("Queen", "Keeper of the Bees"), "Queen: "+oID+" 1.000 inactive\nKeeper of the Bees:\n")
	for _, change := range []struct {
		do   func(context.Context, library.Caller, *entity.Kind, library.Target) (*library.Written, error)
		want string
	}{{f.Archive, ""}, {f.Restore, " " + oID + " 1.000 inactive"}, {f.Delete, ""}} {
		if _, err := change.do(t.Context(), f.caller, f.persona, library.Target{OID: oID}); err != nil {
			t.Fatal(err)
		}
		f.wantMatched(t, titles("Queen"), "Queen:"+change.want+"\n")
	}
	if _, _, err := f.importText(t, library.ImportOptions{}, `{"oId":"pe_imported","name":"Queen"}`); err != nil {
		t.Fatal(err)
	}
	f.wantMatched(t, titles("Queen"), "Queen: pe_imported 1.000\n")
	drones := []library.Create{{Patch: patch(t, f.persona, `{"name":"Drone"}`, entity.Mode{Create: true})}}
	made, err := f.CreateAll(t.Context(), f.caller, f.persona, drones, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.wantMatched(t, titles("Drone"), "Drone: "+made[0].Entity.OID+" 1.000\n")

	theirs := f.callerOf(t, f.other, f.setUp.Owner)
	if answer, err := f.Match(t.Context(), theirs, library.MatchRequest{Titles: []string{"Queen"}, Limit: 3, MinScore: match.Auto}); err != nil || len(answer[0].Matches) > 0 {
		t.Errorf("in another workspace: %+v, %v", answer, err)
	}
}

// TestMatchOfAnOffering shows that an offering leaves out what is not linked to
// it, in either direction.
func TestMatchOfAnOffering(t *testing.T) {
	t.Parallel()
	f := setup(t)
	if _, _, err := f.importText(t, library.ImportOptions{},
		`{"kind":"product","oId":"px_1","name":"Hive"}`, `{"kind":"product","oId":"px_2","name":"Honey"}`,
		`{"oId":"pe_one","name":"Beekeeper","linkingStrategy":{"mode":"SPECIFIC","offeringOIds":["px_1"]}}`,
		`{"oId":"pe_all","name":"Beekeeper","linkingStrategy":{"mode":"ALL"}}`,
		`{"oId":"pe_none","name":"Beekeeper"}`,
		`{"kind":"solution","oId":"sv_1","name":"All of it","personaOIds":["pe_none"]}`,
	); err != nil {
		t.Fatal(err)
	}
	for offering, want := range map[string]string{
		"":     " pe_all 1.000 pe_none 1.000 pe_one 1.000",
		"px_1": " pe_all 1.000 pe_one 1.000", "px_2": " pe_all 1.000", "sv_1": " pe_all 1.000 pe_none 1.000",
	} {
		ask := titles("Beekeeper")
		ask.OfferingOID = offering
		f.wantMatched(t, ask, "Beekeeper:"+want+"\n")
	}
	ask := titles("Beekeeper")
	ask.OfferingOID, ask.Limit = "px_9", 3
	if _, err := f.Match(t.Context(), f.caller, ask); errs.KindOf(err) != errs.Invalid {
		t.Errorf("an offering that is not there: %v", err)
	}
}

// TestMatchOfADraft shows that a draft takes the place of a persona, and is not
// saved.
func TestMatchOfADraft(t *testing.T) {
	t.Parallel()
	f := setup(t)
	oID := f.create(t, `{"name":"Beekeeper","commonJobTitles":["Drone"]}`).Entity.OID
	ask := titles("Drone", "Queen")
	ask.Draft = patch(t, f.persona, `{"oId":"`+oID+`","commonJobTitles":["Queen"]}`, entity.Mode{})
	f.wantMatched(t, ask, "Drone:\nQueen: "+oID+" 1.000\n")
	ask.Draft = patch(t, f.persona, `{"name":"Queen"}`, entity.Mode{Create: true})
	f.wantMatched(t, ask, "Drone: "+oID+" 1.000\nQueen: draft 1.000\n")
	f.wantMatched(t, titles("Drone", "Queen"), "Drone: "+oID+" 1.000\nQueen:\n")

	ask.Limit = 3
	ask.Draft = patch(t, f.persona, `{"name":""}`, entity.Mode{Create: true})
	if _, err := f.Match(t.Context(), f.caller, ask); errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), "persona.name") {
		t.Errorf("a draft without a name: %v", err)
	}
	ask.Draft = patch(t, f.persona, `{"oId":"pe_9","name":"Queen"}`, entity.Mode{})
	if _, err := f.Match(t.Context(), f.caller, ask); errs.KindOf(err) != errs.NotFound {
		t.Errorf("a draft of a persona that is not there: %v", err)
	}
}

func TestMatchRefuses(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for want, r := range map[string]library.MatchRequest{
		"limit":       {Titles: []string{"CEO"}, Limit: 11},
		"minScore":    {Titles: []string{"CEO"}, Limit: 1, MinScore: 1.1},
		"titles[1]":   {Titles: []string{"CEO", strings.Repeat("x", library.MaxMatchTitle+1)}, Limit: 1},
		"counts":      {Titles: []string{"CEO"}, Counts: []int{1, 2}, Limit: 1},
		"0 to":        {Titles: []string{"CEO"}, Counts: []int{-1}, Limit: 1},
		"at most":     {Titles: make([]string, library.MaxMatchTitles+1), Limit: 1},
		"offeringOId": {Titles: []string{"CEO"}, Limit: 1, OfferingOID: "?"},
	} {
		if _, err := f.Match(t.Context(), f.caller, r); errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	writer := library.Caller{Principal: &account.Principal{Workspace: f.workspace}}
	if _, err := f.Match(t.Context(), writer, titles("CEO")); errs.KindOf(err) != errs.Forbidden {
		t.Errorf("without a scope: %v", err)
	}
}

// TestMatchIsTheSame shows that the same titles and personas give the same answer:
// over 100 runs, after a restart, and on both engines.
func TestMatchIsTheSame(t *testing.T) {
	t.Parallel()
	ask := titles("Head of RevOps", "VP Sales & Marketing", "Leiter Einkauf", "Directrice Marketing", "Sales Engineer", "Chef")
	ask.Limit = library.MaxMatches
	want := ""
	for _, database := range []func() *store.Store{
		func() *store.Store { return storetest.Open(t) },
		func() *store.Store {
			return storetest.OpenDatabase(t, postgrestest.New(t), store.Options{Create: true})
		},
	} {
		f := setupOn(t, database())
		f.demo(t)
		if want == "" {
			want = f.matched(t, ask)
		}
		for range 100 {
			f.wantMatched(t, ask, want)
		}
		f.Library = another(t, f).Library
		f.wantMatched(t, ask, want)
	}
}

// TestMatchOnAnotherServer shows that a change which one server made counts on
// others within a second.
func TestMatchOnAnotherServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		here, there := *f, *f
		there.Library = another(t, f).Library
		oID := here.create(t, `{"name":"Queen"}`).Entity.OID
		there.wantMatched(t, titles("Queen", "Drone"), "Queen: "+oID+" 1.000\nDrone:\n")
		here.update(t, oID, `{"name":"Drone"}`)
		elapse(900 * time.Millisecond)
		there.wantMatched(t, titles("Queen", "Drone"), "Queen:\nDrone: "+oID+" 1.000\n")
	})
}

// TestMatchBuildsOnce shows that requests which need an index at the same time
// build it once, that all indexes together are bounded, and that one which is
// larger than the bound is kept alone.
func TestMatchBuildsOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.demo(t)
	other := f.callerOf(t, f.other, f.setUp.Owner)
	counted := &countingStore{Store: f.store}
	for _, bytes := range []int64{0, 1} { // 0 has room for both indexes, 1 keeps one of them
		l, err := library.New(library.Config{Store: counted, Registry: registry(), IndexBytes: bytes})
		if err != nil {
			t.Fatal(err)
		}
		counted.reads.Store(0)
		match := func(c library.Caller) {
			if _, err := l.Match(t.Context(), c, library.MatchRequest{Titles: []string{"CEO"}, Limit: 1}); err != nil {
				t.Error(err)
			}
		}
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() { match(f.caller) })
		}
		group.Wait()
		match(f.caller)
		if got := counted.reads.Load(); got != 1 {
			t.Errorf("with %d bytes it was built %d times", bytes, got)
		}
		// The cache makes room some time after it was filled.
		for n := 0; n < 25 || bytes == 1 && n < 2000 && counted.reads.Load() == 2; n++ {
			match(f.caller)
			match(other)
		}
		if got := counted.reads.Load(); (got > 2) != (bytes == 1) {
			t.Errorf("with %d bytes two were built %d times", bytes, got)
		}
	}
}

// countingStore counts how often all personas are read.
type countingStore struct {
	entity.Store
	reads atomic.Int32
}

func (s *countingStore) All(ctx context.Context, workspace, kind string) iter.Seq2[*entity.Row, error] {
	s.reads.Add(1)
	return s.Store.All(ctx, workspace, kind)
}

// TestUnmatched shows that titles which belong to nobody are counted, and
// forgotten when a persona lists them.
func TestUnmatched(t *testing.T) {
	t.Parallel()
	f := setup(t)
	counting := func(on bool) {
		t.Helper()
		var err error
		if f.Library, err = library.New(library.Config{Store: f.store, Registry: registry(), CountUnmatched: on}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(want string) {
		t.Helper()
		page, err := f.Unmatched(t.Context(), f.caller, 10, 0)
		if err != nil {
			t.Fatalf("Unmatched: %v", err)
		}
		var got strings.Builder
		for _, title := range page.Titles {
			fmt.Fprintf(&got, "%s %d", title.Title, title.Count)
			if title.Nearest != nil {
				got.WriteString(" near " + title.Nearest.Name)
			}
			got.WriteByte('\n')
		}
		if diff := cmp.Diff(want, got.String()); diff != "" || page.Total != len(page.Titles) {
			t.Errorf("%d titles (-want +got):\n%s", page.Total, diff)
		}
	}
	oID := f.create(t, `{"name":"VP of Sales","commonJobTitles":["Head of Sales"]}`).Entity.OID
	counting(true)
	f.matched(t, titles("Keeper of Bees", "Sales Engineer", "KEEPER OF BEES!", "VP Sales", "", "…"))
	f.matched(t, library.MatchRequest{Titles: []string{"keeper of bees", "Drone"}, Counts: []int{1, 0}, MinScore: match.Auto})
	want("keeper of bees 3\nsales engineer 1 near VP of Sales\n")

	// What could tell more than a title is not counted, and what has another reason.
	strict := titles("Deputy of nothing")
	strict.MinScore = 1
	f.matched(t, strict)
	f.matched(t, titles("ada@acme.example", "+44 20 7946 0000", "https://acme.example", strings.Repeat("bee ", 40)))
	counting(false)
	f.matched(t, titles("Drone"))
	want("keeper of bees 3\nsales engineer 1 near VP of Sales\n")

	f.update(t, oID, `{"commonJobTitles":["Head of Sales","Keeper of Bees"]}`)
	want("sales engineer 1 near VP of Sales\n")
	if _, err := f.Unmatched(t.Context(), f.caller, 0, -1); errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), "limit") || !strings.Contains(err.Error(), "offset") {
		t.Errorf("limit 0, offset -1: %v", err)
	}
}

// refusing is a store that refuses writes while it is told to.
type refusing struct {
	entity.Store
	refuse bool
}

func (s *refusing) Write(ctx context.Context, do func(context.Context, entity.Tx) error) error {
	if s.refuse {
		return errs.Unavailablef(nil, "The database is busy.")
	}
	return s.Store.Write(ctx, do)
}

// TestUnmatchedWhileTheDatabaseIsBusy shows that no count is lost, of no workspace,
// and that the list is answered all the same.
func TestUnmatchedWhileTheDatabaseIsBusy(t *testing.T) {
	t.Parallel()
	f := setup(t)
	busy := &refusing{Store: f.store}
	l, err := library.New(library.Config{Store: busy, Registry: registry(), CountUnmatched: true})
	if err != nil {
		t.Fatal(err)
	}
	f.Library = l
	callers := []library.Caller{f.caller, f.callerOf(t, f.other, f.setUp.Owner)}
	for _, c := range callers {
		if _, err := l.Match(t.Context(), c, library.MatchRequest{Titles: []string{"Drone"}, Limit: 1, MinScore: match.Auto}); err != nil {
			t.Fatal(err)
		}
	}
	busy.refuse = true
	if err := l.FlushUnmatched(t.Context()); err == nil {
		t.Error("a write that was refused is no error")
	}
	busy.refuse = false
	for _, c := range callers {
		if page, err := l.Unmatched(t.Context(), c, 10, 0); err != nil || page.Total != 1 || page.Titles[0].Count != 1 {
			t.Errorf("%+v, %v", page, err)
		}
	}
	f.create(t, `{"name":"Drone"}`)
	busy.refuse = true
	if page, err := l.Unmatched(t.Context(), f.caller, 10, 0); err != nil || len(page.Titles) != 0 {
		t.Errorf("%+v, %v", page, err)
	}
}
