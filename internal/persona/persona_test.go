package persona_test

import (
	"reflect"
	"testing"
	"time"

	"personae.dev/internal/persona"
)

// full returns a persona with a value in every field.
func full() *persona.Persona {
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	p := valid()
	p.InternalName, p.Description = new("i"), new("d")
	for _, list := range p.Lists() {
		*list.Items = []string{"1", "2"}
	}
	p.CustomFields = []persona.CustomField{{Title: "t", Value: []string{"v"}}}
	p.QualifyingQuestions = []persona.QualifyingQuestion{{OID: "qq_1", Question: "q", Rationale: "r", FitType: persona.FitGood, Weight: persona.WeightLow, ArchivedAt: new(at)}}
	p.Links = persona.Links{PrimaryOfferingOID: new("of_1"), Offerings: persona.OfferingsSpecific, OfferingOIDs: []string{"1", "2"}, PlaybookOIDs: []string{"1", "2"}}
	p.Unrecognized, p.Rejected = true, true
	p.ArchivedAt, p.DeletedAt = new(at), new(at)
	return p
}

func TestEqual(t *testing.T) {
	t.Parallel()
	later := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	type change struct {
		field string // of Persona
		do    func(*persona.Persona)
	}
	changes := []change{
		{"WorkspaceOID", func(p *persona.Persona) { p.WorkspaceOID = "y" }},
		{"OID", func(p *persona.Persona) { p.OID = "y" }},
		{"Author", func(p *persona.Persona) { p.Author.OID = "y" }},
		{"Name", func(p *persona.Persona) { p.Name = "y" }},
		{"InternalName", func(p *persona.Persona) { p.InternalName = new("y") }},
		{"InternalName", func(p *persona.Persona) { p.InternalName = new("") }},
		{"InternalName", func(p *persona.Persona) { p.InternalName = nil }},
		{"Description", func(p *persona.Persona) { p.Description = new("y") }},
		{"Description", func(p *persona.Persona) { p.Description = nil }},
		{"CustomFields", func(p *persona.Persona) { p.CustomFields[0].Title = "y" }},
		{"CustomFields", func(p *persona.Persona) { p.CustomFields[0].Value[0] = "y" }},
		{"CustomFields", func(p *persona.Persona) { p.CustomFields[0].Value = nil }},
		{"CustomFields", func(p *persona.Persona) { p.CustomFields = nil }},
		{"CustomFields", func(p *persona.Persona) { p.CustomFields = append(p.CustomFields, persona.CustomField{}) }},
		{"QualifyingQuestions", func(p *persona.Persona) { p.QualifyingQuestions[0].OID = "y" }},
		{"QualifyingQuestions", func(p *persona.Persona) { p.QualifyingQuestions[0].Question = "y" }},
		{"QualifyingQuestions", func(p *persona.Persona) { p.QualifyingQuestions[0].Rationale = "y" }},
		{"QualifyingQuestions", func(p *persona.Persona) { p.QualifyingQuestions[0].FitType = persona.FitBad }},
		{"QualifyingQuestions", func(p *persona.Persona) { p.QualifyingQuestions[0].Weight = persona.WeightHigh }},
		{"QualifyingQuestions", func(p *persona.Persona) { p.QualifyingQuestions[0].ArchivedAt = &later }},
		{"QualifyingQuestions", func(p *persona.Persona) { p.QualifyingQuestions[0].ArchivedAt = nil }},
		{"QualifyingQuestions", func(p *persona.Persona) { p.QualifyingQuestions = nil }},
		{"Links", func(p *persona.Persona) { p.Links.PrimaryOfferingOID = new("y") }},
		{"Links", func(p *persona.Persona) { p.Links.PrimaryOfferingOID = nil }},
		{"Links", func(p *persona.Persona) { p.Links.Offerings = persona.OfferingsAll }},
		{"Links", func(p *persona.Persona) { p.Links.OfferingOIDs = []string{"2", "1"} }},
		{"Links", func(p *persona.Persona) { p.Links.PlaybookOIDs = []string{"1"} }},
		{"Active", func(p *persona.Persona) { p.Active = false }},
		{"Unrecognized", func(p *persona.Persona) { p.Unrecognized = false }},
		{"Rejected", func(p *persona.Persona) { p.Rejected = false }},
		{"CreatedAt", func(p *persona.Persona) { p.CreatedAt = later }},
		{"UpdatedAt", func(p *persona.Persona) { p.UpdatedAt = later }},
		{"ArchivedAt", func(p *persona.Persona) { p.ArchivedAt = &later }},
		{"ArchivedAt", func(p *persona.Persona) { p.ArchivedAt = nil }},
		{"DeletedAt", func(p *persona.Persona) { p.DeletedAt = &later }},
		{"DeletedAt", func(p *persona.Persona) { p.DeletedAt = nil }},
	}
	fieldOf := map[string]string{
		"primaryResponsibilities": "PrimaryResponsibilities", "painPoints": "PainPoints", "keyConcerns": "KeyConcerns",
		"keyObjectives": "KeyObjectives", "commonJobTitles": "CommonJobTitles", "whyTheyMatterToUs": "WhyTheyMatterToUs",
		"whyWeMatterToThem": "WhyWeMatterToThem", "buyingRole": "BuyingRole",
	}
	for i, list := range valid().Lists() {
		items := func(p *persona.Persona) *[]string { return p.Lists()[i].Items }
		changes = append(changes,
			change{fieldOf[list.Name], func(p *persona.Persona) { (*items(p))[1] = "y" }},
			change{fieldOf[list.Name], func(p *persona.Persona) { *items(p) = []string{"2", "1"} }},
			change{fieldOf[list.Name], func(p *persona.Persona) { *items(p) = (*items(p))[:1] }},
			change{fieldOf[list.Name], func(p *persona.Persona) { *items(p) = nil }})
	}
	changed := map[string]bool{}
	for _, c := range changes {
		changed[c.field] = true
		p, q := full(), full()
		if !p.Equal(q) {
			t.Fatal("a persona is not equal to its like")
		}
		c.do(q)
		if p.Equal(q) || q.Equal(p) {
			t.Errorf("a persona with another %s is equal", c.field)
		}
		if field := reflect.ValueOf(q).Elem().FieldByName(c.field); reflect.DeepEqual(reflect.ValueOf(p).Elem().FieldByName(c.field).Interface(), field.Interface()) {
			t.Errorf("the test did not change %s", c.field)
		}
	}
	for field := range reflect.TypeFor[persona.Persona]().Fields() {
		if !changed[field.Name] {
			t.Errorf("this test does not know the field %s: add it here, and to Equal", field.Name)
		}
	}
}

