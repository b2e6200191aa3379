package api

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"personae.dev/internal/httpx"
	"personae.dev/internal/persona"
	"personae.dev/internal/wire"
)

// query reads the parameters of a request and notes all their faults.
type query struct {
	values url.Values
	faults persona.Faults
	known  []string // the parameters that were asked for
}

// readQuery reads the query of r. Unlike Request.URL.Query it refuses what it
// cannot read, where that one drops it.
func readQuery(r *http.Request) *query {
	q := &query{}
	var err error
	if q.values, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		q.faults.Add("query", "cannot be read: write each parameter as name=value, percent-encoded")
	}
	return q
}

// oID returns the parameter that names what the call is about, which must occur
// once and not be empty.
func (q *query) oID() string {
	const name = "oId"
	q.known = append(q.known, name)
	values := q.values[name]
	switch {
	case len(values) == 0:
		q.faults.Add(name, "is missing: add ?%s=… to the address", name)
	case len(values) > 1:
		q.faults.Add(name, "occurs %d times: send it once", len(values))
	case values[0] == "":
		q.faults.Add(name, "must not be empty")
	case !utf8.ValidString(values[0]):
		q.faults.Add(name, "is not valid UTF-8: percent-encode the text as UTF-8")
	default:
		return values[0]
	}
	return ""
}

// optional returns a parameter that may occur once; n8n sends it empty when it
// is not set, which is the same as not to send it.
func (q *query) optional(name string) string {
	q.known = append(q.known, name)
	values := q.values[name]
	switch {
	case len(values) == 0:
		return ""
	case len(values) > 1:
		q.faults.Add(name, "occurs %d times: send it once", len(values))
	case !utf8.ValidString(values[0]):
		q.faults.Add(name, "is not valid UTF-8: percent-encode the text as UTF-8")
	default:
		return values[0]
	}
	return ""
}

// number returns a parameter that is a whole number.
func (q *query) number(name string, otherwise int) int {
	text := q.optional(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		q.faults.Add(name, "is not a whole number")
		return otherwise
	}
	return n
}

// choice returns a parameter that is one of some words, and the first of them
// where it is not sent.
func (q *query) choice(name string, words ...string) string {
	text := q.optional(name)
	switch {
	case text == "":
		return words[0]
	case !slices.Contains(words, text):
		q.faults.Add(name, "must be one of %s", strings.Join(words, ", "))
	}
	return text
}

// questionIDs tells whether the request wants include=questionIds.
func (q *query) questionIDs() bool { return q.choice("include", "", "questionIds") == "questionIds" }

// err returns all faults as one error, nil where there are none.
func (q *query) err() error { return persona.InvalidFields(q.faults.List()) }

// join returns all faults as one error: those of the query, and those that err
// lists. Where there are none it returns err.
func (q *query) join(err error) error {
	if len(q.faults.List()) == 0 {
		return err
	}
	if found, ok := errors.AsType[*persona.Error](err); ok {
		q.faults.AddAll(found.Fields)
	}
	return q.err()
}

// unknown names the parameters that nobody asked for.
func (q *query) unknown() []string {
	var unknown []string
	for name := range q.values {
		if !slices.Contains(q.known, name) {
			unknown = append(unknown, wire.Shorten(strings.ToValidUTF8(name, "\uFFFD")))
		}
	}
	slices.Sort(unknown)
	if len(unknown) > wire.MaxUnknown {
		unknown = append(unknown[:wire.MaxUnknown], "…")
	}
	return unknown
}

// message is what the answer says: that all went well, and which parameters
// were ignored.
func (q *query) message() string {
	unknown := q.unknown()
	if len(unknown) == 0 {
		return httpx.MessageOK
	}
	return httpx.MessageOK + ". Unknown query parameters were ignored: " + strings.Join(unknown, ", ")
}
