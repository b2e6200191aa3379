package api

import (
	"net/http"
	"strings"

	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
)

// cacheControl lets clients keep an answer, and makes them ask each time
// whether it still holds.
var cacheControl = []string{"private, no-cache"} //nolint:gochecknoglobals // never changed; made once, and not for each answer

// getPersona answers GET /api/v2/persona/get.
func (a *API) getPersona(w *httpx.ResponseWriter, r *http.Request, caller library.Caller) error {
	oID, message, questionIDs, err := personaQuery(r)
	if err != nil {
		return err
	}
	if questionIDs {
		return a.getPersonaWithQuestionIDs(w, r, caller, oID, message)
	}
	doc, err := a.library.Persona(r.Context(), caller, oID)
	if err != nil {
		return err
	}
	defer doc.Done()
	return writePersona(w, r, message, doc.Body, doc.ETag)
}

// getPersonaWithQuestionIDs answers the same with more in it than is published;
// the ETag is the persona's, whatever is shown of it.
func (a *API) getPersonaWithQuestionIDs(w *httpx.ResponseWriter, r *http.Request, caller library.Caller, oID, message string) error {
	p, err := a.library.PersonaNow(r.Context(), caller, oID)
	if err != nil {
		return err
	}
	written, err := a.library.Written(p)
	if err != nil {
		return err
	}
	data, err := body(written, true)
	if err != nil {
		return err
	}
	return writePersona(w, r, message, data, written.ETag)
}

// writePersona answers with a persona, or that the client has it already.
func writePersona(w *httpx.ResponseWriter, r *http.Request, message string, body []byte, etag string) error {
	w.Set("Etag", etag)
	w.Header()["Cache-Control"] = cacheControl
	if httpx.NoneMatch(r, etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return httpx.WriteFlat(w, message, body)
}

// personaQuery reads a query of oId alone, or with include.
func personaQuery(r *http.Request) (oID, message string, questionIDs bool, err error) {
	// Nearly every request has oId alone, and needs no parsing.
	if oID, ok := strings.CutPrefix(r.URL.RawQuery, "oId="); ok && oID != "" && isPlain(oID) {
		return oID, httpx.MessageOK, false, nil
	}
	q := readQuery(r)
	oID, questionIDs = q.oID(), q.questionIDs()
	return oID, q.message(), questionIDs, q.err()
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