func TestEqualSameContent(t *testing.T) {
	t.Parallel()
	p, q := full(), full()
	q.Author = persona.User{OID: p.Author.OID, FirstName: "another name"}
	q.CreatedAt = p.CreatedAt.In(time.FixedZone("", 7200))
	q.ArchivedAt = new(p.ArchivedAt.In(time.FixedZone("", 7200)))
	if !p.Equal(q) || !q.Equal(p) {
		t.Error("an author's name, or a time's zone, makes a difference")
	}
	p, q = valid(), valid()
	for _, list := range q.Lists() {
		*list.Items = []string{}
	}
	p.CustomFields, q.CustomFields = []persona.CustomField{{Title: "t"}}, []persona.CustomField{{Title: "t", Value: []string{}}}
	q.QualifyingQuestions = []persona.QualifyingQuestion{}
	if !p.Equal(q) || !q.Equal(p) {
		t.Error("an absent list and an empty one are not equal")
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	// Every list of texts is among them, and the pointers lead into p.
	p := valid()
	for _, list := range p.Lists() {
		*list.Items = []string{list.Name}
	}
	lists := 0
	for field, value := range reflect.ValueOf(p).Elem().Fields() {
		items, ok := value.Interface().([]string)
		if !ok {
			continue
		}
		lists++
		if len(items) != 1 || !equalFold(items[0], field.Name) {
			t.Errorf("%s is %q", field.Name, items)
		}
	}
	if lists != len(p.Lists()) {
		t.Errorf("a persona has %d lists, and Lists names %d", lists, len(p.Lists()))
	}
}

// equalFold tells whether the names differ in the case of the first letter.
func equalFold(a, b string) bool {
	return len(a) > 0 && len(b) > 0 && a[1:] == b[1:] && a[0]|0x20 == b[0]|0x20
}

func TestNow(t *testing.T) {
	t.Parallel()
	before, now, after := time.Now().Truncate(time.Millisecond), persona.Now(), time.Now()
	if now.Before(before) || now.After(after) || now.Location() != time.UTC || now.Nanosecond()%1e6 != 0 {
		t.Errorf("Now() = %s between %s and %s", now, before, after)
	}
}
