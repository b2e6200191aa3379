package api

import (
	"fmt"
	"net/http"
	"strings"

	"personae.dev/internal/api/docs"
	"personae.dev/internal/httpx"
	"personae.dev/internal/persona"
)

// route is one path of the API with one verb. GET answers HEAD too.
type route struct {
	method, path string
	handler      httpx.Handler
}

// routes lists every route there is.
func (a *API) routes() []route {
	routes := []route{
		{"GET", "/api/v2/persona/get", a.get(a.getPersona)},
		// The oldest n8n node of the vendor asks for this path.
		{"GET", "/api/v2/personas/get", a.get(a.getPersona)},
		{"GET", "/api/v2/persona/list", a.list(a.listPersonas)},
		{"POST", "/api/v2/persona/create", a.change(a.createPersona)},
		{"POST", "/api/v2/persona/update", a.change(a.updatePersona)},
		// The vendor's n8n node sends PUT.
		{"PUT", "/api/v2/persona/update", a.change(a.updatePersona)},
		{"PATCH", "/api/v2/persona/update", a.change(a.updatePersona)},
		{"DELETE", "/api/v2/persona/delete", a.change(a.deletePersona)},
		{"POST", "/api/v2/persona/archive", a.change(a.archivePersona)},
		{"POST", "/api/v2/persona/restore", a.change(a.restorePersona)},
		{"POST", "/api/v2/persona/question/update", a.change(a.updateQuestion)},
		{"POST", "/api/v2/persona/question/archive", a.change(a.archiveQuestion)},
		{"POST", "/api/v2/persona/question/restore", a.change(a.restoreQuestion)},
		{"GET", "/api/v2/revision/list", a.list(a.listRevisions)},
		{"GET", "/api/v2/revision/get", a.get(a.getRevision)},

		{"GET", "/api/v2/api-key/validate", a.get(a.validateKey)},
		{"GET", "/api/v2/api-key/list", a.list(a.listKeys)},

		{"GET", "/healthz", a.healthz},
		{"GET", "/readyz", a.readyz},
		{"GET", "/metrics", plain(a.metrics)},
		{"GET", "/openapi.yaml", plain(docs.OpenAPI())},
	}
	pages := docs.NewPages()
	for path := range pages {
		routes = append(routes, route{"GET", path, plain(pages)})
	}
	return routes
}

// plain is the Handler of an http.Handler that answers its errors itself.
func plain(h http.Handler) httpx.Handler {
	return func(w *httpx.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	}
}

// unmatched answers what no route matched: 405 where the path has other verbs,
// else 404.
func unmatched(routes []route) httpx.Handler {
	allowed := map[string][]string{}
	for _, route := range routes {
		allowed[route.path] = append(allowed[route.path], route.method)
		if route.method == http.MethodGet {
			allowed[route.path] = append(allowed[route.path], http.MethodHead)
		}
	}
	return func(w *httpx.ResponseWriter, r *http.Request) error {
		methods := allowed[r.URL.Path]
		if methods == nil || r.URL.RawPath != "" { // the path is another one, encoded
			return persona.NotFoundf("path_not_found", "There is nothing at this path. The API reference is at /docs.")
		}
		w.Header().Set("Allow", strings.Join(methods, ", "))
		return &persona.Error{
			Kind: methodNotAllowed, Code: "method_not_allowed",
			Message: fmt.Sprintf("This path does not answer %s: use %s.", r.Method, strings.Join(methods, " or ")),
		}
	}
}
