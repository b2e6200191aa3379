package wire_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"personae.dev/internal/persona"
	"personae.dev/internal/wire"
)

func TestDecodeRecord(t *testing.T) {
	t.Parallel()
	const text = `{"oId":"pe_1","name":"VP","internalName":"Sally","description":"d",
		"primaryResponsibilities":["r"],"painPoints":["p1","p2"],"keyConcerns":["c"],"keyObjectives":["o"],"commonJobTitles":["t"],
		"whyTheyMatterToUs":["w1"],"whyWeMatterToThem":["w2"],"buyingRole":["b"],
		"customFields":[{"title":"T","value":["v1","v2"]},{"title":"U"}],
		"qualifyingQuestions":[{"oId":"qq_1","question":"q","rationale":"r","fitType":"GOOD","weight":"LOW","archivedAt":"2024-01-01T00:00:00Z"},{"question":"q2","fitType":"BAD","weight":"HIGH"}],
		"primaryOfferingOId":"of_1","linkingStrategy":{"mode":"SPECIFIC","offeringOIds":["of_2","of_1"]},"playbookOIds":["pb_1"],
		"active":false,"unrecognized":true,"rejected":true,
		"createdAt":"2021-01-01T00:00:00.123Z","updatedAt":"2022-01-01T00:00:00.000Z","archivedAt":"2023-01-01T00:00:00.000Z","deletedAt":"2024-01-01T00:00:00.000Z"}`
	at := func(year int) time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }
	want := &persona.Persona{
		OID: "pe_1", Name: "VP", InternalName: new("Sally"), Description: new("d"),
		PrimaryResponsibilities: []string{"r"}, PainPoints: []string{"p1", "p2"}, KeyConcerns: []string{"c"}, KeyObjectives: []string{"o"},
		CommonJobTitles: []string{"t"}, WhyTheyMatterToUs: []string{"w1"}, WhyWeMatterToThem: []string{"w2"}, BuyingRole: []string{"b"},
		CustomFields: []persona.CustomField{{Title: "T", Value: []string{"v1", "v2"}}, {Title: "U"}},
		QualifyingQuestions: []persona.QualifyingQuestion{
			{OID: "qq_1", Question: "q", Rationale: "r", FitType: "GOOD", Weight: "LOW", ArchivedAt: new(at(2024))},
			{Question: "q2", FitType: "BAD", Weight: "HIGH"},
		},
		Links:        persona.Links{PrimaryOfferingOID: new("of_1"), Offerings: persona.OfferingsSpecific, OfferingOIDs: []string{"of_2", "of_1"}, PlaybookOIDs: []string{"pb_1"}},
		Unrecognized: true, Rejected: true,
		CreatedAt: at(2021).Add(123 * time.Millisecond), UpdatedAt: at(2022), ArchivedAt: new(at(2023)), DeletedAt: new(at(2024)),
	}
	got, unknown, faults := wire.DecodeRecord([]byte(text))
	if len(unknown) > 0 || len(faults) > 0 {
		t.Errorf("unknown %q, faults %v", unknown, faults)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("persona (-want +got):\n%s", diff)
	}
}

