package api_test

import (
	"io"
	"log/slog"
	"net/http"
	"testing"
)

// discard is the cheapest http.ResponseWriter there can be.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// BenchmarkGetPersona is the hot path without net/http's own part: a cached key,
// a cached persona, the access log as it ships.
func BenchmarkGetPersona(b *testing.B) {
	// Discarded when it is written, and not before, as slog.DiscardHandler does.
	log := slog.New(slog.NewJSONHandler(struct{ io.Writer }{io.Discard}, nil))
	s := setup(b, withLog(log))
	request := s.request(b, http.MethodGet, "/api/v2/persona/get?oId="+s.persona.OID, s.token)
	request.Header.Set("User-Agent", "bench")
	w := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		s.handler.ServeHTTP(w, request)
	}
}
