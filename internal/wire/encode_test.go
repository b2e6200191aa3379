package wire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"personae.dev/apitype"
	"personae.dev/internal/persona"
	"personae.dev/internal/store/storetest"
	"personae.dev/internal/wire"
)

func TestEncodeRecordRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := storetest.AnyPersona().Draw(t, "persona")
		line, err := wire.EncodeRecord(p)
		if err != nil {
			t.Fatalf("EncodeRecord: %v", err)
		}
		if bytes.ContainsAny(line, "\r\n") {
			t.Fatalf("the line has a line's end in it: %q", line)
		}
		got, unknown, faults := wire.DecodeRecord(line)
		if len(unknown) > 0 || len(faults) > 0 {
			t.Fatalf("%s: unknown %q, faults %v", line, unknown, faults)
		}
		got.WorkspaceOID, got.Author = p.WorkspaceOID, p.Author // which are no part of it
		if diff := cmp.Diff(p, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("persona (-want +got):\n%s", diff)
		}
		again, err := wire.EncodeRecord(got)
		if err != nil || !bytes.Equal(line, again) {
			t.Fatalf("encoded again, %s is %s, %v", line, again, err)
		}
	})
}

func TestAppendPersonaRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := storetest.AnyPersona().Draw(t, "persona")
		p.Author.FirstName = storetest.AnyText(0, 20).Draw(t, "firstName")
		p.Author.LastName = storetest.AnyText(0, 20).Draw(t, "lastName")
		body, err := wire.AppendPersona(nil, p)
		if err != nil {
			t.Fatalf("AppendPersona: %v", err)
		}
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.DisallowUnknownFields()
		var answer apitype.Persona
		if err := decoder.Decode(&answer); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		// The published shape has neither links nor ids of questions; ids can be
		// asked for.
		shown := *p
		shown.Links = persona.Links{}
		withIDs, err := wire.EncodePersonaWithQuestionIDs(p)
		if err != nil {
			t.Fatalf("EncodePersonaWithQuestionIDs: %v", err)
		}
		var more apitype.Persona
		if err := json.Unmarshal(withIDs, &more); err != nil {
			t.Fatalf("%s: %v", withIDs, err)
		}
		if diff := cmp.Diff(&shown, fromAnswer(&more), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("persona with ids of questions (-want +got):\n%s", diff)
		}
		shown.QualifyingQuestions = slices.Clone(p.QualifyingQuestions)
		for i := range shown.QualifyingQuestions {
			shown.QualifyingQuestions[i].OID = ""
		}
		if diff := cmp.Diff(&shown, fromAnswer(&answer), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("persona (-want +got):\n%s", diff)
		}
		want := []string{
			"oId", "name", "internalName", "description", "createdAt", "deletedAt", "archivedAt", "updatedAt",
			"unrecognized", "rejected", "active", "data", "qualifyingQuestions", "user", "workspace",
		}
		if diff := cmp.Diff(want, keys(t, body)); diff != "" {
			t.Fatalf("keys (-want +got):\n%s", diff)
		}
		if answer.Data.InternalName != orEmpty(p.InternalName) {
			t.Fatalf("internalName is %v at the top and %q in data", p.InternalName, answer.Data.InternalName)
		}
		if len(p.QualifyingQuestions) == 0 && answer.QualifyingQuestions != nil {
			t.Fatal("no qualifying questions are not null")
		}
		// Another version of the same content is the same text: ETags stand on it.
		again := *p
		again.CreatedAt = p.CreatedAt.In(time.FixedZone("", 3600))
		other, err := wire.AppendPersona(nil, &again)
		if err != nil || !bytes.Equal(body, other) {
			t.Fatalf("encoded again, %s is %s, %v", body, other, err)
		}
	})
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// fromAnswer makes a persona of what the API answers.
func fromAnswer(a *apitype.Persona) *persona.Persona {
	date := func(t *apitype.Time) *time.Time {
		if t == nil {
			return nil
		}
		return &t.Time
	}
	p := &persona.Persona{
		WorkspaceOID: a.Workspace.OID, OID: a.OID,
		Author: persona.User{OID: a.User.OID, FirstName: a.User.FirstName, LastName: a.User.LastName},
		Name:   *a.Name, InternalName: a.InternalName, Description: a.Description,
		PrimaryResponsibilities: a.Data.PrimaryResponsibilities, PainPoints: a.Data.PainPoints, KeyConcerns: a.Data.KeyConcerns,
		KeyObjectives: a.Data.KeyObjectives, CommonJobTitles: a.Data.CommonJobTitles,
		WhyTheyMatterToUs: a.Data.WhyTheyMatterToUs, WhyWeMatterToThem: a.Data.WhyWeMatterToThem, BuyingRole: a.Data.BuyingRole,
		Active: a.Active, Unrecognized: *a.Unrecognized, Rejected: *a.Rejected,
		CreatedAt: a.CreatedAt.Time, UpdatedAt: a.UpdatedAt.Time, ArchivedAt: date(a.ArchivedAt), DeletedAt: date(a.DeletedAt),
	}
	for _, f := range a.Data.CustomFields {
		p.CustomFields = append(p.CustomFields, persona.CustomField(f))
	}
	for _, q := range a.QualifyingQuestions {
		p.QualifyingQuestions = append(p.QualifyingQuestions, persona.QualifyingQuestion{
			OID: q.OID, Question: q.Question, Rationale: q.Rationale, FitType: persona.FitType(q.FitType), Weight: persona.Weight(q.Weight), ArchivedAt: date(q.ArchivedAt),
		})
	}
	return p
}

