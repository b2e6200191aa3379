package qualify_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"personae.dev/internal/qualify"
)

// TestScoringPage computes the worked examples of docs/scoring.md.
func TestScoringPage(t *testing.T) { //nolint:tparallel // one after the other
	t.Parallel()
	page, err := os.ReadFile("../../docs/scoring.md")
	if err != nil {
		t.Fatal(err)
	}
	_, examples, _ := strings.Cut(string(page), "## Worked examples")
	var sections []qualify.Section
	for _, example := range strings.Split(examples, "\n### ")[1:] {
		name, _, _ := strings.Cut(example, "\n")
		t.Run(name, func(t *testing.T) {
			if overall := regexp.MustCompile(`Overall: \*\*(.*?)\*\*`).FindStringSubmatch(example); overall != nil {
				if got := qualify.Overall(sections); got == nil || got.String() != overall[1] {
					t.Errorf("overall is %v; the page says %s", got, overall[1])
				}
				return
			}
			answers, points := table(t, example)
			result := qualify.Evaluate(answers)
			sections = append(sections, qualify.Section{Name: name, Result: result})
			score := "none"
			if result.Score != nil {
				score = result.Score.String()
			}
			want := fmt.Sprintf("Score: **%s**, coverage: **%v**, band: **%s**.", score, result.Coverage(), qualify.BandOf(result.Score))
			if !strings.Contains(example, want) {
				t.Errorf("the page should say %s", want)
			}
			for i, step := range result.Explain()[:len(answers)] {
				got := "–"
				if step.Counted > 0 {
					got = fmt.Sprintf("%d of %d", step.Hits, step.Counted)
				}
				if got != points[i] {
					t.Errorf("question %d: %s; the page says %s", i+1, got, points[i])
				}
			}
		})
	}
	if len(sections) != 6 {
		t.Errorf("the page has %d examples, want 6", len(sections))
	}
}

// table reads the table of an example.
func table(t *testing.T, example string) (answers []qualify.Answered, points []string) {
	t.Helper()
	for line := range strings.Lines(example) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) != 5 || cells[1] == "fit" {
			continue
		}
		answer, err := qualify.ParseAnswer(cells[3])
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, qualify.Answered{
			Question: qualify.Question{Text: strings.TrimPrefix(cells[0], "| "), Fit: qualify.Fit(cells[1]), Weight: qualify.Weight(cells[2])},
			Answer:   answer,
		})
		points = append(points, strings.TrimSuffix(cells[4], " |"))
	}
	return answers, points
}
