package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Save writes results.json, README.md and the plots into a folder.
func (f *File) Save(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "results.json"), append(text, '\n'), 0o644); err != nil {
		return err
	}
	for _, m := range f.Measures {
		if err := m.plot(folder); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(folder, "README.md"), []byte(f.page()), 0o644)
}

// Aims is the table of all rows, those without an aim too.
func (f *File) Aims() string {
	var w strings.Builder
	w.WriteString("| measure | aim | reached | min | max | |\n|---|---|---|---|---|---|\n")
	for _, m := range f.Measures {
		for _, r := range m.Rows {
			if r.Missing != "" {
				fmt.Fprintf(&w, "| %s | %s | not measured: %s | | | %s |\n", r.What, r.aim(), cell(r.Missing), r.verdict())
				continue
			}
			fmt.Fprintf(&w, "| %s | %s | %s | %s | %s | %s |\n", r.What, r.aim(), with(Median(r.Values), r.Unit),
				number(slices.Min(r.Values)), number(slices.Max(r.Values)), r.verdict())
		}
	}
	return w.String()
}

// cell makes a text one of a table: a line, not too long.
func cell(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if runes := []rune(text); len(runes) > 120 {
		text = string(runes[:120]) + "…"
	}
	return strings.ReplaceAll(text, "|", "/")
}

func (r Row) aim() string {
	switch {
	case r.AtLeast != 0:
		return "≥ " + with(r.AtLeast, r.Unit)
	case r.AtMost != 0:
		return "≤ " + with(r.AtMost, r.Unit)
	}
	return ""
}

func (r Row) verdict() string {
	switch {
	case r.AtLeast == 0 && r.AtMost == 0:
		return ""
	case r.Met():
		return "met"
	}
	return "**not met**"
}

func (f *File) page() string {
	var w strings.Builder
	w.WriteString("# Results\n\nWritten by `make bench`. [docs/benchmarks.md](../../docs/benchmarks.md) says what each row means and how it is measured.\n" +
		"*Reached* is the median of the rounds; *×* is a ratio of two that were loaded in turn, round by round.\n\n")
	w.WriteString(f.Aims() + f.images(""))
	for _, m := range f.Measures {
		fmt.Fprintf(&w, "\n## %s\n`%s`, %s, version %s, on %s%s\n", m.Title, m.ID, m.At.UTC().Format("2006-01-02 15:04"), m.Version, m.Machine, quick(m.Quick))
		for _, note := range m.Notes {
			fmt.Fprintf(&w, "\n- %s", note)
		}
		if len(m.Notes) > 0 {
			w.WriteString("\n")
		}
		m.table(&w)
	}
	return w.String()
}

func quick(yes bool) string {
	if yes {
		return "; **quick: less data and time than the aims ask for**"
	}
	return ""
}

// table is that of the series, each beside the first.
func (m Measure) table(w *strings.Builder) {
	if len(m.Series) == 0 {
		return
	}
	w.WriteString("\n| | requests/s, median | min | max | × the first | p50 ms | p99 ms | bytes of a body | server's core | µs of it a request | generator's core |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, s := range m.Series {
		name := s.Name
		if s.Refused > 0 {
			name += fmt.Sprintf(" (%s refused)", Whole(int(s.Refused)))
		}
		first := ""
		if s.Rate == 0 { // a rate that was asked for is no result
			first = number(Median(Over(s.PerSecond, m.Series[0].PerSecond)))
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s | %.0f %% | %s | %.0f %% |\n", name,
			number(Median(s.PerSecond)), number(slices.Min(s.PerSecond)), number(slices.Max(s.PerSecond)),
			first, number(Median(s.P50)), number(Median(s.P99)), Whole(int(s.Bytes)),
			100*Median(s.Server), number(1e6*Median(Over(s.Server, s.PerSecond))), 100*Median(s.Generator))
	}
}

// with is a value with its unit.
func with(value float64, unit string) string {
	if unit == "×" {
		return number(value) + " ×"
	}
	return strings.TrimSpace(number(value) + " " + unit)
}

// number has about three digits.
func number(value float64) string {
	switch {
	case value >= 1000:
		return Whole(int(math.Round(value)))
	case value >= 100:
		return fmt.Sprintf("%.0f", value)
	case value >= 10:
		return fmt.Sprintf("%.1f", value)
	case value >= 0.1 || value == 0:
		return fmt.Sprintf("%.2f", value)
	}
	return fmt.Sprintf("%.4f", value)
}

// Whole is a number with its digits in threes.
func Whole(value int) string {
	text := strconv.Itoa(value)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// Markers stand around what Insert replaces in a page.
const (
	markBegin = "<!-- make bench writes from here -->\n"
	markEnd   = "<!-- to here -->\n"
)

// Insert puts the table of aims into a page, between the markers, and the plots
// of a folder.
func (f *File) Insert(page, folder string) error {
	from, err := filepath.Abs(filepath.Dir(page))
	if err != nil {
		return err
	}
	if folder, err = filepath.Abs(folder); err != nil { // either may be relative
		return err
	}
	to, err := filepath.Rel(from, folder)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, began := bytes.Cut(text, []byte(markBegin))
	_, after, ended := bytes.Cut(rest, []byte(markEnd))
	if !began || !ended {
		return fmt.Errorf("report: %s has no lines %q and %q", page, markBegin, markEnd)
	}
	return os.WriteFile(page, slices.Concat(before, []byte(f.section(filepath.ToSlash(to))), after), 0o644)
}

// section is what Insert puts into a page, with the markers.
func (f *File) section(folder string) string {
	return markBegin + f.Aims() + f.images(folder+"/") + markEnd
}

// images shows the plots.
func (f *File) images(prefix string) string {
	var w strings.Builder
	for _, m := range f.Measures {
		if m.drawn() != nil {
			fmt.Fprintf(&w, "\n![%s](%s%s)\n", m.Title, prefix, m.plotName())
		}
	}
	return w.String()
}
