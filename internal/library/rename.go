package library

import (
	"context"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// RenameOrganization changes the name of an organization, and the slug, which
// follows from it. ref is an id, slug or name, and may be empty where there is one
// organization only.
func (l *Library) RenameOrganization(ctx context.Context, ref, name string) (*account.Organization, error) {
	if err := errs.InvalidFields(errs.CheckText("name", name, 1, account.MaxNameLength)); err != nil {
		return nil, err
	}
	return rename(ctx, l, func(ctx context.Context, tx entity.Tx) (*account.Organization, error) {
		return renameOrganization(ctx, tx, ref, name)
	})
}

func renameOrganization(ctx context.Context, tx entity.Tx, ref, name string) (*account.Organization, error) {
	organizations, err := tx.Organizations(ctx)
	if err != nil {
		return nil, err
	}
	found, err := findOrganization(organizations, ref)
	if err != nil {
		return nil, err
	}
	var others []account.Organization
	for _, o := range organizations {
		if o.OID != found.OID {
			others = append(others, o)
		}
	}
	found.Name, found.Slug = name, slug(name, others)
	return found, tx.RenameOrganization(ctx, found.OID, found.Name, found.Slug)
}

// RenameWorkspace changes the name of a workspace, which Workspace would find by
// ref.
func (l *Library) RenameWorkspace(ctx context.Context, ref, name string) (*account.Workspace, error) {
	if err := errs.InvalidFields(errs.CheckText("name", name, 1, account.MaxNameLength)); err != nil {
		return nil, err
	}
	return rename(ctx, l, func(ctx context.Context, tx entity.Tx) (*account.Workspace, error) {
		return renameWorkspace(ctx, tx, ref, name)
	})
}

func renameWorkspace(ctx context.Context, tx entity.Tx, ref, name string) (*account.Workspace, error) {
	workspaces, err := tx.Workspaces(ctx)
	if err != nil {
		return nil, err
	}
	found, err := findWorkspace(workspaces, ref)
	if err != nil {
		return nil, err
	}
	for _, w := range workspaces {
		if w.OrganizationOID == found.OrganizationOID && w.Name == name && w.OID != found.OID {
			return nil, errs.Conflictf("already_exists", "The organization has another workspace %q: choose another name.", name)
		}
	}
	found.Name = name
	return found, tx.RenameWorkspace(ctx, found.OID, name)
}

// RenameUser changes the name of a user, also of one who was removed. ref is an
// id, an email address, or the present name, and of one who was removed the id.
// What the user wrote shows the new name.
func (l *Library) RenameUser(ctx context.Context, ref, firstName, lastName string) (*account.User, error) {
	if err := errs.InvalidFields(NewUser{FirstName: firstName, LastName: lastName, Role: account.RoleMember}.validate()); err != nil {
		return nil, err
	}
	return rename(ctx, l, func(ctx context.Context, tx entity.Tx) (*account.User, error) {
		users, err := tx.Users(ctx)
		if err != nil {
			return nil, err
		}
		found, err := findUser(users, ref)
		if err != nil {
			return nil, err
		}
		found.FirstName, found.LastName = firstName, lastName
		return found, tx.RenameUser(ctx, found.OID, firstName, lastName)
	})
}

// RemoveUser removes a user, whom RenameUser would find by ref: all API keys are
// revoked, the email address is free for another user, and what the user wrote
// keeps the name. An organization keeps one owner at least.
func (l *Library) RemoveUser(ctx context.Context, ref string) (*account.User, error) {
	return rename(ctx, l, func(ctx context.Context, tx entity.Tx) (*account.User, error) {
		users, err := tx.Users(ctx)
		if err != nil {
			return nil, err
		}
		found, err := findUser(users, ref)
		if err != nil || found.RemovedAt != nil {
			return found, err
		}
		owners := 0
		for _, u := range users {
			if u.OrganizationOID == found.OrganizationOID && u.Role == account.RoleOwner && u.RemovedAt == nil {
				owners++
			}
		}
		if found.Role == account.RoleOwner && owners == 1 {
			return nil, errs.Conflictf("last_owner", "%s is the only owner of the organization. Create another owner first, with `personae user create --role owner`.", found.Author().Name())
		}
		now := l.now()
		found.RemovedAt, found.Email = &now, nil
		return found, tx.RemoveUser(ctx, found.OID, now)
	})
}

// rename changes an account, and drops what the caches have of accounts.
func rename[T any](ctx context.Context, l *Library, change func(context.Context, entity.Tx) (*T, error)) (changed *T, err error) {
	err = l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		changed, err = change(ctx, tx)
		return err
	})
	l.keys.dropAll()
	l.documents.dropAll()
	if err != nil {
		return nil, err
	}
	return changed, nil
}

func findOrganization(all []account.Organization, ref string) (*account.Organization, error) {
	return find("organization", all, ref, func(o account.Organization) []string { return []string{o.OID, o.Slug, o.Name} })
}

func findWorkspace(all []account.Workspace, ref string) (*account.Workspace, error) {
	return find("workspace", all, ref, func(w account.Workspace) []string { return []string{w.OID, w.Name} })
}

// findUser finds a user also by name; one who was removed, by the id alone.
func findUser(all []account.User, ref string) (*account.User, error) {
	var present []account.User
	for _, u := range all {
		if u.RemovedAt == nil || u.OID == ref {
			present = append(present, u)
		}
	}
	return find("user", present, ref, func(u account.User) []string {
		names := []string{u.OID, u.Author().Name()}
		if u.Email != nil {
			names = append(names, account.FoldEmail(*u.Email), *u.Email)
		}
		return names
	})
}
