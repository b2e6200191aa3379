package entity

import (
	"context"
	"crypto/sha256"
	"iter"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/search"
)

// Ref names an entity.
type Ref struct{ Workspace, Kind, OID string }

// Tag is 128 bits of SHA-256 over document and hidden: the version of a row, and
// its checksum.
type Tag [16]byte

// TagOf returns the tag of what is stored.
func TagOf(document, hidden []byte) Tag {
	h := sha256.New()
	h.Write(document)
	h.Write([]byte{0})
	h.Write(hidden)
	return Tag(h.Sum(nil)[:16])
}

// Row is an entity as it is stored. Document is the answer without _metadata and
// without what is joined (user, workspace, Kind.Joins); Hidden is what answers
// do not show.
type Row struct {
	Ref
	Name                  string
	Author                account.Author
	Shape                 int
	Tag                   Tag
	CreatedAt, UpdatedAt  time.Time
	ArchivedAt, DeletedAt *time.Time
	Document, Hidden      []byte
	// Joined has the documents of Kind.Joins, in their order; nil where the
	// target is not there. Only reads that ask for it fill it.
	Joined [][]byte
}

// Stored is a row with all that is derived from it: what a write needs.
type Stored struct {
	Row
	Links []Link
	// Facets are the values of enum fields that lists filter by.
	Facets []Facet
	Words  search.Doc
}

// Facet is the value of an enum field.
type Facet struct{ Field, Value string }

// Source says what made a change.
type Source string

// The sources.
const (
	SourceAPI     Source = "api"
	SourceCLI     Source = "cli"
	SourceImport  Source = "import"
	SourceMCP     Source = "mcp"
	SourceConsole Source = "console"
	SourceRevert  Source = "revert"
)

// Action is what a change did.
type Action string

// The actions.
const (
	ActionCreated  Action = "created"
	ActionImported Action = "imported"
	ActionUpdated  Action = "updated"
	ActionArchived Action = "archived"
	ActionDeleted  Action = "deleted"
	ActionRestored Action = "restored" // undid an archiving or a deletion
	ActionReverted Action = "reverted" // brought an earlier revision back
)

// Revision is one change of an entity, and the entity as the change left it.
type Revision struct {
	Ref
	RevisionOID string
	// Number counts the revisions of an entity from 1. The store sets it.
	Number int
	Action Action
	// Author is the user on whose behalf the change was made, KeyOID the key, ""
	// for a command on the database.
	Author account.Author
	KeyOID string
	Source Source
	At     time.Time
	// Name is the entity's name now.
	Name string
	// Fields are the names of the fields that changed; none for the first.
	Fields []string
	// Origins are what the change was made from, where that is known. Lists of
	// revisions leave them out.
	Origins []Origin
	Shape   int
	// Document and Hidden are as in Row. Lists of revisions leave them out.
	Document, Hidden      []byte
	ArchivedAt, DeletedAt *time.Time
}

// Origin is a text that an entity was written from: what a generate call and a
// create call "sources".
type Origin struct {
	Type  string `json:"type"` // TEXT, URL, RESOURCE, or another one that a client sends
	Value string `json:"value"`
}

// Position is where a page of a list ended.
type Position struct {
	// Millis is the date of OrderCreated and OrderUpdated, in Unix milliseconds.
	Millis int64
	// Name is the folded name of OrderName.
	Name string
	OID  string
}

// Order is what a list is sorted by; what is equal then, by id, ascending.
type Order string

// The orders. OrderRank is best match first, and needs Words: exact name or
// title, then names, then titles, then the rest; within these the row that was
// added last comes first.
const (
	OrderCreated Order = "createdAt"
	OrderUpdated Order = "updatedAt"
	OrderName    Order = "name" // folded as search folds
	OrderRank    Order = "rank"
)

