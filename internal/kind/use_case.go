package kind

import "personae.dev/internal/entity"

// useCase is something for which customers use an offering.
func useCase() *entity.Kind {
	scenarios := list("scenarios", "Scenarios", "Situations in which it comes up.", `["Monday forecast call"]`)
	outcomes := list("desiredOutcomes", "Desired outcomes", "What customers want to reach with it.", `["A number that holds until Friday"]`)
	scenarios.In, outcomes.In = entity.InBoth, entity.InBoth
	return &entity.Kind{
		Position: 6, Name: "use-case", Plural: "useCases", Title: "use case", Revision: "UseCase", Tool: "use_case", Prefix: "uu_",
		Example:     "demo-call-the-quarter",
		Icon:        "workflow",
		Description: "Something for which customers use an offering, and what they gain from it.",
		Order:       orderWithoutQuestions, Shape: 1, Generates: true,
		Fields: []entity.Field{
			name("The use case's name.", `"Weekly forecast call"`),
			internalName(`"Monday call"`),
			description("What the use case is, in a few sentences.", `"Going through the deals of the quarter once a week."`),
			primaryURL(),
			text("summary", "Summary", "The use case in a paragraph.", `"Managers see before the call which deals need a question."`),
			scenarios,
			outcomes,
			list("businessDrivers", "Business drivers", "Why it matters to the customer's business.", `["Missed guidance costs trust"]`),
			list("strategicImpact", "Strategic impact", "What it changes for the customer in the long run.", `["Finance and sales plan with one number"]`),
			customFields(),
			old(list("businessImpact", "Business impact", "What it changes for the customer. It is present only where it is set.", `["Calls take half the time"]`)),
			primaryOffering(), linkingStrategy(),
			active(),
		},
	}
}

// orderWithoutQuestions is order for kinds without qualifying questions.
const orderWithoutQuestions = "oId name internalName description createdAt deletedAt archivedAt updatedAt * data"
