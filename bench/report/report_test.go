package report

import (
	"bytes"
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
		},
		Series: []Series{
			{Name: "bare", PerSecond: []float64{1000, 2000}, P50: []float64{1, 1}, P99: []float64{2, 2}, Server: []float64{1, 1}, Generator: []float64{0.5, 0.5}},
			{Name: "ours", PerSecond: []float64{500, 1000}, P50: []float64{1, 1}, P99: []float64{2, 2}, Server: []float64{1, 1}, Generator: []float64{0.5, 0.5}},
		},
	}, []string{Throughput, Size, Latency})
	return f
}

func TestAims(t *testing.T) {
	t.Parallel()
	want := "| measure | aim | reached | min | max | |\n|---|---|---|---|---|---|\n" +
		"| get | ≥ 0.90 × | 0.95 × | 0.80 | 1.00 | met |\n" +
		"| p99 | ≤ 2.00 ms | 3.00 ms | 3.00 | 3.00 | **not met** |\n" +
		"| more |  | 12,345 | 12,345 | 12,345 |  |\n"
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
	if err != nil || !strings.Contains(string(page), "| ours | 750 | 500 | 1,000 | 0.50 |") {
		t.Errorf("%v in\n%s", err, page)
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
