package httpx

import "net/http"

// WriteText answers 200 with a text of a media type.
func WriteText(w http.ResponseWriter, mediaType, text string) error {
	return writeAs(w, http.StatusOK, mediaType+"; charset=utf-8", []byte(text))
}
