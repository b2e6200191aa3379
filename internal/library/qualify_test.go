package library_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"personae.dev/examples"
	"personae.dev/internal/library"
	"personae.dev/internal/qualify"
	"personae.dev/internal/store"
	"personae.dev/internal/store/postgrestest"
	"personae.dev/internal/store/storetest"
)

// TestQualifyIsRepeatable shows that the same lead and library have the same
// answer, over 100 runs, after a restart, and on both engines.
func TestQualifyIsRepeatable(t *testing.T) {
	t.Parallel()
	want := ""
	for _, database := range []func() *store.Store{
		func() *store.Store { return storetest.Open(t) },
		func() *store.Store {
			return storetest.OpenDatabase(t, postgrestest.New(t), store.Options{Create: true})
		},
	} {
		f := setupOn(t, database())
		_, err := f.Import(t.Context(), library.ImportOptions{Workspace: f.workspace, Author: f.setUp.Owner}, library.ReadLines(strings.NewReader(examples.Demo())))
		if err != nil {
			t.Fatal(err)
		}
		restarted, err := library.New(library.Config{Store: f.store, Registry: registry()})
		if err != nil {
			t.Fatal(err)
		}
		for run := range 100 {
			l := f.Library
			if run%2 == 1 {
				l = restarted
			}
			got, err := l.RunAgent(t.Context(), f.caller, library.AgentQualifyPerson, library.DefaultAgent, library.QualifyRequest{
				Lead: library.Lead{JobTitle: "Regional VP Sales, DACH", CompanyName: "Fernhill"},
				Answers: []qualify.Given{
					{Question: "Does the team have at least eight quota-carrying reps?", Answer: "YES"},
					{Question: "Are most of their deals closed in a single call or by credit card?", Answer: "YES"},
					{Question: "Does it sell to other companies in deals with several stakeholders?", Answer: "YES"},
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if want == "" {
				want = inWords(got)
			}
			if inWords(got) != want {
				t.Fatalf("run %d: %s\nwant %s", run, inWords(got), want)
			}
		}
	}
	if !strings.Contains(want, "The mean of product 10, persona 5.5 is 7.75.") {
		t.Error(want)
	}
}

// TestCandidatesHaveQuestions shows that entities without questions take no place of
// those that have some.
func TestCandidatesHaveQuestions(t *testing.T) {
	t.Parallel()
	f := setup(t)
	lines := []string{`{"kind":"segment","oId":"sg_last","name":"z","qualifyingQuestions":[{"question":"Many reps?","rationale":"","fitType":"GOOD","weight":"HIGH"}]}`}
	for i := range 101 {
		lines = append(lines, fmt.Sprintf(`{"kind":"segment","name":"a %03d"}`, i))
	}
	if _, _, err := f.importText(t, library.ImportOptions{}, lines...); err != nil {
		t.Fatal(err)
	}
	got, err := f.RunAgent(t.Context(), f.caller, library.AgentQualifyCompany, library.DefaultAgent, library.QualifyRequest{Lead: library.Lead{CompanyName: "Fernhill"}})
	if err != nil || !strings.Contains(inWords(got), "segment sg_last There is no other.") {
		t.Errorf("%v, %v", got, err)
	}
}

// inWords writes down all of a qualification.
func inWords(q *library.Qualified) string {
	var b strings.Builder
	fmt.Fprintln(&b, q.Found, q.Message, q.Score, q.Rationale, q.Model)
	for _, s := range q.Sections {
		oID := ""
		if s.Entity != nil {
			oID = s.Entity.OID
		}
		fmt.Fprintln(&b, s.Name, oID, s.Message, s.Skipped, s.Answers, s.Result.Explain())
	}
	return regexp.MustCompile(`qq_\w+`).ReplaceAllString(b.String(), "qq_") // each import gives new ids
}
