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

// hot returns what the hot path answers and to whom: a cached key, a cached
// persona, the access log as it ships.
func hot(t testing.TB) (s *server, w *discard, request *http.Request) {
	t.Helper()
	// Discarded when it is written, and not before, as slog.DiscardHandler does.
	log := slog.New(slog.NewJSONHandler(struct{ io.Writer }{io.Discard}, nil))
	s = setup(t, withLog(log))
	request = s.request(t, http.MethodGet, "/api/v2/persona/get?oId="+s.persona.OID, s.token)
	request.Header.Set("User-Agent", "bench")
	return s, &discard{header: http.Header{}}, request
}

// TestGetPersonaAllocates keeps the hot path from growing unseen: two texts (the
// request's id, the length) and what holds the values of headers.
func TestGetPersonaAllocates(t *testing.T) { //nolint:paralleltest // what others allocate would count
	const most = 3
	s, w, request := hot(t)
	got := testing.AllocsPerRun(1000, func() {
		clear(w.header)
		s.handler.ServeHTTP(w, request)
	})
	if got > most+dropped {
		t.Errorf("%.0f allocations, and %d are allowed", got, most)
	}
}

// BenchmarkGetPersona is the hot path without net/http's own part: a cached key,
// a cached persona, the access log as it ships.
func BenchmarkGetPersona(b *testing.B) {
	s, w, request := hot(b)
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		s.handler.ServeHTTP(w, request)
	}
}
