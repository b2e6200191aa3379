package remote

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"personae.dev/apitype"
	"personae.dev/client"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/entity"
	"personae.dev/internal/entity/entitytest"
	"personae.dev/internal/kind"
)

func persona(t *testing.T) Kind {
	t.Helper()
	registry := kind.Registry()
	k, err := registry.Kind("persona")
	if err != nil {
		t.Fatal(err)
	}
	return Kind{k, registry}
}

func parse(t *testing.T, text string) object {
	t.Helper()
	var o object
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// TestDiffLines shows that a diff has both sides, line by line, and no more change
// than needed.
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
	err := writeDiff(&out, []fieldChange{
		{"name", json.RawMessage(`"VP"`), json.RawMessage(`"SVP"`)},
		{"description", null(), json.RawMessage(`"New"`)},
		{"painPoints", json.RawMessage(`["a","b","c","d","e","f"]`), json.RawMessage(`["a","b","c","d","e","g"]`)},
		{"keyConcerns", json.RawMessage(`["a"]`), nil},
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
}

const fullPersona = `{"oId":"pe_1","name":"VP: \"#1\" 🚀","internalName":"yes","description":"a\n b\n","createdAt":"2021-01-01T00:00:00.000Z",
	"deletedAt":null,"archivedAt":null,"updatedAt":"2021-01-01T00:00:00.000Z","unrecognized":false,"rejected":false,"active":false,
	"data":{"internalName":"yes","primaryResponsibilities":[],"painPoints":["x\ny","2026-01-01"],"keyConcerns":[],"keyObjectives":[],
		"commonJobTitles":[],"whyTheyMatterToUs":[],"whyWeMatterToThem":[],"customFields":[{"title":"on","value":["~"]}],"buyingRole":["buyer"]},
	"qualifyingQuestions":[{"oId":"qq_1","question":"Q?","rationale":"","fitType":"GOOD","weight":"HIGH","archivedAt":"2021-01-01T00:00:00.000Z"}],
	"user":{"oId":"u_1","firstName":"Ada","lastName":"Lovelace"},"workspace":{"oId":"wa_1"},
	"links":{"to":[
		{"field":"primaryOfferingOId","oId":"0123","kind":null,"name":null,"deletedAt":null},
		{"field":"linkingStrategy","oId":"px_1","kind":"product","name":"Rocket","deletedAt":null},
		{"field":"linkingStrategy","oId":"px_2","kind":"product","name":"Old","deletedAt":"2021-01-01T00:00:00.000Z"},
		{"field":"playbookOIds","oId":"pb_1","kind":null,"name":null,"deletedAt":null}],
		"from":[{"field":"personaOIds","oId":"pb_2","kind":"playbook","name":"Q3","deletedAt":null}]}}`

const barePersona = `{"oId":"pe_1","name":"VP","internalName":null,"description":null,"active":true,"data":{"internalName":""},"qualifyingQuestions":null}`

// TestBodyComesBack shows that a body which is edited, but left as it is, is no
// change, and that it has the links.
func TestBodyComesBack(t *testing.T) {
	t.Parallel()
	kind := persona(t)
	for name, text := range map[string]string{"Full": fullPersona, "Bare": barePersona} {
		body := bodyOf(kind, parse(t, text))
		before, err := check(kind, body)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := body.yaml()
		if err != nil {
			t.Fatal(err)
		}
		after, err := parseBody(kind, []byte(shown))
		if err == nil {
			after, err = check(kind, after)
		}
		if err != nil {
			t.Fatalf("%s: %v:\n%s", name, err, shown)
		}
		if changes := compare(kind, before, after, true); len(changes) > 0 {
			t.Errorf("%s: changes %+v:\n%s", name, changes, shown)
		}
	}
	body := bodyOf(kind, parse(t, fullPersona))
	for name, want := range map[string]string{
		"primaryOfferingOId": `"0123"`, "linkingStrategy": `{"mode":"SPECIFIC","offeringOIds":["px_1","px_2"]}`, "playbookOIds": `["pb_1"]`,
		"buyingRole": `["buyer"]`, "active": "false", "internalName": `"yes"`,
	} {
		if got := string(body.get(name)); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	bare := bodyOf(kind, parse(t, barePersona))
	if bare.get("buyingRole") != nil || string(bare.get("painPoints")) != "[]" || string(bare.get("description")) != "null" {
		t.Errorf("the bare persona is %s", encoded(bare))
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	kind := persona(t)
	before := parse(t, `{"name":"VP","description":"Old","painPoints":["a"],"active":true}`)
	after := parse(t, `{"name":"VP","internalName":"","painPoints":["b"],"keyConcerns":null,"active":true}`)
	for complete, want := range map[bool]string{
		true:  `{"internalName":"","description":null,"painPoints":["b"]}`,
		false: `{"internalName":"","painPoints":["b"]}`,
	} {
		if got := string(encoded(patchOf(compare(kind, before, after, complete)))); got != want {
			t.Errorf("complete %t: the patch is %s, want %s", complete, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	kind := persona(t)
	for name, test := range map[string]struct{ body, want string }{ // want is the body, or a part of the error
		"Flat":      {`{"painPoints":["a"],"name":"VP"}`, `{"name":"VP","painPoints":["a"]}`},
		"Nested":    {`{"data":{"painPoints":["a"],"internalName":"Sally"}}`, `{"internalName":"Sally","painPoints":["a"]}`},
		"Null":      {`{"description":null}`, `{"description":null}`},
		"GetAnswer": {`{"_metadata":{},"oId":"pe_1","name":"VP","createdAt":null,"user":{},"workspace":{},"active":true}`, `{"name":"VP","active":true}`},
		"Unknown":   {`{"painPoint":["a"]}`, "painPoint: unknown field; did you mean painPoints?"},
		"Misspelt":  {`{"job_titles":["a"]}`, "job_titles: unknown field; did you mean commonJobTitles?"},
		"Foreign":   {`{"zzz":1}`, "zzz: unknown field: remove it, or correct its name"},
		"WrongType": {`{"name":42,"painPoints":[true]}`, "2 errors"},
		"Differs":   {`{"internalName":"A","data":{"internalName":"B"}}`, "internalName: differs from data.internalName"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, err := check(kind, parse(t, test.body))
			switch {
			case err != nil && !strings.Contains(err.Error(), test.want):
				t.Errorf("the error is %v, want %s", err, test.want)
			case err == nil && string(encoded(body)) != test.want:
				t.Errorf("%s, want %s", encoded(body), test.want)
			}
		})
	}
}

func TestParseValue(t *testing.T) {
	t.Parallel()
	kind := persona(t)
	for name, test := range map[string]struct{ field, text, want string }{
		"Text":        {"description", `[not, a, list]`, `"[not, a, list]"`},
		"List":        {"painPoints", `[a, "b, c"]`, `["a","b, c"]`},
		"OneItem":     {"painPoints", `Ramp, takes too long`, `["Ramp, takes too long"]`},
		"EmptyList":   {"painPoints", `[]`, `[]`},
		"Bool":        {"active", "false", "false"},
		"Custom":      {"customFields", `[{title: a, value: [b]}]`, `[{"title":"a","value":["b"]}]`},
		"Strategy":    {"linkingStrategy", `{"mode":"ALL"}`, `{"mode":"ALL"}`},
		"UnknownText": {"zzz", "x", `"x"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseValue(kind.Field(test.field), test.text)
			if err != nil || string(got) != test.want {
				t.Errorf("%s, %v; want %s", got, err, test.want)
			}
		})
	}
}

// TestReadEntities shows what create takes: bodies, exports, and what get and list
// answer, one or several. Ids are left out.
func TestReadEntities(t *testing.T) {
	t.Parallel()
	kind := persona(t)
	const answer = `{"_metadata":{"message":"OK"},"oId":"pe_1","name":"A","internalName":null,"deletedAt":null,"active":true,
		"data":{"painPoints":["p"],"customFields":[]},"qualifyingQuestions":[{"oId":"qq_1","question":"Q?","rationale":"","fitType":"GOOD","weight":"LOW","archivedAt":null}],
		"user":{"oId":"u_1"},"workspace":{"oId":"wa_1"}}`
	for name, test := range map[string]struct {
		text string
		want []string // the names, or a part of the error
	}{
		"Body":        {"name: A\npainPoints: [p]", []string{"A"}},
		"Documents":   {"name: A\n---\nname: B\n", []string{"A", "B"}},
		"List":        {"- name: A\n- name: B\n", []string{"A", "B"}},
		"GetAnswer":   {answer, []string{"A"}},
		"ListAnswer":  {`{"_metadata":{},"hasNext":false,"total":2,"data":[` + answer + `,{"oId":"pe_2","name":"B"}]}`, []string{"A", "B"}},
		"Empty":       {"# nothing", []string{"it is empty"}},
		"Unknown":     {"name: A\npainPoint: [p]", []string{"did you mean painPoints?"}},
		"NoObject":    {"just words", []string{"must be an object"}},
		"NotYAML":     {"a: [", []string{"is neither YAML nor JSON"}},
		"Invalid":     {"name: ''", []string{"name: must not be empty"}},
		"NameMissing": {"description: x", []string{"name: "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bodies, err := readEntities(kind, []byte(test.text))
			if err != nil {
				if !strings.Contains(err.Error(), test.want[0]) {
					t.Errorf("the error is %v, want %s", err, test.want[0])
				}
				return
			}
			var names []string
			for _, body := range bodies {
				names = append(names, body.name())
				if text := string(encoded(body)); strings.Contains(text, "oId") {
					t.Errorf("the body has an id: %s", text)
				}
			}
			if diff := cmp.Diff(test.want, names); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEntityRows(t *testing.T) {
	t.Parallel()
	var got []string
	for _, row := range entityRows(persona(t), parse(t, fullPersona)) {
		got = append(got, strings.Join(row, " | "))
	}
	want := []string{
		"FIELD | VALUE", "id | pe_1", `name | VP: "#1" 🚀`, "status | inactive", "author | Ada Lovelace", "created | 2021-01-01T00:00:00Z", "updated | 2021-01-01T00:00:00Z",
		"internal name | yes", "description | a\n b\n", "pain points | x\ny", "  | 2026-01-01", "on | ~", "buying role | buyer",
		"qualifying questions | Q? (GOOD, HIGH, archived)",
		"links to | 0123, which does not exist (primaryOfferingOId)", "links to | product Rocket (px_1)",
		"links to | product Old (px_2, deleted)", "links to | pb_1, which does not exist (playbookOIds)", "linked from | playbook Q3 (pb_2)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// TestGrammar shows that each kind has the commands and flags that fit it, and its
// own words in all texts.
func TestGrammar(t *testing.T) {
	t.Parallel()
	registry := entity.NewRegistry(entitytest.Kind(), entitytest.Singleton())
	var root struct{}
	parser, err := kong.New(&root, Options(registry, "kinds", nil)...)
	if err != nil {
		t.Fatal(err)
	}
	nodes := map[string]*kong.Node{}
	var walk func(path string, n *kong.Node)
	walk = func(path string, n *kong.Node) {
		nodes[path] = n
		for _, text := range append([]string{n.Help, n.Detail}, helps(n)...) {
			if strings.ContainsAny(text, "{}") {
				t.Errorf("%s has a placeholder: %s", path, text)
			}
		}
		for _, child := range n.Children {
			walk(strings.TrimSpace(path+" "+child.Name), child)
		}
	}
	walk("", parser.Model.Node)
	full, single := entitytest.Kind().Name, entitytest.Singleton().Name
	for _, path := range []string{full + " list", full + " create", full + " question update", single + " get", single + " edit", single + " history"} {
		if nodes[path] == nil {
			t.Errorf("there is no command %s", path)
		}
	}
	for _, path := range []string{single + " list", single + " create", single + " delete", single + " restore"} {
		if nodes[path] != nil {
			t.Errorf("there is a command %s", path)
		}
	}
	if get := nodes[single+" get"]; get != nil && len(get.Positional) > 0 {
		t.Errorf("%s get wants an id", single)
	}
}

func helps(n *kong.Node) (all []string) {
	for _, value := range n.Positional {
		all = append(all, value.Help)
	}
	for _, flag := range n.Flags {
		all = append(all, flag.Help)
	}
	return all
}

// TestSingletonThatDoesNotExist shows that the one entity of a kind can be written
// before there is one.
func TestSingletonThatDoesNotExist(t *testing.T) {
	t.Parallel()
	single := entitytest.Singleton()
	kind := Kind{single, entity.NewRegistry(single)}
	var sent string
	flags, _ := setup(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fmt.Fprint(w, `{"_metadata":{"message":"OK"},"data":null}`)
			return
		}
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		sent = string(b)
		fmt.Fprint(w, `{"data":{"oId":"tg_1","name":"Globex","url":"https://globex.example"}}`)
	})
	var out strings.Builder
	stdio := format.Stdio{In: strings.NewReader(""), Out: &out, Err: &out}
	update := updateCmd{one: one{server: flags, Output: format.Output{Output: "table"}}, change: change{input: input{Set: []string{"url=https://globex.example"}}}}
	if err := update.Run(t.Context(), stdio, kind); err != nil || sent != `{"url":"https://globex.example"}` {
		t.Errorf("%v, sent %s", err, sent)
	}
	if !strings.Contains(out.String(), "+ url: https://globex.example") {
		t.Errorf("shown: %s", out.String())
	}
	c, err := flags.connect(kind)
	if err != nil {
		t.Fatal(err)
	}
	if edited, err := c.beginEdit(t.Context(), ""); err != nil || strings.Contains(edited.original, "name:") || !strings.Contains(edited.original, "url: null") {
		t.Errorf("to edit: %+v, %v", edited, err)
	}
}

// TestAsk shows how answers are understood.
func TestAsk(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{"\n": true, "y\n": true, "YES\n": true, "n\n": false, "what\n": false} {
		stdio := format.Stdio{In: strings.NewReader(answer), Err: new(strings.Builder)}
		if yes, err := ask(t.Context(), stdio, "Sure?"); yes != want || err != nil {
			t.Errorf("%q: %t, %v", answer, yes, err)
		}
	}
	if _, err := ask(t.Context(), format.Stdio{In: strings.NewReader(""), Err: new(strings.Builder)}, "Sure?"); err == nil {
		t.Error("the end of the input is taken for an answer")
	}
}

// TestConnect shows that the key is read from its file without the line end, and
// that an address needs no http://.
func TestConnect(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/key"
	for text, ok := range map[string]bool{"psk_x\n": true, "\n": false, "psk_x\npsk_y\n": false} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := server{Server: "127.0.0.1:1", KeyFile: file}.connect(persona(t))
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

// TestNamed shows that an entity is found by its name, where one has it.
func TestNamed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		active, all string // what the lists answer
		want        string // the id, or a part of the error
	}{
		"Unique":       {`[{"oId":"pe_1"}]`, "", "pe_1"},
		"OnlyArchived": {`[]`, `[{"oId":"pe_2"}]`, "pe_2"},
		"Several":      {`[{"oId":"pe_1"},{"oId":"pe_2"}]`, "", `2 personas have the name "VP": use the id of one of them: pe_1, pe_2.`},
		"None":         {`[]`, `[]`, `There is no persona with the id or name "VP"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flags, _ := setup(t, func(w http.ResponseWriter, r *http.Request) {
				switch q := r.URL.Query(); {
				case q.Get("oId") == "VP":
					w.WriteHeader(http.StatusNotFound)
					fmt.Fprint(w, `{"message":"no","error":{"code":"persona_not_found"}}`)
				case q.Has("oId"):
					fmt.Fprintf(w, `{"oId":%q}`, q.Get("oId"))
				default:
					data := test.active
					if q.Get("status") == "all" {
						data = test.all
					}
					fmt.Fprintf(w, `{"total":%d,"data":%s}`, strings.Count(data, "oId"), data)
				}
			})
			a, err := one{server: flags, Ref: "VP"}.on(t.Context(), persona(t), func(c *connection, oID string) (*answer, error) { return c.get(t.Context(), oID) })
			switch {
			case err != nil && !strings.Contains(err.Error(), test.want):
				t.Errorf("the error is %v, want %s", err, test.want)
			case err == nil && a.Entity.oID() != test.want:
				t.Errorf("found %s, want %s", a.Entity.oID(), test.want)
			}
		})
	}
}

// TestFollow shows that changes are shown as they come, and that the feed can go on
// wherever it was left.
func TestFollow(t *testing.T) {
	t.Parallel()
	for _, output := range []string{"json", "table"} {
		flags, requests := setup(t, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Query().Get("after") {
			case "":
				fmt.Fprint(w, `{"data":[{"entityOId":"pe_1"}],"hasNext":true,"nextCursor":"c1"}`)
			case "c1":
				fmt.Fprint(w, `{"data":[{"entityOId":"pe_2"}],"hasNext":true,"nextCursor":"c2"}`)
			default:
				w.WriteHeader(http.StatusForbidden)
				fmt.Fprint(w, `{"message":"no"}`)
			}
		})
		var out, messages strings.Builder
		cmd := ChangesCmd{server: flags, Output: format.Output{Output: output}, Limit: 1, Follow: true, Every: time.Second}
		err := cmd.Run(t.Context(), format.Stdio{Out: &out, Err: &messages})
		if err == nil || len(*requests) != 3 || messages.String() != "Go on with --after c2\n" {
			t.Errorf("%s: %v after %q: %s", output, err, *requests, &messages)
		}
		if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); !strings.Contains(lines[len(lines)-2], "pe_1") || !strings.Contains(lines[len(lines)-1], "pe_2") {
			t.Errorf("%s: shown are %q", output, lines)
		}
	}
}

// TestEditWithoutETag shows that no edit begins where a change could overwrite
// another one.
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
		cmd := editCmd{one: one{server: flags, Ref: "pe_1"}, Yes: true}
		err := cmd.Run(t.Context(), format.Stdio{In: strings.NewReader(""), Out: &out, Err: &out}, persona(t))
		if err == nil || !strings.Contains(err.Error(), "has no strong ETag") {
			t.Errorf("%q: %v", etag, err)
		}
		if diff := cmp.Diff([]string{"GET /api/v2/persona/get?include=links%2CquestionIds&oId=pe_1"}, *requests); diff != "" || out.Len() > 0 {
			t.Errorf("%q: %s, requests (-want +got):\n%s", etag, out.String(), diff)
		}
	}
}

// TestEditWithoutTerminal shows that no editor is started where nobody can use
// it.
func TestEditWithoutTerminal(t *testing.T) {
	t.Parallel()
	cmd := editCmd{one: one{Ref: "pe_1"}}
	err := cmd.Run(t.Context(), format.Stdio{In: strings.NewReader("")}, persona(t))
	if err == nil || !strings.Contains(err.Error(), "needs a terminal") {
		t.Errorf("the error is %v", err)
	}
}

// TestFindRevision shows that a revision is found by its number in two requests,
// however long the history is and whoever writes meanwhile.
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
		"Zero":    {"0", "", 5000, 0, 1},
		"Minus":   {"-1", "", 5000, 0, 1},
		"None":    {"1", "", 0, 0, 1},
		"ByID":    {"rv_9", "rv_9", 5000, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			total, left := test.total, 3
			flags, requests := setup(t, func(w http.ResponseWriter, r *http.Request) {
				if offset, _ := strconv.Atoi(r.URL.Query().Get("offset")); r.URL.Query().Get("limit") != "1" || offset >= total {
					fmt.Fprintf(w, `{"data":{"total":%d,"revisions":[]}}`, total)
				} else {
					fmt.Fprintf(w, `{"data":{"total":%d,"revisions":[{"revisionOId":"rv_%d"}]}}`, total, total-offset)
				}
				if left--; left > 0 {
					total += test.written
				}
			})
			c, err := flags.connect(persona(t))
			if err != nil {
				t.Fatal(err)
			}
			oID, err := c.findRevision(t.Context(), "pe_1", test.named)
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

// TestListTooLarge shows what is said of a page that is too large for an answer.
func TestListTooLarge(t *testing.T) {
	t.Parallel()
	flags, _ := setup(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(client.MaxAnswerBytes+1))
		w.WriteHeader(http.StatusOK)
	})
	var out strings.Builder
	cmd := listCmd{server: flags, Limit: 1000}
	err := cmd.Run(t.Context(), format.Stdio{Out: &out, Err: &out}, persona(t))
	if err == nil || !strings.Contains(err.Error(), "--limit is 1000, which makes the answer too large") {
		t.Errorf("the error is %v", err)
	}
}

