package persona

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of a persona. Lengths are in characters (Unicode code points) unless
// said otherwise. They are listed in docs/limits.md, and every one is tested at
// its edge.
const (
	MaxIDLength           = 255
	MaxNameLength         = 255
	MaxInternalNameLength = 255
	MaxDescriptionLength  = 10_000

	MaxListItems      = 5_000 // items of one list
	MaxListItemLength = 10_000

	MaxCustomFields           = 100
	MaxCustomFieldTitleLength = 255

	MaxQualifyingQuestions = 100
	MaxQuestionLength      = 2_000
	MaxLinks               = 1_000 // offerings, and playbooks
	MaxRationaleLength     = 10_000

	// MaxTextBytes is how many bytes of UTF-8 all texts of one persona have
	// together.
	MaxTextBytes = 2 << 20
)

// earliest and latest bound the dates that the API's format can show. The zero
// time is no date.
var (
	earliest = time.Date(1, 1, 1, 0, 0, 0, 1e6, time.UTC)
	latest   = time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)
)

// Validate returns every fault of p, none for a persona that can be kept. The
// order is that of the API's fields.
func (p *Persona) Validate() []Fault {
	v := &validator{}
	v.id("oId", p.OID)
	v.text("name", p.Name, 1, MaxNameLength)
	v.optionalText("internalName", p.InternalName, MaxInternalNameLength)
	v.optionalText("description", p.Description, MaxDescriptionLength)
	for _, list := range p.Lists() {
		v.list(list.Name, *list.Items)
	}
	v.count("customFields", len(p.CustomFields), MaxCustomFields)
	for i, field := range p.CustomFields {
		path := fmt.Sprintf("customFields[%d]", i)
		v.text(path+".title", field.Title, 1, MaxCustomFieldTitleLength)
		v.list(path+".value", field.Value)
	}
	v.count("qualifyingQuestions", len(p.QualifyingQuestions), MaxQualifyingQuestions)
	questions := map[string]bool{}
	for i := range p.QualifyingQuestions {
		if oID := p.QualifyingQuestions[i].OID; oID != "" {
			v.id(fmt.Sprintf("qualifyingQuestions[%d].oId", i), oID)
			if questions[oID] {
				v.Add(fmt.Sprintf("qualifyingQuestions[%d].oId", i), "occurs twice: keep one")
			}
			questions[oID] = true
		}
		v.question(fmt.Sprintf("qualifyingQuestions[%d].", i), &p.QualifyingQuestions[i])
	}
	v.links(&p.Links)
	v.date("createdAt", &p.CreatedAt)
	v.date("updatedAt", &p.UpdatedAt)
	v.date("archivedAt", p.ArchivedAt)
	v.date("deletedAt", p.DeletedAt)
	if v.bytes > MaxTextBytes {
		v.Add("name", "the persona has %d bytes of text in all its fields together, and %d are allowed: shorten it, or divide it", v.bytes, MaxTextBytes)
	}
	return v.List()
}

// ValidateWith returns the faults of form, and those of Validate that do not
// follow from them: what could not be read has no value to be judged.
func (p *Persona) ValidateWith(form []Fault) []Fault { return Join(form, p.Validate()) }

// ValidateWith returns the faults of form, and those of a question that stands
// alone.
func (q *QualifyingQuestion) ValidateWith(form []Fault) []Fault {
	v := &validator{}
	v.question("", q)
	return Join(form, v.List())
}

// Join returns the faults of form, and those of content that do not follow from
// them.
func Join(form, content []Fault) []Fault {
	var faults Faults
	faults.AddAll(form)
	for _, fault := range content {
		follows := func(f Fault) bool {
			return f.Field == "body" || within(fault.Field, f.Field) || within(f.Field, fault.Field)
		}
		if !slices.ContainsFunc(form, follows) {
			faults.AddAll([]Fault{fault})
		}
	}
	return faults.List()
}

// JoinAll returns all faults of several lists of one input.
func JoinAll(lists ...[]Fault) []Fault {
	var faults Faults
	for _, list := range lists {
		faults.AddAll(list)
	}
	return faults.List()
}

