package server

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"personae.dev/internal/console"
	"personae.dev/internal/errs"
	"personae.dev/internal/httpx"
)

// homeRoute returns the route of /, which leads browsers to the console. Programs
// get the error of a path that is not there.
func homeRoute() httpx.Route {
	return httpx.Route{Method: http.MethodGet, Path: "/", Handler: func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Vary", "Accept")
		if !strings.Contains(r.Header.Get("Accept"), "text/html") {
			return errs.NotFoundf(errs.CodePathNotFound, "There is nothing at this path. The API reference is at /docs.")
		}
		http.Redirect(w, r, console.Path, http.StatusFound)
		return nil
	}}
}

// settings are those that the console shows to admins.
func (s *Server) settings() []console.Setting {
	retained := "for ever"
	if s.cfg.RetainDeleted > 0 {
		retained = s.cfg.RetainDeleted.String()
	}
	return []console.Setting{
		{Name: "Version", Value: Version().Version},
		{Name: "Public address", Value: s.cfg.PublicURL},
		{Name: "Listens on", Value: s.cfg.Listen},
		{Name: "Database", Value: DatabaseName(s.cfg.Database)},
		{Name: "Deleted entities are kept", Value: retained},
		{Name: "Cache", Value: strconv.FormatInt(s.cfg.CacheBytes>>20, 10) + " MiB"},
		{Name: "Lists at once", Value: strconv.Itoa(cmp.Or(s.cfg.MaxInFlight, httpx.DefaultMaxInFlight))},
		{Name: "Trusted proxies", Value: strings.Join(s.cfg.TrustedProxies, ", ")},
		{Name: "Origins of other pages", Value: strings.Join(s.cfg.CORSOrigins, ", ")},
	}
}

// ConsoleURL is the address of a link of the console, by its secret.
func (s *Server) ConsoleURL(secret string) string {
	return console.LinkURL(cmp.Or(s.cfg.PublicURL, s.URL()), secret)
}

// LinkURL is ConsoleURL for a server that is reached at base.
func LinkURL(base, secret string) string {
	return console.LinkURL(strings.TrimSuffix(base, "/"), secret)
}

// RefusesCookies tells whether browsers on other machines will not keep the cookie
// by which they are signed in: nothing says that they come over HTTPS.
func (s *Server) RefusesCookies() bool {
	return s.Exposed() && !strings.HasPrefix(s.cfg.PublicURL, "https:") || strings.HasPrefix(s.cfg.PublicURL, "http:") && !console.Loopback(s.cfg.PublicURL)
}
