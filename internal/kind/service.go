package kind

import "personae.dev/internal/entity"

// service is work that the company sells.
func service() *entity.Kind {
	return &entity.Kind{
		Position: 3, Name: "service", Plural: "services", Title: "service", Revision: "Service", Tool: "service", Prefix: "sc_",
		Example: "demo-forecast-onboarding",
		Icon:    "wrench", Section: "product",
		Description: "Work that you sell: what customers get, what your people can do, and what else customers might choose.",
		Order:       order, Shape: 1, Generates: true,
		Fields: []entity.Field{
			name("The service's name.", `"Forecast onboarding"`),
			internalName(`"Onboarding"`),
			description("What the service is, in a few sentences.", `"Six weeks with our forecasting coaches."`),
			primaryURL(),
			{
				Name: "type", Type: entity.TypeEnum, Enum: []string{"SERVICE"}, Default: `"SERVICE"`, FormOnly: true,
				Label: "Type", Description: "Always SERVICE, as lists of products may show services, too.", Example: `"SERVICE"`,
			},
			text("summary", "Summary", "The service in a paragraph.", `"We set up the scoring model, and coach managers through one quarter."`),
			list("deliverables", "Deliverables", "What customers get.", `["A scoring model for your own deals"]`),
			list("competencies", "Competencies", "What your people can do.", `["Ten years of revenue operations"]`),
			list("comparativeAdvantage", "Comparative advantage", "Why you do it better than others.", `["Coaches who have carried a number themselves"]`),
			list("likelyAlternative", "Likely alternatives", "What customers would choose instead.", `["A consulting firm"]`),
			list("challengesAddressed", "Challenges addressed", "The problems that it solves.", `["Managers do not trust the score at first"]`),
			list("customerBenefits", "Customer benefits", "What gets better for customers.", `["A first forecast in week two"]`),
			customFields(),
			qualifyingQuestions(),
			active(),
		},
	}
}
