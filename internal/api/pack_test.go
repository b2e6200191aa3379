package api_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestContextPack(t *testing.T) {
	t.Parallel()
	s := setup(t)
	e := s.edit(t)
	product, _ := e.post(t, "/api/v2/product/create", `{"name":"Forecast","summary":"Numbers that hold."}`).value(t, "data.oId").(string)
	oID, _ := e.post(t, createPath, `{"name":"VP","painPoints":["Slips"],"primaryOfferingOId":"`+product+`"}`).value(t, "data.oId").(string)
	const path = "/api/v2/persona/get?format=markdown&oId="
	key := []string{"Api_key", s.token}
	alone, linked := e.get(t, path+oID, key...), e.get(t, path+oID+"&with=links&maxTokens=100", key...)
	if !strings.HasPrefix(alone.body, "# VP\n") || !strings.Contains(alone.body, "- Slips\n") || strings.Contains(alone.body, "Forecast") {
		t.Errorf("%s", alone.body)
	}
	if alone.header.Get("Content-Type") != "text/markdown; charset=utf-8" {
		t.Errorf("%v", alone.header)
	}
	if !strings.Contains(linked.body, "\n## Primary offering: Forecast\n") || len(linked.body) > 400 {
		t.Errorf("%s", linked.body)
	}
	if got := e.get(t, path+oID, "Api_key", s.token, "If-None-Match", alone.header.Get("Etag")); got.status != http.StatusNotModified {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := e.get(t, "/api/v2/workspace-company/get?format=markdown&with=links", key...); got.status != http.StatusOK || !strings.Contains(got.body, "not written yet") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := e.get(t, path+"pe_nobody", key...); got.status != http.StatusNotFound {
		t.Errorf("%d %s", got.status, got.body)
	}
	for query, field := range map[string]string{
		"format=markdown&maxTokens=99": "maxTokens", "format=markdown&maxTokens=100001": "maxTokens", "format=html": "format",
		"format=markdown&with=all": "with", "with=links": "with", "maxTokens=500": "maxTokens", "format=markdown&include=links": "include",
	} {
		got := e.get(t, "/api/v2/persona/get?oId="+oID+"&"+query, key...)
		if _, fields := failure(t, got); got.status != http.StatusBadRequest || len(fields) != 1 || fields[0] != field {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
}
