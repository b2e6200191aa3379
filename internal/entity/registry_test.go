package entity_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/entity"
	"personae.dev/internal/entity/entitytest"
	"personae.dev/internal/errs"
	"personae.dev/internal/kind"
)

func TestKindByName(t *testing.T) {
	t.Parallel()
	r := registry()
	for _, name := range []string{"persona", "personas", "Persona", "PERSONAS"} {
		if k, err := r.Kind(name); err != nil || k.Name != "persona" {
			t.Errorf("%q is %v, %v", name, k, err)
		}
	}
	for _, name := range []string{"test-sample", "test-samples", "testSamples", "test sample", "TestSample", "test_sample", "TEST_SAMPLE"} {
		if k, err := r.Kind(name); err != nil || k.Name != "test-sample" {
			t.Errorf("%q is %v, %v", name, k, err)
		}
	}
	for name, near := range map[string]string{
		"persna": "persona", "test samples": "test-samples", "Persone": "persona", "pe": "", "": "", "zebra": "", strings.Repeat("persona", 99): "",
	} {
		_, err := r.Kind(name)
		message := fmt.Sprint(err)
		if errs.KindOf(err) != errs.Invalid || !strings.Contains(message, "The kinds are persona") || strings.Contains(message, "did you mean") != (near != "") || !strings.Contains(message, near) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestPathPlural(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"persona": "personas", "use-case": "use-cases", "reference": "references", "workspace-company": "workspace-companies", "alternative": "alternatives",
		"survey": "surveys", "core-feature": "core-features",
	} {
		if got := (&entity.Kind{Name: name}).PathPlural(); got != want {
			t.Errorf("plural of %s is %s, want %s", name, got, want)
		}
	}
}

func TestWithArticle(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{"use case": "a use case", "objection": "an objection", "alternative": "an alternative", "persona": "a persona"} {
		if got := (&entity.Kind{Title: title}).WithArticle(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestSuggest(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"painPoint": "painPoints", "pain_points": "painPoints", "PAINPOINTS": "painPoints", "painpionts": "painPoints",
		"job_titles": "commonJobTitles", "jobTitles": "commonJobTitles", "responsibilities": "primaryResponsibilities", "id": "oId", "oid": "oId",
		"customField": "customFields", "unrecognised": "", "x": "", "": "", "favouriteColour": "", "linkingStrategies": "linkingStrategy",
	} {
		if got := persona().Suggest(name); got != want {
			t.Errorf("for %q %q is suggested, want %q", name, got, want)
		}
	}
	if got := entitytest.Kind().Suggest("Titel"); got != "title" {
		t.Errorf("for a name under data %q is suggested", got)
	}
}

// linked are kinds that refer to each other, as far as filters see.
func linked() (persona, product, playbook, solution, voice *entity.Kind, r *entity.Registry) {
	plain := func(position int, name string, links ...entity.Field) *entity.Kind {
		k := entitytest.Singleton()
		k.Position, k.Name, k.Plural, k.Title, k.Revision, k.Tool, k.Prefix = position, name, name+"List", name, name, name, name+"_"
		for _, f := range links {
			f.Label, f.Description, f.In = "Link", "A link.", entity.Hidden
			k.Fields = append(k.Fields, f)
		}
		return k
	}
	offerings := []string{"product", "solution"}
	primary := entity.Field{Name: "primaryOfferingOId", Type: entity.TypeLink, Targets: offerings, Filter: entity.FilterOffering}
	strategy := entity.Field{Name: "linkingStrategy", Type: entity.TypeStrategy, Targets: offerings, Filter: entity.FilterOffering}
	persona = plain(1, "persona", primary, strategy, entity.Field{Name: "playbookOIds", Type: entity.TypeLinks, Targets: []string{"playbook"}, Filter: entity.FilterPlaybook})
	product = plain(2, "product")
	solution = plain(3, "solution", entity.Field{Name: "offeringOIds", Type: entity.TypeLinks, Targets: []string{"product"}}, entity.Field{Name: "personaOIds", Type: entity.TypeLinks, Targets: []string{"persona"}})
	playbook = plain(4, "playbook", entity.Field{Name: "productOId", Type: entity.TypeLink, Targets: offerings, Filter: entity.FilterOffering},
		entity.Field{Name: "personaOIds", Type: entity.TypeLinks, Targets: []string{"persona"}}, entity.Field{Name: "leadOId", Type: entity.TypeLink, Targets: []string{"persona"}})
	voice = plain(5, "voice")
	return persona, product, playbook, solution, voice, entity.NewRegistry(voice, solution, product, playbook, persona)
}

func TestLinkFilter(t *testing.T) {
	t.Parallel()
	persona, product, playbook, solution, voice, r := linked()
	if got := kindNames(r); got != "persona, product, solution, playbook, voice" {
		t.Errorf("the order is %s", got)
	}
	for _, test := range []struct {
		kind   *entity.Kind
		filter string
		want   entity.LinkFilter
		none   bool
	}{
		{persona, entity.FilterOffering, entity.LinkFilter{Fields: []string{"primaryOfferingOId", "linkingStrategy"}, Kinds: []string{"solution"}, Back: []string{"personaOIds"}}, false},
		{persona, entity.FilterPlaybook, entity.LinkFilter{Fields: []string{"playbookOIds"}, Kinds: []string{"playbook"}, Back: []string{"personaOIds", "leadOId"}}, false},
		{product, entity.FilterOffering, entity.LinkFilter{Kinds: []string{"solution"}, Back: []string{"offeringOIds"}}, false},
		{product, entity.FilterPlaybook, entity.LinkFilter{Kinds: []string{"playbook"}, Back: []string{"productOId"}}, false},
		{solution, entity.FilterOffering, entity.LinkFilter{}, true},
		{solution, entity.FilterPlaybook, entity.LinkFilter{Kinds: []string{"playbook"}, Back: []string{"productOId"}}, false},
		{playbook, entity.FilterOffering, entity.LinkFilter{Fields: []string{"productOId"}}, false},
		{playbook, entity.FilterPlaybook, entity.LinkFilter{}, true},
		{voice, entity.FilterOffering, entity.LinkFilter{}, true},
	} {
		got, ok := r.LinkFilter(test.kind, test.filter, "x_1")
		test.want.Target = "x_1"
		if diff := cmp.Diff(test.want, got); diff != "" || ok == test.none {
			t.Errorf("%s by %s: ok is %t (-want +got):\n%s", test.kind.Name, test.filter, ok, diff)
		}
	}
}

// TestMalformedTables shows that a mistake in a table stops the program at its
// start.
func TestMalformedTables(t *testing.T) {
	t.Parallel()
	field := func(k *entity.Kind, name string) *entity.Field { return k.Field(name) }
	for name, test := range map[string]struct {
		change func(k *entity.Kind)
		want   string
	}{
		"NoName":             {func(k *entity.Kind) { k.Fields = k.Fields[1:] }, "needs a text field name"},
		"Prefix":             {func(k *entity.Kind) { k.Prefix = "pe_" }, `prefix "pe_" is taken`},
		"PrefixWithoutEnd":   {func(k *entity.Kind) { k.Prefix = "ts" }, "does not end with _"},
		"Position":           {func(k *entity.Kind) { k.Position = 1 }, "position 1 is taken"},
		"KindName":           {func(k *entity.Kind) { k.Name = "Sample" }, "malformed"},
		"NameTaken":          {func(k *entity.Kind) { k.Revision = "Persona" }, `the name "Persona" is taken`},
		"Shape":              {func(k *entity.Kind) { k.Shape = 0 }, "shape"},
		"FieldTwice":         {func(k *entity.Kind) { field(k, "points").Name = "jobs" }, "the name is taken"},
		"DataNameTaken":      {func(k *entity.Kind) { field(k, "points").DataName = "jobs" }, "the name is taken"},
		"FrameKey":           {func(k *entity.Kind) { field(k, "points").Name = "createdAt" }, `the name "createdAt" cannot be used`},
		"OrderUnknown":       {func(k *entity.Kind) { k.Order += " points" }, "points is not a field at the top"},
		"OrderTwice":         {func(k *entity.Kind) { k.Order += " name" }, "name occurs twice"},
		"OrderIncomplete":    {func(k *entity.Kind) { k.Order = strings.Replace(k.Order, " *", "", 1) }, "labels is missing"},
		"OrderWithoutDates":  {func(k *entity.Kind) { k.Order = strings.Replace(k.Order, "deletedAt ", "", 1) }, "deletedAt is missing"},
		"NoLabel":            {func(k *entity.Kind) { field(k, "points").Label = "" }, "label and description"},
		"EnumWithout":        {func(k *entity.Kind) { field(k, "mood").Enum = nil }, "an enum, and only it"},
		"DefaultNotOfEnum":   {func(k *entity.Kind) { field(k, "stage").Default = `"x"` }, `is "x": use OPEN`},
		"DefaultNotJSON":     {func(k *entity.Kind) { field(k, "stage").Default = `OPEN` }, "is not JSON"},
		"DefaultNotCompact":  {func(k *entity.Kind) { field(k, "active").Default = ` true` }, "not canonical"},
		"ExampleOfWrongType": {func(k *entity.Kind) { field(k, "points").Example = `"x"` }, "must be a list of texts"},
		"KeysOfAText":        {func(k *entity.Kind) { field(k, "summary").Keys = []string{"a"} }, "only an object of lists"},
		"ListsWithoutKeys":   {func(k *entity.Kind) { field(k, "traits").Keys = nil }, "needs keys"},
		"NoTargets":          {func(k *entity.Kind) { field(k, "friendOId").Targets = nil }, "has targets"},
		"FilterOfAText":      {func(k *entity.Kind) { field(k, "summary").Filter = "x" }, "only links and enums"},
		"BoolWithout":        {func(k *entity.Kind) { field(k, "active").Default = "" }, "has a default"},
		"StrategyShown":      {func(k *entity.Kind) { field(k, "linkingStrategy").In = entity.InData }, "strategy is hidden"},
		"QuestionsName":      {func(k *entity.Kind) { field(k, "qualifyingQuestions").Name = "questions" }, "questions are called"},
		"QuestionsInData":    {func(k *entity.Kind) { field(k, "qualifyingQuestions").In = entity.InData }, "stand at the top"},
		"OldRequired":        {func(k *entity.Kind) { field(k, "oldText").Required = true }, "an old field"},
		"ObjectInBoth":       {func(k *entity.Kind) { field(k, "customFields").In = entity.InBoth }, "only texts"},
		"JoinOfNoLink":       {func(k *entity.Kind) { k.Joins[0].Field = "points" }, "it needs a field of one link"},
		"AlsoListsParam":     {func(k *entity.Kind) { k.AlsoLists.Param = "other" }, "no enum with the filter other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := entitytest.Kind()
			test.change(k)
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, test.want) {
					t.Errorf("panic %q, want %q in it", got, test.want)
				}
			}()
			entity.NewRegistry(append(kind.Registry().Kinds(), k)...)
		})
	}
}

