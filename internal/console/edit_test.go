package console_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

const vp = "/console/persona/demo-vp-of-sales"

// form is what a browser would send of the first form with an id, in its order.
func form(t testing.TB, page string) [][2]string {
	t.Helper()
	_, page, ok := strings.Cut(page, `<form id="editor"`)
	if !ok {
		t.Fatal("there is no editor")
	}
	page, _, _ = strings.Cut(page, "</form>")
	page = regexp.MustCompile(`(?s)<noscript>.*?</noscript>`).ReplaceAllString(page, "")
	var list [][2]string
	attribute := func(tag, name string) string {
		if found := regexp.MustCompile(`\s` + name + `="([^"]*)"`).FindStringSubmatch(tag); found != nil {
			return html.UnescapeString(found[1])
		}
		return ""
	}
	selected := ""
	for _, m := range regexp.MustCompile(`(?s)<textarea([^>]*)>\n?(.*?)</textarea>|<input([^>]*)>|<select([^>]*)>(.*?)</select>`).FindAllStringSubmatch(page, -1) {
		switch {
		case m[3] != "":
			kind := attribute(m[3], "type")
			if (kind == "checkbox" || kind == "radio") && !strings.HasSuffix(m[3], " checked") {
				continue
			}
			list = append(list, [2]string{attribute(m[3], "name"), attribute(m[3], "value")})
		case m[4] != "":
			selected = ""
			for i, o := range regexp.MustCompile(`<option([^>]*)>`).FindAllStringSubmatch(m[5], -1) {
				if i == 0 || strings.HasSuffix(o[1], " selected") {
					selected = attribute(o[1], "value")
				}
			}
			list = append(list, [2]string{attribute(m[4], "name"), selected})
		default:
			list = append(list, [2]string{attribute(m[1], "name"), html.UnescapeString(m[2])})
		}
	}
	return list
}

// submit sends a form as a browser does, after change.
func (s *site) submit(t testing.TB, path string, list [][2]string, do string, header ...string) answer {
	t.Helper()
	var body []string
	for _, p := range append(list, [2]string{"do", do}) {
		body = append(body, url.QueryEscape(p[0])+"="+url.QueryEscape(strings.ReplaceAll(p[1], "\n", "\r\n")))
	}
	return s.send(t, http.MethodPost, path, "application/x-www-form-urlencoded", []byte(strings.Join(body, "&")), header...)
}

// set changes the n-th value of a name.
func set(list [][2]string, name string, n int, value string) [][2]string {
	for i := range list {
		if list[i][0] == name {
			if n == 0 {
				list[i][1] = value
				return list
			}
			n--
		}
	}
	return append(list, [2]string{name, value})
}

// revisions is how many an entity has.
func (s *site) revisions(t testing.TB, path string) int {
	t.Helper()
	return strings.Count(s.page(t, path+"/history"), "<i>")
}

// TestFormChangesNothing shows, for an entity of each kind, that a form that is
// sent back as it came makes no revision.
func TestFormChangesNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, k := range s.Library.Registry().Kinds() {
		path := "/console/" + k.Name + "/" + k.Example
		if k.Singleton {
			path = "/console/" + k.Name + "/-"
		}
		a := s.submit(t, path+"/edit", form(t, s.page(t, path+"/edit")), "save")
		if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != path {
			t.Errorf("%s: %s to %s\n%.500s", path, a.Status, a.Header.Get("Location"), a.body)
		}
		if n := s.revisions(t, path); n != 1 {
			t.Errorf("%s has %d revisions", path, n)
		}
	}
}

// TestEdit shows that a form without scripts changes a list, a question and a link
// in one revision.
func TestEdit(t *testing.T) {
	t.Parallel()
	s := start(t)
	list := form(t, s.page(t, vp+"/edit"))
	list = set(list, "painPoints", 1, "A new pain\nin two lines")
	list = set(list, "painPoints", 2, "") // removes it
	list = set(list, "qualifyingQuestions.weight", 0, "LOW")
	list = append(list, [2]string{"playbookOIds", "demo-playbook-first-reps"})
	if a := s.submit(t, vp+"/edit", list, "save"); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	page := s.page(t, vp)
	for _, want := range []string{"A new pain\nin two lines", "founder&#39;s first two reps"} {
		if !strings.Contains(page, want) {
			t.Errorf("the brief lacks %q", want)
		}
	}
	if strings.Contains(page, "The forecast lives in a spreadsheet because") {
		t.Error("the item that was emptied is there")
	}
	if past := s.page(t, vp+"/history"); !strings.Contains(past, "Pain points, Qualifying questions, Playbooks") || strings.Count(past, "<i>") != 2 {
		t.Error("the history does not name the fields")
	}
}

