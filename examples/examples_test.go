package examples

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"personae.dev/apitype"
)

func TestDemo(t *testing.T) {
	t.Parallel()

	records := decode(t, Demo())
	if len(records) != 12 {
		t.Errorf("got %d personas, want 12", len(records))
	}

	fitTypes, weights := map[string]bool{}, map[string]bool{}
	for _, r := range records {
		checkComplete(t, r)
		for _, q := range r.QualifyingQuestions {
			if q.Question == "" || q.Rationale == "" {
				t.Errorf("%s: question %q has rationale %q, want both", r.OID, q.Question, q.Rationale)
			}
			if q.Weight == "INSTANT_DISQUALIFIER" && q.FitType != "BAD" {
				t.Errorf("%s: question %q disqualifies a good fit", r.OID, q.Question)
			}
			fitTypes[q.FitType], weights[q.Weight] = true, true
		}
	}
	if want := set("GOOD", "BAD"); !reflect.DeepEqual(fitTypes, want) {
		t.Errorf("got fit types %v, want %v", fitTypes, want)
	}
	if want := set("LOW", "MEDIUM", "HIGH", "INSTANT_DISQUALIFIER"); !reflect.DeepEqual(weights, want) {
		t.Errorf("got weights %v, want %v", weights, want)
	}
}

func TestONet(t *testing.T) {
	t.Parallel()

	file, err := os.ReadFile("onet/personas.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	records := decode(t, string(file))
	if len(records) != 1016 {
		t.Errorf("got %d personas, want 1016", len(records))
	}
	for _, r := range records {
		want := []apitype.CustomField{{
			Title: "O*NET-SOC Code",
			Value: []string{strings.TrimPrefix(r.OID, "onet-")},
		}}
		if !reflect.DeepEqual(r.CustomFields, want) {
			t.Errorf("%s: got custom fields %v, want %v", r.OID, r.CustomFields, want)
		}
	}
}

// decode reads every line of file, and checks that it is written just as
// Personae would write it and that no two lines share an oId.
func decode(t *testing.T, file string) []apitype.PersonaRecord {
	t.Helper()

	var records []apitype.PersonaRecord
	seen := map[string]bool{}
	for line := range strings.Lines(file) {
		n := len(records) + 1

		var r apitype.PersonaRecord
		dec := json.NewDecoder(strings.NewReader(line))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&r); err != nil {
			t.Fatalf("line %d: %v", n, err)
		}

		var again bytes.Buffer
		enc := json.NewEncoder(&again) // ends the line with a newline
		enc.SetEscapeHTML(false)
		if err := enc.Encode(r); err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		if again.String() != line {
			t.Errorf("line %d: re-encoding gave\n%swant\n%s", n, again.String(), line)
		}

		if r.OID == "" || seen[r.OID] {
			t.Errorf("line %d: oId %q is empty or occurs twice", n, r.OID)
		}
		seen[r.OID] = true
		records = append(records, r)
	}
	return records
}

// checkComplete reports the fields of r that are empty, apart from links,
// which lead to nothing here, and those that only an inactive, archived, deleted
// or doubtful persona has.
func checkComplete(t *testing.T, r apitype.PersonaRecord) {
	t.Helper()

	absent := set("PrimaryOfferingOID", "LinkingStrategy", "PlaybookOIDs", "Active", "Unrecognized", "Rejected", "ArchivedAt", "DeletedAt")
	v := reflect.ValueOf(r)
	for i := range v.NumField() {
		field := v.Type().Field(i).Name
		if !absent[field] && empty(v.Field(i)) {
			t.Errorf("%s: %s is empty, or something in it is", r.OID, field)
		}
	}
	for _, c := range r.CustomFields {
		if c.Title == "" || empty(reflect.ValueOf(c.Value)) {
			t.Errorf("%s: custom field %q is empty, or something in it is", r.OID, c.Title)
		}
	}
}

// empty tells whether v is a zero value, points to one, or is a list that is
// empty or holds one.
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer:
		return v.IsNil() || v.Elem().IsZero()
	case reflect.Slice:
		for i := range v.Len() {
			if v.Index(i).IsZero() {
				return true
			}
		}
		return v.Len() == 0
	default:
		return v.IsZero()
	}
}

func set(keys ...string) map[string]bool {
	m := make(map[string]bool, len(keys))
	for _, k := range keys {
		m[k] = true
	}
	return m
}
