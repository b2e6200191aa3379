package entity_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/entity/entitytest"
	"personae.dev/internal/errs"
)

// entityOf makes an entity of k by a create.
func entityOf(t *testing.T, k *entity.Kind, body string) *entity.Entity {
	t.Helper()
	p, errors := k.Decode([]byte(body), entity.Mode{Create: true})
	e, invalid := k.Apply(nil, p)
	if len(errors)+len(invalid) > 0 {
		t.Fatalf("%s: %v, %v", body, errors, invalid)
	}
	e.OID, e.CreatedAt, e.UpdatedAt = k.Prefix+"1", account.Now(), account.Now()
	return e
}

// update returns what an update makes of before, and all errors as a caller sees
// them.
func update(k *entity.Kind, before *entity.Entity, body string, mode entity.Mode) (*entity.Entity, []errs.Field) {
	p, form := k.Decode([]byte(body), mode)
	after, invalid := k.Apply(before, p)
	return after, errs.Join(form, invalid)
}

// sample has a value in each field.
const sample = `{"name":"Name","internalName":"Internal","description":"d","url":"u","labels":["l"],"stage":"WON","extra":{"a":[1]},"summary":"s","note":"n",
	"mood":"bad","formType":"b","points":["p"],"jobs":["j"],"insight":["i"],"traits":{"core":["c"],"guiding":["g"]},"facts":{"industry":["x"],"size":[],"Own":["o"]},
	"method":[{"type":"A"}],"proven":true,"relatedOIds":["ts_2"],"customFields":[{"title":"t","value":["v"]}],"oldText":"o","oldList":["o"],"oldTraits":{"a":["o"]},
	"oldRaw":1,"qualifyingQuestions":[{"question":"q1","fitType":"GOOD","weight":"LOW"},{"question":"q2","fitType":"BAD","weight":"HIGH"}],
	"friendOId":"ts_3","primaryOfferingOId":"px_1","linkingStrategy":{"mode":"SPECIFIC","offeringOIds":["px_2"]},"playbookOIds":["pb_1"],"secret":"x","active":false}`

func TestEveryFieldIsSetReplacedAndCleared(t *testing.T) {
	t.Parallel()
	k := entitytest.Kind()
	full := entityOf(t, k, sample)
	for _, f := range k.RequestFields() {
		if _, set := full.Fields[f.Name]; !set {
			t.Errorf("the sample has no %s", f.Name)
		}
		if f.Required {
			if _, errors := update(k, full, `{"`+f.Name+`":null}`, entity.Mode{}); len(errors) != 1 || errors[0].Path != f.Name {
				t.Errorf("%s is null: %v", f.Name, errors)
			}
			continue
		}
		for _, mode := range []entity.Mode{{}, {Merge: true}} {
			cleared, errors := update(k, full, `{"`+f.Name+`":null}`, mode)
			if len(errors) > 0 || !slices.Equal(k.Changed(full, cleared), []string{f.Name}) || string(cleared.Fields[f.Name]) != f.Default {
				t.Errorf("%s is null: changed %v, errors %v", f.Name, k.Changed(full, cleared), errors)
			}
			back, errors := update(k, cleared, `{"`+f.Name+`":`+string(full.Fields[f.Name])+`}`, mode)
			if len(errors) > 0 && f.Name != "qualifyingQuestions" || len(errors) == 0 && !k.Equal(full, back) {
				t.Errorf("%s is set again: changed %v, errors %v", f.Name, k.Changed(full, back), errors)
			}
		}
	}
	if same, errors := update(k, full, `{"oId":"other"}`, entity.Mode{}); len(errors) > 0 || !k.Equal(full, same) {
		t.Errorf("nothing given: changed %v, errors %v", k.Changed(full, same), errors)
	}
}

