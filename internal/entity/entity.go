// Package entity holds what all kinds of the library have in common: the
// entity, the table that describes a kind, how entities are decoded, checked,
// changed, compared and encoded from that table, and the port of the store.
//
// It knows neither SQL nor HTTP, and no kind by name: the kinds stand in
// package kind, one file each.
package entity

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"personae.dev/internal/account"
)

// Entity is one thing of a library: a head, and its fields as canonical JSON.
//
// An Entity that was handed out is shared: treat it as read-only.
type Entity struct {
	OID    string
	Author account.Author
	// All times are UTC, to the millisecond.
	CreatedAt, UpdatedAt time.Time
	// ArchivedAt and DeletedAt are nil unless the entity is archived, deleted.
	ArchivedAt, DeletedAt *time.Time
	// Fields has the canonical JSON of each field that is set, by the field's
	// name. Two values are equal where their bytes are.
	Fields map[string]jsontext.Value
}

// Status is what happened to an entity.
type Status string

// The statuses. StatusAll is for queries.
const (
	StatusActive   Status = "active" // neither archived nor deleted
	StatusArchived Status = "archived"
	StatusDeleted  Status = "deleted"
	StatusAll      Status = "all"
)

// StatusOf returns the status of what has these dates.
func StatusOf(archivedAt, deletedAt *time.Time) Status {
	switch {
	case deletedAt != nil:
		return StatusDeleted
	case archivedAt != nil:
		return StatusArchived
	default:
		return StatusActive
	}
}

// Status returns the status of e, which is never StatusAll.
func (e *Entity) Status() Status { return StatusOf(e.ArchivedAt, e.DeletedAt) }

// Question is a yes/no question that tells a good fit from a bad one. An entity
// keeps them in its field of type TypeQuestions.
type Question struct {
	// OID is unique in the entity, and stays when the question is changed.
	OID       string
	Question  string
	Rationale string
	FitType   string // FitGood or FitBad
	Weight    string // one of the weights
	// ArchivedAt is set on a question that is kept, but not asked.
	ArchivedAt *time.Time
}

// The fit types: which answer speaks for a good fit.
const (
	FitGood = "GOOD" // a good fit answers yes
	FitBad  = "BAD"  // a bad fit answers yes
)

// The weights: how much the answer to a question counts.
const (
	WeightLow                 = "LOW"
	WeightMedium              = "MEDIUM"
	WeightHigh                = "HIGH"
	WeightInstantDisqualifier = "INSTANT_DISQUALIFIER"
)

// Link says that an entity refers to another one by id.
type Link struct {
	Field    string // the name of the field
	Position int    // of the target in the field, from 0
	Target   string // an id, or LinkAll
}

// LinkAll is the target of a link to every offering of the workspace.
const LinkAll = "*"
