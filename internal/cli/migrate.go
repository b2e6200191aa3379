package cli

import (
	"context"
	"fmt"
	"strconv"

	"personae.dev/internal/cli/format"
	"personae.dev/internal/server"
)

type migrateCmd struct {
	database
	Status bool `help:"Only show which steps the database has; exit with 1 if some are missing."`
}

// Help implements kong.HelpProvider.
func (migrateCmd) Help() string {
	return `The server does this when it starts. Steps go forward only, so make a backup first.

Examples:

  personae migrate --status
  personae migrate --database /var/lib/personae/personae.db`
}

// Run migrates, or shows what it would do.
func (c migrateCmd) Run(ctx context.Context, stdio format.Stdio) error {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	if !c.Status {
		if err := server.Migrate(ctx, c.Database, settings); err != nil {
			return err
		}
	}
	steps, err := server.Migrations(ctx, c.Database, settings)
	if err != nil {
		return err
	}
	rows := [][]string{{"VERSION", "STEP", "STATE"}}
	pending := 0
	for _, step := range steps {
		state := "applied"
		if !step.Applied {
			state = "missing"
			pending++
		}
		rows = append(rows, []string{strconv.FormatInt(step.Version, 10), step.File, state})
	}
	if err := format.Table(stdio.Out, rows); err != nil {
		return err
	}
	if pending > 0 {
		return fmt.Errorf("missing steps: %d; apply them with `personae migrate`", pending)
	}
	return nil
}
