package kind_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/entity"
	"personae.dev/internal/kind"
)

// TestRegistry shows that each call makes a registry of its own, in the order of
// the positions, without gaps.
func TestRegistry(t *testing.T) {
	t.Parallel()
	first, second := kind.Registry(), kind.Registry()
	for i, k := range first.Kinds() {
		if k.Position != i+1 {
			t.Errorf("%s is at %d", k.Name, k.Position)
		}
		if second.Kinds()[i] == k {
			t.Errorf("%s is shared", k.Name)
		}
	}
}

// TestTexts looks at what people read of each kind.
func TestTexts(t *testing.T) {
	t.Parallel()
	for _, k := range kind.Registry().Kinds() {
		if !strings.HasSuffix(k.Description, ".") {
			t.Errorf("%s: the description is no sentence: %q", k.Name, k.Description)
		}
		if (k.Example == "") != k.Singleton {
			t.Errorf("%s: a kind has an example, a singleton none", k.Name)
		}
		labels := map[string]string{}
		for i := range k.Fields {
			f := &k.Fields[i]
			if !strings.HasSuffix(f.Description, ".") || f.Example == "" || strings.HasSuffix(f.Label, ".") {
				t.Errorf("%s.%s: the description is no sentence, or there is no example", k.Name, f.Name)
			}
			if f.Old && !strings.Contains(f.Description, "present only where it is set") {
				t.Errorf("%s.%s: the description does not say when it is present", k.Name, f.Name)
			}
			if other := labels[f.Label]; other != "" && !f.Old && f.In != entity.Hidden {
				t.Errorf("%s: %s and %s have the same label", k.Name, f.Name, other)
			}
			labels[f.Label] = f.Name
		}
	}
}

// TestExamples shows that the examples of all fields together make an entity.
func TestExamples(t *testing.T) {
	t.Parallel()
	registry := kind.Registry()
	for _, k := range registry.Kinds() {
		var members []string
		for _, f := range k.RequestFields() {
			members = append(members, `"`+f.Name+`":`+f.Example)
		}
		body := "{" + strings.Join(members, ",") + "}"
		p, form := k.Decode([]byte(body), entity.Mode{Create: true})
		e, invalid := k.Apply(nil, p)
		if len(form)+len(invalid)+len(p.Unknown) > 0 {
			t.Errorf("%s: %v, %v, unknown %v", k.Name, form, invalid, p.Unknown)
		}
		for _, f := range k.RequestFields() {
			if e.Fields[f.Name] == nil {
				t.Errorf("%s: the example of %s says nothing", k.Name, f.Name)
			}
		}
		// An import takes the same, and finds all of it.
		records, errors := registry.DecodeRecords([]byte(body), k, false)
		if len(errors) > 0 || !k.Equal(e.WithQuestions(nil), records[0].Entity.WithQuestions(nil)) {
			t.Errorf("%s: imported, errors %v, changed %v", k.Name, errors, k.Changed(e, records[0].Entity))
		}
	}
}

// TestLinkTargets shows that each link names kinds that there are, or will be.
func TestLinkTargets(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, name := range strings.Fields("persona product service solution segment use-case competitor alternative buying-trigger objection proof-point reference core-feature playbook brand-voice workspace-company") {
		known[name] = true
	}
	for _, k := range kind.Registry().Kinds() {
		if !known[k.Name] {
			t.Errorf("the kind %s is not known here", k.Name)
		}
		for _, f := range k.LinkFields() {
			for _, target := range f.Targets {
				if !known[target] {
					t.Errorf("%s.%s: there is no kind %s", k.Name, f.Name, target)
				}
			}
		}
	}
}

func TestPersonaAnswer(t *testing.T) {
	t.Parallel()
	persona := kind.Registry().Kinds()[0]
	want := strings.Fields("oId name internalName description createdAt deletedAt archivedAt updatedAt unrecognized rejected active data qualifyingQuestions")
	if diff := cmp.Diff(want, persona.AnswerKeys()); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}
