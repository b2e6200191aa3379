package kind

import "personae.dev/internal/entity"

// workspaceCompany is the company to which a workspace belongs.
func workspaceCompany() *entity.Kind {
	market := customFields()
	market.Name, market.Label, market.Description = "customMarketFields", "Custom market fields", "Titled lists of your own about the market."
	return &entity.Kind{
		Position: 16, Name: "workspace-company", Plural: "workspaceCompanies", Title: "workspace company", Revision: "WorkspaceCompany", Tool: "workspace_company", Prefix: "wc_",
		Icon:        "building-2",
		Description: "Your own company: why it exists, whom it helps, and why customers buy.",
		Order:       "oId createdAt deletedAt archivedAt updatedAt description name url internalName * data", Shape: 1,
		Singleton: true, Generates: true, GeneratesOne: true,
		Fields: []entity.Field{
			name("The company's name.", `"Larkfield"`),
			internalName(`"Larkfield GmbH"`),
			description("What the company does, in a few sentences.", `"Larkfield tells sales teams which deals will slip."`),
			{
				Name: "url", In: entity.InTop, Null: true, Max: 2_000,
				Label: "URL", Description: "The company's web site.", Example: `"https://larkfield.example"`,
			},
			list("whyWeExist", "Why we exist", "What the company is there for.", `["Nobody should be surprised by their own quarter"]`),
			list("howWePositionOurselves", "How we position ourselves", "How it presents itself in the market.", `["The forecast that listens to buyers"]`),
			list("whoWeHelp", "Who we help", "Whom it sells to.", `["Sales teams of ten to three hundred"]`),
			list("whatMakesUsUnique", "What makes us unique", "What others do not have.", `["Ten years of labelled deals"]`),
			list("businessModel", "Business model", "How it earns money.", `["Yearly subscription per seat"]`),
			list("marketDynamics", "Market dynamics", "What happens in its market.", `["CRM vendors add forecasting modules"]`),
			list("whyCustomersBuy", "Why customers buy", "What makes customers decide.", `["A missed quarter"]`),
			list("whyCustomersCare", "Why customers care", "What matters to customers.", `["Trust of the board"]`),
			customFields(),
			market,
			old(list("operatingEnvironment", "Operating environment", "The conditions under which it works. It is present only where it is set.", `["Europe"]`)),
			old(list("uniqueCharacteristics", "Unique characteristics", "What others do not have. It is present only where it is set.", `["Labelled deals"]`)),
			old(list("marketSummary", "Market summary", "The market in a few sentences. It is present only where it is set.", `["Revenue intelligence"]`)),
			old(list("customersWeServe", "Customers we serve", "Whom it sells to. It is present only where it is set.", `["B2B software companies"]`)),
		},
	}
}