// TestN8nEmpties shows that whatever is empty from n8n changes nothing, whatever
// its type, and at any depth; and that null and values of another type are taken
// at their word.
func TestN8nEmpties(t *testing.T) {
	t.Parallel()
	k := entitytest.Kind()
	full := entityOf(t, k, sample)
	n8n := entity.Mode{N8n: true}
	for _, empty := range []string{`""`, `[]`, `{}`, `{ "a" : {"b":[]}, "c":"" }`} {
		var body []string
		for _, f := range k.RequestFields() {
			body = append(body, `"`+f.Name+`":`+empty)
		}
		for _, text := range []string{"{" + strings.Join(body, ",") + "}", `{"data":{` + strings.Join(body, ",") + `}}`} {
			after, errors := update(k, full, text, n8n)
			if len(errors) > 0 || !k.Equal(full, after) {
				t.Errorf("%s: changed %v, errors %v", text, k.Changed(full, after), errors)
			}
			p, errors := k.Decode([]byte(text), entity.Mode{N8n: true, Create: true})
			created, invalid := k.Apply(nil, p)
			if all := errs.Join(errors, invalid); len(all) != 1 || all[0].Path != "name" || len(p.Given) > 0 {
				t.Errorf("create of %s: %v, errors %v", text, created.Fields, all)
			}
		}
	}
	for body, want := range map[string][]string{
		`{"data":[],"description":null}`:                             {"description"},
		`{"points":["new"],"data":""}`:                               {"points"},
		`{"traits":{"core":["new"],"guiding":[]}}`:                   {"traits"},
		`{"formType":"a","stage":"OPEN"}`:                            {"stage"},
		`{"linkingStrategy":{"mode":"","offeringOIds":[]}}`:          nil,
		`{"oldList":null,"traits":{"core":[],"guiding":null}}`:       {"traits", "oldList"}, // null is no empty
		`{"customFields":[{"title":"t","value":["v"]}],"summary":0}`: {"error summary"},
		`{"points":"text","method":{"a":[]}}`:                        {"error points"},
	} {
		after, errors := update(k, full, body, n8n)
		got := k.Changed(full, after)
		for _, e := range errors {
			got = append(got, "error "+e.Path)
		}
		got = slices.DeleteFunc(got, func(s string) bool { return len(errors) > 0 && !strings.HasPrefix(s, "error") })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	// What n8n leaves empty in an object stays.
	after, _ := update(k, full, `{"traits":{"core":["new"],"guiding":[]}}`, n8n)
	if got := string(after.Fields["traits"]); got != `{"core":["new"],"guiding":["g"]}` {
		t.Errorf("traits are %s", got)
	}
	// From another client, empty is meant to the letter.
	after, errors := update(k, full, `{"points":[],"summary":"","description":"","traits":{},"oldList":[],"oldText":"","formType":"a"}`, entity.Mode{})
	if diff := cmp.Diff([]string{"description", "summary", "formType", "points", "traits", "oldText", "oldList"}, k.Changed(full, after)); diff != "" || len(errors) > 0 {
		t.Errorf("errors %v, changed (-want +got):\n%s", errors, diff)
	}
}

func TestFlatAndNested(t *testing.T) {
	t.Parallel()
	k := entitytest.Kind()
	full := entityOf(t, k, sample)
	for name, test := range map[string]struct{ body, field, want string }{
		"Flat":                   {`{"points":["new"]}`, "points", `["new"]`},
		"UnderData":              {`{"data":{"points":["new"]}}`, "points", `["new"]`},
		"UnderDataInData":        {`{"data":{"name":"Name","data":{"points":["new"]}}}`, "points", `["new"]`},
		"UnderNest":              {`{"sample":{"points":["new"]},"sources":[1]}`, "points", `["new"]`},
		"FlatDiffers":            {`{"points":["new"],"data":{"points":["p"]}}`, "points", `["new"]`},
		"NestedDiffers":          {`{"points":["p"],"data":{"points":["new"]}}`, "points", `["new"]`},
		"DeepDiffers":            {`{"points":["p"],"data":{"points":["p"],"data":{"points":["new"]}}}`, "points", `["new"]`},
		"DataBeforeFlat":         {`{"data":{"points":["new"]},"points":["p"]}`, "points", `["new"]`},
		"BothDiffer":             {`{"data":{"points":["nested"]},"points":["flat"]}`, "points", `["flat"]`},
		"FlatNull":               {`{"data":{"points":["p"]},"points":null}`, "points", ``},
		"NestedNull":             {`{"data":{"points":null},"points":["p"]}`, "points", ``},
		"TitleFlat":              {`{"title":"New"}`, "name", `"New"`},
		"TitleInData":            {`{"name":"Name","data":{"title":"New"}}`, "name", `"New"`},
		"NameAgainstTitle":       {`{"name":"New","data":{"title":"Name"}}`, "name", `"New"`},
		"NameAndFlatTitle":       {`{"title":"Name","name":"New"}`, "name", `"New"`},
		"NameInData":             {`{"data":{"name":"New"}}`, "name", `"New"`},
		"InternalNameInData":     {`{"internalName":"Internal","data":{"internalName":"New"}}`, "internalName", `"New"`},
		"InternalNameNull":       {`{"internalName":null,"data":{"internalName":"Internal"}}`, "internalName", ``},
		"InternalNameNullInData": {`{"data":{"internalName":null}}`, "internalName", ``},
		"InternalNameEmptied":    {`{"data":{"internalName":""}}`, "internalName", `""`},
		"InternalNameEmptyFlat":  {`{"internalName":"","data":{"internalName":"Internal"}}`, "internalName", `""`},
		"DefaultNull":            {`{"active":null}`, "active", `true`},
		"DefaultNested":          {`{"active":false,"data":{"active":true}}`, "active", `true`},
		"DefaultNestedNull":      {`{"active":false,"data":{"active":null}}`, "active", `true`},
		"ReadOnly":               {`{"rejected":true}`, "rejected", `false`},
		"DataIsNull":             {`{"data":null}`, "points", `["p"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after, errors := update(k, full, test.body, entity.Mode{})
			if got := string(after.Fields[test.field]); len(errors) > 0 || got != test.want {
				t.Errorf("%s is %s, want %s; errors %v", test.field, got, test.want, errors)
			}
			for _, changed := range k.Changed(full, after) {
				if changed != test.field {
					t.Errorf("%s changed", changed)
				}
			}
		})
	}
	// On create, the flat one counts.
	for body, want := range map[string]string{
		`{"name":"flat","data":{"title":"nested"}}`: `"flat"`, `{"data":{"title":"nested"}}`: `"nested"`, `{"title":"alias"}`: `"alias"`,
		`{"sample":{"name":"nested"}}`: `"nested"`, `{"data":{"data":{"title":"deep"}}}`: `"deep"`,
	} {
		if e := entityOf(t, k, body); string(e.Fields["name"]) != want {
			t.Errorf("%s: name is %s", body, e.Fields["name"])
		}
	}
	e := entityOf(t, k, `{"name":"x","internalName":null,"data":{"internalName":""}}`)
	if _, set := e.Fields["internalName"]; set {
		t.Error(`a get answer without an internal name, posted as a create, sets it to ""`)
	}
}

func TestNameThatIsMissing(t *testing.T) {
	t.Parallel()
	k := entitytest.Kind()
	p, form := k.Decode([]byte(`{"data":{}}`), entity.Mode{Create: true})
	_, invalid := k.Apply(nil, p)
	if diff := cmp.Diff([]string{"name: must not be empty: send it as title or name"}, lines(errs.Join(form, invalid))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// An error of form is not followed by another of the same field.
	for _, body := range []string{`{"name":7}`, `{"data":{"title":7}}`, `{"title":[]}`} {
		for _, mode := range []entity.Mode{{Create: true}, {}} {
			p, form := k.Decode([]byte(body), mode)
			_, invalid := k.Apply(nil, p)
			if all := errs.Join(form, invalid); len(all) != 1 || !strings.Contains(all[0].Message, "must be a text") {
				t.Errorf("%s: %v", body, all)
			}
		}
	}
}

func TestMergePatch(t *testing.T) {
	t.Parallel()
	k := entitytest.Kind()
	full := entityOf(t, k, sample)
	for name, test := range map[string]struct {
		body, field, want string
		errors            []string
	}{
		"ListIsReplaced":   {`{"points":["a"]}`, "points", `["a"]`, nil},
		"KeyReplaced":      {`{"traits":{"core":["new"]}}`, "traits", `{"core":["new"],"guiding":["g"]}`, nil},
		"KeyCleared":       {`{"traits":{"core":null}}`, "traits", `{"core":[],"guiding":["g"]}`, nil},
		"AllKeysCleared":   {`{"traits":{"core":null,"guiding":[]}}`, "traits", ``, nil},
		"FreeKeyAdded":     {`{"data":{"facts":{"New":["n"],"Own":null}}}`, "facts", `{"industry":["x"],"size":[],"New":["n"]}`, nil},
		"NoKey":            {`{"traits":{}}`, "traits", `{"core":["c"],"guiding":["g"]}`, nil},
		"UnknownKey":       {`{"traits":{"x":["y"]}}`, "traits", `{"core":["c"],"guiding":["g"]}`, nil},
		"KeyOfWrongType":   {`{"traits":{"core":"new","guiding":[1]}}`, "", ``, []string{"traits.core: must be a list of texts, not a text", "traits.guiding[0]: must be a text, not a number"}},
		"EmptyItem":        {`{"data":{"traits":{"core":[""]}}}`, "", ``, []string{"data.traits.core[0]: must not be empty"}},
		"RawObject":        {`{"extra":{"a":null,"b":{"c":1}}}`, "extra", `{"b":{"c":1}}`, nil},
		"RawReplaced":      {`{"extra":[1]}`, "extra", `[1]`, nil},
		"RawOnArray":       {`{"method":{"a":1,"b":null}}`, "method", `{"a":1}`, nil},
		"RawTwice":         {`{"extra":{"a":1,"a":2}}`, "", ``, []string{"extra.a: occurs twice: keep one"}},
		"Offerings":        {`{"linkingStrategy":{"offeringOIds":["px_9"]}}`, "linkingStrategy", `{"mode":"SPECIFIC","offeringOIds":["px_9"]}`, nil},
		"ModeAlone":        {`{"linkingStrategy":{"mode":"ALL"}}`, "", ``, []string{"linkingStrategy.offeringOIds: must be left out, or null, where mode is ALL"}},
		"ModeWithout":      {`{"linkingStrategy":{"mode":"ALL","offeringOIds":null}}`, "linkingStrategy", `{"mode":"ALL"}`, nil},
		"NoMode":           {`{"linkingStrategy":{"mode":null}}`, "", ``, []string{"linkingStrategy.mode: is missing: use SPECIFIC for offerings by id"}},
		"Nothing":          {`{"linkingStrategy":{"x":1}}`, "linkingStrategy", `{"mode":"SPECIFIC","offeringOIds":["px_2"]}`, nil},
		"NoOfferings":      {`{"linkingStrategy":{"offeringOIds":null}}`, "", ``, []string{"linkingStrategy.offeringOIds: must name an offering where mode is SPECIFIC"}},
		"EmptyMode":        {`{"linkingStrategy":{"mode":""}}`, "", ``, []string{"linkingStrategy.mode: is empty: use ALL or SPECIFIC"}},
		"SameOfferings":    {`{"linkingStrategy":{"offeringOIds":["a","a"]}}`, "", ``, []string{"linkingStrategy.offeringOIds[1]: occurs twice: keep one"}},
		"StrategyNull":     {`{"linkingStrategy":null}`, "linkingStrategy", ``, nil},
		"StrategyNoObject": {`{"linkingStrategy":[]}`, "", ``, []string{"linkingStrategy: must be an object or null, not a list"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after, errors := update(k, full, test.body, entity.Mode{Merge: true})
			if diff := cmp.Diff(test.errors, lines(errors)); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
			if got := string(after.Fields[test.field]); test.field != "" && got != test.want {
				t.Errorf("%s is %s, want %s", test.field, got, test.want)
			}
		})
	}
	// On nothing.
	empty := entityOf(t, k, `{"name":"x"}`)
	for body, want := range map[string]string{
		`{"linkingStrategy":{}}`: "", `{"linkingStrategy":{"mode":null}}`: "", `{"linkingStrategy":{"mode":"ALL"}}`: `{"mode":"ALL"}`,
	} {
		if after, errors := update(k, empty, body, entity.Mode{Merge: true}); len(errors) > 0 || string(after.Fields["linkingStrategy"]) != want {
			t.Errorf("%s: %s, errors %v", body, after.Fields["linkingStrategy"], errors)
		}
	}
}

// TestErrorsOfAnyEntity shows which errors Decode tells by itself: those that an
// update has whatever it changes.
func TestErrorsOfAnyEntity(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]string{
		`{"name":"","painPoints":["",1],"linkingStrategy":{},"qualifyingQuestions":[{"question":"q","fitType":"x","weight":"LOW"}]}`: {
			"painPoints[1]", "linkingStrategy.mode", "name", "painPoints[0]", "qualifyingQuestions[0].fitType",
		},
		`{"name":null,"playbookOIds":["a","a"]}`: {"name", "playbookOIds[1]"},
		`{"linkingStrategy":{"mode":"some"}}`:    {"linkingStrategy.mode"},
		`{}`:                                     nil,
		`{"qualifyingQuestions":[{"oId":"of another","question":"q","fitType":"BAD","weight":"LOW"}]}`: nil,
	} {
		_, errors := persona().Decode([]byte(body), entity.Mode{})
		if diff := cmp.Diff(want, paths(errors)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	for body, want := range map[string][]string{
		`{"name":"","linkingStrategy":{"offeringOIds":["a","a"]}}`: {"name", "linkingStrategy.offeringOIds[1]"},
		`{"linkingStrategy":{"mode":"SPECIFIC"}}`:                  nil,
		`{"linkingStrategy":{"mode":"some"}}`:                      {"linkingStrategy.mode"},
		`{"linkingStrategy":{"mode":"ALL","offeringOIds":["a"]}}`:  {"linkingStrategy.offeringOIds"},
	} {
		_, errors := persona().Decode([]byte(body), entity.Mode{Merge: true})
		if diff := cmp.Diff(want, paths(errors)); diff != "" {
			t.Errorf("merge of %s (-want +got):\n%s", body, diff)
		}
	}
}

func TestQuestionsAreIdentified(t *testing.T) {
	t.Parallel()
	k := persona()
	const q = `{"question":"%s","fitType":"GOOD","weight":"LOW"}`
	body := func(questions ...string) string {
		return `{"name":"x","qualifyingQuestions":[` + strings.Join(questions, ",") + `]}`
	}
	ask := func(oID, text string) string {
		question := strings.Replace(q, "%s", text, 1)
		if oID != "" {
			question = `{"oId":"` + oID + `",` + question[1:]
		}
		return question
	}
	before := entityOf(t, k, body(ask("", "a"), ask("", "b"), ask("", "a")))
	ids := func(e *entity.Entity) (oIDs []string) {
		for _, question := range e.Questions() {
			oIDs = append(oIDs, question.OID)
		}
		return oIDs
	}
	was := ids(before)
	if slices.Contains(was, "") || was[0] == was[2] || !strings.HasPrefix(was[0], account.QuestionPrefix) {
		t.Fatalf("ids are %q", was)
	}
	for name, test := range map[string]struct {
		body   string
		want   []int // positions before, -1 for a new id
		errors []string
	}{
		"Same":           {body(ask("", "a"), ask("", "b"), ask("", "a")), []int{0, 1, 2}, nil},
		"Order":          {body(ask("", "b"), ask("", "a")), []int{1, 0}, nil},
		"New":            {body(ask("", "c"), ask("", "a"), ask("", "a"), ask("", "a")), []int{-1, 0, 2, -1}, nil},
		"ChangedByID":    {body(ask(was[1], "new text")), []int{1}, nil},
		"IDBeforeText":   {body(ask("", "a"), ask(was[0], "b")), []int{2, 0}, nil},
		"IDOfAnother":    {body(ask("qq_other", "a")), nil, []string{"qualifyingQuestions[0].oId"}},
		"IDTwice":        {body(ask(was[0], "a"), ask(was[0], "b")), nil, []string{"qualifyingQuestions[1].oId"}},
		"IDOfAnotherTwo": {body(ask("x", "a"), ask("x", "b")), nil, []string{"qualifyingQuestions[0].oId", "qualifyingQuestions[1].oId"}},
		"Cleared":        {`{"qualifyingQuestions":[]}`, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after, errors := update(k, before, test.body, entity.Mode{})
			got := paths(errors)
			slices.Sort(got)
			if diff := cmp.Diff(test.errors, got); diff != "" {
				t.Fatalf("errors (-want +got):\n%s", diff)
			}
			if len(errors) > 0 {
				return
			}
			oIDs := ids(after)
			if len(oIDs) != len(test.want) {
				t.Fatalf("ids are %q", oIDs)
			}
			for i, position := range test.want {
				if position >= 0 && oIDs[i] != was[position] || position < 0 && (slices.Contains(was, oIDs[i]) || oIDs[i] == "") {
					t.Errorf("question %d has the id %s; before %q", i, oIDs[i], was)
				}
			}
		})
	}
	p, form := k.Decode([]byte(body(ask("mine", "a"))), entity.Mode{Create: true})
	if _, invalid := k.Apply(nil, p); len(form) > 0 || len(invalid) != 1 || !strings.Contains(invalid[0].Message, "leave it out") {
		t.Errorf("an id in a create: %v, %v", form, invalid)
	}
	// An import may bring ids of its own.
	imported := k.Identify(before.WithQuestions([]entity.Question{{OID: "qq_own"}, {Question: "b"}}), before)
	if got := ids(imported); !slices.Equal(got, []string{"qq_own", was[1]}) {
		t.Errorf("imported ids are %q", got)
	}
}

func TestWithQuestions(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	before := entityOf(t, persona(), `{"name":"x"}`)
	fields := maps.Clone(before.Fields)
	want := []entity.Question{{OID: "q1", Question: "a", Rationale: "r", FitType: "GOOD", Weight: "LOW", ArchivedAt: &at}, {OID: "q2", Question: "b", FitType: "BAD", Weight: "HIGH"}}
	after := before.WithQuestions(want)
	if diff := cmp.Diff(want, after.Questions()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := after.WithQuestions(nil); !persona().Equal(before, got) || got.Questions() != nil {
		t.Errorf("without questions: %v", got.Fields)
	}
	if diff := cmp.Diff(fields, before.Fields); diff != "" {
		t.Errorf("the entity before changed:\n%s", diff)
	}
	if got := (&entity.Entity{}).WithQuestions(want).Questions(); len(got) != 2 {
		t.Errorf("questions of an empty entity: %v", got)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	k := persona()
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	before := entityOf(t, k, `{"name":"x","painPoints":["<a>"],"description":"d"}`)
	after, _ := update(k, before, `{"name":"y","painPoints":null,"keyConcerns":["c"],"linkingStrategy":{"mode":"ALL"}}`, entity.Mode{})
	after.ArchivedAt = &at
	want := entity.Diff{
		Added:   map[string]jsontext.Value{"keyConcerns": []byte(`["c"]`), "linkingStrategy": []byte(`{"mode":"ALL"}`), "archivedAt": []byte(`"2024-01-01T00:00:00.000Z"`)},
		Removed: map[string]jsontext.Value{"painPoints": []byte(`["<a>"]`)},
		Changed: map[string]entity.Change{"name": {Before: []byte(`"x"`), After: []byte(`"y"`)}},
	}
	if diff := cmp.Diff(want, k.Diff(before, after)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"name", "painPoints", "keyConcerns", "linkingStrategy", "archivedAt"}, k.Changed(before, after)); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if k.Equal(before, after) || !k.Equal(before, before) {
		t.Error("Equal is wrong")
	}
	first := k.Diff(nil, before)
	if len(first.Added) != len(before.Fields) || len(first.Removed)+len(first.Changed) > 0 {
		t.Errorf("of the first: %+v", first)
	}
	if all := k.Diff(before, nil); len(all.Removed) != len(before.Fields) {
		t.Errorf("of the end: %+v", all)
	}
}
