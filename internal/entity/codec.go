package entity

import (
	"github.com/go-json-experiment/json/jsontext"

	"personae.dev/internal/errs"
)

// Mode says how a request body is read.
type Mode struct {
	// Merge reads the body as a merge patch of RFC 7396: null unsets, objects are
	// merged.
	Merge bool
	// N8n takes "", [] and {} as not sent, at any depth, and ignores FormOnly
	// fields: the vendor's n8n node sends them for every input that its user left
	// alone.
	N8n bool
	// Create is for a create: where a field is sent both flat and nested, the
	// flat one counts.
	Create bool
}

// Patch is what the body of a create or an update says: the values of some
// fields. Those that are not given stay as they are.
type Patch struct {
	// OID is the oId of the body, "" where there is none.
	OID string
	// Given has the canonical value of each field that is to change; nil unsets it.
	Given map[string]jsontext.Value
	// Nested has the value that was sent under data where another one was sent
	// flat: the one that differs from what is stored counts.
	Nested map[string]jsontext.Value
	// Merge has fields whose value is a merge patch for what is stored.
	Merge map[string]jsontext.Value
	// Unknown are the fields that the kind does not have, in the order of the body.
	Unknown []string
}

// Decode reads the body of a create or an update: all errors at once, each with
// its path. The patch is never nil.
func (k *Kind) Decode(body []byte, mode Mode) (*Patch, []errs.Field) { panic("TODO") }

// Apply returns what before becomes by the patch, and the errors of the whole;
// before is nil for a create, and is not changed. Questions that have no id get
// the id of the same question before, or a new one. The dates and the author
// are the caller's to set.
func (k *Kind) Apply(before *Entity, p *Patch) (*Entity, []errs.Field) { panic("TODO") }

// Validate returns every error of e, none for an entity that can be kept.
func (k *Kind) Validate(e *Entity) []errs.Field { panic("TODO") }

// Store returns e as it is stored: encoded, tagged, with links, facets and words.
func (k *Kind) Store(workspace string, e *Entity) *Stored { panic("TODO") }

// Load reads an entity back from its row, also from one of a lower shape.
func (k *Kind) Load(r *Row) (*Entity, error) { panic("TODO") }

// LoadRevision reads the entity as a revision left it. It has no author.
func (k *Kind) LoadRevision(r *Revision) (*Entity, error) { panic("TODO") }

// Equal tells whether a and b have the same fields, and are archived and deleted
// at the same times.
func (k *Kind) Equal(a, b *Entity) bool { panic("TODO") }

// Changed returns the names of the fields in which a and b differ, in table
// order; archivedAt and deletedAt count as fields.
func (k *Kind) Changed(a, b *Entity) []string { panic("TODO") }

// Diff is how two versions of an entity differ: values by the field's name.
type Diff struct {
	Added, Removed map[string]jsontext.Value
	Changed        map[string]Change
}

// Change is the value of a field before and after.
type Change struct{ Before, After jsontext.Value }

// Diff returns what changed from before to after; nil stands for an entity
// without fields.
func (k *Kind) Diff(before, after *Entity) Diff { panic("TODO") }

// AppendRecord appends e as export and import write it: one flat JSON object
// with everything that is kept, on one line, without a line end.
func (k *Kind) AppendRecord(dst []byte, e *Entity) []byte { panic("TODO") }

// Record is an entity as an import reads it.
type Record struct {
	Kind   *Kind
	Entity *Entity
	// Unknown are fields that the kind does not have and that have content.
	Unknown []string
}

// Text returns the value of a text or enum field, "" where it is not set.
func (e *Entity) Text(field string) string { panic("TODO") }

// Texts returns the value of a list of texts.
func (e *Entity) Texts(field string) []string { panic("TODO") }

// Questions returns the qualifying questions of e.
func (e *Entity) Questions() []Question { panic("TODO") }

// WithQuestions returns a copy of e that has these qualifying questions.
func (e *Entity) WithQuestions(questions []Question) *Entity { panic("TODO") }
