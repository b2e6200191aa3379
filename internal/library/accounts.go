package library

import (
	"context"
	"fmt"
	"strings"

	"personae.dev/internal/persona"
)

// Setup is what SetUp made.
type Setup struct {
	Organization persona.Organization
	Workspace    persona.Workspace
	Owner        persona.User
	// Token is the admin key's, shown here and never again.
	Token string
}

// SetUp makes an organization, a workspace, its owner and an admin key in a
// database that has none, and returns nil where there is an organization.
func (l *Library) SetUp(ctx context.Context) (*Setup, error) {
	var made *Setup
	err := l.store.Write(ctx, func(tx persona.Tx) error {
		organizations, err := tx.Organizations(ctx)
		if err != nil || len(organizations) > 0 {
			return err
		}
		organization, owner, err := l.createOrganization(ctx, tx, "My Organization", organizations)
		if err != nil {
			return err
		}
		s := Setup{Organization: *organization, Owner: *owner, Workspace: persona.Workspace{
			OID: persona.NewID(persona.WorkspacePrefix), OrganizationOID: organization.OID, Name: "My Workspace", CreatedAt: l.now(),
		}}
		key, token, err := l.newKey(NewKey{Workspace: s.Workspace, User: s.Owner, Name: "first key", Scopes: persona.Scopes{persona.ScopeAdmin}})
		if err != nil {
			return err
		}
		s.Token = token
		made = &s
		if err := tx.InsertWorkspace(ctx, &s.Workspace); err != nil {
			return err
		}
		return tx.InsertAPIKey(ctx, key)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// NewWorkspace says what a workspace shall be.
type NewWorkspace struct {
	Name string
	// Domain is nil where there is none.
	Domain *string
	// Organization names an organization by id, slug or name, and may be empty
	// where there is one only. NewOrganization makes one by that name first,
	// with an owner.
	Organization    string
	NewOrganization bool
}

// CreateWorkspace makes a workspace.
func (l *Library) CreateWorkspace(ctx context.Context, wanted NewWorkspace) (*persona.Workspace, error) {
	faults := persona.CheckText("name", wanted.Name, 1, persona.MaxNameLength)
	if wanted.Domain != nil {
		faults = append(faults, persona.CheckText("domain", *wanted.Domain, 1, persona.MaxNameLength)...)
	}
	if wanted.NewOrganization {
		faults = append(faults, persona.CheckText("organization", wanted.Organization, 1, persona.MaxNameLength)...)
	}
	if err := persona.InvalidFields(faults); err != nil {
		return nil, err
	}
	var made *persona.Workspace
	err := l.store.Write(ctx, func(tx persona.Tx) error {
		organizations, err := tx.Organizations(ctx)
		if err != nil {
			return err
		}
		var organization *persona.Organization
		if wanted.NewOrganization {
			organization, _, err = l.createOrganization(ctx, tx, wanted.Organization, organizations)
		} else {
			organization, err = find("organization", organizations, wanted.Organization, func(o persona.Organization) []string {
				return []string{o.OID, o.Slug, o.Name}
			})
		}
		if err != nil {
			return err
		}
		made = &persona.Workspace{
			OID: persona.NewID(persona.WorkspacePrefix), OrganizationOID: organization.OID,
			Name: wanted.Name, Domain: wanted.Domain, CreatedAt: l.now(),
		}
		return tx.InsertWorkspace(ctx, made)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// createOrganization makes an organization and its owner.
func (l *Library) createOrganization(ctx context.Context, tx persona.Tx, name string, others []persona.Organization) (*persona.Organization, *persona.User, error) {
	now := l.now()
	o := &persona.Organization{OID: persona.NewID(persona.OrganizationPrefix), Name: name, Slug: slug(name, others), CreatedAt: now}
	if err := tx.InsertOrganization(ctx, o); err != nil {
		return nil, nil, err
	}
	owner := &persona.User{
		OID: persona.NewID(persona.UserPrefix), OrganizationOID: o.OID,
		FirstName: "Workspace", LastName: "Owner", Role: persona.RoleOwner, CreatedAt: now,
	}
	if err := tx.InsertUser(ctx, owner); err != nil {
		return nil, nil, err
	}
	return o, owner, nil
}

// slug makes of a name lower-case ASCII letters, digits and hyphens, with a
// number where another organization has the same.
func slug(name string, others []persona.Organization) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	base := strings.Join(words, "-")
	if base == "" {
		base = "organization"
	}
	used := map[string]bool{}
	for _, o := range others {
		used[o.Slug] = true
	}
	s := base
	for n := 2; used[s]; n++ {
		s = fmt.Sprintf("%s-%d", base, n)
	}
	return s
}

// NewUser says what a user shall be.
type NewUser struct {
	FirstName, LastName string
	// Email is nil where there is none.
	Email *string
	Role  persona.Role
	// Workspace is one of the user's organization.
	Workspace persona.Workspace
}

// CreateUser makes a user.
func (l *Library) CreateUser(ctx context.Context, wanted NewUser) (*persona.User, error) {
	faults := persona.CheckText("firstName", wanted.FirstName, 1, persona.MaxNameLength)
	faults = append(faults, persona.CheckText("lastName", wanted.LastName, 0, persona.MaxNameLength)...)
	if wanted.Email != nil {
		faults = append(faults, persona.CheckText("email", *wanted.Email, 1, persona.MaxNameLength)...)
		if name, domain, _ := strings.Cut(*wanted.Email, "@"); name == "" || domain == "" {
			faults = append(faults, persona.Fault{Field: "email", Message: "must look like name@example.com"})
		}
	}
	if wanted.Role != persona.RoleOwner && wanted.Role != persona.RoleMember {
		faults = append(faults, persona.Fault{Field: "role", Message: "must be owner or member"})
	}
	if err := persona.InvalidFields(faults); err != nil {
		return nil, err
	}
	made := &persona.User{
		OID: persona.NewID(persona.UserPrefix), OrganizationOID: wanted.Workspace.OrganizationOID,
		FirstName: wanted.FirstName, LastName: wanted.LastName, Email: wanted.Email, Role: wanted.Role, CreatedAt: l.now(),
	}
	if err := l.store.Write(ctx, func(tx persona.Tx) error { return tx.InsertUser(ctx, made) }); err != nil {
		return nil, err
	}
	return made, nil
}

// Organizations returns all organizations, oldest first.
func (l *Library) Organizations(ctx context.Context) ([]persona.Organization, error) {
	return l.store.Organizations(ctx)
}

// Workspaces returns all workspaces, oldest first.
func (l *Library) Workspaces(ctx context.Context) ([]persona.Workspace, error) {
	return l.store.Workspaces(ctx)
}

// Users returns all users, oldest first.
func (l *Library) Users(ctx context.Context) ([]persona.User, error) { return l.store.Users(ctx) }

// Workspace finds a workspace by its id or name. It may be left empty where
// there is one only.
func (l *Library) Workspace(ctx context.Context, ref string) (*persona.Workspace, error) {
	workspaces, err := l.store.Workspaces(ctx)
	if err != nil {
		return nil, err
	}
	return find("workspace", workspaces, ref, func(w persona.Workspace) []string { return []string{w.OID, w.Name} })
}

// User finds a user of the workspace's organization by id or email address.
// Left empty, it is the first owner.
func (l *Library) User(ctx context.Context, workspace persona.Workspace, ref string) (*persona.User, error) {
	users, err := l.store.Users(ctx)
	if err != nil {
		return nil, err
	}
	var candidates []persona.User
	for _, u := range users {
		if u.OrganizationOID != workspace.OrganizationOID {
			continue
		}
		if ref == "" && u.Role == persona.RoleOwner {
			return &u, nil
		}
		candidates = append(candidates, u)
	}
	return find("user", candidates, ref, func(u persona.User) []string {
		if u.Email == nil {
			return []string{u.OID}
		}
		return []string{u.OID, *u.Email}
	})
}

// find returns the one of all that ref names, or the only one where ref is
// empty. The names of the first are in its order: id, then others.
func find[T any](what string, all []T, ref string, names func(T) []string) (*T, error) {
	var found []*T
	var known []string
	for i := range all {
		itsNames := names(all[i])
		known = append(known, itsNames[len(itsNames)-1])
		for _, name := range itsNames {
			if ref == "" || name == ref {
				found = append(found, &all[i])
				break
			}
		}
	}
	list := strings.Join(known[:min(len(known), 10)], ", ")
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(all) == 0:
		return nil, persona.NotFoundf(what+"_not_found", "There is no %s yet: start `personae serve` once, or make one with `personae workspace create --new-organization COMPANY WORKSPACE`.", what)
	case len(found) > 1 && ref == "":
		return nil, persona.Invalidf("There are %d %ss: name one with --%s. There is: %s.", len(all), what, what, list)
	case len(found) > 1:
		return nil, persona.Invalidf("%q names %d of them: name the %s by its id.", ref, len(found), what)
	}
	return nil, persona.NotFoundf(what+"_not_found", "There is no %s %q. There is: %s.", what, ref, list)
}
