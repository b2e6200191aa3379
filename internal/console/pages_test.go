package console_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"personae.dev/internal/entity"
	"personae.dev/internal/library"
)

// upload sends a form with files, as a browser does.
func (s *site) upload(t testing.TB, path, file, text string, fields ...string) answer {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", file)
	must(t, err)
	_, err = part.Write([]byte(text))
	must(t, err)
	for i := 0; i < len(fields); i += 2 {
		must(t, w.WriteField(fields[i], fields[i+1]))
	}
	must(t, w.Close())
	return s.send(t, http.MethodPost, path, w.FormDataContentType(), b.Bytes())
}

// TestListFilters shows that the URL of a list is its state.
func TestListFilters(t *testing.T) {
	t.Parallel()
	s := start(t)
	for query, want := range map[string]struct {
		in, out string
	}{
		"":                                     {"1–12 of 12", "Nothing matches"},
		"q=renewal":                            {"Head of Customer Success", "SDR Manager</a>"},
		"q=nonsense":                           {"Nothing matches “nonsense”", "VP of Sales"},
		"sort=name":                            {`aria-sort="ascending"`, `aria-sort="descending"`},
		"status=archived":                      {"Nothing here", "VP of Sales"},
		"playbookOId=demo-playbook-first-reps": {"Founder and CEO", "Chief Financial Officer</a>"},
		"from=10":                              {"11–12 of 12", "1–10"},
		"from=-1&sort=x&status=y&mine=1":       {"1–12 of 12", "Nothing"},
	} {
		page := s.page(t, "/console/persona?"+query)
		if !strings.Contains(page, want.in) || strings.Contains(page, want.out) {
			t.Errorf("%q lacks %q, or has %q", query, want.in, want.out)
		}
	}
	if part := s.get(t, "/console/persona?q=sales", "HX-Request", "true").body; strings.Contains(part, "<html") || !strings.Contains(part, `id="results"`) {
		t.Error("htmx gets more than the main part")
	}
}

// TestArchiveAndUndo shows that what is archived or deleted comes back by the form
// of the notice, which is told once.
func TestArchiveAndUndo(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, do := range []string{"archive", "delete"} {
		a := s.post(t, "/console/persona", url.Values{"do": {do}, "oId": {"demo-vp-of-sales", "demo-sdr-manager"}})
		if a.StatusCode != http.StatusSeeOther {
			t.Fatal(a.Status)
		}
		page := s.get(t, "/console/persona", "Cookie", a.Header.Get("Set-Cookie"))
		if !strings.Contains(page.body, "2 personas were "+do) || !strings.Contains(page.body, "Undo") || !strings.Contains(page.body, "1–10 of 10") {
			t.Errorf("after %s the list does not say so", do)
		}
		if again := page.Header.Get("Set-Cookie"); !strings.Contains(again, "Max-Age=0") {
			t.Errorf("the notice stays: %s", again)
		}
		s.post(t, "/console/persona", url.Values{"do": {"restore"}, "oId": {"demo-vp-of-sales", "demo-sdr-manager"}})
		if !strings.Contains(s.page(t, "/console/persona"), "1–12 of 12") {
			t.Errorf("%s is not undone", do)
		}
	}
}

// TestUndoOfArchived shows that what was deleted in the archive goes back there.
func TestUndoOfArchived(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, do := range []string{"archive", "delete", "undelete"} {
		if a := s.post(t, "/console/persona", url.Values{"do": {do}, "oId": {"demo-vp-of-sales"}}); a.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s: %s", do, a.Status)
		} else if page := s.get(t, "/console", "Cookie", a.Header.Get("Set-Cookie")).body; do == "delete" && !strings.Contains(page, `name="do" value="undelete"`) {
			t.Error("the notice does not offer it")
		}
	}
	if page := s.page(t, "/console/persona?status=archived"); !strings.Contains(page, "demo-vp-of-sales") {
		t.Error("it is not in the archive")
	}
}

