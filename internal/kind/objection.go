package kind

import "personae.dev/internal/entity"

// objection is something that buyers say against an offering.
func objection() *entity.Kind {
	return &entity.Kind{
		Position: 10, Name: "objection", Plural: "objections", Title: "objection", Revision: "Objection", Tool: "objection", Prefix: "oj_",
		Example:     "demo-objection-another-tool",
		Icon:        "message-circle-warning",
		Description: "Something that buyers say against an offering, and how to answer it.",
		Order:       orderWithoutQuestions, Shape: 1, Generates: true,
		Fields: []entity.Field{
			name("The objection, as buyers say it.", `"My reps will not use another tool"`),
			internalName(`"Adoption"`),
			description("What is meant, in a few sentences.", `"The buyer has seen tools that were opened once."`),
			list("underlyingConcern", "Underlying concern", "What is behind it.", `["Money spent on licences that nobody uses"]`),
			list("assumptionsAndMisconceptions", "Assumptions and misconceptions", "What buyers believe that is not so.", `["Reps have to enter data"]`),
			list("areasToProbeAndClarify", "Areas to probe", "What to ask back.", `["Which tool was it, and who had to use it?"]`),
			list("reframeAndResponse", "Reframe and response", "How to answer.", `["Reps change nothing: it reads what is there"]`),
			customFields(),
			primaryOffering(), linkingStrategy(),
			active(),
		},
	}
}
