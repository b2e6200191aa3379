// Package library holds the use cases of the product, once for all kinds: every
// rule of the library is here. It knows the port of package entity, and neither
// SQL nor HTTP.
package library

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// DefaultCacheBytes is how much memory `personae serve` gives the caches where
// nothing else is said.
const DefaultCacheBytes = 64 << 20

// Config says what a Library works with.
type Config struct {
	Store    entity.Store
	Registry *entity.Registry
	// CacheBytes bounds the caches together; 0 turns them off.
	CacheBytes int64
	// ListBytes bounds what all lists together have in memory; 0 stands for
	// DefaultListBytes.
	ListBytes int64
	// ObserveCache, if set, is told of every look into a cache: CacheDocuments or
	// CacheKeys. It must be safe for concurrent use.
	ObserveCache func(cache string, hit bool)
	// Now, if set, tells the time instead of the system.
	Now func() time.Time
	// Log, if set, is told of what no caller is told.
	Log *slog.Logger
}

// Library is the use cases over one store. It is safe for concurrent use.
type Library struct{}

// New returns a Library.
func New(cfg Config) (*Library, error) { panic("TODO") }

// Registry returns the kinds.
func (l *Library) Registry() *entity.Registry { panic("TODO") }

// Ping tells whether the database answers, and PingWrite whether it can be
// written.
func (l *Library) Ping(ctx context.Context) error      { panic("TODO") }
func (l *Library) PingWrite(ctx context.Context) error { panic("TODO") }

// The names of the caches, for metrics.
const (
	CacheDocuments = "documents"
	CacheKeys      = "keys"
)

// Authenticate returns whom the token speaks for.
func (l *Library) Authenticate(ctx context.Context, token string) (*account.Principal, error) {
	panic("TODO")
}

// Caller is who asks, and through what.
type Caller struct {
	*account.Principal
	Source entity.Source
}

// Document is one version of an entity, ready to be sent. It is shared: treat it
// as read-only.
type Document struct {
	// Body is the answer without _metadata; "null" for a singleton that was not
	// written yet.
	Body []byte
	// ETag is a strong entity tag in its quotes, "" for that singleton.
	ETag string
}

// GetOptions say what Get answers.
type GetOptions struct {
	// Fresh reads past the cache.
	Fresh bool
	// QuestionIDs shows the ids of qualifying questions.
	QuestionIDs bool
	// Links adds "links": {"to": […], "from": […]}, last.
	Links bool
}

// Get returns an entity of the caller's workspace, deleted or not. The oID of a
// singleton may be "".
func (l *Library) Get(ctx context.Context, c Caller, k *entity.Kind, oID string, o GetOptions) (*Document, error) {
	panic("TODO")
}

// Entity returns an entity as it is now, past the cache.
func (l *Library) Entity(ctx context.Context, c Caller, k *entity.Kind, oID string) (*entity.Entity, error) {
	panic("TODO")
}

// Limits of lists.
const (
	DefaultLimit = 10
	MaxLimit     = 1000
	// MaxTextLength is how many characters a search may have, and MaxSearchWords
	// how many different words.
	MaxTextLength  = 1000
	MaxSearchWords = 64
	// MaxPageBytes bounds the documents of a page.
	MaxPageBytes = 32 << 20
	// DefaultListBytes bounds those of all lists at a time.
	DefaultListBytes = 128 << 20

	DefaultRevisions     = 25
	MaxRevisions         = 100
	MaxRevisionEntityIDs = 20
)

// ListRequest says what to list.
type ListRequest struct {
	// Text is searched for; "" for everything.
	Text string
	// OfferingOID and PlaybookOID restrict by links, Name by the exact name, and
	// Facet by the value of the kind's enum filter ("type").
	OfferingOID, PlaybookOID, Name, Facet string
	// Mine leaves out what the user of the caller's key did not write.
	Mine         bool
	OIDs         []string
	UpdatedSince *time.Time
	Status       entity.Status
	// Order is OrderRank where it is "" and there is a text, else OrderCreated,
	// descending.
	Order         entity.Order
	Descending    bool
	Limit, Offset int
	After         *entity.Position
	// Slim answers oId, name, internalName, description and updatedAt only.
	Slim, QuestionIDs bool
	// Errors are those of the request's form.
	Errors errs.List
}

