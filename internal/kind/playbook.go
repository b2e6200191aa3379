package kind

import "personae.dev/internal/entity"

// playbook says how to sell an offering to some personas.
func playbook() *entity.Kind {
	title := name("The playbook's name.", `"Win back the forecast"`)
	title.Required, title.Null = false, true
	about := description("What the playbook is for, in a few sentences.", `"For companies that missed their number."`)
	about.Required = true
	product := offering("productOId", "Offering", "The id of the product, service or solution that it sells.")
	product.Required = true
	return &entity.Kind{
		Position: 14, Name: "playbook", Plural: "playbooks", Title: "playbook", Revision: "Playbook", Tool: "playbook", Prefix: "pb_",
		Example: "demo-playbook-slipped-quarter",
		Icon:    "book-open", Section: "playbook",
		Description: "How to sell an offering to certain personas: the insight, the angle and the story.",
		Order:       order, Shape: 1,
		Ignored: []string{"createTemplates", "model"},
		Joins:   []entity.Join{{Field: "productOId", As: "product"}},
		Created: &entity.Created{As: "playbook", Linked: []entity.Join{{Field: "personaOIds", As: "personas"}}, Empty: []string{"templates"}},
		Fields: []entity.Field{
			title,
			internalName(`"Win-back"`),
			about,
			{
				Name: "type", Type: entity.TypeEnum, In: entity.InTop, Default: `"LEGACY"`,
				Enum:  []string{"LEGACY", "SOLUTION", "ACCOUNT", "COMPETITIVE", "CUSTOM", "MILESTONE", "PRACTITIONER", "SECTOR"},
				Label: "Type", Description: "What the playbook is built around.", Example: `"MILESTONE"`,
			},
			setting("status", "active", "Status", "The state of the playbook, in a word of your own."),
			setting("referenceMode", "specific", "Reference mode", "How references are chosen for content."),
			setting("proofPointMode", "none", "Proof point mode", "How proof points are chosen for content."),
			flag("shared", false, "Shared", "Whether it is shared with other workspaces."),
			text("explanation", "Explanation", "Why the playbook works.", `"A miss is the one moment in which everyone agrees on the problem."`),
			{
				Name: "attributes", Type: entity.TypeLists, Free: true,
				Label: "Attributes", Description: "Titled lists that describe the companies it is for.", Example: `{"Stage":["Series B","Series C"]}`,
			},
			{
				Name: "keyInsight", Type: entity.TypeTextOrTexts, Required: true,
				Label: "Key insight", Description: "What the buyer does not see yet; a text or a list, answered as a list.", Example: `["Deals slip weeks before their stage changes"]`,
			},
			list("exampleDomains", "Example domains", "Domains of companies that it is for.", `["fernhill.example"]`),
			text("exampleDescription", "Example description", "What such companies have in common.", `"Software companies after a missed quarter."`),
			list("approachAngle", "Approach angle", "How to begin the conversation.", `["Ask how the last forecast was made"]`),
			list("strategicNarrative", "Strategic narrative", "The story, step by step.", `["The stage says commit; the buyer has gone silent"]`),
			customFields(),
			{
				Name: "methodology", Type: entity.TypeRaw, Null: true,
				Label: "Methodology", Description: "The stages of a sales methodology, in any shape.", Example: `[{"type":"CVI_WHY_CHANGE","data":{"coreNarrative":["Why now"]}}]`,
			},
			old(list("icpConcerns", "Concerns", "What the ideal customer worries about. It is present only where it is set.", `["A second miss"]`)),
			old(list("icpPriorities", "Priorities", "What the ideal customer wants to reach. It is present only where it is set.", `["A forecast that holds"]`)),
			old(list("statusQuo", "Status quo", "How customers manage now. It is present only where it is set.", `["A spreadsheet"]`)),
			old(list("differentiatedValue", "Differentiated value", "What customers gain. It is present only where it is set.", `["Fewer surprises"]`)),
			qualifyingQuestions(),
			product,
			links("personaOIds", "Personas", "persona", `["pe_1234"]`),
			links("useCaseOIds", "Use cases", "use-case", `["uu_1234"]`),
			links("referenceOIds", "References", "reference", `["re_1234"]`),
			links("proofPointOIds", "Proof points", "proof-point", `["pp_1234"]`),
			link("segmentOId", "Segment", "segment", `"sg_1234"`),
			link("competitorOId", "Competitor", "competitor", `"cp_1234"`),
			link("brandVoiceOId", "Brand voice", "brand-voice", `"bv_1234"`),
			sentOnly("context", "Context", "What a writer should know.", `"They went public last year."`),
			{
				Name: "additionalContextSources", Type: entity.TypeRaw, In: entity.Hidden, Null: true, Tier: entity.TierNone,
				Label: "Context sources", Description: "Texts and URLs with more context: a list of type and value.", Example: `[{"type":"URL","value":"https://fernhill.example"}]`,
			},
			active(),
		},
	}
}

// link is the id of one entity of another kind, which answers do not show.
func link(name, label, target, example string) entity.Field {
	return entity.Field{
		Name: name, Type: entity.TypeLink, In: entity.Hidden, Targets: []string{target},
		Label: label, Description: "The id of the " + target + " that it is linked to.", Example: example,
	}
}

// setting is a short text at the top that has a usual value.
func setting(name, usual, label, description string) entity.Field {
	return entity.Field{
		Name: name, In: entity.InTop, Default: `"` + usual + `"`, Max: 255, Tier: entity.TierNone,
		Label: label, Description: description, Example: `"` + usual + `"`,
	}
}
