package api

import (
	"io"
	"mime"
	"net/http"
	"strings"

	"personae.dev/internal/httpx"
	"personae.dev/internal/persona"
)

// unsupportedMediaType is a kind of error that HTTP alone has.
const unsupportedMediaType persona.Kind = "unsupported_media_type"

// readBody reads the body of a request that must be JSON. A request that does
// not say what its body is, is taken at its word when it is read.
func readBody(r *http.Request) ([]byte, error) {
	if contentType := r.Header.Get("Content-Type"); contentType != "" {
		mediaType, _, err := mime.ParseMediaType(contentType)
		if err != nil || mediaType != "application/json" && !strings.HasSuffix(mediaType, "+json") {
			return nil, &persona.Error{
				Kind: unsupportedMediaType, Code: "unsupported_media_type",
				Message: "The body must be JSON: send it with the header Content-Type: application/json.",
			}
		}
	}
	return io.ReadAll(r.Body)
}

// message is what the answer to a request with a body says: that all went well,
// and which fields were ignored.
func message(q *query, unknownFields []string) string {
	if len(unknownFields) == 0 {
		return q.message()
	}
	text := httpx.MessageOK + ". Unknown fields were ignored: " + strings.Join(unknownFields, ", ")
	if unknown := q.unknown(); len(unknown) > 0 {
		text += ". Unknown query parameters were ignored: " + strings.Join(unknown, ", ")
	}
	return text
}
