package wire_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"personae.dev/apitype"
	"personae.dev/internal/persona"
	"personae.dev/internal/wire"
)

// patchFields are the fields that a client may set: each with a value, with what
// is empty of its kind ("" where it has none), and with a value of a wrong kind.
func patchFields() map[string][3]string {
	f := map[string][3]string{
		"name": {`"x"`, `""`, `1`}, "internalName": {`"x"`, `""`, `[]`}, "description": {`"x"`, `""`, `{}`},
		"customFields":        {`[{"title":"t","value":["v"]}]`, `[]`, `{}`},
		"qualifyingQuestions": {`[{"oId":"q","question":"q","fitType":"GOOD","weight":"LOW"}]`, `[]`, `""`},
		"primaryOfferingOId":  {`"of"`, `""`, `1`}, "linkingStrategy": {`{"mode":"ALL"}`, `{}`, `[]`},
		"playbookOIds": {`["pb"]`, `[]`, `"pb"`}, "active": {`false`, "", `"true"`},
	}
	for _, list := range (&persona.Persona{}).Lists() {
		f[list.Name] = [3]string{`["v"]`, `[]`, `{}`}
	}
	return f
}

func TestDecodePatchGivenAndEmpty(t *testing.T) {
	t.Parallel()
	check := func(text string, given, empty []string) {
		t.Helper()
		_, patch, unknown, faults := wire.DecodePatch([]byte(text))
		if len(unknown) > 0 || len(faults) > 0 && faults[0].Field != "linkingStrategy.mode" {
			t.Errorf("%s: unknown %q, faults %v", text, unknown, faults)
		}
		if diff := cmp.Diff(given, slices.Sorted(maps.Keys(patch.Given)), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: given (-want +got):\n%s", text, diff)
		}
		if diff := cmp.Diff(empty, slices.Sorted(maps.Keys(patch.Empty)), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: empty (-want +got):\n%s", text, diff)
		}
	}
	check(`{}`, nil, nil)
	check(`{"oId":"pe_1"}`, nil, nil)
	check(`{"oId":""}`, nil, nil)
	for field, values := range patchFields() {
		one := []string{field}
		check(`{"`+field+`":`+values[0]+`}`, one, nil)
		check(`{"`+field+`":null}`, one, nil)
		if empty := values[1]; empty != "" {
			check(`{"`+field+`":`+empty+`}`, one, one)
			check("{\""+field+"\" \t:\r\n "+empty+" , \"oId\":null}", one, one)
			if empty != `""` {
				check(`{"`+field+`":`+empty[:1]+" \t\n"+empty[1:]+`}`, one, one)
			}
		}
		_, patch, _, faults := wire.DecodePatch([]byte(`{"` + field + `":` + values[2] + `}`))
		if len(faults) != 1 || faults[0].Field != field || !patch.Has(field) {
			t.Errorf("%s is %s: faults %v", field, values[2], faults)
		}
	}
	// What only looks empty is not, and what is empty within is nobody's affair.
	check(`{"name":" "}`, []string{"name"}, nil)
	check(`{"name":"[]","description":"{}"}`, []string{"description", "name"}, nil)
	check(`{"painPoints":[""],"keyConcerns":["[]"]}`, []string{"keyConcerns", "painPoints"}, nil)
	check(`{"customFields":[{}],"qualifyingQuestions":[{"question":"","oId":null}]}`, []string{"customFields", "qualifyingQuestions"}, nil)
	check(`{"linkingStrategy":{"mode":"ALL","offeringOIds":[]}}`, []string{"linkingStrategy"}, nil)
}