func TestHelpersOfTables(t *testing.T) {
	t.Parallel()
	k := entitytest.Kind()
	want := []string{
		"oId", "name", "internalName", "description", "createdAt", "deletedAt", "archivedAt", "updatedAt", "url", "labels", "stage", "extra", "active", "rejected",
		"data", "qualifyingQuestions",
	}
	if diff := cmp.Diff(want, k.AnswerKeys()); diff != "" {
		t.Errorf("AnswerKeys (-want +got):\n%s", diff)
	}
	names := func(fields []*entity.Field, name func(*entity.Field) string) (list []string) {
		for _, f := range fields {
			list = append(list, name(f))
		}
		return list
	}
	data := names(k.DataFields(), (*entity.Field).DataKey)
	if got := strings.Join(data[:4], " "); got != "title internalName summary note" {
		t.Errorf("DataFields begin with %s", got)
	}
	if got := strings.Join(names(k.LinkFields(), func(f *entity.Field) string { return f.Name }), " "); got != "relatedOIds friendOId primaryOfferingOId linkingStrategy playbookOIds" {
		t.Errorf("LinkFields are %s", got)
	}
	if got := len(k.RequestFields()); got != len(k.Fields)-1 {
		t.Errorf("%d request fields of %d", got, len(k.Fields))
	}
	for name, want := range map[string]struct {
		chars, count int
		empty, data  string
	}{
		"name": {255, 0, `""`, `""`}, "internalName": {255, 0, `null`, `""`}, "note": {10_000, 0, `null`, `null`}, "labels": {20, 10, `[]`, `[]`}, "points": {10_000, 5_000, `[]`, `[]`},
		"traits": {10_000, 5_000, `{"core":[],"guiding":[]}`, `{"core":[],"guiding":[]}`}, "customFields": {10_000, 5_000, `[]`, `[]`}, "playbookOIds": {255, 1_000, `[]`, `[]`},
		"linkingStrategy": {255, 1_000, `null`, `null`}, "qualifyingQuestions": {0, 100, `null`, `null`}, "active": {0, 0, `false`, `false`}, "method": {0, 0, `null`, `null`},
		"mood": {0, 0, `""`, `""`}, "friendOId": {255, 0, `null`, `null`},
	} {
		f := k.Field(name)
		if f.MaxChars() != want.chars || f.MaxCount() != want.count || string(f.Empty()) != want.empty || string(f.EmptyInData()) != want.data {
			t.Errorf("%s: %d characters, %d items, empty %s and %s", name, f.MaxChars(), f.MaxCount(), f.Empty(), f.EmptyInData())
		}
	}
	if entitytest.Singleton().QuestionsField() != nil || k.QuestionsField() == nil || k.Field("none") != nil {
		t.Error("Field or QuestionsField is wrong")
	}
}
