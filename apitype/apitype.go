// Package apitype holds the wire types of the persona contract, v2: what a
// server answers and what a client sends, field for field and in the published
// order. It is public, and depends on the standard library only.
//
// It is not the domain: it knows no rules, and nothing here validates. The
// contract itself is contract/openapi.yaml.
package apitype

// Metadata stands first in every answer, errors too, under the key "_metadata".
type Metadata struct {
	// Usage is the number of credits that the call used. Personae bills
	// nothing: it is always 0.
	Usage float64 `json:"usage"`
	// RequestID identifies the request in the server's log.
	RequestID string `json:"requestId"`
	// Message is a text for a person: "OK", or what went wrong and what to do.
	Message string `json:"message"`
	// Timestamp is when the answer was made.
	Timestamp Time `json:"timestamp"`
}

// Persona is one persona as the API answers it. Every field is always present;
// pointers are null where there is no value.
type Persona struct {
	OID          string  `json:"oId"`
	Name         *string `json:"name"`
	InternalName *string `json:"internalName"`
	Description  *string `json:"description"`
	CreatedAt    *Time   `json:"createdAt"`
	// DeletedAt is set on a soft-deleted persona.
	DeletedAt *Time `json:"deletedAt"`
	// ArchivedAt is set on an archived persona.
	ArchivedAt *Time `json:"archivedAt"`
	UpdatedAt  *Time `json:"updatedAt"`
	// Unrecognized tells that the persona was not recognised.
	Unrecognized *bool `json:"unrecognized"`
	// Rejected tells that the persona was rejected.
	Rejected *bool `json:"rejected"`
	// Active tells that the persona can be used.
	Active bool        `json:"active"`
	Data   PersonaData `json:"data"`
	// QualifyingQuestions is null where there are none.
	QualifyingQuestions []QualifyingQuestion `json:"qualifyingQuestions"`
	// User is the author.
	User User `json:"user"`
	// Workspace is the owner.
	Workspace WorkspaceRef `json:"workspace"`
}

// PersonaData is what a persona says. Lists are never null: an empty one is [].
type PersonaData struct {
	// InternalName repeats Persona.InternalName; "" where that is null, as the
	// published type here is a plain string.
	InternalName            string        `json:"internalName"`
	PrimaryResponsibilities []string      `json:"primaryResponsibilities"`
	PainPoints              []string      `json:"painPoints"`
	KeyConcerns             []string      `json:"keyConcerns"`
	KeyObjectives           []string      `json:"keyObjectives"`
	CommonJobTitles         []string      `json:"commonJobTitles"`
	WhyTheyMatterToUs       []string      `json:"whyTheyMatterToUs"`
	WhyWeMatterToThem       []string      `json:"whyWeMatterToThem"`
	CustomFields            []CustomField `json:"customFields"`
	// BuyingRole is present only when set.
	BuyingRole []string `json:"buyingRole,omitempty"`
}

// CustomField is a titled list of the workspace's own.
type CustomField struct {
	Title string   `json:"title"`
	Value []string `json:"value"`
}

// QualifyingQuestion is a yes/no question that tells a good fit from a bad one.
type QualifyingQuestion struct {
	// OID is the question's own id. An answer has it only where it was asked
	// for, as the published shape has none.
	OID       string `json:"oId,omitempty"`
	Question  string `json:"question"`
	Rationale string `json:"rationale"`
	// FitType is GOOD (a good fit answers yes) or BAD (a bad fit answers yes).
	FitType string `json:"fitType"`
	// Weight is LOW, MEDIUM, HIGH or INSTANT_DISQUALIFIER.
	Weight string `json:"weight"`
	// ArchivedAt is set on a question that is kept, and not asked.
	ArchivedAt *Time `json:"archivedAt"`
}

