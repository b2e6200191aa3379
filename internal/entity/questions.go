package entity

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"personae.dev/internal/account"
	"personae.dev/internal/errs"
)

// Names of the field of qualifying questions, and of their members.
const (
	questionsName = "qualifyingQuestions"
	keyQuestion   = "question"
	keyRationale  = "rationale"
	keyFitType    = "fitType"
	keyWeight     = "weight"
)

// appendQuestions appends questions, with those ids that they have where withIDs
// is set.
func appendQuestions(b []byte, questions []Question, withIDs bool) []byte {
	b = append(b, '[')
	for i := range questions {
		q := &questions[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		if withIDs && q.OID != "" {
			b = appendString(appendKey(b, keyOID), q.OID)
		}
		b = appendString(appendKey(b, keyQuestion), q.Question)
		b = appendString(appendKey(b, keyRationale), q.Rationale)
		b = appendString(appendKey(b, keyFitType), q.FitType)
		b = appendString(appendKey(b, keyWeight), q.Weight)
		b = append(appendOptionalTime(appendKey(b, keyArchivedAt), q.ArchivedAt), '}')
	}
	return append(b, ']')
}

// questionsOf reads the canonical value of a field of questions.
func questionsOf(value jsontext.Value) []Question {
	if value == nil {
		return nil
	}
	n, _ := parse(value)
	if n == nil {
		return nil
	}
	questions := make([]Question, len(n.items))
	for i, item := range n.items {
		q := &questions[i]
		for _, m := range item.members {
			switch m.name {
			case keyOID:
				q.OID = m.value.text
			case keyQuestion:
				q.Question = m.value.text
			case keyRationale:
				q.Rationale = m.value.text
			case keyFitType:
				q.FitType = m.value.text
			case keyWeight:
				q.Weight = m.value.text
			case keyArchivedAt:
				if t, err := parseTime(m.value.text); err == nil {
					q.ArchivedAt = &t
				}
			}
		}
	}
	return questions
}

// questions returns the questions of e.
func (k *Kind) questions(e *Entity) []Question {
	if f := k.QuestionsField(); f != nil {
		return questionsOf(e.Fields[f.Name])
	}
	return nil
}

// Questions returns the qualifying questions of e.
func (e *Entity) Questions() []Question { return questionsOf(e.Fields[questionsName]) }

// WithQuestions returns a copy of e that has these qualifying questions.
func (e *Entity) WithQuestions(questions []Question) *Entity {
	changed := *e
	changed.Fields = maps.Clone(e.Fields)
	if len(questions) == 0 {
		delete(changed.Fields, questionsName)
		return &changed
	}
	if changed.Fields == nil {
		changed.Fields = map[string]jsontext.Value{}
	}
	changed.Fields[questionsName] = appendQuestions(nil, questions, true)
	return &changed
}

// Identify returns e with an id for each of its questions. One that has none
// gets the id of the same question before, or a new one. before may be nil.
func (k *Kind) Identify(e, before *Entity) *Entity {
	identified, _ := k.identify(e, before)
	return identified
}

// identify is Identify; its errors are of ids that before does not have.
func (k *Kind) identify(e, before *Entity) (*Entity, []errs.Field) {
	questions := k.questions(e)
	if len(questions) == 0 {
		return e, nil
	}
	var there []Question
	if before != nil {
		there = k.questions(before)
	}
	var list errs.List
	used := map[string]bool{}
	missing := false
	for i, q := range questions {
		used[q.OID] = true
		missing = missing || q.OID == ""
		if q.OID != "" && !slices.ContainsFunc(there, func(old Question) bool { return old.OID == q.OID }) {
			list.Add(fmt.Sprintf("%s[%d].oId", questionsName, i), "is not the id of a question of this %s: leave it out for a new question", k.Title)
		}
	}
	if !missing {
		return e, list.Fields()
	}
	newID := k.newID
	if newID == nil {
		newID = account.NewID
	}
	for i := range questions {
		q := &questions[i]
		if q.OID != "" {
			continue
		}
		q.OID = newID(account.QuestionPrefix)
		for _, old := range there {
			if old.Question == q.Question && !used[old.OID] {
				q.OID = old.OID
				break
			}
		}
		used[q.OID] = true
	}
	return e.WithQuestions(questions), list.Fields()
}

// Validate returns the errors of a question that stands alone.
func (q *Question) Validate() []errs.Field {
	var v validator
	v.question("", q)
	return v.Fields()
}

func (v *validator) question(prefix string, q *Question) {
	v.text(prefix+keyQuestion, q.Question, 1, MaxQuestion)
	v.text(prefix+keyRationale, q.Rationale, 0, MaxRationale)
	if q.FitType != FitGood && q.FitType != FitBad {
		v.Add(prefix+keyFitType, "is %q: use %s or %s", Shorten(q.FitType), FitGood, FitBad)
	}
	switch q.Weight {
	case WeightLow, WeightMedium, WeightHigh, WeightInstantDisqualifier:
	default:
		v.Add(prefix+keyWeight, "is %q: use %s, %s, %s or %s", Shorten(q.Weight), WeightLow, WeightMedium, WeightHigh, WeightInstantDisqualifier)
	}
	v.date(prefix+keyArchivedAt, q.ArchivedAt)
}

func (v *validator) date(path string, t *time.Time) {
	if t != nil && (t.Before(earliest) || t.After(latest)) {
		v.Add(path, "is outside the years 1 to 9999")
	}
}
