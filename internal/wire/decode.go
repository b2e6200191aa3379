// Package wire turns the JSON body format of the contract into personas, with
// every fault and its path, and personas into JSON. Import, export and the API
// share it, so that a text means the same everywhere.
//
// It does not judge content: limits and allowed values stand in persona.
package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"personae.dev/apitype"
	"personae.dev/internal/persona"
)

// Limits of a body.
const (
	// MaxDepth is how deep values may be nested.
	MaxDepth = 32
	// MaxUnknown is how many unknown fields are named.
	MaxUnknown = 20
	// maxNameShown is how many bytes of an unknown field's name are shown.
	maxNameShown = 64
)

// DecodeRecord reads one persona in the body format of persona/create with what
// an import line may add (apitype.PersonaRecord). Absent and null mean the same:
// fields without a value are zero, and Active is true. It returns the names of
// the fields that it does not know, and all faults of form.
//
// encoding/json alone would not do: it takes the last of two equal keys, any
// case of a name, and damaged Unicode without a word, and stops at the first
// fault.
func DecodeRecord(data []byte) (p *persona.Persona, unknown []string, faults []persona.Fault) {
	return decodeRecord(string(data))
}

func decodeRecord(text string) (p *persona.Persona, unknown []string, faults []persona.Fault) {
	data := []byte(text)
	d := newDecoder(data)
	p = &persona.Persona{Active: true}
	if d.checkText(data) {
		d.object("", d.recordFields(p))
	}
	return p, d.unknown, d.List()
}

// DecodePatch reads the body of persona/create and persona/update. It returns
// the id that it names, "" for none; the names of the fields that it does not
// know; and all faults of form.
func DecodePatch(data []byte) (oID string, patch *persona.Patch, unknown []string, faults []persona.Fault) {
	return decodePatch(data, false)
}

// DecodeMergePatch is DecodePatch for a JSON Merge Patch (RFC 7396), where the
// members of an object are merged, too. There is one: linkingStrategy.
func DecodeMergePatch(data []byte) (oID string, patch *persona.Patch, unknown []string, faults []persona.Fault) {
	return decodePatch(data, true)
}

func decodePatch(data []byte, merge bool) (oID string, patch *persona.Patch, unknown []string, faults []persona.Fault) {
	d := newDecoder(data)
	patch = &persona.Patch{Given: map[string]bool{}, Empty: map[string]bool{}, Values: persona.Persona{Active: true}}
	if d.checkText(data) {
		known := d.recordFields(&patch.Values)
		for _, name := range []string{"unrecognized", "rejected", "createdAt", "updatedAt", "archivedAt", "deletedAt"} {
			delete(known, name) // no client sets them
		}
		if merge {
			known["linkingStrategy"] = func(path string) { patch.Members = d.members(path, &patch.Values.Links) }
		}
		for name, read := range known {
			known[name] = func(path string) {
				before := d.tokens.at
				read(path)
				patch.Given[name] = true
				value := bytes.TrimLeft(data[before:d.tokens.at], " \t\r\n:")
				switch value[0] {
				case '"', '[', '{':
					if inner := value[1 : len(value)-1]; len(inner) == 0 || value[0] != '"' && len(bytes.TrimSpace(inner)) == 0 {
						patch.Empty[name] = true
					}
				}
			}
		}
		known["oId"] = func(path string) { d.text(path, &oID) }
		d.object("", known)
	}
	return oID, patch, d.unknown, d.List()
}

// decoder walks over a text that checkText has passed, so that reading a token
// cannot fail.
type decoder struct {
	persona.Faults
	tokens  tokens
	unknown []string
	depth   int
}

func newDecoder(data []byte) *decoder {
	return &decoder{tokens: tokens{data: data}}
}

// fields says for every field of an object how its value is read.
type fields map[string]func(path string)

func (d *decoder) recordFields(p *persona.Persona) fields {
	f := fields{
		"oId":                 func(path string) { d.text(path, &p.OID) },
		"name":                func(path string) { d.text(path, &p.Name) },
		"internalName":        func(path string) { d.optionalText(path, &p.InternalName) },
		"description":         func(path string) { d.optionalText(path, &p.Description) },
		"customFields":        func(path string) { d.customFields(path, &p.CustomFields) },
		"qualifyingQuestions": func(path string) { d.questions(path, &p.QualifyingQuestions) },
		"primaryOfferingOId":  func(path string) { d.offering(path, &p.Links.PrimaryOfferingOID) },
		"linkingStrategy":     func(path string) { d.linkingStrategy(path, &p.Links) },
		"playbookOIds":        func(path string) { d.texts(path, &p.Links.PlaybookOIDs) },
		"active":              func(path string) { d.boolean(path, &p.Active) },
		"unrecognized":        func(path string) { d.boolean(path, &p.Unrecognized) },
		"rejected":            func(path string) { d.boolean(path, &p.Rejected) },
		"createdAt":           func(path string) { d.date(path, &p.CreatedAt) },
		"updatedAt":           func(path string) { d.date(path, &p.UpdatedAt) },
		"archivedAt":          func(path string) { d.optionalDate(path, &p.ArchivedAt) },
		"deletedAt":           func(path string) { d.optionalDate(path, &p.DeletedAt) },
	}
	for _, list := range p.Lists() {
		f[list.Name] = func(path string) { d.texts(path, list.Items) }
	}
	return f
}

