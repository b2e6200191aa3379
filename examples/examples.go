// Package examples holds data that a user can import to try Personae with.
package examples

import _ "embed"

//go:embed demo.jsonl
var demo string

// Demo returns demo.jsonl: the library of one fictional vendor, in the import
// format, one entity a line: its twelve personas, then its products, segments,
// use cases and the rest. The last line ends with a newline, too.
func Demo() string { return demo }
