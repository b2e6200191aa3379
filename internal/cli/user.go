package cli

import (
	"context"
	"fmt"

	"personae.dev/apitype"
	"personae.dev/internal/account"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/library"
)

type userCmd struct {
	Create userCreateCmd `cmd:"" help:"Create a user and print the id."`
	List   userListCmd   `cmd:"" help:"List all users."`
	Rename userRenameCmd `cmd:"" help:"Change the name of a user."`
	Remove userRemoveCmd `cmd:"" help:"Remove a user and revoke their API keys."`
}

type userRenameCmd struct {
	database
	User      string `arg:"" help:"The user, by id, email address or present name."`
	FirstName string `arg:"" help:"The new first name."`
	LastName  string `arg:"" optional:"" help:"The new last name."`
}

// Help implements kong.HelpProvider.
func (userRenameCmd) Help() string {
	return `What the user wrote shows the new name. A running server shows it within a second.

Examples:

  personae user rename "Workspace Owner" Ada Lovelace
  personae user rename ada@example.com Ada King`
}

// Run renames a user.
func (c userRenameCmd) Run(ctx context.Context, stdio format.Stdio) error {
	return c.open(ctx, func(l *library.Library) error {
		user, err := l.RenameUser(ctx, c.User, c.FirstName, c.LastName)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdio.Err, "User %s is now called %s.\n", user.OID, user.Author().Name())
		return nil
	})
}

type userRemoveCmd struct {
	database
	User string `arg:"" help:"The user, by id, email address or name."`
}

// Help implements kong.HelpProvider.
func (userRemoveCmd) Help() string {
	return `All API keys of the user are revoked, and a running server refuses them within a second. What the
user wrote stays, and keeps the name. The email address is free for another user.

Example:

  personae user remove ada@example.com`
}

// Run removes a user.
func (c userRemoveCmd) Run(ctx context.Context, stdio format.Stdio) error {
	return c.open(ctx, func(l *library.Library) error {
		user, err := l.RemoveUser(ctx, c.User)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdio.Err, "User %s (%s) was removed at %s, and all their API keys are revoked.\n", user.Author().Name(), user.OID, format.Time(user.RemovedAt))
		return nil
	})
}

type userCreateCmd struct {
	inWorkspace
	FirstName string  `arg:"" help:"The first name."`
	LastName  string  `arg:"" optional:"" help:"The last name."`
	Email     *string `placeholder:"ADDRESS" help:"The email address, unique in the organization."`
	Role      string  `default:"member" enum:"owner,member" placeholder:"ROLE" help:"owner or member. Default: ${default}."`
}

// Help implements kong.HelpProvider.
func (userCreateCmd) Help() string {
	return `A user belongs to the organization of the workspace. Users are the authors of entities, and each key
acts for one.

Examples:

  personae user create Ada Lovelace --email ada@example.com
  KEY=$(personae key create --user ada@example.com --scope read,write)`
}

// Run creates a user.
func (c userCreateCmd) Run(ctx context.Context, stdio format.Stdio) error {
	return c.open(ctx, func(l *library.Library, workspace account.Workspace) error {
		user, err := l.CreateUser(ctx, library.NewUser{
			FirstName: c.FirstName, LastName: c.LastName, Email: c.Email, Role: account.Role(c.Role), Workspace: workspace,
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(stdio.Err, "User %s was created.\n", user.Author().Name())
		_, err = fmt.Fprintln(stdio.Out, user.OID)
		return err
	})
}

type userListCmd struct {
	database
	format.Listing
}

// Help implements kong.HelpProvider.
func (userListCmd) Help() string { return "Example:\n\n  personae user list --json" }

// Run lists the users.
func (c userListCmd) Run(ctx context.Context, stdio format.Stdio) error {
	type entry struct {
		ID           string        `json:"id"`
		FirstName    string        `json:"firstName"`
		LastName     string        `json:"lastName"`
		Email        *string       `json:"email"`
		Role         account.Role  `json:"role"`
		Organization string        `json:"organizationId"`
		CreatedAt    *apitype.Time `json:"createdAt"`
		RemovedAt    *apitype.Time `json:"removedAt"`
	}
	return c.open(ctx, func(l *library.Library) error {
		users, err := l.Users(ctx)
		if err != nil {
			return err
		}
		entries := []entry{}
		rows := [][]string{{"ID", "FIRST NAME", "LAST NAME", "EMAIL", "ROLE", "ORGANIZATION", "CREATED", "REMOVED"}}
		for _, u := range users {
			entries = append(entries, entry{u.OID, u.FirstName, u.LastName, u.Email, u.Role, u.OrganizationOID, format.JSONTime(&u.CreatedAt), format.JSONTime(u.RemovedAt)})
			rows = append(rows, []string{u.OID, u.FirstName, u.LastName, text(u.Email), string(u.Role), u.OrganizationOID, format.Time(&u.CreatedAt), format.Time(u.RemovedAt)})
		}
		return c.Show(stdio.Out, entries, rows)
	})
}