// TestSwitchedWorkspace shows that a form of one workspace is refused in another
// one, and that every form says of which it is.
func TestSwitchedWorkspace(t *testing.T) {
	t.Parallel()
	s := start(t)
	values := url.Values{"do": {"archive"}, "oId": {"demo-vp-of-sales"}, "in-workspace": {s.setup.Workspace.OID}}
	other := s.other(t)
	a := other.post(t, "/console/persona", values)
	if a.StatusCode != http.StatusConflict || !strings.Contains(a.body, "another workspace than Other") {
		t.Errorf("%s\n%s", a.Status, a.body)
	}
	if a := s.post(t, "/console/persona", values); a.StatusCode != http.StatusSeeOther {
		t.Errorf("in its own: %s", a.Status)
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	must(t, errors.Join(w.WriteField("in-workspace", s.setup.Workspace.OID), w.WriteField("text", "name: A"), w.Close()))
	if a := other.send(t, http.MethodPost, "/console/import", w.FormDataContentType(), b.Bytes()); a.StatusCode != http.StatusConflict {
		t.Errorf("an import: %s", a.Status)
	}
	anywhere := regexp.MustCompile(`action="/console/(theme|workspace|sign-out)"`)
	says := `name="in-workspace" value="` + s.setup.Workspace.OID + `"`
	for name, path := range pages() {
		for _, form := range strings.Split(s.get(t, path).body, "<form")[1:] {
			form, _, _ = strings.Cut(form, "</form>")
			if head, _, _ := strings.Cut(form, ">"); strings.Contains(head, `method="post"`) && !anywhere.MatchString(head) && !strings.Contains(form, says) {
				t.Errorf("%s: a form does not say where it belongs: %s", name, head)
			}
		}
	}
}

// TestRestoreRevision shows the words that a revision changed, and brings it back.
func TestRestoreRevision(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.submit(t, vp+"/edit", set(form(t, s.page(t, vp+"/edit")), "name", 0, "VP of Revenue"), "save")
	page := s.page(t, vp+"/history")
	if !strings.Contains(page, "<del>Sales</del><ins>Revenue</ins>") {
		t.Error("the words are not compared")
	}
	revisions := regexp.MustCompile(`history\?r=(rv_\w+)"`).FindAllStringSubmatch(page, -1)
	first := revisions[1][1] // below the newest
	if asked := s.page(t, vp+"/history?r="+first+"&now&ask"); !strings.Contains(asked, "Its text becomes revision 3") {
		t.Error("it is not asked")
	}
	if a := s.post(t, vp+"/history", url.Values{"revision": {first}}); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	if !strings.Contains(s.page(t, vp), "<h1>VP of Sales</h1>") {
		t.Error("it is not restored")
	}
	if a := s.get(t, "/console/persona/demo-sdr-manager/history?r="+first); a.StatusCode != http.StatusNotFound {
		t.Errorf("a revision of another persona: %s", a.Status)
	}
}

// TestImport shows what a file would do, its errors by line, and that nothing is
// written before it is said.
func TestImport(t *testing.T) {
	t.Parallel()
	s := start(t)
	const lines = `{"name":"Imported one"}
{"name":""}
{"kind":"product","name":"Imported product","colour":"red"}
`
	looked := s.upload(t, "/console/import", "q2.jsonl", lines)
	for _, want := range []string{"<b>1</b>will be created", `<b class="bad">2</b>cannot be read`, ">2</td>", "must not be empty", "unknown field", "Leave out the lines"} {
		if !strings.Contains(looked.body, want) {
			t.Errorf("%s, and it lacks %q", looked.Status, want)
		}
	}
	if a := s.upload(t, "/console/import", "", "", "text", lines, "do", "import"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("with errors: %s", a.Status)
	}
	if strings.Contains(s.page(t, "/console/persona"), "Imported one") {
		t.Error("it was written without being said")
	}
	if a := s.upload(t, "/console/import", "", "", "text", lines, "skip", "1", "unknown", "1", "do", "import"); !strings.Contains(a.body, "2 created, 0 changed") {
		t.Errorf("%s\n%s", a.Status, a.body)
	}
	for file, want := range map[string]string{"a.yaml": "<b>1</b>will be created", "a.csv": "This looks like CSV", "empty": "There is no text"} {
		text := map[string]string{"a.yaml": "name: From YAML", "a.csv": "name,description\nA,B\n"}[file]
		if a := s.upload(t, "/console/import", file, text); !strings.Contains(a.body, want) {
			t.Errorf("%s lacks %q", file, want)
		}
	}
	if a := s.reader(t).upload(t, "/console/import", "a.yaml", "name: A", "do", "import"); a.StatusCode != http.StatusForbidden {
		t.Errorf("a reader imports: %s", a.Status)
	}
}

// TestExport shows that what a list shows is exported, and can be imported again.
func TestExport(t *testing.T) {
	t.Parallel()
	s := start(t)
	for query, want := range map[string]int{"": 12, "q=renewal+guardian": 1, "playbookOId=demo-playbook-first-reps&q=founder": 1, "oId=demo-vp-of-sales&oId=demo-sdr-manager": 2, "status=archived": 0} {
		at := "/console/export/persona?" + query
		if !strings.HasPrefix(query, "oId") { // as the button sends it
			page := s.page(t, "/console/persona?"+query)
			_, results, _ := strings.Cut(page, `<form id="results"`)
			hidden := url.Values{}
			for _, input := range regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`).FindAllStringSubmatch(results, -1) {
				hidden.Add(input[1], html.UnescapeString(input[2]))
			}
			at = regexp.MustCompile(`<button form="results" formmethod="get" formaction="([^"]*)"`).FindStringSubmatch(page)[1] + "?" + hidden.Encode()
		}
		a := s.get(t, at)
		if got := strings.Count(a.body, "\n"); got != want {
			t.Errorf("%q exports %d lines, and not %d", query, got, want)
		}
		if again := s.upload(t, "/console/import", "again.jsonl", a.body); want > 0 && !strings.Contains(again.body, fmt.Sprintf("<b>%d</b>unchanged", want)) {
			t.Errorf("%q is not unchanged", query)
		}
	}
}

