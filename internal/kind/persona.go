package kind

import "personae.dev/internal/entity"

// persona describes one kind of person whom a team sells to.
func persona() *entity.Kind {
	jobTitles := list("commonJobTitles", "Job titles", "Job titles that such people have.", `["Job Title 1","Job Title 2"]`)
	jobTitles.Tier = entity.TierTitle
	return &entity.Kind{
		Position: 1, Name: "persona", Plural: "personas", Title: "persona", Revision: "Persona", Tool: "persona", Prefix: "pe_",
		Description: "One kind of person whom a team sells to: what they do, what hurts them, and why you matter to them.",
		Order:       "oId name internalName description createdAt deletedAt archivedAt updatedAt unrecognized rejected active data qualifyingQuestions",
		Shape:       1, Generates: true,
		Fields: []entity.Field{
			name("The persona's name.", `"VP of Sales"`),
			inData(internalName(`"Sally the Sales Leader"`)),
			description("Who the persona is, in a few sentences.", `"Runs a sales team of ten to fifty people."`),
			list("primaryResponsibilities", "Responsibilities", "What the persona is responsible for.", `["Responsibility 1","Responsibility 2"]`),
			list("painPoints", "Pain points", "What hurts the persona.", `["Pain Point 1","Pain Point 2"]`),
			list("keyConcerns", "Concerns", "What the persona worries about.", `["Concern 1","Concern 2"]`),
			list("keyObjectives", "Objectives", "What the persona wants to reach.", `["Objective 1","Objective 2"]`),
			jobTitles,
			list("whyTheyMatterToUs", "Why they matter to us", "Why the persona matters to your company.", `["Reason 1","Reason 2"]`),
			list("whyWeMatterToThem", "Why we matter to them", "Why your company matters to the persona.", `["Reason 1","Reason 2"]`),
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
