// Package apitype holds the wire types of the API, v2: what a server answers and
// what a client sends, field for field and in the published order. It depends on
// the standard library only.
//
// What all kinds of entities share is written by hand. The types of each kind,
// such as Persona, PersonaData and PersonaInput, are generated from the same
// tables as the server (kinds_gen.go).
//
// The types hold data and no rules: nothing here validates. The contract itself
// is contract/openapi.yaml.
package apitype

import "encoding/json"

// Metadata stands first in every answer, errors too, under the key "_metadata".
type Metadata struct {
	// Usage is the number of credits that the call used. Personae bills nothing:
	// it is always 0.
	Usage float64 `json:"usage"`
	// RequestID identifies the request in the server's log.
	RequestID string `json:"requestId"`
	// Message is a text for a person: "OK", a warning, or what went wrong and what
	// to do.
	Message string `json:"message"`
	// Timestamp is when the answer was made.
	Timestamp Time `json:"timestamp"`
}

// CustomField is a titled list that a team has added to an entity.
type CustomField struct {
	Title string   `json:"title"`
	Value []string `json:"value"`
}

// QualifyingQuestion is a yes/no question that tells a good fit from a bad one.
type QualifyingQuestion struct {
	// OID is the question's own id. An answer has it only where it was asked for,
	// as the published shape has none.
	OID       string `json:"oId,omitempty"`
	Question  string `json:"question"`
	Rationale string `json:"rationale"`
	// FitType is GOOD (a good fit answers yes) or BAD (a bad fit answers yes).
	FitType string `json:"fitType"`
	// Weight is LOW, MEDIUM, HIGH or INSTANT_DISQUALIFIER.
	Weight string `json:"weight"`
	// ArchivedAt is set on a question that is kept, but not asked.
	ArchivedAt *Time `json:"archivedAt"`
}

// QuestionInput is what a change of one qualifying question sends. What is left
// zero stays as it is.
type QuestionInput struct {
	Question  string  `json:"question,omitzero"`
	Rationale *string `json:"rationale,omitzero"`
	FitType   string  `json:"fitType,omitzero"`
	Weight    string  `json:"weight,omitzero"`
}

// LinkingStrategy says which offerings of the workspace an entity is linked to:
// {"mode":"ALL"}, or {"mode":"SPECIFIC","offeringOIds":["…"]}.
type LinkingStrategy struct {
	Mode         string   `json:"mode"`
	OfferingOIDs []string `json:"offeringOIds,omitempty"`
}

// User is the author of an entity.
type User struct {
	OID       string `json:"oId"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
}

// WorkspaceRef names the workspace that owns an entity.
type WorkspaceRef struct {
	OID string `json:"oId"`
}

// List answers a list call: one page of it.
type List[T any] struct {
	Metadata Metadata `json:"_metadata"`
	// HasNext tells whether something follows this page.
	HasNext bool `json:"hasNext"`
	// Total is how many entities the whole list has.
	Total int `json:"total"`
	Data  []T `json:"data"`
	// NextCursor is present where the request had a cursor; null after the last
	// page.
	NextCursor *string `json:"nextCursor,omitempty"`
}

// Hit is an entity that a search over all kinds found.
type Hit struct {
	// Kind is the name of the kind: "use-case".
	Kind string `json:"kind"`
	OID  string `json:"oId"`
	Name string `json:"name"`
	// Snippet is a part of the text in which the words occur, on one line, with the
	// words as **word**.
	Snippet string `json:"snippet"`
}

// Relinked is an entity after its links were changed.
type Relinked struct {
	// Kind is the name of the kind: "use-case".
	Kind      string `json:"kind"`
	OID       string `json:"oId"`
	Name      string `json:"name"`
	UpdatedAt Time   `json:"updatedAt"`
	// Changed tells whether anything differs from before.
	Changed bool `json:"changed"`
}

// AgentRow is an agent in a list.
type AgentRow struct {
	OID         string `json:"oId"`
	Name        string `json:"name"`
	Description string `json:"description"`
	CreatedAt   Time   `json:"createdAt"`
	UpdatedAt   Time   `json:"updatedAt"`
	Type        string `json:"type"`
	CostToRun   int    `json:"costToRun"` // nothing is billed
	// ItemType is "agent".
	ItemType string `json:"itemType"`
}

// Agent is an agent with its configuration.
type Agent struct {
	OID         string `json:"oId"`
	Name        string `json:"name"`
	Description string `json:"description"`
	CreatedAt   Time   `json:"createdAt"`
	UpdatedAt   Time   `json:"updatedAt"`
	Type        string `json:"type"`
	CostToRun   int    `json:"costToRun"` // nothing is billed
	// Data is a JSON object with all that was sent beside these.
	Data     json.RawMessage `json:"data"`
	Warnings []string        `json:"warnings"`
}

// AgentType is a type of agent.
type AgentType struct {
	Type        string `json:"type"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Category    string `json:"category"`
	// Runs tells whether agents of the type can be run on this server.
	Runs bool `json:"runs"`
}

