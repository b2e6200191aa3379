package entity_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"personae.dev/internal/entity"
	"personae.dev/internal/entity/entitytest"
	"personae.dev/internal/errs"
	"personae.dev/internal/kind"
)

func persona() *entity.Kind { return kind.Registry().Kinds()[0] }

// lines are errors as "path: message".
func lines(fields []errs.Field) []string {
	var list []string
	for _, f := range fields {
		list = append(list, f.String())
	}
	return list
}

func paths(fields []errs.Field) []string {
	var list []string
	for _, f := range fields {
		list = append(list, f.Path)
	}
	return list
}

func TestDecodeErrorsOfForm(t *testing.T) {
	t.Parallel()
	surrogate := "has half of a surrogate pair at byte %d: write the character itself, or both halves"
	for _, test := range []struct {
		text string
		want []string
	}{
		// No JSON object at all.
		{``, []string{"body: is empty: send a JSON object"}},
		{" \t\r\n", []string{"body: is empty: send a JSON object"}},
		{`null`, []string{"body: must be an object, not null"}},
		{`[]`, []string{"body: must be an object, not a list"}},
		{`[{"name":"x"}]`, []string{"body: must be an object, not a list"}},
		{`"x"`, []string{"body: must be an object, not a text"}},
		{`12`, []string{"body: must be an object, not a number"}},
		{`1e999`, []string{"body: must be an object, not a number"}},
		{`true`, []string{"body: must be an object, not true"}},
		{`{`, []string{"body: is JSON that is cut off at its end, byte 1"}},
		{`{"name":"x"`, []string{"body: is JSON that is cut off at its end, byte 11"}},
		{`{"name":"x`, []string{"body: is JSON that is cut off at its end, byte 10"}},
		{`{"name":"\u00`, []string{"body: is JSON that is cut off at its end, byte 13"}},
		{`{"name":tru`, []string{"body: is JSON that is cut off at its end, byte 11"}},
		{`{"name":"x"}}`, []string{"body: is not JSON: invalid character '}' at start of value, after byte 12"}},
		{`{"name":"x"}{}`, []string{"body: is not JSON: there is a second value after the first"}},
		{`{"name":"x",}`, []string{"body: is not JSON: invalid character ',' at start of value, after byte 11"}},
		{`{'name':"x"}`, []string{"body: is not JSON: invalid character '\\'' at start of value, after byte 1"}},
		{"{\"name\":\"a\nb\"}", []string{"body: is not JSON: invalid character '\\n' in string (expecting non-control character), after byte 10"}},
		{`{"name":nul!}`, []string{"body: is not JSON: invalid character '!' in literal null (expecting 'l'), after byte 11"}},
		{`{"name":NaN}`, []string{"body: is not JSON: invalid character 'N' at start of value, after byte 8"}},
		{`{"name":01}`, []string{"body: is not JSON: invalid character '1' after object value (expecting ',' or '}'), after byte 9"}},
		{"\ufeff{}", []string{"body: is not JSON: invalid character '\\ufeff' at start of value, after byte 0"}},
		{`{"x":` + strings.Repeat("[", 20_000), []string{"body: is not JSON: exceeded max depth, after byte 10004"}},

		// Damaged Unicode.
		{"{\"name\":\"\xff\"}", []string{"body: is not valid UTF-8 at byte 9: send the text as UTF-8"}},
		{"{\"name\":\"é\xc3\"}", []string{"body: is not valid UTF-8 at byte 11: send the text as UTF-8"}},
		{`{"name":"\ud800"}`, []string{"body: " + fmt.Sprintf(surrogate, 9)}},
		{`{"name":"\udc00"}`, []string{"body: " + fmt.Sprintf(surrogate, 9)}},
		{`{"name":"\uDFFF\uD800"}`, []string{"body: " + fmt.Sprintf(surrogate, 9)}},
		{`{"name":"\ud800\ud800\udc00"}`, []string{"body: " + fmt.Sprintf(surrogate, 9)}},
		{`{"name":"\ud800x\udc00"}`, []string{"body: " + fmt.Sprintf(surrogate, 9)}},
		{`{"name":"\\\ud800"}`, []string{"body: " + fmt.Sprintf(surrogate, 11)}},
		{`{"\udbff":1}`, []string{"body: " + fmt.Sprintf(surrogate, 2)}},

		// Wrong types, all at once, in the order of the body.
		{`{"oId":1,"name":true,"internalName":{},"description":[1,[2]]}`, []string{
			"oId: must be a text, not a number", "name: must be a text, not true",
			"internalName: must be a text or null, not an object", "description: must be a text or null, not a list",
		}},
		{`{"painPoints":"x","keyConcerns":{"a":["b"]},"keyObjectives":1,"buyingRole":false}`, []string{
			"painPoints: must be a list of texts, not a text", "keyConcerns: must be a list of texts, not an object",
			"keyObjectives: must be a list of texts, not a number", "buyingRole: must be a list of texts, not false",
		}},
		{`{"painPoints":["x",1,null,["y"],{"z":1},true,"ok"]}`, []string{
			"painPoints[1]: must be a text, not a number", "painPoints[2]: must be a text, not null",
			"painPoints[3]: must be a text, not a list", "painPoints[4]: must be a text, not an object", "painPoints[5]: must be a text, not true",
		}},
		{`{"active":"yes","data":[],"linkingStrategy":"ALL"}`, []string{
			"active: must be true or false, not a text", "data: must be an object, not a list", "linkingStrategy: must be an object or null, not a text",
		}},
		{`{"customFields":{"title":"T"},"qualifyingQuestions":"q"}`, []string{
			"customFields: must be a list, not an object", "qualifyingQuestions: must be a list, not a text",
		}},
		{`{"customFields":[null,"x",{"title":1,"value":"v"},{"title":"t","value":["ok",2]},[]]}`, []string{
			"customFields[0]: must be an object, not null", "customFields[1]: must be an object, not a text",
			"customFields[2].title: must be a text, not a number", "customFields[2].value: must be a list of texts, not a text",
			"customFields[3].value[1]: must be a text, not a number", "customFields[4]: must be an object, not a list",
		}},
		{`{"qualifyingQuestions":[1,{"question":[],"rationale":{},"fitType":1,"weight":true,"archivedAt":"never"}]}`, []string{
			"qualifyingQuestions[0]: must be an object, not a number", "qualifyingQuestions[1].question: must be a text, not a list",
			"qualifyingQuestions[1].rationale: must be a text, not an object", "qualifyingQuestions[1].fitType: must be a text, not a number",
			"qualifyingQuestions[1].weight: must be a text, not true",
			"qualifyingQuestions[1].archivedAt: is not an RFC 3339 date: write it as 2021-01-01T00:00:00.000Z",
		}},
		{`{"linkingStrategy":{}}`, []string{"linkingStrategy.mode: is missing: use ALL or SPECIFIC, or null instead of the object for no offerings"}},
		{`{"linkingStrategy":{"mode":""}}`, []string{"linkingStrategy.mode: is empty: use ALL or SPECIFIC"}},

		// Twice the same name.
		{`{"name":"a","name":"b"}`, []string{"name: occurs twice: keep one"}},
		{`{"name":"x","name":"b","name":["c",{"d":1}]}`, []string{"name: occurs twice: keep one", "name: occurs twice: keep one"}},
		{`{"name":"a","n\u0061me":"b"}`, []string{"name: occurs twice: keep one"}},
		{`{"x":1,"x":2}`, []string{"x: occurs twice: keep one"}},
		{`{"customFields":[{"title":"a","title":"b"},{"title":"c","value":[],"value":[]}]}`, []string{
			"customFields[0].title: occurs twice: keep one", "customFields[1].value: occurs twice: keep one",
		}},
		{`{"data":{"painPoints":[],"painPoints":[],"data":{"painPoints":1,"painPoints":2}}}`, []string{
			"data.painPoints: occurs twice: keep one", "data.data.painPoints: must be a list of texts, not a number", "data.data.painPoints: occurs twice: keep one",
		}},

		// A wrong value does not hide what follows it, nor limits of other values.
		{`{"name":{"a":[1,{"b":2}]},"oId":2,"painPoints":["",7]}`, []string{
			"name: must be a text, not an object", "oId: must be a text, not a number", "painPoints[1]: must be a text, not a number", "painPoints[0]: must not be empty",
		}},
		// Wherever a value was sent.
		{`{"data":{"painPoints":["",1],"data":{"internalName":5}},"keyConcerns":[""]}`, []string{
			"data.painPoints[1]: must be a text, not a number", "data.data.internalName: must be a text or null, not a number",
			"data.painPoints[0]: must not be empty", "keyConcerns[0]: must not be empty",
		}},
		{`{"kind":"product","name":"x"}`, []string{`kind: is "product", and this is about a persona: use the calls or the command for that kind`}},
	} {
		_, got := persona().Decode([]byte(test.text), entity.Mode{})
		if diff := cmp.Diff(test.want, lines(got)); diff != "" {
			t.Errorf("%.100q (-want +got):\n%s", test.text, diff)
		}
	}
}

