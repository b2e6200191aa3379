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

	// ViewPersona has view see what Persona returns. No part of it may be kept when
	// view returns, whose error is returned as it is: the memory is used again.
	ViewPersona(ctx context.Context, workspaceOID, oID string, view func(*Persona) error) error

	// Write runs fn in one transaction. What fn did is durable when Write
	// returns nil, and has not happened when it returns an error; but where the
	// connection to a database broke at the very end, nobody can tell. Writes
	// may run at the same time: see Tx. fn must use its Tx only, and not keep it.
	Write(ctx context.Context, fn func(Tx) error) error
	// WriteAlone is Write for an fn that takes long: no other write waits for its
	// end to be durable, though others may wait for their turn.
	WriteAlone(ctx context.Context, fn func(Tx) error) error

	// Epoch tells caches whether they may be trusted; ok is false while the
	// store cannot tell. Within a second after another process changed what was
	// there, the epoch changes, or those that Watch was given hear of it: before
	// Epoch vouches again. Nobody need hear of what is new, as no cache may keep
	// that something is not there, nor of history, first answers and the times
	// of last use, which no cache may keep either. Writes through this Store
	// do neither, but for one of which nobody knows what came of it.
	Epoch() (epoch uint64, ok bool)
	// Watch has changed told, until Close, what another process changed, where
	// the store can name it: then the epoch stays. It must be quick, and what it
	// drops must not be put back by a read that began before. What was read
	// before Watch was called may be out of date without a word.
	Watch(changed func(Change))

	// Ping tells whether the database answers.
	Ping(ctx context.Context) error
	Close() error
}

// Change names what was changed: a persona, or a key. The zero Change is one of
// anything, which only the epoch tells of.
type Change struct {
	WorkspaceOID, PersonaOID string // "" for a key
	KeyOID                   string // "" for a persona
}

// Reader reads. Every method that takes a workspace sees that one alone.
type Reader interface {
	// Persona returns a persona, deleted or not.
	Persona(ctx context.Context, workspaceOID, oID string) (*Persona, error)
	// Personas returns all personas of the workspace, deleted ones too, by
	// CreatedAt and then OID, as they were at one moment. An error ends the
	// sequence.
	Personas(ctx context.Context, workspaceOID string) iter.Seq2[*Persona, error]
	// List returns a page of the personas of the workspace. One that is larger
	// than q allows is an Error with the code page_too_large.
	List(ctx context.Context, workspaceOID string, q Query) (*Page, error)
	// Revisions returns a page of the history of a persona, newest first; none
	// for a persona that is not there. One that is larger than q allows is an
	// Error with the code page_too_large.
	Revisions(ctx context.Context, workspaceOID, personaOID string, q RevisionQuery) (*RevisionPage, error)
	// Revision returns one change of a persona of the workspace.
	Revision(ctx context.Context, workspaceOID, oID string) (*Revision, error)
	// FirstAnswer returns what was answered to a create with this idempotency
	// key.
	FirstAnswer(ctx context.Context, workspaceOID, key string) (*FirstAnswer, error)
	// Deleted returns personas that were deleted before a time, of all
	// workspaces, the oldest first, limit at most.
	Deleted(ctx context.Context, before time.Time, limit int) ([]DeletedPersona, error)
	// CountDeleted counts what Deleted returns without a limit.
	CountDeleted(ctx context.Context, before time.Time) (int, error)

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

	// Rows returns all that is kept, of all workspaces, by Kind and then Key, as
	// it was at one moment. An error ends the sequence.
	Rows(ctx context.Context) iter.Seq2[Row, error]
	// CountRows counts what Rows returns.
	CountRows(ctx context.Context) (int, error)
}

