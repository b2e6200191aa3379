package kind

import "personae.dev/internal/entity"

// coreFeature is a part of one offering.
func coreFeature() *entity.Kind {
	parent := primaryOffering()
	parent.Required = true
	parent.Label, parent.Description = "Offering", "The id of the product, service or solution that it is a part of."
	return &entity.Kind{
		Position: 13, Name: "core-feature", Plural: "coreFeatures", Title: "core feature", Revision: "CoreFeature", Tool: "core_feature", Prefix: "cf_",
		Example:     "demo-slip-alerts",
		Icon:        "star",
		Description: "A part of one offering: what it does, how it works, and why it is there.",
		Order:       orderWithoutQuestions, Shape: 1,
		Fields: []entity.Field{
			name("The core feature's name.", `"Slip alerts"`),
			internalName(`"Alerts"`),
			description("What the core feature is, in a few sentences.", `"A message on Monday for each deal that is likely to slip."`),
			list("whatItDoes", "What it does", "What customers see of it.", `["Names the deals that will slip, with the reason"]`),
			list("howItWorks", "How it works", "How it does that.", `["Compares conversations with those of deals that slipped"]`),
			list("whatItImpacts", "What it impacts", "What changes for customers.", `["The Monday call takes half the time"]`),
			list("whyThisExists", "Why it exists", "Why you made it.", `["Managers asked only about deals that were fine"]`),
			parent,
			active(),
		},
	}
}
