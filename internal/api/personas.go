package api

import (
	"net/http"
	"strings"

	"personae.dev/internal/httpx"
	"personae.dev/internal/persona"
)

// cacheControl lets clients keep an answer, and makes them ask each time
// whether it still holds.
var cacheControl = []string{"private, no-cache"} //nolint:gochecknoglobals // never changed; made once, and not for each answer

// getPersona answers GET /api/v2/persona/get.
func (a *API) getPersona(w *httpx.ResponseWriter, r *http.Request, caller *persona.Credential) error {
	oID, message, err := personaQuery(r)
	if err != nil {
		return err
	}
	doc, err := a.library.Persona(r.Context(), caller, oID)
	if err != nil {
		return err
	}
	h := w.Header()
	h["Etag"] = []string{doc.ETag}
	h["Cache-Control"] = cacheControl
	if unchanged(r.Header["If-None-Match"], doc.ETag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return httpx.WriteFlat(w, message, doc.Body)
}

// personaQuery reads a query of oId alone.
func personaQuery(r *http.Request) (oID, message string, err error) {
	// Nearly every request is just this, and needs no parsing.
	if oID, ok := strings.CutPrefix(r.URL.RawQuery, "oId="); ok && oID != "" && isPlain(oID) {
		return oID, httpx.MessageOK, nil
	}
	q := readQuery(r)
	oID = q.required("oId")
	return oID, q.message("oId"), q.err()
}

// isPlain tells whether s means itself in a query: letters, digits and - _ . ~.
func isPlain(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == '~':
		default:
			return false
		}
	}
	return true
}

// unchanged tells whether If-None-Match names etag, weakly or strongly, or "*".
// An entity tag in its quotes cannot be part of another.
func unchanged(ifNoneMatch []string, etag string) bool {
	for _, value := range ifNoneMatch {
		if strings.Contains(value, etag) || strings.TrimSpace(value) == "*" {
			return true
		}
	}
	return false
}
