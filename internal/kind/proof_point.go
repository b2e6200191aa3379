package kind

import "personae.dev/internal/entity"

// proofPoint is a fact that supports what the company says.
func proofPoint() *entity.Kind {
	return &entity.Kind{
		Position: 11, Name: "proof-point", Plural: "proofPoints", Title: "proof point", Revision: "ProofPoint", Tool: "proof_point", Prefix: "pp_",
		Example:     "demo-proof-forecast-error",
		Icon:        "badge-check",
		Description: "A fact that supports what you say: a number, a quote, an award.",
		Order:       orderWithoutQuestions, Shape: 1, Generates: true, Ignored: []string{"shared"},
		Fields: []entity.Field{
			name("The proof point in a few words.", `"Within four percent in 21 of 24 quarters"`),
			internalName(`"Accuracy"`),
			description("What was found or said, in a few sentences.", `"Forecast in week six against the result, over six customers."`),
			{
				Name: "type", Type: entity.TypeEnum, Enum: []string{"award", "fact", "other", "quote", "recognition", "stat"}, Required: true, FormOnly: true,
				Label: "Type", Description: "What kind of proof it is.", Example: `"stat"`,
			},
			list("theProof", "The proof", "The fact itself.", `["21 of 24 forecasts were within four percent"]`),
			list("whatItSupports", "What it supports", "Which statement it supports.", `["Call the quarter by week six"]`),
			list("howWeTalkAboutThis", "How we talk about it", "How to bring it up.", `["Ask how far off their last forecast was"]`),
			list("whyItMatters", "Why it matters", "Why buyers care.", `["Guidance that holds builds trust"]`),
			customFields(),
			old(list("whyThisMatters", "Why this matters", "Why buyers care. It is present only where it is set.", `["Trust"]`)),
			primaryOffering(), linkingStrategy(),
			active(),
		},
	}
}