func (d *decoder) customFields(path string, into *[]persona.CustomField) {
	d.array(path, func(path string) {
		var field persona.CustomField
		d.object(path, fields{
			"title": func(path string) { d.text(path, &field.Title) },
			"value": func(path string) { d.texts(path, &field.Value) },
		})
		*into = append(*into, field)
	})
}

// offering reads an id, where "" means none.
func (d *decoder) offering(path string, into **string) {
	if d.optionalText(path, into); *into != nil && **into == "" {
		*into = nil
	}
}

// linkingStrategy reads {mode, offeringOIds}, or null for none.
func (d *decoder) linkingStrategy(path string, into *persona.Links) {
	faults := len(d.List())
	if d.members(path, into) != nil && into.Offerings == persona.OfferingsNone && len(d.List()) == faults {
		d.Add(path+".mode", "is missing: use ALL or SPECIFIC, or null instead of the object for no offerings")
	}
}

// members reads some of {mode, offeringOIds}, where null is no value, and tells
// which; nil where there is no object.
func (d *decoder) members(path string, into *persona.Links) map[string]bool {
	token := d.next()
	if token != json.Delim('{') {
		if token != nil {
			d.wrong(path, token, "an object or null")
		}
		return nil
	}
	members := map[string]bool{}
	d.objectRest(path, fields{
		"mode": func(path string) {
			var mode *string
			if d.optionalText(path, &mode); mode != nil && *mode == "" {
				d.Add(path, "is empty: use ALL or SPECIFIC")
			} else if mode != nil {
				into.Offerings = persona.OfferingMode(*mode)
			}
			members["mode"] = true
		},
		"offeringOIds": func(path string) {
			d.texts(path, &into.OfferingOIDs)
			members["offeringOIds"] = true
		},
	})
	return members
}

func (d *decoder) questions(path string, into *[]persona.QualifyingQuestion) {
	d.array(path, func(path string) {
		var q persona.QualifyingQuestion
		d.object(path, fields{
			"oId":        func(path string) { d.text(path, &q.OID) },
			"question":   func(path string) { d.text(path, &q.Question) },
			"rationale":  func(path string) { d.text(path, &q.Rationale) },
			"fitType":    func(path string) { d.text(path, (*string)(&q.FitType)) },
			"weight":     func(path string) { d.text(path, (*string)(&q.Weight)) },
			"archivedAt": func(path string) { d.optionalDate(path, &q.ArchivedAt) },
		})
		*into = append(*into, q)
	})
}

// object reads an object by fields. Unknown ones are noted and passed over.
func (d *decoder) object(path string, f fields) {
	if token := d.next(); token != json.Delim('{') {
		d.wrong(path, token, "an object")
		return
	}
	d.objectRest(path, f)
}

func (d *decoder) objectRest(path string, f fields) {
	seen := make(map[string]bool, len(f))
	for d.tokens.more() {
		name, _ := d.next().(string)
		at := name
		if path != "" {
			at = path + "." + name
		}
		read, known := f[name]
		switch {
		case seen[name]:
			d.Add(Shorten(at), "occurs twice: keep one")
			d.skip(at)
		case known:
			read(at)
		default:
			if len(d.unknown) < MaxUnknown {
				d.unknown = append(d.unknown, Shorten(at))
			}
			d.skip(at)
		}
		seen[name] = true
	}
	d.next() // }
}

// array reads an array, or null for an empty one.
func (d *decoder) array(path string, item func(path string)) {
	switch token := d.next(); token {
	case nil:
		return
	case json.Delim('['):
	default:
		d.wrong(path, token, "an array")
		return
	}
	for i := 0; d.tokens.more(); i++ {
		item(path + "[" + strconv.Itoa(i) + "]")
	}
	d.next() // ]
}

// texts reads an array of texts. It makes no path before it needs one: this is
// where nearly all of a persona is read.
func (d *decoder) texts(path string, into *[]string) {
	switch token := d.next(); token {
	case nil:
		return
	case json.Delim('['):
	default:
		d.wrong(path, token, "an array of texts")
		return
	}
	for i := 0; d.tokens.more(); i++ {
		token := d.next()
		s, ok := token.(string)
		if !ok {
			d.wrong(fmt.Sprintf("%s[%d]", path, i), token, "a text")
		}
		*into = append(*into, s)
	}
	d.next() // ]
}

// text reads a text, or null for none.
func (d *decoder) text(path string, into *string) {
	switch token := d.next().(type) {
	case nil:
	case string:
		*into = token
	default:
		d.wrong(path, token, "a text")
	}
}

func (d *decoder) optionalText(path string, into **string) {
	switch token := d.next().(type) {
	case nil:
	case string:
		*into = &token
	default:
		d.wrong(path, token, "a text or null")
	}
}