// TestDecodeMergePatch: the members of linkingStrategy are merged, and all else
// is as in another update.
func TestDecodeMergePatch(t *testing.T) {
	t.Parallel()
	const absent = "absent"
	specific := persona.Links{Offerings: persona.OfferingsSpecific, OfferingOIDs: []string{"old"}}
	for _, test := range []struct {
		strategy string
		want     persona.Links
		fault    string
	}{
		{absent, specific, ""},
		{`null`, persona.Links{}, ""},
		{`{}`, specific, ""},
		{`{"unknown":1}`, specific, ""},
		{`{"offeringOIds":["new"]}`, persona.Links{Offerings: persona.OfferingsSpecific, OfferingOIDs: []string{"new"}}, ""},
		{`{"offeringOIds":null}`, persona.Links{Offerings: persona.OfferingsSpecific}, ""},
		{`{"mode":null}`, persona.Links{OfferingOIDs: []string{"old"}}, ""},
		{`{"mode":"ALL"}`, persona.Links{Offerings: persona.OfferingsAll, OfferingOIDs: []string{"old"}}, ""},
		{`{"mode":"ALL","offeringOIds":null}`, persona.Links{Offerings: persona.OfferingsAll}, ""},
		{`{"mode":""}`, specific, "linkingStrategy.mode"},
		{`{"mode":1}`, specific, "linkingStrategy.mode"},
		{`"ALL"`, specific, "linkingStrategy"},
		{`[]`, specific, "linkingStrategy"},
	} {
		body := `{"name":"x","painPoints":null}`
		if test.strategy != absent {
			body = `{"name":"x","painPoints":null,"linkingStrategy":` + test.strategy + `}`
		}
		_, patch, _, faults := wire.DecodeMergePatch([]byte(body))
		if len(faults) > 0 || test.fault != "" {
			if len(faults) != 1 || faults[0].Field != test.fault {
				t.Errorf("%s: faults %v", test.strategy, faults)
			}
			continue
		}
		p := &persona.Persona{Name: "old", PainPoints: []string{"old"}, Links: specific}
		patch.Apply(p)
		if want := (&persona.Persona{Name: "x", Links: test.want}); !p.Equal(want) {
			t.Errorf("%s made %+v", test.strategy, p)
		}
	}
}

func TestDecodePatchServerFields(t *testing.T) {
	t.Parallel()
	// No client sets these, and one that sends back what it got does no harm.
	names := []string{"archivedAt", "createdAt", "deletedAt", "rejected", "unrecognized", "updatedAt", "user", "data"}
	for _, name := range names {
		_, patch, unknown, faults := wire.DecodePatch([]byte(`{"` + name + `":["anything",{}]}`))
		if len(faults) > 0 || len(patch.Given) > 0 || !slices.Equal(unknown, []string{name}) {
			t.Errorf("%s: given %v, unknown %q, faults %v", name, patch.Given, unknown, faults)
		}
	}
}

// TestDecodePatchOfN8N: its node sends everything that its user left alone as
// empty, and must change one field with it.
func TestDecodePatchOfN8N(t *testing.T) {
	t.Parallel()
	const body = `{"oId":"pe_1","name":"","internalName":"","description":"new","primaryResponsibilities":[],"painPoints":[],"keyConcerns":[],
		"keyObjectives":[],"commonJobTitles":[],"whyTheyMatterToUs":[],"whyWeMatterToThem":[],"buyingRole":[],"customFields":[],
		"primaryOfferingOId":"","linkingStrategy":{}}`
	oID, patch, unknown, faults := wire.DecodePatch([]byte(body))
	faults = patch.IgnoreEmpty(faults)
	if oID != "pe_1" || len(unknown) > 0 || len(faults) > 0 {
		t.Fatalf("oId %q, unknown %q, faults %v", oID, unknown, faults)
	}
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	full := func() *persona.Persona {
		p := &persona.Persona{
			OID: "pe_1", Name: "n", InternalName: new("i"), Description: new("d"), CreatedAt: at, UpdatedAt: at,
			CustomFields:        []persona.CustomField{{Title: "t", Value: []string{"v"}}},
			QualifyingQuestions: []persona.QualifyingQuestion{{OID: "q", Question: "q", FitType: persona.FitGood, Weight: persona.WeightLow}},
			Links:               persona.Links{PrimaryOfferingOID: new("of"), Offerings: persona.OfferingsAll, PlaybookOIDs: []string{"pb"}},
		}
		for _, list := range p.Lists() {
			*list.Items = []string{list.Name}
		}
		return p
	}
	got, want := full(), full()
	patch.Apply(got)
	want.Description = new("new")
	if !got.Equal(want) {
		t.Errorf("it changed %+v", got)
	}
	// To the letter, from another client, it clears.
	_, patch, _, _ = wire.DecodePatch([]byte(body))
	patch.Apply(got)
	want = &persona.Persona{
		OID: "pe_1", InternalName: new(""), Description: new("new"), CreatedAt: at, UpdatedAt: at, QualifyingQuestions: full().QualifyingQuestions,
		Links: persona.Links{PlaybookOIDs: []string{"pb"}},
	}
	if !got.Equal(want) {
		t.Errorf("to the letter, it made %+v", got)
	}
}

