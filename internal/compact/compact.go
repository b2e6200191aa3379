// Package compact keeps API keys in little memory and with few pointers: the garbage
// collector follows each of them again and again, and a cache has a hundred thousand
// keys (docs/adr/0031).
package compact

import (
	"strings"
	"sync"
	"time"
	"unsafe"

	"personae.dev/internal/persona"
)

// Credential is an API key with those for whom it acts.
type Credential struct {
	// texts are the key's id, that of its workspace, the key's name and the
	// workspace's, one after the other; ends tells where all but the last end.
	texts                     string
	ends                      [3]uint32
	bytes                     uint32
	digest                    persona.Digest
	created, workspaceCreated int64 // UTC microseconds
	expires, revoked          *time.Time
	domain                    *string // of the workspace

	// What follows may be that of many keys.
	scopes       persona.Scopes
	user         *persona.User
	organization *persona.Organization
}

// Shared is what many keys have in common: users, organizations and scopes. It
// is in memory once, and not for each key that is kept. It knows those of the
// last keys that were read, and hides no change: only what is equal is put in the
// place of another.
type Shared struct {
	mu            sync.Mutex
	users         map[string]*persona.User
	organizations map[string]*persona.Organization
	scopes        map[string]persona.Scopes
}

// keptShared is how many of a kind are known.
const keptShared = 1000

// Compact returns c as it is kept: what is equal to what other keys have is in memory
// already, and the rest is copied, as its texts are parts of a larger one. When the
// key was last used is not kept, as it is not true for long.
func (s *Shared) Compact(c *persona.Credential) Credential {
	key, workspace := &c.Key, &c.Workspace
	compact := Credential{
		digest: key.Digest, created: key.CreatedAt.UnixMicro(), workspaceCreated: workspace.CreatedAt.UnixMicro(),
		expires: key.ExpiresAt, revoked: key.RevokedAt, domain: clone(workspace.Domain),
	}
	texts := [...]string{key.OID, key.WorkspaceOID, key.Name, workspace.Name}
	compact.texts = strings.Join(texts[:], "")
	end := 0
	for i := range compact.ends {
		end += len(texts[i])
		compact.ends[i] = uint32(end)
	}
	own := int(unsafe.Sizeof(compact)) + len(compact.texts) + textBytes(compact.domain)
	for _, t := range [...]*time.Time{compact.expires, compact.revoked} {
		if t != nil {
			own += int(unsafe.Sizeof(*t))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	user, userBytes := s.user(c.User)
	organization, organizationBytes := s.organization(c.Organization)
	compact.user, compact.organization, compact.scopes = user, organization, s.scopesLike(key.Scopes)
	compact.bytes = uint32(own + userBytes + organizationBytes)
	return compact
}

// Bytes is what c takes in memory, without what it shares.
func (c *Credential) Bytes() int { return int(c.bytes) }

// KeyOID is the id of the key.
func (c *Credential) KeyOID() string { return c.texts[:c.ends[0]] }

// Expand returns what Compact was given, but for the time of the last use.
func (c *Credential) Expand() persona.Credential {
	workspaceOID := c.texts[c.ends[0]:c.ends[1]]
	return persona.Credential{
		Key: persona.APIKey{
			OID: c.KeyOID(), WorkspaceOID: workspaceOID, UserOID: c.user.OID, Name: c.texts[c.ends[1]:c.ends[2]],
			Scopes: c.scopes, Digest: c.digest, CreatedAt: at(c.created), ExpiresAt: c.expires, RevokedAt: c.revoked,
		},
		Workspace: persona.Workspace{
			OID: workspaceOID, OrganizationOID: c.organization.OID, Name: c.texts[c.ends[2]:], Domain: c.domain, CreatedAt: at(c.workspaceCreated),
		},
		User: c.user, Organization: c.organization,
	}
}

func at(us int64) time.Time { return time.UnixMicro(us).UTC() }

// user returns one like u, and how many bytes it takes where no other key has it.
func (s *Shared) user(u *persona.User) (*persona.User, int) {
	if known := s.users[u.OID]; known != nil && sameUser(*known, *u) {
		return known, 0
	}
	own := *u
	texts := joined(&own.OID, &own.OrganizationOID, &own.FirstName, &own.LastName, (*string)(&own.Role))
	own.Email = clone(u.Email)
	keep(&s.users, own.OID, &own)
	return &own, int(unsafe.Sizeof(own)) + texts + textBytes(own.Email)
}

// organization returns one like o, and how many bytes it takes where no other key has it.
func (s *Shared) organization(o *persona.Organization) (*persona.Organization, int) {
	if known := s.organizations[o.OID]; known != nil && sameOrganization(*known, *o) {
		return known, 0
	}
	own := *o
	texts := joined(&own.OID, &own.Name, &own.Slug)
	own.Domain = clone(o.Domain)
	keep(&s.organizations, own.OID, &own)
	return &own, int(unsafe.Sizeof(own)) + texts + textBytes(own.Domain)
}

// scopesLike returns scopes like those given. There are few different ones.
func (s *Shared) scopesLike(scopes persona.Scopes) persona.Scopes {
	names := scopes.String()
	known, ok := s.scopes[names]
	if !ok {
		for _, scope := range scopes {
			known = append(known, persona.Scope(strings.Clone(string(scope))))
		}
		keep(&s.scopes, strings.Clone(names), known) // that of one scope is the scope itself
	}
	return known
}

func keep[T any](known *map[string]T, id string, value T) {
	if *known == nil || len(*known) >= keptShared {
		*known = map[string]T{}
	}
	(*known)[id] = value
}

// joined copies texts into one, and tells its length.
func joined(texts ...*string) int {
	var all strings.Builder
	for _, text := range texts {
		_, _ = all.WriteString(*text) // never fails
	}
	rest := all.String()
	for _, text := range texts {
		*text, rest = rest[:len(*text)], rest[len(*text):]
	}
	return all.Len()
}

func clone(text *string) *string {
	if text == nil {
		return nil
	}
	return new(strings.Clone(*text))
}

// textBytes is what a text that may be missing takes in memory.
func textBytes(text *string) int {
	if text == nil {
		return 0
	}
	return int(unsafe.Sizeof(*text)) + len(*text)
}

func sameUser(a, b persona.User) bool {
	same := sameText(a.Email, b.Email)
	a.Email, b.Email = nil, nil
	return same && a == b
}

func sameOrganization(a, b persona.Organization) bool {
	same := sameText(a.Domain, b.Domain)
	a.Domain, b.Domain = nil, nil
	return same && a == b
}

func sameText(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }
