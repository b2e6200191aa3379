package kind

import "personae.dev/internal/entity"

// segment is a group of companies that are sold to in the same way.
func segment() *entity.Kind {
	return &entity.Kind{
		Position: 5, Name: "segment", Plural: "segments", Title: "segment", Revision: "Segment", Tool: "segment", Prefix: "sg_",
		Example: "demo-mid-market-saas",
		Icon:    "layers", Section: "segment",
		Description: "A group of companies that you sell to in the same way: what they have in common, and why they fit.",
		Order:       order, Shape: 1, Generates: true,
		Fields: []entity.Field{
			name("The segment's name.", `"B2B software, 100 to 1,000 people"`),
			internalName(`"Core SaaS"`),
			description("Which companies belong to the segment, in a few sentences.", `"Software companies with a sales team of at least ten."`),
			list("strategicPriorities", "Strategic priorities", "What these companies want to reach.", `["Efficient growth"]`),
			list("marketPressures", "Market pressures", "What their market forces on them.", `["Boards that ask for a forecast they can trust"]`),
			list("strategicFit", "Strategic fit", "Why they fit what you offer.", `["Sales cycles of 60 to 180 days"]`),
			list("operatingCharacteristics", "Operating characteristics", "How they work.", `["Calls are recorded, and the CRM is kept"]`),
			list("buyingDynamics", "Buying dynamics", "How they buy.", `["The VP of Sales decides, finance can veto"]`),
			{
				Name: "firmographics", Type: entity.TypeLists, Keys: []string{"industry", "businessModel", "geography", "revenue", "employees"}, Free: true,
				Label: "Firmographics", Description: "Facts about the companies, such as industry and size; you can add keys of your own.",
				Example: `{"industry":["Software"],"businessModel":["Subscription"],"geography":["Europe"],"revenue":["10M to 100M"],"employees":["100 to 1,000"]}`,
			},
			customFields(),
			old(list("relevanceToOurBusiness", "Relevance to our business", "Why the segment matters to you. It is present only where it is set.", `["Our best retention"]`)),
			old(list("firmographicCharacteristics", "Firmographic characteristics", "Facts about the companies, in words. It is present only where it is set.", `["Series B or later"]`)),
			old(list("definingAttributes", "Defining attributes", "What makes a company part of the segment. It is present only where it is set.", `["Quota-carrying reps"]`)),
			old(list("businessDrivers", "Business drivers", "What drives these companies. It is present only where it is set.", `["New business"]`)),
			old(text("fitExplanation", "Fit explanation", "Why they fit what you offer, as one text. It is present only where it is set.", `"They forecast every week."`)),
			old(list("keyPriorities", "Key priorities", "What these companies want to reach. It is present only where it is set.", `["Growth"]`)),
			old(list("keyConsiderations", "Key considerations", "What to keep in mind about them. It is present only where it is set.", `["Procurement takes a month"]`)),
			old(list("uniqueApproach", "Unique approach", "How you approach them. It is present only where it is set.", `["Start with one team"]`)),
			qualifyingQuestions(),
			primaryOffering(), linkingStrategy(),
			active(),
			readOnly(flag("unrecognized", false, "Unrecognized", "Whether the segment was not recognised.")),
			readOnly(flag("rejected", false, "Rejected", "Whether the segment was rejected.")),
		},
	}
}