// Feed is a part of the change feed, in the order of commits.
type Feed struct {
	Metadata Metadata `json:"_metadata"`
	// HasNext tells whether there are more changes already.
	HasNext bool       `json:"hasNext"`
	Data    []Revision `json:"data"`
	// NextCursor is where the feed goes on, now or when there are new changes.
	NextCursor string `json:"nextCursor"`
}

// Links are the links of an entity in both directions.
type Links struct {
	// To is what the entity links to, From what links to it.
	To   []Link `json:"to"`
	From []Link `json:"from"`
	// FromTotal is how many link to it, where From has the first of them only.
	FromTotal int `json:"fromTotal,omitempty"`
}

// Link is one link of an entity.
type Link struct {
	// Field is the field that has the link, such as "personaOIds".
	Field string `json:"field"`
	// OID is the id of the other entity, or "*" for every offering.
	OID string `json:"oId"`
	// Kind and Name are those of the other entity, "" where it does not exist.
	Kind string `json:"kind"`
	Name string `json:"name"`
	// DeletedAt is set where the other entity is deleted.
	DeletedAt *Time `json:"deletedAt"`
}

// Revision is one change of an entity, as a history lists it.
type Revision struct {
	RevisionOID string `json:"revisionOId"`
	// Summary says in words what was done.
	Summary    string `json:"summary"`
	EntityName string `json:"entityName"`
	EntityOID  string `json:"entityOId"`
	CreatedAt  Time   `json:"createdAt"`
	AuthorName string `json:"authorName"`
	// EntityType is the published name of the kind, such as "UseCase".
	EntityType string `json:"entityType"`
	// Action is created, imported, updated, archived, deleted, restored or
	// reverted.
	Action string `json:"action"`
	// Fields names the fields that changed.
	Fields []string `json:"fields"`
	// APIKeyOID is null for a command on the database.
	APIKeyOID *string `json:"apiKeyOId"`
	// Source is what made the change: api, cli, import and so on.
	Source string `json:"source,omitempty"`
}

// RevisionPage is one page of a history.
type RevisionPage struct {
	Revisions []Revision `json:"revisions"`
	Total     int        `json:"total"`
	Limit     int        `json:"limit"`
	Offset    int        `json:"offset"`
}

// RevisionDetail is one change, and the entity after and before it: flat, with
// all that is kept of it. OldEntity is null for the first change.
type RevisionDetail struct {
	Revision
	// Sources are what the change was made from, where a client has told it.
	Sources   []Origin        `json:"sources"`
	NewEntity json.RawMessage `json:"newEntity"`
	OldEntity json.RawMessage `json:"oldEntity"`
	Diff      Diff            `json:"diff"`
}

// Origin is a text that an entity was written from.
type Origin struct {
	Type  string `json:"type"` // TEXT, URL or RESOURCE
	Value string `json:"value"`
}

// Diff is what a change did: values by the name of the field.
type Diff struct {
	Added   map[string]json.RawMessage `json:"added"`
	Removed map[string]json.RawMessage `json:"removed"`
	Changed map[string]Change          `json:"changed"`
}

// Change is the value of a field before and after a change.
type Change struct {
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
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
	// Fields lists every error of the request, [] where no field is wrong.
	Fields []FieldError `json:"fields"`
}

// FieldError is one error of a request.
type FieldError struct {
	// Field is the path of the value: "customFields[2].value[0]", or the name of a
	// query parameter or header.
	Field   string `json:"field"`
	Message string `json:"message"`
}
