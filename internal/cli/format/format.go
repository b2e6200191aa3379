// Package format is how the commands read and write: the streams of the program,
// tables, JSON and YAML, and how far a long one is.
//
// It knows no command, and nothing of personas.
package format

import (
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
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

// Progress returns a bar that shows bytes, on a terminal only; size is -1 where
// it is not known.
func Progress(w io.Writer, size int64, what string) *progressbar.ProgressBar {
	return progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetVisibility(IsTerminal(w)),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true),
		progressbar.OptionClearOnFinish(),
	)
}
