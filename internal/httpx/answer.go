package httpx

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"personae.dev/apitype"
)

// largeAnswer is from how many bytes on the answer to a get counts against
// Config.AnswersBytes.
const largeAnswer = 64 << 10

// metadataBytes is about how long "_metadata" is without its message.
const metadataBytes = 160

// MessageOK is the message of an answer that has nothing to add.
const MessageOK = "OK"

// Metadata returns what comes first in the answer to r.
func Metadata(r *http.Request, message string) apitype.Metadata {
	return apitype.Metadata{RequestID: RequestID(r.Context()), Message: message, Timestamp: apitype.NewTime(exchangeIn(r.Context()).now())}
}

// WriteJSON answers with v.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("httpx: encode answer: %w", err)
	}
	return write(w, status, b.Bytes())
}

// WriteFlat answers 200 with "_metadata" and after it the fields of object, which
// is encoded and not empty.
func WriteFlat(w http.ResponseWriter, r *http.Request, message string, object []byte) error {
	return write(w, http.StatusOK, beginObject(r, message), object[1:])
}

// WriteWrapped answers 200 with "_metadata" and value, which is encoded, as
// "data".
func WriteWrapped(w http.ResponseWriter, r *http.Request, message string, value []byte) error {
	return write(w, http.StatusOK, append(beginObject(r, message), `"data":`...), value, []byte("}"))
}

// Page is a part of a list, whose items are encoded. NextCursor is JSON, and nil
// where the request is not for cursors.
type Page struct {
	HasNext    bool
	Total      int
	Items      [][]byte
	NextCursor []byte
}

// WritePage answers 200 with a page.
func WritePage(w http.ResponseWriter, r *http.Request, message string, page Page) error {
	b := fmt.Appendf(beginObject(r, message), `"hasNext":%t,"total":%d,"data":[`, page.HasNext, page.Total)
	parts := make([][]byte, 0, 2*len(page.Items)+2)
	parts = append(parts, b)
	for i, item := range page.Items {
		if i > 0 {
			parts = append(parts, []byte(","))
		}
		parts = append(parts, item)
	}
	end := []byte("]")
	if page.NextCursor != nil {
		end = append(append(end, `,"nextCursor":`...), page.NextCursor...)
	}
	return write(w, http.StatusOK, append(parts, append(end, '}'))...)
}

// beginObject returns the beginning of an object, with some space after it.
func beginObject(r *http.Request, message string) []byte {
	b := make([]byte, 0, metadataBytes+len(message))
	b = append(b, `{"_metadata":{"usage":0,"requestId":"`...)
	b = append(b, RequestID(r.Context())...)
	b = append(b, `","message":`...)
	if message == MessageOK {
		b = append(b, `"`+MessageOK+`"`...)
	} else if quoted, err := json.Marshal(message); err == nil { // a string has no error
		b = append(b, quoted...)
	}
	b = append(b, `,"timestamp":"`...)
	b = apitype.AppendTime(b, exchangeIn(r.Context()).now())
	return append(b, `"},`...)
}

// write sends the parts of a body, which net/http puts together. Errors of the
// connection are dropped: the client is gone. A large answer to a get may be on its
// way for long, and counts against Config.AnswersBytes until it is sent. The answer
// to a change is sent in any case, because the change is made.
func write(w http.ResponseWriter, status int, parts ...[]byte) error {
	return writeAs(w, status, "application/json; charset=utf-8", parts...)
}

// writeAs is write for a body of another type.
func writeAs(w http.ResponseWriter, status int, contentType string, parts ...[]byte) error {
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	if e := exchangeOf(w); length > largeAnswer && e != nil && e.counted {
		cost := min(int64(length), e.transport.AnswersBytes) // one alone may have more
		if !e.transport.answers.TryAcquire(cost) {
			return e.transport.busy(RefusedAnswer)
		}
		defer e.transport.answers.Release(cost)
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(status)
	for _, part := range parts {
		_, _ = w.Write(part)
	}
	return nil
}

// NoneMatch reports whether the request has the entity tag already: its
// If-None-Match names it, weakly or strongly, or is "*". An entity tag with its
// quotes cannot be part of another.
func NoneMatch(r *http.Request, etag string) bool {
	for _, value := range r.Header["If-None-Match"] {
		if strings.Contains(value, etag) || strings.TrimSpace(value) == "*" {
			return true
		}
	}
	return false
}
