package api_test

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"personae.dev/internal/api"
)

// TestDamagedDatabase breaks the file of a running server: its users are told
// to try again, and nothing of files, and the load balancer is told too.
func TestDamagedDatabase(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.start(t)
	file, err := os.OpenFile(s.path, os.O_WRONLY, 0)
	must(t, err)
	_, err = file.WriteAt([]byte(strings.Repeat("broken", 10_000)), 0)
	must(t, err)
	must(t, file.Close())
	// What was read before is in the cache of pages, and no harm.
	must(t, os.Truncate(s.path+"-wal", 0))
	for _, path := range []string{getPath + "unread", "/readyz"} {
		got := c.get(t, path, "api_key", s.otherToken)
		if got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, `"code":"unavailable"`) || strings.Contains(got.body, "personae.db") {
			t.Errorf("%s: status %d: %s", path, got.status, got.body)
		}
	}
	if !strings.Contains(s.log.String(), "is damaged") && !strings.Contains(s.log.String(), "malformed") && !strings.Contains(s.log.String(), "not a database") {
		t.Errorf("the log does not say why:\n%s", s.log)
	}
}

// TestUncleanPaths shows that no path is redirected.
func TestUncleanPaths(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.start(t)
	for _, path := range []string{"/api/v2//persona/get?oId=p_1234", "//api/v2/persona/get?oId=p_1234", "/docs/../healthz", "/./healthz"} {
		if got := c.get(t, path, "api_key", s.token); got.status != http.StatusNotFound {
			t.Errorf("%s: status %d, %v", path, got.status, got.header)
		}
	}
}

// TestBodyTooLargeInChunks sends a body without its length to a call that reads
// none.
func TestBodyTooLargeInChunks(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.start(t)
	for size, status := range map[int]int{api.MaxBodyBytes: http.StatusOK, api.MaxBodyBytes + 1: http.StatusRequestEntityTooLarge} {
		body := struct{ io.Reader }{strings.NewReader(strings.Repeat("x", size))}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+getPath+"p_1234", body)
		must(t, err)
		request.Header.Set("api_key", s.token)
		response, err := c.client.Do(request)
		must(t, err)
		must(t, response.Body.Close())
		if response.StatusCode != status {
			t.Errorf("%d bytes: status %d", size, response.StatusCode)
		}
	}
}