// User is the author of a persona.
type User struct {
	OID       string `json:"oId"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
}

// WorkspaceRef names a workspace.
type WorkspaceRef struct {
	OID string `json:"oId"`
}

// GetPersonaResponse answers GET /api/v2/persona/get: the persona's fields,
// flat beside "_metadata".
type GetPersonaResponse struct {
	Metadata Metadata `json:"_metadata"`
	Persona
}

// ValidateKeyResponse answers GET /api/v2/api-key/validate.
type ValidateKeyResponse struct {
	Metadata Metadata `json:"_metadata"`
	// Status is "ok".
	Status string `json:"status"`
	// Valid is true: a key that is not valid is answered with 401.
	Valid              bool    `json:"valid"`
	Credits            Credits `json:"credits"`
	WorkspaceOID       string  `json:"workspaceOId"`
	WorkspaceName      string  `json:"workspaceName"`
	WorkspaceDomain    *string `json:"workspaceDomain"`
	OrganizationOID    string  `json:"organizationOId"`
	OrganizationName   string  `json:"organizationName"`
	OrganizationDomain *string `json:"organizationDomain"`
	OrganizationSlug   string  `json:"organizationSlug"`
	// MCPURL is null: this server has no MCP endpoint.
	MCPURL *string `json:"mcpUrl"`
}

// Credits is the quota of a key. Personae bills nothing, so nothing is ever
// used and what remains cannot run out.
type Credits struct {
	TotalUsed      int64 `json:"totalUsed"`
	TotalRemaining int64 `json:"totalRemaining"`
	TotalMax       int64 `json:"totalMax"`
	QuotaUsed      int64 `json:"quotaUsed"`
	QuotaAvailable int64 `json:"quotaAvailable"`
	QuotaMax       int64 `json:"quotaMax"`
	// Period is "unlimited".
	Period           string `json:"period"`
	CreditsUsed      int64  `json:"creditsUsed"`
	CreditsAvailable int64  `json:"creditsAvailable"`
}

// ErrorResponse is the body of every answer that is not 2xx or 304. Clients of
// the published API read Message first, then Metadata.Message: they are equal.
type ErrorResponse struct {
	Metadata Metadata `json:"_metadata"`
	Message  string   `json:"message"`
	Error    Error    `json:"error"`
}

// Error says what is wrong in a form that a program can read.
type Error struct {
	// Code is stable, lower case, with underscores: "persona_not_found".
	Code string `json:"code"`
	// Fields lists every fault of the request, [] where no field is at fault.
	Fields []FieldError `json:"fields"`
}

// FieldError is one fault of a request.
type FieldError struct {
	// Field is the path of the fault: "customFields[2].value[0]", or the name
	// of a query parameter or header.
	Field   string `json:"field"`
	Message string `json:"message"`
}

// PersonaRecord is one line of an import or export file: the body of
// persona/create, and optionally what the library keeps beside it. Absent and
// null mean the same.
type PersonaRecord struct {
	OID                     string               `json:"oId,omitempty"`
	Name                    string               `json:"name"`
	InternalName            *string              `json:"internalName,omitempty"`
	Description             *string              `json:"description,omitempty"`
	PrimaryResponsibilities []string             `json:"primaryResponsibilities,omitempty"`
	PainPoints              []string             `json:"painPoints,omitempty"`
	KeyConcerns             []string             `json:"keyConcerns,omitempty"`
	KeyObjectives           []string             `json:"keyObjectives,omitempty"`
	CommonJobTitles         []string             `json:"commonJobTitles,omitempty"`
	WhyTheyMatterToUs       []string             `json:"whyTheyMatterToUs,omitempty"`
	WhyWeMatterToThem       []string             `json:"whyWeMatterToThem,omitempty"`
	CustomFields            []CustomField        `json:"customFields,omitempty"`
	BuyingRole              []string             `json:"buyingRole,omitempty"`
	QualifyingQuestions     []QualifyingQuestion `json:"qualifyingQuestions,omitempty"`
	PrimaryOfferingOID      *string              `json:"primaryOfferingOId,omitempty"`
	LinkingStrategy         *LinkingStrategy     `json:"linkingStrategy,omitempty"`
	PlaybookOIDs            []string             `json:"playbookOIds,omitempty"`
	// Active is absent when true.
	Active *bool `json:"active,omitempty"`
	// Unrecognized and Rejected are absent when false.
	Unrecognized bool  `json:"unrecognized,omitempty"`
	Rejected     bool  `json:"rejected,omitempty"`
	CreatedAt    *Time `json:"createdAt,omitempty"`
	UpdatedAt    *Time `json:"updatedAt,omitempty"`
	ArchivedAt   *Time `json:"archivedAt,omitempty"`
	DeletedAt    *Time `json:"deletedAt,omitempty"`
}
