package format

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"personae.dev/apitype"
	"personae.dev/internal/files"
)

// Output is the flag of every command that shows what there is.
type Output struct {
	Output string `short:"o" default:"table" enum:"table,json,yaml" placeholder:"FORMAT" help:"What to write: table, json or yaml. Default: ${default}."`
}

// IsTable tells whether a table, or other text for a person, is wanted.
func (o Output) IsTable() bool { return o.Output == "table" }

// Show writes a value as JSON or YAML, or calls table.
func (o Output) Show(w io.Writer, value any, table func(io.Writer) error) error {
	switch o.Output {
	case "json":
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(value)
	case "yaml":
		text, err := files.YAML(value)
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	}
	return table(w)
}

// List is Show with the rows of a table.
func (o Output) List(w io.Writer, entries any, rows [][]string) error {
	return o.Show(w, entries, func(w io.Writer) error { return Table(w, rows) })
}

// Table writes rows as a table; the first is its header. On a terminal that is
// too narrow, the widest cells are cut, but never ids.
func Table(w io.Writer, rows [][]string) error {
	for _, row := range rows {
		for i, cell := range row {
			row[i] = oneLine(cell)
		}
	}
	return writeTable(w, fit(rows, width(w)))
}

// Details writes the names and values of one thing as a table. On a terminal long
// values go on in the next line.
func Details(w io.Writer, rows [][]string) error {
	for _, row := range rows {
		row[1] = oneLine(row[1])
	}
	return writeTable(w, wrap(rows, width(w)))
}

func writeTable(w io.Writer, rows [][]string) error {
	table := tabwriter.NewWriter(w, 0, 8, gap, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

const (
	// gap is the space between columns.
	gap = 2
	// minColumn is how narrow a column gets.
	minColumn = 12
)

// width returns how many characters a line may have, 0 for any number.
func width(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil { // it is not a terminal
		return 0
	}
	return columns
}

// fit cuts cells so that rows have a width.
func fit(rows [][]string, width int) [][]string {
	if width == 0 || len(rows) == 0 {
		return rows
	}
	columns := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			columns[i] = max(columns[i], utf8.RuneCountInString(cell))
		}
	}
	for over := total(columns) - width; over > 0; over = total(columns) - width {
		widest := -1
		for i, n := range columns {
			if n > minColumn && !isID(rows[0][i]) && (widest < 0 || n > columns[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		columns[widest]-- // by one, so that wide columns become equal
	}
	for _, row := range rows {
		for i, cell := range row {
			if text := []rune(cell); len(text) > columns[i] {
				row[i] = string(text[:columns[i]-1]) + "…"
			}
		}
	}
	return rows
}

func total(columns []int) int {
	sum := gap * (len(columns) - 1)
	for _, n := range columns {
		sum += n
	}
	return sum
}

// isID tells by its header whether a column has ids.
func isID(header string) bool {
	switch header {
	case "ID", "REVISION", "KEY", "WORKSPACE", "ORGANIZATION", "SHA-256":
		return true
	}
	return false
}

// wrap breaks values of two columns so that rows have a width.
func wrap(rows [][]string, width int) [][]string {
	names := 0
	for _, row := range rows {
		names = max(names, utf8.RuneCountInString(row[0]))
	}
	room := width - names - gap
	if width == 0 || room < minColumn {
		return rows
	}
	var wrapped [][]string
	for _, row := range rows {
		name, line := row[0], ""
		for word := range strings.FieldsSeq(row[1]) {
			if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > room {
				wrapped = append(wrapped, []string{name, line})
				name, line = " ", "  " // indented, to tell it from the next value
			} else if strings.TrimSpace(line) != "" {
				line += " "
			}
			line += word
		}
		wrapped = append(wrapped, []string{name, line})
	}
	return wrapped
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
