package remote

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"personae.dev/internal/cli/format"
	"personae.dev/internal/files"
)

// diffContext is how many unchanged lines are shown around a changed one.
const diffContext = 2

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
// and with "  " what is in both.
func diffLines(before, after []string) (lines []string) {
	for _, part := range files.Diff(before, after) {
		lines = append(lines, cmp.Or(part.Op, " ")+" "+part.Text)
	}
	return lines
}
