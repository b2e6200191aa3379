package persona

// Patch is what an update says: the values of some fields. Those that are not
// given stay as they are.
type Patch struct {
	// Given are the names of the fields that are to change, as in the API.
	Given map[string]bool
	// Empty are those that are "", [] or {}, as some clients send what their user
	// left alone.
	Empty map[string]bool
	// Values has the new values; zero where a field is cleared.
	Values Persona
}

// Has tells whether the patch changes a field.
func (p *Patch) Has(field string) bool { return p.Given[field] }

// IgnoreEmpty takes empty fields as not given.
func (p *Patch) IgnoreEmpty() {
	for field := range p.Empty {
		delete(p.Given, field)
	}
	clear(p.Empty)
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
			to.Links.Offerings, to.Links.OfferingOIDs = values.Links.Offerings, values.Links.OfferingOIDs
		},
		"playbookOIds": func() { to.Links.PlaybookOIDs = values.Links.PlaybookOIDs },
	} {
		if p.Has(field) {
			set()
		}
	}
}
