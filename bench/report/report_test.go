package report

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func measured() *File {
	f := &File{}
	f.Put(Measure{
		ID: Size, Title: "Cost", Curves: []Curve{{Name: "cache off", Points: []Point{{X: 1000, PerSecond: 10}, {X: 10000, PerSecond: 9}}}},
	}, []string{Throughput, Size, Latency})
	f.Put(Measure{
		ID: Latency, Title: "Latency", Curves: []Curve{{Name: "ours", Points: []Point{{X: 100, P50: 1, P99: 2}, {X: 200, P50: 1, P99: 4}}}},
	}, []string{Throughput, Size, Latency})
	f.Put(Measure{
		ID: Throughput, Title: "Get", At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Version: "v1", Machine: "a machine",
		Rows: []Row{
			{What: "get", Unit: "×", AtLeast: 0.9, Values: []float64{0.8, 1, 0.95}},
			{What: "p99", Unit: "ms", AtMost: 2, Values: []float64{3}},
			{What: "more", Values: []float64{12345}},
			{What: "peer", Unit: "×", AtLeast: 9, Missing: "no a|b\nhere"},
		},
		Series: []Series{
			{Name: "bare", PerSecond: []float64{1000, 2000}, P50: []float64{1, 1}, P99: []float64{2, 2}, Server: []float64{1, 1}, Generator: []float64{0.5, 0.5}},
			{Name: "ours", PerSecond: []float64{500, 1000}, P50: []float64{1, 1}, P99: []float64{2, 2}, Server: []float64{1, 1}, Generator: []float64{0.5, 0.5}},
			{Name: "half", Rate: 250, Bytes: 2048.4, PerSecond: []float64{250, 250}, P50: []float64{1, 1}, P99: []float64{2, 2}, Server: []float64{1, 1}, Generator: []float64{0.5, 0.5}},
		},
	}, []string{Throughput, Size, Latency})
	return f
}

func TestAims(t *testing.T) {
	t.Parallel()
	want := "| measure | aim | reached | min | max | |\n|---|---|---|---|---|---|\n" +
		"| get | ≥ 0.90 × | 0.95 × | 0.80 | 1.00 | met |\n" +
		"| p99 | ≤ 2.00 ms | 3.00 ms | 3.00 | 3.00 | **not met** |\n" +
		"| more |  | 12,345 | 12,345 | 12,345 |  |\n" +
		"| peer | ≥ 9.00 × | not measured: no a/b | | | **not met** |\n"
	if got := measured().Aims(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSave(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	f := measured()
	if err := f.Save(folder); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"get.svg", "latency.svg", "size.svg"} {
		if text, err := os.ReadFile(filepath.Join(folder, name)); err != nil || !bytes.Contains(text, []byte("<svg")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	page, err := os.ReadFile(filepath.Join(folder, "README.md"))
	for _, line := range []string{"| ours | 750 | 500 | 1,000 | 0.50 |", "| half | 250 | 250 | 250 |  | 1.00 | 2.00 | 2,048 |"} {
		if err != nil || !strings.Contains(string(page), line) {
			t.Errorf("%v: no %q in\n%s", err, line, page)
		}
	}
	again, err := Load(filepath.Join(folder, "results.json"))
	if err != nil || again.Aims() != f.Aims() {
		t.Errorf("read again: %v", err)
	}
	// A measure takes the place of its last time.
	again.Put(Measure{ID: Throughput}, []string{Throughput, Size, Latency})
	if len(again.Measures) != 3 || again.Measures[0].ID != Throughput {
		t.Errorf("got %d measures", len(again.Measures))
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, m := range measured().Measures {
		if err := m.Check(); err != nil {
			t.Errorf("%s: %v", m.ID, err)
		}
	}
	one := []float64{1}
	for name, m := range map[string]Measure{
		"NoValues":  {Rows: []Row{{What: "get"}}},
		"NaN":       {Rows: []Row{{What: "get", Values: []float64{1, math.NaN()}}}},
		"Infinite":  {Rows: []Row{{What: "get", Values: Over(one, []float64{0})}}},
		"NoAnswers": {Series: []Series{{PerSecond: []float64{0}, P50: one, P99: one, Server: one, Generator: one}}},
		"NoRounds":  {Series: []Series{{}}},
		"Curve":     {Curves: []Curve{{Points: []Point{{X: math.Inf(1)}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := m.Check(); err == nil {
				t.Error("got no error")
			}
		})
	}
}

func TestInsert(t *testing.T) {
	t.Parallel()
	page := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(page, []byte("before\n"+markBegin+"old\n"+markEnd+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := measured()
	for range 2 {
		if err := f.Insert(page, filepath.Join(filepath.Dir(page), "results")); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(page); err != nil || string(text) != "before\n"+f.section("results")+"after\n" {
		t.Errorf("%v in\n%s", err, text)
	}
}

// TestInsertRelative: the page is named as from here, and the folder as from the root.
func TestInsertRelative(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	if err := os.WriteFile("page.md", []byte(markBegin+markEnd), 0o600); err != nil {
		t.Fatal(err)
	}
	f := measured()
	if err := f.Insert("page.md", filepath.Join(folder, "results")); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile("page.md"); err != nil || string(text) != f.section("results") {
		t.Errorf("%v in\n%s", err, text)
	}
}

// TestReadme shows that the README has the table of the results.
func TestReadme(t *testing.T) {
	t.Parallel()
	f, err := Load("../results/results.json")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), f.section("bench/results")) {
		t.Error("README.md has another table than bench/results: run `bin/bench -report -readme README.md`")
	}
}
