package httpx

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"personae.dev/apitype"
	"personae.dev/internal/persona"
)

// buffers are for answers, which are put together before they are sent.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxPooled is how large a buffer may be to be kept.
const maxPooled = 64 << 10

// contentTypeJSON is shared by all answers.
var contentTypeJSON = []string{"application/json; charset=utf-8"} //nolint:gochecknoglobals // never changed; made once, and not for each answer

// MessageOK is the message of an answer that has nothing to add.
const MessageOK = "OK"

// Metadata returns what stands first in the answer to w's request.
func Metadata(w *ResponseWriter, message string) apitype.Metadata {
	return apitype.Metadata{RequestID: w.RequestID, Message: message, Timestamp: apitype.NewTime(persona.Now())}
}

// WriteJSON answers with v.
func WriteJSON(w *ResponseWriter, status int, v any) error {
	return withBuffer(func(b *bytes.Buffer) error {
		encoder := json.NewEncoder(b)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(v); err != nil {
			return fmt.Errorf("httpx: encode answer: %w", err)
		}
		return write(w, status, b.Bytes())
	})
}

// WriteFlat answers 200 with the fields of object, which is encoded and not
// empty, beside and after "_metadata".
func WriteFlat(w *ResponseWriter, message string, object []byte) error {
	return withBuffer(func(b *bytes.Buffer) error {
		writeMetadata(b, w, message)
		if len(object) > maxPooled {
			// Not copied: many may be on their way to slow readers.
			return write(w, http.StatusOK, b.Bytes(), object[1:])
		}
		b.Write(object[1:])
		return write(w, http.StatusOK, b.Bytes())
	})
}

// WriteWrapped answers 200 with value, which is encoded, as "data" after
// "_metadata".
func WriteWrapped(w *ResponseWriter, message string, value []byte) error {
	return withBuffer(func(b *bytes.Buffer) error {
		writeMetadata(b, w, message)
		b.WriteString(`"data":`)
		head := b.Len()
		b.WriteString("}")
		return write(w, http.StatusOK, b.Bytes()[:head], value, b.Bytes()[head:])
	})
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
func WritePage(w *ResponseWriter, message string, page Page) error {
	return withBuffer(func(b *bytes.Buffer) error {
		writeMetadata(b, w, message)
		fmt.Fprintf(b, `"hasNext":%t,"total":%d,"data":[`, page.HasNext, page.Total)
		head := b.Len()
		b.WriteString("]")
		if page.NextCursor != nil {
			b.WriteString(`,"nextCursor":`)
			b.Write(page.NextCursor)
		}
		b.WriteString("}")
		parts := make([][]byte, 0, 2*len(page.Items)+2)
		parts = append(parts, b.Bytes()[:head])
		for i, item := range page.Items {
			if i > 0 {
				parts = append(parts, comma)
			}
			parts = append(parts, item) // not copied: they are large
		}
		return write(w, http.StatusOK, append(parts, b.Bytes()[head:])...)
	})
}

var comma = []byte(",") //nolint:gochecknoglobals // never changed

// writeMetadata writes the beginning of an object.
func writeMetadata(b *bytes.Buffer, w *ResponseWriter, message string) {
	b.WriteString(`{"_metadata":{"usage":0,"requestId":"`)
	b.WriteString(w.RequestID)
	b.WriteString(`","message":`)
	if message == MessageOK {
		b.WriteString(`"` + MessageOK + `"`)
	} else if quoted, err := json.Marshal(message); err == nil { // a text cannot fail
		b.Write(quoted)
	}
	b.WriteString(`,"timestamp":"`)
	b.Write(apitype.AppendTime(b.AvailableBuffer(), persona.Now()))
	b.WriteString(`"},`)
}

func withBuffer(use func(*bytes.Buffer) error) error {
	b := buffers.Get().(*bytes.Buffer)
	defer func() {
		if b.Cap() <= maxPooled {
			buffers.Put(b)
		}
	}()
	b.Reset()
	return use(b)
}

// write sends the parts of a body. An error of the connection is nobody's to
// handle. A large answer may be on its way for long, and counts until it is; that
// to a change is sent in any case, as the change is done.
func write(w *ResponseWriter, status int, parts ...[]byte) error {
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	if length > maxPooled && w.reads {
		if !w.bounds.Answers.Take(int64(length)) {
			return w.busy(RefusedAnswer)
		}
		defer w.bounds.Answers.Give(int64(length))
	}
	w.Header()["Content-Type"] = contentTypeJSON
	w.Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(status)
	for _, part := range parts {
		_, _ = w.Write(part)
	}
	return nil
}

// NoneMatch tells whether the request has the entity tag already: its
// If-None-Match names it, weakly or strongly, or is "*". An entity tag in its
// quotes cannot be part of another.
func NoneMatch(r *http.Request, etag string) bool {
	for _, value := range r.Header["If-None-Match"] {
		if strings.Contains(value, etag) || strings.TrimSpace(value) == "*" {
			return true
		}
	}
	return false
}
