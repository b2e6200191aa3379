//go:build linux

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestLoad shows that a load reads answers of either form, and finds wrong ones.
func TestLoad(t *testing.T) {
	t.Parallel()
	handler := http.NewServeMux()
	handler.HandleFunc("GET /length", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "whole") })
	handler.HandleFunc("GET /chunks", func(w http.ResponseWriter, _ *http.Request) {
		for range 3 {
			fmt.Fprint(w, strings.Repeat("x", 5000))
			_ = http.NewResponseController(w).Flush()
		}
	})
	handler.HandleFunc("GET /empty", func(http.ResponseWriter, *http.Request) {})
	listening := httptest.NewServer(handler)
	t.Cleanup(listening.Close)
	s := &server{address: listening.Listener.Addr().String()}
	for name, test := range map[string]struct {
		path, wrong string
		length      int
	}{
		"Length":      {path: "/length", length: 5},
		"Chunks":      {path: "/chunks", length: 15000},
		"Empty":       {path: "/empty"},
		"NotThere":    {path: "/other", wrong: "404 Not Found"},
		"WrongAnswer": {path: "/length", length: 4, wrong: "5 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check := func(_ uint64, body []byte) error {
				if len(body) != test.length {
					return fmt.Errorf("%d bytes", len(body))
				}
				return nil
			}
			target := inTurn(name, s, check, "GET "+test.path+head(s.address, ""))
			r, err := target.load(t.Context(), 3, 50*time.Millisecond)
			if test.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), test.wrong) {
					t.Errorf("got %v, want %q", err, test.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.perSecond == 0 || uint64(len(r.took)) != target.next.Load() || r.quantile(1) < r.quantile(.5) {
				t.Errorf("%.0f/s, %d times of %d requests", r.perSecond, len(r.took), target.next.Load())
			}
		})
	}
}

// TestLines shows that repeated personas have ids of their own.
func TestLines(t *testing.T) {
	t.Parallel()
	l, err := readLines("../examples/onet/personas.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "personas.jsonl")
	personas := 2*l.count() + 1
	if err := l.write(path, personas); err != nil {
		t.Fatal(err)
	}
	again, err := readLines(path)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for n, oID := range again.oIDs {
		if seen[oID] || oID != string(l.appendID(nil, n)) {
			t.Fatalf("line %d has the id %s, want %s", n+1, oID, l.appendID(nil, n))
		}
		seen[oID] = true
	}
	if len(seen) != personas {
		t.Errorf("%d ids, want %d", len(seen), personas)
	}
}

// TestDraw shows that all numbers are drawn.
func TestDraw(t *testing.T) {
	t.Parallel()
	var times [10]int
	for n := range uint64(10_000) {
		times[draw(n, len(times))]++
	}
	for i, drawn := range times {
		if drawn < 900 || drawn > 1100 {
			t.Errorf("%d was drawn %d times", i, drawn)
		}
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	r := report{
		head: "Version v1.",
		rows: []row{
			{what: "a", unit: "×", atLeast: 0.55, values: []float64{0.7, 0.5, 0.6}},
			{what: "b", unit: "ms", atMost: 5, values: []float64{4, 7}},
			{what: "c", unit: "/s", values: []float64{1234567}},
		},
		failed: []string{"d: e"},
	}
	got := r.markdown()
	for _, want := range []string{
		"Version v1.",
		"| a | ≥ 0.55 × | 0.60 × | 0.50 | 0.70 | met |",
		"| b | ≤ 5.00 ms | 5.50 ms | 4.00 | 7.00 | **missed** |",
		"| c |  | 1,234,567 /s | 1,234,567 | 1,234,567 |  |",
		"Failed: d: e",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in:\n%s", strconv.Quote(want), got)
		}
	}
}
