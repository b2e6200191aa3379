package kind

import "personae.dev/internal/entity"

// persona describes one kind of person whom a team sells to.
func persona() *entity.Kind {
	jobTitles := list("commonJobTitles", "Job titles", "Job titles that such people have.", `["VP of Sales","Head of Sales"]`)
	jobTitles.Tier = entity.TierTitle
	return &entity.Kind{
		Position: 1, Name: "persona", Plural: "personas", Title: "persona", Revision: "Persona", Tool: "persona", Prefix: "pe_",
		Example: "demo-vp-of-sales",
		Icon:    "users", Section: "persona",
		Description: "One kind of person whom a team sells to: what they do, what hurts them, and why you matter to them.",
		Order:       "oId name internalName description createdAt deletedAt archivedAt updatedAt unrecognized rejected active data qualifyingQuestions",
		Shape:       1, Generates: true,
		Fields: []entity.Field{
			name("The persona's name.", `"VP of Sales"`),
			inData(internalName(`"Sally the Sales Leader"`)),
			description("Who the persona is, in a few sentences.", `"Carries the new-business number of a B2B company of 100 to 1,000 people."`),
			expected(list("primaryResponsibilities", "Responsibilities", "What the persona is responsible for.", `["Own the new-business bookings target","Run the weekly forecast call"]`)),
			expected(list("painPoints", "Pain points", "What hurts the persona.", `["Deals marked as commit slide to the next quarter","New reps take seven months to close anything"]`)),
			list("keyConcerns", "Concerns", "What the persona worries about.", `["Yet another tool that reps open once and then ignore"]`),
			expected(list("keyObjectives", "Objectives", "What the persona wants to reach.", `["Call the quarter within five percent by week six"]`)),
			jobTitles,
			list("whyTheyMatterToUs", "Why they matter to us", "Why the persona matters to your company.", `["Signs or sponsors most contracts"]`),
			list("whyWeMatterToThem", "Why we matter to them", "Why your company matters to the persona.", `["Shows every Monday which deals will slip"]`),
			customFields(),
			old(list("buyingRole", "Buying role", "The persona's roles in a purchase. It is present only where it is set.", `["Decision maker"]`)),
			qualifyingQuestions(),
			primaryOffering(), linkingStrategy(), playbooks(),
			active(),
			readOnly(flag("unrecognized", false, "Unrecognized", "Whether the persona was not recognised.")),
			readOnly(flag("rejected", false, "Rejected", "Whether the persona was rejected.")),
		},
	}
}