// TestDecodeRecordNothing: absent, null and empty fields are no faults of form.
func TestDecodeRecordNothing(t *testing.T) {
	t.Parallel()
	var nulls, empty []string
	for _, name := range []string{"oId", "name"} {
		nulls, empty = append(nulls, `"`+name+`":null`), append(empty, `"`+name+`":""`)
	}
	for _, name := range []string{"internalName", "description", "primaryOfferingOId", "linkingStrategy", "playbookOIds", "active", "unrecognized", "rejected", "createdAt", "updatedAt", "archivedAt", "deletedAt"} {
		nulls = append(nulls, `"`+name+`":null`)
	}
	for _, list := range (&persona.Persona{}).Lists() {
		nulls, empty = append(nulls, `"`+list.Name+`":null`), append(empty, `"`+list.Name+`":[]`)
	}
	for _, name := range []string{"customFields", "qualifyingQuestions"} {
		nulls, empty = append(nulls, `"`+name+`":null`), append(empty, `"`+name+`":[]`)
	}
	for _, text := range []string{"{}", " {\t}\r\n", "{" + strings.Join(nulls, ",") + "}", "{" + strings.Join(empty, " , ") + "}"} {
		got, unknown, faults := wire.DecodeRecord([]byte(text))
		if len(unknown) > 0 || len(faults) > 0 {
			t.Errorf("%s: unknown %q, faults %v", text, unknown, faults)
		}
		if diff := cmp.Diff(&persona.Persona{Active: true}, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	const inner = `{"customFields":[{"title":null,"value":null},{}],
		"qualifyingQuestions":[{"oId":null,"question":null,"rationale":null,"fitType":null,"weight":null,"archivedAt":null},{}]}`
	got, _, faults := wire.DecodeRecord([]byte(inner))
	if len(faults) > 0 || len(got.CustomFields) != 2 || len(got.QualifyingQuestions) != 2 {
		t.Errorf("%s: %v, faults %v", inner, got, faults)
	}
}

func TestDecodeRecordFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want []string // "path: message"
	}{
		// No JSON object at all.
		{``, []string{"body: is empty: send a JSON object"}},
		{" \t\r\n", []string{"body: is empty: send a JSON object"}},
		{`null`, []string{"body: must be an object, and is null"}},
		{`[]`, []string{"body: must be an object, and is an array"}},
		{`[{"name":"x"}]`, []string{"body: must be an object, and is an array"}},
		{`"x"`, []string{"body: must be an object, and is a text"}},
		{`12`, []string{"body: must be an object, and is a number"}},
		{`1e999`, []string{"body: must be an object, and is a number"}},
		{`true`, []string{"body: must be an object, and is true"}},
		{`{`, []string{"body: is JSON that is cut off at its end, byte 1"}},
		{`{"name":"x"`, []string{"body: is JSON that is cut off at its end, byte 11"}},
		{`{"name":"x`, []string{"body: is JSON that is cut off at its end, byte 10"}},
		{`{"name":"\u00`, []string{"body: is JSON that is cut off at its end, byte 13"}},
		{`{"name":tru`, []string{"body: is JSON that is cut off at its end, byte 11"}},
		{`{"name":"x"}}`, []string{"body: is not JSON: invalid character '}' after top-level value at byte 13"}},
		{`{"name":"x"} x`, []string{"body: is not JSON: invalid character 'x' after top-level value at byte 14"}},
		{`{"name":"x"},`, []string{"body: is not JSON: invalid character ',' after top-level value at byte 13"}},
		{`{"name":"x"}{}`, []string{"body: is not JSON: invalid character '{' after top-level value at byte 13"}},
		{`{"name":"x",}`, []string{"body: is not JSON: invalid character '}' looking for beginning of object key string at byte 13"}},
		{`{'name':"x"}`, []string{"body: is not JSON: invalid character '\\'' looking for beginning of object key string at byte 2"}},
		{"{\"name\":\"a\nb\"}", []string{"body: is not JSON: invalid character '\\n' in string literal at byte 11"}},
		{`{"name":nul!}`, []string{"body: is not JSON: invalid character '!' in literal null (expecting 'l') at byte 12"}},
		{`{"name":NaN}`, []string{"body: is not JSON: invalid character 'N' looking for beginning of value at byte 9"}},
		{`{"name":01}`, []string{"body: is not JSON: invalid character '1' after object key:value pair at byte 10"}},
		{"\ufeff{}", []string{"body: is not JSON: invalid character 'ï' looking for beginning of value at byte 1"}},

		// Damaged Unicode.
		{"{\"name\":\"\xff\"}", []string{"body: is not valid UTF-8 at byte 9: send the text as UTF-8"}},
		{"{\"name\":\"é\xc3\"}", []string{"body: is not valid UTF-8 at byte 11: send the text as UTF-8"}},
		{`{"name":"\ud800"}`, []string{"body: has half of a surrogate pair at byte 9: write the character itself, or both halves"}},
		{`{"name":"\udc00"}`, []string{"body: has half of a surrogate pair at byte 9: write the character itself, or both halves"}},
		{`{"name":"\uDFFF\uD800"}`, []string{"body: has half of a surrogate pair at byte 9: write the character itself, or both halves"}},
		{`{"name":"\ud800\ud800\udc00"}`, []string{"body: has half of a surrogate pair at byte 9: write the character itself, or both halves"}},
		{`{"name":"\ud800x\udc00"}`, []string{"body: has half of a surrogate pair at byte 9: write the character itself, or both halves"}},
		{`{"name":"\ud800\\udc00"}`, []string{"body: has half of a surrogate pair at byte 9: write the character itself, or both halves"}},
		{`{"name":"\\\ud800"}`, []string{"body: has half of a surrogate pair at byte 11: write the character itself, or both halves"}},
		{`{"\udbff":1}`, []string{"body: has half of a surrogate pair at byte 2: write the character itself, or both halves"}},

		// Wrong types, all at once.
		{`{"oId":1,"name":true,"internalName":{},"description":[1,[2]]}`, []string{
			"oId: must be a text, and is a number", "name: must be a text, and is true",
			"internalName: must be a text or null, and is an object", "description: must be a text or null, and is an array",
		}},
		{`{"name":1e400,"description":-0.0}`, []string{"name: must be a text, and is a number", "description: must be a text or null, and is a number"}},
		{`{"painPoints":"x","keyConcerns":{"a":["b"]},"keyObjectives":1,"buyingRole":false}`, []string{
			"painPoints: must be an array of texts, and is a text", "keyConcerns: must be an array of texts, and is an object",
			"keyObjectives: must be an array of texts, and is a number", "buyingRole: must be an array of texts, and is false",
		}},
		{`{"painPoints":["x",1,null,["y"],{"z":1},true,"ok"]}`, []string{
			"painPoints[1]: must be a text, and is a number", "painPoints[2]: must be a text, and is null",
			"painPoints[3]: must be a text, and is an array", "painPoints[4]: must be a text, and is an object", "painPoints[5]: must be a text, and is true",
		}},
		{`{"active":"yes","unrecognized":0,"rejected":[]}`, []string{
			"active: must be true or false, and is a text", "unrecognized: must be true or false, and is a number", "rejected: must be true or false, and is an array",
		}},
		{`{"createdAt":1700000000,"archivedAt":false,"deletedAt":{}}`, []string{
			"createdAt: must be a date such as 2021-01-01T00:00:00.000Z, or null, and is a number",
			"archivedAt: must be a date such as 2021-01-01T00:00:00.000Z, or null, and is false",
			"deletedAt: must be a date such as 2021-01-01T00:00:00.000Z, or null, and is an object",
		}},
		{`{"customFields":{"title":"T"},"qualifyingQuestions":"q"}`, []string{
			"customFields: must be an array, and is an object", "qualifyingQuestions: must be an array, and is a text",
		}},
		{`{"customFields":[null,"x",{"title":1,"value":"v"},{"value":["ok",2]},[]]}`, []string{
			"customFields[0]: must be an object, and is null", "customFields[1]: must be an object, and is a text",
			"customFields[2].title: must be a text, and is a number", "customFields[2].value: must be an array of texts, and is a text",
			"customFields[3].value[1]: must be a text, and is a number", "customFields[4]: must be an object, and is an array",
		}},
		{`{"qualifyingQuestions":[1,{"question":[],"rationale":{},"fitType":1,"weight":true,"archivedAt":"never"}]}`, []string{
			"qualifyingQuestions[0]: must be an object, and is a number", "qualifyingQuestions[1].question: must be a text, and is an array",
			"qualifyingQuestions[1].rationale: must be a text, and is an object", "qualifyingQuestions[1].fitType: must be a text, and is a number",
			"qualifyingQuestions[1].weight: must be a text, and is true",
			"qualifyingQuestions[1].archivedAt: is not an RFC 3339 date: write it as 2021-01-01T00:00:00.000Z",
		}},

		// Twice the same name.
		{`{"name":"a","name":"b"}`, []string{"name: occurs twice: keep one"}},
		{`{"name":null,"name":"b","name":["c",{"d":1}]}`, []string{"name: occurs twice: keep one", "name: occurs twice: keep one"}},
		{`{"name":"a","n\u0061me":"b"}`, []string{"name: occurs twice: keep one"}},
		{`{"x":1,"x":2}`, []string{"x: occurs twice: keep one"}},
		{`{"customFields":[{"title":"a","title":"b"},{"title":"c","value":[],"value":[]}]}`, []string{
			"customFields[0].title: occurs twice: keep one", "customFields[1].value: occurs twice: keep one",
		}},
		{`{"qualifyingQuestions":[{"weight":"LOW","weight":"LOW"}]}`, []string{"qualifyingQuestions[0].weight: occurs twice: keep one"}},

		// A wrong value does not hide what follows it.
		{`{"name":{"a":[1,{"b":2}]},"oId":2}`, []string{"name: must be a text, and is an object", "oId: must be a text, and is a number"}},
	}
	for _, test := range tests {
		_, _, faults := wire.DecodeRecord([]byte(test.text))
		var got []string
		for _, fault := range faults {
			got = append(got, fault.String())
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.text, diff)
		}
	}
}

