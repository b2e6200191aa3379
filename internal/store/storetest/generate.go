package storetest

import (
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"personae.dev/internal/persona"
)

// AnyPersona generates personas that Validate passes: any Unicode but what is
// refused, quotes and escapes, absent, empty and filled lists, dates from the
// year 1 to 9999. CreatedAt and UpdatedAt are never the zero time, which means
// none. Some questions have no id, as those that were kept before there were
// any. WorkspaceOID and Author are fixed to wa_1 and u_1.
func AnyPersona() *rapid.Generator[*persona.Persona] { return rapid.Custom(anyPersona) }

func anyPersona(t *rapid.T) *persona.Persona {
	p := &persona.Persona{
		WorkspaceOID: "wa_1",
		OID:          AnyText(1, 20).Draw(t, "oId"),
		Author:       persona.User{OID: "u_1"},
		Name:         AnyText(1, 20).Draw(t, "name"),
		InternalName: rapid.Ptr(AnyText(0, 20), true).Draw(t, "internalName"),
		Description:  rapid.Ptr(AnyText(0, 100), true).Draw(t, "description"),
		CustomFields: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) persona.CustomField {
			return persona.CustomField{
				Title: AnyText(1, 20).Draw(t, "title"),
				Value: anyList().Draw(t, "value"),
			}
		}), 0, 3).Draw(t, "customFields"),
		QualifyingQuestions: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) persona.QualifyingQuestion {
			return persona.QualifyingQuestion{
				OID:       rapid.OneOf(rapid.Just(""), AnyText(1, 20)).Draw(t, "questionOId"),
				Question:  AnyText(1, 20).Draw(t, "question"),
				Rationale: AnyText(0, 20).Draw(t, "rationale"),
				FitType:   rapid.SampledFrom([]persona.FitType{persona.FitGood, persona.FitBad}).Draw(t, "fitType"),
				Weight: rapid.SampledFrom([]persona.Weight{
					persona.WeightLow, persona.WeightMedium, persona.WeightHigh, persona.WeightInstantDisqualifier,
				}).Draw(t, "weight"),
				ArchivedAt: rapid.Ptr(anyTime(), true).Draw(t, "archivedAt"),
			}
		}), 0, 3).Draw(t, "qualifyingQuestions"),
		Links:        anyLinks().Draw(t, "links"),
		Active:       rapid.Bool().Draw(t, "active"),
		Unrecognized: rapid.Bool().Draw(t, "unrecognized"),
		Rejected:     rapid.Bool().Draw(t, "rejected"),
		CreatedAt:    anyTime().Draw(t, "createdAt"),
		UpdatedAt:    anyTime().Draw(t, "updatedAt"),
		ArchivedAt:   rapid.Ptr(anyTime(), true).Draw(t, "archivedAt"),
		DeletedAt:    rapid.Ptr(anyTime(), true).Draw(t, "deletedAt"),
	}
	// Ids are unique in the persona; any number of questions may have none.
	seen := map[string]bool{}
	for i := range p.QualifyingQuestions {
		if q := &p.QualifyingQuestions[i]; seen[q.OID] {
			q.OID = ""
		} else {
			seen[q.OID] = true
		}
	}
	for _, list := range p.Lists() {
		*list.Items = anyList().Draw(t, list.Name)
	}
	if faults := p.Validate(); len(faults) > 0 {
		t.Fatalf("the generated persona is not valid: %v", faults)
	}
	return p
}

// anyLinks generates no links, and links of every mode.
func anyLinks() *rapid.Generator[persona.Links] {
	return rapid.Custom(func(t *rapid.T) persona.Links {
		l := persona.Links{
			PrimaryOfferingOID: rapid.Ptr(AnyText(1, 20), true).Draw(t, "primaryOfferingOId"),
			Offerings: rapid.SampledFrom([]persona.OfferingMode{
				persona.OfferingsNone, persona.OfferingsAll, persona.OfferingsSpecific,
			}).Draw(t, "mode"),
			PlaybookOIDs: rapid.SliceOfNDistinct(AnyText(1, 20), 0, 3, rapid.ID).Draw(t, "playbookOIds"),
		}
		if l.Offerings == persona.OfferingsSpecific {
			l.OfferingOIDs = rapid.SliceOfNDistinct(AnyText(1, 20), 1, 3, rapid.ID).Draw(t, "offeringOIds")
		}
		return l
	})
}

// anyList generates an absent, an empty or a filled list.
func anyList() *rapid.Generator[[]string] {
	return rapid.OneOf(
		rapid.Just[[]string](nil),
		rapid.SliceOfN(AnyText(1, 20), 0, 4),
	)
}

// AnyText generates texts of minimum to maximum characters that a persona may
// have; maximum is at least 20.
func AnyText(minimum, maximum int) *rapid.Generator[string] {
	var awkward []string
	for _, s := range awkwardTexts() {
		if n := utf8.RuneCountInString(s); n >= minimum && n <= maximum {
			awkward = append(awkward, s)
		}
	}
	return rapid.OneOf(
		rapid.StringOfN(rapid.RuneFrom([]rune("abcABC xyz019.,-")), minimum, maximum, -1),
		rapid.StringOfN(anyRune(), minimum, maximum, -1),
		rapid.SampledFrom(awkward),
	)
}

func anyRune() *rapid.Generator[rune] {
	return rapid.OneOf(
		rapid.Rune(),
		rapid.SampledFrom([]rune("\t\n\r\"'\\/<>&%;`\u0080\u00a0\u2028\u2029\ufeff\ufffd\uffff\U0001f600\U0010ffff")),
		rapid.Int32Range(0x20, utf8.MaxRune),
	).Filter(func(r rune) bool {
		refused := r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f
		return !refused && utf8.ValidRune(r)
	})
}

// awkwardTexts lists what has been known to break a store, a codec or a page.
func awkwardTexts() []string {
	return []string{
		"", " ", "null", "true", "0", `"`, `\`, `\"`, `\\`, `\u0000`, `\ud800`, "'; drop table--", "%s%n", "$1",
		"<script>&amp;", "\r\n", "\u2028\u2029", "\ufeffbom", "e\u0301", "\u00e9", "\ufffe\uffff\ufdd0",
		"\U0001f469\u200d\U0001f4bb", "\U0001f1e9\U0001f1ea", "שלום \u202eabc", "İstanbul ß", "  both  ",
	}
}

// anyTime generates times to the millisecond that the API can show.
func anyTime() *rapid.Generator[time.Time] {
	first := time.Date(1, 1, 1, 0, 0, 0, 1e6, time.UTC)
	last := time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)
	return rapid.Map(rapid.OneOf(
		rapid.SampledFrom([]int64{first.UnixMilli(), last.UnixMilli(), 0, -1, 1, 999}),
		rapid.Int64Range(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()),
		rapid.Int64Range(first.UnixMilli(), last.UnixMilli()),
	), func(ms int64) time.Time { return time.UnixMilli(ms).UTC() })
}
