package cli

import (
	"context"
	"fmt"
	"time"

	"personae.dev/internal/cli/format"
	"personae.dev/internal/library"
	"personae.dev/internal/persona"
)

// maxPurgeShown is how many personas a dry run lists.
const maxPurgeShown = 1000

type purgeCmd struct {
	database
	Retain string `name:"retain-deleted" default:"30d" placeholder:"TIME" env:"PERSONAE_RETAIN_DELETED" help:"How long deleted personas are kept, such as 30d or 12h. Default: ${default}."`
	DryRun bool   `help:"Only show what would go."`
}

// Help implements kong.HelpProvider.
func (purgeCmd) Help() string {
	return `Removes personas of all workspaces that were deleted longer ago, with their history, for good. A
running server does so by itself, once an hour.

Examples:

  personae purge --dry-run
  personae purge --retain-deleted 7d`
}

// Run purges, or shows what it would do.
func (c purgeCmd) Run(ctx context.Context, stdio format.Stdio) error {
	retain, err := parseSpan(c.Retain)
	if err != nil || retain < 0 {
		return persona.BadSettingf("--retain-deleted is %q: write a time such as 30d or 12h.", c.Retain)
	}
	if retain == 0 {
		// The variable may be the server's, and would remove what that one keeps.
		return persona.BadSettingf("--retain-deleted is 0, with which a server keeps deleted personas for good: to remove all of them, write 1s.")
	}
	before := time.Now().Add(-retain)
	return c.open(ctx, func(l *library.Library) error {
		rows := [][]string{{"WORKSPACE", "PERSONA", "NAME", "DELETED"}}
		note := func(d persona.DeletedPersona) {
			rows = append(rows, []string{d.WorkspaceOID, d.OID, d.Name, format.Time(&d.DeletedAt)})
		}
		if c.DryRun {
			deleted, err := l.Purgeable(ctx, before, maxPurgeShown)
			if err != nil {
				return err
			}
			for _, d := range deleted {
				note(d)
			}
			if len(deleted) == maxPurgeShown {
				fmt.Fprintf(stdio.Err, "The first %d are shown; there may be more.\n", maxPurgeShown)
			}
			return format.Table(stdio.Out, rows)
		}
		if err := l.Purge(ctx, before, note); err != nil {
			return err
		}
		fmt.Fprintf(stdio.Err, "Purged: %d personas.\n", len(rows)-1)
		return format.Table(stdio.Out, rows)
	})
}
