package api_test

import (
	"net/http"
	"testing"
)

func TestFind(t *testing.T) {
	t.Parallel()
	s := setup(t)
	e := s.edit(t)
	segment := e.post(t, "/api/v2/segment/create", `{"name":"Twice"}`).value(t, "data.oId").(string)
	e.post(t, createPath, `{"name":"Twice"}`)
	const path = "/api/v2/library/find?idOrName="
	for ref, kinds := range map[string][]string{segment: {"segment"}, "Twice": {"persona", "segment"}, "twice": nil, "nobody": nil, "%00": nil} {
		got := e.get(t, path+ref, "Api_key", s.token)
		rows := got.value(t, "data").([]any)
		found := map[any]bool{}
		for _, r := range rows {
			found[r.(map[string]any)["kind"]] = true
		}
		if got.status != http.StatusOK || len(rows) != len(kinds) {
			t.Errorf("%s: %d %s", ref, got.status, got.body)
		}
		for _, kind := range kinds {
			if !found[kind] {
				t.Errorf("%s: no %s in %s", ref, kind, got.body)
			}
		}
	}
	if got := e.get(t, path+segment, "Api_key", s.otherToken); len(got.value(t, "data").([]any)) != 0 {
		t.Errorf("another workspace finds %s", got.body)
	}
	if got := e.get(t, "/api/v2/library/find", "Api_key", s.token); got.status != http.StatusBadRequest {
		t.Errorf("%d %s", got.status, got.body)
	}
}
