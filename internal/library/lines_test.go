package library

import (
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestReadLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"one on each line":           {"{\"a\":1}\n\n  {\"b\":2} \r\n{\"c\":3}", []string{`1 {"a":1}`, `3 {"b":2}`, `4 {"c":3}`}},
		"nothing":                    {"\n \n", nil},
		"a mark at the beginning":    {"\ufeff{\"a\":1}\n", []string{`1 {"a":1}`}},
		"what is no JSON is decoded": {"{\"a\":1}\nnonsense\n{", []string{`1 {"a":1}`, `2 nonsense`, `3 {`}},
		"indented":                   {"\n{\n \"a\": 1\n}\n\n{\n}", []string{"2 {\n \"a\": 1\n}", "6 {\n}"}},
		"an indented list":           {"[\n {},\n {}\n]\n", []string{"1 [\n {},\n {}\n]"}},
		"indented, and then not":     {"{\n}\nx", []string{"1 {\n}", "2 ! body: is not valid JSON: …"}},
		"indented, and cut":          {"{\n \"a\": 1", []string{"1 ! body: is not valid JSON: …"}},
		"indented, with a comma":     {"{\n},\n{\n}", []string{"1 {\n}", "2 ! body: is not valid JSON: …"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for line, err := range ReadLines(strings.NewReader(c.text)) {
				if err != nil {
					t.Fatal(err)
				}
				text := fmt.Sprintf("%d %s", line.Number, line.Value)
				for _, f := range line.Errors {
					head, _, _ := strings.Cut(f.Message, ":")
					text += "! " + f.Path + ": " + head + ": …"
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	t.Run("an error of the reader ends it", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{"{\"a\":1}\n{\"b\":", "{\n"} {
			var last error
			for _, err := range ReadLines(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(text)))) {
				last = err
			}
			if last == nil {
				t.Errorf("%q: no error", text)
			}
		}
	})
}
