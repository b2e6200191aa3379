package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/schollz/progressbar/v3"

	"personae.dev/internal/library"
	"personae.dev/internal/persona"
	"personae.dev/internal/wire"
)

type exportCmd struct {
	inWorkspace
	Output string `short:"o" default:"-" placeholder:"FILE" help:"The file to write, complete or not at all. Without it, stdout."`
}

// Help implements kong.HelpProvider.
func (exportCmd) Help() string {
	return `One persona a line, oldest first, archived and deleted ones too, in the format that import reads.
What is exported and imported into an empty workspace is the same library: its own export has the
same bytes. Authors are accounts, and no part of it.

Examples:

  personae export --output library.jsonl
  personae export --workspace Sandbox | jq -r .name`
}

// Run exports.
func (c exportCmd) Run(ctx context.Context, stdio Stdio) error {
	return c.open(ctx, func(l *library.Library, workspace persona.Workspace) error {
		bar := progressbar.DefaultBytesSilent(-1)
		if !isTerminal(stdio.Out) || c.Output != "-" {
			bar = progress(stdio.Err, -1, "exporting")
		}
		count := 0
		err := c.write(stdio, func(w io.Writer) error {
			buffered := bufio.NewWriterSize(io.MultiWriter(w, bar), 64<<10)
			for p, err := range l.Export(ctx, workspace) {
				if err != nil {
					return err
				}
				line, err := wire.EncodeRecord(p)
				if err != nil {
					return err
				}
				count++
				if _, err := buffered.Write(append(line, '\n')); err != nil {
					return fmt.Errorf("export: %w", err)
				}
			}
			return buffered.Flush()
		})
		_ = bar.Finish()
		if err != nil {
			return err
		}
		fmt.Fprintf(stdio.Err, "Exported from %s: %d personas.\n", workspace.Name, count)
		return nil
	})
}

// write calls fill with stdout, or with a file that takes its name when it is
// complete.
func (c exportCmd) write(stdio Stdio, fill func(io.Writer) error) (err error) {
	if c.Output == "-" {
		return fill(stdio.Out)
	}
	if info, err := os.Stat(c.Output); err == nil && info.IsDir() {
		return persona.BadSettingf("%s is a folder: name a file with --output.", c.Output)
	}
	f, err := os.CreateTemp(filepath.Dir(c.Output), "."+filepath.Base(c.Output)+"-*")
	if err != nil {
		return persona.BadSettingf("The file cannot be written: %s.", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if err := fill(f); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return os.Rename(f.Name(), c.Output)
}