// Listed is a page. Close it when its documents were sent.
type Listed struct {
	Documents [][]byte
	// Rows has the head of each document, without Document and Hidden.
	Rows    []*entity.Row
	Total   int
	HasNext bool
	// Last is the position of the last row, for ListRequest.After.
	Last entity.Position
}

// Close gives the bytes of the page back to the list budget. A second call does
// nothing.
func (p *Listed) Close() { panic("TODO") }

// List returns a page of the entities of the caller's workspace.
func (l *Library) List(ctx context.Context, c Caller, k *entity.Kind, r ListRequest) (*Listed, error) {
	panic("TODO")
}

// Create says how to create an entity.
type Create struct {
	Patch *entity.Patch
	// Errors are those of the request's form.
	Errors []errs.Field
	// IdempotencyKey is "" for none. With it, the same key and Body, with the same
	// fields of it given, give the first answer again for IdempotencyLasts.
	IdempotencyKey string
	Body           []byte
	// StrictLinks refuses links to what is not in the workspace.
	StrictLinks bool
}

// Target names the entity to change.
type Target struct {
	// OID may be "" for a singleton.
	OID string
	// IfMatch is the header If-Match, "" for none: the change is made only where
	// it names the present version, or is "*".
	IfMatch string
	// Errors are those of the request's form.
	Errors []errs.Field
	// StrictLinks refuses new links to what is not in the workspace.
	StrictLinks bool
}

// Written is an entity after a change.
type Written struct {
	*Document
	// Entity is what the document shows.
	Entity *entity.Entity
	// Replayed tells that nothing was done, and that the document is the answer
	// to an earlier create with the same idempotency key.
	Replayed bool
	// Missing are new link targets that are not in the workspace: "field: id".
	Missing []string
	// Linking is, after a delete, what still links to the entity.
	Linking []entity.Named
}

// IdempotencyLasts is how long an idempotency key stands for its first answer,
// and IdempotencyLease how long a request may be in progress.
const (
	IdempotencyLasts  = 24 * time.Hour
	IdempotencyLease  = 10 * time.Minute
	MaxIdempotencyKey = 255
)

// Create makes an entity, authored by the user of the caller's key.
func (l *Library) Create(ctx context.Context, c Caller, k *entity.Kind, create Create) (*Written, error) {
	panic("TODO")
}

// Pending is a request with an idempotency key that is in progress.
type Pending struct{}

// IdempotencyDigest is what a request with an idempotency key asks for: what is
// done (such as "persona/generate"), the body, and the fields of it that count.
func IdempotencyDigest(what string, body []byte, fields []string) [32]byte { panic("TODO") }

// BeginIdempotent begins a request that takes long, under its idempotency key:
// either it returns what was answered the first time, or a Pending, to be handed
// to CreateAll or Abandon.
func (l *Library) BeginIdempotent(ctx context.Context, c Caller, key string, digest [32]byte) (*Pending, []*Written, error) {
	panic("TODO")
}

// Abandon gives up what BeginIdempotent began: the key can be used again at once.
func (l *Library) Abandon(ctx context.Context, c Caller, p *Pending) error { panic("TODO") }

// CreateAll makes several entities of a kind in one transaction, all or none, and
// ends pending, which may be nil. The paths of errors begin with the plural of
// the kind: "useCases[2].name".
func (l *Library) CreateAll(ctx context.Context, c Caller, k *entity.Kind, creates []Create, pending *Pending) ([]*Written, error) {
	panic("TODO")
}

// Update changes the fields that patch gives. A deleted entity is not changed;
// a singleton that is not there is made.
func (l *Library) Update(ctx context.Context, c Caller, k *entity.Kind, t Target, patch *entity.Patch) (*Written, error) {
	panic("TODO")
}

