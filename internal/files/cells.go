package files

import (
	"slices"
	"strconv"
	"strings"
)

// Separator is what separates cells: comma, semicolon or tab, whichever the first
// line of a table has most of.
func Separator(head string) rune {
	best := ','
	for _, comma := range []rune{';', '\t'} {
		if strings.Count(head, string(comma)) > strings.Count(head, string(best)) {
			best = comma
		}
	}
	return best
}

// Harmless puts an apostrophe before cells that a spreadsheet would take for
// formulas, and leaves numbers.
func Harmless(row []string) []string {
	safe := slices.Clone(row)
	for i, cell := range safe {
		if _, err := strconv.ParseFloat(cell, 64); err != nil && cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			safe[i] = "'" + cell
		}
	}
	return safe
}
