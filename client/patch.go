package client

import (
	"encoding/json"

	"personae.dev/apitype"
)

// NewPersona is what CreatePersona sends. Only Name is needed; the zero value of
// a field is the same as to leave it out.
type NewPersona struct {
	Name                    string                       `json:"name"`
	InternalName            *string                      `json:"internalName,omitempty"`
	Description             *string                      `json:"description,omitempty"`
	PrimaryResponsibilities []string                     `json:"primaryResponsibilities,omitempty"`
	PainPoints              []string                     `json:"painPoints,omitempty"`
	KeyConcerns             []string                     `json:"keyConcerns,omitempty"`
	KeyObjectives           []string                     `json:"keyObjectives,omitempty"`
	CommonJobTitles         []string                     `json:"commonJobTitles,omitempty"`
	WhyTheyMatterToUs       []string                     `json:"whyTheyMatterToUs,omitempty"`
	WhyWeMatterToThem       []string                     `json:"whyWeMatterToThem,omitempty"`
	CustomFields            []apitype.CustomField        `json:"customFields,omitempty"`
	BuyingRole              []string                     `json:"buyingRole,omitempty"`
	QualifyingQuestions     []apitype.QualifyingQuestion `json:"qualifyingQuestions,omitempty"`
	PrimaryOfferingOID      *string                      `json:"primaryOfferingOId,omitempty"`
	LinkingStrategy         *apitype.LinkingStrategy     `json:"linkingStrategy,omitempty"`
	PlaybookOIDs            []string                     `json:"playbookOIds,omitempty"`
	// Active is true where it is nil.
	Active *bool `json:"active,omitempty"`
}

// PersonaPatch is what UpdatePersona changes. A field that is left zero stays as
// it is; Set gives it a value, the empty text and the empty list too; Clear
// takes its value away:
//
//	client.PersonaPatch{
//		Description: client.Set("Signs the contract."),
//		PainPoints:  client.Clear[[]string](),
//	}
type PersonaPatch struct {
	Name                    Field[string]                       `json:"name,omitzero"`
	InternalName            Field[string]                       `json:"internalName,omitzero"`
	Description             Field[string]                       `json:"description,omitzero"`
	PrimaryResponsibilities Field[[]string]                     `json:"primaryResponsibilities,omitzero"`
	PainPoints              Field[[]string]                     `json:"painPoints,omitzero"`
	KeyConcerns             Field[[]string]                     `json:"keyConcerns,omitzero"`
	KeyObjectives           Field[[]string]                     `json:"keyObjectives,omitzero"`
	CommonJobTitles         Field[[]string]                     `json:"commonJobTitles,omitzero"`
	WhyTheyMatterToUs       Field[[]string]                     `json:"whyTheyMatterToUs,omitzero"`
	WhyWeMatterToThem       Field[[]string]                     `json:"whyWeMatterToThem,omitzero"`
	CustomFields            Field[[]apitype.CustomField]        `json:"customFields,omitzero"`
	BuyingRole              Field[[]string]                     `json:"buyingRole,omitzero"`
	QualifyingQuestions     Field[[]apitype.QualifyingQuestion] `json:"qualifyingQuestions,omitzero"`
	PrimaryOfferingOID      Field[string]                       `json:"primaryOfferingOId,omitzero"`
	LinkingStrategy         Field[apitype.LinkingStrategy]      `json:"linkingStrategy,omitzero"`
	PlaybookOIDs            Field[[]string]                     `json:"playbookOIds,omitzero"`
	Active                  Field[bool]                         `json:"active,omitzero"`
}

// QuestionPatch is what UpdateQuestion changes of one qualifying question.
// Fields that are left zero stay.
type QuestionPatch struct {
	Question  Field[string] `json:"question,omitzero"`
	Rationale Field[string] `json:"rationale,omitzero"`
	FitType   Field[string] `json:"fitType,omitzero"`
	Weight    Field[string] `json:"weight,omitzero"`
}

// Field is one field of a patch, made by Set or Clear. The zero Field leaves
// the field of the persona alone.
type Field[T any] struct {
	given bool
	value *T // nil to clear
}

// Set gives a field a value.
func Set[T any](value T) Field[T] { return Field[T]{given: true, value: &value} }

// Clear takes the value of a field away.
func Clear[T any]() Field[T] { return Field[T]{given: true} }

// MarshalJSON implements json.Marshaler. What is not given is null here, and
// left out where the field has the option omitzero.
func (f Field[T]) MarshalJSON() ([]byte, error) { return json.Marshal(f.value) }

// UnmarshalJSON implements json.Unmarshaler: null clears, and what is absent
// stays not given.
func (f *Field[T]) UnmarshalJSON(b []byte) error {
	f.given = true
	return json.Unmarshal(b, &f.value)
}
