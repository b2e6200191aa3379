package cli

import (
	"context"
	"fmt"
	"strconv"

	"personae.dev/internal/app"
	"personae.dev/internal/cli/format"
)

type migrateCmd struct {
	database
	Status      bool `xor:"work" help:"Only show which steps the database has; exit code 1 where some are missing."`
	SearchIndex bool `xor:"work" help:"Also build the search index anew from the personas, after the steps. SQLite only."`
}

// Help implements kong.HelpProvider.
func (migrateCmd) Help() string {
	return `The server does the same when it starts. Steps go forward only: take a backup first.

A search index that is damaged fails searches and changes, with a message that says so. --search-index builds it anew, in
one transaction; changes wait for its end, so stop the server first where there are many personas.

Examples:

  personae migrate --status
  personae migrate --database sqlite:/var/lib/personae/personae.db
  personae migrate --search-index --database sqlite:/var/lib/personae/personae.db`
}

// Run migrates, or shows what it would do.
func (c migrateCmd) Run(ctx context.Context, stdio format.Stdio) error {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	switch {
	case c.Status:
	case c.SearchIndex:
		err = app.FillSearchIndex(ctx, c.Database, settings)
	default:
		err = app.Migrate(ctx, c.Database, settings)
	}
	if err != nil {
		return err
	}
	steps, err := app.Migrations(ctx, c.Database, settings)
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
