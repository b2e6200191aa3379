// Package qualify turns answers to qualifying questions into a score.
//
// The formula is written down in docs/scoring.md. It has no state and no model:
// the same questions and answers give the same score, and every step can be
// shown.
package qualify

import (
	"fmt"
	"strconv"
)

// Fit tells which answer speaks for a good fit.
type Fit string

// The fits.
const (
	Good Fit = "GOOD" // a good fit answers yes
	Bad  Fit = "BAD"  // a bad fit answers yes
)

// Weight tells how much the answer to a question counts.
type Weight string

// The weights.
const (
	Low                 Weight = "LOW"
	Medium              Weight = "MEDIUM"
	High                Weight = "HIGH"
	InstantDisqualifier Weight = "INSTANT_DISQUALIFIER"
)

// points is the weight as a number. A weight that we do not know counts as LOW,
// so that it is asked and shown, and decides little.
func (w Weight) points() int {
	switch w {
	case High, InstantDisqualifier:
		return 3
	case Medium:
		return 2
	default:
		return 1
	}
}

// Answer is what is known about a question.
type Answer string

// The answers. Unknown is also what the zero value means.
const (
	Yes     Answer = "Yes"
	No      Answer = "No"
	Unknown Answer = "Unknown"
)

// Question is a qualifying question.
type Question struct {
	OID    string
	Text   string
	Fit    Fit
	Weight Weight
}

// good tells whether the answer speaks for a good fit. It is asked only where
// the answer is Yes or No.
func (q Question) good(a Answer) bool { return (a == Yes) == (q.Fit != Bad) }

// Answered is a question with its answer.
type Answered struct {
	Question
	Answer   Answer
	Evidence string // what the answer rests on, in words; it does not count
	// Confidence is how sure the answer is; it does not count either.
	Confidence Confidence
	// Given: the caller answered, perhaps that it is not known.
	Given bool
}

// Confidence is how sure an answer is, as whoever answered says.
type Confidence string

// The confidences.
const (
	Sure    Confidence = "HIGH"
	Likely  Confidence = "MEDIUM"
	Guessed Confidence = "LOW"
)

// Known tells whether there is an answer.
func (a Answered) Known() bool { return a.Answer == Yes || a.Answer == No }

// Hit tells whether the answer speaks for a good fit.
func (a Answered) Hit() bool { return a.Known() && a.good(a.Answer) }

// Disqualifies tells whether the answer alone rules a good fit out.
func (a Answered) Disqualifies() bool {
	return a.Weight == InstantDisqualifier && a.Known() && !a.Hit()
}

// Score is a number from 1 to 10 with two decimals, kept in hundredths.
type Score int

// The lowest and the highest score.
const (
	MinScore Score = 100
	MaxScore Score = 1000
)

// Float returns the score as a number.
func (s Score) Float() float64 { return float64(s) / 100 }

// String writes the score without zeros that say nothing: 7.75, 5.5, 8.
func (s Score) String() string { return strconv.FormatFloat(s.Float(), 'f', -1, 64) }

// Band is a score in a word, for people and for filters.
type Band string

// The bands.
const (
	Strong  Band = "STRONG"  // from 7
	Partial Band = "PARTIAL" // from 4
	Poor    Band = "POOR"    // below 4
	NoBand  Band = "UNKNOWN" // there is no score
)

// BandOf returns the band of a score; nil is no score.
func BandOf(s *Score) Band {
	switch {
	case s == nil:
		return NoBand
	case *s >= 700:
		return Strong
	case *s >= 400:
		return Partial
	default:
		return Poor
	}
}

// Result is what the answers to the questions of one section say.
type Result struct {
	// Score is nil where no question was answered.
	Score *Score
	// Hits and Counted are points of weight: those of the answers that speak
	// for a good fit, and those of all answers. Total is that of all questions.
	Hits, Counted, Total int
	// Answered and Asked count questions.
	Answered, Asked int
	// Disqualifiers are the questions whose answer alone sets the score to 1,
	// in the order of the questions.
	Disqualifiers []Answered
	answers       []Answered
}

// Evaluate scores one section.
func Evaluate(answers []Answered) Result {
	r := Result{answers: answers, Asked: len(answers)}
	for _, a := range answers {
		points := a.Weight.points()
		r.Total += points
		if !a.Known() {
			continue
		}
		r.Answered++
		r.Counted += points
		if a.Hit() {
			r.Hits += points
		}
		if a.Disqualifies() {
			r.Disqualifiers = append(r.Disqualifiers, a)
		}
	}
	switch {
	case r.Answered == 0:
	case len(r.Disqualifiers) > 0:
		r.Score = new(MinScore)
	default:
		r.Score = new(MinScore + Score(divideHalfUp(int(MaxScore-MinScore)*r.Hits, r.Counted)))
	}
	return r
}

// Coverage is the part of the questions that were answered, by weight, from 0
// to 1. It is rounded down to two decimals, so that 1 means all of them.
func (r Result) Coverage() float64 {
	if r.Total == 0 {
		return 0
	}
	return float64(100*r.Counted/r.Total) / 100
}

// Section is the result of one section of a qualification, such as persona or
// product.
type Section struct {
	Name   string
	Result Result
	// Skip leaves the section out of the overall score.
	Skip bool
}

// Counts tells whether the section is part of the overall score.
func (s Section) Counts() bool { return !s.Skip && s.Result.Score != nil }

// Overall is the mean of the scores of the sections that count, rounded half up
// to two decimals. It is nil where no section counts.
func Overall(sections []Section) *Score {
	sum, n := 0, 0
	for _, s := range sections {
		if s.Counts() {
			sum += int(*s.Result.Score)
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return new(Score(divideHalfUp(sum, n)))
}

// divideHalfUp is a / b, rounded half up, for numbers that are not negative.
func divideHalfUp(a, b int) int { return (2*a + b) / (2 * b) }

// ParseAnswer reads an answer as people and models write it.
func ParseAnswer(s string) (Answer, error) {
	switch fold(s) {
	case "yes", "true", "y":
		return Yes, nil
	case "no", "false", "n":
		return No, nil
	case "unknown", "":
		return Unknown, nil
	}
	return "", fmt.Errorf("must be YES, NO or UNKNOWN, not %q", s)
}