func TestDecodeReference(t *testing.T) {
	t.Parallel()
	all := []string{"oId", "revisionOId", "questionOId", "question", "rationale", "fitType", "weight"}
	good, low := persona.FitGood, persona.WeightLow
	full := wire.Reference{
		OID: "p", RevisionOID: "r", QuestionOID: "q", Question: new(""), Rationale: new("why"), FitType: &good, Weight: &low,
	}
	const text = `{"oId":"p","revisionOId":"r","questionOId":"q","question":"","rationale":"why","fitType":"GOOD","weight":"LOW"}`
	for _, test := range []struct {
		text    string
		names   []string
		want    wire.Reference
		unknown []string
		faults  []string
	}{
		{text, all, full, nil, nil},
		{text, all[:1], wire.Reference{OID: "p"}, all[1:], nil},
		{`{}`, all, wire.Reference{}, nil, nil},
		{`{"oId":null,"question":null,"rationale":null,"fitType":null}`, all, wire.Reference{Question: new(""), Rationale: new(""), FitType: new(persona.FitType(""))}, nil, nil},
		{`{"fitType":1,"oId":{},"oId":"p"}`, all, wire.Reference{FitType: new(persona.FitType(""))}, nil, []string{"fitType", "oId", "oId"}},
		{`[]`, all, wire.Reference{}, nil, []string{"body"}},
		{``, all, wire.Reference{}, nil, []string{"body"}},
		{`{"oId":"\ud800"}`, all, wire.Reference{}, nil, []string{"body"}},
	} {
		got, unknown, faults := wire.DecodeReference([]byte(test.text), test.names...)
		var fields []string
		for _, fault := range faults {
			fields = append(fields, fault.Field)
		}
		if diff := cmp.Diff(test.want, got) + cmp.Diff(test.unknown, unknown) + cmp.Diff(test.faults, fields); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.text, diff)
		}
	}
}

