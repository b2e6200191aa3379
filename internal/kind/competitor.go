package kind

import "personae.dev/internal/entity"

// competitor is a company that customers consider, too.
func competitor() *entity.Kind {
	return &entity.Kind{
		Position: 7, Name: "competitor", Plural: "competitors", Title: "competitor", Revision: "Competitor", Tool: "competitor", Prefix: "cp_",
		Example:     "demo-quarterdeck",
		Icon:        "swords",
		Description: "A company that your customers also consider: how it sells, and why you win or lose against it.",
		Order:       orderWithoutQuestions, Shape: 1, Generates: true, Ignored: []string{"shared"},
		Fields: []entity.Field{
			name("The competitor's name.", `"Northcast"`),
			internalName(`"NC"`),
			description("Who the competitor is, in a few sentences.", `"The forecasting module of a large CRM."`),
			list("howTheyPosition", "How they position", "What they say about themselves.", `["The forecast is already in your CRM"]`),
			list("ourKeyDifferentiators", "Our key differentiators", "What you have that they do not.", `["We read what buyers say"]`),
			list("competitorStrengths", "Their strengths", "Where they are better.", `["Nothing to install"]`),
			list("competitorWeaknesses", "Their weaknesses", "Where they are worse.", `["The score follows the CRM stage"]`),
			list("reasonsWeWin", "Reasons we win", "Why customers choose you.", `["A pilot on last quarter's deals"]`),
			list("reasonsWeLose", "Reasons we lose", "Why customers choose them.", `["It costs nothing extra"]`),
			customFields(),
			old(list("businessModel", "Business model", "How they earn money. It is present only where it is set.", `["Part of a CRM licence"]`)),
			old(list("comparativeStrengths", "Comparative strengths", "Where they are better. It is present only where it is set.", `["Reach"]`)),
			old(list("comparativeWeaknesses", "Comparative weaknesses", "Where they are worse. It is present only where it is set.", `["Accuracy"]`)),
			old(list("keyDifferentiators", "Key differentiators", "What is different between you. It is present only where it is set.", `["Conversation data"]`)),
			old(list("customersWeWon", "Customers we won", "Customers who chose you over them. It is present only where it is set.", `["Fernhill"]`)),
			old(list("customersWeSwitched", "Customers we switched", "Customers who left them for you. It is present only where it is set.", `["Oakmere"]`)),
			primaryOffering(), linkingStrategy(),
			active(),
		},
	}
}
