package examples

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/entity"
	"personae.dev/internal/kind"
)

// TestDemo shows that the demo library is complete, and that all its links lead
// to something.
func TestDemo(t *testing.T) {
	t.Parallel()
	records := decode(t, Demo())
	counts, ids := map[string]int{}, map[string]bool{}
	for _, r := range records {
		counts[r.Kind.Name]++
		ids[r.Entity.OID] = true
	}
	want := map[string]int{
		"persona": 12, "product": 2, "service": 1, "solution": 1, "segment": 3, "use-case": 4, "competitor": 3, "alternative": 1,
		"buying-trigger": 1, "objection": 3, "proof-point": 6, "reference": 3, "core-feature": 1, "playbook": 2, "brand-voice": 1,
		"workspace-company": 1,
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("entities of each kind (-want +got):\n%s", diff)
	}
	for _, r := range records {
		for _, link := range r.Kind.Links(r.Entity) {
			if link.Target != entity.LinkAll && !ids[link.Target] {
				t.Errorf("%s %s: %s links to %s, which is not there", r.Kind.Name, r.Entity.OID, link.Field, link.Target)
			}
		}
	}
}

// TestDemoPersonas shows that the personas fill every field that a person
// writes, and use every weight.
func TestDemoPersonas(t *testing.T) {
	t.Parallel()
	fits, weights := map[string]bool{}, map[string]bool{}
	for _, r := range decode(t, Demo()) {
		if r.Kind.Name != "persona" {
			continue
		}
		for i := range r.Kind.Fields {
			f := &r.Kind.Fields[i]
			if len(r.Entity.Fields[f.Name]) <= len(`""`) && f.Type != entity.TypeBool && f.Name != "playbookOIds" {
				t.Errorf("%s: %s is empty", r.Entity.OID, f.Name)
			}
		}
		for _, q := range r.Entity.Questions() {
			if q.Question == "" || q.Rationale == "" {
				t.Errorf("%s: the question %q has the rationale %q; want both", r.Entity.OID, q.Question, q.Rationale)
			}
			if q.Weight == entity.WeightInstantDisqualifier && q.FitType != entity.FitBad {
				t.Errorf("%s: the question %q disqualifies a good fit", r.Entity.OID, q.Question)
			}
			fits[q.FitType], weights[q.Weight] = true, true
		}
	}
	if len(fits) != 2 || len(weights) != 4 {
		t.Errorf("the questions have the fit types %v and the weights %v", fits, weights)
	}
}

func TestONet(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("onet/personas.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	records := decode(t, string(file))
	if len(records) != 1016 {
		t.Errorf("got %d personas, want 1016", len(records))
	}
	for _, r := range records {
		want := `[{"title":"O*NET-SOC Code","value":["` + strings.TrimPrefix(r.Entity.OID, "onet-") + `"]}]`
		if got := string(r.Entity.Fields["customFields"]); got != want {
			t.Errorf("%s: got custom fields %s, want %s", r.Entity.OID, got, want)
		}
	}
}

// decode reads every line of a file as an import does.
func decode(t *testing.T, file string) (records []entity.Record) {
	t.Helper()
	registry := kind.Registry()
	seen := map[string]bool{}
	n := 0
	for line := range strings.Lines(file) {
		n++
		found, fields := registry.DecodeRecords([]byte(line), registry.Kinds()[0], false)
		if len(fields) > 0 || len(found) != 1 {
			t.Fatalf("line %d has %d records, and the errors %v", n, len(found), fields)
		}
		r := found[0]
		if r.Entity.CreatedAt.IsZero() { // the import sets them
			r.Entity.CreatedAt, r.Entity.UpdatedAt = time.Unix(0, 0), time.Unix(0, 0)
		}
		if invalid := r.Kind.Validate(r.Entity); len(invalid) > 0 && !r.Kind.Singleton {
			t.Errorf("line %d: %v", n, invalid)
		}
		if !r.Kind.Singleton && (r.Entity.OID == "" || seen[r.Kind.Name+r.Entity.OID]) {
			t.Errorf("line %d: the oId %q is empty, or occurs twice", n, r.Entity.OID)
		}
		seen[r.Kind.Name+r.Entity.OID] = true
		records = append(records, r)
	}
	return records
}