// TestAnyBodyComesBack is TestBodyComesBack for any entity of a kind with every
// type and place of fields.
func TestAnyBodyComesBack(t *testing.T) {
	t.Parallel()
	k := entitytest.Kind()
	kind := Kind{k, entity.NewRegistry(k)}
	rapid.Check(t, func(t *rapid.T) {
		stored := k.Store("wa_1", entitytest.Entity(k).Draw(t, "entity"))
		document, err := k.DocumentWithQuestionIDs(&stored.Row)
		if err != nil {
			t.Fatal(err)
		}
		var e object
		if err := json.Unmarshal(document, &e); err != nil {
			t.Fatal(err)
		}
		var links []apitype.Link
		for _, l := range stored.Links {
			links = append(links, apitype.Link{Field: l.Field, OID: l.Target})
		}
		e.set("links", encoded(map[string]any{"to": links}))
		body := bodyOf(kind, e)
		before, err := check(kind, body)
		if err != nil {
			t.Fatalf("%v: %s", err, encoded(body))
		}
		shown, err := body.yaml()
		if err != nil {
			t.Fatal(err)
		}
		after, err := parseBody(kind, []byte(shown))
		if err == nil {
			after, err = check(kind, after)
		}
		if err != nil {
			t.Fatalf("%v:\n%s", err, shown)
		}
		if changes := compare(kind, before, after, true); len(changes) > 0 {
			t.Errorf("changes %s:\n%s", encoded(patchOf(changes)), shown)
		}
	})
}

