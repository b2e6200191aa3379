package qualify

import (
	"fmt"
	"strings"
)

// Step is one line of the explanation of a score.
type Step struct {
	// Question is the id of the question that the step is about; it is empty on
	// the last step, the sum.
	Question string
	// Text says what happened, in words.
	Text string
	// Hits and Counted are the points that the step adds.
	Hits, Counted int
}

// Explain lists how the score came about: a step for each question, in order,
// and one for the sum.
func (r Result) Explain() []Step {
	steps := make([]Step, 0, len(r.answers)+1)
	for _, a := range r.answers {
		step := Step{Question: a.OID}
		points := a.Weight.points()
		what := fmt.Sprintf("%q (%s, %s): %s", a.Text, a.Fit, a.Weight, a.answer())
		switch {
		case !a.Known():
			step.Text = what + ", so it does not count."
		case a.Disqualifies():
			step.Counted = points
			step.Text = what + ", which rules a good fit out."
		case a.Hit():
			step.Hits, step.Counted = points, points
			step.Text = fmt.Sprintf("%s, which speaks for a good fit: %d of %d.", what, points, points)
		default:
			step.Counted = points
			step.Text = fmt.Sprintf("%s, which speaks against a good fit: 0 of %d.", what, points)
		}
		steps = append(steps, step)
	}
	return append(steps, Step{Text: r.sum()})
}

// sum is the last step of the explanation.
func (r Result) sum() string {
	switch {
	case r.Asked == 0:
		return "There are no questions, so there is no score."
	case r.Score == nil:
		return "No question was answered, so there is no score."
	case len(r.Disqualifiers) > 0:
		return fmt.Sprintf("The score is 1, because an instant disqualifier holds: %q is %s.", r.Disqualifiers[0].Text, r.Disqualifiers[0].answer())
	}
	return fmt.Sprintf("1 + 9 × %d / %d = %s.", r.Hits, r.Counted, r.Score)
}

// answer is the answer in words.
func (a Answered) answer() string {
	if !a.Known() {
		return string(Unknown)
	}
	return string(a.Answer)
}

// Rationale says in one or two sentences why the score is what it is.
func (r Result) Rationale() string {
	switch {
	case r.Asked == 0:
		return "There are no qualifying questions, so there is no score."
	case r.Score == nil:
		return fmt.Sprintf("No question was answered (%s asked), so there is no score.", wasWere(r.Asked))
	case len(r.Disqualifiers) > 0:
		reasons := make([]string, len(r.Disqualifiers))
		for i, a := range r.Disqualifiers {
			reasons[i] = fmt.Sprintf("%q is %s", a.Text, a.answer())
		}
		return "Disqualified: " + strings.Join(reasons, "; ") + "."
	}
	hits, misses := 0, 0
	for _, a := range r.answers {
		switch {
		case a.Hit():
			hits++
		case a.Known():
			misses++
		}
	}
	text := fmt.Sprintf("Of %s, %d for and %d against a good fit: %d of %d points.", counted(r.Answered, "answer"), hits, misses, r.Hits, r.Counted)
	if open := r.Asked - r.Answered; open > 0 {
		text += fmt.Sprintf(" %s unanswered, which lowers coverage and not the score.", isAre(open))
	}
	return text
}

// ExplainOverall says how the overall score came about.
func ExplainOverall(sections []Section) string {
	var terms, out []string
	for _, s := range sections {
		switch {
		case s.Counts():
			terms = append(terms, fmt.Sprintf("%s %s", s.Name, s.Result.Score))
		case s.Result.Score == nil:
			out = append(out, s.Name+" is left out, as it has no score")
		default:
			out = append(out, s.Name+" is left out, as it is set not to count")
		}
	}
	text := "No section has a score that counts."
	if overall := Overall(sections); overall != nil {
		text = fmt.Sprintf("The mean of %s is %s.", strings.Join(terms, ", "), overall)
	}
	if len(out) > 0 {
		text += " " + upper(strings.Join(out, "; ")) + "."
	}
	return text
}

func wasWere(n int) string {
	if n == 1 {
		return "1 was"
	}
	return fmt.Sprintf("%d were", n)
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func isAre(n int) string {
	if n == 1 {
		return "1 question is"
	}
	return fmt.Sprintf("%d questions are", n)
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
