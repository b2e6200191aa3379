package httpx

import (
	"fmt"
	"net/http"
	"path"
	"strings"

	"personae.dev/internal/errs"
)

// mux returns the handler that finds the route of a request. It answers 404 and
// 405 as JSON, and redirects nothing.
func (t *transport) mux() http.Handler {
	// Of routes alone, to learn which methods a path has; all has a pattern more,
	// for what none of them matches.
	routes, all := http.NewServeMux(), http.NewServeMux()
	for _, route := range t.Routes {
		name := route.Method + " " + route.Path
		pattern := name
		if strings.HasSuffix(pattern, "/") {
			pattern += "{$}" // not all that begins with it
		}
		routes.Handle(pattern, http.NotFoundHandler())
		all.Handle(pattern, exactly(route.Path, t.serve(route, t.Observe(name))))
	}
	all.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		failed := &statusOnly{header: http.Header{}}
		routes.ServeHTTP(failed, r)
		if failed.status != http.StatusMethodNotAllowed {
			if err := t.NotFound(r.URL.Path); err != nil {
				fail(w, r, err)
				return
			}
			notFound(w, r)
			return
		}
		allow := failed.header.Get("Allow")
		w.Header().Set("Allow", allow)
		fail(w, r, &errs.Error{
			Kind: MethodNotAllowed, Code: errs.CodeMethodNotAllowed,
			Message: fmt.Sprintf("This path does not answer %s: use %s.", loggedMethod(r.Method), strings.ReplaceAll(allow, ", ", " or ")),
		})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// ServeMux would redirect these to the path that they nearly are.
		if p := r.URL.EscapedPath(); !strings.HasPrefix(p, "/") || path.Clean(p) != p {
			notFound(w, r)
			return
		}
		all.ServeHTTP(w, r)
	})
}

// exactly returns h for requests whose path is spelled as the route's, if that
// has no wildcards. ServeMux also matches percent-encoded spellings.
func exactly(routePath string, h http.Handler) http.Handler {
	if strings.Contains(routePath, "{") {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.EscapedPath() != routePath {
			notFound(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func notFound(w http.ResponseWriter, r *http.Request) {
	fail(w, r, errs.NotFoundf(errs.CodePathNotFound, "There is nothing at this path. The API reference is at /docs."))
}

// statusOnly notes the status and the header of an answer.
type statusOnly struct {
	header http.Header
	status int
}

// Header implements http.ResponseWriter.
func (s *statusOnly) Header() http.Header { return s.header }

// WriteHeader implements http.ResponseWriter.
func (s *statusOnly) WriteHeader(status int) { s.status = status }

// Write implements http.ResponseWriter.
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
