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

// TestHeads: only what has not become a request, and those at work, count as
// heads. Who sends large ones one after another, or a body that nobody read,
// takes nothing from others.
func TestHeads(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"HTTP": false, "HTTPS": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			if secure {
				cfg.TLSCert, cfg.TLSKey = certificate(t)
			}
			s := start(t, cfg)
			ask := func(client *http.Client, header, body string) {
				t.Helper()
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/api/v2/persona/create", strings.NewReader(body))
				must(t, err)
				request.Header.Set("X-Long", header)
				response, err := client.Do(request)
				must(t, err)
				defer response.Body.Close()
				_, err = io.Copy(io.Discard, response.Body)
				must(t, err)
				if response.StatusCode != http.StatusUnauthorized || response.ProtoMajor != 1 {
					t.Errorf("%s %s", response.Proto, response.Status)
				}
			}
			large := strings.Repeat("x", 150<<10)
			enough := app.MaxHeadsBytes/len(large) + 10
			for range enough {
				ask(s.client, large, "")
			}
			for range enough {
				transport := s.client.Transport.(*http.Transport).Clone()
				t.Cleanup(transport.CloseIdleConnections)
				ask(&http.Client{Transport: transport}, "", large)
			}
			ask(s.client, large, "")
			if _, metrics := s.get(t, "/metrics"); !strings.Contains(metrics, `personae_refused_total{reason="heads"} 0`) {
				t.Error("heads were refused")
			}
		})
	}
}
