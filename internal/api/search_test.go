package api_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSearchLibrary(t *testing.T) {
	t.Parallel()
	s := setup(t)
	e := s.edit(t)
	product := e.post(t, "/api/v2/product/create", `{"name":"Forecast","summary":"Numbers that hold."}`).value(t, "data.oId")
	persona := e.post(t, createPath, `{"name":"VP","painPoints":["No forecast holds"]}`).value(t, "data.oId")
	const path = "/api/v2/library/search?text="
	got := e.get(t, path+"fore&kinds=", "Api_key", s.token)
	want := []any{
		map[string]any{"kind": "product", "oId": product, "name": "Forecast", "snippet": "**Forecast**"},
		map[string]any{"kind": "persona", "oId": persona, "name": "VP", "snippet": "No **forecast** holds"},
	}
	if diff := cmp.Diff(want, got.value(t, "data")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := e.get(t, path+"fore&kinds=persona,UseCase&limit=1", "Api_key", s.token); got.value(t, "total") != 1.0 || got.value(t, "data[0].oId") != persona {
		t.Errorf("%s", got.body)
	}
	for query, field := range map[string]string{"": "text", "+": "text", "x&limit=101": "limit", "x&kinds=gadget": "kinds"} {
		got := e.get(t, path+query, "Api_key", s.token)
		if _, fields := failure(t, got); got.status != http.StatusBadRequest || len(fields) != 1 || fields[0] != field {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
}

func TestChangeFeed(t *testing.T) {
	t.Parallel()
	s := setup(t)
	e := s.edit(t)
	const path = "/api/v2/change/list?limit=2&after="
	key := []string{"Api_key", s.token}
	oID, _ := e.post(t, createPath, `{"name":"VP"}`).value(t, "data.oId").(string)
	e.post(t, "/api/v2/segment/create", `{"name":"Mid-market"}`)
	e.send(t, http.MethodDelete, "/api/v2/persona/delete?oId="+oID, "")
	first := e.get(t, path, key...)
	if first.value(t, "hasNext") != true || first.value(t, "data[0].action") != "imported" || first.value(t, "data[1].entityOId") != oID {
		t.Fatalf("%s", first.body)
	}
	next := func(a answer) string { return url.QueryEscape(a.value(t, "nextCursor").(string)) }
	second := e.get(t, path+next(first), key...)
	if second.value(t, "hasNext") != false || second.value(t, "data[0].entityType") != "Segment" || second.value(t, "data[1].action") != "deleted" {
		t.Fatalf("%s", second.body)
	}
	end := e.get(t, path+next(second), key...)
	if len(end.value(t, "data").([]any)) != 0 || end.value(t, "nextCursor") != second.value(t, "nextCursor") {
		t.Errorf("%s", end.body)
	}
	e.post(t, "/api/v2/persona/restore", `{"oId":"`+oID+`"}`)
	if got := e.get(t, path+next(end), key...); got.value(t, "data[0].action") != "restored" {
		t.Errorf("%s", got.body)
	}
	for _, cursor := range []string{"x", "ZmVlZCAwIC0x", next(first) + "="} {
		got := e.get(t, path+cursor, key...)
		if _, fields := failure(t, got); got.status != http.StatusBadRequest || len(fields) == 0 {
			t.Errorf("%s: %d %s", cursor, got.status, got.body)
		}
	}
}

func TestLinkUpdate(t *testing.T) {
	t.Parallel()
	s := setup(t)
	e := s.edit(t)
	product := e.post(t, "/api/v2/product/create", `{"name":"Forecast"}`).value(t, "data.oId").(string)
	persona := e.post(t, createPath, `{"name":"VP"}`).value(t, "data.oId").(string)
	const path = "/api/v2/link/update"
	got := e.post(t, path, `{"link":[{"oId":"`+persona+`","target":"`+product+`"}],"x":1}`)
	if got.status != http.StatusOK || got.value(t, "data[0].changed") != true || got.value(t, "_metadata.message") != "OK. Unknown fields were ignored: x" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := e.get(t, "/api/v2/persona/list?offeringOId="+product, "Api_key", s.token); got.value(t, "data[0].oId") != persona {
		t.Errorf("%s", got.body)
	}
	for body, field := range map[string]string{
		`{}`: "link", `{"link":[{"oId":"pe_nobody","target":"` + product + `"}]}`: "link[0].oId", `{"link":{}}`: "link", `[]`: "body",
	} {
		got := e.post(t, path, body)
		if _, fields := failure(t, got); got.status != http.StatusBadRequest || len(fields) != 1 || fields[0] != field {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	if got := e.send(t, http.MethodPost, path, `{"link":[]}`, "api_key", s.token); got.status < 400 {
		t.Errorf("%d %s", got.status, got.body)
	}
}
