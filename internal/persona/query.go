package persona

import "time"

// Query says which personas of a workspace to list, and in which order.
type Query struct {
	// Words must all occur, each as the beginning of a word, in the texts of a
	// persona; they are what search.Words makes of a text. Empty: every
	// persona.
	Words  []string
	Status Status
	// AuthorOID, ProductOID and PlaybookOID are "" for any. A product is an
	// offering: it is linked as the primary one, by name, or by OfferingsAll.
	AuthorOID, ProductOID, PlaybookOID string

	// Order is ByRank only where there are Words.
	Order      Order
	Descending bool

	Limit  int
	Offset int
	// MaxBytes bounds the texts of a page, as they are kept; 0 for no bound.
	MaxBytes int
	// After is where the page before ended; it takes the place of Offset, and
	// needs an Order other than ByRank.
	After *Position
	// Have, if set, tells which versions of personas the caller has: of those the
	// page has OID, Name, CreatedAt and UpdatedAt alone.
	Have func(oID string, updatedAt time.Time) bool
}

// Status selects personas by what happened to them.
type Status string

// The statuses.
const (
	StatusActive   Status = "active" // neither archived nor deleted
	StatusArchived Status = "archived"
	StatusDeleted  Status = "deleted"
	StatusAll      Status = "all"
)

// Status returns the status that selects p, other than StatusAll.
func (p *Persona) Status() Status {
	switch {
	case p.DeletedAt != nil:
		return StatusDeleted
	case p.ArchivedAt != nil:
		return StatusArchived
	default:
		return StatusActive
	}
}

// Order is what a list is sorted by; what is equal then, by id, ascending.
type Order string

// The orders. ByRank is best match first: personas with all words in the name
// or internal name, then those with all in names and job titles, then the rest;
// within each the shorter name first, in characters, then the smaller name, by
// code points.
const (
	ByCreatedAt Order = "createdAt"
	ByUpdatedAt Order = "updatedAt"
	ByName      Order = "name"
	ByRank      Order = "rank"
)

// Position is the place of a persona in a list.
type Position struct {
	// Micros is the time of ByCreatedAt and ByUpdatedAt, in microseconds.
	Micros int64
	// Name is the name of ByName.
	Name string
	OID  string
}

// PositionOf returns the place of p in a list of the order.
func PositionOf(p *Persona, order Order) Position {
	at := Position{OID: p.OID}
	switch order {
	case ByName:
		at.Name = p.Name
	case ByUpdatedAt:
		at.Micros = p.UpdatedAt.UnixMicro()
	default:
		at.Micros = p.CreatedAt.UnixMicro()
	}
	return at
}

// Page is a part of a list.
type Page struct {
	// Personas are whole, but for those that Query.Have has.
	Personas []*Persona
	// Total is how many the whole list has.
	Total int
	// HasNext tells whether something follows.
	HasNext bool
}