// within tells whether the path field is outer or a part of it.
func within(field, outer string) bool {
	rest, ok := strings.CutPrefix(field, outer)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// ValidID tells whether something can have this id.
func ValidID(oID string) bool { return len(CheckText("oId", oID, 1, MaxIDLength)) == 0 }

// CheckText returns the faults of a text that shall have minimum to maximum
// characters.
func CheckText(field, s string, minimum, maximum int) []Fault {
	v := &validator{}
	v.text(field, s, minimum, maximum)
	return v.List()
}

// validator checks one persona.
type validator struct {
	Faults
	bytes int // of text, so far
}

func (v *validator) id(field, s string) { v.text(field, s, 1, MaxIDLength) }

// text checks a text of minimum to maximum characters.
func (v *validator) text(field, s string, minimum, maximum int) {
	v.bytes += len(s)
	if len(s) < minimum {
		v.Add(field, "must not be empty")
		return
	}
	// A text has at most as many characters as bytes, so that the count is
	// needed only near the limit.
	if len(s) > maximum {
		if n := utf8.RuneCountInString(s); n > maximum {
			v.Add(field, "has %d characters, and %d are allowed", n, maximum)
		}
	}
	if i := strings.IndexFunc(s, isForbidden); i >= 0 {
		r, _ := utf8.DecodeRuneInString(s[i:])
		v.Add(field, "has the control character U+%04X at byte %d: remove it", r, i)
	}
	if !utf8.ValidString(s) {
		v.Add(field, "is not valid UTF-8: send the text as UTF-8")
	}
}

// isForbidden tells the control characters that no text needs, and that some
// clients and databases cannot bear: all of ASCII's but tab, line feed and
// carriage return.
func isForbidden(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f
}

func (v *validator) optionalText(field string, s *string, maximum int) {
	if s != nil {
		v.text(field, *s, 0, maximum)
	}
}

func (v *validator) count(field string, n, maximum int) {
	if n > maximum {
		v.Add(field, "has %d items, and %d are allowed", n, maximum)
	}
}

// list checks a list of texts. The same text may stand in it again: clients
// read back what they wrote.
func (v *validator) list(field string, items []string) {
	v.count(field, len(items), MaxListItems)
	for i, item := range items {
		if !v.plain(item) {
			v.text(fmt.Sprintf("%s[%d]", field, i), item, 1, MaxListItemLength)
		}
	}
}

// plain accepts the usual item without making its path: printable ASCII that
// is not near a limit.
func (v *validator) plain(s string) bool {
	if s == "" || len(s) > MaxListItemLength {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f {
			return false
		}
	}
	v.bytes += len(s)
	return true
}

func (v *validator) links(l *Links) {
	if l.PrimaryOfferingOID != nil {
		v.id("primaryOfferingOId", *l.PrimaryOfferingOID)
	}
	switch {
	case l.Offerings != OfferingsNone && l.Offerings != OfferingsAll && l.Offerings != OfferingsSpecific:
		v.Add("linkingStrategy.mode", "is %q: use ALL or SPECIFIC", l.Offerings)
	case l.Offerings == OfferingsSpecific && len(l.OfferingOIDs) == 0:
		v.Add("linkingStrategy.offeringOIds", "must name an offering where mode is SPECIFIC")
	case l.Offerings == OfferingsNone && len(l.OfferingOIDs) > 0:
		v.Add("linkingStrategy.mode", "is missing: use SPECIFIC for offerings by name")
	case l.Offerings == OfferingsAll && len(l.OfferingOIDs) > 0:
		v.Add("linkingStrategy.offeringOIds", "must be left out, or null, where mode is ALL")
	}
	v.ids("linkingStrategy.offeringOIds", l.OfferingOIDs)
	v.ids("playbookOIds", l.PlaybookOIDs)
}

// ids checks ids that must differ.
func (v *validator) ids(field string, oIDs []string) {
	v.count(field, len(oIDs), MaxLinks)
	seen := map[string]bool{}
	for i, oID := range oIDs {
		path := fmt.Sprintf("%s[%d]", field, i)
		v.id(path, oID)
		if seen[oID] {
			v.Add(path, "occurs twice: keep one")
		}
		seen[oID] = true
	}
}

func (v *validator) question(prefix string, q *QualifyingQuestion) {
	v.text(prefix+"question", q.Question, 1, MaxQuestionLength)
	v.text(prefix+"rationale", q.Rationale, 0, MaxRationaleLength)
	switch q.FitType {
	case FitGood, FitBad:
	default:
		v.Add(prefix+"fitType", "is %q: use GOOD or BAD", q.FitType)
	}
	switch q.Weight {
	case WeightLow, WeightMedium, WeightHigh, WeightInstantDisqualifier:
	default:
		v.Add(prefix+"weight", "is %q: use LOW, MEDIUM, HIGH or INSTANT_DISQUALIFIER", q.Weight)
	}
	v.date(prefix+"archivedAt", q.ArchivedAt)
}

func (v *validator) date(field string, t *time.Time) {
	if t != nil && (t.Before(earliest) || t.After(latest)) {
		v.Add(field, "is outside the years 1 to 9999")
	}
}
