package etag_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"personae.dev/internal/etag"
	"personae.dev/internal/persona"
)

// TestOf: tags are those that were given from the beginning: clients keep them.
func TestOf(t *testing.T) {
	t.Parallel()
	plain := &persona.Persona{}
	linked := &persona.Persona{
		Links: persona.Links{
			Offerings: persona.OfferingsSpecific, OfferingOIDs: []string{"of_1", "of_2"}, PlaybookOIDs: []string{"pb_1"}, PrimaryOfferingOID: new("of_1"),
		},
		QualifyingQuestions: []persona.QualifyingQuestion{{OID: "qq_1"}, {}},
	}
	for _, c := range []struct {
		p      *persona.Persona
		hidden []string
	}{
		{plain, []string{"", "playbooks"}},
		{linked, []string{"SPECIFIC", "of_1", "of_2", "playbooks", "pb_1", "primary", "of_1", "question", "qq_1", "question", ""}},
	} {
		hashed := strings.Repeat("body", 1000)
		for range 2 { // the second is made where the first was
			text := hashed
			for _, hidden := range c.hidden {
				text += fmt.Sprintf("\n%d %s", len(hidden), hidden)
			}
			sum := sha256.Sum256([]byte(text))
			want := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
			if got := etag.Of([]byte(hashed), c.p); got != want {
				t.Errorf("tag %s, want %s", got, want)
			}
		}
	}
}