func TestDecodeDepth(t *testing.T) {
	t.Parallel()
	nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	tooDeep := func(path string) []string { return []string{path + ": is nested deeper than 32 levels"} }
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"Allowed":    {`{"x":` + nested(entity.MaxDepth-1) + `}`, nil}, // the body itself is a level
		"OneTooMany": {`{"x":` + nested(entity.MaxDepth) + `}`, tooDeep("x")},
		"Objects":    {`{"x":` + strings.Repeat(`{"y":`, 40) + "1" + strings.Repeat("}", 40) + `}`, tooDeep("x")},
		"TooMany":    {`{"x":` + nested(5000) + `,"y":1}`, tooDeep("x")},
		"Raw":        {`{"method":` + nested(entity.MaxDepth) + `}`, tooDeep("method")},
		"WrongType":  {`{"points":{"x":` + nested(100) + `}}`, []string{"points: must be a list of texts, not an object", "points: is nested deeper than 32 levels"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, got := entitytest.Kind().Decode([]byte(test.text), entity.Mode{})
			if diff := cmp.Diff(test.want, lines(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeUnknownFields(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`{"name":"x","extra":1}`: {"extra"},
		// Names are compared to the letter.
		`{"Name":"x","NAME":"y","oid":"z","internalname":1,"":2," name":3}`:      {"Name", "NAME", "oid", "internalname", "", " name"},
		`{"customFields":[{"title":"t","x":{"y":1}},{"title":"t","Title":"t"}]}`: {"customFields[0].x", "customFields[1].Title"},
		`{"qualifyingQuestions":[{"question":"q","fitType":"BAD","weight":"LOW","OID":"x"}],"linkingStrategy":{"mode":"ALL","x":1}}`: {
			"qualifyingQuestions[0].OID", "linkingStrategy.x",
		},
		`{"a":1e999,"b":[-1e-999],"c":{"x":1,"x":2}}`: {"a", "b", "c"}, // what is ignored is not checked
		`{"data":{"x":1,"data":{"y":2,"data":{}}}}`:   {"data.x", "data.data.y", "data.data.data"},
		`{"` + strings.Repeat("é", 40) + `":1}`:       {strings.Repeat("é", 32) + "…"},
		`{"x` + strings.Repeat("é", 40) + `":1}`:      {"x" + strings.Repeat("é", 31) + "…"},
		// What answers have, and fields that come with an import alone, are known.
		`{"_metadata":{"usage":0},"user":{"oId":"u"},"workspace":{},"hasNext":true,"total":1,"nextCursor":null,"links":{},"createdAt":"x","updatedAt":1,"archivedAt":[],"deletedAt":null,"rejected":"no","unrecognized":true,"kind":"persona"}`: nil,
	} {
		p, errors := persona().Decode([]byte(text), entity.Mode{})
		if diff := cmp.Diff(want, p.Unknown); diff != "" || len(errors) > 0 {
			t.Errorf("%s: errors %v (-want +got):\n%s", text, errors, diff)
		}
	}
	var many []string
	for i := range 10_000 {
		many = append(many, fmt.Sprintf(`"x%d":%d`, i, i))
	}
	if p, errors := persona().Decode([]byte("{"+strings.Join(many, ",")+"}"), entity.Mode{}); len(p.Unknown) != entity.MaxUnknown || len(errors) > 0 {
		t.Errorf("of 10,000 unknown fields %d are named, errors %v", len(p.Unknown), errors)
	}
}

func TestDecodeText(t *testing.T) {
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
		`"\/\"\t"`:                   "/\"\t",
		"\"\u2028\"":                 "\u2028",
		`"\u2028<>&"`:                "\u2028<>&",
	} {
		p, errors := persona().Decode([]byte(`{"name":`+text+`,"painPoints":[`+text+`]}`), entity.Mode{Create: true})
		e := &entity.Entity{Fields: p.Given}
		if len(errors) > 0 || e.Text("name") != want || !slices.Equal(e.Texts("painPoints"), []string{want}) {
			t.Errorf("%s is %q and %q, errors %v; want %q", text, e.Text("name"), e.Texts("painPoints"), errors, want)
		}
	}
}

// TestDecodeCanonical shows that values that mean the same have the same bytes.
func TestDecodeCanonical(t *testing.T) {
	t.Parallel()
	for field, values := range map[string]struct {
		same []string
		want string // "" for unset
	}{
		"summary":             {[]string{`""`, `null`}, ""},
		"note":                {[]string{`"a\/b\u00e9<"`, `"a/bé\u003c"`}, `"a/bé<"`},
		"description":         {[]string{`""`}, `""`},
		"mood":                {[]string{`""`, `null`}, ""},
		"points":              {[]string{`[]`, `null`, ` [ ] `}, ""},
		"jobs":                {[]string{`[ "a" , "\u0062" ]`, `["a","b"]`}, `["a","b"]`},
		"insight":             {[]string{`"a"`, `["a"]`}, `["a"]`},
		"proven":              {[]string{` false `, `false`}, `false`},
		"traits":              {[]string{`{"guiding":["g"]}`, `{"guiding":["g"],"core":[]}`, `{"core":null,"guiding":["g"]}`}, `{"core":[],"guiding":["g"]}`},
		"facts":               {[]string{`{"Free":["f"],"none":[],"size":["s"]}`}, `{"industry":[],"size":["s"],"Free":["f"]}`},
		"oldTraits":           {[]string{`{}`, `{"a":[],"b":null}`, `null`}, ""},
		"oldText":             {[]string{`""`}, ""},
		"oldRaw":              {[]string{`""`, `[]`, `{"a":{}}`, `null`}, ""},
		"method":              {[]string{` { "b" : [ 1.50 , null ] , "\u0061" : true } `}, `{"b":[1.50,null],"a":true}`},
		"extra":               {[]string{`{}`}, `{}`},
		"customFields":        {[]string{`[{"value":null,"title":"t"}]`, `[{"title":"t"}]`}, `[{"title":"t","value":[]}]`},
		"relatedOIds":         {[]string{`["b","a"]`}, `["b","a"]`},
		"primaryOfferingOId":  {[]string{`""`, `null`}, ""},
		"linkingStrategy":     {[]string{`{"offeringOIds":["a"],"mode":"SPECIFIC"}`}, `{"mode":"SPECIFIC","offeringOIds":["a"]}`},
		"qualifyingQuestions": {[]string{`[{"weight":"LOW","fitType":"BAD","question":"q","archivedAt":"2021-01-01T01:00:00.1234+01:00"}]`}, `[{"question":"q","rationale":"","fitType":"BAD","weight":"LOW","archivedAt":"2021-01-01T00:00:00.123Z"}]`},
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			for _, value := range values.same {
				p, errors := entitytest.Kind().Decode([]byte(`{"`+field+`":`+value+`}`), entity.Mode{})
				got, given := p.Given[field]
				if len(errors) > 0 || !given || string(got) != values.want {
					t.Errorf("%s became %s, want %s; errors %v", value, got, values.want, errors)
				}
			}
		})
	}
}

func TestDecodeTexts(t *testing.T) {
	t.Parallel()
	all := []string{"oId", "question"}
	for _, test := range []struct {
		text    string
		values  map[string]string
		unknown []string
		errors  []string
	}{
		{`{"oId":"p","question":"","x":1}`, map[string]string{"oId": "p", "question": ""}, []string{"x"}, nil},
		{`{"oId":null}`, map[string]string{"oId": ""}, nil, nil},
		{`{}`, map[string]string{}, nil, nil},
		{`{"question":1,"oId":{},"oId":"p"}`, map[string]string{"question": "", "oId": ""}, nil, []string{"question", "oId", "oId"}},
		{`[]`, map[string]string{}, nil, []string{"body"}},
		{``, map[string]string{}, nil, []string{"body"}},
		{`{"oId":"\ud800"}`, map[string]string{}, nil, []string{"body"}},
	} {
		values, unknown, errors := entity.DecodeTexts([]byte(test.text), all...)
		if diff := cmp.Diff(test.values, values) + cmp.Diff(test.unknown, unknown) + cmp.Diff(test.errors, paths(errors)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.text, diff)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		`{"oId":"pe_1","name":"x","points":[],"linkingStrategy":{},"description":""}`, `{"linkingStrategy":{"mode":"SPECIFIC","offeringOIds":["a"]}}`,
		`{"active":null,"primaryOfferingOId":"","playbookOIds":[ ]}`, `{"qualifyingQuestions":[{"oId":"q"}],"x":{"y":[1]}}`, `[]`, "", `{"name":{},"name":1}`,
		`{"data":{"title":"x","data":{"title":"y","traits":{"core":[""],"x":[1]}}},"traits":{"core":[]}}`, `{"method":[{"a":1,"a":2}],"facts":{"":["x"]}}`,
		`{"name":"\u0000","customFields":[{"title":"","value":["\u007f"]}]}`,
	} {
		for mode := range byte(8) {
			f.Add([]byte(text), mode)
		}
	}
	k := entitytest.Kind()
	f.Fuzz(func(t *testing.T, body []byte, bits byte) {
		mode := entity.Mode{Merge: bits&1 > 0, N8n: bits&2 > 0, Create: bits&4 > 0}
		p, errors := k.Decode(body, mode)
		for _, e := range errors {
			if !utf8.ValidString(e.Path) || !utf8.ValidString(e.Message) {
				t.Errorf("error %q is not valid UTF-8", e)
			}
		}
		if len(p.Unknown) > entity.MaxUnknown || len(errors) > errs.MaxFields+1 {
			t.Errorf("%d unknown fields, %d errors", len(p.Unknown), len(errors))
		}
		after, invalid := k.Apply(nil, p)
		if len(errors) > 0 || len(invalid) > 0 {
			return
		}
		var object map[string]json.RawMessage
		if err := json.Unmarshal(body, &object); err != nil {
			t.Fatalf("there is no error, but for encoding/json: %v", err)
		}
		for name, value := range after.Fields {
			if canonical := value.Clone(); canonical.Compact() != nil || string(canonical) != string(value) {
				t.Errorf("%s is not compact: %s", name, value)
			}
		}
		stored := k.Store("wa", after)
		loaded, err := k.Load(&stored.Row)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(after.Fields, loaded.Fields, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b jsontext.Value) bool { return string(a) == string(b) })); diff != "" {
			t.Errorf("loaded (-want +got):\n%s", diff)
		}
	})
}

