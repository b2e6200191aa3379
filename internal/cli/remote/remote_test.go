package remote

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"personae.dev/apitype"
	"personae.dev/client"
	"personae.dev/internal/cli/format"
)

// A diff tells both sides, line by line, and claims no more change than needed.
func TestDiffLines(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 8)
		before, after := lines.Draw(t, "before"), lines.Draw(t, "after")
		var old, now []string
		for _, line := range diffLines(before, after) {
			if line[0] != '+' {
				old = append(old, line[2:])
			}
			if line[0] != '-' {
				now = append(now, line[2:])
			}
		}
		if !slices.Equal(old, before) || !slices.Equal(now, after) {
			t.Fatalf("%q to %q is shown as %q", before, after, diffLines(before, after))
		}
		if slices.Equal(before, after) && strings.ContainsAny(strings.Join(diffLines(before, after), ""), "+-") {
			t.Fatalf("%q is shown as changed", before)
		}
	})
}

func TestWriteDiff(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	err := writeDiff(&out, []apitype.Change{
		{Field: "name", Before: json.RawMessage(`"VP"`), After: json.RawMessage(`"SVP"`)},
		{Field: "description", Before: json.RawMessage(`null`), After: json.RawMessage(`"New"`)},
		{Field: "painPoints", Before: json.RawMessage(`["a","b","c","d","e","f"]`), After: json.RawMessage(`["a","b","c","d","e","g"]`)},
		{Field: "keyConcerns", Before: json.RawMessage(`["a"]`), After: json.RawMessage(`null`)},
	})
	const want = `- name: VP
+ name: SVP
+ description: New
  painPoints:
  …
    - d
    - e
-   - f
+   - g
- keyConcerns:
-   - a
`
	if diff := cmp.Diff(want, out.String()); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	lines := make([]string, 2049)
	if got := diffLines(lines[1:], lines[1:]); len(got) != 2048 { // 2048² is maxDiffed
		t.Errorf("a field that is just small enough to compare has %d lines", len(got))
	}
	if got := diffLines(lines[1:], lines); len(got) != 2048+2049 {
		t.Errorf("a field that is too large to compare has %d lines", len(got))
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	before := client.NewPersona{Name: "VP", Description: new("Old"), PainPoints: []string{"a"}, KeyConcerns: []string{}, Active: new(true)}
	after := client.NewPersona{Name: "VP", InternalName: new(""), PainPoints: []string{"b"}, Active: new(true)}
	changes, patch, err := compare(before, after)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, change := range changes {
		names = append(names, change.Field)
	}
	if diff := cmp.Diff([]string{"internalName", "description", "painPoints"}, names); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	want := client.PersonaPatch{InternalName: client.Set(""), Description: client.Clear[string](), PainPoints: client.Set([]string{"b"})}
	if !reflect.DeepEqual(patch, want) {
		t.Errorf("the patch is %+v, want %+v", patch, want)
	}
}

// What is shown to be edited and is left alone is no change.
func TestBodyComesBack(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]client.NewPersona{
		"Bare": {Name: "VP", Active: new(true)},
		"Full": {
			Name: "VP: \"#1\" 🚀", InternalName: new("yes"), Description: new("a\n b\n"), PainPoints: []string{"x\ny"}, Active: new(false),
			CustomFields:       []apitype.CustomField{{Title: "t", Value: []string{"v"}}},
			PrimaryOfferingOID: new("0123"), LinkingStrategy: &apitype.LinkingStrategy{Mode: "ALL"}, PlaybookOIDs: []string{"p"},
			QualifyingQuestions: []apitype.QualifyingQuestion{{OID: "q_1", Question: "Q?", FitType: "GOOD", Weight: "HIGH"}},
		},
	} {
		text, err := format.YAML(body{before})
		if err != nil {
			t.Fatal(err)
		}
		after, err := parseBody(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if changes, _, err := compare(before, after); err != nil || len(changes) > 0 {
			t.Errorf("%s: %+v, %v", name, changes, err)
		}
	}
}

// An answer is awaited only as long as the command runs.
func TestAsk(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{"\n": true, "y\n": true, "YES\n": true, "n\n": false, "what\n": false} {
		stdio := format.Stdio{In: strings.NewReader(answer), Err: new(strings.Builder)}
		if yes, err := ask(t.Context(), stdio, "Sure?"); yes != want || err != nil {
			t.Errorf("%q: %t, %v", answer, yes, err)
		}
	}
	if _, err := ask(t.Context(), format.Stdio{In: strings.NewReader(""), Err: new(strings.Builder)}, "Sure?"); err == nil {
		t.Error("no answer is taken for one")
	}
}

// Only a key that is given is sent, without the end of its line.
func TestConnect(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/key"
	for text, ok := range map[string]bool{"psk_x\n": true, "\n": false, "psk_x\npsk_y\n": false} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := server{Server: "http://127.0.0.1:1", KeyFile: file}.connect()
		if (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
		if err != nil && strings.Contains(err.Error(), "psk_") {
			t.Errorf("the error shows the key: %v", err)
		}
	}
}

// setup returns the flags for a server that answers so, and the lines of the
// requests that it gets.
func setup(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) (flags server, requests *[]string) {
	t.Helper()
	requests = new([]string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*requests = append(*requests, r.Method+" "+r.URL.RequestURI())
		w.Header().Set("Content-Type", "application/json")
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	file := t.TempDir() + "/key"
	if err := os.WriteFile(file, []byte("psk_x"), 0o600); err != nil {
		t.Fatal(err)
	}
	return server{Server: s.URL, KeyFile: file}, requests
}

// Without a strong tag a change could overwrite another: none is begun.
func TestEditWithoutETag(t *testing.T) {
	t.Parallel()
	for _, etag := range []string{"", `W/"v1"`} {
		flags, requests := setup(t, func(w http.ResponseWriter, _ *http.Request) {
			if etag != "" {
				w.Header().Set("Etag", etag)
			}
			_, _ = w.Write([]byte(`{"oId":"pe_1"}`))
		})
		var out strings.Builder
		err := editCmd{onePersona: onePersona{server: flags, OID: "pe_1"}, Yes: true}.Run(t.Context(), format.Stdio{In: strings.NewReader(""), Out: &out, Err: &out})
		if err == nil || !strings.Contains(err.Error(), "came without a strong ETag") {
			t.Errorf("%q: %v", etag, err)
		}
		if diff := cmp.Diff([]string{"GET /api/v2/persona/get?oId=pe_1"}, *requests); diff != "" || out.Len() > 0 {
			t.Errorf("%q: %s, requests (-want +got):\n%s", etag, out.String(), diff)
		}
	}
}

// A revision is found by its number with no more than a look at the newest and
// at itself, however long the history is and whoever writes meanwhile.
func TestFindRevision(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		named, want string
		total       int
		written     int // between two requests
		requests    int
	}{
		"Newest":  {"5000", "rv_5000", 5000, 0, 1},
		"First":   {"1", "rv_1", 5000, 0, 2},
		"Middle":  {"17", "rv_17", 5000, 0, 2},
		"Written": {"17", "rv_17", 5000, 2, 0},
		"TooHigh": {"5001", "", 5000, 0, 1},
		"Zero":    {"0", "", 5000, 0, 2},
		"Minus":   {"-1", "", 5000, 0, 2},
		"None":    {"1", "", 0, 0, 1},
		"ByID":    {"rv_9", "rv_9", 5000, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			total, left := test.total, 3
			flags, requests := setup(t, func(w http.ResponseWriter, r *http.Request) {
				if offset, _ := strconv.Atoi(r.URL.Query().Get("offset")); r.URL.Query().Get("limit") != "1" || offset >= total {
					_, _ = fmt.Fprintf(w, `{"total":%d,"hasNext":false,"data":[]}`, total)
				} else {
					_, _ = fmt.Fprintf(w, `{"total":%d,"hasNext":true,"data":[{"oId":"rv_%d","number":%[2]d}]}`, total, total-offset)
				}
				if left--; left > 0 {
					total += test.written
				}
			})
			c, err := flags.connect()
			if err != nil {
				t.Fatal(err)
			}
			oID, err := findRevision(t.Context(), c, "pe_1", test.named)
			if oID != test.want || (err == nil) != (test.want != "") {
				t.Errorf("%q, %v; want %q", oID, err, test.want)
			}
			if err != nil && !strings.Contains(err.Error(), "has no revision "+test.named) {
				t.Errorf("the error is %v", err)
			}
			if test.written == 0 && len(*requests) != test.requests {
				t.Errorf("requests: %q, want %d", *requests, test.requests)
			}
		})
	}
}

// Too many large personas for an answer: it is said what to do.
func TestListTooLarge(t *testing.T) {
	t.Parallel()
	flags, _ := setup(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(client.MaxAnswerBytes+1))
		w.WriteHeader(http.StatusOK)
	})
	var out strings.Builder
	err := listCmd{server: flags, Limit: 1000}.Run(t.Context(), format.Stdio{Out: &out, Err: &out})
	if err == nil || !strings.Contains(err.Error(), "--limit is 1000, and these personas are too large for one answer: use a smaller one, or --all.") {
		t.Errorf("the error is %v", err)
	}
}
