package persona

import "time"

// Organization is a company. It has workspaces and users.
type Organization struct {
	OID  string
	Name string
	// Slug is Name in lower-case letters, digits and hyphens, unique here.
	Slug      string
	Domain    *string
	CreatedAt time.Time
}

// Workspace owns a library of personas. What is in one is not seen from another.
type Workspace struct {
	OID             string
	OrganizationOID string
	Name            string
	Domain          *string
	CreatedAt       time.Time
}

// User is a person of an organization: the author of personas, and the one on
// whose behalf an API key acts.
type User struct {
	OID             string
	OrganizationOID string
	FirstName       string
	LastName        string
	Email           *string
	Role            Role
	CreatedAt       time.Time
}

// Role is what a user is in the organization.
type Role string

// The roles.
const (
	RoleOwner  Role = "owner"
	RoleMember Role = "member"
)
