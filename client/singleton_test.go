package client

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSingleton shows that the one entity of a kind is read without an id, also
// before it is there, and written without one.
func TestSingleton(t *testing.T) {
	t.Parallel()
	type company struct {
		Name string `json:"name"`
	}
	var sent []string
	stored := "null"
	s := &script{answers: []reply{func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		sent = append(sent, r.Method+" "+r.URL.RequestURI()+" "+string(body))
		if r.Method == http.MethodPost {
			stored = string(body)
		}
		return &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}, "Etag": {`"v1"`}}, Request: r,
			Body: io.NopCloser(strings.NewReader(`{"_metadata":{"message":"OK"},"data":` + stored + `}`)),
		}, nil
	}}}
	one := &Singleton[company, json.RawMessage]{s.client(t), "workspace-company"}
	if got, err := one.Get(t.Context()); err != nil || got.Entity != nil {
		t.Errorf("before the first write: %+v, %v", got, err)
	}
	if got, err := one.Update(t.Context(), json.RawMessage(`{"name":"Globex"}`), Clear("url")); err != nil || got.Entity.Name != "Globex" || got.ETag != `"v1"` {
		t.Errorf("the update: %+v, %v", got, err)
	}
	if got, err := one.Get(t.Context()); err != nil || got.Entity == nil || got.Entity.Name != "Globex" {
		t.Errorf("after it: %+v, %v", got, err)
	}
	want := []string{
		"GET /api/v2/workspace-company/get ",
		`POST /api/v2/workspace-company/update {"url":null,"name":"Globex"}`,
		"GET /api/v2/workspace-company/get ",
	}
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}
