package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"personae.dev/internal/cli/format"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
)

// maxPurgeShown is how many entities a dry run lists, and how many a purge
// collects before it writes them as a table.
const maxPurgeShown = 1000

type purgeCmd struct {
	database
	Retain string `name:"retain-deleted" default:"30d" placeholder:"TIME" env:"PERSONAE_RETAIN_DELETED" help:"How long deleted entities are kept, such as 30d or 12h. Default: ${default}."`
	DryRun bool   `help:"Only show what would be removed."`
}

// Help implements kong.HelpProvider.
func (purgeCmd) Help() string {
	return `Removes entities of all workspaces that were deleted longer ago than --retain-deleted, with their
history, for good, and lists them. A running server does this once an hour, with its own
--retain-deleted.

Examples:

  personae purge --dry-run
  personae purge --retain-deleted 7d`
}

// Run purges, or shows what it would do.
func (c purgeCmd) Run(ctx context.Context, stdio format.Stdio) error {
	retain, err := parseSpan(c.Retain)
	if err != nil {
		return errs.BadSettingf("--retain-deleted is %q: write a time such as 30d or 12h.", c.Retain)
	}
	if retain == 0 {
		// The variable may be the server's, where 0 means to keep them.
		return errs.BadSettingf("--retain-deleted is 0, which means to keep deleted entities: to remove all of them, write 1s.")
	}
	before := time.Now().Add(-retain)
	return c.open(ctx, func(l *library.Library) error {
		if c.DryRun {
			return c.show(ctx, l, before, stdio)
		}
		return c.purge(ctx, l, before, stdio)
	})
}

// show lists what purge would remove.
func (c purgeCmd) show(ctx context.Context, l *library.Library, before time.Time, stdio format.Stdio) error {
	deleted, total, err := l.Purgeable(ctx, before, maxPurgeShown)
	if err != nil {
		return err
	}
	if total == 0 {
		fmt.Fprintf(stdio.Err, "Nothing would be purged: nothing was deleted more than %s ago.\n", c.Retain)
		return nil
	}
	rows := purgeRows()
	for _, d := range deleted {
		rows = append(rows, purgeRow(d))
	}
	if err := format.Table(stdio.Out, rows); err != nil {
		return err
	}
	fmt.Fprintf(stdio.Err, "Would be purged: %s.", entities(total))
	if more := total - len(deleted); more > 0 {
		fmt.Fprintf(stdio.Err, " Shown are the %d that were deleted first; there are %d more.", len(deleted), more)
	}
	fmt.Fprintln(stdio.Err)
	return nil
}

// purge removes, and lists what is gone, also if it fails in between.
func (c purgeCmd) purge(ctx context.Context, l *library.Library, before time.Time, stdio format.Stdio) error {
	count := 0
	rows := purgeRows()
	var shown error
	err := l.Purge(ctx, before, func(d entity.DeletedEntity) {
		count++
		if rows = append(rows, purgeRow(d)); len(rows) > maxPurgeShown { // so that memory is bounded
			shown = errors.Join(shown, format.Table(stdio.Out, rows))
			rows = nil
		}
	})
	if count > 0 {
		shown = errors.Join(shown, format.Table(stdio.Out, rows))
	}
	switch {
	case count > 0:
		fmt.Fprintf(stdio.Err, "Purged: %s.\n", entities(count))
	case err == nil:
		fmt.Fprintf(stdio.Err, "Nothing was purged: nothing was deleted more than %s ago.\n", c.Retain)
	}
	return errors.Join(err, shown)
}

func purgeRows() [][]string { return [][]string{{"WORKSPACE", "KIND", "ID", "NAME", "DELETED"}} }

func purgeRow(d entity.DeletedEntity) []string {
	return []string{d.Workspace, d.Kind, d.OID, d.Name, format.Time(&d.DeletedAt)}
}