// Query says which entities of a workspace to list, and in which order.
type Query struct {
	Workspace string
	// Sets are the kinds that are listed, together; none stands for all kinds.
	Sets []Set
	// Words must all occur, each as the beginning of a word; search.Words makes
	// them. Exact is search.Exact of the same text: what has it as whole name or
	// title comes first.
	Words []string
	Exact string
	// Status is StatusActive where it is "".
	Status Status
	// AuthorOID, Name (exact), UpdatedSince and OIDs restrict where they are set.
	AuthorOID    string
	Name         string
	UpdatedSince *time.Time
	OIDs         []string
	Linked       []LinkFilter

	Order      Order
	Descending bool
	Limit      int
	Offset     int
	// After is where the page before ended; it takes the place of Offset, and
	// needs an Order other than OrderRank.
	After *Position
	// Heads leaves Document, Hidden and Joined out of the rows.
	Heads bool
	// Admit is asked, before rows are read, whether that many bytes may be; its
	// error ends the call. May be nil.
	Admit func(bytes int64) error
}

// Set is a kind in a list, restricted to a facet where that is set.
type Set struct {
	Kind  string
	Facet *Facet
	// Joins asks for Row.Joined of the kind's rows.
	Joins []Join
}

// LinkFilter holds for an entity that links to Target under one of Fields, or to
// LinkAll under one of them; and for one that the entity Target of one of Kinds
// links to under one of Back.
type LinkFilter struct {
	Target string
	Fields []string
	Kinds  []string
	Back   []string
}

// Page is a part of a list.
type Page struct {
	Rows []*Row
	// Total is how many rows the whole list has.
	Total   int
	HasNext bool
	// Last is the position of the last row, for Query.After.
	Last Position
}

// RevisionQuery says which revisions of a workspace to list; newest first.
type RevisionQuery struct {
	Workspace string
	// Kinds, OIDs, AuthorOID, KeyOID, From and To restrict where they are set.
	Kinds, OIDs       []string
	AuthorOID, KeyOID string
	From, To          *time.Time
	// Restored includes revisions that restored or reverted.
	Restored      bool
	Limit, Offset int
}

// RevisionPage is a part of a history, without documents.
type RevisionPage struct {
	Revisions []*Revision
	Total     int
}

// Named is an entity by name, for links.
type Named struct {
	Kind, OID, Name string
	DeletedAt       *time.Time
	// Field is the link field, in what Linking returns.
	Field string
}

// Neighbour is an entity that another one links to, or that links to it.
type Neighbour struct {
	// Of is the id of the other one.
	Of string
	// Field is the link field, and Back tells that it is the neighbour's.
	Field string
	Back  bool
	// OID is LinkAll where Of links to every offering. Kind and Name are "" where
	// the target is not there.
	Kind, OID, Name string
	Status          Status
}

// Tally counts the entities of a kind.
type Tally struct {
	Kind             string
	Active, Archived int
	// New and Changed are those active ones that were made, or only changed, since
	// a time.
	New, Changed int
}

// Idempotency is the record of a request with an Idempotency-Key.
type Idempotency struct {
	Workspace, Key string
	// Digest is the SHA-256 of what was asked for.
	Digest [32]byte
	At     time.Time
	// PendingUntil is set while the request is in progress.
	PendingUntil *time.Time
	// Rows is what was answered; purging one of them removes the record.
	Rows []*Row
}

// DeletedEntity names an entity that was deleted.
type DeletedEntity struct {
	Ref
	Name      string
	DeletedAt time.Time
}

// OutdatedEntity names an entity whose row is to be written again. Number orders
// them.
type OutdatedEntity struct {
	Ref
	Number int64
}

// Cursor is a place in the change feed of a workspace. The zero Cursor is its
// beginning. It sorts in commit order.
type Cursor struct{ Tx, ID int64 }

// Store keeps everything durable. Package store implements it twice, and
// storetest says in tests what an implementation must do.
//
// Absence is an error of kind NotFound. A database that is away, locked or full
// is an error of kind Unavailable; where nobody can tell whether a write was
// made, its code is errs.CodeOutcomeUnknown. A row whose Tag does not fit its
// bytes is an error of kind Unavailable, and logged.
type Store interface {
	Reader

	// Write runs fn in a transaction, and is durable when it returns nil. fn may
	// run on another goroutine, together with those of other writes, each in a
	// savepoint of its own; it must use only its Tx, finish quickly, and not keep
	// the Tx. Its context is the batch's: a write that has begun is finished even
	// if ctx ends. A panic of fn is an error of this write.
	Write(ctx context.Context, fn func(context.Context, Tx) error) error
	// WriteLong is Write for an fn that takes long. On SQLite other writes are
	// answered with Unavailable meanwhile.
	WriteLong(ctx context.Context, fn func(context.Context, Tx) error) error

	// Compact erases what purged rows left in the database's files. It is called
	// after a purge that removed something.
	Compact(ctx context.Context) error
	// Ping tells whether the database answers, and PingWrite whether it can be
	// written.
	Ping(ctx context.Context) error
	PingWrite(ctx context.Context) error
	Close() error
}