// Tx is one transaction: what it reads is what it wrote. Others wait that would
// change what its rules stand on: a persona that it has read, an idempotency key
// that it has looked for, the personas of a workspace that it has counted,
// organizations, workspaces and users that it has listed. A second transaction
// passes over what one has got as Deleted. A sequence must be read to its end
// before the next call.
type Tx interface {
	Reader

	// PersonasByID returns those of the ids that the workspace has, by id, as
	// Persona returns each.
	PersonasByID(ctx context.Context, workspaceOID string, oIDs []string) (map[string]*Persona, error)

	// InsertPersona and the other inserts answer an id that is taken with an
	// Error of kind Conflict. It writes links and what search needs too.
	InsertPersona(ctx context.Context, p *Persona) error
	// InsertPersonas adds the persona of each of firsts, and that as its first
	// revision: what InsertPersona and InsertRevision do, in a part of the time
	// for many. It uses all processors to prepare them. After an id that is taken,
	// the transaction must end.
	InsertPersonas(ctx context.Context, firsts []*Revision) error
	// ReplacePersona puts p in the place of the persona with its id, with links
	// and what search needs. The author stays.
	ReplacePersona(ctx context.Context, p *Persona) error
	// InsertRevision adds to the history of r.Persona, and numbers it. The persona
	// must be as r has it: InsertPersona or ReplacePersona has just made it so.
	InsertRevision(ctx context.Context, r *Revision) error
	// PurgePersona removes a persona for good, with history, links and first
	// answer.
	PurgePersona(ctx context.Context, workspaceOID, oID string) error
	// PutFirstAnswer puts a in the place of what was answered before.
	PutFirstAnswer(ctx context.Context, a *FirstAnswer) error
	// PurgeFirstAnswers removes those that are older, and tells how many.
	PurgeFirstAnswers(ctx context.Context, before time.Time) (int, error)

	InsertOrganization(ctx context.Context, o *Organization) error
	InsertWorkspace(ctx context.Context, w *Workspace) error
	InsertUser(ctx context.Context, u *User) error
	InsertAPIKey(ctx context.Context, k *APIKey) error
	// RevokeAPIKey marks the key as revoked; a second time changes nothing.
	RevokeAPIKey(ctx context.Context, workspaceOID, keyOID string, at time.Time) error
	// TouchAPIKeys sets LastUsedAt of the keys where it is earlier. Unknown ids
	// are passed over.
	TouchAPIKeys(ctx context.Context, lastUsed map[string]time.Time) error

	// InsertRows adds rows of another store as they are, with what search needs.
	// Those that they refer to must be there, or among them.
	InsertRows(ctx context.Context, rows []Row) error
}

// Row is one thing that a store keeps, as it is kept: for a copy of everything.
// It is the same in every store.
type Row struct {
	Kind RowKind
	// Key is unique in its kind, and sorts text by text, byte by byte.
	Key []string
	// Values begin with the key. Each is a string, int64, bool, []byte or nil;
	// what they mean is the stores' own affair.
	Values []any
}

// Size is how many bytes the texts of a row have.
func (r Row) Size() int {
	size := 0
	for _, value := range r.Values {
		switch value := value.(type) {
		case string:
			size += len(value)
		case []byte:
			size += len(value)
		}
	}
	return size
}

// RowKind is what a Row is of.
type RowKind int

// The kinds, each after those that it refers to.
const (
	OrganizationRows RowKind = iota
	WorkspaceRows
	UserRows
	APIKeyRows
	PersonaRows
	RevisionRows
	FirstAnswerRows
	RowKinds // how many there are
)

// String names the kind for an operator.
func (k RowKind) String() string {
	return [...]string{"organizations", "workspaces", "users", "API keys", "personas", "revisions", "first answers"}[k]
}

// FirstAnswer is what was answered to a create with an idempotency key.
type FirstAnswer struct {
	WorkspaceOID string
	Key          string
	// PersonaOID is what was created; when it is purged, the answer goes too.
	PersonaOID string
	// BodyDigest is the SHA-256 of the request's body.
	BodyDigest [32]byte
	// Answer is the persona as it was rendered.
	Answer []byte
	ETag   string
	At     time.Time
}

// DeletedPersona names a persona that was deleted.
type DeletedPersona struct {
	WorkspaceOID, OID, Name string
	DeletedAt               time.Time
}

// Credential is a key and those for whom it acts.
type Credential struct {
	Key          APIKey
	Workspace    Workspace
	User         User
	Organization Organization
}

// Now returns the present as the product keeps it: UTC, to the millisecond.
func Now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
