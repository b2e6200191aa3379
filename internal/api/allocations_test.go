//go:build !race

package api_test

import (
	"io"
	"log/slog"
	"net/http"
	"testing"
)

// hotGetAllocations is how many allocations a get of a cached persona may make
// in our own code, as BenchmarkGetPersona counts them. It may fall, and rises
// for a reason that the commit tells.
const hotGetAllocations = 10

// TestHotGetAllocations shows that the hot path does not rot unseen. The race
// detector allocates too: `make bench-check` runs it without.
//
//nolint:paralleltest // it counts what the whole process allocates
func TestHotGetAllocations(t *testing.T) {
	s := setup(t, withLog(slog.New(slog.NewJSONHandler(struct{ io.Writer }{io.Discard}, nil))))
	request := s.request(t, http.MethodGet, "/api/v2/persona/get?oId="+s.persona.OID, s.token)
	request.Header.Set("User-Agent", "bench")
	w := &discard{header: http.Header{}}
	get := func() {
		clear(w.header)
		s.handler.ServeHTTP(w, request)
	}
	if got := testing.AllocsPerRun(10_000, get); got > hotGetAllocations {
		t.Errorf("a hot get makes %v allocations, want %d at most: `go test -run '^$' -bench GetPersona -memprofile mem.prof ./internal/api` shows where", got, hotGetAllocations)
	}
}
