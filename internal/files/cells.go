package files

import (
	"slices"
	"strconv"
	"strings"
)

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
