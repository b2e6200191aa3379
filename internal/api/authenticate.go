package api

import (
	"net/http"
	"strings"

	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
	"personae.dev/internal/persona"
)

// handler answers the request of a caller with a valid key. The caller may be kept: a
// change may be made yet when its request has ended.
type handler func(w *httpx.ResponseWriter, r *http.Request, caller library.Caller) error

// get is the Handler of a handler that reads one thing, list of one that reads
// many, and change of one that writes.
func (a *API) get(h handler) httpx.Handler    { return httpx.Admit(a.gets, a.authenticated(h)) }
func (a *API) list(h handler) httpx.Handler   { return httpx.Admit(a.lists, a.authenticated(h)) }
func (a *API) change(h handler) httpx.Handler { return httpx.Admit(a.changes, a.authenticated(h)) }

// authenticated is a handler for callers with a valid key.
func (a *API) authenticated(h handler) httpx.Handler {
	return func(w *httpx.ResponseWriter, r *http.Request) error {
		token, err := presentedToken(r.Header)
		if err != nil {
			return err
		}
		caller, err := a.library.Authenticate(r.Context(), token)
		if err != nil {
			return err
		}
		w.KeyOID, w.WorkspaceOID = caller.KeyOID(), caller.WorkspaceOID()
		return h(w, r, caller)
	}
}

// presentedToken returns the API key of a request, "" where it has none. The
// published header is api_key; X-API-Key and Authorization: Bearer stand beside
// it, as some proxies drop headers with an underscore.
func presentedToken(h http.Header) (string, error) {
	token := ""
	for _, name := range [...]string{"Api_key", "X-Api-Key", "Authorization"} {
		for _, value := range h[name] {
			if name == "Authorization" {
				value = bearer(value)
			}
			if value == "" || value == token {
				continue
			}
			if token != "" {
				return "", persona.InvalidFields([]persona.Fault{{
					Field: "api_key", Message: "the request has several API keys that differ, in api_key, X-API-Key or Authorization: send one",
				}})
			}
			token = value
		}
	}
	return token, nil
}

// bearer returns the token of an Authorization header, "" for another scheme,
// which is meant for somebody else: a proxy, for one.
func bearer(value string) string {
	scheme, token, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