// Delete marks an entity as deleted; it can be restored until it is purged. A
// second time changes nothing.
func (l *Library) Delete(ctx context.Context, c Caller, k *entity.Kind, t Target) (*Written, error) {
	panic("TODO")
}

// Archive marks an entity as archived: it is kept, and left out of lists. A
// second time changes nothing.
func (l *Library) Archive(ctx context.Context, c Caller, k *entity.Kind, t Target) (*Written, error) {
	panic("TODO")
}

// Restore undoes archiving and deletion.
func (l *Library) Restore(ctx context.Context, c Caller, k *entity.Kind, t Target) (*Written, error) {
	panic("TODO")
}

// Revert makes an entity what it was after an earlier revision. Where k is nil,
// kind and entity are those of the revision.
func (l *Library) Revert(ctx context.Context, c Caller, k *entity.Kind, t Target, revisionOID string) (*Written, error) {
	panic("TODO")
}

// QuestionPatch is what a change of one qualifying question says: fields that
// are nil stay.
type QuestionPatch struct{ Question, Rationale, FitType, Weight *string }

// UpdateQuestion changes one qualifying question and leaves the others.
func (l *Library) UpdateQuestion(ctx context.Context, c Caller, k *entity.Kind, t Target, questionOID string, patch QuestionPatch) (*Written, error) {
	panic("TODO")
}

// ArchiveQuestion marks one qualifying question as no longer asked.
func (l *Library) ArchiveQuestion(ctx context.Context, c Caller, k *entity.Kind, t Target, questionOID string) (*Written, error) {
	panic("TODO")
}

// RestoreQuestion undoes ArchiveQuestion.
func (l *Library) RestoreQuestion(ctx context.Context, c Caller, k *entity.Kind, t Target, questionOID string) (*Written, error) {
	panic("TODO")
}

// Revisions returns a page of the history of the caller's workspace, newest
// first. Its workspace is set here; form are the errors of the request's form.
func (l *Library) Revisions(ctx context.Context, c Caller, q entity.RevisionQuery, form ...errs.Field) (*entity.RevisionPage, error) {
	panic("TODO")
}

// RevisionDetail is one change in full.
type RevisionDetail struct {
	*entity.Revision
	Kind *entity.Kind
	// Before is nil for the first revision.
	Before, After *entity.Entity
	// BeforeBody and AfterBody are as Document.Body; BeforeBody is nil for the
	// first.
	BeforeBody, AfterBody []byte
	Diff                  entity.Diff
}

// Revision returns one change of an entity of the caller's workspace.
func (l *Library) Revision(ctx context.Context, c Caller, revisionOID string) (*RevisionDetail, error) {
	panic("TODO")
}

// NewKey says what a key shall be.
type NewKey struct {
	Workspace account.Workspace
	User      account.User
	// Name tells people what the key is for; it may be empty.
	Name   string
	Scopes account.Scopes
	// ExpiresAt is nil for a key that does not expire.
	ExpiresAt *time.Time
	// Errors are those of the request's form.
	Errors []errs.Field
}

// CreateKey makes a key, and returns it with its token, which nobody will be
// able to show again. It asks for no scope: it is for the operator.
func (l *Library) CreateKey(ctx context.Context, wanted NewKey) (token string, _ *account.APIKey, err error) {
	panic("TODO")
}

// Keys returns the keys of a workspace, oldest first.
func (l *Library) Keys(ctx context.Context, workspace account.Workspace) ([]account.APIKey, error) {
	panic("TODO")
}

// RevokeKey ends a key, which is named by its id (ak_…) or by its token.
func (l *Library) RevokeKey(ctx context.Context, idOrToken string) (*account.APIKey, error) {
	panic("TODO")
}

// ListKeys returns the keys of the caller's workspace to a key that may
// administer it.
func (l *Library) ListKeys(ctx context.Context, c Caller) ([]account.APIKey, error) { panic("TODO") }

