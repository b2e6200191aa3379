package cli

import (
	"context"
	"fmt"

	"personae.dev/apitype"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/library"
)

type orgCmd struct {
	List   orgListCmd   `cmd:"" help:"List all organizations."`
	Rename orgRenameCmd `cmd:"" help:"Change the name of an organization."`
}

type orgListCmd struct {
	database
	format.Output
}

// Help implements kong.HelpProvider.
func (orgListCmd) Help() string { return "Example:\n\n  personae organization list --output json" }

// Run lists the organizations.
func (c orgListCmd) Run(ctx context.Context, stdio format.Stdio) error {
	type entry struct {
		ID        string        `json:"id"`
		Name      string        `json:"name"`
		Slug      string        `json:"slug"`
		CreatedAt *apitype.Time `json:"createdAt"`
	}
	return c.open(ctx, func(l *library.Library) error {
		organizations, err := l.Organizations(ctx)
		if err != nil {
			return err
		}
		entries := []entry{}
		rows := [][]string{{"ID", "NAME", "SLUG", "CREATED"}}
		for _, o := range organizations {
			entries = append(entries, entry{o.OID, o.Name, o.Slug, format.JSONTime(&o.CreatedAt)})
			rows = append(rows, []string{o.OID, o.Name, o.Slug, format.Time(&o.CreatedAt)})
		}
		return c.List(stdio.Out, entries, rows)
	})
}

type orgRenameCmd struct {
	database
	Name         string `arg:"" help:"The new name."`
	Organization string `placeholder:"NAME" help:"The organization, by name, slug or id. Not needed if there is only one."`
}

// Help implements kong.HelpProvider.
func (orgRenameCmd) Help() string {
	return `The slug follows the name. A running server shows both within a second.

Examples:

  personae organization rename "Acme, Inc."
  personae organization rename --organization globex "Globex Corporation"`
}

// Run renames an organization.
func (c orgRenameCmd) Run(ctx context.Context, stdio format.Stdio) error {
	return c.open(ctx, func(l *library.Library) error {
		o, err := l.RenameOrganization(ctx, c.Organization, c.Name)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdio.Err, "Organization %s is now called %s, with the slug %s.\n", o.OID, o.Name, o.Slug)
		return nil
	})
}