func (d *decoder) boolean(path string, into *bool) {
	switch token := d.next().(type) {
	case nil:
	case bool:
		*into = token
	default:
		d.wrong(path, token, "true or false")
	}
}

func (d *decoder) date(path string, into *time.Time) {
	var t *time.Time
	if d.optionalDate(path, &t); t != nil {
		*into = *t
	}
}

func (d *decoder) optionalDate(path string, into **time.Time) {
	switch token := d.next().(type) {
	case nil:
	case string:
		t, err := apitype.ParseTime(token)
		if err != nil {
			d.Add(path, "is not an RFC 3339 date: write it as 2021-01-01T00:00:00.000Z")
			return
		}
		*into = &t.Time
	default:
		d.wrong(path, token, "a date such as 2021-01-01T00:00:00.000Z, or null")
	}
}

func (d *decoder) next() token {
	token := d.tokens.next()
	switch token {
	case json.Delim('{'), json.Delim('['):
		d.depth++
	case json.Delim('}'), json.Delim(']'):
		d.depth--
	}
	return token
}

// wrong notes that token is not what was wanted, and passes over the rest of
// the value that it begins.
func (d *decoder) wrong(path string, token token, wanted string) {
	if path == "" {
		path = "body"
	}
	is := "null"
	switch token := token.(type) {
	case string:
		is = "a text"
	case bool:
		is = strconv.FormatBool(token)
	case number:
		is = "a number"
	case json.Delim:
		is = map[json.Delim]string{'{': "an object", '[': "an array"}[token]
		d.skipRest(path)
	}
	d.Add(Shorten(path), "must be %s, and is %s", wanted, is)
}

// skip passes over the next value.
func (d *decoder) skip(path string) {
	if _, ok := d.next().(json.Delim); ok {
		d.skipRest(path)
	}
}

// skipRest passes over the rest of the object or array that was just begun.
func (d *decoder) skipRest(path string) {
	tooDeep := false
	for outside := d.depth - 1; d.depth > outside; {
		d.next()
		tooDeep = tooDeep || d.depth > MaxDepth
	}
	if tooDeep {
		d.Add(Shorten(path), "is nested deeper than %d levels", MaxDepth)
	}
}

// Shorten cuts a name that a caller made up, for a message.
func Shorten(path string) string {
	if len(path) <= maxNameShown {
		return path
	}
	end := maxNameShown
	for !utf8.RuneStart(path[end]) {
		end--
	}
	return path[:end] + "…"
}

// checkText tells whether data is one JSON value in sound Unicode, and notes
// the fault where it is not.
func (d *decoder) checkText(data []byte) bool {
	if at := invalidUTF8(data); at >= 0 {
		d.Add("body", "is not valid UTF-8 at byte %d: send the text as UTF-8", at)
		return false
	}
	if !json.Valid(data) {
		var raw json.RawMessage
		err := json.Unmarshal(data, &raw)
		syntax, ok := errors.AsType[*json.SyntaxError](err)
		switch {
		case len(bytes.TrimSpace(data)) == 0:
			d.Add("body", "is empty: send a JSON object")
		case cutOff(data):
			d.Add("body", "is JSON that is cut off at its end, byte %d", len(data))
		case ok:
			d.Add("body", "is not JSON: %s at byte %d", syntax, syntax.Offset)
		default:
			d.Add("body", "is not JSON: %s", err)
		}
		return false
	}
	if at := loneSurrogate(data); at >= 0 {
		d.Add("body", "has half of a surrogate pair at byte %d: write the character itself, or both halves", at)
		return false
	}
	return true
}

// cutOff tells whether data ends within a JSON value that is sound so far.
func cutOff(data []byte) bool {
	var raw json.RawMessage
	return errors.Is(json.NewDecoder(bytes.NewReader(data)).Decode(&raw), io.ErrUnexpectedEOF)
}

func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// loneSurrogate returns where valid JSON has a \u escape that is half of a
// surrogate pair, -1 if nowhere. encoding/json would replace it.
func loneSurrogate(data []byte) int {
	for i := 0; ; {
		escape := bytes.IndexByte(data[i:], '\\')
		if escape < 0 {
			return -1
		}
		i += escape
		high, ok := surrogate(data[i:], 0xd800)
		if !ok {
			if _, low := surrogate(data[i:], 0xdc00); low {
				return i
			}
			i += 2
			continue
		}
		if _, ok := surrogate(data[i+high:], 0xdc00); !ok {
			return i
		}
		i += 2 * high
	}
}

// surrogate tells whether data begins with an escaped surrogate of the 1,024
// from first on, and how long that is.
func surrogate(data []byte, first uint64) (size int, ok bool) {
	const length = len(`\ud800`)
	if len(data) < length || data[0] != '\\' || data[1] != 'u' {
		return 0, false
	}
	code, err := strconv.ParseUint(string(data[2:length]), 16, 16)
	return length, err == nil && code >= first && code < first+0x400
}