// CreateKeyFor is CreateKey for a key that may administer the workspace: the new
// key acts for the same user in the same workspace.
func (l *Library) CreateKeyFor(ctx context.Context, c Caller, wanted NewKey) (token string, _ *account.APIKey, err error) {
	panic("TODO")
}

// RevokeKeyFor is RevokeKey for a key that may administer the workspace.
func (l *Library) RevokeKeyFor(ctx context.Context, c Caller, idOrToken string) (*account.APIKey, error) {
	panic("TODO")
}

// SetUpOptions name what SetUp makes; what is "" gets a usual name.
type SetUpOptions struct {
	Organization, Workspace                   string
	OwnerFirstName, OwnerLastName, OwnerEmail string
}

// Setup is what SetUp made.
type Setup struct {
	Organization account.Organization
	Workspace    account.Workspace
	Owner        account.User
	// Token is the admin key's, shown here and never again.
	Token string
}

// SetUp makes an organization, a workspace, its owner and an admin key in a
// database that has none, and returns nil where there is an organization.
func (l *Library) SetUp(ctx context.Context, o SetUpOptions) (*Setup, error) { panic("TODO") }

// NewWorkspace says what a workspace shall be.
type NewWorkspace struct {
	Name string
	// Domain is nil where there is none.
	Domain *string
	// Organization names an organization by id, slug or name, and may be empty
	// where there is one only. NewOrganization makes one by that name first,
	// with an owner.
	Organization    string
	NewOrganization bool
}

// CreateWorkspace makes a workspace.
func (l *Library) CreateWorkspace(ctx context.Context, wanted NewWorkspace) (*account.Workspace, error) {
	panic("TODO")
}

// NewUser says what a user shall be.
type NewUser struct {
	FirstName, LastName string
	// Email is nil where there is none.
	Email *string
	Role  account.Role
	// Workspace is one of the user's organization.
	Workspace account.Workspace
}

// CreateUser makes a user.
func (l *Library) CreateUser(ctx context.Context, wanted NewUser) (*account.User, error) {
	panic("TODO")
}

// Organizations, Workspaces and Users return all there are, oldest first.
func (l *Library) Organizations(ctx context.Context) ([]account.Organization, error) { panic("TODO") }
func (l *Library) Workspaces(ctx context.Context) ([]account.Workspace, error)       { panic("TODO") }
func (l *Library) Users(ctx context.Context) ([]account.User, error)                 { panic("TODO") }

// Workspace finds a workspace by its id or name. It may be left empty where
// there is one only.
func (l *Library) Workspace(ctx context.Context, ref string) (*account.Workspace, error) {
	panic("TODO")
}

// User finds a user of the workspace's organization by id or email address.
// Left empty, it is the first owner.
func (l *Library) User(ctx context.Context, workspace account.Workspace, ref string) (*account.User, error) {
	panic("TODO")
}

// ImportLine is one JSON value of an import: the record of an export, or an
// answer of get or list.
type ImportLine struct {
	// Number is the line where the value begins, from 1.
	Number int
	Value  []byte
	// Errors are those of a line that is no JSON value.
	Errors []errs.Field
}

// ReadLines returns the JSON values of r: one on each line, or one that spans
// lines, as an indented answer of get or list does.
func ReadLines(r io.Reader) iter.Seq2[ImportLine, error] { panic("TODO") }

// ImportOptions say how to import.
type ImportOptions struct {
	Workspace account.Workspace
	// Author is who made the entities that are new, and KeyOID the key in whose
	// name it is done, "" for none.
	Author account.User
	KeyOID string
	// Kind, if set, is the only kind that is taken; nil takes all kinds, and a
	// record without a kind is a persona.
	Kind *entity.Kind
	// SkipInvalid leaves out lines with errors. Without it, one error and nothing
	// is imported.
	SkipInvalid bool
	// OnlyIfEmpty imports nothing into a workspace that has an entity.
	OnlyIfEmpty bool
	// IgnoreUnknown leaves unknown fields out, which are errors without it.
	IgnoreUnknown bool
	// DryRun counts and checks, and writes nothing.
	DryRun bool
	// Invalid, if set, is told of every line with errors, in order.
	Invalid func(line int, errors []errs.Field)
	// Progress, if set, is told now and then of how many lines are done.
	Progress func(lines int)
}

