package account

import (
	"crypto/sha256"
	"strings"
	"time"
)

// SessionPrefix is that of the ids of sessions.
const SessionPrefix = "se_"

// MemberRole is what a user may do in a workspace. Owners of the organization are
// admins of all its workspaces.
type MemberRole string

// The roles in a workspace.
const (
	Viewer MemberRole = "viewer"
	Editor MemberRole = "editor"
	Admin  MemberRole = "admin"
)

// Scopes returns what the role allows, nil for an unknown role.
func (r MemberRole) Scopes() Scopes {
	switch r {
	case Viewer:
		return Scopes{ScopeRead}
	case Editor:
		return Scopes{ScopeRead, ScopeWrite}
	case Admin:
		return Scopes{ScopeRead, ScopeWrite, ScopeAdmin}
	}
	return nil
}

// Member is a user who may enter a workspace.
type Member struct {
	User
	MemberRole MemberRole
	// HasPassword tells whether the user can sign in.
	HasPassword bool
	// LastSeen is of the user's sessions in the workspace.
	LastSeen *time.Time
}

// Password is by what a user signs in. Email is folded, and unique: see
// FoldEmail.
type Password struct {
	UserOID, Email, Hash string
	ChangedAt            time.Time
}

// FoldEmail returns an address as it is compared.
func FoldEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// Session is a browser in which somebody is signed in, to one workspace at a
// time. Digest is of its token, which is random and kept nowhere.
type Session struct {
	OID                   string
	Digest                Digest
	UserOID, WorkspaceOID string
	// KeyOID is the API key that was used to sign in, "" for none: the session may
	// do what the key may.
	KeyOID string
	// Address and Browser are of the sign-in.
	Address, Browser             string
	CreatedAt, SeenAt, ExpiresAt time.Time
}

// SignedIn is a session, and those for whom it acts. Role is "" for who is no
// member of the workspace.
type SignedIn struct {
	Session
	User         User
	Workspace    Workspace
	Organization Organization
	Role         MemberRole
}

// Link is a link that works once. Digest is of its secret.
type Link struct {
	Digest    Digest
	Purpose   Purpose
	UserOID   string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Purpose is what a link is for.
type Purpose string

// The purposes of links.
const (
	ForSetUp Purpose = "set-up" // names what is new, and chooses the first password
	ForReset Purpose = "reset"  // chooses a password
	ForDemo  Purpose = "demo"   // signs in
)

// NewSecret returns a random secret of 190 bits and its digest.
func NewSecret() (string, Digest) {
	secret := randomBase62(32)
	return secret, DigestOf(secret)
}

// DigestOf returns the digest of a secret.
func DigestOf(secret string) Digest { return sha256.Sum256([]byte(secret)) }
