package entity

// Kind is a kind of entity as a table. Everything that is done with entities of
// the kind follows from it: decoding, validation, encoding, links, search,
// OpenAPI schema, commands, tools and forms.
type Kind struct {
	// Position orders the kinds of a registry, from 1.
	Position int
	// Name is the singular in paths, commands and exports: "use-case".
	Name string
	// Plural is the key of the items of a generate request: "useCases". The old
	// plural paths follow from Name: "use-cases".
	Plural string
	// Title is the name for people: "use case".
	Title string
	// Revision is the name in revision/list: "UseCase"; Tool the one of MCP
	// tools: "use_case".
	Revision, Tool string
	// Prefix begins the ids that we make: "uu_".
	Prefix string
	// Description is one sentence for people who do not know the kind.
	Description string
	// Example is the id of an entity of the demo library that the API reference
	// shows: "demo-vp-of-sales".
	Example string
	// Icon is the name of its lucide icon in the console's icons.svg, "" for the one
	// that kinds without one share.
	Icon string
	// Section is the part of a qualification that its entities are about, "" for
	// none: "product", also of services and solutions.
	Section string

	// Order lists the keys of an answer. "*" stands for the top-level fields that
	// it does not name, in the order of Fields. What is joined when it is served
	// (user, workspace, Joins) stands last.
	Order string
	// Shape is raised whenever a change of the table changes stored documents.
	Shape int
	// Fields is the table. The order is that of data in answers.
	Fields []Field
	// Nest names objects that a request body may wrap its fields in, beside data
	// and data in data, which every kind allows: "solution".
	Nest []string
	// Ignored names request fields that are known and mean nothing to us.
	Ignored []string

	// Singleton is a kind of which a workspace has one entity.
	Singleton bool
	// AlsoLists lets a list of this kind show another one, too.
	AlsoLists *AlsoLists
	// Joins are link fields whose target is answered with the entity, under a
	// name: a playbook's product.
	Joins []Join
	// Generates says that the kind has a generate call.
	Generates bool
	// GeneratesOne says that the body of a generate call is one item, and that it
	// answers one entity under data, as that of a singleton does.
	GeneratesOne bool
	// Only is a field of TypeBool that is true in one entity of a workspace at most,
	// "" for none. The call toggle-FIELD sets it.
	Only string
	// Created is set where a create answers more than the entity under data.
	Created *Created

	newID func(prefix string) string // nil is account.NewID
}

// Created says what a create answers beside data: playbook/create answers the
// playbook, its personas and an empty list of templates.
type Created struct {
	As     string   // another key of the entity
	Linked []Join   // link fields, of one kind each, whose targets are answered as lists
	Empty  []string // keys of empty lists
}

// AlsoLists says that product/list?type=SERVICE or ALL shows services, too.
type AlsoLists struct {
	Param string   // the query parameter: "type"
	On    []string // its values that add the other kind
	All   string   // the value that drops the filter: "ALL"
	Kind  string   // the name of the other kind
}

// Join is an entity that is answered inside another one.
type Join struct {
	Field string // of type TypeLink
	As    string // the key in answers
}

// Field is one row of a kind's table.
type Field struct {
	// Name is the key in requests, and in answers at the place In says.
	Name string
	Type Type
	In   Place
	// DataName is the key under data where it is not Name: brand-voice's title.
	DataName string

	// Old marks a field of an older generation: it is answered only when set, and
	// [] or "" unsets it.
	Old bool
	// Null says that the field is answered as null when it is not set. All others
	// are answered as their type's empty value.
	Null bool
	// Default is the canonical JSON of the value that an entity without one has.
	// It is stored, and filtered by.
	Default string
	// Required must be given on create, and can never be emptied.
	Required bool
	// ReadOnly fields come with an import, and are ignored in requests: rejected.
	ReadOnly bool
	// FormOnly fields are ignored when the vendor's n8n node updates: it always
	// sends its default.
	FormOnly bool

	// Expected says that an audit misses the field where it is empty.
	Expected bool

	// Enum lists the values of TypeEnum.
	Enum []string
	// Keys are the keys of TypeLists; with Free there may be others, too.
	Keys []string
	Free bool
	// Targets are the names of the kinds that a link may name, in the order in
	// which an id is looked for.
	Targets []string
	// Filter is the list filter that the field answers: FilterOffering,
	// FilterPlaybook, or an enum's own parameter; "" for none.
	Filter string

	// Max is how many characters a text or an item may have, and MaxItems how
	// many items a list; 0 stands for the type's usual limit.
	Max, MaxItems int
	// Tier says how search finds words of the field.
	Tier Tier

	// Label and Description are for people; Example is JSON for the reference.
	Label, Description, Example string
}

// Type is the type of a field.
type Type int

// The types.
const (
	TypeText        Type = iota // a string
	TypeTexts                   // a list of strings
	TypeBool                    // true or false
	TypeEnum                    // one of Field.Enum
	TypeCustom                  // custom fields: [{title, value: [string]}]
	TypeLists                   // an object of lists of strings, by Field.Keys
	TypeTextOrTexts             // taken as string or list, answered as list
	TypeRaw                     // any JSON value
	TypeQuestions               // qualifying questions
	TypeLink                    // the id of one entity
	TypeLinks                   // ids of entities
	TypeStrategy                // linkingStrategy: {mode, offeringOIds}
)

// Place is where a field stands in answers.
type Place int

// The places.
const (
	InData Place = iota // under data
	InTop               // at the top level
	InBoth              // at the top level, and the same value under data
	Hidden              // nowhere: kept, and used for links
)

// Tier is how well a match in a field counts in search.
type Tier int

// The tiers. Whole names and titles also count as exact matches.
const (
	TierRest  Tier = iota // the last
	TierNone              // not searched
	TierTitle             // job titles
	TierName              // names
)

// The filters that link fields answer on every kind.
const (
	FilterOffering = "offeringOId"
	FilterPlaybook = "playbookOId"
)
