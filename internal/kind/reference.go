package kind

import "personae.dev/internal/entity"

// reference is a customer whom one may speak about.
func reference() *entity.Kind {
	return &entity.Kind{
		Position: 12, Name: "reference", Plural: "references", Title: "reference", Revision: "Reference", Tool: "reference", Prefix: "re_",
		Example:     "demo-ref-tarnbeck",
		Icon:        "quote",
		Description: "A customer whom you may speak about: their problem, how they use you, and what it brought them.",
		Order:       orderWithoutQuestions, Shape: 1, Generates: true, Ignored: []string{"brandVoiceOId"},
		Fields: []entity.Field{
			name("The customer's name.", `"Fernhill Logistics"`),
			internalName(`"Fernhill"`),
			description("Who the customer is, in a few sentences.", `"A logistics software company of 400 people."`),
			text("businessModel", "Business model", "How they earn money.", `"Subscriptions for freight planning."`),
			text("theirChallenge", "Their challenge", "What their problem was.", `"Three quarters in a row below guidance."`),
			text("howTheyUseUs", "How they use us", "What they do with what you sell.", `"In the Monday call of five sales teams."`),
			text("whyTheyChoseUs", "Why they chose us", "Why they decided for you.", `"The pilot found eleven of the thirteen deals that slipped."`),
			list("impactTheySaw", "Impact they saw", "What it brought them.", `["Forecast error from 19 to 4 percent"]`),
			list("stakeholdersInvolved", "Stakeholders involved", "Who took part in the decision.", `["VP of Sales","CFO"]`),
			customFields(),
			old(text("howTheyMakeMoney", "How they make money", "How they earn money. It is present only where it is set.", `"Subscriptions"`)),
			old(text("howTheyUseProduct", "How they use the product", "What they do with the product. It is present only where it is set.", `"Weekly"`)),
			old(text("howTheyBenefitFromProduct", "How they benefit", "What it brought them, as one text. It is present only where it is set.", `"Fewer surprises"`)),
			old(list("emailSnippets", "E-mail snippets", "Sentences for e-mails. It is present only where it is set.", `["Fernhill cut its forecast error to 4 percent."]`)),
			old(list("howWeImpactedTheirBusiness", "How we impacted their business", "What changed for them. It is present only where it is set.", `["One number for sales and finance"]`)),
			old(list("keyStats", "Key figures", "Figures to quote. It is present only where it is set.", `["4 percent"]`)),
			primaryOffering(), linkingStrategy(),
			offering("productOId", "Product", "The id of the offering that the customer uses, as older clients send it."),
			sentOnly("url", "URL", "The web page of the reference.", `"https://larkfield.example/fernhill"`),
			sentOnly("companyDomain", "Company domain", "The customer's domain.", `"fernhill.example"`),
			sentOnly("details", "Details", "What else is known about the customer.", `"Asked not to be named in press releases."`),
			active(),
			readOnly(flag("unrecognized", false, "Unrecognized", "Whether the reference was not recognised.")),
		},
	}
}

// offering is the id of an offering, by which lists can be filtered.
func offering(name, label, description string) entity.Field {
	f := primaryOffering()
	f.Name, f.Label, f.Description = name, label, description
	return f
}

// sentOnly is a text that is kept as it was sent, and not shown in answers.
func sentOnly(name, label, description, example string) entity.Field {
	f := text(name, label, description, example)
	f.In, f.Tier = entity.Hidden, entity.TierNone
	return f
}
