package server

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"personae.dev/internal/errs"
	"personae.dev/internal/httpx"
)

//go:embed home.html
var homeText string

// homeRoute returns the route of /, which tells people what this is and where to
// go. Programs get the error of a path that is not there. routes are all others.
func homeRoute(publicURL string, routes []httpx.Route) httpx.Route {
	has := func(path string) bool {
		return slices.ContainsFunc(routes, func(r httpx.Route) bool { return r.Path == path })
	}
	var b bytes.Buffer
	err := template.Must(template.New("home").Parse(homeText)).Execute(&b, struct {
		URL             string
		Console, Agents bool
	}{publicURL, has("/console"), has("/mcp")})
	if err != nil {
		panic(fmt.Sprintf("server: home page: %v", err)) // only a broken build
	}
	page, policy := b.Bytes(), homePolicy(b.String())
	return httpx.Route{Method: http.MethodGet, Path: "/", Handler: func(w http.ResponseWriter, r *http.Request) error {
		h := w.Header()
		h.Set("Vary", "Accept")
		if !strings.Contains(r.Header.Get("Accept"), "text/html") {
			return errs.NotFoundf(errs.CodePathNotFound, "There is nothing at this path. The API reference is at /docs.")
		}
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Length", strconv.Itoa(len(page)))
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		_, _ = w.Write(page) // an error of the connection is nobody's to handle
		return nil
	}}
}

// homePolicy allows the page its own style sheet, and nothing else.
func homePolicy(page string) string {
	_, rest, _ := strings.Cut(page, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
