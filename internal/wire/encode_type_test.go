package wire

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"personae.dev/apitype"
	"personae.dev/internal/persona"
	"personae.dev/internal/store/storetest"
)

// TestAppendPersonaIsItsType: what is written member by member is, to the byte,
// what encoding/json makes of the type that the API is documented by.
func TestAppendPersonaIsItsType(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := storetest.AnyPersona().Draw(t, "persona")
		p.Author.FirstName = rapid.String().Draw(t, "firstName")
		p.BuyingRole = rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.StringMatching(`[\x00-\x7f<>&\x{2028}\x{2029}\\"]*`),
			rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) }))).Draw(t, "wild")
		for _, questionIDs := range []bool{false, true} {
			want, err := encode(wirePersona(p, questionIDs))
			if err != nil {
				t.Fatal(err)
			}
			if got := appendPersona([]byte("before"), p, questionIDs)[len("before"):]; !bytes.Equal(got, want) {
				t.Fatalf("got\n%s\nwant\n%s", got, want)
			}
		}
	})
}

func wirePersona(p *persona.Persona, questionIDs bool) apitype.Persona {
	return apitype.Persona{
		OID:          p.OID,
		Name:         &p.Name,
		InternalName: p.InternalName,
		Description:  p.Description,
		CreatedAt:    Time(&p.CreatedAt),
		DeletedAt:    Time(p.DeletedAt),
		ArchivedAt:   Time(p.ArchivedAt),
		UpdatedAt:    Time(&p.UpdatedAt),
		Unrecognized: &p.Unrecognized,
		Rejected:     &p.Rejected,
		Active:       p.Active,
		Data: apitype.PersonaData{
			InternalName:            orZero(p.InternalName),
			PrimaryResponsibilities: orEmpty(p.PrimaryResponsibilities),
			PainPoints:              orEmpty(p.PainPoints),
			KeyConcerns:             orEmpty(p.KeyConcerns),
			KeyObjectives:           orEmpty(p.KeyObjectives),
			CommonJobTitles:         orEmpty(p.CommonJobTitles),
			WhyTheyMatterToUs:       orEmpty(p.WhyTheyMatterToUs),
			WhyWeMatterToThem:       orEmpty(p.WhyWeMatterToThem),
			CustomFields:            orEmpty(wireFields(p.CustomFields)),
			BuyingRole:              p.BuyingRole,
		},
		QualifyingQuestions: wireQuestions(p.QualifyingQuestions, questionIDs),
		User:                WireUser(p.Author),
		Workspace:           apitype.WorkspaceRef{OID: p.WorkspaceOID},
	}
}

func BenchmarkAppendPersona(b *testing.B) {
	p := &persona.Persona{OID: "pe_1", Name: "Registered Nurses"}
	for _, list := range p.Lists() {
		for range 6 {
			*list.Items = append(*list.Items, "Monitor, record and report to them. Monitor, record and report.")
		}
	}
	b.ReportAllocs()
	var buffer []byte
	for b.Loop() {
		buffer = appendPersona(buffer[:0], p, false)
	}
}