// TestQualifyFile shows what is said of the costs of a file, that nobody is asked
// unasked, and that a row which cannot be scored stops no other.
func TestQualifyFile(t *testing.T) {
	t.Parallel()
	const rows, bad = 1000, 21 // more bad ones at the beginning than are sampled
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var asked apitype.QualifyRequest
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		switch {
		case asked.Person.JobTitle == "bad":
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"message":"It is bad.","error":{"code":"invalid_request"}}`)
		case asked.Person.JobTitle == "refused" && !asked.WithoutModel:
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"message":"The model refuses.","error":{"code":"model_refused"}}`)
		default:
			_, _ = io.WriteString(w, `{"found":true,"message":"","data":{"model":{"name":"m-1","questions":2,"tokens":100},"persona":{"name":"VP","oId":"pe_1","qualification":{"score":7,"band":"STRONG","coverage":1}}}}`)
		}
	}))
	t.Cleanup(model.Close)
	api, err := client.New(client.Config{BaseURL: model.URL, APIKey: "psk_x"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	leads := "job title\n" + strings.Repeat("bad\n", bad) + "refused\n" + strings.Repeat("VP\n", rows-bad-1)
	if err := os.WriteFile(dir+"/leads.csv", []byte(leads), 0o600); err != nil {
		t.Fatal(err)
	}
	score := func(yes bool) (said string, err error) {
		var out strings.Builder
		c := QualifyCmd{CSV: dir + "/leads.csv", Output: dir + "/scored.csv", Yes: yes}
		err = c.scoreFile(t.Context(), format.Stdio{In: strings.NewReader("y\n"), Out: io.Discard, Err: &out}, api, apitype.QualifyRequest{})
		return out.String(), err
	}
	const costs = "The model m-1 will be asked about 1000 people, which takes about 100000 tokens."
	if said, err := score(false); err == nil || !strings.Contains(err.Error(), "add --yes") || !strings.Contains(said, costs) {
		t.Errorf("without --yes: %s, %v", said, err)
	}
	began := time.Now()
	if said, err := score(true); err == nil || !strings.Contains(err.Error(), "could not be scored: 22.") || !strings.Contains(said, costs) || !strings.Contains(said, "Rows that were scored: 978.") {
		t.Errorf("with --yes: %s, %v", said, err)
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("%d rows took %s", rows, took)
	}
	scored, err := os.ReadFile(dir + "/scored.csv")
	if err != nil || strings.Count(string(scored), "\n") != rows+1 || !strings.Contains(string(scored), "\nrefused,,,,,,The model refuses.\n") {
		t.Errorf("%.2000s, %v", scored, err)
	}
}

// TestGenerateSaves shows that a draft is shown and saved with its sources after a
// yes, and not after a no.
func TestGenerateSaves(t *testing.T) {
	t.Parallel()
	for reply, saved := range map[string]bool{"n\n": false, "y\n": true, "\n": true} {
		var body string
		flags, requests := setup(t, func(w http.ResponseWriter, r *http.Request) {
			text, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			body = string(text)
			_, _ = io.WriteString(w, `{"data":`+fullPersona+`}`)
		})
		api, err := flags.connect(persona(t))
		if err != nil {
			t.Fatal(err)
		}
		var out, said strings.Builder
		c := GenerateCmd{server: flags, Offering: "px_1"}
		err = c.save(t.Context(), format.Stdio{In: strings.NewReader(reply), Out: &out, Err: &said}, api, parse(t, barePersona), []apitype.Origin{{Type: "TEXT", Value: "a note"}})
		if err != nil || !strings.Contains(said.String(), "name: VP\n") || !strings.Contains(said.String(), "Save it?") {
			t.Errorf("%q: %s, %v", reply, said.String(), err)
		}
		if len(*requests) > 0 != saved || saved && (out.String() != "pe_1\n" || !strings.Contains(body, `"value":"a note"`) || !strings.Contains(body, `"primaryOfferingOId":"px_1"`)) {
			t.Errorf("%q: %q, %s, %s", reply, *requests, body, out.String())
		}
	}
}
