package library

import (
	"context"
	"slices"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// QuestionPatch is what a change of one qualifying question says: fields that
// are nil stay.
type QuestionPatch struct{ Question, Rationale, FitType, Weight *string }

func (p QuestionPatch) apply(q *entity.Question) {
	set(&q.Question, p.Question)
	set(&q.Rationale, p.Rationale)
	set(&q.FitType, p.FitType)
	set(&q.Weight, p.Weight)
}

func set(to, value *string) {
	if value != nil {
		*to = *value
	}
}

// UpdateQuestion changes one qualifying question and leaves the others.
func (l *Library) UpdateQuestion(ctx context.Context, c Caller, k *entity.Kind, t Target, questionOID string, patch QuestionPatch) (*Written, error) {
	sound := entity.Question{Question: "x", FitType: entity.FitGood, Weight: entity.WeightLow}
	patch.apply(&sound)
	t.Errors = errs.Join(t.Errors, sound.Validate())
	return l.changeQuestion(ctx, c, k, t, questionOID, patch.apply)
}

// ArchiveQuestion marks one qualifying question as no longer asked.
func (l *Library) ArchiveQuestion(ctx context.Context, c Caller, k *entity.Kind, t Target, questionOID string) (*Written, error) {
	return l.changeQuestion(ctx, c, k, t, questionOID, func(q *entity.Question) { l.setDate(&q.ArchivedAt) })
}

// RestoreQuestion undoes ArchiveQuestion.
func (l *Library) RestoreQuestion(ctx context.Context, c Caller, k *entity.Kind, t Target, questionOID string) (*Written, error) {
	return l.changeQuestion(ctx, c, k, t, questionOID, func(q *entity.Question) { q.ArchivedAt = nil })
}

func (l *Library) changeQuestion(ctx context.Context, c Caller, k *entity.Kind, t Target, questionOID string, change func(*entity.Question)) (*Written, error) {
	t.need("questionOId", questionOID, "question")
	return l.change(ctx, c, edit{
		kind: k, target: t, action: entity.ActionUpdated,
		apply: func(_ context.Context, _ entity.Reader, before *entity.Entity) (*entity.Entity, []errs.Field, error) {
			if err := refuseDeleted(k, before); err != nil {
				return nil, nil, err
			}
			questions := before.Questions()
			i := slices.IndexFunc(questions, func(q entity.Question) bool { return q.OID == questionOID })
			if i < 0 {
				return nil, nil, errs.NotFoundf(errs.CodeQuestionNotFound,
					"The %s has no qualifying question with this questionOId. Read it with include=questionIds to see which it has.", k.Title)
			}
			if len(t.Errors) > 0 {
				return before, nil, nil // they have the names of the request, and not those of the entity
			}
			change(&questions[i])
			next := before.WithQuestions(questions)
			return next, k.Validate(next), nil
		},
	})
}
