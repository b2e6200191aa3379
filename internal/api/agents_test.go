package api_test

import (
	"net/http"
	"testing"
)

func TestAgents(t *testing.T) {
	t.Parallel()
	s := setup(t)
	e := s.edit(t)
	const root = "/api/v2/agents/"
	made := e.post(t, root+"create", `{"name":"Qualify","type":"QUALIFY_PERSON","model":"PULSE","data":{"model":"NOTE","tools":{"<b>":1}}}`)
	oID, _ := made.value(t, "data.oId").(string)
	if made.value(t, "data.data.model") != "PULSE" || made.value(t, "data.data.tools.<b>") != 1.0 || made.value(t, "data.costToRun") != 0.0 {
		t.Fatalf("%d %s", made.status, made.body)
	}
	if got := e.get(t, root+"get?oId="+oID, "Api_key", s.token); got.value(t, "data.oId") != oID {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := e.get(t, root+"get?oId="+oID, "Api_key", s.otherToken); got.status != http.StatusNotFound {
		t.Errorf("another workspace: %d %s", got.status, got.body)
	}
	updated := e.post(t, root+"update", `{"oId":"`+oID+`","description":"For forms","model":null}`)
	if updated.value(t, "data.name") != "Qualify" || updated.value(t, "data.description") != "For forms" || updated.value(t, "data.data.model") != nil {
		t.Errorf("%d %s", updated.status, updated.body)
	}
	for body, field := range map[string]string{
		`{"type":"EMAIL"}`: "name", `{"name":"x"}`: "type", `{"name":"x","type":"POEM"}`: "type", `{"name":1,"type":"EMAIL"}`: "name",
		`{"name":"x","type":"EMAIL","data":[]}`: "data", `[]`: "body",
	} {
		got := e.post(t, root+"create", body)
		if _, fields := failure(t, got); got.status != http.StatusBadRequest || len(fields) == 0 || fields[0] != field {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	if got := e.post(t, root+"create", `{"name":"x","type":"EMAIL"}`, "Content-Type", "text/plain"); got.status != http.StatusUnsupportedMediaType {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := e.send(t, http.MethodDelete, root+"delete?oId="+oID, ""); got.value(t, "data.oId") != oID {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := e.send(t, http.MethodDelete, root+"delete?oId="+oID, ""); got.status != http.StatusNotFound {
		t.Errorf("%d %s", got.status, got.body)
	}
}
