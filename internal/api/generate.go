package api

import (
	"net/http"
	"strings"
	"time"

	"personae.dev/internal/generate"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
)

// GenerateTimeout is how long a generate call may take. It ends before the lease
// of its idempotency key does.
const GenerateTimeout = library.IdempotencyLease - time.Minute

// generateRoute is the route of KIND/generate.
func (s resource) generateRoute(name string) httpx.Route {
	route := writeRoute(http.MethodPost, name+"generate", s.generate)
	route.Class, route.Timeout = httpx.ClassModel, GenerateTimeout
	return route
}

// generate answers POST KIND/generate.
func (s resource) generate(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	questionIDs, strict, draft := q.questionIDs(), q.truth("strictLinks"), q.truth("draft")
	body, err := httpx.JSONBody(r)
	if err != nil {
		return err
	}
	request := generate.Decode(s.kind, body, fromN8n(r))
	found, err := s.Generator.Generate(r.Context(), callerOf(r), s.kind, request, generate.Options{
		IdempotencyKey: r.Header.Get("Idempotency-Key"), Body: body, Errors: q.errors.Fields(), StrictLinks: strict, Draft: draft,
	})
	if err != nil {
		return err
	}
	all := &library.Written{}
	bodies := make([][]byte, len(found.Written))
	for i, written := range found.Written {
		if bodies[i], err = s.shown(written, questionIDs); err != nil {
			return err
		}
		all.Missing = append(all.Missing, written.Missing...)
		if written.Replayed {
			w.Header().Set("Idempotency-Replayed", "true")
		}
	}
	text := writtenMessage(q, request.Unknown, all)
	if draft {
		text += ". Nothing was written"
	}
	if len(found.Notes) > 0 {
		text += ". " + strings.Join(found.Notes, ". ")
	}
	w.Header().Set("Cache-Control", "no-store")
	if s.kind.GeneratesOne {
		return httpx.WriteWrapped(w, r, text, bodies[0])
	}
	return httpx.WriteWrapped(w, r, text, joinArray(bodies))
}

// joinArray returns a JSON array of values that are encoded.
func joinArray(values [][]byte) []byte {
	b := []byte{'['}
	for i, value := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, value...)
	}
	return append(b, ']')
}
