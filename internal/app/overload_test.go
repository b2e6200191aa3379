package app_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"personae.dev/internal/app"
	"personae.dev/internal/persona"
)

// TestMaxConnections: who is over the limit is told so, /healthz and /metrics
// answer there, and beyond the reserve connections are closed. When others go,
// there is room again.
func TestMaxConnections(t *testing.T) {
	t.Parallel()
	const limit = 3
	cfg := config(t)
	cfg.MaxConnections = limit
	s := start(t, cfg)
	s.put(t, &persona.Persona{OID: "p", Name: "P"})
	s.client.Transport.(*http.Transport).DisableKeepAlives = true
	address := strings.TrimPrefix(s.URL(), "http://")
	dial := func() net.Conn {
		t.Helper()
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		must(t, err)
		t.Cleanup(func() { c.Close() })
		return c
	}
	ask := func(c net.Conn, path string) (*http.Response, string) {
		t.Helper()
		_, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\napi_key: %s\r\n\r\n", path, s.setup.Token)
		must(t, err)
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		must(t, err)
		body, err := io.ReadAll(response.Body)
		must(t, err)
		return response, string(body)
	}
	var within []net.Conn
	for range limit {
		c := dial()
		if response, body := ask(c, "/api/v2/persona/get?oId=p"); response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", response.Status, body)
		}
		within = append(within, c)
	}

	response, body := ask(dial(), "/api/v2/persona/get?oId=p")
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") != "1" || !response.Close ||
		!strings.Contains(body, `"code":"unavailable"`) || !strings.Contains(body, "more to do than it can") {
		t.Errorf("over the limit: %s, %v: %s", response.Status, response.Header, body)
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if response, body := ask(dial(), path); response.StatusCode != http.StatusOK || !response.Close {
			t.Errorf("%s: %s, %v: %s", path, response.Status, response.Header, body)
		}
	}
	// Beyond the reserve.
	var idle []net.Conn
	for range app.ReservedConnections {
		idle = append(idle, dial())
	}
	for last := false; !last; { // those that were closed above may still count
		c := dial()
		_, err := c.Read(make([]byte, 1))
		last = err != nil
	}
	for _, c := range idle {
		_ = c.Close()
	}
	// The connections within the limit are served all the time.
	for _, c := range within {
		if response, body := ask(c, "/api/v2/persona/get?oId=p"); response.StatusCode != http.StatusOK {
			t.Errorf("within the limit: %s: %s", response.Status, body)
		}
		_ = c.Close()
	}
	for { // until the server has seen them go
		if status, _ := s.get(t, "/api/v2/persona/get?oId=p"); status == http.StatusOK {
			break
		}
	}
	_, metrics := s.get(t, "/metrics")
	for _, want := range []string{`personae_refused_total{reason="connections"} `, `personae_refused_total{reason="closed"} `, "personae_connections "} {
		if !strings.Contains(metrics, want) || strings.Contains(metrics, want+"0\n") {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}
