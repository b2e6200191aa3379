// Package format reads and writes for the commands: the streams of the program,
// tables, JSON and YAML, and progress bars. It knows no command and no kind.
package format

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"personae.dev/internal/errs"
)

// Stdio has the streams of the program.
type Stdio struct {
	In       io.Reader
	Out, Err io.Writer
	// Lent, if there is one, is true while another program has the terminal: a
	// Ctrl-C is that program's.
	Lent *atomic.Bool
}

// IsTerminal tells whether a stream is a terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Interactive tells whether there is a person to ask.
func (s Stdio) Interactive() bool { return IsTerminal(s.In) && IsTerminal(s.Err) }

// Coloured returns a line of a difference in the colour of its mark: removed lines
// are red and added ones green, on a terminal, unless NO_COLOR is set.
func Coloured(w io.Writer, line string) string {
	if !IsTerminal(w) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return line
	}
	switch line[0] {
	case '-':
		return "\x1b[31m" + line + "\x1b[0m"
	case '+':
		return "\x1b[32m" + line + "\x1b[0m"
	}
	return line
}

// Read returns what a file has, or stdin for "-". It gives up when ctx ends.
func (s Stdio) Read(ctx context.Context, file string) ([]byte, error) {
	if file != "-" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, errs.BadSettingf("The file cannot be read: %s.", err)
		}
		return text, nil
	}
	type result struct {
		text []byte
		err  error
	}
	read := make(chan result, 1)
	go func() { // reading a terminal or a pipe does not end with the context
		text, err := io.ReadAll(s.In)
		read <- result{text, err}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-read:
		if r.err != nil {
			return nil, fmt.Errorf("read stdin: %w", r.err)
		}
		return r.text, nil
	}
}

// Progress returns a bar that shows bytes, on a terminal only; size is -1 where
// it is not known.
func Progress(w io.Writer, size int64, what string) *progressbar.ProgressBar {
	return bar(w, size, what, progressbar.OptionShowBytes(true))
}

// Count is Progress for things that are counted.
func Count(w io.Writer, total int64, what string) *progressbar.ProgressBar {
	return bar(w, total, what, progressbar.OptionShowCount())
}

func bar(w io.Writer, total int64, what string, unit progressbar.Option) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total, unit,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetVisibility(IsTerminal(w)),
		progressbar.OptionSetDescription(what),
		progressbar.OptionClearOnFinish(),
	)
}

// ExitError is an error with an exit code of its own.
type ExitError struct {
	Code int
	Err  error
}

// Error implements error.
func (e *ExitError) Error() string { return e.Err.Error() }

// Unwrap returns the error itself.
func (e *ExitError) Unwrap() error { return e.Err }
