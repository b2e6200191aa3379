package remote

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"personae.dev/internal/cli/format"
	"personae.dev/internal/files"
)

const (
	// diffContext is how many unchanged lines are shown around a changed one.
	diffContext = 2
	// maxDiffed bounds the pairs of lines that are compared, each of which takes a
	// number in memory: a larger field is shown as replaced.
	maxDiffed = 4 << 20
)

// writeDiff shows the fields that changed, as removed and added lines of YAML.
func writeDiff(w io.Writer, changes []fieldChange) error {
	for _, change := range changes {
		before, err := fieldLines(change.field, change.before)
		if err != nil {
			return err
		}
		after, err := fieldLines(change.field, change.after)
		if err != nil {
			return err
		}
		lines := diffLines(before, after)
		skipped := false
		for i, line := range lines {
			// The first line names the field, if the value has lines of its own.
			near := slices.ContainsFunc(lines[max(i-diffContext, 0):min(i+diffContext+1, len(lines))], func(l string) bool { return l[0] != ' ' })
			if i > 0 && !near {
				skipped = true
				continue
			}
			if skipped {
				fmt.Fprintln(w, "  …")
				skipped = false
			}
			fmt.Fprintln(w, format.Coloured(w, line))
		}
		if skipped {
			fmt.Fprintln(w, "  …")
		}
	}
	return nil
}

// fieldLines returns "field: value" as lines of YAML, none where there is no value.
func fieldLines(field string, value json.RawMessage) ([]string, error) {
	if len(value) == 0 || bytes.Equal(value, []byte("null")) {
		return nil, nil
	}
	b, err := files.YAML(map[string]json.RawMessage{field: value})
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n"), nil
}

// diffLines marks with "- " what is only before, with "+ " what is only after,
// and with "  " what is in both, by their longest common subsequence.
func diffLines(before, after []string) []string {
	var lines []string
	add := func(mark string, more ...string) {
		for _, line := range more {
			lines = append(lines, mark+line)
		}
	}
	if len(before)*len(after) > maxDiffed {
		add("- ", before...)
		add("+ ", after...)
		return lines
	}
	// common[i][j] is its length for before[i:] and after[j:].
	common := make([][]int32, len(before)+1)
	for i := range common {
		common[i] = make([]int32, len(after)+1)
	}
	for i := len(before) - 1; i >= 0; i-- {
		for j := len(after) - 1; j >= 0; j-- {
			if before[i] == after[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(before) && j < len(after) {
		switch {
		case before[i] == after[j]:
			add("  ", before[i])
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			add("- ", before[i])
			i++
		default:
			add("+ ", after[j])
			j++
		}
	}
	add("- ", before[i:]...)
	add("+ ", after[j:]...)
	return lines
}
