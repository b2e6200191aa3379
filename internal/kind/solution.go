package kind

import "personae.dev/internal/entity"

// solution is several offerings that are sold as an answer to one problem.
func solution() *entity.Kind {
	offered := links("offeringOIds", "Offerings", "product", `["px_1234"]`)
	offered.Targets, offered.Filter = offerings(), entity.FilterOffering
	offered.Description = "The ids of the products, services and solutions that it consists of."
	return &entity.Kind{
		Position: 4, Name: "solution", Plural: "solutions", Title: "solution", Revision: "Solution", Tool: "solution", Prefix: "sv_",
		Example: "demo-predictable-revenue",
		Icon:    "blocks", Section: "product",
		Description: "Several offerings that you sell as the answer to one problem.",
		Order:       order, Shape: 1,
		// solution/create has the fields under solution.
		Nest: []string{"solution"}, Ignored: []string{"sources", "enableRagEnrichment"},
		Fields: []entity.Field{
			name("The solution's name.", `"Predictable revenue"`),
			internalName(`"Predictable"`),
			description("What the solution is, in a few sentences.", `"Forecast and coaching for companies that go public."`),
			text("summary", "Summary", "The solution in a paragraph.", `"Larkfield Forecast together with onboarding and a quarterly review."`),
			list("distinctCapabilities", "Distinct capabilities", "What it does that others do not.", `["One forecast for sales and finance"]`),
			list("keyComponents", "Key components", "What it consists of.", `["Larkfield Forecast","Forecast onboarding"]`),
			list("customerBenefits", "Customer benefits", "What gets better for customers.", `["Guidance that holds"]`),
			list("challengesAddressed", "Challenges addressed", "The problems that it solves.", `["Finance keeps a forecast of its own"]`),
			list("statusQuo", "Status quo", "How customers manage without it.", `["Two spreadsheets that never agree"]`),
			list("differentiatedValue", "Differentiated value", "What customers gain from the difference.", `["One number that the board believes"]`),
			customFields(),
			qualifyingQuestions(),
			offered,
			links("useCaseOIds", "Use cases", "use-case", `["uu_1234"]`),
			links("personaOIds", "Personas", "persona", `["pe_1234"]`),
			links("segmentOIds", "Segments", "segment", `["sg_1234"]`),
			links("referenceOIds", "References", "reference", `["re_1234"]`),
			links("competitorOIds", "Competitors", "competitor", `["cp_1234"]`),
			links("alternativeOIds", "Alternatives", "alternative", `["ao_1234"]`),
			links("buyingTriggerOIds", "Buying triggers", "buying-trigger", `["bq_1234"]`),
			links("proofPointOIds", "Proof points", "proof-point", `["pp_1234"]`),
			elsewhere("collateralOIds", "Collateral"),
			elsewhere("genericTextEntityOIds", "Other texts"),
			active(),
		},
	}
}

// elsewhere is a list of ids of things that this library does not have.
func elsewhere(name, label string) entity.Field {
	f := list(name, label, "Ids of things that this library does not have. They are kept as they were sent.", `["co_1234"]`)
	f.In, f.Tier, f.Max, f.MaxItems = entity.Hidden, entity.TierNone, 255, entity.MaxLinks
	return f
}
