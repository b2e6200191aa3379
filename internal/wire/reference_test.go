package wire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"personae.dev/apitype"
	"personae.dev/internal/persona"
	"personae.dev/internal/wire"
)

// FuzzDecodeReference holds the decoders against encoding/json: both take the
// same bodies, and read the same from them. Where ours refuses what the other
// takes, reference says so, with the reason; nowhere is it the other way round.
func FuzzDecodeReference(f *testing.F) {
	for _, text := range []string{
		`{"oId":"pe_1","name":"x","painPoints":["a","b"],"active":false,"createdAt":"2021-01-01T00:00:00+05:00"}`,
		`{"linkingStrategy":{"mode":"SPECIFIC","offeringOIds":["o"]},"customFields":[{"title":"t","value":["v"],"kind":1}]}`,
		`{"qualifyingQuestions":[{"oId":"q","question":"q","fitType":"GOOD","weight":"LOW","archivedAt":null}],"NAME":"x"}`,
		`{"oId":"pe_1","revisionOId":"rv_1","questionOId":"qq_1","question":"q","rationale":null,"fitType":"BAD","weight":"HIGH"}`,
	} {
		f.Add([]byte(text))
	}
	dates := shape{"createdAt": nil, "updatedAt": nil, "archivedAt": nil, "deletedAt": nil, "unrecognized": nil, "rejected": nil}
	inPatch := shape{
		"oId": nil, "name": nil, "internalName": nil, "description": nil, "primaryOfferingOId": nil, "active": nil,
		"playbookOIds": list{}, "customFields": list{shape{"title": nil, "value": list{}}},
		"linkingStrategy":     shape{"mode": nil, "offeringOIds": list{}},
		"qualifyingQuestions": list{shape{"oId": nil, "question": nil, "rationale": nil, "fitType": nil, "weight": nil, "archivedAt": nil}},
	}
	for _, l := range (&persona.Persona{}).Lists() {
		inPatch[l.Name] = list{}
	}
	inRecord := maps.Clone(inPatch)
	maps.Copy(inRecord, dates)
	inReference := shape{"oId": nil, "revisionOId": nil, "questionOId": nil, "question": nil, "rationale": nil, "fitType": nil, "weight": nil}

	f.Fuzz(func(t *testing.T, data []byte) {
		check := func(decoder string, faults []persona.Fault, s shape, merge bool, want any, got func() any) {
			t.Helper()
			refusal := reference(data, s, merge, want)
			if (refusal == "") != (len(faults) == 0) {
				t.Fatalf("%s of %q: faults %v; want %q", decoder, data, faults, refusal)
			}
			if refusal != "" {
				return
			}
			if diff := cmp.Diff(want, got(), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("%s of %q (-want +got):\n%s", decoder, data, diff)
			}
		}
		p, _, faults := wire.DecodeRecord(data)
		check("DecodeRecord", faults, inRecord, false, &apitype.PersonaRecord{}, func() any { return new(wire.Record(p)) })
		for merge, decode := range map[bool]func([]byte) (string, *persona.Patch, []string, []persona.Fault){false: wire.DecodePatch, true: wire.DecodeMergePatch} {
			oID, patch, _, faults := decode(data)
			check(fmt.Sprintf("DecodePatch, merge %t,", merge), faults, inPatch, merge, &apitype.PersonaRecord{}, func() any {
				r := wire.Record(&patch.Values)
				r.OID = oID
				return &r
			})
		}
		ref, _, faults := wire.DecodeReference(data, slices.Collect(maps.Keys(inReference))...)
		check("DecodeReference", faults, inReference, false, &small{}, func() any {
			return &small{ref.OID, ref.RevisionOID, ref.QuestionOID, ref.Question, ref.Rationale, (*string)(ref.FitType), (*string)(ref.Weight)}
		})
		ref, _, faults = wire.DecodeReference(data, "oId")
		check("DecodeReference of one field", faults, shape{"oId": nil}, false, &small{}, func() any { return &small{OID: ref.OID} })
	})
}

// small is what the bodies of the small calls say.
type small struct {
	OID                                  string `json:"oId"`
	RevisionOID                          string `json:"revisionOId"`
	QuestionOID                          string `json:"questionOId"`
	Question, Rationale, FitType, Weight *string
}

// shape is the fields of an object that are read: a shape for an object, a list,
// or nil for a plain value.
type shape map[string]any

// list is an array; of objects where it has a shape, and else of texts.
type list []shape

// object is an object as it was written.
type object []member

type member struct {
	name  string
	value any
}

