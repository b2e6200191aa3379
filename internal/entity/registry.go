package entity

import "personae.dev/internal/errs"

// Registry is the kinds of a library, in a fixed order.
type Registry struct {
	kinds []*Kind
}

// NewRegistry returns a registry of the kinds, and panics where a table breaks a
// rule: it is a mistake in the program.
func NewRegistry(kinds ...*Kind) *Registry { panic("TODO") }

// Kinds returns all kinds in order. Do not change it.
func (r *Registry) Kinds() []*Kind { return r.kinds }

// Kind returns the kind of a name, or an Invalid error that lists the names and
// suggests a near one. Names, plurals, titles, revision and tool names are
// known, in any case.
func (r *Registry) Kind(name string) (*Kind, error) { panic("TODO") }

// LinkFilter returns what a list of kind filters by where filter (FilterOffering,
// FilterPlaybook) is target; ok is false where nothing can match.
func (r *Registry) LinkFilter(kind *Kind, filter, target string) (_ LinkFilter, ok bool) { panic("TODO") }

// DecodeRecords reads what an import takes: the record of an export, an answer
// of get, or an answer of list, with data nested or flat. kind is the kind of
// what does not name one. keep tells whether unknown fields with content are
// returned in Record.Unknown, instead of being errors with a suggestion.
func (r *Registry) DecodeRecords(value []byte, kind *Kind, ignoreUnknown bool) ([]Record, []errs.Field) {
	panic("TODO")
}