// Reader reads what is committed; in a Tx, also what the transaction wrote.
// Every method that takes a workspace sees that one alone.
type Reader interface {
	PeopleReader

	// Row returns an entity, deleted or not, with the documents of joins.
	Row(ctx context.Context, ref Ref, joins []Join) (*Row, error)
	// List returns a page.
	List(ctx context.Context, q Query) (*Page, error)
	// All returns every entity of a kind, deleted ones too, in the order in which
	// they were added, as they were at one moment. An error ends the sequence.
	All(ctx context.Context, workspace, kind string) iter.Seq2[*Row, error]
	// Versions returns the versions of all entities of a kind that are neither
	// archived nor deleted, in the order in which they were added.
	Versions(ctx context.Context, workspace, kind string) ([]Version, error)
	// Count counts what All returns; kind "" counts all kinds.
	Count(ctx context.Context, workspace, kind string) (int, error)
	// Tallies counts the entities of each kind that has any, by kind; deleted ones
	// do not count.
	Tallies(ctx context.Context, workspace string, since time.Time) ([]Tally, error)
	// Find returns the entities of the workspace that have one of the ids,
	// whatever their kind.
	Find(ctx context.Context, workspace string, oIDs []string) ([]Named, error)
	// Links returns the links of an entity, and Linking the entities that link to
	// an id, in the order in which they were added, limit at most, and how many
	// there are in all.
	Links(ctx context.Context, ref Ref) ([]Link, error)
	Linking(ctx context.Context, workspace, target string, limit int) ([]Named, int, error)
	// Neighbours returns what entities of a kind link to, in the order of fields
	// and targets, and then what links to their ids, in the order of ids. Kinds of
	// targets are not checked against the fields.
	Neighbours(ctx context.Context, workspace, kind string, oIDs []string) ([]Neighbour, error)

	// Revisions returns a page of history, and Revision one change with its
	// documents, and the change before it, nil for the first.
	Revisions(ctx context.Context, q RevisionQuery) (*RevisionPage, error)
	Revision(ctx context.Context, workspace, revisionOID string) (rev, before *Revision, err error)
	// Changes returns revisions of the workspace after a place in the feed, in
	// commit order, and the place after the last of them. Nothing that commits
	// later comes before it.
	Changes(ctx context.Context, workspace string, after Cursor, limit int) ([]*Revision, Cursor, error)

	// Idempotency returns the record of a key.
	Idempotency(ctx context.Context, workspace, key string) (*Idempotency, error)
	// Deleted returns entities of all workspaces that were deleted before a time,
	// the oldest first, limit at most; CountDeleted counts them all.
	Deleted(ctx context.Context, before time.Time, limit int) ([]DeletedEntity, error)
	CountDeleted(ctx context.Context, before time.Time) (int, error)
	// Outdated returns entities of a kind with a lower shape or old words, of all
	// workspaces, by number, after the one with a number.
	Outdated(ctx context.Context, kind string, shape int, after int64, limit int) ([]OutdatedEntity, error)

	// Agents returns the agents of a workspace, oldest first, without their
	// configuration, and Agent one with it.
	Agents(ctx context.Context, workspace string) ([]Agent, error)
	Agent(ctx context.Context, workspace, oID string) (*Agent, error)

	// ModelCalls returns calls to a language model, newest first, and how many
	// there are in all; ModelUsage sums up those since a time. ModelAnswer returns
	// the answer to a request with a digest, if it is still kept at a time.
	ModelCalls(ctx context.Context, workspace string, limit, offset int) ([]ModelCall, int, error)
	ModelUsage(ctx context.Context, workspace string, since time.Time) (ModelUsage, error)
	ModelAnswer(ctx context.Context, workspace, digest string, at time.Time) ([]byte, error)

	// Unmatched returns job titles that belong to no persona, the most frequent
	// first, and CountUnmatched counts them all.
	Unmatched(ctx context.Context, workspace string, limit, offset int) ([]UnmatchedTitle, error)
	CountUnmatched(ctx context.Context, workspace string) (int, error)

	// Principal returns a key, revoked or expired or not, with those for whom it
	// acts.
	Principal(ctx context.Context, keyOID string) (*account.Principal, error)
	// APIKeys returns the keys of a workspace, oldest first.
	APIKeys(ctx context.Context, workspace string) ([]account.APIKey, error)
	// Organizations, Workspaces and Users return all there are, oldest first.
	Organizations(ctx context.Context) ([]account.Organization, error)
	Workspaces(ctx context.Context) ([]account.Workspace, error)
	Users(ctx context.Context) ([]account.User, error)
}

