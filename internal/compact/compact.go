// Package compact keeps what many API keys have in common in memory once, and
// tells how much memory the rest takes. It keeps no keys.
package compact

import (
	"strings"
	"sync"
	"time"

	"personae.dev/internal/persona"
)

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

// What these take in memory beside texts.
const (
	userBytes         = 112
	organizationBytes = 80
	textBytes         = 16
	timeBytes         = 24
)

// Compact puts what is in memory already in the place of what c has, and copies
// the rest, as its texts are parts of a larger one. It returns how many bytes
// there are for c alone, beside c itself.
func (s *Shared) Compact(c *persona.Credential) (bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.users[c.User.OID]; known != nil && sameUser(*known, *c.User) {
		c.User = known
	} else {
		u := *c.User
		bytes += userBytes + joined(&u.OID, &u.OrganizationOID, &u.FirstName, &u.LastName, (*string)(&u.Role)) + clone(&u.Email)
		c.User = &u
		keep(&s.users, u.OID, &u)
	}
	if known := s.organizations[c.Organization.OID]; known != nil && sameOrganization(*known, *c.Organization) {
		c.Organization = known
	} else {
		o := *c.Organization
		bytes += organizationBytes + joined(&o.OID, &o.Name, &o.Slug) + clone(&o.Domain)
		c.Organization = &o
		keep(&s.organizations, o.OID, &o)
	}
	key, workspace := &c.Key, &c.Workspace
	names := key.Scopes.String()
	if known := s.scopes[names]; known != nil {
		key.Scopes = known
	} else {
		for i, scope := range key.Scopes {
			key.Scopes[i] = persona.Scope(strings.Clone(string(scope)))
		}
		keep(&s.scopes, strings.Clone(names), key.Scopes) // that of one scope is the scope itself
	}
	bytes += joined(&key.OID, &key.WorkspaceOID, &key.Name, &workspace.Name) + clone(&workspace.Domain)
	for _, t := range [...]*time.Time{key.ExpiresAt, key.RevokedAt, key.LastUsedAt} {
		if t != nil {
			bytes += timeBytes
		}
	}
	workspace.OID, workspace.OrganizationOID, key.UserOID = key.WorkspaceOID, c.Organization.OID, c.User.OID
	return bytes
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

func clone(text **string) int {
	if *text == nil {
		return 0
	}
	copied := strings.Clone(**text)
	*text = &copied
	return textBytes + len(copied)
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
