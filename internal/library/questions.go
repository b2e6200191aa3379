package library

import (
	"context"
	"slices"

	"personae.dev/internal/persona"
)

// QuestionPatch is what a change of one qualifying question says: fields that
// are nil stay.
type QuestionPatch struct {
	Question, Rationale *string
	FitType             *persona.FitType
	Weight              *persona.Weight
}

// UpdateQuestion changes one qualifying question and leaves the others.
func (l *Library) UpdateQuestion(ctx context.Context, caller Caller, target Target, questionOID string, patch QuestionPatch) (*Written, error) {
	apply := func(q *persona.QualifyingQuestion) {
		set(&q.Question, patch.Question)
		set(&q.Rationale, patch.Rationale)
		set(&q.FitType, patch.FitType)
		set(&q.Weight, patch.Weight)
	}
	sound := persona.QualifyingQuestion{Question: "x", FitType: persona.FitGood, Weight: persona.WeightLow}
	apply(&sound)
	target.Faults = sound.ValidateWith(target.Faults)
	return l.changeQuestion(ctx, caller, target, questionOID, apply)
}

func set[T any](to, value *T) {
	if value != nil {
		*to = *value
	}
}

// ArchiveQuestion marks one qualifying question as no longer asked.
func (l *Library) ArchiveQuestion(ctx context.Context, caller Caller, target Target, questionOID string) (*Written, error) {
	return l.changeQuestion(ctx, caller, target, questionOID, func(q *persona.QualifyingQuestion) { l.mark(&q.ArchivedAt) })
}

// RestoreQuestion undoes ArchiveQuestion.
func (l *Library) RestoreQuestion(ctx context.Context, caller Caller, target Target, questionOID string) (*Written, error) {
	return l.changeQuestion(ctx, caller, target, questionOID, func(q *persona.QualifyingQuestion) { q.ArchivedAt = nil })
}

func (l *Library) changeQuestion(ctx context.Context, caller Caller, target Target, questionOID string, change func(*persona.QualifyingQuestion)) (*Written, error) {
	target.need("questionOId", questionOID, "must name the question")
	return l.change(ctx, caller, target, persona.ActionUpdated, func(_ persona.Tx, p *persona.Persona) ([]persona.Fault, error) {
		if err := refuseDeleted(p); err != nil {
			return nil, err
		}
		i := slices.IndexFunc(p.QualifyingQuestions, func(q persona.QualifyingQuestion) bool { return q.OID == questionOID })
		if i < 0 {
			return nil, persona.NotFoundf(persona.CodeQuestionNotFound, "The persona has no qualifying question with this questionOId. Read it with include=questionIds to see which it has.")
		}
		if len(target.Faults) > 0 {
			return nil, nil // they have the names of the request, and not those of the persona
		}
		p.QualifyingQuestions = slices.Clone(p.QualifyingQuestions)
		change(&p.QualifyingQuestions[i])
		return nil, nil
	})
}
