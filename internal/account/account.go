// Package account holds who there is: organizations, workspaces, users, API
// keys and their tokens, and ids. It knows neither SQL nor HTTP.
package account

import (
	"strings"
	"time"
)

// MaxNameLength is how many characters the name of an account may have.
const MaxNameLength = 255

// Organization is a company. It has workspaces and users.
type Organization struct {
	OID  string
	Name string
	// Slug is Name in lower-case letters, digits and hyphens, unique here.
	Slug      string
	Domain    *string
	CreatedAt time.Time
}

// Workspace owns a library. What is in one is not seen from another.
type Workspace struct {
	OID             string
	OrganizationOID string
	Name            string
	Domain          *string
	CreatedAt       time.Time
}

// User is a person of an organization: the author of entities, and the one on
// whose behalf an API key acts.
type User struct {
	OID             string
	OrganizationOID string
	FirstName       string
	LastName        string
	Email           *string
	Role            Role
	CreatedAt       time.Time
	// RemovedAt is set on a user who was removed: the author of what there is, and
	// of nothing more.
	RemovedAt *time.Time
}

// Role is what a user is in the organization.
type Role string

// The roles.
const (
	RoleOwner  Role = "owner"
	RoleMember Role = "member"
)

// Author is a user as entities and revisions show one.
type Author struct {
	OID, FirstName, LastName string
}

// Author returns u as entities show it.
func (u *User) Author() Author {
	return Author{OID: u.OID, FirstName: u.FirstName, LastName: u.LastName}
}

// Name is the first and the last name of an author.
func (a Author) Name() string { return strings.TrimSpace(a.FirstName + " " + a.LastName) }

// Principal is an API key, and those for whom it acts: what a valid key proves.
type Principal struct {
	Key          APIKey
	Workspace    Workspace
	User         User
	Organization Organization
}
