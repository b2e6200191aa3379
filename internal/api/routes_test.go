package api_test

import (
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"personae.dev/contract"
	"personae.dev/internal/account"
	"personae.dev/internal/api"
	"personae.dev/internal/httpx"
)

// TestRoutesAreTheContracts holds the routes and the document against each
// other: what one has, the other has.
func TestRoutesAreTheContracts(t *testing.T) {
	t.Parallel()
	s := setup(t)
	old := map[string]string{} // the beginning of the path in the singular, by that in the plural
	for _, k := range s.library.Registry().Kinds() {
		old["/api/v2/"+k.PathPlural()+"/"] = "/api/v2/" + k.Name + "/"
	}
	var served, atOldPaths []string
	for _, route := range api.New(api.Config{Library: s.library, Metrics: http.NotFoundHandler()}).Routes() {
		if strings.HasPrefix(route.Path, "/docs/") {
			continue // the page's own files, named by their content: /docs/{asset}
		}
		dir, call := path.Split(route.Path)
		if now := old[dir]; now != "" {
			atOldPaths = append(atOldPaths, route.Method+" "+now+call)
			continue
		}
		served = append(served, route.Method+" "+route.Path)
	}
	document, err := openapi3.NewLoader().LoadFromData(contract.OpenAPI())
	must(t, err)
	var documented []string
	for at, item := range document.Paths.Map() {
		for method := range item.Operations() {
			if at != "/docs/{asset}" {
				documented = append(documented, method+" "+at)
			}
		}
	}
	slices.Sort(served)
	slices.Sort(documented)
	if diff := cmp.Diff(documented, served); diff != "" {
		t.Errorf("-contract +served:\n%s", diff)
	}
	for _, route := range atOldPaths {
		if !slices.Contains(served, route) {
			t.Errorf("%s is served at the old path alone", route)
		}
	}
}

// TestRoutesHaveTheirGates shows that no route of the contract is without a
// scope and a gate, that what changes something needs the scope write, and that
// bodies are bounded.
func TestRoutesHaveTheirGates(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, route := range api.New(api.Config{Library: s.library, Metrics: http.NotFoundHandler()}).Routes() {
		if !strings.HasPrefix(route.Path, "/api/") {
			continue
		}
		want := httpx.Route{Class: httpx.ClassGet, Scope: account.ScopeRead}
		switch {
		case strings.HasSuffix(route.Path, "/list"), strings.HasSuffix(route.Path, "/search"), strings.HasSuffix(route.Path, "/unmatched"), strings.HasSuffix(route.Path, "/audit"):
			want.Class = httpx.ClassList
		case strings.HasSuffix(route.Path, "/match"): // it changes nothing
			want.Class, want.BodyLimit = httpx.ClassList, api.MaxBodyBytes
		case strings.HasSuffix(route.Path, "/qualify"), strings.HasSuffix(route.Path, "/run"): // they change nothing
			want.Class, want.BodyLimit = httpx.ClassModel, api.MaxBodyBytes
		case strings.HasSuffix(route.Path, "/generate"):
			want.Class, want.Scope, want.BodyLimit = httpx.ClassModel, account.ScopeWrite, api.MaxBodyBytes
		case route.Method != http.MethodGet:
			want.Class, want.Scope, want.BodyLimit = httpx.ClassWrite, account.ScopeWrite, api.MaxBodyBytes
		}
		if strings.HasPrefix(route.Path, "/api/v2/api-key/") && route.Method == http.MethodPost {
			want.Scope = account.ScopeAdmin
		}
		if route.Method == http.MethodDelete {
			want.BodyLimit = 0
		}
		if route.Class != want.Class || route.Scope != want.Scope || route.BodyLimit != want.BodyLimit {
			t.Errorf("%s %s: class %d, scope %q, body %d", route.Method, route.Path, route.Class, route.Scope, route.BodyLimit)
		}
	}
}
