package api

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"personae.dev/apitype"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// query reads the parameters of a request, and notes all their errors.
type query struct {
	values url.Values
	errors errs.List
	known  []string // the parameters that were asked for
}

// readQuery reads the query of r. Unlike Request.URL.Query it refuses what it
// cannot read.
func readQuery(r *http.Request) *query {
	q := &query{}
	var err error
	if q.values, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		q.errors.Add("query", "cannot be read: write each parameter as name=value, percent-encoded")
	}
	return q
}

// required returns a parameter that must occur once and not be empty.
func (q *query) required(name string) string {
	q.known = append(q.known, name)
	values := q.values[name]
	switch {
	case len(values) == 0:
		q.errors.Add(name, "is missing: add ?%s=… to the address", name)
	case values[0] == "" && len(values) == 1:
		q.errors.Add(name, "must not be empty")
	default:
		return q.one(name, values)
	}
	return ""
}

// optional returns the first of some parameters that is not empty: the others
// are names for the same. n8n sends parameters empty when they are not set.
func (q *query) optional(names ...string) string {
	value := ""
	for _, name := range names {
		q.known = append(q.known, name)
		if values := q.values[name]; len(values) > 0 {
			if one := q.one(name, values); value == "" {
				value = one
			}
		}
	}
	return value
}

// one returns the value of a parameter that may occur once.
func (q *query) one(name string, values []string) string {
	switch {
	case len(values) > 1:
		q.errors.Add(name, "occurs %d times: send it once", len(values))
	case !utf8.ValidString(values[0]):
		q.errors.Add(name, "is not valid UTF-8: percent-encode the text as UTF-8")
	default:
		return values[0]
	}
	return ""
}

// list returns a parameter that may occur more than once, as name, name[] or
// name[0], or have commas.
func (q *query) list(name string) []string {
	var list []string
	for _, key := range q.spellings(name) {
		q.known = append(q.known, key)
		for _, value := range q.values[key] {
			if !utf8.ValidString(value) {
				q.errors.Add(name, "is not valid UTF-8: percent-encode the text as UTF-8")
				continue
			}
			for part := range strings.SplitSeq(value, ",") {
				if part = strings.TrimSpace(part); part != "" {
					list = append(list, part)
				}
			}
		}
	}
	return list
}

// spellings returns the parameters of the request that are part of a list, in
// the order of their numbers.
func (q *query) spellings(name string) []string {
	type spelling struct {
		key string
		at  int
	}
	found := []spelling{{name, -1}}
	for key := range q.values {
		rest, ok := strings.CutPrefix(key, name+"[")
		index, closed := strings.CutSuffix(rest, "]")
		if !ok || !closed {
			continue
		}
		if at, err := strconv.Atoi(index); err == nil || index == "" {
			found = append(found, spelling{key, at})
		}
	}
	slices.SortFunc(found, func(a, b spelling) int {
		if a.at != b.at {
			return a.at - b.at
		}
		return strings.Compare(a.key, b.key)
	})
	keys := make([]string, len(found))
	for i, s := range found {
		keys[i] = s.key
	}
	return keys
}

// number returns a parameter that is a whole number.
func (q *query) number(name string, otherwise int) int {
	text := q.optional(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		q.errors.Add(name, "is not a whole number")
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
		q.errors.Add(name, "must be %s", oneOf(words))
	}
	return text
}

// choices returns which of some words a parameter has, separated by commas.
func (q *query) choices(name string, words ...string) map[string]bool {
	chosen := map[string]bool{}
	text := q.optional(name)
	if text == "" {
		return chosen
	}
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); !slices.Contains(words, word) {
			q.errors.Add(name, "must be %s", oneOf(words))
			break
		}
		chosen[word] = true
	}
	return chosen
}

// oneOf lists words for an error: "must be A or B".
func oneOf(words []string) string {
	words = slices.DeleteFunc(slices.Clone(words), func(word string) bool { return word == "" })
	if len(words) == 1 {
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// truth returns a parameter that is true or false, false where it is not sent.
func (q *query) truth(name string) bool { return q.choice(name, "false", "true") == "true" }

// time returns a parameter that is a date, nil where it is not sent.
func (q *query) time(name string) *time.Time {
	text := q.optional(name)
	if text == "" {
		return nil
	}
	t, err := apitype.ParseTime(text)
	if err != nil {
		q.errors.Add(name, "must be a date such as 2026-01-01T00:00:00Z")
		return nil
	}
	return &t.Time
}

// questionIDs tells whether the request wants include=questionIds.
func (q *query) questionIDs() bool {
	return q.choices("include", includeQuestionIDs)[includeQuestionIDs]
}

// What include may have.
const (
	includeQuestionIDs = "questionIds"
	includeLinks       = "links"
)

// err returns all errors as one, nil where there are none.
func (q *query) err() error { return q.errors.Err() }

// join returns all errors as one: those of the query, and those that err lists.
// Where the query has none it returns err.
func (q *query) join(err error) error {
	if len(q.errors.Fields()) == 0 {
		return err
	}
	if found, ok := errors.AsType[*errs.Error](err); ok {
		q.errors.AddAll(found.Fields)
	}
	return q.err()
}

// maxUnknown is how many unknown parameters are named.
const maxUnknown = 20

// unknown names the parameters that nobody asked for.
func (q *query) unknown() []string {
	var unknown []string
	for name := range q.values {
		if !slices.Contains(q.known, name) {
			unknown = append(unknown, entity.Shorten(strings.ToValidUTF8(name, "\uFFFD")))
		}
	}
	slices.Sort(unknown)
	if len(unknown) > maxUnknown {
		unknown = append(unknown[:maxUnknown], "…")
	}
	return unknown
}
