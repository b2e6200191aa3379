package files

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestYAMLKeepsTexts shows that every text comes back from YAML unchanged.
func TestYAMLKeepsTexts(t *testing.T) {
	t.Parallel()
	texts := []string{
		"", " ", "plain", "yes", "No", "on", "null", "~", "true", "0123", "1e3", "0x1F", "-", "- a", "a: b", "#", "a #b", "{}", "[", "*a", "&a", "!b", "|", ">",
		"2026-01-01", "2026-01-01T00:00:00Z", "a\nb", "a\n", "\n", " a\n b", "a\n\n\nb\n\n", "\ttab", "a\r\nb", "a ", "'", `"`, `\`, "\\n",
		"Ingénieur", "🚀", "a 🚀\nb 👩‍💻\n", "\uE000🚀\uE001", "\u2028", "\u0085", "\uFEFFx", "<<", "=", strings.Repeat("long words ", 50), "?", "? a", ".nan", "---", "...",
	}
	for _, want := range texts {
		text, err := YAML(map[string]any{"value": want, "list": []string{want}, want + "k": 1})
		if err != nil {
			t.Errorf("%q: %v", want, err)
			continue
		}
		b, err := JSON(text)
		if err != nil {
			t.Errorf("%q: %v:\n%s", want, err, text)
			continue
		}
		var got struct {
			Value string
			List  []string
		}
		if err := json.Unmarshal(b, &got); err != nil || got.Value != want || len(got.List) != 1 || got.List[0] != want {
			t.Errorf("%q came back as %+v, %v:\n%s", want, got, err, text)
		}
	}
}

// TestYAMLKeepsAnyText is the same for texts that are made up.
func TestYAMLKeepsAnyText(t *testing.T) {
	t.Parallel()
	runes := rapid.SampledFrom([]rune("ab \t\n\r#:-?[]{}!&*|>'\"%@\\`,~\u0085\u00a0\u2028\u2029\ufeff\ufffe\uffff\x01\x7f\u009f🚀\uE000"))
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.StringOfN(runes, 0, 12, -1).Draw(t, "text")
		text, err := YAML(map[string]any{"nested": map[string]any{"value": want}})
		if err != nil {
			t.Fatal(err)
		}
		b, err := JSON(text)
		if err != nil {
			t.Fatalf("%v:\n%s", err, text)
		}
		var got struct{ Nested struct{ Value string } }
		if err := json.Unmarshal(b, &got); err != nil || got.Nested.Value != want {
			t.Fatalf("%q came back as %q, %v:\n%s", want, got.Nested.Value, err, text)
		}
	})
}

func TestYAML(t *testing.T) {
	t.Parallel()
	const want = `z: 1
a:
  - 1.5
  - null
  - true
empty: {}
none: []
text: |
  Rocket 🚀
  and more
"yes": "yes"
`
	got, err := YAML(json.RawMessage(`{"z":1,"a":[1.5,null,true],"empty":{},"none":[],"text":"Rocket 🚀\nand more\n","yes":"yes"}`))
	if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       string // JSON, or a part of the error
	}{
		{"JSON", `{"a": "\ud83d\ude80"}`, `{"a": "\ud83d\ude80"}`},
		{"Order", "b: 1\na: 2", `{"b":1,"a":2}`},
		{"Scalars", "[a, 'b', 1, 0x10, 1.5, true, null, ~, '', 2026-01-01, yes]", `["a","b",1,16,1.5,true,null,null,"","2026-01-01","yes"]`},
		{"NotANumber", "[.nan, .inf]", `[".nan",".inf"]`},
		{"NoValue", "a:", `{"a":null}`},
		{"KeyTwice", "a: 1\na: 2", `{"a":1,"a":2}`},
		{"NumberAsKey", "1: a", `{"1":"a"}`},
		{"Comment", "# c\na: 1 # d", `{"a":1}`},
		{"Tag", "a: !!str 1", `{"a":"1"}`},
		{"Deep", strings.Repeat("[", 50) + strings.Repeat("]", 50), strings.Repeat("[", 50) + strings.Repeat("]", 50)},
		{"Empty", "", "is empty"},
		{"OnlyComment", "# c\n", "is empty"},
		{"TwoDocuments", "a: 1\n---\nb: 2", "has more than one document"},
		{"Alias", "a: &x [1]\nb: *x", "has an alias in line 2"},
		{"Merge", "a: &x {c: 1}\nb:\n  <<: *x", "has a key in line 3 that is not a text"},
		{"KeyThatIsAList", "? [a]\n: b", "has a key in line 1 that is not a text"},
		{"Nonsense", "a: [", "is neither YAML nor JSON"},
		{"Tabs", "a:\n\t- b", "is neither YAML nor JSON"},
		{"NotUTF8", "a: \xff", "is neither YAML nor JSON"},
		{"WrongTag", "a: !!int b", "has a value in line 1 that cannot be read"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := JSON([]byte(test.text))
			switch {
			case err != nil && !strings.Contains(err.Error(), test.want):
				t.Errorf("the error is %v, want %q", err, test.want)
			case err == nil && string(got) != test.want:
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

// TestJSONErrorLine shows that an error names the line in which a person looks for
// it: its own, or the one where the list or the object around it begins.
func TestJSONErrorLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"name: x\npainPoints: [a\nkeyConcerns: b\n":       "line 2: did not find expected ',' or ']'",
		"{\"name\": \"x\",\n\"painPoints\": [1,}\n":       "line 2: did not find expected node content",
		"name: x\npainPoints:\n  - a\n   - b: [\n":        "line 4: mapping values are not allowed in this context",
		"name: x\n\tkey: y\n":                             "line 2: found a tab character that violates indentation",
		"name: x\nlist:\n  - a\n  b: c\n":                 "line 3: did not find expected '-' indicator",
		"name: x\nother: y\n  third: z\nfourth: \"open\n": "line 3: mapping values are not allowed in this context",
	} {
		_, err := JSON([]byte(text))
		if err == nil || err.Error() != "is neither YAML nor JSON: "+want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       []string // "LINE JSON"
	}{
		{"JSON", `{"a":1}`, []string{`1 {"a":1}`}},
		{"One", "# c\na: 1", []string{`2 {"a":1}`}},
		{"Several", "a: 1\n---\n# c\nb: 2\n---\n- c: 3\n", []string{`1 {"a":1}`, `4 {"b":2}`, `6 [{"c":3}]`}},
		{"EmptyOnes", "---\n---\na: 1\n---\n", []string{`3 {"a":1}`}},
		{"None", "", nil},
		{"OnlyComment", "# c\n", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			documents, err := Documents([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range documents {
				got = append(got, fmt.Sprintf("%d %s", d.Line, d.JSON))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("documents (-want +got):\n%s", diff)
			}
		})
	}
}
