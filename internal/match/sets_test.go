package match_test

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/examples"
	"personae.dev/internal/match"
)

var update = flag.Bool("update", false, "write the figures into docs/matching.md")

// labelled is a title with the personas that it may belong to.
type labelled struct {
	title string
	want  []string
}

func readLabelled(tb testing.TB, name string) []labelled {
	tb.Helper()
	file, err := os.Open("testdata/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	var all []labelled
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		title, want, ok := strings.Cut(lines.Text(), "\t")
		if !ok {
			tb.Fatalf("%s: %q has no label", name, lines.Text())
		}
		all = append(all, labelled{title, strings.Fields(want)})
	}
	return all
}

func demo(tb testing.TB) *match.Index {
	tb.Helper()
	var personas []match.Persona
	for line := range strings.Lines(examples.Demo()) {
		var p struct {
			Kind, OID, Name string
			CommonJobTitles []string
			Active          *bool
		}
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			tb.Fatal(err)
		}
		if p.Kind != "" && p.Kind != "persona" {
			continue
		}
		personas = append(personas, match.Persona{OID: p.OID, Name: p.Name, Titles: p.CommonJobTitles, Active: p.Active == nil || *p.Active})
	}
	return match.NewIndex(personas)
}

// buyers matches titles with the personas of the example and returns a row of
// the table and the mistakes.
func buyers(t *testing.T, index *match.Index, name, file string) (right, kept float64, row string, mistakes []string) {
	t.Helper()
	var owned, found, wrong, nobody, none int
	for _, l := range readLabelled(t, file) {
		got, score := "none", 0.0
		if m := index.Match(l.title, 1, match.Auto); len(m) > 0 {
			got, score = m[0].OID, m[0].Score
		}
		switch l.want[0] {
		case "none":
			nobody++
			if got == "none" {
				none++
			}
		case got:
			owned, found = owned+1, found+1
		default:
			owned++
			if got != "none" {
				wrong++
			}
		}
		if got != l.want[0] {
			short := strings.NewReplacer("demo-", "", "none", "nobody")
			mistake := fmt.Sprintf("| %s | %s | %s |", l.title, short.Replace(l.want[0]), short.Replace(got))
			if got != "none" {
				mistake = fmt.Sprintf("| %s | %s | %s, %.2f |", l.title, short.Replace(l.want[0]), short.Replace(got), score)
			}
			mistakes = append(mistakes, mistake)
		}
	}
	right, kept = float64(found)/float64(owned), float64(none)/float64(nobody)
	row = fmt.Sprintf("| %s | %d | **%.3f** | %.3f | %.3f | **%.3f** of %d |", name, owned+nobody, right, float64(wrong)/float64(owned), float64(owned-found-wrong)/float64(owned), kept, nobody)
	return right, kept, row, mistakes
}

// places counts titles whose occupation is the first match, and one of five.
type places struct{ first, five int }

func (p *places) count(matches []match.Match, want []string) {
	at := slices.IndexFunc(matches, func(m match.Match) bool { return slices.Contains(want, m.OID) })
	if at == 0 {
		p.first++
	}
	if at >= 0 {
		p.five++
	}
}

func (p *places) of(n int) (first, five float64) {
	return float64(p.first) / float64(n), float64(p.five) / float64(n)
}

// TestSets holds the figures of the labelled titles, and that the page shows
// them.
func TestSets(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	index := demo(t)
	page.WriteString("| titles | number | right persona first | another persona | missed | nobody kept for nobody |\n|---|---|---|---|---|---|\n")
	right, kept, row, _ := buyers(t, index, "for tuning", "buyers-dev.tsv")
	fmt.Fprintln(&page, row)
	if right < 0.97 || kept < 0.97 {
		t.Errorf("buyers, for tuning: right first %.3f, nobody kept %.3f", right, kept)
	}
	right, kept, row, mistakes := buyers(t, index, "kept back", "buyers-held.tsv")
	fmt.Fprintln(&page, row)
	if right < 0.95 || kept < 0.93 {
		t.Errorf("buyers, kept back: right first %.3f, nobody kept %.3f", right, kept)
	}

	personas, err := match.Occupations()
	if err != nil {
		t.Fatal(err)
	}
	onet := match.NewIndex(personas)
	var all, likely places
	titles := readLabelled(t, "onet-dev.tsv")
	for _, l := range titles {
		matches := onet.Match(l.title, 5, 0)
		all.count(matches, l.want)
		likely.count(match.Likely(matches), l.want)
	}
	n := len(titles)
	first, five := all.of(n)
	fmt.Fprintf(&page, "\n| titles of O\\*NET occupations | number | right first | right in five |\n|---|---|---|---|\n| all matches (`minScore` 0) | %d | **%.3f** | **%.3f** |\n", n, first, five)
	if first < 0.56 || five < 0.77 {
		t.Errorf("occupations: first %.3f, in five %.3f", first, five)
	}
	first, five = likely.of(n)
	fmt.Fprintf(&page, "| with the default thresholds | %d | %.3f | %.3f |\n", n, first, five)

	fmt.Fprintf(&page, "\nThe mistakes among the titles that were kept back:\n\n| title | belongs to | matched |\n|---|---|---|\n%s\n", strings.Join(mistakes, "\n"))
	showFigures(t, page.String())
}

// showFigures compares the figures with those of docs/matching.md, or writes
// them.
func showFigures(t *testing.T, figures string) {
	t.Helper()
	const path, begin, end = "../../docs/matching.md", "<!-- figures -->\n", "<!-- end of figures -->\n"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), begin)
	shown, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the figures", path)
	}
	figures = "\n" + figures + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+figures+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(shown, figures); diff != "" {
		t.Errorf("%s shows other figures; run go test ./internal/match -run TestSets -update\n%s", path, diff)
	}
}

// TestNoTitleOfTheSetsIsKnown holds that the figures are earned: no title of an
// occupation that is asked for stands in the embedded list.
func TestNoTitleOfTheSetsIsKnown(t *testing.T) {
	t.Parallel()
	personas, err := match.Occupations()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, p := range personas {
		for _, title := range append(p.Titles, p.Name) {
			known[title] = true
		}
	}
	for _, l := range readLabelled(t, "onet-dev.tsv") {
		if known[l.title] {
			t.Errorf("%q is in the embedded list", l.title)
		}
	}
	held := map[string]bool{}
	for _, l := range readLabelled(t, "buyers-held.tsv") {
		held[match.Fold(l.title)] = true
	}
	if len(held) < 200 {
		t.Errorf("only %d titles are kept back", len(held))
	}
}

func BenchmarkNewIndex(b *testing.B) {
	personas, err := match.Occupations()
	if err != nil {
		b.Fatal(err)
	}
	match.NewIndex(nil)
	for b.Loop() {
		match.NewIndex(personas)
	}
}

func BenchmarkMatch12(b *testing.B) { benchmarkMatch(b, demo(b), "buyers-dev.tsv") }

func BenchmarkMatch1016(b *testing.B) {
	personas, err := match.Occupations()
	if err != nil {
		b.Fatal(err)
	}
	benchmarkMatch(b, match.NewIndex(personas), "onet-dev.tsv")
}

func benchmarkMatch(b *testing.B, index *match.Index, file string) {
	b.Helper()
	titles := readLabelled(b, file)
	i := 0
	for b.Loop() {
		index.Match(titles[i%len(titles)].title, 3, match.Auto)
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "titles/s")
}
