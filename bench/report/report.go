// Package report keeps what was measured, and shows it as a table and as plots.
// It measures nothing, and judges by the aims that it is given.
package report

import (
	"encoding/json"
	"errors"
	"io/fs"
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
}

// Met tells whether the median has reached the aim.
func (r Row) Met() bool {
	value := Median(r.Values)
	return (r.AtLeast == 0 || value >= r.AtLeast) && (r.AtMost == 0 || value <= r.AtMost)
}

// Series is one contender's load, a value for each round.
type Series struct {
	Name string `json:"name"`
	// Rate is what was asked for; 0 is as much as can be.
	Rate float64 `json:"rate,omitempty"`
	// Refused is how many requests were answered 503, in all rounds.
	Refused   uint64    `json:"refused,omitempty"`
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
