// Package wire turns the JSON body format of the contract into personas, with
// every fault and its path, and personas into JSON. Import, export and the API
// share it, so that a text means the same everywhere.
//
// It does not judge content: limits and allowed values stand in persona.
package wire

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
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
	p = &persona.Persona{Active: true}
	d := decoder{}
	if !d.read(text, false, func() {
		d.object("", func(name, path string) bool { return d.member(p, name, path) })
	}) {
		p = &persona.Persona{Active: true}
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
	patch = newPatch()
	d := decoder{}
	member := func(name, path string) bool {
		switch name {
		case "oId":
			d.text(path, &oID)
		case "unrecognized", "rejected", "createdAt", "updatedAt", "archivedAt", "deletedAt":
			return false // no client sets them
		case "linkingStrategy":
			if merge {
				patch.Members = d.members(path, &patch.Values.Links)
				return true
			}
			fallthrough
		default:
			return d.member(&patch.Values, name, path)
		}
		return true
	}
	if !d.read(string(data), true, func() {
		d.object("", func(name, path string) bool {
			before := d.tokens.at
			if !member(name, path) {
				return false
			}
			if name != "oId" && !d.tokens.broken {
				patch.Given[name] = true
				if isEmpty(strings.TrimLeft(d.tokens.text[before:d.tokens.at], " \t\r\n")) {
					patch.Empty[name] = true
				}
			}
			return true
		})
	}) {
		oID, patch = "", newPatch()
	}
	return oID, patch, d.unknown, d.List()
}

func newPatch() *persona.Patch {
	return &persona.Patch{Given: map[string]bool{}, Empty: map[string]bool{}, Values: persona.Persona{Active: true}}
}

// isEmpty tells whether a value is an empty text, array or object.
func isEmpty(value string) bool {
	switch value[0] {
	case '"':
		return value == `""`
	case '[', '{':
		return strings.TrimSpace(value[1:len(value)-1]) == ""
	}
	return false
}

// decoder walks over a text.
type decoder struct {
	persona.Faults
	tokens  tokens
	unknown []string
}

// read runs walk over text, and tells whether text is one JSON value in sound
// Unicode. Where it is not, that is the only fault.
func (d *decoder) read(text string, clone bool, walk func()) bool {
	at := invalidUTF8(text)
	if at < 0 {
		d.tokens = newTokens(text)
		d.tokens.clone = clone
		walk()
		if d.tokens.end() && (d.tokens.plain || loneSurrogate(text) < 0) {
			return true
		}
	}
	d.Faults, d.unknown = persona.Faults{}, nil
	d.explain([]byte(text), at)
	return false
}

// member reads a field of p, if there is one with this name.
func (d *decoder) member(p *persona.Persona, name, path string) bool {
	switch name {
	case "oId":
		d.text(path, &p.OID)
	case "name":
		d.text(path, &p.Name)
	case "internalName":
		d.optionalText(path, &p.InternalName)
	case "description":
		d.optionalText(path, &p.Description)
	case "customFields":
		d.customFields(path, &p.CustomFields)
	case "qualifyingQuestions":
		d.questions(path, &p.QualifyingQuestions)
	case "primaryOfferingOId":
		d.offering(path, &p.Links.PrimaryOfferingOID)
	case "linkingStrategy":
		d.linkingStrategy(path, &p.Links)
	case "playbookOIds":
		d.texts(path, &p.Links.PlaybookOIDs)
	case "active":
		d.boolean(path, &p.Active)
	case "unrecognized":
		d.boolean(path, &p.Unrecognized)
	case "rejected":
		d.boolean(path, &p.Rejected)
	case "createdAt":
		d.date(path, &p.CreatedAt)
	case "updatedAt":
		d.date(path, &p.UpdatedAt)
	case "archivedAt":
		d.optionalDate(path, &p.ArchivedAt)
	case "deletedAt":
		d.optionalDate(path, &p.DeletedAt)
	default:
		for _, list := range p.Lists() {
			if list.Name == name {
				d.texts(path, list.Items)
				return true
			}
		}
		return false
	}
	return true
}