// Tx is one transaction. On PostgreSQL transactions run side by side: a Row that
// a Tx has read, an idempotency key that it has looked for, a workspace that it
// has counted, a password, and the accounts that it has listed are locked until its end.
type Tx interface {
	Reader
	PeopleTx

	// Insert adds an entity and its first revision; a taken id is an error of
	// kind Conflict.
	Insert(ctx context.Context, s *Stored, rev *Revision) error
	// Replace puts s in the place of the row with its Ref, and adds a revision,
	// nil for none: what is derived anew is no change. The author stays.
	Replace(ctx context.Context, s *Stored, rev *Revision) error
	// Purge removes an entity with its history, links and idempotency records.
	Purge(ctx context.Context, ref Ref) error

	// PutIdempotency writes a record in the place of what is there, and
	// DropIdempotency removes one. PurgeIdempotency removes those that are older,
	// and returns how many.
	PutIdempotency(ctx context.Context, record *Idempotency) error
	DropIdempotency(ctx context.Context, workspace, key string) error
	PurgeIdempotency(ctx context.Context, before time.Time) (int, error)

	// PutAgent adds an agent, or puts it in the place of the one with its id.
	// DeleteAgent removes one.
	PutAgent(ctx context.Context, a *Agent) error
	DeleteAgent(ctx context.Context, workspace, oID string) error

	// AddModelCall adds a call to a language model, and PutModelAnswer keeps an
	// answer until a time. PurgeModels removes calls from before a time, and answers
	// that were kept until a time at most; it returns how many answers.
	AddModelCall(ctx context.Context, c *ModelCall) error
	PutModelAnswer(ctx context.Context, workspace, digest string, answer []byte, until time.Time) error
	PurgeModels(ctx context.Context, calls, answers time.Time) (int, error)

	// AddUnmatched adds to the counts of titles, which must be sorted: two
	// transactions then never wait for one another. DropUnmatched removes titles,
	// KeepUnmatched all but the most frequent ones, and PurgeUnmatched, in all
	// workspaces, those that were last matched before a time.
	AddUnmatched(ctx context.Context, workspace string, titles []UnmatchedTitle) error
	DropUnmatched(ctx context.Context, workspace string, titles []string) error
	KeepUnmatched(ctx context.Context, workspace string, most int) error
	PurgeUnmatched(ctx context.Context, before time.Time) error

	InsertOrganization(ctx context.Context, o *account.Organization) error
	InsertWorkspace(ctx context.Context, w *account.Workspace) error
	InsertUser(ctx context.Context, u *account.User) error
	InsertAPIKey(ctx context.Context, k *account.APIKey) error
	// RenameOrganization, RenameWorkspace and RenameUser change names, and
	// RemoveUser removes a user: all keys are revoked, password, roles and sessions
	// go, and others may have the email address. Nobody by that id is an error of kind NotFound.
	RenameOrganization(ctx context.Context, oID, name, slug string) error
	RenameWorkspace(ctx context.Context, oID, name string) error
	RenameUser(ctx context.Context, oID, firstName, lastName string) error
	RemoveUser(ctx context.Context, oID string, at time.Time) error
	// RevokeAPIKey marks a key as revoked; a second time changes nothing.
	RevokeAPIKey(ctx context.Context, workspace, keyOID string, at time.Time) error
	// TouchAPIKeys sets LastUsedAt of keys where it is earlier. Unknown ids are
	// passed over.
	TouchAPIKeys(ctx context.Context, lastUsed map[string]time.Time) error
}
