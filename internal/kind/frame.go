package kind

import "personae.dev/internal/entity"

// The fields and values that many kinds share.

// offerings are the kinds that an offering may be.
func offerings() []string { return []string{"product", "service", "solution"} }

func name(description, example string) entity.Field {
	return entity.Field{
		Name: "name", In: entity.InTop, Required: true, Max: 255, Tier: entity.TierName,
		Label: "Name", Description: description, Example: example,
	}
}

// internalName is shown at the top alone; inData shows it under data, too.
func internalName(example string) entity.Field {
	return entity.Field{
		Name: "internalName", In: entity.InTop, Null: true, Max: 255, Tier: entity.TierName,
		Label: "Internal name", Description: "The name that your own team uses.", Example: example,
	}
}

func inData(f entity.Field) entity.Field {
	f.In = entity.InBoth
	return f
}

func description(what, example string) entity.Field {
	return entity.Field{
		Name: "description", In: entity.InTop, Null: true,
		Label: "Description", Description: what, Example: example,
	}
}

// list is a list of texts in data.
func list(name, label, description, example string) entity.Field {
	return entity.Field{Name: name, Type: entity.TypeTexts, Label: label, Description: description, Example: example}
}

// old marks a field of an older generation.
func old(f entity.Field) entity.Field {
	f.Old = true
	return f
}

func customFields() entity.Field {
	return entity.Field{
		Name: "customFields", Type: entity.TypeCustom, Label: "Custom fields", Description: "Titled lists of your own.",
		Example: `[{"title":"Favourite events","value":["Annual sales kick-off"]}]`,
	}
}

func qualifyingQuestions() entity.Field {
	return entity.Field{
		Name: "qualifyingQuestions", Type: entity.TypeQuestions, In: entity.InTop, Null: true,
		Label: "Qualifying questions", Description: "Yes/no questions that tell a good fit from a bad one.",
		Example: `[{"question":"Do they lead a team of at least five sellers?","rationale":"Smaller teams do not need forecasting.","fitType":"GOOD","weight":"MEDIUM"}]`,
	}
}

func primaryOffering() entity.Field {
	return entity.Field{
		Name: "primaryOfferingOId", Type: entity.TypeLink, In: entity.Hidden, Targets: offerings(), Filter: entity.FilterOffering,
		Label: "Primary offering", Description: "The id of the product, service or solution that it belongs to first.", Example: `"px_1234"`,
	}
}

func linkingStrategy() entity.Field {
	return entity.Field{
		Name: "linkingStrategy", Type: entity.TypeStrategy, In: entity.Hidden, Targets: offerings(), Filter: entity.FilterOffering,
		Label: "Linked offerings", Description: "The offerings that it is linked to: all of the workspace, or those that are named.", Example: `{"mode":"ALL"}`,
	}
}

// links is a list of ids of another kind, which answers do not show.
func links(name, label, target, example string) entity.Field {
	return entity.Field{
		Name: name, Type: entity.TypeLinks, In: entity.Hidden, Targets: []string{target},
		Label: label, Description: "The ids of each " + target + " that it is linked to.", Example: example,
	}
}

func playbooks() entity.Field {
	f := links("playbookOIds", "Playbooks", "playbook", `["pb_1234"]`)
	f.Filter = entity.FilterPlaybook
	f.Description = "The ids of the playbooks that use it."
	return f
}

// flag is a field that is true or false.
func flag(name string, value bool, label, description string) entity.Field {
	f := entity.Field{Name: name, Type: entity.TypeBool, In: entity.InTop, Default: "false", Label: label, Description: description, Example: "false"}
	if value {
		f.Default, f.Example = "true", "true"
	}
	return f
}

func active() entity.Field {
	return flag("active", true, "Active", "Whether it can be used.")
}

// expected is a field whose kind says little without it.
func expected(f entity.Field) entity.Field {
	f.Expected = true
	return f
}

func readOnly(f entity.Field) entity.Field {
	f.ReadOnly = true
	return f
}
