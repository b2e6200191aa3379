package httpx_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"personae.dev/internal/httpx"
)

// logged returns the line of the access log for a request from an address.
func logged(t *testing.T, proxies httpx.Proxies, from string, header ...string) map[string]any {
	t.Helper()
	var log bytes.Buffer
	h := handler(func(c *httpx.Config) {
		c.Proxies = proxies
		c.Log = slog.New(slog.NewJSONHandler(&log, nil))
	}, httpx.Route{Method: "GET", Path: "/a", Handler: text("a")})
	r := get(t, "/a", header...)
	r.RemoteAddr = from
	h.ServeHTTP(httptest.NewRecorder(), r)
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%q: %v", log.String(), err)
	}
	return line
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	const forwarded = "X-Forwarded-For"
	for name, test := range map[string]struct {
		from   string
		header []string
		want   string
	}{
		"without a proxy":                 {"198.51.100.7:4000", nil, "198.51.100.7:4000"},
		"a stranger is not believed":      {"198.51.100.7:4000", []string{forwarded, "203.0.113.9"}, "198.51.100.7:4000"},
		"a proxy that says nothing":       {"10.1.2.3:4000", nil, "10.1.2.3:4000"},
		"a proxy":                         {"10.1.2.3:4000", []string{forwarded, "203.0.113.9"}, "203.0.113.9"},
		"from the right":                  {"10.1.2.3:4000", []string{forwarded, "192.0.2.66, 203.0.113.9"}, "203.0.113.9"},
		"past the proxies":                {"10.1.2.3:4000", []string{forwarded, "192.0.2.66, 203.0.113.9,10.9.9.9 , 10.8.8.8"}, "203.0.113.9"},
		"several headers":                 {"10.1.2.3:4000", []string{forwarded, "203.0.113.9", forwarded, "10.9.9.9"}, "203.0.113.9"},
		"nothing but proxies":             {"10.1.2.3:4000", []string{forwarded, "10.7.7.7, 10.9.9.9"}, "10.7.7.7"},
		"what is no address":              {"10.1.2.3:4000", []string{forwarded, "203.0.113.9, unknown, 10.9.9.9"}, "10.9.9.9"},
		"a key in the place of one":       {"10.1.2.3:4000", []string{forwarded, "psk_secret"}, "10.1.2.3"},
		"with a port":                     {"10.1.2.3:4000", []string{forwarded, "203.0.113.9:5000"}, "203.0.113.9"},
		"IPv6":                            {"[fd00::1]:4000", []string{forwarded, "2001:db8::9"}, "2001:db8::9"},
		"IPv6 in brackets, with a port":   {"[fd00::1]:4000", []string{forwarded, "[2001:db8::9]:5000"}, "2001:db8::9"},
		"IPv4 on a socket of IPv6":        {"[::ffff:10.1.2.3]:4000", []string{forwarded, "203.0.113.9"}, "203.0.113.9"},
		"a single address":                {"192.0.2.1:4000", []string{forwarded, "203.0.113.9"}, "203.0.113.9"},
		"beside the single address":       {"192.0.2.2:4000", []string{forwarded, "203.0.113.9"}, "192.0.2.2:4000"},
		"a connection without an address": {"@", []string{forwarded, "203.0.113.9"}, "@"},
	} {
		proxies, err := httpx.ParseProxies([]string{"10.0.0.0/8", "fd00::/8", "192.0.2.1"})
		if err != nil {
			t.Fatal(err)
		}
		if got := logged(t, proxies, test.from, test.header...)["remote"]; got != test.want {
			t.Errorf("%s: %v, want %s", name, got, test.want)
		}
	}
	for _, wrong := range []string{"", "10.0.0.0/33", "proxy.example.com", "fe80::1%eth0"} {
		if _, err := httpx.ParseProxies([]string{wrong}); err == nil || !strings.Contains(err.Error(), "neither a network") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestTraceID(t *testing.T) {
	t.Parallel()
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	for header, want := range map[string]any{
		"00-" + id + "-00f067aa0ba902b7-01":                      id,
		"01-" + id + "-00f067aa0ba902b7-01-later":                id,
		"00-" + id + "-00f067aa0ba902b7-01-more":                 nil,
		"00-" + id + "-00f067aa0ba902b7-01more":                  nil,
		"ff-" + id + "-00f067aa0ba902b7-01":                      nil,
		"00-" + id + "-0000000000000000-01":                      nil,
		"00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01": nil,
		"00-" + strings.ToUpper(id) + "-00f067aa0ba902b7-01":     nil,
		"00-" + id:       nil,
		"":               nil,
		"psk_" + id + id: nil,
	} {
		if got := logged(t, nil, "192.0.2.1:1", "Traceparent", header)["traceId"]; got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}
