package api

import (
	"context"
	"io"
	"net/http"
	"time"

	"personae.dev/internal/api/docs"
	"personae.dev/internal/httpx"
)

// readyTimeout is how long the database may take to be called ready.
const readyTimeout = 2 * time.Second

// openRoute is a route that needs no key.
func openRoute(path string, h httpx.Handler) httpx.Route {
	return httpx.Route{Method: http.MethodGet, Path: path, Handler: h}
}

// Operations lists the calls of operators.
func (a *API) Operations() []httpx.Route {
	routes := []httpx.Route{openRoute("/healthz", a.healthz), openRoute("/readyz", a.readyz)}
	if a.Metrics != nil {
		routes = append(routes, openRoute("/metrics", httpx.FromHTTP(a.Metrics)))
	}
	return routes
}

// documentation lists the calls of readers of the documentation.
func documentation() []httpx.Route {
	routes := []httpx.Route{openRoute("/openapi.yaml", httpx.FromHTTP(docs.OpenAPI()))}
	pages := docs.NewPages()
	for path := range pages {
		routes = append(routes, openRoute(path, httpx.FromHTTP(pages)))
	}
	return routes
}

// healthz answers GET /healthz: the process is alive.
func (a *API) healthz(w http.ResponseWriter, _ *http.Request) error { return writeOK(w) }

// readyz answers GET /readyz: the database answers, and can be written.
func (a *API) readyz(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := a.Ready(ctx); err != nil {
		return err
	}
	return writeOK(w)
}

func writeOK(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n") // the client may be gone
	return nil
}
