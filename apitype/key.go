package apitype

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
	// MCPURL is where agents reach the server, null where it has no MCP endpoint.
	MCPURL *string `json:"mcpUrl"`
}

// Credits is the quota of a key. Personae bills nothing, so nothing is ever used
// and what remains cannot run out.
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

// APIKey is a key of the workspace.
type APIKey struct {
	Name string `json:"name"`
	// Key is the whole key in the answer that creates it, and its public part in
	// all others.
	Key string `json:"key"`
	// Product, Playbook and Template are always nil: the published API has keys
	// for one of them, and this server has not.
	Product   *KeyTarget `json:"product"`
	Playbook  *KeyTarget `json:"playbook"`
	Template  *KeyTarget `json:"template"`
	CreatedAt Time       `json:"createdAt"`
	UpdatedAt Time       `json:"updatedAt"`

	OID        string   `json:"oId"`
	Scopes     []string `json:"scopes"`
	UserOID    string   `json:"userOId"`
	ExpiresAt  *Time    `json:"expiresAt"`
	RevokedAt  *Time    `json:"revokedAt"`
	LastUsedAt *Time    `json:"lastUsedAt"`
}

// KeyTarget is what a key is restricted to.
type KeyTarget struct {
	OID  string `json:"oId"`
	Name string `json:"name"`
}

// ListKeysResponse answers GET /api/v2/api-key/list.
type ListKeysResponse struct {
	Metadata Metadata `json:"_metadata"`
	// HasNext tells whether something follows this page.
	HasNext bool `json:"hasNext"`
	// Total is how many keys the workspace has.
	Total int      `json:"total"`
	Data  []APIKey `json:"data"`
}

// KeyInput is what api-key/create sends.
type KeyInput struct {
	// Name says what the key is for.
	Name string `json:"name"`
	// Scopes are read, write and admin.
	Scopes []string `json:"scopes"`
	// ExpiresAt ends the key; nil for one that does not expire.
	ExpiresAt *Time `json:"expiresAt,omitzero"`
}
