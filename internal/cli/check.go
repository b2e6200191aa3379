package cli

import (
	"context"
	"fmt"

	"personae.dev/internal/cli/format"
	"personae.dev/internal/server"
)

type checkCmd struct {
	database
	Repair bool `help:"Write columns, links and search words again where they are wrong. Documents are never changed."`
}

// Help implements kong.HelpProvider.
func (checkCmd) Help() string {
	return `Reads every entity and compares it with its checksum, and columns, links and search words with what the
entity says. A server may run meanwhile. A damaged entity must be restored from a backup; everything
else can be repaired. The exit code is 1 if a problem is left.

Examples:

  personae check
  personae check --repair --database /var/lib/personae/personae.db`
}

// Run checks.
func (c checkCmd) Run(ctx context.Context, stdio format.Stdio) error {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	report, err := server.Check(ctx, c.Database, settings, c.Repair, func(problem string) { fmt.Fprintln(stdio.Out, problem) })
	if err != nil {
		return err
	}
	fmt.Fprintf(stdio.Err, "Checked %s: %d damaged, %d wrong, %d repaired, %d other problems.\n",
		entities(report.Entities), report.Damaged, report.Wrong, report.Repaired, report.Other)
	if left := report.Problems(); left > 0 {
		return fmt.Errorf("problems left: %d", left)
	}
	return nil
}
