package entity

import (
	"slices"
	"strings"
)

// Summary says in words what the change did.
func (r *Revision) Summary() string {
	verb := map[Action]string{
		ActionCreated: "Created", ActionImported: "Imported", ActionArchived: "Archived", ActionDeleted: "Deleted",
		ActionRestored: "Restored", ActionReverted: "Reverted to an earlier revision", ActionUpdated: "Updated",
	}[r.Action]
	fields := slices.DeleteFunc(slices.Clone(r.Fields), isDate)
	if r.Action == ActionDeleted || r.Action == ActionArchived || len(fields) == 0 {
		return verb
	}
	names := strings.Join(fields[:len(fields)-1], ", ")
	if names != "" {
		names += " and "
	}
	names += fields[len(fields)-1]
	if r.Action == ActionUpdated {
		return verb + " " + names
	}
	return verb + ": " + names
}
