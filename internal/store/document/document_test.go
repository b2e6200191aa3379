package document_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/document"
	"personae.dev/internal/store/storetest"
)

// TestSameBytes: what is written is what encoding/json wrote, to the byte, and
// is read as it read it.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := storetest.AnyPersona().Draw(t, "persona")
		// Validate refuses some of these; a document does not depend on it.
		wild := rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.StringMatching(`[\x00-\x7f<>&\x{2028}\x{2029}\\"]*`),
			rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) })))
		p.BuyingRole = wild.Draw(t, "wild")
		if len(p.CustomFields) > 0 {
			p.CustomFields[0].Value = wild.Draw(t, "wild field")
		}

		want, err := oldEncode(p)
		if err != nil {
			t.Fatal(err)
		}
		text, err := document.Encode(p)
		if err != nil || text != want {
			t.Fatalf("Encode = %s, %v, want %s", text, err, want)
		}
		wantSnapshot, err := oldEncodeSnapshot(p)
		if err != nil {
			t.Fatal(err)
		}
		snapshot, err := document.EncodeSnapshot(p)
		if err != nil || snapshot != wantSnapshot {
			t.Fatalf("EncodeSnapshot = %s, %v, want %s", snapshot, err, wantSnapshot)
		}

		same(t, text)
		sameSnapshot(t, snapshot)
		// As SQLite and PostgreSQL may have written it, too.
		var indented bytes.Buffer
		if err := json.Indent(&indented, []byte(snapshot), "", "\t"); err != nil {
			t.Fatal(err)
		}
		sameSnapshot(t, indented.String())
		sameSnapshot(t, strings.ReplaceAll(snapshot, `"internalName":`, `"internalName":null,"later":[{"a":[1,-2.5e+3,true]},"\u00e9"],"other":`))
	})
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// same holds that a document is read as encoding/json reads it.
func same(t failer, text string) {
	t.Helper()
	var want, got persona.Persona
	wantErr, err := oldDecode([]byte(text), &want), document.Decode(text, &got)
	if (wantErr == nil) != (err == nil) {
		t.Fatalf("%s: %v, want %v", text, err, wantErr)
	}
	if err == nil {
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func sameSnapshot(t failer, text string) {
	t.Helper()
	want, wantErr := oldDecodeSnapshot([]byte(text), "wa_1", "pe_1")
	got, err := document.DecodeSnapshot(text, "wa_1", "pe_1")
	if (wantErr == nil) != (err == nil) {
		t.Fatalf("%s: %v, want %v", text, err, wantErr)
	}
	if err == nil {
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// FuzzDecode reads any text as encoding/json does. Only what nobody has ever
// written is passed over: names in another case, and names that come twice.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `{"painPoints":["a","\u00e9\n\ud83d\ude00",null,"é"],"buyingRole":null,"keyConcerns":[]}`,
		`{"customFields":[{"title":"x","value":["y"]},null,{}],"later":{"a":[1.5e-7,true,{}]}}`,
		`{"qualifyingQuestions":[{"oId":"qq_1","question":"q","fitType":"GOOD","weight":"LOW","archivedAt":-5},{"archivedAt":null}]}`,
		` { "offeringOIds" : [ "a" , "b" ] } `, `{"painPoints":"x"}`, `{"painPoints":["a",]}`, "{\"painPoints\":[\"\x00\"]}", "{\"painPoints\":[\"\xff\"]}",
		`{"name":"x","active":true,"createdAt":1,"document":{"painPoints":["a"]},"internalName":null}`, `[`, `{"a":`, `{"a":01}`, `nul`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !usual(text) {
			t.Skip()
		}
		same(t, text)
		sameSnapshot(t, text)
	})
}

// usual tells whether all names in a text are in our case, and none comes twice
// in an object. What is no JSON is usual.
func usual(text string) bool {
	if !json.Valid([]byte(text)) {
		return true
	}
	tokens := json.NewDecoder(strings.NewReader(text))
	var seen []map[string]bool // nil for an array
	isName := false
	for {
		token, err := tokens.Token()
		if err != nil {
			return true
		}
		if delim, ok := token.(json.Delim); ok {
			switch delim {
			case '{':
				seen = append(seen, map[string]bool{})
			case '[':
				seen = append(seen, nil)
			default:
				seen = seen[:len(seen)-1]
			}
		} else if name, ok := token.(string); ok && isName {
			folded := strings.ToLower(strings.ToUpper(name))
			if seen[len(seen)-1][folded] || !known[name] && knownFolded[folded] {
				return false
			}
			seen[len(seen)-1][folded] = true
			isName = false
			continue
		}
		isName = len(seen) > 0 && seen[len(seen)-1] != nil
	}
}

var known, knownFolded = names()

func names() (known, folded map[string]bool) {
	known, folded = map[string]bool{}, map[string]bool{}
	for name := range strings.FieldsSeq("primaryResponsibilities painPoints keyConcerns keyObjectives commonJobTitles whyTheyMatterToUs " +
		"whyWeMatterToThem customFields buyingRole qualifyingQuestions offeringOIds playbookOIds title value oId question rationale fitType weight " +
		"archivedAt name internalName description active unrecognized rejected createdAt updatedAt deletedAt primaryOfferingOId offerings document") {
		known[name], folded[strings.ToLower(name)] = true, true
	}
	return known, folded
}

// long is a persona as the examples have them: 2.5 KB.
func long() *persona.Persona {
	p := &persona.Persona{OID: "pe_1", Name: "Registered Nurses", BuyingRole: []string{"Decision maker"}}
	for i, list := range p.Lists() {
		for range 6 {
			*list.Items = append(*list.Items, strings.Repeat("Monitor, record and report to them. ", 2+i%2))
		}
	}
	p.CustomFields = []persona.CustomField{{Title: "Tools", Value: []string{"Spreadsheets", "Mail"}}}
	p.QualifyingQuestions = []persona.QualifyingQuestion{{OID: "qq_1", Question: "Do they?", FitType: persona.FitGood, Weight: persona.WeightHigh}}
	return p
}

func BenchmarkEncode(b *testing.B) {
	p := long()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := document.Encode(p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	text, err := document.Encode(long())
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var p persona.Persona
		if err := document.Decode(text, &p); err != nil {
			b.Fatal(err)
		}
	}
}
