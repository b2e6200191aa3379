package persona

import (
	"slices"
	"strings"
)

// Patch is what an update says: the values of some fields. Those that are not
// given stay as they are.
type Patch struct {
	// Given are the names of the fields that are to change, as in the API.
	Given map[string]bool
	// Empty are those that are "", [] or {}, as some clients send what their user
	// left alone.
	Empty map[string]bool
	// Members are those of linkingStrategy that are to change, where it is merged
	// into what is there; nil where it is replaced.
	Members map[string]bool
	// Values has the new values; zero where a field is cleared.
	Values Persona
}

// Has tells whether the patch changes a field.
func (p *Patch) Has(field string) bool { return p.Given[field] }

// IgnoreEmpty takes empty fields as not given, and returns the faults that are
// left then: an empty value of another type is none.
func (p *Patch) IgnoreEmpty(faults []Fault) []Fault {
	faults = slices.DeleteFunc(faults, func(f Fault) bool {
		end := strings.IndexAny(f.Field+".", ".[")
		return p.Empty[f.Field[:end]]
	})
	for field := range p.Empty {
		delete(p.Given, field)
	}
	clear(p.Empty)
	return faults
}

// ValidateWith returns the faults of form, and those that the patch has for
// whatever persona.
func (p *Patch) ValidateWith(form []Fault) []Fault {
	sound := Persona{OID: "x", Name: "x", CreatedAt: latest, UpdatedAt: latest}
	p.Apply(&sound)
	if links := &sound.Links; p.Members != nil { // the other member may be there
		if !p.Members["mode"] && len(links.OfferingOIDs) > 0 {
			links.Offerings = OfferingsSpecific
		}
		if !p.Members["offeringOIds"] && links.Offerings == OfferingsSpecific {
			links.OfferingOIDs = []string{"x"}
		}
	}
	return sound.ValidateWith(form)
}

// Apply changes to. Lists are shared with the patch.
func (p *Patch) Apply(to *Persona) {
	values := &p.Values
	lists := to.Lists()
	for i, list := range values.Lists() {
		if p.Has(list.Name) {
			*lists[i].Items = *list.Items
		}
	}
	for field, set := range map[string]func(){
		"name":                func() { to.Name = values.Name },
		"internalName":        func() { to.InternalName = values.InternalName },
		"description":         func() { to.Description = values.Description },
		"customFields":        func() { to.CustomFields = values.CustomFields },
		"qualifyingQuestions": func() { to.QualifyingQuestions = values.QualifyingQuestions },
		"active":              func() { to.Active = values.Active },
		"primaryOfferingOId":  func() { to.Links.PrimaryOfferingOID = values.Links.PrimaryOfferingOID },
		"linkingStrategy": func() {
			if p.Members == nil || p.Members["mode"] {
				to.Links.Offerings = values.Links.Offerings
			}
			if p.Members == nil || p.Members["offeringOIds"] {
				to.Links.OfferingOIDs = values.Links.OfferingOIDs
			}
		},
		"playbookOIds": func() { to.Links.PlaybookOIDs = values.Links.PlaybookOIDs },
	} {
		if p.Has(field) {
			set()
		}
	}
}
