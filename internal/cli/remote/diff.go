package remote

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"personae.dev/apitype"
	"personae.dev/internal/cli/format"
)

const (
	// diffContext is how many lines that did not change are shown around one that
	// did.
	diffContext = 2
	// maxDiffed bounds the pairs of lines that are compared, for each of which
	// there is a number in memory: beyond it a field is shown as replaced.
	maxDiffed = 4 << 20
)

// writeDiff shows the fields that changed, as lines of YAML that went and came.
func writeDiff(w io.Writer, changes []apitype.Change) error {
	for _, change := range changes {
		before, err := fieldLines(change.Field, change.Before)
		if err != nil {
			return err
		}
		after, err := fieldLines(change.Field, change.After)
		if err != nil {
			return err
		}
		lines := diffLines(before, after)
		skipped := false
		for i, line := range lines {
			// The first names the field, where the value has lines of its own.
			near := slices.ContainsFunc(lines[max(i-diffContext, 0):min(i+diffContext+1, len(lines))], func(l string) bool { return l[0] != ' ' })
			if i > 0 && !near {
				skipped = true
				continue
			}
			if skipped {
				fmt.Fprintln(w, "  …")
				skipped = false
			}
			fmt.Fprintln(w, line)
		}
		if skipped {
			fmt.Fprintln(w, "  …")
		}
	}
	return nil
}

// fieldLines is "field: value" as YAML, no line where there is no value.
func fieldLines(field string, value json.RawMessage) ([]string, error) {
	if len(value) == 0 || bytes.Equal(value, []byte("null")) {
		return nil, nil
	}
	b, err := format.YAML(map[string]json.RawMessage{field: value})
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
	// common[i][j] is how long that of before[i:] and after[j:] is.
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
