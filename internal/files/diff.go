package files

import (
	"strconv"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// Part is an item of two lists: Op is "" where both have it, "-" only before, "+"
// only after.
type Part struct{ Op, Text string }

// Diff finds the fewest differences of two lists: each text is a number on a line
// of its own.
func Diff(before, after []string) []Part {
	numbers := map[string]int{}
	encode := func(list []string) string {
		var b strings.Builder
		for _, text := range list {
			if _, ok := numbers[text]; !ok {
				numbers[text] = len(numbers)
			}
			b.WriteString(strconv.Itoa(numbers[text]) + "\n")
		}
		return b.String()
	}
	a, b := encode(before), encode(after)
	var parts []Part
	add := func(op, coded string, list []string) []string {
		n := strings.Count(coded, "\n")
		for _, text := range list[:n] {
			parts = append(parts, Part{op, text})
		}
		return list[n:]
	}
	at := 0
	for _, e := range udiff.Lines(a, b) {
		same := strings.Count(a[at:e.Start], "\n")
		before, after = add("", a[at:e.Start], before), after[same:]
		before = add("-", a[e.Start:e.End], before)
		after = add("+", e.New, after)
		at = e.End
	}
	add("", a[at:], before)
	return parts
}
