package qualify_test

import (
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"personae.dev/internal/errs"
	"personae.dev/internal/qualify"
)

// ask returns a question with an answer.
func ask(fit qualify.Fit, weight qualify.Weight, answer qualify.Answer) qualify.Answered {
	return qualify.Answered{Question: qualify.Question{OID: "q", Text: "Does it fit?", Fit: fit, Weight: weight}, Answer: answer}
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	const (
		good, bad               = qualify.Good, qualify.Bad
		low, medium, high, ends = qualify.Low, qualify.Medium, qualify.High, qualify.InstantDisqualifier
		yes, no, unknown        = qualify.Yes, qualify.No, qualify.Unknown
	)
	for name, test := range map[string]struct {
		answers  []qualify.Answered
		score    string // "" is none
		coverage float64
	}{
		"the example of the contract":                    {[]qualify.Answered{ask(good, high, yes), ask(good, medium, no), ask(bad, high, no)}, "7.75", 1},
		"all speak for it":                               {[]qualify.Answered{ask(good, high, yes), ask(bad, low, no)}, "10", 1},
		"all speak against it":                           {[]qualify.Answered{ask(good, high, no), ask(bad, low, yes)}, "1", 1},
		"a third is rounded":                             {[]qualify.Answered{ask(good, low, yes), ask(good, medium, no)}, "4", 1},
		"a seventh is rounded half up":                   {[]qualify.Answered{ask(good, low, yes), ask(good, high, no), ask(good, high, no)}, "2.29", 1},
		"unanswered questions lower coverage alone":      {[]qualify.Answered{ask(good, high, yes), ask(good, medium, no), ask(bad, high, no), ask(good, medium, unknown)}, "7.75", .8},
		"the zero answer is unknown":                     {[]qualify.Answered{ask(good, high, yes), ask(good, high, "")}, "10", .5},
		"nothing answered is no score":                   {[]qualify.Answered{ask(good, high, unknown)}, "", 0},
		"no questions are no score":                      {nil, "", 0},
		"an instant disqualifier that does no harm is 3": {[]qualify.Answered{ask(bad, ends, no), ask(good, high, no)}, "5.5", 1},
		"an instant disqualifier, BAD and Yes":           {[]qualify.Answered{ask(bad, ends, yes), ask(good, high, yes)}, "1", 1},
		"an instant disqualifier, GOOD and No":           {[]qualify.Answered{ask(good, ends, no), ask(good, high, yes)}, "1", 1},
		"an instant disqualifier that is not answered":   {[]qualify.Answered{ask(good, ends, unknown), ask(good, high, yes)}, "10", .5},
		"coverage is rounded down":                       {[]qualify.Answered{ask(good, low, yes), ask(good, medium, unknown)}, "10", .33},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := qualify.Evaluate(test.answers)
			score := ""
			if got.Score != nil {
				score = got.Score.String()
			}
			if score != test.score || got.Coverage() != test.coverage {
				t.Errorf("score %q, coverage %v; want %q, %v", score, got.Coverage(), test.score, test.coverage)
			}
		})
	}
}

func TestOverall(t *testing.T) {
	t.Parallel()
	section := func(name string, answers ...qualify.Answered) qualify.Section {
		return qualify.Section{Name: name, Result: qualify.Evaluate(answers)}
	}
	eight := section("persona", ask(qualify.Good, qualify.High, qualify.Yes), ask(qualify.Good, qualify.Medium, qualify.No), ask(qualify.Bad, qualify.High, qualify.No))
	ten := section("product", ask(qualify.Good, qualify.Low, qualify.Yes))
	none := section("segment", ask(qualify.Good, qualify.Low, qualify.Unknown))
	skipped := section("playbook", ask(qualify.Good, qualify.Low, qualify.No))
	skipped.Skip = true

	t.Run("is the mean of the sections that count, rounded half up", func(t *testing.T) {
		t.Parallel()
		if got := qualify.Overall([]qualify.Section{eight, ten, none, skipped}); got == nil || got.String() != "8.88" {
			t.Errorf("got %v, want 8.88", got)
		}
	})
	t.Run("is none where no section counts", func(t *testing.T) {
		t.Parallel()
		if got := qualify.Overall([]qualify.Section{none, skipped}); got != nil {
			t.Errorf("got %v, want none", got)
		}
	})
	t.Run("is explained", func(t *testing.T) {
		t.Parallel()
		want := "The mean of persona 7.75, product 10 is 8.88. Segment is left out, as it has no score; playbook is left out, as it is set not to count."
		if diff := cmp.Diff(want, qualify.ExplainOverall([]qualify.Section{eight, ten, none, skipped})); diff != "" {
			t.Error(diff)
		}
		want = "No section has a score that counts. Segment is left out, as it has no score."
		if diff := cmp.Diff(want, qualify.ExplainOverall([]qualify.Section{none})); diff != "" {
			t.Error(diff)
		}
	})
}

