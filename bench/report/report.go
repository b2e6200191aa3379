// Package report keeps what was measured, and shows it as a table and as plots.
// It measures nothing, and judges by the aims that it is given.
package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"time"
)

// File is all that was measured, each measure at its last time.
type File struct {
	Measures []Measure `json:"measures"`
}

// Measure is what was measured together, in turn.
type Measure struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Notes say what a reader must know to judge the figures.
	Notes   []string  `json:"notes,omitempty"`
	At      time.Time `json:"at"`
	Version string    `json:"version"`
	Machine string    `json:"machine"`
	// Quick tells that it was done with less data in less time.
	Quick  bool     `json:"quick,omitempty"`
	Rows   []Row    `json:"rows"`
	Series []Series `json:"series,omitempty"`
	Curves []Curve  `json:"curves,omitempty"`
}

// Row is a line of the table: one value for each round, and its aim.
type Row struct {
	What string `json:"what"`
	Unit string `json:"unit,omitempty"`
	// AtLeast or AtMost is the aim; neither is a row for information.
	AtLeast float64   `json:"atLeast,omitempty"`
	AtMost  float64   `json:"atMost,omitempty"`
	Values  []float64 `json:"values"`
	// Missing says why it was not measured, and has no values.
	Missing string `json:"missing,omitempty"`
}

// Met tells whether the median has reached the aim, which what was not measured
// has not.
func (r Row) Met() bool {
	if r.Missing != "" {
		return false
	}
	value := Median(r.Values)
	return (r.AtLeast == 0 || value >= r.AtLeast) && (r.AtMost == 0 || value <= r.AtMost)
}

// Series is one contender's load, a value for each round.
type Series struct {
	Name string `json:"name"`
	// Rate is what was asked for; 0 is as much as can be.
	Rate float64 `json:"rate,omitempty"`
	// Refused is how many requests were answered 503, in all rounds.
	Refused uint64 `json:"refused,omitempty"`
	// Bytes is how long the bodies of answers were, on average.
	Bytes     float64   `json:"bytes,omitempty"`
	PerSecond []float64 `json:"perSecond"`
	P50       []float64 `json:"p50ms"`
	P99       []float64 `json:"p99ms"`
	// Server and Generator are how much they used of a core.
	Server    []float64 `json:"serverCores"`
	Generator []float64 `json:"generatorCores"`
}

// Curve is a contender's line in a plot.
type Curve struct {
	Name   string  `json:"name"`
	Points []Point `json:"points"`
}

// Point has what was measured at an X: times at a rate, or rates at a size.
type Point struct {
	X         float64 `json:"x"`
	PerSecond float64 `json:"perSecond,omitempty"`
	P50       float64 `json:"p50ms,omitempty"`
	P99       float64 `json:"p99ms,omitempty"`
}

// Check tells what of a measure cannot be shown: no values, or one that is no
// number.
func (m Measure) Check() error {
	for _, r := range m.Rows {
		if r.Missing == "" && !finite(r.Values) {
			return fmt.Errorf("report: %s: the values are %v", r.What, r.Values)
		}
	}
	for _, s := range m.Series {
		for _, values := range [][]float64{s.PerSecond, s.P50, s.P99, s.Server, s.Generator, {s.Rate, s.Bytes}} {
			if !finite(values) {
				return fmt.Errorf("report: %s: the values are %v", s.Name, values)
			}
		}
		if slices.Min(s.PerSecond) == 0 {
			return fmt.Errorf("report: %s: a round without an answer", s.Name)
		}
	}
	for _, c := range m.Curves {
		for _, p := range c.Points {
			if !finite([]float64{p.X, p.PerSecond, p.P50, p.P99}) {
				return fmt.Errorf("report: %s: the values are %v", c.Name, p)
			}
		}
	}
	return nil
}

// finite tells whether there are values and all are numbers.
func finite(values []float64) bool {
	return len(values) > 0 && !slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

// Load reads a file; one that is not there is empty.
func Load(path string) (*File, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &File{}, nil
	}
	if err != nil {
		return nil, err
	}
	f := &File{}
	return f, json.Unmarshal(text, f)
}

// Put adds a measure, or puts it in the place of its last time; order is that
// of all measures.
func (f *File) Put(m Measure, order []string) {
	f.Measures = slices.DeleteFunc(f.Measures, func(other Measure) bool { return other.ID == m.ID })
	f.Measures = append(f.Measures, m)
	slices.SortStableFunc(f.Measures, func(a, b Measure) int {
		return slices.Index(order, a.ID) - slices.Index(order, b.ID)
	})
}

// Median returns the middle one of values, which are some.
func Median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// Over divides the values of rounds.
func Over(a, b []float64) []float64 {
	ratios := make([]float64, min(len(a), len(b)))
	for i := range ratios {
		ratios[i] = a[i] / b[i]
	}
	return ratios
}
