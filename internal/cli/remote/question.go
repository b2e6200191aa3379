package remote

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"personae.dev/apitype"
	"personae.dev/client"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/errs"
)

// questionCmd is the commands on the qualifying questions of one entity.
type questionCmd struct {
	List    questionListCmd    `cmd:"" aliases:"ls" help:"List the qualifying questions of {a title}, with their ids."`
	Update  questionUpdateCmd  `cmd:"" help:"Change one question."`
	Archive questionArchiveCmd `cmd:"" help:"Keep a question, but do not ask it."`
	Restore questionRestoreCmd `cmd:"" help:"Ask an archived question again."`
}

// Help implements kong.HelpProvider.
func (*questionCmd) Help() string {
	return `New questions are added with edit, or with update and a file of all questions.

Examples:

  personae {kind} question list {id}
  personae {kind} question update {id} 2 --weight HIGH`
}

type questionListCmd struct{ one }

// Help implements kong.HelpProvider.
func (*questionListCmd) Help() string {
	return `Example:

  personae {kind} question list {id}`
}

// Run lists the questions.
func (c *questionListCmd) Run(ctx context.Context, stdio format.Stdio, kind Kind) error {
	a, err := c.on(ctx, kind, func(api *connection, oID string) (*answer, error) { return api.get(ctx, oID, client.QuestionIDs()) })
	if err != nil {
		return err
	}
	questions := questionsOf(kind, a.Entity)
	if len(questions) == 0 && c.IsTable() {
		fmt.Fprintf(stdio.Err, "%s has no qualifying questions.\n", label(kind, a.Entity))
		return nil
	}
	return c.Show(stdio.Out, questions, func(w io.Writer) error { return format.Table(w, questionRows(questions)) })
}

func questionsOf(kind Kind, e object) []apitype.QualifyingQuestion {
	questions := decoded[[]apitype.QualifyingQuestion](fieldValue(kind.QuestionsField(), e))
	if questions == nil {
		return []apitype.QualifyingQuestion{}
	}
	return questions
}

func questionRows(questions []apitype.QualifyingQuestion) [][]string {
	rows := [][]string{{"NUMBER", "ID", "QUESTION", "FIT", "WEIGHT", "STATUS"}}
	for i, q := range questions {
		status := "active"
		if q.ArchivedAt != nil {
			status = "archived"
		}
		rows = append(rows, []string{strconv.Itoa(i + 1), q.OID, q.Question, q.FitType, q.Weight, status})
	}
	return rows
}

// oneQuestion is the flags of the commands on one question.
type oneQuestion struct {
	one
	Question string `arg:"" name:"question" help:"The question's id (qq_…), or its number, as question list shows them."`
}

// change changes a question with call, and shows all of them.
func (c oneQuestion) change(ctx context.Context, stdio format.Stdio, kind Kind, done string, call func(api *connection, oID, questionOID string) (*answer, error)) error {
	a, err := c.on(ctx, kind, func(api *connection, oID string) (*answer, error) {
		questionOID := c.Question
		if number, err := strconv.Atoi(c.Question); err == nil {
			now, err := api.get(ctx, oID, client.QuestionIDs())
			if err != nil {
				return nil, err
			}
			questions := questionsOf(kind, now.Entity)
			if number < 1 || number > len(questions) {
				return nil, errs.NotFoundf(errs.CodeQuestionNotFound, "%s has no question %d: `personae %s question list %s` lists them.", label(kind, now.Entity), number, kind.Name, oID)
			}
			questionOID = questions[number-1].OID
		}
		return call(api, oID, questionOID)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(stdio.Err, "The question %s.\n", done)
	return c.show(stdio, a.Entity)
}

type questionUpdateCmd struct {
	oneQuestion
	Text      string  `placeholder:"TEXT" help:"The question, to be answered with yes or no."`
	Rationale *string `placeholder:"TEXT" help:"Why it is asked."`
	Fit       string  `default:"" enum:",GOOD,BAD" placeholder:"FIT" help:"GOOD if a good fit answers yes, BAD if a bad fit does."`
	Weight    string  `default:"" enum:",LOW,MEDIUM,HIGH,INSTANT_DISQUALIFIER" placeholder:"WEIGHT" help:"LOW, MEDIUM, HIGH or INSTANT_DISQUALIFIER."`
}

// Help implements kong.HelpProvider.
func (*questionUpdateCmd) Help() string {
	return `Example:

  personae {kind} question update {id} 2 --weight HIGH --text "Do they own a quota?"`
}

// Run changes a question.
func (c *questionUpdateCmd) Run(ctx context.Context, stdio format.Stdio, kind Kind) error {
	in := apitype.QuestionInput{Question: c.Text, Rationale: c.Rationale, FitType: c.Fit, Weight: c.Weight}
	if in == (apitype.QuestionInput{}) {
		return errs.BadSettingf("Nothing to change is given: use --text, --rationale, --fit or --weight.")
	}
	return c.change(ctx, stdio, kind, "was changed", func(api *connection, oID, questionOID string) (*answer, error) {
		return api.UpdateQuestion(ctx, oID, questionOID, in)
	})
}

type questionArchiveCmd struct{ oneQuestion }

// Help implements kong.HelpProvider.
func (*questionArchiveCmd) Help() string {
	return `Example:

  personae {kind} question archive {id} 2`
}

// Run archives a question.
func (c *questionArchiveCmd) Run(ctx context.Context, stdio format.Stdio, kind Kind) error {
	return c.change(ctx, stdio, kind, "is archived", func(api *connection, oID, questionOID string) (*answer, error) {
		return api.ArchiveQuestion(ctx, oID, questionOID)
	})
}

type questionRestoreCmd struct{ oneQuestion }

// Help implements kong.HelpProvider.
func (*questionRestoreCmd) Help() string {
	return `Example:

  personae {kind} question restore {id} 2`
}

// Run restores a question.
func (c *questionRestoreCmd) Run(ctx context.Context, stdio format.Stdio, kind Kind) error {
	return c.change(ctx, stdio, kind, "is restored", func(api *connection, oID, questionOID string) (*answer, error) {
		return api.RestoreQuestion(ctx, oID, questionOID)
	})
}
