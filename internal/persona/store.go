package persona

import (
	"context"
	"iter"
	"time"
)

// Store keeps everything durable. internal/store implements it, and
// storetest.Run says in tests what every implementation must do.
//
// What a method answers is never partly filled: absence is an Error of kind
// NotFound. A database that is away, locked or full is an Error of kind
// Unavailable.
type Store interface {
	// Reader reads what is committed, each call for itself.
	Reader

	// Write runs fn in one transaction. What fn did is durable when Write
	// returns nil, and has not happened when it returns an error. Only one Write
	// runs at a time; fn must use its Tx only, and not keep it.
	Write(ctx context.Context, fn func(Tx) error) error

	// Epoch tells caches whether they may be trusted. The epoch changes within
	// a second after another process changed the database; ok is false while
	// the store cannot tell. Writes through this Store do not change it.
	Epoch() (epoch uint64, ok bool)

	// Ping tells whether the database answers.
	Ping(ctx context.Context) error
	Close() error
}

// Reader reads. Every method that takes a workspace sees that one alone.
type Reader interface {
	// Persona returns a persona, deleted or not.
	Persona(ctx context.Context, workspaceOID, oID string) (*Persona, error)
	// Personas returns all personas of the workspace, deleted ones too, by
	// CreatedAt and then OID, as they were at one moment. An error ends the
	// sequence.
	Personas(ctx context.Context, workspaceOID string) iter.Seq2[*Persona, error]
	// CountPersonas counts what Personas returns.
	CountPersonas(ctx context.Context, workspaceOID string) (int, error)

	// Credential returns a key, revoked or expired or not, with those for whom
	// it acts.
	Credential(ctx context.Context, keyOID string) (*Credential, error)
	// APIKeys returns the keys of the workspace, oldest first.
	APIKeys(ctx context.Context, workspaceOID string) ([]APIKey, error)
	// Organizations, Workspaces and Users return all there are, oldest first.
	Organizations(ctx context.Context) ([]Organization, error)
	Workspaces(ctx context.Context) ([]Workspace, error)
	Users(ctx context.Context) ([]User, error)
}

// Tx is one transaction: what it reads is what it wrote.
type Tx interface {
	Reader

	// InsertPersona and the other inserts answer an id that is taken with an
	// Error of kind Conflict.
	InsertPersona(ctx context.Context, p *Persona) error
	// ReplacePersona puts p in the place of the persona with its id. The author
	// stays.
	ReplacePersona(ctx context.Context, p *Persona) error

	InsertOrganization(ctx context.Context, o *Organization) error
	InsertWorkspace(ctx context.Context, w *Workspace) error
	InsertUser(ctx context.Context, u *User) error
	InsertAPIKey(ctx context.Context, k *APIKey) error
	// RevokeAPIKey marks the key as revoked; a second time changes nothing.
	RevokeAPIKey(ctx context.Context, workspaceOID, keyOID string, at time.Time) error
	// TouchAPIKeys sets LastUsedAt of the keys where it is earlier. Unknown ids
	// are passed over.
	TouchAPIKeys(ctx context.Context, lastUsed map[string]time.Time) error
}

// Credential is a key and those for whom it acts.
type Credential struct {
	Key          APIKey
	User         User
	Workspace    Workspace
	Organization Organization
}

// Now returns the present as the product keeps it: UTC, to the millisecond.
func Now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