func (d *decoder) customFields(path string, into *[]persona.CustomField) {
	d.array(path, func(path string) {
		var field persona.CustomField
		d.object(path, func(name, path string) bool {
			switch name {
			case "title":
				d.text(path, &field.Title)
			case "value":
				d.texts(path, &field.Value)
			default:
				return false
			}
			return true
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
	begun := d.tokens.next()
	if begun.kind != '{' {
		if begun.kind != 'n' {
			d.wrong(path, begun, "an object or null")
		}
		return nil
	}
	members := map[string]bool{}
	d.objectRest(path, func(name, path string) bool {
		switch name {
		case "mode":
			var mode *string
			if d.optionalText(path, &mode); mode != nil && *mode == "" {
				d.Add(path, "is empty: use ALL or SPECIFIC")
			} else if mode != nil {
				into.Offerings = persona.OfferingMode(*mode)
			}
		case "offeringOIds":
			d.texts(path, &into.OfferingOIDs)
		default:
			return false
		}
		members[name] = true
		return true
	})
	return members
}

func (d *decoder) questions(path string, into *[]persona.QualifyingQuestion) {
	d.array(path, func(path string) {
		var q persona.QualifyingQuestion
		d.object(path, func(name, path string) bool {
			switch name {
			case "oId":
				d.text(path, &q.OID)
			case "question":
				d.text(path, &q.Question)
			case "rationale":
				d.text(path, &q.Rationale)
			case "fitType":
				d.text(path, (*string)(&q.FitType))
			case "weight":
				d.text(path, (*string)(&q.Weight))
			case "archivedAt":
				d.optionalDate(path, &q.ArchivedAt)
			default:
				return false
			}
			return true
		})
		*into = append(*into, q)
	})
}

// object reads an object. member reads the value of the member with a name, if
// it knows it; others are noted and passed over.
func (d *decoder) object(path string, member func(name, path string) bool) {
	if begun := d.tokens.next(); begun.kind != '{' {
		d.wrong(path, begun, "an object")
		return
	}
	d.objectRest(path, member)
}

// fewNames is up to how many names are faster found one by one than in a map.
const fewNames = 32

func (d *decoder) objectRest(path string, member func(name, path string) bool) {
	var few [fewNames]string
	seen := few[:0]
	var many map[string]bool
	for first := true; d.tokens.more('}', first); first = false {
		name := d.tokens.name()
		at := name
		if path != "" {
			at = path + "." + name
		}
		switch {
		case slices.Contains(seen, name) || many[name]:
			d.Add(Shorten(at), "occurs twice: keep one")
			d.skip(at)
		case member(name, at):
		default:
			if len(d.unknown) < MaxUnknown {
				d.unknown = append(d.unknown, strings.Clone(Shorten(at)))
			}
			d.skip(at)
		}
		if len(seen) < fewNames {
			seen = append(seen, name)
			continue
		}
		if many == nil {
			many = map[string]bool{}
		}
		many[name] = true
	}
}

// array reads an array, or null for an empty one.
func (d *decoder) array(path string, item func(path string)) {
	if !d.beginArray(path, "an array") {
		return
	}
	for i := 0; d.tokens.more(']', i == 0); i++ {
		item(path + "[" + strconv.Itoa(i) + "]")
	}
}

func (d *decoder) beginArray(path, wanted string) bool {
	begun := d.tokens.next()
	if begun.kind != '[' && begun.kind != 'n' {
		d.wrong(path, begun, wanted)
	}
	return begun.kind == '['
}

// texts reads an array of texts. It makes no path before it needs one: this is
// where nearly all of a persona is read.
func (d *decoder) texts(path string, into *[]string) {
	if !d.beginArray(path, "an array of texts") {
		return
	}
	*into = d.tokens.list(func(i int, begun token) { d.wrong(fmt.Sprintf("%s[%d]", path, i), begun, "a text") })
}

// text reads a text, or null for none.
func (d *decoder) text(path string, into *string) {
	switch begun := d.tokens.next(); begun.kind {
	case 'n':
	case '"':
		*into = begun.text
	default:
		d.wrong(path, begun, "a text")
	}
}

func (d *decoder) optionalText(path string, into **string) {
	switch begun := d.tokens.next(); begun.kind {
	case 'n':
	case '"':
		*into = &begun.text
	default:
		d.wrong(path, begun, "a text or null")
	}
}

func (d *decoder) boolean(path string, into *bool) {
	switch begun := d.tokens.next(); begun.kind {
	case 'n':
	case 't', 'f':
		*into = begun.kind == 't'
	default:
		d.wrong(path, begun, "true or false")
	}
}

func (d *decoder) date(path string, into *time.Time) {
	var t *time.Time
	if d.optionalDate(path, &t); t != nil {
		*into = *t
	}
}

func (d *decoder) optionalDate(path string, into **time.Time) {
	switch begun := d.tokens.next(); begun.kind {
	case 'n':
	case '"':
		t, err := apitype.ParseTime(begun.text)
		if err != nil {
			d.Add(path, "is not an RFC 3339 date: write it as 2021-01-01T00:00:00.000Z")
			return
		}
		*into = &t.Time
	default:
		d.wrong(path, begun, "a date such as 2021-01-01T00:00:00.000Z, or null")
	}
}

// wrong notes that a value is not what was wanted, and passes over the rest of
// it.
func (d *decoder) wrong(path string, begun token, wanted string) {
	if path == "" {
		path = "body"
	}
	is := ""
	switch begun.kind {
	case '"':
		is = "a text"
	case 't':
		is = "true"
	case 'f':
		is = "false"
	case 'n':
		is = "null"
	case '{':
		is = "an object"
	case '[':
		is = "an array"
	case number:
		is = "a number"
	}
	d.pass(path, begun)
	d.Add(Shorten(path), "must be %s, and is %s", wanted, is)
}

// skip passes over the next value.
func (d *decoder) skip(path string) { d.pass(path, d.tokens.next()) }

// pass passes over the rest of a value.
func (d *decoder) pass(path string, begun token) {
	if d.tokens.skip(begun) {
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
