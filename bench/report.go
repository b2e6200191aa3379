//go:build linux

package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// report is the table that a run writes.
type report struct {
	head       string
	rows       []row
	contenders []*contender // what the ratios are made of
	failed     []string
}

// row is one figure with its rounds.
type row struct {
	what, unit string
	// atLeast and atMost are the aim; 0 for none.
	atLeast, atMost float64
	values          []float64
}

func (r row) aim() string {
	switch {
	case r.atLeast > 0:
		return "≥ " + number(r.atLeast) + " " + r.unit
	case r.atMost > 0:
		return "≤ " + number(r.atMost) + " " + r.unit
	}
	return ""
}

// verdict compares the median with the aim.
func (r row) verdict() string {
	m := median(r.values)
	switch {
	case r.aim() == "":
		return ""
	case r.atLeast > 0 && m < r.atLeast, r.atMost > 0 && m > r.atMost:
		return "**missed**"
	}
	return "met"
}

func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Results\n\nWritten by `make bench`. %s\n\n", r.head)
	b.WriteString("Median of the rounds, with the lowest and the highest. A ratio (×) is of two that were loaded in turn, round by round.\n\n")
	b.WriteString("| measure | aim | median | lowest | highest | |\n|---|---|---|---|---|---|\n")
	for _, row := range r.rows {
		fmt.Fprintf(&b, "| %s | %s | %s %s | %s | %s | %s |\n", row.what, row.aim(),
			number(median(row.values)), row.unit, number(slices.Min(row.values)), number(slices.Max(row.values)), row.verdict())
	}
	if len(r.contenders) > 0 {
		b.WriteString("\n## Contenders\n\nMedians. The last column is processor time of the server alone, which other work on the machine changes less than the rate.\n\n")
		b.WriteString("| contender | answers | p50 | p99 | a request |\n|---|---|---|---|---|\n")
		for _, c := range r.contenders {
			fmt.Fprintf(&b, "| %s | %s /s | %s ms | %s ms | %s µs |\n", c.name, number(median(c.perSecond)), number(median(c.p50)), number(median(c.p99)), number(median(c.cpu)))
		}
	}
	for _, f := range r.failed {
		fmt.Fprintf(&b, "\nFailed: %s\n", f)
	}
	return b.String()
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return math.NaN()
	}
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

// number writes a figure with three digits that count, or as a whole number.
func number(f float64) string {
	switch {
	case math.Abs(f) >= 100:
		return thousands(int(math.Round(f)))
	case math.Abs(f) >= 10:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 2, 64)
}

// thousands writes 1016 as "1,016".
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// ratios divides two series round by round.
func ratios(a, b []float64) []float64 {
	quotients := make([]float64, len(a))
	for i := range a {
		quotients[i] = a[i] / b[i]
	}
	return quotients
}