// TestEditWithErrors shows that errors stand beside their fields, and that nothing
// typed is lost.
func TestEditWithErrors(t *testing.T) {
	t.Parallel()
	s := start(t)
	list := form(t, s.page(t, vp+"/edit"))
	list = set(list, "name", 0, "")
	list = set(list, "painPoints", 0, "Typed and kept")
	list = set(list, "qualifyingQuestions.question", 2, "")
	a := s.submit(t, vp+"/edit", list, "save")
	if a.StatusCode != http.StatusUnprocessableEntity {
		t.Fatal(a.Status)
	}
	for _, want := range []string{"2 to fix", "Must not be empty.", "Typed and kept", "A question needs its text. Write it, or remove the question.", `aria-invalid="true"`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	list = set(set(form(t, a.body), "name", 0, "VP of Sales"), "qualifyingQuestions.question", 2, "Is it?")
	if a := s.submit(t, vp+"/edit", list, "save"); a.StatusCode != http.StatusSeeOther {
		t.Fatalf("after the correction: %s", a.Status)
	}
	if page := s.page(t, vp); !strings.Contains(page, "Typed and kept") || !strings.Contains(page, "Is it?") {
		t.Error("what was typed is not saved")
	}
}

// TestNothingTypedIsLost shows that a save that is refused shows what was typed, and
// takes it again.
func TestNothingTypedIsLost(t *testing.T) {
	t.Parallel()
	s := start(t)
	typed := set(form(t, s.page(t, vp+"/edit")), "description", 0, "Typed <b> and kept")
	s.post(t, "/console/persona", url.Values{"do": {"delete"}, "oId": {"demo-vp-of-sales"}})
	for name, test := range map[string]struct {
		who    *site
		status int
		want   string
	}{
		"deleted meanwhile": {s, http.StatusConflict, "It was deleted meanwhile"},
		"signed out":        {s.stranger(), http.StatusUnauthorized, `href="/console/sign-in?next=%2Fconsole%2Fpersona%2Fdemo-vp-of-sales%2Fedit"`},
		"may only read":     {s.reader(t), http.StatusForbidden, "Typed"},
		"elsewhere":         {s.other(t), http.StatusConflict, "another workspace"},
	} {
		a := test.who.submit(t, vp+"/edit", typed, "save", "Referer", s.URL()+vp+"/edit")
		if a.StatusCode != test.status || !strings.Contains(a.body, test.want) || !strings.Contains(a.body, "Typed &lt;b&gt; and kept") {
			t.Errorf("%s: %s\n%s", name, a.Status, a.body)
		}
	}
	if a := s.submit(t, vp+"/edit", typed, "save", "Origin", "https://evil.example"); strings.Contains(a.body, "Typed") {
		t.Error("a form of another site is kept")
	}
	s.post(t, "/console/persona", url.Values{"do": {"undelete"}, "oId": {"demo-vp-of-sales"}})
	if a := s.submit(t, vp+"/edit", typed, "save"); a.StatusCode != http.StatusConflict || !strings.Contains(a.body, "Typed &lt;b&gt; and kept") {
		t.Errorf("after it was brought back: %s", a.Status)
	} else if a := s.submit(t, vp+"/edit", form(t, a.body), "save"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("once more: %s", a.Status)
	}
}

// TestConflict shows that two who edit at once lose nothing: fields that one of
// them changed are merged, and for others they are asked.
func TestConflict(t *testing.T) {
	t.Parallel()
	s := start(t)
	mine, theirs := form(t, s.page(t, vp+"/edit")), form(t, s.page(t, vp+"/edit"))
	theirs = set(set(theirs, "internalName", 0, "Their name"), "description", 0, "Their description")
	if a := s.submit(t, vp+"/edit", theirs, "save"); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	mine = set(set(mine, "description", 0, "My description"), "painPoints", 0, "My pain")
	a := s.submit(t, vp+"/edit", mine, "save")
	if a.StatusCode != http.StatusConflict {
		t.Fatal(a.Status)
	}
	for _, want := range []string{"saved this persona while you were editing", "Their name", "My description", "My pain", "changed this, too", "Their"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	taken := s.submit(t, vp+"/edit", form(t, a.body), "theirs description")
	if taken.StatusCode != http.StatusOK || !strings.Contains(taken.body, "Their description") || strings.Contains(taken.body, "My description") {
		t.Fatalf("taking theirs: %s", taken.Status)
	}
	if a := s.submit(t, vp+"/edit", form(t, taken.body), "save"); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.Status)
	}
	page := s.page(t, vp)
	for _, want := range []string{"Their name", "Their description", "My pain"} {
		if !strings.Contains(page, want) {
			t.Errorf("the merged persona lacks %q", want)
		}
	}
}

// TestCreate shows that a form that is sent twice makes one entity.
func TestCreate(t *testing.T) {
	t.Parallel()
	s := start(t)
	list := form(t, s.page(t, "/console/new/use-case?name=Preset"))
	first, second := s.submit(t, "/console/new/use-case", list, "save"), s.submit(t, "/console/new/use-case", list, "save")
	if at := first.Header.Get("Location"); first.StatusCode != http.StatusSeeOther || at != second.Header.Get("Location") || !strings.Contains(s.page(t, at), "Preset") {
		t.Errorf("%s %s, then %s %s\n%.800s", first.Status, at, second.Status, second.Header.Get("Location"), first.body)
	}
	if a := s.submit(t, "/console/new/use-case", form(t, s.page(t, "/console/new/use-case")), "save"); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("without a name: %s", a.Status)
	}
}

// TestDifference shows what saving would change, before it does.
func TestDifference(t *testing.T) {
	t.Parallel()
	s := start(t)
	a := s.submit(t, vp+"/edit", set(form(t, s.page(t, vp+"/edit")), "name", 0, "VP of Revenue"), "diff")
	if !strings.Contains(a.body, "<del>Sales</del>") || !strings.Contains(a.body, "<ins>Revenue</ins>") || s.revisions(t, vp) != 1 {
		t.Errorf("%s %s", a.Status, fmt.Sprint(len(a.body)))
	}
}
