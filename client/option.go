package client

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// Option changes one call. Each says which calls it is for; others pass it over.
type Option func(*call)

// IfMatch lets a call change a persona only while etag, as Written or
// GetPersonaIfChanged gave it, names what the persona is. Else nothing is
// changed, and IsPreconditionFailed tells so of the error. It is for all calls
// that change a persona that is there. With an empty etag, which would change the
// persona whatever it is, a call fails and sends nothing.
func IfMatch(etag string) Option {
	if strings.TrimSpace(etag) == "" {
		return func(c *call) { c.refused = errors.New("IfMatch has an empty entity tag, and nothing was sent") }
	}
	return header("If-Match", etag)
}

// IdempotencyKey is for CreatePersona: however often the server gets the same
// key with the same persona within 24 hours, it makes one persona, and answers
// the first answer again. With it a create is also sent again after a connection
// that failed. Make a new key, such as crypto/rand.Text, for each persona. With an
// empty key, which would make a second persona, a call fails and sends nothing.
func IdempotencyKey(key string) Option {
	if strings.TrimSpace(key) == "" {
		return func(c *call) { c.refused = errors.New("IdempotencyKey has an empty key, and nothing was sent") }
	}
	return header("Idempotency-Key", key)
}

// QuestionIDs asks for the ids of qualifying questions in the answer. It is for
// all calls that answer personas.
func QuestionIDs() Option {
	return func(c *call) { c.setQuery("include", "questionIds") }
}

func header(name, value string) Option {
	return func(c *call) {
		if c.header == nil {
			c.header = http.Header{}
		}
		c.header.Set(name, value)
	}
}

// setQuery sets a parameter; empty ones are left out.
func (call *call) setQuery(name, value string) {
	if value == "" {
		return
	}
	if call.query == nil {
		call.query = url.Values{}
	}
	call.query.Set(name, value)
}

// with applies options.
func (call call) with(options []Option) call {
	for _, option := range options {
		option(&call)
	}
	return call
}
