package client

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// Option changes one call. Each says which calls it is for; other calls ignore
// it.
type Option func(*call)

// IfMatch lets a call change an entity only while etag, as Answer.ETag gave it,
// names the current version. Otherwise nothing is changed, and
// IsPreconditionFailed is true for the error. It is for all calls that change an
// existing entity. With an empty etag, which would change any version, the call
// fails and sends nothing.
func IfMatch(etag string) Option {
	if strings.TrimSpace(etag) == "" {
		return func(c *call) { c.refused = errors.New("IfMatch has an empty entity tag; nothing was sent") }
	}
	return header("If-Match", etag)
}

// IfChanged is for Get: where etag names the current version, the error is
// ErrNotModified. An empty etag, of a caller that has no version yet, changes
// nothing.
func IfChanged(etag string) Option {
	if etag == "" {
		return func(*call) {}
	}
	return header("If-None-Match", etag)
}

// Fresh is for Get: the answer is read from the database. Without it, a change
// that was made through another server may take a second to be seen.
func Fresh() Option { return header("Cache-Control", "no-cache") }

// IdempotencyKey is for Create: the server makes one entity however often it gets
// the same key with the same body within 24 hours, and repeats its first answer.
// Without this option a create has a random key, which covers the attempts of one
// call; give a key of your own to repeat the call later. With an empty key the
// call fails and sends nothing.
func IdempotencyKey(key string) Option {
	if strings.TrimSpace(key) == "" {
		return func(c *call) { c.refused = errors.New("IdempotencyKey has an empty key; nothing was sent") }
	}
	return header("Idempotency-Key", key)
}

// Clear is for Update: it takes away the values of these fields, which are named
// as in the API, such as "description".
func Clear(fields ...string) Option {
	return func(c *call) { c.clear = append(c.clear, fields...) }
}

// StrictLinks is for Create, Update and Patch: a link to an entity that does not
// exist is an error. Without it such a link is kept, and named in
// Metadata.Message.
func StrictLinks() Option { return func(c *call) { c.setQuery("strictLinks", "true") } }

// QuestionIDs asks for the ids of qualifying questions. It is for all calls that
// answer entities.
func QuestionIDs() Option { return include("questionIds") }

// WithLinks is for Get: it fills Answer.Links.
func WithLinks() Option { return include("links") }

// include adds a part to the answer.
func include(part string) Option {
	return func(c *call) {
		if before := c.query.Get("include"); before != "" {
			part = before + "," + part
		}
		c.setQuery("include", part)
	}
}

func header(name, value string) Option {
	return func(c *call) {
		if c.header == nil {
			c.header = http.Header{}
		}
		c.header.Set(name, value)
	}
}

// setQuery sets a parameter, unless it is empty.
func (call *call) setQuery(name, value string) {
	if value == "" {
		return
	}
	if call.query == nil {
		call.query = url.Values{}
	}
	call.query.Set(name, value)
}

// with returns the call with options.
func (call call) with(options []Option) call {
	for _, option := range options {
		option(&call)
	}
	return call
}
