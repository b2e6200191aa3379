package api

import (
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
	"personae.dev/internal/wire"
)

// body returns a persona as the request wants it: with the ids of its qualifying
// questions, or as it is published.
func body(written *library.Written, questionIDs bool) ([]byte, error) {
	if !questionIDs {
		return written.Body, nil
	}
	return wire.EncodePersonaWithQuestionIDs(written.Persona)
}

// writeWrapped answers what a change left, under "data".
func writeWrapped(w *httpx.ResponseWriter, message string, written *library.Written, questionIDs bool) error {
	data, err := body(written, questionIDs)
	if err != nil {
		return err
	}
	setPersonaHeaders(w, written)
	return httpx.WriteWrapped(w, message, data)
}

// writeFlat answers what a change left, beside "_metadata".
func writeFlat(w *httpx.ResponseWriter, message string, written *library.Written, questionIDs bool) error {
	data, err := body(written, questionIDs)
	if err != nil {
		return err
	}
	setPersonaHeaders(w, written)
	return httpx.WriteFlat(w, message, data)
}

func setPersonaHeaders(w *httpx.ResponseWriter, written *library.Written) {
	h := w.Header()
	h.Set("ETag", written.ETag)
	h.Set("Cache-Control", "no-store")
	if written.Replayed {
		h.Set("Idempotency-Replayed", "true")
	}
}
