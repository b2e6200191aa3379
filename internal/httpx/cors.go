package httpx

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// AnyOrigin allows the pages of every origin.
const AnyOrigin = "*"

// What the answer to a preflight request allows, and what scripts may read of an
// answer beside its body.
const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	corsHeaders = "api_key, X-API-Key, Authorization, Content-Type, Cache-Control, If-Match, If-None-Match, Idempotency-Key, " +
		headerExternalRequestID + ", " + headerSource + ", traceparent, tracestate, Mcp-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name"
	corsExposed = "ETag, " + headerRequestID + ", Retry-After, " + headerExternalRequestID +
		", RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Mcp-Session-Id"
	corsMaxAge = "600" // seconds
)

// ParseOrigins reads the origins of pages, such as https://app.example.com, and
// AnyOrigin. It returns them as browsers write them.
func ParseOrigins(origins []string) ([]string, error) {
	var parsed []string
	for _, origin := range origins {
		if origin == AnyOrigin {
			parsed = append(parsed, origin)
			continue
		}
		u, err := url.Parse(strings.ToLower(origin))
		if err != nil || u.Scheme == "" || u.Host == "" || strings.Contains(u.Host, "*") || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("%q is not an origin: write https://app.example.com, without a path or a pattern, or * for all", origin)
		}
		host := u.Host
		if port := u.Port(); u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443" {
			host = strings.TrimSuffix(host, ":"+port)
		}
		parsed = append(parsed, u.Scheme+"://"+host)
	}
	return parsed, nil
}

// cors lets pages of Config.Origins read answers, and answers their preflight
// requests, which have no key. Cookies are never allowed: a key is sent in a
// header.
func (t *transport) cors(next http.Handler) http.Handler {
	if len(t.Origins) == 0 {
		return next
	}
	anyOrigin := slices.Contains(t.Origins, AnyOrigin)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if !anyOrigin {
			h.Add("Vary", "Origin")
		}
		origin := r.Header.Get("Origin")
		if origin == "" || !anyOrigin && !slices.Contains(t.Origins, origin) {
			next.ServeHTTP(w, r)
			return
		}
		if anyOrigin {
			origin = AnyOrigin
		}
		h.Set("Access-Control-Allow-Origin", origin)
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", corsMethods)
			h.Set("Access-Control-Allow-Headers", corsHeaders)
			h.Set("Access-Control-Max-Age", corsMaxAge)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		h.Set("Access-Control-Expose-Headers", corsExposed)
		next.ServeHTTP(w, r)
	})
}
