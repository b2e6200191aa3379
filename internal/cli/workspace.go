package cli

import (
	"context"
	"fmt"

	"personae.dev/apitype"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/library"
)

type workCmd struct {
	Create workspaceCreateCmd `cmd:"" help:"Create a workspace and print its id."`
	List   workspaceListCmd   `cmd:"" help:"List all workspaces."`
	Rename workspaceRenameCmd `cmd:"" help:"Change the name of a workspace."`
}

type workspaceCreateCmd struct {
	database
	Name            string  `arg:"" help:"The name, unique in the organization."`
	Domain          *string `placeholder:"DOMAIN" help:"The internet domain of the workspace, such as example.com."`
	Organization    string  `xor:"organization" placeholder:"NAME" help:"The organization, by name, slug or id. Not needed if there is only one."`
	NewOrganization string  `xor:"organization" placeholder:"NAME" help:"Create the workspace in a new organization of this name, with an owner."`
}

// Help implements kong.HelpProvider.
func (workspaceCreateCmd) Help() string {
	return `Each workspace has its own entities and keys; nothing in it can be seen from another.

Examples:

  personae workspace create Sandbox
  personae workspace create --new-organization "Globex" --domain globex.example Sales`
}

// Run creates a workspace.
func (c workspaceCreateCmd) Run(ctx context.Context, stdio format.Stdio) error {
	return c.open(ctx, func(l *library.Library) error {
		wanted := library.NewWorkspace{Name: c.Name, Domain: c.Domain, Organization: c.Organization}
		if c.NewOrganization != "" {
			wanted.Organization, wanted.NewOrganization = c.NewOrganization, true
		}
		workspace, err := l.CreateWorkspace(ctx, wanted)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdio.Err, "Workspace %s was created. Create a key for it with: personae key create --workspace %s\n", workspace.Name, workspace.OID)
		_, err = fmt.Fprintln(stdio.Out, workspace.OID)
		return err
	})
}

type workspaceListCmd struct {
	database
	format.Output
}

// Help implements kong.HelpProvider.
func (workspaceListCmd) Help() string { return "Example:\n\n  personae workspace list --output json" }

// Run lists the workspaces.
func (c workspaceListCmd) Run(ctx context.Context, stdio format.Stdio) error {
	type entry struct {
		ID           string        `json:"id"`
		Name         string        `json:"name"`
		Domain       *string       `json:"domain"`
		Organization string        `json:"organization"`
		CreatedAt    *apitype.Time `json:"createdAt"`
	}
	return c.open(ctx, func(l *library.Library) error {
		workspaces, err := l.Workspaces(ctx)
		if err != nil {
			return err
		}
		organizations, err := l.Organizations(ctx)
		if err != nil {
			return err
		}
		slugs := map[string]string{}
		for _, o := range organizations {
			slugs[o.OID] = o.Slug
		}
		entries := []entry{}
		rows := [][]string{{"ID", "NAME", "DOMAIN", "ORGANIZATION", "CREATED"}}
		for _, w := range workspaces {
			slug := slugs[w.OrganizationOID]
			entries = append(entries, entry{w.OID, w.Name, w.Domain, slug, format.JSONTime(&w.CreatedAt)})
			rows = append(rows, []string{w.OID, w.Name, text(w.Domain), slug, format.Time(&w.CreatedAt)})
		}
		return c.List(stdio.Out, entries, rows)
	})
}

type workspaceRenameCmd struct {
	database
	Workspace string `arg:"" help:"The workspace, by name or id."`
	Name      string `arg:"" help:"The new name, unique in the organization."`
}

// Help implements kong.HelpProvider.
func (workspaceRenameCmd) Help() string {
	return `A running server shows the new name within a second.

Example:

  personae workspace rename "My Workspace" Sales`
}

// Run renames a workspace.
func (c workspaceRenameCmd) Run(ctx context.Context, stdio format.Stdio) error {
	return c.open(ctx, func(l *library.Library) error {
		w, err := l.RenameWorkspace(ctx, c.Workspace, c.Name)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdio.Err, "Workspace %s is now called %s.\n", w.OID, w.Name)
		return nil
	})
}

// text is "" for no text.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
