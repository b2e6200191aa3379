package kind

import "personae.dev/internal/entity"

// order is the order of keys in the answers of most kinds.
const order = "oId name internalName description createdAt deletedAt archivedAt updatedAt * data qualifyingQuestions"

// product is something that the company sells.
func product() *entity.Kind {
	return &entity.Kind{
		Position: 2, Name: "product", Plural: "products", Title: "product", Revision: "Product", Tool: "product", Prefix: "px_",
		Example: "demo-larkfield",
		Icon:    "package", Section: "product",
		Description: "Something that you sell: what it does, what is different about it, and whom it helps.",
		Order:       order, Shape: 1, Generates: true,
		AlsoLists: &entity.AlsoLists{Param: "type", On: []string{"SERVICE", "ALL"}, All: "ALL", Kind: "service"},
		Fields: []entity.Field{
			name("The product's name.", `"Larkfield Forecast"`),
			inData(internalName(`"Forecast"`)),
			description("What the product is, in a few sentences.", `"Shows every Monday which deals will slip, and why."`),
			primaryURL(),
			{
				Name: "type", Type: entity.TypeEnum, In: entity.InBoth, Enum: []string{"PRODUCT", "SERVICE"}, Default: `"PRODUCT"`, Filter: "type", FormOnly: true,
				Label: "Type", Description: "Whether it is a product, or a service that is kept as a product.", Example: `"PRODUCT"`,
			},
			text("summary", "Summary", "The product in a paragraph.", `"Reads calls and mails of open deals, and compares them with deals that closed."`),
			list("distinctCapabilities", "Distinct capabilities", "What it does that others do not.", `["Scores a deal from what buyers say, not from its CRM stage"]`),
			list("keyFeatures", "Key features", "The named parts by which it does that.", `["Slip alerts","Stakeholder map"]`),
			list("differentiatedValue", "Differentiated value", "What customers gain from the difference.", `["A forecast within five percent by week six"]`),
			list("statusQuo", "Status quo", "How customers manage without it.", `["A spreadsheet that managers overrule every Monday"]`),
			list("challengesAddressed", "Challenges addressed", "The problems that it solves.", `["Deals slip in the last two weeks of a quarter"]`),
			list("customerBenefits", "Customer benefits", "What gets better for customers.", `["Fewer surprises in board meetings"]`),
			customFields(),
			old(list("capabilities", "Capabilities", "What it does. It is present only where it is set.", `["Forecasting"]`)),
			qualifyingQuestions(),
			active(),
		},
	}
}

func primaryURL() entity.Field {
	return entity.Field{
		Name: "primaryUrl", In: entity.InTop, Null: true, Max: 2_000,
		Label: "URL", Description: "The web page that says most about it.", Example: `"https://larkfield.example/forecast"`,
	}
}

// text is a text in data.
func text(name, label, description, example string) entity.Field {
	return entity.Field{Name: name, Label: label, Description: description, Example: example}
}
