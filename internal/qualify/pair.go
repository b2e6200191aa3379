package qualify

import (
	"fmt"
	"strings"

	"personae.dev/internal/errs"
)

// Given is an answer that a caller brings along. Question is the id of a
// question or its text.
type Given struct {
	Question string
	Answer   string
	Evidence string
}

// Pair gives every question its answer, in the order of the questions; one that
// nobody answered is Unknown. A question is found by its id, else by its text,
// whatever its case, spaces and punctuation.
//
// It also returns the indexes of the answers that belong to none of the
// questions, so that several sections can share one list of answers, and errors
// by path: an answer that cannot be read, and two different ones to one
// question.
func Pair(questions []Question, given []Given) (answers []Answered, unused []int, fields []errs.Field) {
	var list errs.List
	byID, byText := make(map[string]int, len(questions)), make(map[string]int, len(questions))
	answers = make([]Answered, len(questions))
	for i, q := range questions {
		answers[i] = Answered{Question: q, Answer: Unknown}
		byID[q.OID] = i
		if _, ok := byText[fold(q.Text)]; !ok {
			byText[fold(q.Text)] = i
		}
	}
	from := make([]int, len(questions)) // the index of the answer, plus 1
	for i, g := range given {
		at, ok := byID[g.Question]
		if !ok || g.Question == "" {
			at, ok = byText[fold(g.Question)]
		}
		answer, err := ParseAnswer(g.Answer)
		if err != nil {
			list.Add(fmt.Sprintf("answers[%d].answer", i), "%v", err)
			continue
		}
		if !ok {
			unused = append(unused, i)
			continue
		}
		if from[at] > 0 && answers[at].Answer != answer {
			list.Add(fmt.Sprintf("answers[%d]", i), "differs from answers[%d], which answers the same question: send one", from[at]-1)
			continue
		}
		from[at] = i + 1
		answers[at].Answer, answers[at].Evidence, answers[at].Confidence, answers[at].Given = answer, g.Evidence, Sure, true
	}
	return answers, unused, list.Fields()
}

// fold makes texts comparable that differ in case, spaces or the punctuation at
// their ends.
func fold(s string) string {
	return strings.Trim(strings.Join(strings.Fields(strings.ToLower(s)), " "), " .?!:;\"'“”«»")
}
