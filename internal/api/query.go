package api

import (
	"net/http"
	"net/url"
	"slices"
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

// required returns a parameter that must occur once and not be empty.
func (q *query) required(name string) string {
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

// err returns all faults as one error, nil where there are none.
func (q *query) err() error { return persona.InvalidFields(q.faults.List()) }

// message is what the answer says: that all went well, and which parameters
// were ignored, as known does not list them.
func (q *query) message(known ...string) string {
	var unknown []string
	for name := range q.values {
		if !slices.Contains(known, name) {
			unknown = append(unknown, wire.Shorten(strings.ToValidUTF8(name, "\uFFFD")))
		}
	}
	if len(unknown) == 0 {
		return httpx.MessageOK
	}
	slices.Sort(unknown)
	if more := len(unknown) - wire.MaxUnknown; more > 0 {
		unknown = append(unknown[:wire.MaxUnknown], "…")
	}
	return httpx.MessageOK + ". Unknown query parameters were ignored: " + strings.Join(unknown, ", ")
}
