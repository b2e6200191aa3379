// Package format is how the commands read and write: the streams of the program,
// tables, JSON and YAML.
//
// It knows no command, and nothing of personas.
package format

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Stdio is where the program reads and writes.
type Stdio struct {
	In       io.Reader
	Out, Err io.Writer
}

// IsTerminal tells whether a person is at the other end of a stream.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
