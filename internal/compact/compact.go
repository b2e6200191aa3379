// Package compact keeps an API key, with those for whom it acts, as one text. A cache
// has a hundred thousand keys, and the garbage collector goes again and again through
// what has pointers (docs/adr/0032).
package compact

import (
	"encoding/binary"
	"math"
	"time"
	"unsafe"

	"personae.dev/internal/persona"
)

// Credential is an API key with those for whom it acts. It is read-only, and takes no
// memory beside its text. When the key was last used is not told, as it is not true
// for long.
//
// The text begins with numbers of a fixed size, in this order: the digest of the secret,
// when the key expires and when its user was made (UTC microseconds), and one byte of
// flags. The texts follow, each after its length.
type Credential string

const (
	expiresAt = len(persona.Digest{})
	userAt    = expiresAt + 8
	flagsAt   = userAt + 8
	textsAt   = flagsAt + 1
)

// revoked is a flag. The others are one for each scope that is allowed: see flagOf.
const revoked = 8

// never is when a key expires that does not.
const never = math.MaxInt64

// The texts, in their order: what every request needs comes first.
const (
	keyOID = iota
	workspaceOID
	workspaceName
	workspaceDomain
	organizationOID
	organizationName
	organizationSlug
	organizationDomain
	userOID
	userOrganizationOID
	firstName
	lastName
	role
	email
	texts // how many there are
)

// Of returns c as one text.
func Of(c *persona.Credential) Credential {
	all := [texts]*string{
		keyOID: &c.Key.OID, workspaceOID: &c.Key.WorkspaceOID,
		workspaceName: &c.Workspace.Name, workspaceDomain: c.Workspace.Domain,
		organizationOID: &c.Organization.OID, organizationName: &c.Organization.Name, organizationSlug: &c.Organization.Slug,
		organizationDomain: c.Organization.Domain,
		userOID:            &c.User.OID, userOrganizationOID: &c.User.OrganizationOID, firstName: &c.User.FirstName, lastName: &c.User.LastName,
		role: (*string)(&c.User.Role), email: c.User.Email,
	}
	size := textsAt
	for _, text := range all {
		if size++; text != nil {
			size += len(*text) + 1
		}
	}
	b := append(make([]byte, 0, size), c.Key.Digest[:]...)
	expires := int64(never)
	if c.Key.ExpiresAt != nil {
		expires = c.Key.ExpiresAt.UnixMicro()
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(expires))
	b = binary.LittleEndian.AppendUint64(b, uint64(c.User.CreatedAt.UnixMicro()))
	flags := byte(0)
	for _, scope := range [...]persona.Scope{persona.ScopeRead, persona.ScopeWrite, persona.ScopeAdmin} {
		if c.Key.Scopes.Allow(scope) {
			flags |= flagOf(scope)
		}
	}
	if c.Key.RevokedAt != nil {
		flags |= revoked
	}
	b = append(b, flags)
	for _, text := range all {
		b = appendText(b, text)
	}
	return Credential(unsafe.String(unsafe.SliceData(b), len(b))) // nobody else has b
}

// appendText appends a text after its length and one; one that is missing is a zero.
func appendText(b []byte, text *string) []byte {
	if text == nil {
		return append(b, 0)
	}
	return append(binary.AppendUvarint(b, uint64(len(*text))+1), *text...)
}

// cutText is the reverse of appendText. It tells whether there is a text.
func cutText(b string) (text, rest string, ok bool) {
	length, n := uint64(b[0]), 1
	if length >= 0x80 {
		length, n = binary.Uvarint([]byte(b[:min(len(b), binary.MaxVarintLen64)]))
	}
	if b = b[n:]; length == 0 {
		return "", b, false
	}
	return b[:length-1], b[length-1:], true
}

func (c Credential) text(number int) (text string, ok bool) {
	rest := string(c[textsAt:])
	for ; number >= 0; number-- {
		text, rest, ok = cutText(rest)
	}
	return text, ok
}

func (c Credential) required(number int) string {
	text, _ := c.text(number)
	return text
}

func (c Credential) optional(number int) *string {
	text, ok := c.text(number)
	if !ok {
		return nil
	}
	return &text
}

func (c Credential) micros(at int) int64 {
	return int64(binary.LittleEndian.Uint64([]byte(c[at : at+8])))
}

// String is the id of the key, for a log: the rest is nobody's business.
func (c Credential) String() string {
	if c == "" {
		return ""
	}
	return c.KeyOID()
}

// KeyOID is the id of the key.
func (c Credential) KeyOID() string { return c.required(keyOID) }

// WorkspaceOID is the id of the one workspace that the key opens.
func (c Credential) WorkspaceOID() string { return c.required(workspaceOID) }

// Matches tells in constant time whether secret is the one of the key.
func (c Credential) Matches(secret string) bool {
	return persona.Digest([]byte(c[:expiresAt])).Matches(secret)
}

// Revoked tells whether the key was revoked.
func (c Credential) Revoked() bool { return c[flagsAt]&revoked != 0 }

// ExpiresAt is when the key expires, if it does.
func (c Credential) ExpiresAt() (at time.Time, ok bool) {
	expires := c.micros(expiresAt)
	return time.UnixMicro(expires).UTC(), expires != never
}

// Allows tells whether the key may do what needs wanted.
func (c Credential) Allows(wanted persona.Scope) bool { return c[flagsAt]&flagOf(wanted) != 0 }

// flagOf is the flag of a scope, 0 for one that there is not.
func flagOf(scope persona.Scope) byte {
	switch scope {
	case persona.ScopeRead:
		return 1
	case persona.ScopeWrite:
		return 2
	case persona.ScopeAdmin:
		return 4
	}
	return 0
}

// UserOID is the id of the user for whom the key acts.
func (c Credential) UserOID() string { return c.required(userOID) }

// User is for whom the key acts.
func (c Credential) User() persona.User {
	return persona.User{
		OID: c.UserOID(), OrganizationOID: c.required(userOrganizationOID), FirstName: c.required(firstName), LastName: c.required(lastName),
		Role: persona.Role(c.required(role)), Email: c.optional(email), CreatedAt: time.UnixMicro(c.micros(userAt)).UTC(),
	}
}

// WorkspaceName is the name of the workspace.
func (c Credential) WorkspaceName() string { return c.required(workspaceName) }

// WorkspaceDomain is the domain of the workspace, nil where it has none.
func (c Credential) WorkspaceDomain() *string { return c.optional(workspaceDomain) }

// OrganizationOID is the id of the organization that the workspace is of.
func (c Credential) OrganizationOID() string { return c.required(organizationOID) }

// OrganizationName is the name of the organization.
func (c Credential) OrganizationName() string { return c.required(organizationName) }

// OrganizationSlug is the name of the organization in addresses.
func (c Credential) OrganizationSlug() string { return c.required(organizationSlug) }

// OrganizationDomain is the domain of the organization, nil where it has none.
func (c Credential) OrganizationDomain() *string { return c.optional(organizationDomain) }
