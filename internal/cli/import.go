package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"

	"github.com/schollz/progressbar/v3"

	"personae.dev/internal/cli/format"
	"personae.dev/internal/library"
	"personae.dev/internal/persona"
	"personae.dev/internal/wire"
)

const (
	// maxFaultyLinesShown is how many lines with faults are listed.
	maxFaultyLinesShown = 100
	// bulkBytes is how large a file is that has a database to itself while it is
	// imported: that of a smaller one takes a second or two, and others can read.
	bulkBytes = 32 << 20
)

type importCmd struct {
	inWorkspace
	File        string `arg:"" help:"JSON lines, one persona each; - reads stdin."`
	User        string `placeholder:"USER" help:"The author of new personas, by id or email address. Without it, the owner."`
	SkipInvalid bool   `help:"Leave out lines with faults, and import the others."`
}

// Help implements kong.HelpProvider.
func (importCmd) Help() string {
	return `Each line is the body of persona/create, and may have oId, qualifyingQuestions, active,
unrecognized, rejected, createdAt, updatedAt, archivedAt and deletedAt beside it. Every fault is
reported with its line and field. Without --skip-invalid, one fault and nothing is imported. A
persona whose oId is there already is replaced by the line, and what the line leaves out is
cleared: to import a file twice changes nothing.

Examples:

  personae import examples/onet/personas.jsonl
  personae import --workspace Sandbox --skip-invalid personas.jsonl
  personae export --workspace Production | personae import --workspace Sandbox -`
}

// Run imports.
func (c importCmd) Run(ctx context.Context, stdio format.Stdio) error {
	info, err := os.Stat(c.File)
	c.bulk = err == nil && info.Size() >= bulkBytes
	return c.open(ctx, func(l *library.Library, workspace persona.Workspace) error {
		author, err := l.User(ctx, workspace, c.User)
		if err != nil {
			return err
		}
		input, size, done, err := c.input(ctx, stdio)
		if err != nil {
			return err
		}
		defer done()
		bar := format.Progress(stdio.Err, size, "importing")
		read := progressbar.NewReader(input, bar)

		shown, hidden := 0, 0
		unknown := map[string]int{}
		opts := library.ImportOptions{Workspace: workspace, Author: *author, SkipInvalid: c.SkipInvalid}
		opts.Fault = func(line int, faults []persona.Fault) {
			if shown == maxFaultyLinesShown {
				hidden++
				return
			}
			shown++
			_ = bar.Clear()
			for _, fault := range faults {
				fmt.Fprintf(stdio.Err, "%s:%d: %s\n", c.File, line, fault)
			}
		}
		report, err := l.Import(ctx, opts, readLines(&read, unknown))
		_ = bar.Finish()
		if hidden > 0 {
			fmt.Fprintf(stdio.Err, "%s: more lines with faults: %d\n", c.File, hidden)
		}
		warnUnknown(stdio.Err, unknown)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdio.Err, "Imported into %s: %d created, %d updated, %d unchanged, %d skipped.\n",
			workspace.Name, report.Created, report.Updated, report.Unchanged, report.Invalid)
		return nil
	})
}

// input opens what is to be imported. What is no regular file, such as stdin or
// a pipe, is copied first: while it trickles in, nobody shall wait for the
// database.
func (c importCmd) input(ctx context.Context, stdio format.Stdio) (_ io.Reader, size int64, done func(), err error) {
	if c.File == "-" {
		return c.copied(ctx, stdio, stdio.In)
	}
	f, err := os.Open(c.File)
	if err != nil {
		return nil, 0, nil, persona.BadSettingf("The file cannot be read: %s.", err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = persona.BadSettingf("%s is a folder: name a file of JSON lines.", c.File)
	case info.Mode().IsRegular():
		return f, info.Size(), func() { _ = f.Close() }, nil
	default:
		defer f.Close()
		return c.copied(ctx, stdio, f)
	}
	return nil, 0, nil, errors.Join(err, f.Close())
}

// copied copies from into a file that goes away with done, or at once where the
// system allows it.
func (c importCmd) copied(ctx context.Context, stdio format.Stdio, from io.Reader) (_ io.Reader, size int64, done func(), err error) {
	f, err := os.CreateTemp("", "personae-import-*.jsonl")
	if err != nil {
		return nil, 0, nil, fmt.Errorf("import: keep the input in a file: %w", err)
	}
	_ = os.Remove(f.Name()) // the file stays until it is closed; Windows refuses
	done = func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}
	bar := format.Progress(stdio.Err, -1, "reading")
	type copied struct {
		bytes int64
		err   error
	}
	copying := make(chan copied, 1)
	go func() {
		n, err := io.Copy(io.MultiWriter(f, bar), from)
		copying <- copied{n, err}
	}()
	select {
	case c := <-copying:
		size, err = c.bytes, c.err
	case <-ctx.Done(): // what is read from may never end
		return nil, 0, nil, ctx.Err()
	}
	_ = bar.Finish()
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		done()
		return nil, 0, nil, fmt.Errorf("import: keep the input in a file: %w", err)
	}
	return f, size, done, nil
}

// readLines reads JSON lines, and counts the names of unknown fields in unknown
// if it is not nil.
func readLines(r io.Reader, unknown map[string]int) iter.Seq2[library.ImportLine, error] {
	return func(yield func(library.ImportLine, error) bool) {
		for line, err := range wire.DecodeLines(r) {
			if unknown != nil {
				for _, name := range line.Unknown {
					unknown[name]++
				}
			}
			if !yield(library.ImportLine{Number: line.Number, Size: line.Size, Persona: line.Persona, Faults: line.Faults}, err) {
				return
			}
		}
	}
}

func warnUnknown(w io.Writer, unknown map[string]int) {
	names := make([]string, 0, len(unknown))
	for name := range unknown {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		if i == wire.MaxUnknown {
			fmt.Fprintf(w, "warning: %d more unknown fields were ignored\n", len(names)-i)
			return
		}
		fmt.Fprintf(w, "warning: the unknown field %q was ignored (lines: %d)\n", name, unknown[name])
	}
}
