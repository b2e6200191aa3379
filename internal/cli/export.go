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

	"personae.dev/internal/account"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
)

type exportCmd struct {
	inWorkspace
	Output string   `short:"o" default:"-" placeholder:"FILE" help:"The file to write, either completely or not at all. Default: stdout."`
	Kind   []string `placeholder:"KIND" help:"Only this kind, such as persona. May be repeated. Default: all kinds."`
}

// Help implements kong.HelpProvider.
func (exportCmd) Help() string {
	return `One entity a line, oldest first, with archived and deleted ones, as import reads it. To import an
export into an empty workspace gives the same library: its export has the same bytes. Authors are
accounts, and not part of it. A new file can be read by its owner alone; an existing one keeps its
permissions.

Examples:

  personae export --output library.jsonl
  personae export --workspace Sandbox --kind persona | jq -r .name`
}

// Run exports.
func (c exportCmd) Run(ctx context.Context, stdio format.Stdio) error {
	return c.open(ctx, func(l *library.Library, workspace account.Workspace) error {
		var kinds []*entity.Kind
		for _, name := range c.Kind {
			kind, err := l.Registry().Kind(name)
			if err != nil {
				return errs.BadSettingf("--kind: %s", describe(err))
			}
			kinds = append(kinds, kind)
		}
		bar := progressbar.DefaultBytesSilent(-1)
		if !format.IsTerminal(stdio.Out) || c.Output != "-" {
			bar = format.Progress(stdio.Err, -1, "exporting")
		}
		count := 0
		err := c.write(stdio, func(w io.Writer) error {
			buffered := bufio.NewWriterSize(io.MultiWriter(w, bar), 64<<10)
			for record, err := range l.Export(ctx, workspace, kinds...) {
				if err != nil {
					return err
				}
				count++
				if _, err := buffered.Write(append(record, '\n')); err != nil {
					return fmt.Errorf("export: %w", err)
				}
			}
			return buffered.Flush()
		})
		_ = bar.Finish()
		if err != nil {
			return err
		}
		fmt.Fprintf(stdio.Err, "Exported from %s: %s.\n", workspace.Name, entities(count))
		return nil
	})
}

// write calls fill with stdout, or with a file that gets its name when it is
// complete.
func (c exportCmd) write(stdio format.Stdio, fill func(io.Writer) error) (err error) {
	if c.Output == "-" {
		return fill(stdio.Out)
	}
	// A symbolic link stays one: what it leads to is replaced.
	target := c.Output
	if followed, err := filepath.EvalSymlinks(target); err == nil {
		target = followed
	}
	info, err := os.Stat(target)
	switch {
	case err == nil && info.IsDir():
		return errs.BadSettingf("%s is a folder: name a file with --output.", c.Output)
	case err == nil && !info.Mode().IsRegular():
		return writeThrough(target, fill) // a pipe or a device
	}
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+"-*")
	if err != nil {
		return errs.BadSettingf("The file cannot be written: %s.", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if info != nil { // the file that is replaced
		if err := f.Chmod(info.Mode().Perm()); err != nil {
			return errors.Join(fmt.Errorf("export: %w", err), f.Close())
		}
	}
	if err := fill(f); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return os.Rename(f.Name(), target)
}

// writeThrough writes to something that is not a regular file.
func writeThrough(path string, fill func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return errs.BadSettingf("The file cannot be written: %s.", err)
	}
	return errors.Join(fill(f), f.Close())
}