// keys returns the keys of an object in their order.
func keys(t *rapid.T, body []byte) (names []string) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if _, err := decoder.Token(); err != nil {
		t.Fatal(err)
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name.(string))
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

func TestAppendPersonaEmpty(t *testing.T) {
	t.Parallel()
	at := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
	p := &persona.Persona{
		WorkspaceOID: "wa_1", OID: "pe_1", Author: persona.User{OID: "u_1"}, Name: `<a> & "b"`, CreatedAt: at, UpdatedAt: at,
		CustomFields: []persona.CustomField{{Title: "t"}},
	}
	got, err := wire.AppendPersona(nil, p)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"oId":"pe_1","name":"<a> & \"b\"","internalName":null,"description":null,"createdAt":"2021-01-01T00:00:00.000Z",` +
		`"deletedAt":null,"archivedAt":null,"updatedAt":"2021-01-01T00:00:00.000Z","unrecognized":false,"rejected":false,"active":false,` +
		`"data":{"internalName":"","primaryResponsibilities":[],"painPoints":[],"keyConcerns":[],"keyObjectives":[],"commonJobTitles":[],` +
		`"whyTheyMatterToUs":[],"whyWeMatterToThem":[],"customFields":[{"title":"t","value":[]}]},` +
		`"qualifyingQuestions":null,"user":{"oId":"u_1","firstName":"","lastName":""},"workspace":{"oId":"wa_1"}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("AppendPersona (-want +got):\n%s", diff)
	}
	got, err = wire.EncodeRecord(p)
	if err != nil {
		t.Fatal(err)
	}
	const wantRecord = `{"oId":"pe_1","name":"<a> & \"b\"","customFields":[{"title":"t","value":[]}],"active":false,` +
		`"createdAt":"2021-01-01T00:00:00.000Z","updatedAt":"2021-01-01T00:00:00.000Z"}`
	if diff := cmp.Diff(wantRecord, string(got)); diff != "" {
		t.Errorf("EncodeRecord (-want +got):\n%s", diff)
	}
}

// TestLargestPersonaFitsALine builds the personas whose lines are the longest:
// of characters that are escaped, in as many and as short items as there may be.
func TestLargestPersonaFitsALine(t *testing.T) {
	t.Parallel()
	for name, item := range map[string]string{
		"Quotes": `"`, "LineSeparators": "\u2028", "LongQuotes": strings.Repeat(`"`, 100),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
			p := &persona.Persona{OID: `"`, Name: `"`, CreatedAt: at, UpdatedAt: at, ArchivedAt: &at, DeletedAt: &at}
			left := persona.MaxTextBytes - 2 - persona.MaxCustomFields // which their titles take
			take := func(s string, most int) string {
				n := min(most, left/len(s))
				left -= n * len(s)
				return strings.Repeat(s, n)
			}
			many := func(n int) []string {
				n = min(n, left/len(item))
				left -= n * len(item)
				return slices.Repeat([]string{item}, n)
			}
			p.Links = persona.Links{PrimaryOfferingOID: new(`"`), Offerings: persona.OfferingsSpecific}
			left--
			for i := range persona.MaxLinks {
				oID := fmt.Sprintf(`"%03d`, i)
				left -= 2 * len(oID)
				p.Links.OfferingOIDs, p.Links.PlaybookOIDs = append(p.Links.OfferingOIDs, oID), append(p.Links.PlaybookOIDs, oID)
			}
			// Questions have the longest frames, then come items of one character.
			for i := range persona.MaxQualifyingQuestions {
				oID := fmt.Sprintf("%03d", i)
				left -= len(oID)
				p.QualifyingQuestions = append(p.QualifyingQuestions, persona.QualifyingQuestion{
					OID: oID, Question: take(`"`, 1), Rationale: take(`"`, 1), FitType: persona.FitGood, Weight: persona.WeightInstantDisqualifier, ArchivedAt: &at,
				})
			}
			for range persona.MaxCustomFields {
				p.CustomFields = append(p.CustomFields, persona.CustomField{Title: `"`, Value: many(persona.MaxListItems)})
			}
			for _, list := range p.Lists() {
				*list.Items = many(persona.MaxListItems)
			}
			// The rest is as large as it gets.
			p.InternalName, p.Description = new(take(`"`, persona.MaxInternalNameLength)), new(take(`"`, persona.MaxDescriptionLength))
			for i := range p.PainPoints {
				p.PainPoints[i] += take(item, min((persona.MaxListItemLength-len(item))/len(item), left/len(item)))
			}
			if faults := p.Validate(); len(faults) > 0 {
				t.Fatalf("%v", faults)
			}
			if left > 3 {
				t.Logf("%d bytes are not used", left)
			}
			line, err := wire.EncodeRecord(p)
			if err != nil {
				t.Fatalf("EncodeRecord: %v", err)
			}
			if len(line)+1 > wire.MaxLineBytes {
				t.Errorf("the line has %d bytes, and %d are allowed", len(line), wire.MaxLineBytes)
			}
			t.Logf("%.0f%% of the largest line", 100*float64(len(line)+1)/wire.MaxLineBytes)
			if len(p.PainPoints) > 1000 {
				return // to read the most items back takes seconds, and shows no more
			}
			n := 0
			for line, err := range wire.DecodeLines(bytes.NewReader(append(line, '\n'))) {
				n++
				if err != nil || len(line.Faults) > 0 || !line.Persona.Equal(p) {
					t.Errorf("it comes back as something else: %v, %v", line.Faults, err)
				}
			}
			if n != 1 {
				t.Errorf("%d lines came back", n)
			}
		})
	}
}
