package httpx_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"personae.dev/internal/account"
	"personae.dev/internal/httpx"
)

func TestCORS(t *testing.T) {
	t.Parallel()
	const app = "https://app.example.com"
	serving := func(origins ...string) func(method string, header ...string) *httptest.ResponseRecorder {
		h := handler(func(c *httpx.Config) { c.Origins = origins },
			httpx.Route{Method: "GET", Path: "/a", Scope: account.ScopeRead, Handler: text("a")})
		return func(method string, header ...string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, request(t, method, "/a", http.NoBody, header...))
			return w
		}
	}
	preflight := func(origin string) []string {
		return []string{"Origin", origin, "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "api_key"}
	}
	some, all, none := serving(app), serving(httpx.AnyOrigin), serving()

	t.Run("PreflightNeedsNoKey", func(t *testing.T) {
		t.Parallel()
		for allowed, w := range map[string]*httptest.ResponseRecorder{
			app: some("OPTIONS", preflight(app)...), "*": all("OPTIONS", preflight("https://other.example.com")...),
		} {
			h := w.Result().Header
			if w.Code != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != allowed || h.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%d %v, want 204 for %s", w.Code, h, allowed)
			}
			for _, name := range []string{"api_key", "X-API-Key", "Authorization", "Content-Type", "If-Match", "If-None-Match", "Idempotency-Key", "traceparent"} {
				if !strings.Contains(h.Get("Access-Control-Allow-Headers")+",", name+",") {
					t.Errorf("%s is not allowed: %s", name, h.Get("Access-Control-Allow-Headers"))
				}
			}
			if !strings.Contains(h.Get("Access-Control-Allow-Methods"), "PATCH") {
				t.Errorf("methods: %v", h)
			}
		}
	})
	t.Run("AnswersAndErrorsCanBeRead", func(t *testing.T) {
		t.Parallel()
		for status, w := range map[int]*httptest.ResponseRecorder{
			http.StatusOK: some("GET", "Origin", app, "api_key", goodToken), http.StatusUnauthorized: some("GET", "Origin", app),
		} {
			h := w.Result().Header
			if w.Code != status || h.Get("Access-Control-Allow-Origin") != app || h.Get("Vary") != "Origin" {
				t.Errorf("%d %v, want %d", w.Code, h, status)
			}
			for _, name := range []string{"ETag", "X-Request-Id", "Retry-After"} {
				if !strings.Contains(h.Get("Access-Control-Expose-Headers")+",", name+",") {
					t.Errorf("%s is not exposed: %s", name, h.Get("Access-Control-Expose-Headers"))
				}
			}
		}
	})
	t.Run("OtherOriginsGetNothing", func(t *testing.T) {
		t.Parallel()
		for name, w := range map[string]*httptest.ResponseRecorder{
			"preflight":         some("OPTIONS", preflight("https://evil.example.com")...),
			"a part of one":     some("OPTIONS", preflight("https://app.example.com.evil.example")...),
			"null":              some("OPTIONS", preflight("null")...),
			"no CORS":           none("OPTIONS", preflight(app)...),
			"OPTIONS by itself": some("OPTIONS"),
		} {
			if w.Code != http.StatusMethodNotAllowed || w.Result().Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: %d %v", name, w.Code, w.Result().Header)
			}
		}
		if w := some("GET", "api_key", goodToken); w.Code != http.StatusOK || w.Result().Header.Get("Vary") != "Origin" {
			t.Errorf("without an Origin: %d %v", w.Code, w.Result().Header)
		}
		if w := none("GET", "Origin", app, "api_key", goodToken); w.Result().Header.Get("Vary") != "" {
			t.Errorf("without CORS: %v", w.Result().Header)
		}
	})
	t.Run("Origins", func(t *testing.T) {
		t.Parallel()
		parsed, err := httpx.ParseOrigins([]string{"HTTPS://App.example.com/", "http://127.0.0.1:3000", "https://x.example:443", "*"})
		if got := strings.Join(parsed, " "); err != nil || got != "https://app.example.com http://127.0.0.1:3000 https://x.example *" {
			t.Errorf("%q, %v", got, err)
		}
		for _, wrong := range []string{"", "app.example.com", "https://app.example.com/path", "https://*.example.com", "https://a@example.com", "null"} {
			if _, err := httpx.ParseOrigins([]string{wrong}); err == nil || !strings.Contains(err.Error(), "is not an origin") {
				t.Errorf("%q: %v", wrong, err)
			}
		}
	})
}

func TestDraining(t *testing.T) {
	t.Parallel()
	draining := false
	h := handler(func(c *httpx.Config) { c.Draining = func() bool { return draining } }, httpx.Route{Method: "GET", Path: "/a", Handler: text("a")})
	for _, want := range []string{"", "close"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, get(t, "/a"))
		if got := w.Result().Header.Get("Connection"); w.Code != http.StatusOK || got != want {
			t.Errorf("draining %t: %d, Connection %q", draining, w.Code, got)
		}
		draining = true
	}
}