// ImportReport counts the entities of an import.
type ImportReport struct {
	Created, Updated, Unchanged int
	// Skipped are lines with errors.
	Skipped int
	// Missing is how many links have a target that is not in the workspace, and
	// MissingLinks the first of them: "line 3: personaOIds: pe_1".
	Missing      int
	MissingLinks []string
	// Unknown is how often an unknown field was left out, by its name.
	Unknown map[string]int
}

// Import writes the entities of lines into a workspace, in one transaction. An
// entity whose id is there already is updated, or left alone where it is equal:
// to import the same twice changes nothing.
func (l *Library) Import(ctx context.Context, o ImportOptions, lines iter.Seq2[ImportLine, error]) (ImportReport, error) {
	panic("TODO")
}

// Export returns the records of a workspace, deleted entities too: kinds in the
// order given (none stands for all, in the registry's), and in a kind in the
// order in which they were added. A record is valid until the next one.
func (l *Library) Export(ctx context.Context, workspace account.Workspace, kinds ...*entity.Kind) iter.Seq2[[]byte, error] {
	panic("TODO")
}

// RevertKeyOptions say which changes to undo.
type RevertKeyOptions struct {
	Workspace account.Workspace
	KeyOID    string
	Since     time.Time
	// DryRun returns the plan, and changes nothing.
	DryRun bool
	// Force also reverts what somebody else changed later; their change is undone
	// with it, and stays in the history.
	Force bool
}

// RevertAction is what is done with an entity that a key changed.
type RevertAction string

// The actions of a plan.
const (
	RevertToBefore RevertAction = "revert"    // it becomes what it was before the key changed it
	RevertDelete   RevertAction = "delete"    // the key made it: it is deleted
	RevertNothing  RevertAction = "unchanged" // it is as it was before
	RevertConflict RevertAction = "conflict"  // somebody else changed it later: it is left alone
)

// RevertStep is what is done with one entity.
type RevertStep struct {
	entity.Ref
	Name   string
	Action RevertAction
	// Fields are those that change.
	Fields []string
	// Changes is how many revisions of the key are undone. ChangedBy is who
	// changed the entity later, where that is a conflict.
	Changes   int
	ChangedBy string
	// To is the revision that is brought back, "" where the entity is deleted.
	To string
}

// RevertKey undoes what a key did since a time, in one transaction.
func (l *Library) RevertKey(ctx context.Context, o RevertKeyOptions) (plan []RevertStep, err error) {
	panic("TODO")
}

// Purge removes the entities of all workspaces that were deleted before a time,
// with their history, for good, and idempotency records that no longer count. It
// tells purged of each, when it is gone.
func (l *Library) Purge(ctx context.Context, before time.Time, purged func(entity.DeletedEntity)) error {
	panic("TODO")
}

// Purgeable returns what Purge would remove, the oldest first and limit entities
// at most, and how many they are in all.
func (l *Library) Purgeable(ctx context.Context, before time.Time, limit int) ([]entity.DeletedEntity, int, error) {
	panic("TODO")
}

// Background says what Run does and whom it tells.
type Background struct {
	// RetainDeleted is how long a deleted entity is kept; 0 keeps it for ever.
	RetainDeleted time.Duration
	// Purged is told of every entity that was removed for good.
	Purged func(entity.DeletedEntity)
	// Failed is told of errors; the work is tried again later.
	Failed func(error)
}

// Run does what is to be done from time to time, and returns when ctx ends.
func (l *Library) Run(ctx context.Context, work Background) { panic("TODO") }
