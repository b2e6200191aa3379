package library_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
)

// edit is a field of a body, and what it does to an entity.
type edit struct {
	field, json string
	// value is the canonical value that the field gets; "" unsets it.
	value string
	// questions are those that the field gets; their ids are found when they are
	// set, or are left empty, for learnQuestions.
	questions []entity.Question
	wrong     string // the path of an error, if any
	late      bool   // the error shows only beside the entity that is there
	keep      bool   // it does nothing
}

// apply returns what an edit without an error makes of e.
func apply(k *entity.Kind, e *entity.Entity, ed edit) *entity.Entity {
	f := k.Field(ed.field)
	if f == nil || ed.keep {
		return e
	}
	next := clone(e)
	if f.Type == entity.TypeQuestions {
		return next.WithQuestions(identified(ed.questions, e.Questions()))
	}
	next.Fields = maps.Clone(e.Fields)
	if next.Fields == nil {
		next.Fields = map[string]jsontext.Value{}
	}
	switch {
	case ed.value != "":
		next.Fields[f.Name] = jsontext.Value(ed.value)
	case f.Default != "":
		next.Fields[f.Name] = jsontext.Value(f.Default)
	default:
		delete(next.Fields, f.Name)
	}
	return next
}

// identified gives questions without an id that of the same question before.
func identified(questions, before []entity.Question) []entity.Question {
	questions = slices.Clone(questions)
	used := map[string]bool{}
	for _, q := range questions {
		used[q.OID] = true
	}
	for i := range questions {
		for _, old := range before {
			if questions[i].OID == "" && old.Question == questions[i].Question && !used[old.OID] {
				questions[i].OID = old.OID
				used[old.OID] = true
			}
		}
	}
	return questions
}

// learnQuestions fills in the ids that the library made, which must be new.
func (m *model) learnQuestions(want, got *entity.Entity) *entity.Entity {
	m.t.Helper()
	questions, theirs := want.Questions(), got.Questions()
	if len(questions) != len(theirs) {
		m.t.Fatalf("there are %d questions, want %d", len(theirs), len(questions))
	}
	for i := range questions {
		if q := &questions[i]; q.OID == "" {
			q.OID = theirs[i].OID
			if !strings.HasPrefix(q.OID, account.QuestionPrefix) || m.questions[q.OID] {
				m.t.Fatalf("the new question %q has the id %q", q.Question, q.OID)
			}
			m.questions[q.OID] = true
		}
	}
	return want.WithQuestions(questions)
}

func bodyOf(edits []edit) string {
	var fields []string
	for _, e := range edits {
		fields = append(fields, quoted(e.field)+":"+e.json)
	}
	return "{" + strings.Join(fields, ",") + "}"
}

func quoted(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func textEdit(field, text string) edit {
	return edit{field: field, json: quoted(text), value: quoted(text)}
}

var vocabulary = []string{"alpha", "ALPHA", "Älpha", "alphabet", "beta", "béta", "gamma", "C++", "x"}

func (m *model) anyText() string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(vocabulary), 1, 2).Draw(m.t, "text"), " ")
}

func (m *model) anyTexts(minimum int) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(vocabulary), minimum, 2, rapid.ID[string]).Draw(m.t, "texts")
}

// list is the canonical value of a list, "" for an empty one.
func list(items []string) string {
	if len(items) == 0 {
		return ""
	}
	return quoted(items)
}

// anyEdits draws some fields, each once. plain leaves out those of which parts
// can be merged.
func (m *model) anyEdits(w *modelWorkspace, k *entity.Kind, before *entity.Entity, plain bool) []edit {
	var fields []*entity.Field
	for _, f := range k.RequestFields() {
		if !plain || f.Type != entity.TypeLists && f.Type != entity.TypeRaw {
			fields = append(fields, f)
		}
	}
	var edits []edit
	for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(fields)-1), 0, 5, rapid.ID[int]).Draw(m.t, "fields") {
		e := m.anyEdit(w, fields[i], before)
		e.field = fields[i].Name
		edits = append(edits, e)
	}
	return edits
}

func (m *model) anyEdit(w *modelWorkspace, f *entity.Field, before *entity.Entity) edit {
	one := func(edits ...edit) edit {
		i := rapid.IntRange(0, len(edits)-1).Draw(m.t, f.Name)
		return edits[i]
	}
	null := edit{json: "null"}
	if f.Required {
		null.wrong = f.Name
	}
	empty := null
	empty.json = `""`
	if f.Null && !f.Old && f.Type == entity.TypeText {
		empty.value = `""`
	}
	texts := m.anyTexts(0)
	some := edit{json: quoted(texts), value: list(texts)}
	text := m.anyText()
	switch f.Type {
	case entity.TypeText:
		return one(null, empty, edit{json: "1", wrong: f.Name}, textEdit("", text), textEdit("", text), textEdit("", text))
	case entity.TypeTexts:
		return one(null, some, some)
	case entity.TypeTextOrTexts:
		return one(null, empty, some, edit{json: quoted(text), value: list([]string{text})})
	case entity.TypeBool:
		return one(null, edit{json: "true", value: "true"}, edit{json: "false", value: "false"})
	case entity.TypeEnum:
		value := rapid.SampledFrom(f.Enum).Draw(m.t, "value")
		return one(null, edit{json: `"other"`, wrong: f.Name}, textEdit("", value), textEdit("", value))
	case entity.TypeCustom:
		value := `[{"title":` + quoted(text) + `,"value":` + quoted(texts) + `}]`
		return one(null, edit{json: "[]"}, edit{json: value, value: value})
	case entity.TypeLists:
		return one(null, edit{json: "{}"}, m.anyLists(f))
	case entity.TypeRaw:
		return one(null, edit{json: `{"a":[1, "x"],"b":null}`, value: `{"a":[1,"x"],"b":null}`}, edit{json: "1", value: "1"}, textEdit("", text))
	case entity.TypeQuestions:
		return m.anyQuestions(before)
	case entity.TypeLink:
		none := edit{json: `""`}
		target := rapid.SampledFrom(append(w.ids(), vocabulary...)).Draw(m.t, "target")
		return one(null, none, textEdit("", target), textEdit("", target))
	case entity.TypeLinks:
		return one(null, some, some)
	case entity.TypeStrategy:
		oIDs := quoted(m.anyTexts(1))
		specific := `{"mode":"SPECIFIC","offeringOIds":` + oIDs + `}`
		return one(null, edit{json: "{}", wrong: f.Name + ".mode"}, edit{json: `{"mode":"SPECIFIC","offeringOIds":[]}`, wrong: f.Name + ".offeringOIds"},
			edit{json: `{"mode":"ALL"}`, value: `{"mode":"ALL"}`}, edit{json: `{"mode":"ALL"}`, value: `{"mode":"ALL"}`}, edit{json: specific, value: specific})
	}
	panic(fmt.Sprintf("no edit for the type %d", f.Type))
}

