package cli

import (
	"context"
	"fmt"

	"personae.dev/apitype"
	"personae.dev/internal/account"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/library"
	"personae.dev/internal/server"
)

type userCmd struct {
	Create userCreateCmd `cmd:"" help:"Create a user and print the id."`
	List   userListCmd   `cmd:"" help:"List all users."`
	Rename userRenameCmd `cmd:"" help:"Change the name of a user."`
	Remove userRemoveCmd `cmd:"" help:"Remove a user and revoke their API keys."`
	Invite userInviteCmd `cmd:"" help:"Create a user who may sign in to the console, and print a link to choose a password."`
	Role   userRoleCmd   `cmd:"" help:"Set what a user may do in a workspace."`
	Reset  userResetCmd  `cmd:"" name:"reset-link" help:"Print a link by which a user chooses a new password."`
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
	return `All API keys of the user are revoked, and a running server refuses them within a second. Password and
sessions of the console end at once. What the user wrote stays, and keeps the name. The email address is free for another user.

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
	format.Output
}

// Help implements kong.HelpProvider.
func (userListCmd) Help() string { return "Example:\n\n  personae user list --output json" }

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
		return c.List(stdio.Out, entries, rows)
	})
}

// publicURL is the flag of commands that print a link.
type publicURL struct {
	PublicURL string `name:"public-url" default:"http://127.0.0.1:7070" placeholder:"URL" env:"PERSONAE_PUBLIC_URL" help:"Where browsers reach the server. Default: ${default}."`
}

// show prints a link for a user.
func (p publicURL) show(stdio format.Stdio, user *account.User, link string) error {
	fmt.Fprintf(stdio.Err, "%s can choose a password with this link, once, within 24 hours:\n", user.Author().Name())
	_, err := fmt.Fprintln(stdio.Out, server.LinkURL(p.PublicURL, link))
	return err
}

type userInviteCmd struct {
	inWorkspace
	publicURL
	Email     string             `arg:"" help:"The email address, with which the user signs in."`
	FirstName string             `arg:"" help:"The first name."`
	LastName  string             `arg:"" optional:"" help:"The last name."`
	Role      account.MemberRole `default:"viewer" enum:"viewer,editor,admin" placeholder:"ROLE" help:"viewer (reads), editor (also writes) or admin (also manages keys and users). Default: ${default}."`
}

// Help implements kong.HelpProvider.
func (userInviteCmd) Help() string {
	return `Only the link is written to stdout; nothing is sent. A user whom the organization has already gets the
role in the workspace, and no link.

Examples:

  personae user invite grace@example.com Grace Hopper --role editor
  personae user invite ada@example.com Ada --role admin --public-url https://personae.example.com`
}

// Run invites a user.
func (c userInviteCmd) Run(ctx context.Context, stdio format.Stdio) error {
	return c.open(ctx, func(l *library.Library, workspace account.Workspace) error {
		user, link, err := l.Invite(ctx, workspace, library.NewMember{FirstName: c.FirstName, LastName: c.LastName, Email: c.Email, Role: c.Role})
		if err != nil {
			return err
		}
		fmt.Fprintf(stdio.Err, "User %s is %s of %s.\n", user.Author().Name(), c.Role, workspace.Name)
		if link == "" {
			return nil
		}
		return c.show(stdio, user, link)
	})
}

type userRoleCmd struct {
	inWorkspace
	User string `arg:"" help:"The user, by id, email address or name."`
	Role string `arg:"" enum:"viewer,editor,admin,none" help:"viewer, editor, admin, or none to remove the user from the workspace."`
}

// Help implements kong.HelpProvider.
func (userRoleCmd) Help() string {
	return `A role is for signing in to the console, and counts from the next click on. API keys keep their scopes;
with none, the sessions and API keys of the user in the workspace end. Owners are admins everywhere.

Examples:

  personae user role grace@example.com admin
  personae user role grace@example.com none --workspace Sales`
}

// Run sets a role.
func (c userRoleCmd) Run(ctx context.Context, stdio format.Stdio) error {
	return c.open(ctx, func(l *library.Library, workspace account.Workspace) error {
		role := account.MemberRole(c.Role)
		if c.Role == "none" {
			role = ""
		}
		user, err := l.SetRole(ctx, workspace, c.User, role)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdio.Err, "The role of %s in %s is now: %s.\n", user.Author().Name(), workspace.Name, c.Role)
		return nil
	})
}

type userResetCmd struct {
	database
	publicURL
	User  string `arg:"" help:"The user, by id, email address or name."`
	Email string `placeholder:"ADDRESS" help:"A new email address for the user."`
}

// Help implements kong.HelpProvider.
func (userResetCmd) Help() string {
	return `Only the link is written to stdout. The old password works until a new one is chosen; then all sessions
of the user end.

Examples:

  personae user reset-link grace@example.com
  personae user reset-link "Workspace Owner" --email ada@example.com --public-url https://personae.example.com`
}

// Run prints a link.
func (c userResetCmd) Run(ctx context.Context, stdio format.Stdio) error {
	return c.open(ctx, func(l *library.Library) error {
		user, link, err := l.ResetLink(ctx, c.User, c.Email)
		if err != nil {
			return err
		}
		return c.show(stdio, user, link)
	})
}
