package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
)

type revertCmd struct {
	inWorkspace
	Key    string  `required:"" placeholder:"ID" help:"The key's id (ak_…), as key list and history show it."`
	Since  instant `required:"" placeholder:"TIME" help:"Undo what it changed since then: a time ago (2h, 3d), a day (2027-01-31) or a time (RFC 3339)."`
	User   string  `placeholder:"USER" help:"In whose name it is done, by id or email address. Default: the owner."`
	DryRun bool    `help:"Only show what would change."`
	Force  bool    `help:"Also revert what somebody else changed later. Their change is undone with it, and stays in the history."`
}

// Help implements kong.HelpProvider.
func (revertCmd) Help() string {
	return `Each entity becomes what it was before the key changed it, and what the key created is deleted, all in
one transaction. What somebody else has changed since is a conflict, and left as it is unless --force
is given. Nothing is lost: each step is a new revision.

Examples:

  personae revert --key ak_06DFGNZRiDHBWpqvR0XvAb --since 2h --dry-run
  personae revert --key ak_06DFGNZRiDHBWpqvR0XvAb --since 2h`
}

// Run reverts, or shows what it would do.
func (c revertCmd) Run(ctx context.Context, stdio format.Stdio) error {
	return c.open(ctx, func(l *library.Library, workspace account.Workspace) error {
		by, err := l.User(ctx, workspace, c.User)
		if err != nil {
			return err
		}
		plan, err := l.RevertKey(ctx, library.RevertKeyOptions{
			Workspace: workspace, KeyOID: c.Key, Since: c.Since.at, By: *by, DryRun: c.DryRun, Force: c.Force,
		})
		if err != nil {
			return err
		}
		if len(plan) == 0 {
			fmt.Fprintf(stdio.Err, "The key %s has changed nothing in %s since %s.\n", c.Key, workspace.Name, format.Time(&c.Since.at))
			return nil
		}
		rows := [][]string{{"KIND", "ID", "NAME", "ACTION", "CHANGES", "FIELDS", "CHANGED LATER BY"}}
		counts := map[library.RevertAction]int{}
		for _, step := range plan {
			counts[step.Action]++
			rows = append(rows, []string{step.Kind, step.OID, step.Name, string(step.Action), strconv.Itoa(step.Changes), strings.Join(step.Fields, ", "), step.ChangedBy})
		}
		if err := format.Table(stdio.Out, rows); err != nil {
			return err
		}
		done := "Done"
		if c.DryRun {
			done = "Nothing was changed. To do this"
		}
		fmt.Fprintf(stdio.Err, "%s: %d reverted, %d deleted, %d unchanged, %d conflicts.\n", done,
			counts[library.RevertToBefore], counts[library.RevertDelete], counts[library.RevertNothing], counts[library.RevertConflict])
		return nil
	})
}

// instant is a time in the past.
type instant struct{ at time.Time }

// UnmarshalText implements encoding.TextUnmarshaler.
func (i *instant) UnmarshalText(text []byte) error {
	at, err := parseTime(string(text), -1)
	if err != nil || at.After(time.Now()) {
		return errs.Invalidf("%q is not a time in the past: write 2h, 3d, 2027-01-31 or 2027-01-31T12:00:00Z", text)
	}
	i.at = at
	return nil
}
