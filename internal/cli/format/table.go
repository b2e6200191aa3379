package format

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"personae.dev/apitype"
)

// Listing is the flag of every command that lists what the database has.
type Listing struct {
	JSON bool `name:"json" help:"Write JSON instead of a table."`
}

// Show writes entries as JSON, or rows as a table.
func (l Listing) Show(w io.Writer, entries any, rows [][]string) error {
	if l.JSON {
		return writeJSON(w, entries)
	}
	return Table(w, rows)
}

// Output is the flag of every command that shows what a server answered.
type Output struct {
	Output string `short:"o" default:"table" enum:"table,json,yaml" placeholder:"FORMAT" help:"What to write: table, json or yaml. Default: ${default}."`
}

// IsTable tells whether a table, or other text for a person, is wanted.
func (o Output) IsTable() bool { return o.Output == "table" }

// Show writes a value as JSON or YAML, or calls table.
func (o Output) Show(w io.Writer, value any, table func(io.Writer) error) error {
	switch o.Output {
	case "json":
		return writeJSON(w, value)
	case "yaml":
		text, err := YAML(value)
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	}
	return table(w)
}

func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// Table writes rows as a table; the first is its header.
func Table(w io.Writer, rows [][]string) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = oneLine(cell)
		}
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

// oneLine makes any text fit into a cell.
func oneLine(cell string) string {
	if cell == "" {
		return "-"
	}
	return strings.Join(strings.Fields(cell), " ")
}

// JSONTime is nil for no time.
func JSONTime(t *time.Time) *apitype.Time {
	if t == nil {
		return nil
	}
	wire := apitype.NewTime(*t)
	return &wire
}

// Time is "" for no time.
func Time(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