func TestExplain(t *testing.T) {
	t.Parallel()
	question := func(id, text string, fit qualify.Fit, weight qualify.Weight, answer qualify.Answer) qualify.Answered {
		return qualify.Answered{Question: qualify.Question{OID: id, Text: text, Fit: fit, Weight: weight}, Answer: answer}
	}
	t.Run("every question is a step, and the sum is the last", func(t *testing.T) {
		t.Parallel()
		got := qualify.Evaluate([]qualify.Answered{
			question("q1", "Manages reps?", qualify.Good, qualify.High, qualify.Yes),
			question("q2", "Owns a budget?", qualify.Good, qualify.Medium, qualify.No),
			question("q3", "Works alone?", qualify.Bad, qualify.High, qualify.No),
			question("q4", "Uses a CRM?", qualify.Good, qualify.Low, ""),
		})
		want := []qualify.Step{
			{Question: "q1", Text: `"Manages reps?" (GOOD, HIGH): Yes, which speaks for a good fit: 3 of 3.`, Hits: 3, Counted: 3},
			{Question: "q2", Text: `"Owns a budget?" (GOOD, MEDIUM): No, which speaks against a good fit: 0 of 2.`, Counted: 2},
			{Question: "q3", Text: `"Works alone?" (BAD, HIGH): No, which speaks for a good fit: 3 of 3.`, Hits: 3, Counted: 3},
			{Question: "q4", Text: `"Uses a CRM?" (GOOD, LOW): Unknown, so it does not count.`},
			{Text: "1 + 9 × 6 / 8 = 7.75."},
		}
		if diff := cmp.Diff(want, got.Explain()); diff != "" {
			t.Error(diff)
		}
		rationale := "Of 3 answers, 2 for and 1 against a good fit: 6 of 8 points. 1 question is unanswered, which lowers coverage and not the score."
		if diff := cmp.Diff(rationale, got.Rationale()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a disqualifier is named", func(t *testing.T) {
		t.Parallel()
		got := qualify.Evaluate([]qualify.Answered{question("q1", "Is it a competitor?", qualify.Bad, qualify.InstantDisqualifier, qualify.Yes)})
		want := []qualify.Step{
			{Question: "q1", Text: `"Is it a competitor?" (BAD, INSTANT_DISQUALIFIER): Yes, which rules a good fit out.`, Counted: 3},
			{Text: `The score is 1, because an instant disqualifier holds: "Is it a competitor?" is Yes.`},
		}
		if diff := cmp.Diff(want, got.Explain()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(`Disqualified: "Is it a competitor?" is Yes.`, got.Rationale()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("no score has a reason", func(t *testing.T) {
		t.Parallel()
		if got := qualify.Evaluate(nil).Rationale(); !strings.Contains(got, "no qualifying questions") {
			t.Error(got)
		}
		if got := qualify.Evaluate([]qualify.Answered{ask(qualify.Good, qualify.Low, "")}).Rationale(); got != "No question was answered (1 was asked), so there is no score." {
			t.Error(got)
		}
	})
}

func TestBandOf(t *testing.T) {
	t.Parallel()
	for want, scores := range map[qualify.Band][]qualify.Score{
		qualify.Strong: {700, 1000}, qualify.Partial: {400, 699}, qualify.Poor: {100, 399},
	} {
		for _, score := range scores {
			if got := qualify.BandOf(&score); got != want {
				t.Errorf("%v is %s, want %s", score, got, want)
			}
		}
	}
	if got := qualify.BandOf(nil); got != qualify.NoBand {
		t.Errorf("no score is %s", got)
	}
}

func TestPair(t *testing.T) {
	t.Parallel()
	questions := []qualify.Question{
		{OID: "q1", Text: "Does this person manage reps?", Fit: qualify.Good, Weight: qualify.High},
		{OID: "q2", Text: "Do they own a budget?", Fit: qualify.Good, Weight: qualify.Low},
		{OID: "q3", Text: "Are they hiring?", Fit: qualify.Good, Weight: qualify.Low},
	}
	t.Run("by id and by text, whatever its case and spaces", func(t *testing.T) {
		t.Parallel()
		answers, unused, fields := qualify.Pair(questions, []qualify.Given{
			{Question: "q2", Answer: "NO", Evidence: "says the CFO"},
			{Question: "do they like us?", Answer: "YES"},
			{Question: " does this person  manage REPS", Answer: "yes"},
		})
		if len(fields) > 0 {
			t.Fatal(fields)
		}
		want := []qualify.Answered{
			{Question: questions[0], Answer: qualify.Yes, Confidence: qualify.Sure, Given: true},
			{Question: questions[1], Answer: qualify.No, Evidence: "says the CFO", Confidence: qualify.Sure, Given: true},
			{Question: questions[2], Answer: qualify.Unknown},
		}
		if diff := cmp.Diff(want, answers); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]int{1}, unused); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("two answers to one question must agree", func(t *testing.T) {
		t.Parallel()
		_, _, fields := qualify.Pair(questions, []qualify.Given{
			{Question: "q1", Answer: "YES"},
			{Question: "q1", Answer: "YES"},
			{Question: "Does this person manage reps?", Answer: "NO"},
			{Question: "q2", Answer: "perhaps"},
		})
		want := []errs.Field{
			{Path: "answers[2]", Message: "differs from answers[1], which answers the same question: send one"},
			{Path: "answers[3].answer", Message: `must be YES, NO or UNKNOWN, not "perhaps"`},
		}
		if diff := cmp.Diff(want, fields); diff != "" {
			t.Error(diff)
		}
	})
}

// anyAnswers draws a section of up to 20 questions.
func anyAnswers() *rapid.Generator[[]qualify.Answered] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) qualify.Answered {
		return ask(
			rapid.SampledFrom([]qualify.Fit{qualify.Good, qualify.Bad}).Draw(t, "fit"),
			rapid.SampledFrom([]qualify.Weight{qualify.Low, qualify.Medium, qualify.High, qualify.InstantDisqualifier}).Draw(t, "weight"),
			rapid.SampledFrom([]qualify.Answer{qualify.Yes, qualify.No, qualify.Unknown}).Draw(t, "answer"),
		)
	}), 0, 20)
}

// value is a score that can be compared; none is 0.
func value(s *qualify.Score) qualify.Score {
	if s == nil {
		return 0
	}
	return *s
}

func TestEvaluateIsMonotone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		answers := rapid.Custom(func(t *rapid.T) []qualify.Answered {
			a := anyAnswers().Draw(t, "answers")
			return append(a, ask(qualify.Good, qualify.Low, qualify.Unknown))
		}).Draw(t, "section")
		i := rapid.IntRange(0, len(answers)-1).Draw(t, "which")
		with := func(a qualify.Answer) *qualify.Score {
			changed := slices.Clone(answers)
			changed[i].Answer = a
			return qualify.Evaluate(changed).Score
		}
		best, worst := qualify.Yes, qualify.No
		if answers[i].Fit == qualify.Bad {
			best, worst = worst, best
		}
		good, unknown, bad := with(best), with(qualify.Unknown), with(worst)
		if value(good) < value(bad) {
			t.Fatalf("the better answer scores %v, the worse one %v", good, bad)
		}
		if unknown != nil && (value(good) < value(unknown) || value(unknown) < value(bad)) {
			t.Fatalf("the better answer scores %v, none %v, the worse one %v", good, unknown, bad)
		}
	})
}

func TestEvaluateDoesNotDependOnTheOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		answers := anyAnswers().Draw(t, "answers")
		shuffled := rapid.Permutation(answers).Draw(t, "shuffled")
		a, b := qualify.Evaluate(answers), qualify.Evaluate(shuffled)
		if value(a.Score) != value(b.Score) || a.Coverage() != b.Coverage() {
			t.Fatalf("%v and %v", a.Score, b.Score)
		}
	})
}

func TestEvaluateIsTheFormula(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		answers := anyAnswers().Draw(t, "answers")
		got := qualify.Evaluate(answers)
		if got.Score == nil {
			if got.Counted != 0 {
				t.Fatal("no score, though something was answered")
			}
			return
		}
		if *got.Score < qualify.MinScore || *got.Score > qualify.MaxScore {
			t.Fatalf("the score %v is out of range", got.Score)
		}
		if len(got.Disqualifiers) > 0 {
			if *got.Score != qualify.MinScore {
				t.Fatalf("disqualified, and still %v", got.Score)
			}
			return
		}
		// 100 × (1 + 9 × hits / counted), and the whole number that is nearest.
		exact := new(big.Rat).SetFrac64(int64(900*got.Hits), int64(got.Counted))
		exact.Add(exact, big.NewRat(100, 1))
		difference := new(big.Rat).Sub(big.NewRat(int64(*got.Score), 1), exact)
		if difference.Cmp(big.NewRat(-1, 2)) <= 0 || difference.Cmp(big.NewRat(1, 2)) > 0 {
			t.Fatalf("%v is not %v rounded half up", got.Score, exact)
		}
		steps := got.Explain()
		hits, counted := 0, 0
		for _, s := range steps {
			hits, counted = hits+s.Hits, counted+s.Counted
		}
		if hits != got.Hits || counted != got.Counted || len(steps) != len(answers)+1 {
			t.Fatalf("the steps add up to %d of %d, the result to %d of %d", hits, counted, got.Hits, got.Counted)
		}
	})
}

func BenchmarkEvaluate(b *testing.B) {
	answers := make([]qualify.Answered, 12)
	for i := range answers {
		answers[i] = ask(qualify.Good, qualify.High, qualify.Yes)
	}
	for b.Loop() {
		qualify.Evaluate(answers)
	}
}
