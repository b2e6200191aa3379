package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"personae.dev/apitype"
)

// listing is the flag of every command that lists.
type listing struct {
	JSON bool `name:"json" help:"Write JSON instead of a table."`
}

// show writes entries as JSON, or rows as a table; the first row is its head.
func (l listing) show(w io.Writer, entries any, rows [][]string) error {
	if l.JSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(entries)
	}
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = oneLine(cell)
		}
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

// oneLine makes a name that somebody chose fit into a cell.
func oneLine(cell string) string {
	if cell == "" {
		return "-"
	}
	return strings.Join(strings.Fields(cell), " ")
}

func jsonTime(t *time.Time) *apitype.Time {
	if t == nil {
		return nil
	}
	wire := apitype.NewTime(*t)
	return &wire
}

// showTime is "" for no time.
func showTime(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
