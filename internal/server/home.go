package server

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html"
	"io"
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
	url, console, agents := html.EscapeString(publicURL), "", ""
	if has("/console") {
		console = "<li><a href=\"console\">Console</a><span>Read, search and edit the library in the browser.</span></li>\n"
	}
	if has("/mcp") {
		agents = ", agents use <code>" + url + "/mcp</code>"
	}
	page := strings.NewReplacer("{url}", url, "{console}", console, "{agents}", agents).Replace(homeText)
	policy := homePolicy(page)
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
		_, _ = io.WriteString(w, page) // an error of the connection is nobody's to handle
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
