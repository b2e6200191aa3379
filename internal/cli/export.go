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

	"personae.dev/internal/cli/format"
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
func (c exportCmd) Run(ctx context.Context, stdio format.Stdio) error {
	return c.open(ctx, func(l *library.Library, workspace persona.Workspace) error {
		bar := progressbar.DefaultBytesSilent(-1)
		if !format.IsTerminal(stdio.Out) || c.Output != "-" {
			bar = format.Progress(stdio.Err, -1, "exporting")
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
func (c exportCmd) write(stdio format.Stdio, fill func(io.Writer) error) (err error) {
	if c.Output == "-" {
		return fill(stdio.Out)
	}
	// Where a link leads, the file is; the link stays.
	target := c.Output
	if followed, err := filepath.EvalSymlinks(target); err == nil {
		target = followed
	}
	info, err := os.Stat(target)
	switch {
	case err == nil && info.IsDir():
		return persona.BadSettingf("%s is a folder: name a file with --output.", c.Output)
	case err == nil && !info.Mode().IsRegular():
		return writeThrough(target, fill) // a pipe or a device, which must stay what it is
	}
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+"-*")
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
	return os.Rename(f.Name(), target)
}

// writeThrough fills what is there, and is no regular file.
func writeThrough(path string, fill func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return persona.BadSettingf("The file cannot be written: %s.", err)
	}
	return errors.Join(fill(f), f.Close())
}