// TestMatch shows titles with their personas, as a page and as a file.
func TestMatch(t *testing.T) {
	t.Parallel()
	s := start(t)
	page := s.upload(t, "/console/match", "leads.csv", "Name;Job title\nAda;VP Sales\nBob;Beekeeper\n").body
	for _, want := range []string{"VP Sales", "demo-vp-of-sales", "No match", "Download as CSV"} {
		if !strings.Contains(page, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	if strings.Contains(page, ">Ada<") {
		t.Error("a name is taken for a title")
	}
	file := s.upload(t, "/console/match", "", "", "titles", "VP Sales\n=cmd|x\n", "do", "csv")
	if !strings.Contains(file.body, "VP Sales,VP of Sales,demo-vp-of-sales,1,") || !strings.Contains(file.body, "'=cmd|x,,,,") {
		t.Errorf("the file is %q", file.body)
	}
	if a := s.upload(t, "/console/match", "", ""); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("without a title: %s", a.Status)
	}
	if a := s.post(t, "/console/match/own", url.Values{"title": {"Head beekeeper"}, "persona": {"demo-founder-ceo"}}); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	if page := s.upload(t, "/console/match", "", "", "titles", "head beekeeper").body; !strings.Contains(page, "1.00") {
		t.Error("a title that was added does not match")
	}
}

// TestQualify shows the sum of the answers, and that a disqualifier ends it.
func TestQualify(t *testing.T) {
	t.Parallel()
	s := start(t)
	page := s.page(t, "/console/qualify?persona=demo-vp-of-sales")
	ids := regexp.MustCompile(`name="evidence\.(\w+)"`).FindAllStringSubmatch(page, -1)
	if len(ids) != 7 || !strings.Contains(page, "No answer yet") {
		t.Fatalf("%d questions", len(ids))
	}
	answers := url.Values{"persona": {"demo-vp-of-sales"}, "answer." + ids[0][1]: {"No"}, "answer." + ids[1][1]: {"Yes"}, "evidence." + ids[1][1]: {"Her profile"}, "answer." + ids[3][1]: {"No"}}
	page = s.post(t, "/console/qualify", answers).body
	for _, want := range []string{"<b>7.75</b> of 10", "1 + 9 × 6 ÷ 8 = 7.75", `value="Her profile"`, `class="missed"`, "once the open questions are answered"} {
		if !strings.Contains(page, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	answers.Set("answer."+ids[0][1], "Yes")
	if page := s.post(t, "/console/qualify", answers).body; !strings.Contains(page, "Disqualified.") || !strings.Contains(page, "<b>1</b> of 10") {
		t.Error("it is not disqualified")
	}
}

// TestOtherWorkspace walks all pages, and all forms, with the ids of another
// workspace.
func TestOtherWorkspace(t *testing.T) {
	t.Parallel()
	s := start(t)
	revision := regexp.MustCompile(`rv_\w+`).FindString(s.page(t, vp+"/history"))
	other := s.other(t)
	for _, k := range s.Library.Registry().Kinds() {
		if k.Singleton {
			continue
		}
		for _, more := range []string{"", "/edit", "/history", "/pack", "/history?r=" + revision} {
			if a := other.get(t, "/console/"+k.Name+"/"+k.Example+more); a.StatusCode != http.StatusNotFound || strings.Contains(a.body, "Larkfield") {
				t.Errorf("%s%s: %s", k.Example, more, a.Status)
			}
		}
	}
	forms := map[string]url.Values{
		"/console/persona": {"do": {"delete"}, "oId": {"demo-vp-of-sales"}}, vp + "/edit": {"do": {"save"}, "name": {"Mine"}},
		vp + "/history": {"revision": {revision}}, "/console/match/own": {"title": {"x"}, "persona": {"demo-vp-of-sales"}}, "/console/qualify": {"persona": {"demo-vp-of-sales"}},
	}
	for path, values := range forms {
		if a := other.post(t, path, values); a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("POST %s: %s", path, a.Status)
		}
	}
	for _, path := range []string{"/console", "/console/persona", "/console/changes", "/console/find?q=sales", "/console/export/persona", "/console/audit", "/console/match", "/console/persona?offeringOId=demo-larkfield"} {
		if body := other.page(t, path); strings.Contains(body, "VP of Sales") || strings.Contains(body, "Larkfield<") {
			t.Errorf("%s shows what is of another workspace", path)
		}
	}
	if s.revisions(t, vp) != 1 {
		t.Error("it was changed from another workspace")
	}
}

// TestReader shows that whoever may only read is refused every form, and is offered
// none.
func TestReader(t *testing.T) {
	t.Parallel()
	s := start(t)
	reader := s.reader(t)
	for path, values := range map[string]url.Values{
		"/console/persona": {"do": {"archive"}, "oId": {"demo-vp-of-sales"}}, vp + "/edit": {"do": {"save"}, "name": {"Mine"}}, "/console/new/persona": {"do": {"save"}, "name": {"Mine"}},
		"/console/match/own": {"title": {"x"}, "persona": {"demo-vp-of-sales"}}, vp + "/history": {"revision": {regexp.MustCompile(`rv_\w+`).FindString(s.page(t, vp+"/history"))}},
	} {
		if a := reader.post(t, path, values); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	for _, path := range []string{vp + "/edit", "/console/new/persona", "/console/import"} {
		if a := reader.get(t, path); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	for _, path := range []string{"/console/persona", vp, vp + "/history"} {
		if page := reader.page(t, path); strings.Contains(page, "/edit") || strings.Contains(page, "/new/") || strings.Contains(page, `name="do"`) {
			t.Errorf("%s offers a change", path)
		}
	}
}

// hostile is a text that runs a script wherever one thing is not escaped.
const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>'{{7*7}}`

// poisoned imports an entity of each kind in which every text is hostile.
func poisoned(t testing.TB, s *site) {
	t.Helper()
	var lines strings.Builder
	for _, k := range s.Library.Registry().Kinds() {
		record := map[string]any{"kind": k.Name, "oId": "x-" + k.Name}
		for _, f := range k.RequestFields() {
			var v any
			must(t, json.Unmarshal([]byte(orNull(f.Example)), &v))
			if len(f.Targets) == 0 && f.Type != entity.TypeEnum {
				v = poison(v)
			}
			if f.Type == entity.TypeQuestions {
				v = []map[string]string{{"question": hostile, "rationale": hostile, "fitType": "GOOD", "weight": "HIGH"}}
			}
			if len(f.Targets) > 0 {
				v = nil
			}
			if f.Required && len(f.Targets) > 0 {
				v = "demo-larkfield"
			}
			record[f.Name] = v
		}
		b, err := json.Marshal(record)
		must(t, err)
		lines.Write(append(b, '\n'))
	}
	_, err := s.Library.Import(t.Context(), library.ImportOptions{
		Workspace: s.setup.Workspace, Author: s.setup.Owner, Invalid: nil,
	}, library.ReadLines(strings.NewReader(lines.String())))
	must(t, err)
}

func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return s
}

func poison(v any) any {
	switch v := v.(type) {
	case string:
		return hostile
	case []any:
		for i := range v {
			v[i] = poison(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = poison(v[key])
		}
	}
	return v
}

// TestHostileTexts shows that a text in any field of any kind is shown as text.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	s := start(t)
	poisoned(t, s)
	paths := []string{"/console", "/console/changes", "/console/audit", "/console/find?q=script", "/console/find?q=" + url.QueryEscape(hostile), "/console/persona?q=" + url.QueryEscape(hostile), "/console/new/persona?name=" + url.QueryEscape(hostile)}
	for _, k := range s.Library.Registry().Kinds() {
		at := "/console/" + k.Name + "/x-" + k.Name
		if k.Singleton {
			at = "/console/" + k.Name + "/-"
		}
		paths = append(paths, at, at+"/edit", at+"/history", at+"/pack", "/console/"+k.Name+"?q=script")
	}
	shown := 0
	for _, path := range slices.Compact(paths) {
		a := s.get(t, path)
		if a.StatusCode != http.StatusOK && !strings.Contains(path, "?q=script") {
			t.Errorf("%s: %s", path, a.Status)
		}
		if strings.Contains(a.body, "<script>alert") || strings.Contains(a.body, "<img src=x") {
			t.Errorf("%s runs a script", path)
		}
		shown += strings.Count(a.body, "&lt;script&gt;")
	}
	if shown < 200 {
		t.Errorf("the text is shown %d times only", shown)
	}
	if a := s.upload(t, "/console/import", hostile, `{"name":`+`"`+strings.Repeat("x", 300)+`","<script>alert(1)</script>":1}`); strings.Contains(a.body, "<script>alert") {
		t.Error("an error of an import runs a script")
	}
}
