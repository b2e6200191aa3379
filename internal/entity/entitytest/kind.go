// Package entitytest has kinds for tests, which use every type and place of
// field, and generators of entities and request bodies of any kind.
package entitytest

import "personae.dev/internal/entity"

// Kind returns a kind with every type, place and property of fields. Its
// questions, links and names work like those of a persona.
func Kind() *entity.Kind {
	offerings := []string{"product", "service", "solution"}
	return &entity.Kind{
		Position: 101, Name: "test-sample", Plural: "testSamples", Title: "test sample", Revision: "TestSample", Tool: "test_sample", Prefix: "ts_",
		Description: "A kind for tests, which has fields of all types at all places.",
		Order:       "oId name internalName description createdAt deletedAt archivedAt updatedAt * data qualifyingQuestions",
		Shape:       1, Nest: []string{"sample"}, Ignored: []string{"sources"}, Generates: true,
		AlsoLists: &entity.AlsoLists{Param: "stage", On: []string{"PERSONA", "ALL"}, All: "ALL", Kind: "persona"},
		Joins:     []entity.Join{{Field: "friendOId", As: "friend"}},
		Fields: []entity.Field{
			{Name: "name", In: entity.InBoth, DataName: "title", Required: true, Max: 255, Tier: entity.TierName, Label: "Name", Description: "The name, which is the title under data.", Example: `"Sample"`},
			{Name: "internalName", In: entity.InBoth, Null: true, Max: 255, Tier: entity.TierName, Label: "Internal name", Description: "A text at the top and under data."},
			{Name: "description", In: entity.InTop, Null: true, Label: "Description", Description: "A text at the top, or null."},
			{Name: "url", In: entity.InTop, Max: 100, Tier: entity.TierNone, Label: "URL", Description: "A text at the top that is never null, and not searched."},
			{Name: "labels", Type: entity.TypeTexts, In: entity.InTop, Max: 20, MaxItems: 10, Label: "Labels", Description: "A list at the top."},
			{Name: "stage", Type: entity.TypeEnum, In: entity.InTop, Default: `"OPEN"`, Enum: []string{"OPEN", "WON", "LOST"}, Filter: "stage", Label: "Stage", Description: "An enum with a default, and a filter.", Example: `"WON"`},
			{Name: "extra", Type: entity.TypeRaw, In: entity.InTop, Null: true, Label: "Extra", Description: "Any JSON at the top."},
			{Name: "summary", Label: "Summary", Description: "A text in data."},
			{Name: "note", Null: true, Label: "Note", Description: "A text in data, or null."},
			{Name: "mood", Type: entity.TypeEnum, Enum: []string{"good", "bad"}, Label: "Mood", Description: "An enum without a default."},
			{Name: "formType", Type: entity.TypeEnum, Default: `"a"`, Enum: []string{"a", "b"}, FormOnly: true, Label: "Form type", Description: "A field that a form always sends."},
			{Name: "points", Type: entity.TypeTexts, Label: "Points", Description: "A list in data."},
			{Name: "jobs", Type: entity.TypeTexts, Tier: entity.TierTitle, Label: "Jobs", Description: "A list of titles."},
			{Name: "insight", Type: entity.TypeTextOrTexts, Label: "Insight", Description: "A text or a list."},
			{Name: "traits", Type: entity.TypeLists, Keys: []string{"core", "guiding"}, Label: "Traits", Description: "Lists with fixed keys.", Example: `{"core":["Plain"],"guiding":[]}`},
			{Name: "facts", Type: entity.TypeLists, Keys: []string{"industry", "size"}, Free: true, Label: "Facts", Description: "Lists with fixed and free keys."},
			{Name: "method", Type: entity.TypeRaw, Null: true, Label: "Method", Description: "Any JSON in data."},
			{Name: "proven", Type: entity.TypeBool, Null: true, Label: "Proven", Description: "True, false or null."},
			{Name: "relatedOIds", Type: entity.TypeLinks, Targets: []string{"test-sample"}, Label: "Related", Description: "Links that answers show."},
			{Name: "customFields", Type: entity.TypeCustom, Label: "Custom fields", Description: "Titled lists."},
			{Name: "oldText", Old: true, Label: "Old text", Description: "A text of an older generation."},
			{Name: "oldList", Type: entity.TypeTexts, Old: true, Label: "Old list", Description: "A list of an older generation."},
			{Name: "oldTraits", Type: entity.TypeLists, Free: true, Old: true, Label: "Old traits", Description: "Lists of an older generation."},
			{Name: "oldRaw", Type: entity.TypeRaw, Old: true, Label: "Old JSON", Description: "Any JSON of an older generation."},
			{Name: "qualifyingQuestions", Type: entity.TypeQuestions, In: entity.InTop, Null: true, Label: "Questions", Description: "Qualifying questions."},
			{Name: "friendOId", Type: entity.TypeLink, In: entity.Hidden, Targets: []string{"test-sample"}, Label: "Friend", Description: "A link that is joined."},
			{Name: "primaryOfferingOId", Type: entity.TypeLink, In: entity.Hidden, Targets: offerings, Filter: entity.FilterOffering, Label: "Primary offering", Description: "A link."},
			{Name: "linkingStrategy", Type: entity.TypeStrategy, In: entity.Hidden, Targets: offerings, Filter: entity.FilterOffering, Label: "Offerings", Description: "A linking strategy."},
			{Name: "playbookOIds", Type: entity.TypeLinks, In: entity.Hidden, Targets: []string{"playbook"}, Filter: entity.FilterPlaybook, Label: "Playbooks", Description: "Links."},
			{Name: "secret", In: entity.Hidden, Tier: entity.TierNone, Label: "Secret", Description: "A text that answers do not show."},
			{Name: "active", Type: entity.TypeBool, In: entity.InTop, Default: "true", Label: "Active", Description: "True unless it is said otherwise."},
			{Name: "rejected", Type: entity.TypeBool, In: entity.InTop, Default: "false", ReadOnly: true, Label: "Rejected", Description: "Comes with an import."},
		},
	}
}

// Singleton returns a kind of which a workspace has one entity.
func Singleton() *entity.Kind {
	return &entity.Kind{
		Position: 102, Name: "test-single", Plural: "testSingles", Title: "test single", Revision: "TestSingle", Tool: "test_single", Prefix: "tg_",
		Description: "A kind for tests, of which there is one in a workspace.",
		Order:       "oId createdAt updatedAt archivedAt deletedAt name * data",
		Shape:       1, Singleton: true,
		Fields: []entity.Field{
			{Name: "name", In: entity.InTop, Required: true, Max: 255, Tier: entity.TierName, Label: "Name", Description: "The name."},
			{Name: "url", In: entity.InTop, Null: true, Label: "URL", Description: "A text."},
			{Name: "customers", Type: entity.TypeTexts, Label: "Customers", Description: "A list."},
			{Name: "customFields", Type: entity.TypeCustom, Label: "Custom fields", Description: "Titled lists."},
		},
	}
}