func (m *model) anyLists(f *entity.Field) edit {
	var sent, kept []string
	some := false
	for _, key := range f.Keys {
		items := []string{}
		if rapid.Bool().Draw(m.t, "has "+key) {
			items = m.anyTexts(0)
			sent = append(sent, quoted(key)+":"+quoted(items))
		}
		some = some || len(items) > 0
		kept = append(kept, quoted(key)+":"+quoted(items))
	}
	if items := m.anyTexts(0); f.Free && len(items) > 0 {
		member := quoted("free") + ":" + quoted(items)
		sent, kept, some = append(sent, member), append(kept, member), true
	}
	e := edit{json: "{" + strings.Join(sent, ",") + "}"}
	if some {
		e.value = "{" + strings.Join(kept, ",") + "}"
	}
	return e
}

// anyQuestions draws questions whose ids are given, are found by their text, or
// are new.
func (m *model) anyQuestions(before *entity.Entity) edit {
	type question struct {
		OID      string `json:"oId,omitempty"`
		Question string `json:"question"`
		FitType  string `json:"fitType"`
		Weight   string `json:"weight"`
	}
	var there []entity.Question
	if before != nil {
		there = before.Questions()
	}
	sent := []question{}
	used := map[string]bool{}
	var e edit
	for i := range rapid.IntRange(0, 3).Draw(m.t, "questions") {
		q := question{Question: m.anyText(), FitType: entity.FitGood, Weight: rapid.SampledFrom([]string{entity.WeightLow, entity.WeightHigh}).Draw(m.t, "weight")}
		if len(there) > 0 && rapid.Bool().Draw(m.t, "name it") {
			if oID := there[rapid.IntRange(0, len(there)-1).Draw(m.t, "question")].OID; !used[oID] {
				q.OID = oID
			}
		} else if e.wrong == "" && rapid.IntRange(0, 9).Draw(m.t, "name another's") == 0 {
			q.OID = "qq_foreign"
			e.wrong, e.late = fmt.Sprintf("qualifyingQuestions[%d].oId", i), true
		}
		used[q.OID] = true
		sent = append(sent, q)
		e.questions = append(e.questions, entity.Question{OID: q.OID, Question: q.Question, FitType: q.FitType, Weight: q.Weight})
	}
	e.json = quoted(sent)
	return e
}

// anyMerge draws a linkingStrategy that is merged into that of before.
func (m *model) anyMerge(before *entity.Entity) edit {
	const field = "linkingStrategy"
	stored := ""
	if before != nil {
		stored = string(before.Fields[field])
	}
	all, specific := stored == `{"mode":"ALL"}`, strings.Contains(stored, "SPECIFIC")
	e := edit{field: field}
	switch e.json = rapid.SampledFrom([]string{
		`{}`, `null`, `{"mode":"ALL"}`, `{"mode":"ALL","offeringOIds":null}`, `{"mode":"all"}`, `{"mode":null}`, `{"mode":""}`,
		`{"offeringOIds":["new"]}`, `{"mode":"SPECIFIC","offeringOIds":["new"]}`, `{"mode":"ALL","offeringOIds":["new"]}`, `{"offeringOIds":[]}`,
	}).Draw(m.t, "merge"); {
	case e.json == `{"mode":"all"}`, e.json == `{"mode":""}`:
		e.wrong = field + ".mode"
	case e.json == `{"mode":"ALL","offeringOIds":["new"]}`:
		e.wrong = field + ".offeringOIds"
	case e.json == `null`, e.json == `{"mode":null}` && !specific:
	case e.json == `{"mode":null}`, e.json == `{"offeringOIds":["new"]}` && !all && !specific:
		e.wrong, e.late = field+".mode", true
	case e.json == `{"mode":"ALL"}` && specific, e.json == `{"offeringOIds":["new"]}` && all, e.json == `{"offeringOIds":[]}` && specific:
		e.wrong, e.late = field+".offeringOIds", true
	case e.json == `{"mode":"ALL"}`, e.json == `{"mode":"ALL","offeringOIds":null}`:
		e.value = `{"mode":"ALL"}`
	case e.json == `{}`, e.json == `{"offeringOIds":[]}`:
		e.keep = true
	default:
		e.value = `{"mode":"SPECIFIC","offeringOIds":["new"]}`
	}
	return e
}