func FuzzDecodeRecords(f *testing.F) {
	for _, text := range []string{
		`{"name":"x"}`, `{"kind":"test-sample","name":"x","createdAt":"2021-01-01T00:00:00Z"}`, `{"data":[{"name":"x"},{"kind":"persona","name":"y","painPoint":[1]}]}`,
		`[{"name":"x"}]`, `{"_metadata":{},"data":{"oId":"x","name":"x","data":{"painPoints":["p"]}}}`, `{"kind":1,"data":[[]]}`, `{"data":[1],"kind":"x"}`, "", "null",
	} {
		f.Add([]byte(text), false)
		f.Add([]byte(text), true)
	}
	all := registry()
	f.Fuzz(func(t *testing.T, value []byte, ignoreUnknown bool) {
		records, errors := all.DecodeRecords(value, all.Kinds()[0], ignoreUnknown)
		for _, e := range errors {
			if !utf8.ValidString(e.Path) || !utf8.ValidString(e.Message) {
				t.Errorf("error %q is not valid UTF-8", e)
			}
		}
		if len(errors) > 0 {
			return
		}
		for _, r := range records {
			line := r.Kind.AppendRecord(nil, r.Entity)
			again, errors := all.DecodeRecords(line, all.Kinds()[0], false)
			if len(errors) > 0 || len(again) != 1 || string(again[0].Kind.AppendRecord(nil, again[0].Entity)) != string(line) {
				t.Errorf("errors %v of %s", errors, line)
			}
		}
	})
}
