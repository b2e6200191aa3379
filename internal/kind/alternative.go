package kind

import "personae.dev/internal/entity"

// alternative is another way to solve the customer's problem.
func alternative() *entity.Kind {
	return &entity.Kind{
		Position: 8, Name: "alternative", Plural: "alternatives", Title: "alternative", Revision: "Alternative", Tool: "alternative", Prefix: "ao_",
		Example:     "demo-forecast-spreadsheet",
		Icon:        "shuffle",
		Description: "Another way to solve the customer's problem, such as a spreadsheet or doing nothing.",
		Order:       orderWithoutQuestions, Shape: 1, Generates: true,
		Fields: []entity.Field{
			name("The alternative's name.", `"The forecast spreadsheet"`),
			internalName(`"Spreadsheet"`),
			description("What the alternative is, in a few sentences.", `"Managers collect numbers in a shared sheet every Friday."`),
			list("whereItWorks", "Where it works", "When this approach is good enough.", `["Up to five reps"]`),
			list("whereItBreaks", "Where it breaks", "When it stops working.", `["More than one manager edits it"]`),
			list("whoChampionsThisApproach", "Who champions it", "Who speaks for this approach.", `["The finance team"]`),
			list("whyOurApproachIsSuperior", "Why ours is better", "Why your approach is better.", `["Nobody has to type in numbers"]`),
			list("perceivedBenefits", "Perceived benefits", "What people like about it.", `["Everyone knows how it works"]`),
			list("hiddenCostsAndPitfalls", "Hidden costs", "What it costs that people do not see.", `["Half a day a week for each manager"]`),
			customFields(),
			primaryOffering(), linkingStrategy(),
			active(),
		},
	}
}
