package library

import (
	"context"
	"slices"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// NewMember says whom to invite to a workspace.
type NewMember struct {
	FirstName, LastName, Email string
	Role                       account.MemberRole
}

// Members returns who may enter the caller's workspace, oldest first.
func (l *Library) Members(ctx context.Context, c Caller) ([]account.Member, error) {
	if err := require(c, account.ScopeAdmin); err != nil {
		return nil, err
	}
	return l.store.Members(ctx, c.Workspace.OID)
}

// Invite makes a user who is a member of a workspace, and returns the secret of a
// link to choose a password with. A user whom the organization has already becomes
// a member, and gets no link: whoever invites could take the place of the user
// with it. Whoever is a member is refused: SetRole changes a role.
func (l *Library) Invite(ctx context.Context, workspace account.Workspace, wanted NewMember) (_ *account.User, link string, err error) {
	user := NewUser{FirstName: wanted.FirstName, LastName: wanted.LastName, Email: &wanted.Email, Role: account.RoleMember, Workspace: workspace}
	if err := errs.InvalidFields(append(user.validate(), checkRole(wanted.Role)...)); err != nil {
		return nil, "", err
	}
	var invited *account.User
	err = l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		link = ""
		users, err := tx.Users(ctx)
		if err != nil {
			return err
		}
		for _, u := range users {
			if u.OrganizationOID == workspace.OrganizationOID && u.RemovedAt == nil && u.Email != nil && account.FoldEmail(*u.Email) == account.FoldEmail(wanted.Email) {
				members, err := tx.Members(ctx, workspace.OID)
				if err != nil {
					return err
				}
				if slices.ContainsFunc(members, func(m account.Member) bool { return m.OID == u.OID }) {
					return errs.Conflictf("member", "%s is in this workspace already: change the role instead.", u.Author().Name())
				}
				invited = &u
				return l.putMember(ctx, tx, workspace, &u, wanted.Role)
			}
		}
		invited = l.newUser(user)
		if err := tx.InsertUser(ctx, invited); err != nil {
			return err
		}
		if err := tx.PutMember(ctx, workspace.OID, invited.OID, wanted.Role, l.now()); err != nil {
			return err
		}
		link, err = l.insertLink(ctx, tx, account.ForReset, invited.OID)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return invited, link, nil
}

// InviteFor is Invite for a caller who may administer the workspace.
func (l *Library) InviteFor(ctx context.Context, c Caller, wanted NewMember) (_ *account.User, link string, err error) {
	if err := require(c, account.ScopeAdmin); err != nil {
		return nil, "", err
	}
	return l.Invite(ctx, c.Workspace, wanted)
}

// SetRole sets the role of a user in a workspace. ref is an id, an email address
// or a name. "" ends it: the user's sessions and API keys there end, too.
func (l *Library) SetRole(ctx context.Context, workspace account.Workspace, ref string, role account.MemberRole) (*account.User, error) {
	if role != "" {
		if err := errs.InvalidFields(checkRole(role)); err != nil {
			return nil, err
		}
	}
	return rename(ctx, l, func(ctx context.Context, tx entity.Tx) (*account.User, error) {
		users, err := tx.Users(ctx)
		if err != nil {
			return nil, err
		}
		var theirs []account.User
		for _, u := range users {
			if u.OrganizationOID == workspace.OrganizationOID && u.RemovedAt == nil {
				theirs = append(theirs, u)
			}
		}
		user, err := findUser(theirs, ref)
		if err != nil {
			return nil, err
		}
		return user, l.putMember(ctx, tx, workspace, user, role)
	})
}

// SetRoleFor is SetRole for a caller who may administer the workspace.
func (l *Library) SetRoleFor(ctx context.Context, c Caller, userOID string, role account.MemberRole) (*account.User, error) {
	if err := require(c, account.ScopeAdmin); err != nil {
		return nil, err
	}
	if !account.Made(userOID, account.UserPrefix) {
		return nil, errs.NotFoundf("user_not_found", "There is no such user.")
	}
	return l.SetRole(ctx, c.Workspace, userOID, role)
}

func (l *Library) putMember(ctx context.Context, tx entity.Tx, workspace account.Workspace, user *account.User, role account.MemberRole) error {
	switch {
	case user.Role == account.RoleOwner:
		return errs.Conflictf("owner", "%s is an owner of the organization, and an admin of all its workspaces.", user.Author().Name())
	case role == "":
		return tx.DeleteMember(ctx, workspace.OID, user.OID, l.now())
	}
	return tx.PutMember(ctx, workspace.OID, user.OID, role, l.now())
}

func checkRole(role account.MemberRole) []errs.Field {
	if role.Scopes() == nil {
		return []errs.Field{{Path: "role", Message: "must be viewer, editor or admin"}}
	}
	return nil
}
