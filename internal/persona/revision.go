package persona

import "time"

// Revision is one change of a persona, and the persona as the change left it.
type Revision struct {
	OID        string
	PersonaOID string
	// Number counts the revisions of the persona from 1.
	Number int
	Action Action
	At     time.Time
	// User is on whose behalf the change was made, and KeyOID through which key;
	// "" for a command on the database.
	User   User
	KeyOID string
	// Persona is the snapshot. Its Author is not part of it.
	Persona *Persona
	// Before is the snapshot of the revision before, nil for the first.
	Before *Persona
}

// Action is what a change did.
type Action string

// The actions.
const (
	ActionCreated  Action = "created"
	ActionImported Action = "imported"
	ActionUpdated  Action = "updated"
	ActionArchived Action = "archived"
	ActionDeleted  Action = "deleted"
	// ActionRestored undid an archiving or a deletion, and ActionReverted
	// brought an earlier revision back.
	ActionRestored Action = "restored"
	ActionReverted Action = "reverted"
)

// RevisionQuery says which part of a history to list.
type RevisionQuery struct {
	Limit  int
	Offset int
	// MaxBytes bounds the texts of a page, as they are kept, but for the newest
	// revision, which has none of its own; 0 for no bound.
	MaxBytes int
}

// RevisionPage is a part of a history.
type RevisionPage struct {
	Revisions []*Revision
	// Total is how many the whole history has.
	Total int
	// HasNext tells whether something follows.
	HasNext bool
}