func TestRevisionChanges(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	base := func() *persona.Persona {
		return &persona.Persona{OID: "pe_1", Name: "x", PainPoints: []string{"<a>"}, Active: true, CreatedAt: at, UpdatedAt: at}
	}
	for _, test := range []struct {
		name   string
		before bool
		change func(*persona.Persona)
		want   []string
	}{
		{"First", false, func(*persona.Persona) {}, []string{
			`name: null to "x"`, `painPoints: null to ["<a>"]`, "active: null to true", `createdAt: null to "2024-01-01T00:00:00.000Z"`, `updatedAt: null to "2024-01-01T00:00:00.000Z"`,
		}},
		{"None", true, func(*persona.Persona) {}, nil},
		{"Text", true, func(p *persona.Persona) { p.Name, p.Description = "y", new("") }, []string{`name: "x" to "y"`, `description: null to ""`}},
		{"List", true, func(p *persona.Persona) { p.PainPoints, p.KeyConcerns = nil, []string{"c"} }, []string{`painPoints: ["<a>"] to null`, `keyConcerns: null to ["c"]`}},
		{"Links", true, func(p *persona.Persona) {
			p.Links = persona.Links{Offerings: persona.OfferingsAll, PlaybookOIDs: []string{"pb"}}
		}, []string{
			`linkingStrategy: null to {"mode":"ALL"}`, `playbookOIds: null to ["pb"]`,
		}},
		{"Question", true, func(p *persona.Persona) {
			p.QualifyingQuestions = []persona.QualifyingQuestion{{OID: "q", Question: "q", FitType: "GOOD", Weight: "LOW"}}
		}, []string{`qualifyingQuestions: null to [{"oId":"q","question":"q","rationale":"","fitType":"GOOD","weight":"LOW","archivedAt":null}]`}},
		{"Dates", true, func(p *persona.Persona) { p.ArchivedAt = &at }, []string{`archivedAt: null to "2024-01-01T00:00:00.000Z"`}},
	} {
		r := &persona.Revision{OID: "rv", PersonaOID: "pe_1", Number: 7, Action: persona.ActionUpdated, At: at, User: persona.User{OID: "u"}, KeyOID: "ak", Persona: base()}
		if test.before {
			r.Before = base()
		}
		test.change(r.Persona)
		got, err := wire.Revision(r)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		var changes []string
		for _, c := range got.Changes {
			changes = append(changes, fmt.Sprintf("%s: %s to %s", c.Field, c.Before, c.After))
		}
		if diff := cmp.Diff(test.want, changes); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		got.Changes = nil
		want := apitype.Revision{OID: "rv", PersonaOID: "pe_1", Number: 7, Action: "updated", CreatedAt: apitype.NewTime(at), User: apitype.User{OID: "u"}, APIKeyOID: new("ak")}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: revision (-want +got):\n%s", test.name, diff)
		}
		r.KeyOID = ""
		if got, err := wire.Revision(r); err != nil || got.APIKeyOID != nil {
			t.Errorf("%s: a command's revision has the key %v, %v", test.name, got.APIKeyOID, err)
		}
	}
}

func FuzzDecodePatch(f *testing.F) {
	for _, text := range []string{
		`{"oId":"pe_1","name":"x","painPoints":[],"linkingStrategy":{},"description":""}`, `{"linkingStrategy":{"mode":"SPECIFIC","offeringOIds":["a"]}}`,
		`{"active":null,"primaryOfferingOId":"","playbookOIds":[ ]}`, `{"qualifyingQuestions":[{"oId":"q"}],"x":{"y":[1]}}`, `[]`, "", `{"name":{},"name":1}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, patch, unknown, faults := wire.DecodePatch(data)
		for _, fault := range faults {
			if !utf8.ValidString(fault.Field) || !utf8.ValidString(fault.Message) {
				t.Errorf("fault %q is not valid UTF-8", fault)
			}
		}
		if len(unknown) > wire.MaxUnknown || len(faults) > persona.MaxFaults+1 {
			t.Errorf("%d unknown fields, %d faults", len(unknown), len(faults))
		}
		for field := range patch.Empty {
			if !patch.Given[field] {
				t.Errorf("%s is empty, and not given", field)
			}
		}
		if len(faults) > 0 {
			return
		}
		var object map[string]json.RawMessage
		if err := json.Unmarshal(data, &object); err != nil {
			t.Fatalf("there is no fault, and for encoding/json: %v", err)
		}
		for field := range patchFields() {
			value, given := object[field]
			if given != patch.Given[field] {
				t.Errorf("%s: given is %t", field, patch.Given[field])
			}
			compact := strings.Map(func(r rune) rune {
				if strings.ContainsRune(" \t\r\n", r) {
					return -1
				}
				return r
			}, string(value))
			empty := string(value) == `""` || compact == "[]" || compact == "{}"
			if empty != patch.Empty[field] {
				t.Errorf("%s is %s: empty is %t", field, value, patch.Empty[field])
			}
		}
	})
}
