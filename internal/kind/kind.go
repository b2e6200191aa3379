// Package kind holds the kinds of the library, one file each: a function that
// returns the kind's table. Everything else follows from the tables.
//
// To add a kind, write its file and run make generate.
package kind

import "personae.dev/internal/entity"

//go:generate go run ./gen/kinds
//go:generate go run ./gen ../..

// Registry returns a new registry of all kinds.
func Registry() *entity.Registry { return entity.NewRegistry(kinds()...) }
