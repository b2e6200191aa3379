package library

import (
	"context"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// ToSetUp returns the owner who has yet to set up how to sign in, nil where
// somebody can sign in already.
func (l *Library) ToSetUp(ctx context.Context) (*account.User, error) {
	if has, err := l.store.HasPasswords(ctx); has || err != nil {
		return nil, err
	}
	workspaces, err := l.store.Workspaces(ctx)
	if err != nil || len(workspaces) == 0 {
		return nil, err
	}
	return l.User(ctx, workspaces[0], "")
}

// SetUpLink returns the secret of a link for the owner of ToSetUp, "" where there
// is none. Earlier ones stop working.
func (l *Library) SetUpLink(ctx context.Context) (secret string, err error) {
	owner, err := l.ToSetUp(ctx)
	if owner == nil || err != nil {
		return "", err
	}
	return l.onlyLink(ctx, account.ForSetUp, owner.OID)
}

// DemoLink returns the secret of a link that signs a user in. Earlier ones stop
// working.
func (l *Library) DemoLink(ctx context.Context, user account.User) (secret string, err error) {
	return l.onlyLink(ctx, account.ForDemo, user.OID)
}

// onlyLink makes the one link of a purpose.
func (l *Library) onlyLink(ctx context.Context, purpose account.Purpose, userOID string) (secret string, err error) {
	err = l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		if err := tx.DropLinks(ctx, purpose); err != nil {
			return err
		}
		secret, err = l.insertLink(ctx, tx, purpose, userOID)
		return err
	})
	return secret, err
}

// ResetLink returns the secret of a link by which a user chooses a password. ref
// is an id, an email address or a name. email, unless it is "", becomes the
// user's address, which is what one signs in with.
func (l *Library) ResetLink(ctx context.Context, ref, email string) (_ *account.User, secret string, err error) {
	user, err := rename(ctx, l, func(ctx context.Context, tx entity.Tx) (*account.User, error) {
		users, err := tx.Users(ctx)
		if err != nil {
			return nil, err
		}
		user, err := findUser(users, ref)
		if err != nil {
			return nil, err
		}
		if user.RemovedAt != nil {
			return nil, errs.Conflictf("user_removed", "%s was removed.", user.Author().Name())
		}
		if email != "" {
			named := NewUser{FirstName: user.FirstName, LastName: user.LastName, Email: &email, Role: user.Role}
			if err := errs.InvalidFields(named.validate()); err != nil {
				return nil, err
			}
			if err := emailTaken(tx.SetEmail(ctx, user.OID, email)); err != nil {
				return nil, err
			}
			user.Email = &email
		}
		if user.Email == nil {
			return nil, errs.Invalidf("%s has no email address to sign in with: name one with --email.", user.Author().Name())
		}
		secret, err = l.insertLink(ctx, tx, account.ForReset, user.OID)
		return user, err
	})
	return user, secret, err
}

// ResetLinkFor is ResetLink for an owner who is signed in by password: others
// could take the place of somebody who may do more than they.
func (l *Library) ResetLinkFor(ctx context.Context, s *SignedIn, userOID string) (_ *account.User, secret string, err error) {
	if !s.ByPassword() || s.User.Role != account.RoleOwner {
		return nil, "", &errs.Error{
			Kind: errs.Forbidden, Code: errs.CodeInsufficientScope,
			Message: "Only an owner of the organization can make a link to choose a password, signed in by password.",
		}
	}
	members, err := l.Members(ctx, s.Caller)
	if err != nil {
		return nil, "", err
	}
	for _, m := range members {
		if m.OID == userOID {
			return l.ResetLink(ctx, userOID, "")
		}
	}
	return nil, "", errs.NotFoundf("user_not_found", "There is no such user in this workspace.")
}

func (l *Library) insertLink(ctx context.Context, tx entity.Tx, purpose account.Purpose, userOID string) (secret string, err error) {
	secret, digest := account.NewSecret()
	lasts := LinkLasts
	if purpose == account.ForDemo {
		lasts = DemoLinkLasts
	}
	now := l.now()
	return secret, tx.InsertLink(ctx, &account.Link{Digest: digest, Purpose: purpose, UserOID: userOID, CreatedAt: now, ExpiresAt: now.Add(lasts)})
}

// LinkFor is what a link is for: the user, and the first workspace of the
// organization.
type LinkFor struct {
	Purpose      account.Purpose
	User         account.User
	Organization account.Organization
	Workspace    account.Workspace
}

// LinkFor returns what a link is for, and leaves it as it is.
func (l *Library) LinkFor(ctx context.Context, secret string) (*LinkFor, error) {
	link, err := l.store.Link(ctx, account.DigestOf(secret))
	return l.linkFor(ctx, l.store, link, err)
}