// reference reads a body into a value with encoding/json, and returns "" or why
// the body is refused. In a merge, the members of linkingStrategy may be absent.
func reference(data []byte, s shape, merge bool, into any) (refusal string) {
	if !utf8.Valid(data) {
		return "encoding/json replaces what is not UTF-8"
	}
	if !json.Valid(data) { // trailing bytes too
		return "not JSON"
	}
	if halfPair(data) {
		return "encoding/json replaces half of a surrogate pair"
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	body, depth := parse(decoder)
	top, ok := body.(object)
	switch {
	case !ok:
		return "not an object"
	case depth > wire.MaxDepth:
		return "nested too deeply: encoding/json allows 10,000 levels"
	}
	kept, refusal := keep(top, s)
	if refusal != "" {
		return refusal
	}
	exact, err := json.Marshal(kept)
	if err != nil {
		return err.Error()
	}
	if err := json.Unmarshal(exact, into); err != nil {
		return err.Error()
	}
	switch into := into.(type) {
	case *apitype.PersonaRecord:
		return settle(into, kept, merge)
	case *small:
		for name, field := range map[string]**string{"question": &into.Question, "rationale": &into.Rationale, "fitType": &into.FitType, "weight": &into.Weight} {
			if _, given := kept[name]; given && *field == nil {
				*field = new("") // null clears
			}
		}
	}
	return ""
}

// parse returns the next value, and how deep it is nested.
func parse(decoder *json.Decoder) (value any, depth int) {
	token, err := decoder.Token()
	if err != nil {
		panic(err) // it is valid
	}
	switch token {
	case json.Delim('{'):
		value := object{}
		for decoder.More() {
			name, _ := decoder.Token()
			v, d := parse(decoder)
			value, depth = append(value, member{name.(string), v}), max(depth, d)
		}
		_, _ = decoder.Token()
		return value, depth + 1
	case json.Delim('['):
		value := []any{}
		for decoder.More() {
			v, d := parse(decoder)
			value, depth = append(value, v), max(depth, d)
		}
		_, _ = decoder.Token()
		return value, depth + 1
	}
	return token, 0
}

// keep leaves out unknown fields, as encoding/json does, and those whose names
// are known in another case, which it would read.
func keep(o object, s shape) (kept map[string]any, refusal string) {
	kept = map[string]any{}
	seen := map[string]bool{}
	for _, m := range o {
		if seen[m.name] {
			return nil, "a duplicate key: encoding/json takes the last"
		}
		seen[m.name] = true
		inner, known := s[m.name]
		if !known {
			continue
		}
		if kept[m.name], refusal = keepValue(m.value, inner); refusal != "" {
			return nil, refusal
		}
	}
	return kept, ""
}

func keepValue(value, inner any) (kept any, refusal string) {
	switch inner := inner.(type) {
	case shape:
		if o, ok := value.(object); ok {
			return keep(o, inner)
		}
	case list:
		items, ok := value.([]any)
		if !ok {
			break
		}
		kept := []any{}
		for _, item := range items {
			if item == nil {
				return nil, "null in a list: encoding/json takes it for an empty item"
			}
			if len(inner) > 0 {
				if item, refusal = keepValue(item, inner[0]); refusal != "" {
					return nil, refusal
				}
			}
			kept = append(kept, item)
		}
		return kept, ""
	}
	if o, ok := value.(object); ok { // of the wrong type, which Unmarshal shall say
		return map[string]any{"fields": len(o)}, ""
	}
	return value, ""
}

// settle gives the fields of r the meaning that they have in the contract.
func settle(r *apitype.PersonaRecord, kept map[string]any, merge bool) (refusal string) {
	if r.PrimaryOfferingOID != nil && *r.PrimaryOfferingOID == "" {
		r.PrimaryOfferingOID = nil
	}
	if r.Active != nil && *r.Active {
		r.Active = nil
	}
	for _, at := range []**apitype.Time{&r.CreatedAt, &r.UpdatedAt} {
		if *at == nil {
			*at = &apitype.Time{}
		}
	}
	if r.LinkingStrategy != nil && r.LinkingStrategy.Mode == "" {
		if mode, _ := kept["linkingStrategy"].(map[string]any)["mode"]; !merge || mode != nil {
			return "a linkingStrategy without a mode"
		}
		r.LinkingStrategy = nil
	}
	return ""
}

var (
	pair = regexp.MustCompile(`(?i)\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}`)
	half = regexp.MustCompile(`(?i)\\ud[89a-f]`)
)

// halfPair tells whether valid JSON has an escaped half of a surrogate pair.
func halfPair(data []byte) bool {
	escapes := strings.ReplaceAll(string(data), `\\`, "")
	return half.MatchString(pair.ReplaceAllString(escapes, ""))
}
