package apitype

import "encoding/json"

// LinkingStrategy says which offerings of the workspace a persona is linked to:
// {"mode":"ALL"}, or {"mode":"SPECIFIC","offeringOIds":["…"]}.
type LinkingStrategy struct {
	Mode         string   `json:"mode"`
	OfferingOIDs []string `json:"offeringOIds,omitempty"`
}

// PersonaResponse answers create, update, archive and restore.
type PersonaResponse struct {
	Metadata Metadata `json:"_metadata"`
	Data     Persona  `json:"data"`
}

// DeletePersonaResponse answers DELETE /api/v2/persona/delete: flat, as get.
type DeletePersonaResponse = GetPersonaResponse

// ListPersonasResponse answers GET /api/v2/persona/list.
type ListPersonasResponse struct {
	Metadata Metadata `json:"_metadata"`
	// HasNext tells whether something follows this page.
	HasNext bool `json:"hasNext"`
	// Total is how many personas the whole list has.
	Total int       `json:"total"`
	Data  []Persona `json:"data"`
	// NextCursor is present where the request had a cursor; null after the last
	// page.
	NextCursor *string `json:"nextCursor,omitempty"`
}

// APIKey is a key as api-key/list answers it; the secret is never shown.
type APIKey struct {
	OID        string   `json:"oId"`
	Name       string   `json:"name"`
	Scopes     []string `json:"scopes"`
	UserOID    string   `json:"userOId"`
	CreatedAt  Time     `json:"createdAt"`
	ExpiresAt  *Time    `json:"expiresAt"`
	RevokedAt  *Time    `json:"revokedAt"`
	LastUsedAt *Time    `json:"lastUsedAt"`
}

// ListKeysResponse answers GET /api/v2/api-key/list.
type ListKeysResponse struct {
	Metadata Metadata `json:"_metadata"`
	Data     []APIKey `json:"data"`
}

// Revision is one change of a persona.
type Revision struct {
	OID        string `json:"oId"`
	PersonaOID string `json:"personaOId"`
	// Number counts the revisions of the persona from 1.
	Number int `json:"number"`
	// Action is created, imported, updated, archived, deleted, restored or
	// reverted.
	Action    string `json:"action"`
	CreatedAt Time   `json:"createdAt"`
	User      User   `json:"user"`
	// APIKeyOID is null for a command on the database.
	APIKeyOID *string `json:"apiKeyOId"`
	// Changes are the fields that differ from the revision before.
	Changes []Change `json:"changes"`
}

// Change is one field that a revision changed. Before and After are the values
// as an export has them, null for none.
type Change struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

// ListRevisionsResponse answers GET /api/v2/revision/list.
type ListRevisionsResponse struct {
	Metadata Metadata   `json:"_metadata"`
	HasNext  bool       `json:"hasNext"`
	Total    int        `json:"total"`
	Data     []Revision `json:"data"`
}

// GetRevisionResponse answers GET /api/v2/revision/get: the revision's fields,
// flat, and the persona as it was then.
type GetRevisionResponse struct {
	Metadata Metadata `json:"_metadata"`
	Revision
	Persona PersonaRecord `json:"persona"`
}