// linkFor returns what a link is for, if it was read without an error and may be
// used now.
func (l *Library) linkFor(ctx context.Context, r entity.Reader, link *account.Link, err error) (*LinkFor, error) {
	if errs.KindOf(err) == errs.NotFound || err == nil && !l.now().Before(link.ExpiresAt) {
		return nil, errs.NotFoundf("link_not_found", "This link was used, has expired, or is not complete. Ask for a new one.")
	}
	if err != nil {
		return nil, err
	}
	users, usersErr := r.Users(ctx)
	organizations, organizationsErr := r.Organizations(ctx)
	workspaces, err := r.Enterable(ctx, link.UserOID)
	for _, err := range []error{usersErr, organizationsErr, err} {
		if err != nil {
			return nil, err
		}
	}
	user, err := findUser(users, link.UserOID)
	if err != nil {
		return nil, err
	}
	organization, err := findOrganization(organizations, user.OrganizationOID)
	if err != nil {
		return nil, err
	}
	found := &LinkFor{Purpose: link.Purpose, User: *user, Organization: *organization}
	if len(workspaces) > 0 {
		found.Workspace = workspaces[0]
	}
	return found, nil
}

// take is LinkFor for one that is used now: it does not work again.
func (l *Library) take(ctx context.Context, tx entity.Tx, secret string, purposes ...account.Purpose) (*LinkFor, error) {
	link, err := tx.TakeLink(ctx, account.DigestOf(secret))
	found, err := l.linkFor(ctx, tx, link, err)
	if err != nil {
		return nil, err
	}
	for _, purpose := range purposes {
		if found.Purpose == purpose {
			return found, nil
		}
	}
	return nil, errs.NotFoundf("link_not_found", "This link is for something else. Open it as it was shown.")
}

// SignInByLink begins a session with the link of DemoLink.
func (l *Library) SignInByLink(ctx context.Context, secret string, from From) (token string, err error) {
	return l.begin(ctx, from, func(ctx context.Context, tx entity.Tx) (string, error) {
		link, err := l.take(ctx, tx, secret, account.ForDemo)
		if err != nil {
			return "", err
		}
		return link.User.OID, nil
	})
}

// Chosen is what a user fills in after a link was opened: a password, and, for the
// link of SetUpLink, the names of what is new.
type Chosen struct {
	Password                string
	Organization, Workspace string
	FirstName, LastName     string
	Email                   string
}

// Choose uses the link of SetUpLink or ResetLink, and begins a session. All other
// sessions of the user end.
func (l *Library) Choose(ctx context.Context, secret string, c Chosen, from From) (token string, err error) {
	link, err := l.LinkFor(ctx, secret)
	if err != nil {
		return "", err
	}
	fields := account.CheckPassword("password", c.Password)
	if link.Purpose == account.ForSetUp {
		owner := NewUser{FirstName: c.FirstName, LastName: c.LastName, Email: &c.Email, Role: account.RoleOwner}
		fields = errs.JoinAll(
			errs.CheckText("organization", c.Organization, 1, account.MaxNameLength), errs.CheckText("workspace", c.Workspace, 1, account.MaxNameLength),
			owner.validate(), fields)
	}
	if err := errs.InvalidFields(fields); err != nil {
		return "", err
	}
	if err := l.signIns.hashes.Acquire(ctx, 1); err != nil {
		return "", err
	}
	hash := account.HashPassword(c.Password)
	l.signIns.hashes.Release(1)
	token, err = l.begin(ctx, from, func(ctx context.Context, tx entity.Tx) (string, error) {
		link, err := l.take(ctx, tx, secret, account.ForSetUp, account.ForReset)
		if err != nil {
			return "", err
		}
		email := c.Email
		if link.Purpose == account.ForSetUp {
			err = setUpNames(ctx, tx, link, c)
		} else if link.User.Email != nil {
			email = *link.User.Email
		}
		if err != nil {
			return "", err
		}
		err = tx.PutPassword(ctx, &account.Password{UserOID: link.User.OID, Email: account.FoldEmail(email), Hash: hash, ChangedAt: l.now()})
		return link.User.OID, emailTaken(err)
	})
	l.keys.dropAll()
	l.documents.dropAll() // they have the name of the owner
	return token, err
}

func setUpNames(ctx context.Context, tx entity.Tx, link *LinkFor, c Chosen) error {
	if _, err := renameOrganization(ctx, tx, link.Organization.OID, c.Organization); err != nil {
		return err
	}
	if _, err := renameWorkspace(ctx, tx, link.Workspace.OID, c.Workspace); err != nil {
		return err
	}
	if err := tx.RenameUser(ctx, link.User.OID, c.FirstName, c.LastName); err != nil {
		return err
	}
	return emailTaken(tx.SetEmail(ctx, link.User.OID, c.Email))
}

// emailTaken names the field of a conflict.
func emailTaken(err error) error {
	if errs.KindOf(err) == errs.Conflict {
		return errs.InvalidFields([]errs.Field{{Path: "email", Message: "is the address of another user"}})
	}
	return err
}
