// Package examples holds data that a user can import to try Personae with.
package examples

import _ "embed"

//go:embed demo.jsonl
var demo string

// Demo returns demo.jsonl: twelve complete personas, the buying committee of
// one fictional vendor, in the import format. Each line is the JSON of an
// [personae.dev/apitype.PersonaRecord], and the last one ends with a newline
// too.
func Demo() string { return demo }
