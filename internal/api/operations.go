package api

import (
	"context"
	"io"
	"net/http"
	"time"

	"personae.dev/internal/httpx"
	"personae.dev/internal/persona"
)

// readyTimeout is how long the database may take to be called ready.
const readyTimeout = 2 * time.Second

// healthz answers GET /healthz: the process lives.
func (a *API) healthz(w *httpx.ResponseWriter, _ *http.Request) error {
	return writeOK(w)
}

// readyz answers GET /readyz: the database answers too.
func (a *API) readyz(w *httpx.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := a.library.Ping(ctx); err != nil {
		return persona.UnavailableError(err, "The database does not answer.")
	}
	return writeOK(w)
}

func writeOK(w *httpx.ResponseWriter) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n")
	return nil
}
