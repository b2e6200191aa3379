package kind

import "personae.dev/internal/entity"

// buyingTrigger is an event that makes companies buy.
func buyingTrigger() *entity.Kind {
	return &entity.Kind{
		Position: 9, Name: "buying-trigger", Plural: "buyingTriggers", Title: "buying trigger", Revision: "BuyingTrigger", Tool: "buying_trigger", Prefix: "bq_",
		Example:     "demo-missed-quarter",
		Icon:        "zap",
		Description: "An event that makes companies look for what you sell.",
		Order:       orderWithoutQuestions, Shape: 1, Generates: true,
		Fields: []entity.Field{
			name("The buying trigger's name.", `"A missed quarter"`),
			internalName(`"Miss"`),
			description("What happens, in a few sentences.", `"A company misses its number, and nobody saw it coming."`),
			list("whyThisCreatesUrgency", "Why it creates urgency", "Why companies act now.", `["The board asks for a plan within a month"]`),
			list("whoFeelsThisMost", "Who feels it most", "Whom it hurts.", `["The VP of Sales"]`),
			list("howWeHelpInThisMoment", "How we help", "What you can do in this moment.", `["A review of the last quarter in a week"]`),
			list("whatsTheCostOfInaction", "Cost of inaction", "What it costs to do nothing.", `["A second miss costs the job"]`),
			customFields(),
			old(list("costOfInaction", "Cost of inaction (other name)", "What it costs to do nothing, as some clients send it. It is present only where it is set.", `["A second miss"]`)),
			primaryOffering(), linkingStrategy(),
			active(),
		},
	}
}
