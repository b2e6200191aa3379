package api_test

import (
	"strings"
	"testing"
)

const matchPath = "/api/v2/persona/match"

func TestMatch(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.demo(t)
	e := s.edit(t)
	got := e.post(t, matchPath, `{"people":[{"jobTitle":"Head of RevOps","firstName":"Ada","hobby":"chess"},{"jobTitle":"Keeper of Bees"},{"firstName":"Grace"}],"limit":1,"colour":"red"}`)
	for path, want := range map[string]any{
		"data.0.title": "Head of RevOps", "data.0.matches.0.oId": "demo-revops-manager", "data.0.matches.0.confidence": "HIGH", "data.0.matches.0.inactive": false,
		"data.1.title": "Keeper of Bees", "data.1.matches.0": nil, "data.2.title": "", "data.2.matches.0": nil,
	} {
		if value := got.value(t, path); value != want {
			t.Errorf("%s is %v, want %v", path, value, want)
		}
	}
	if message, _ := got.value(t, "_metadata.message").(string); !strings.Contains(message, "colour") {
		t.Errorf("the message is %q", message)
	}
	draft := `{"titles":["Keeper of Bees"],"persona":{"oId":"demo-vp-of-sales","commonJobTitles":["Keeper of Bees"],"nonsense":1}}`
	if got := e.post(t, matchPath, draft); got.value(t, "data.0.matches.0.oId") != "demo-vp-of-sales" || !strings.Contains(string(got.body), "persona.nonsense") {
		t.Errorf("a draft: %s", got.body)
	}
	for body, field := range map[string]string{
		`[]`: "body", `{}`: "titles", `{"titles":[]}`: "titles", `{"titles":["a"],"people":[{}]}`: "titles", `{"titles":"a"}`: "titles",
		`{"people":["Ada"]}`: "people[0]", `{"people":[{"jobTitle":7}]}`: "people[0].jobTitle", `{"titles":["a"],"limit":0}`: "limit",
		`{"titles":["a"],"minScore":-1}`: "minScore", `{"titles":["a"],"counts":[1,2]}`: "counts", `{"titles":["a"],"persona":[]}`: "persona",
		`{"titles":["a"],"persona":{"name":""}}`: "persona.name", `{"titles":["a"],"offeringOId":"nope"}`: "offeringOId",
		`{"people":[{"jobTitle":"` + strings.Repeat("x", 501) + `"}]}`: "people[0].jobTitle",
	} {
		if got := e.post(t, matchPath, body); got.status != 400 || !strings.Contains(string(got.body), `"`+field+`"`) {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	if got := e.post(t, matchPath, `{"titles":["a"],"persona":{"oId":"pe_9","name":"x"}}`); got.status != 404 {
		t.Errorf("a draft of nobody: %d %s", got.status, got.body)
	}
}

func TestUnmatchedAndAudit(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.demo(t)
	e := s.edit(t)
	if got := e.send(t, "GET", "/api/v2/persona/unmatched", ""); got.value(t, "total") != 0.0 || !strings.Contains(string(got.body), "not counted on this server") {
		t.Errorf("%s", got.body)
	}
	if got := e.send(t, "GET", "/api/v2/library/audit?limit=1", ""); got.value(t, "counts.question") != 1.0 || got.value(t, "data.0.rule") != "no_bad_question" {
		t.Errorf("%s", got.body)
	}
	for _, path := range []string{"/api/v2/persona/unmatched?limit=0", "/api/v2/library/audit?limit=1001"} {
		if got := e.send(t, "GET", path, ""); got.status != 400 {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}