func TestDecodeRecordText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"\ud83d\ude00"`:             "\U0001f600",
		`"\uD83D\uDE00"`:             "\U0001f600",
		`"\udbff\udfff\ud800\udc00"`: "\U0010ffff\U00010000",
		`"\\ud800"`:                  `\ud800`,
		`"\\\\udc00"`:                `\\udc00`,
		`"\\\u0041"`:                 `\A`,
		`"\ufffd"`:                   "\ufffd",
		`"\uffff\ufdd0"`:             "\uffff\ufdd0",
		`"\ud7ff\ue000"`:             "\ud7ff\ue000",
		`"\/\"\b"`:                   "/\"\b",
		`"\u0000"`:                   "\x00", // refused by Validate
		"\"\u2028\x7f\"":             "\u2028\x7f",
	} {
		p, _, faults := wire.DecodeRecord([]byte(`{"name":` + text + `,"painPoints":[` + text + `]}`))
		if len(faults) > 0 || p.Name != want || len(p.PainPoints) != 1 || p.PainPoints[0] != want {
			t.Errorf("%s is %q and %q, faults %v; want %q", text, p.Name, p.PainPoints, faults, want)
		}
	}
}

func TestDecodeRecordUnknown(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want []string
	}{
		{`{"name":"x","extra":1}`, []string{"extra"}},
		// Names are told to the letter.
		{`{"Name":"x","NAME":"y","oid":"z","internalname":1,"":2," name":3}`, []string{"Name", "NAME", "oid", "internalname", "", " name"}},
		{`{"_metadata":{"usage":[1,{"name":"no"}]},"data":{"painPoints":["no"]},"user":null,"workspace":[]}`, []string{"_metadata", "data", "user", "workspace"}},
		{`{"customFields":[{"title":"t","x":{"y":1}},{"Title":"t"}]}`, []string{"customFields[0].x", "customFields[1].Title"}},
		{`{"qualifyingQuestions":[{"oId":"q_1","question":"q","OID":"x"}]}`, []string{"qualifyingQuestions[0].OID"}},
		{`{"a":1e999,"b":[-1e-999]}`, []string{"a", "b"}},
		{`{"a":{"x":1,"x":2}}`, []string{"a"}}, // what is passed over is not judged
		{`{"` + strings.Repeat("é", 40) + `":1}`, []string{strings.Repeat("é", 32) + "…"}},
		{`{"x` + strings.Repeat("é", 40) + `":1}`, []string{"x" + strings.Repeat("é", 31) + "…"}},
	}
	for _, test := range tests {
		_, unknown, faults := wire.DecodeRecord([]byte(test.text))
		if len(faults) > 0 {
			t.Errorf("%s: faults %v", test.text, faults)
		}
		if diff := cmp.Diff(test.want, unknown); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.text, diff)
		}
	}

	var many []string
	for i := range 10_000 {
		many = append(many, fmt.Sprintf(`"x%d":%d`, i, i))
	}
	if _, unknown, faults := wire.DecodeRecord([]byte("{" + strings.Join(many, ",") + "}")); len(unknown) != wire.MaxUnknown || len(faults) > 0 {
		t.Errorf("of 10,000 unknown fields %d are named, faults %v", len(unknown), faults)
	}
}

func TestDecodeRecordDepth(t *testing.T) {
	t.Parallel()
	nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	tests := []struct {
		name, text string
		want       []string
	}{
		// The body itself is a level.
		{"Allowed", `{"x":` + nested(wire.MaxDepth-1) + `}`, nil},
		{"OneTooMany", `{"x":` + nested(wire.MaxDepth) + `}`, []string{"x: is nested deeper than 32 levels"}},
		{"Hundred", `{"x":` + nested(100) + `,"name":1}`, []string{"x: is nested deeper than 32 levels", "name: must be a text, and is a number"}},
		{"Objects", `{"x":` + strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100) + `}`, []string{"x: is nested deeper than 32 levels"}},
		{"InKnownField", `{"name":` + nested(100) + `}`, []string{"name: is nested deeper than 32 levels", "name: must be a text, and is an array"}},
		{"InListItem", `{"painPoints":["a",` + nested(100) + `]}`, []string{"painPoints[1]: is nested deeper than 32 levels", "painPoints[1]: must be a text, and is an array"}},
		{"NotAnObject", nested(100), []string{"body: is nested deeper than 32 levels", "body: must be an object, and is an array"}},
		{"Abyss", `{"x":` + nested(100_000) + `}`, []string{"body: is not JSON: invalid character '[' exceeded max depth at byte 10005"}},
	}
	for _, test := range tests {
		_, _, faults := wire.DecodeRecord([]byte(test.text))
		var got []string
		for _, fault := range faults {
			got = append(got, fault.String())
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestDecodeRecordManyFaults(t *testing.T) {
	t.Parallel()
	text := `{"painPoints":[` + strings.TrimSuffix(strings.Repeat("1,", 5000), ",") + `]}`
	_, _, faults := wire.DecodeRecord([]byte(text))
	if len(faults) != persona.MaxFaults+1 || !strings.Contains(faults[persona.MaxFaults].Message, "and 4900 more") {
		t.Errorf("%d faults, the last %v", len(faults), faults[len(faults)-1])
	}
}

func TestDecodeRecordDates(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"2021-01-01T00:00:00.000Z":       time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC),
		"2021-01-01T00:00:00Z":           time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC),
		"2021-01-01T00:00:00.5Z":         time.Date(2021, 1, 1, 0, 0, 0, 5e8, time.UTC),
		"2021-01-01T02:30:00+02:30":      time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC),
		"2020-12-31T19:00:00.001-05:00":  time.Date(2021, 1, 1, 0, 0, 0, 1e6, time.UTC),
		"2021-01-01T00:00:00.123999999Z": time.Date(2021, 1, 1, 0, 0, 0, 123e6, time.UTC), // cut, not rounded
		"1969-12-31T23:59:59.9999Z":      time.Date(1969, 12, 31, 23, 59, 59, 999e6, time.UTC),
		"0001-01-01T00:00:00.001Z":       time.Date(1, 1, 1, 0, 0, 0, 1e6, time.UTC),
		"9999-12-31T23:59:59.999Z":       time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC),
		"2024-02-29T12:00:00Z":           time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC),
		// Beyond what can be kept: Validate says so.
		"0000-12-31T00:00:00Z":      time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC),
		"9999-12-31T23:59:59-00:01": time.Date(10_000, 1, 1, 0, 0, 59, 0, time.UTC),
	} {
		p, _, faults := wire.DecodeRecord(fmt.Appendf(nil, `{"createdAt":%q,"archivedAt":%q}`, text, text))
		if len(faults) > 0 || !p.CreatedAt.Equal(want) || p.ArchivedAt == nil || !p.ArchivedAt.Equal(want) || p.CreatedAt.Location() != time.UTC {
			t.Errorf("%s is %s and %v, faults %v; want %s", text, p.CreatedAt, p.ArchivedAt, faults, want)
		}
	}
	for _, text := range []string{
		"", " ", "null", "today", "2021", "2021-01-01", "2021-01-01T00:00Z", "2021-01-01T00:00:00", "2021-01-01 00:00:00Z",
		"2021-01-01t00:00:00z", "2021-1-1T00:00:00Z", "2021-02-29T00:00:00Z", "2021-13-01T00:00:00Z", "2021-01-01T24:00:00Z",
		"2016-12-31T23:59:60Z", "2021-01-01T00:00:00.Z", "2021-01-01T00:00:00+2:00", "2021-01-01T00:00:00+0200", "2021-01-01T00:00:00+25:00",
		"12021-01-01T00:00:00Z", "-001-01-01T00:00:00Z", "2021-01-01T00:00:00Z ", " 2021-01-01T00:00:00Z", "1609459200", "２021-01-01T00:00:00Z",
	} {
		_, _, faults := wire.DecodeRecord(fmt.Appendf(nil, `{"createdAt":%q,"archivedAt":%q}`, text, text))
		want := []persona.Fault{
			{Field: "createdAt", Message: "is not an RFC 3339 date: write it as 2021-01-01T00:00:00.000Z"},
			{Field: "archivedAt", Message: "is not an RFC 3339 date: write it as 2021-01-01T00:00:00.000Z"},
		}
		if diff := cmp.Diff(want, faults); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"":                                      "",
		strings.Repeat("x", 64):                 strings.Repeat("x", 64),
		strings.Repeat("x", 65):                 strings.Repeat("x", 64) + "…",
		strings.Repeat("x", 62) + "\U0001f600x": strings.Repeat("x", 62) + "…",
		strings.Repeat("x", 60) + "\U0001f600x": strings.Repeat("x", 60) + "\U0001f600…",
	} {
		if got := wire.Shorten(path); got != want || !utf8.ValidString(got) {
			t.Errorf("Shorten(%q) = %q, want %q", path, got, want)
		}
	}
}

func FuzzDecodeRecord(f *testing.F) {
	for _, text := range []string{
		`{"oId":"pe_1","name":"x","createdAt":"2021-01-01T00:00:00.000Z","painPoints":["a","b"]}`,
		`{"name":"\ud83d\ude00","customFields":[{"title":"t","value":["v"]}]}`,
		`{"name":"x","qualifyingQuestions":[{"question":"q","fitType":"GOOD","weight":"LOW","archivedAt":"2021-01-01T00:00:00+05:00"}]}`,
		`{"name":1e999,"active":false}`, `[[[[`, `{"x":{"x":{"x":null}}}`, "\ufeff{}", `{"name":"\ud800"}`, "", "null",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, unknown, faults := wire.DecodeRecord(data)
		for _, fault := range faults {
			if !utf8.ValidString(fault.Field) || !utf8.ValidString(fault.Message) {
				t.Errorf("fault %q is not valid UTF-8", fault)
			}
		}
		if len(unknown) > wire.MaxUnknown || len(faults) > persona.MaxFaults+1 {
			t.Errorf("%d unknown fields, %d faults", len(unknown), len(faults))
		}
		var object map[string]json.RawMessage
		if err := json.Unmarshal(data, &object); (err != nil || object == nil) && len(faults) == 0 {
			t.Errorf("there is no fault, and for encoding/json: %v, %v", object, err)
		}
		if len(faults) > 0 {
			return
		}
		at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
		if p.OID == "" {
			p.OID = "pe_1"
		}
		if p.CreatedAt.IsZero() {
			p.CreatedAt = at
		}
		if p.UpdatedAt.IsZero() {
			p.UpdatedAt = at
		}
		if len(p.Validate()) > 0 {
			return
		}
		line, err := wire.EncodeRecord(p)
		if err != nil {
			t.Fatalf("EncodeRecord: %v", err)
		}
		again, unknown, faults := wire.DecodeRecord(line)
		if len(unknown) > 0 || len(faults) > 0 || !again.Equal(p) {
			t.Errorf("%s: unknown %q, faults %v, %+v; want %+v", line, unknown, faults, again, p)
		}
	})
}
