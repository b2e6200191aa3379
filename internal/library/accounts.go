package library

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// Setup is what SetUp made.
type Setup struct {
	Organization account.Organization
	Workspace    account.Workspace
	Owner        account.User
	// Token is the admin key's, shown here and never again.
	Token string
}

// SetUpOptions name what SetUp makes; what is "" gets a usual name.
type SetUpOptions struct {
	Organization, Workspace                   string
	OwnerFirstName, OwnerLastName, OwnerEmail string
	// Token is the admin key's, instead of a random one.
	Token string
}

// SetUp makes an organization, a workspace, its owner and an admin key in a
// database that has none, and returns nil where there is an organization.
func (l *Library) SetUp(ctx context.Context, o SetUpOptions) (*Setup, error) {
	o.Organization = cmp.Or(o.Organization, "My Organization")
	o.Workspace = cmp.Or(o.Workspace, "My Workspace")
	var list errs.List
	list.Text("organization", o.Organization, 1, account.MaxNameLength)
	list.Text("workspace", o.Workspace, 1, account.MaxNameLength)
	owner := NewUser{FirstName: o.OwnerFirstName, LastName: o.OwnerLastName, Role: account.RoleOwner}
	if o.OwnerEmail != "" {
		owner.Email = &o.OwnerEmail
	}
	if owner.FirstName == "" && owner.LastName == "" {
		owner.FirstName, owner.LastName = ownerFirstName, ownerLastName
	}
	list.AddAll(owner.validate())
	token, err := chosenToken(o.Token)
	if err != nil {
		return nil, err
	}
	if err := list.Err(); err != nil {
		return nil, err
	}
	var made *Setup
	err = l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		made = nil
		organizations, err := tx.Organizations(ctx)
		if err != nil || len(organizations) > 0 {
			return err
		}
		organization, user, err := l.createOrganization(ctx, tx, o.Organization, owner, organizations)
		if err != nil {
			return err
		}
		s := Setup{Organization: *organization, Owner: *user, Workspace: account.Workspace{
			OID: l.newID(account.WorkspacePrefix), OrganizationOID: organization.OID, Name: o.Workspace, CreatedAt: l.now(),
		}}
		key, token, err := l.newKey(NewKey{Workspace: s.Workspace, User: s.Owner, Name: "first key", Scopes: account.Scopes{account.ScopeAdmin}, Token: token})
		if err != nil {
			return err
		}
		s.Token = token
		if err := tx.InsertWorkspace(ctx, &s.Workspace); err != nil {
			return err
		}
		if err := tx.InsertAPIKey(ctx, key); err != nil {
			return err
		}
		made = &s
		return nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// The name of an owner who was not named.
const (
	ownerFirstName = "Workspace"
	ownerLastName  = "Owner"
)

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
func (l *Library) CreateWorkspace(ctx context.Context, wanted NewWorkspace) (*account.Workspace, error) {
	fields := errs.CheckText("name", wanted.Name, 1, account.MaxNameLength)
	if wanted.Domain != nil {
		fields = append(fields, errs.CheckText("domain", *wanted.Domain, 1, account.MaxNameLength)...)
	}
	if wanted.NewOrganization {
		fields = append(fields, errs.CheckText("organization", wanted.Organization, 1, account.MaxNameLength)...)
	}
	if err := errs.InvalidFields(fields); err != nil {
		return nil, err
	}
	var made *account.Workspace
	err := l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		organizations, err := tx.Organizations(ctx)
		if err != nil {
			return err
		}
		var organization *account.Organization
		if wanted.NewOrganization {
			owner := NewUser{FirstName: ownerFirstName, LastName: ownerLastName, Role: account.RoleOwner}
			organization, _, err = l.createOrganization(ctx, tx, wanted.Organization, owner, organizations)
		} else {
			organization, err = findOrganization(organizations, wanted.Organization)
		}
		if err != nil {
			return err
		}
		made = &account.Workspace{
			OID: l.newID(account.WorkspacePrefix), OrganizationOID: organization.OID,
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
func (l *Library) createOrganization(ctx context.Context, tx entity.Tx, name string, owner NewUser, others []account.Organization) (*account.Organization, *account.User, error) {
	now := l.now()
	o := &account.Organization{OID: l.newID(account.OrganizationPrefix), Name: name, Slug: slug(name, others), CreatedAt: now}
	if err := tx.InsertOrganization(ctx, o); err != nil {
		return nil, nil, err
	}
	user := &account.User{
		OID: l.newID(account.UserPrefix), OrganizationOID: o.OID,
		FirstName: owner.FirstName, LastName: owner.LastName, Email: owner.Email, Role: owner.Role, CreatedAt: now,
	}
	if err := tx.InsertUser(ctx, user); err != nil {
		return nil, nil, err
	}
	return o, user, nil
}

// slug makes of a name lower-case ASCII letters, digits and hyphens, with a
// number where another organization has the same.
func slug(name string, others []account.Organization) string {
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
	Role  account.Role
	// Workspace is one of the user's organization.
	Workspace account.Workspace
}

func (u NewUser) validate() []errs.Field {
	var list errs.List
	list.Text("firstName", u.FirstName, 1, account.MaxNameLength)
	list.Text("lastName", u.LastName, 0, account.MaxNameLength)
	if u.Email != nil {
		list.Text("email", *u.Email, 1, account.MaxNameLength)
		if name, domain, _ := strings.Cut(*u.Email, "@"); name == "" || domain == "" {
			list.Add("email", "must look like name@example.com")
		}
	}
	if u.Role != account.RoleOwner && u.Role != account.RoleMember {
		list.Add("role", "must be owner or member")
	}
	return list.Fields()
}

// CreateUser makes a user.
func (l *Library) CreateUser(ctx context.Context, wanted NewUser) (*account.User, error) {
	if err := errs.InvalidFields(wanted.validate()); err != nil {
		return nil, err
	}
	made := l.newUser(wanted)
	if err := l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error { return tx.InsertUser(ctx, made) }); err != nil {
		return nil, err
	}
	return made, nil
}

func (l *Library) newUser(wanted NewUser) *account.User {
	return &account.User{
		OID: l.newID(account.UserPrefix), OrganizationOID: wanted.Workspace.OrganizationOID,
		FirstName: wanted.FirstName, LastName: wanted.LastName, Email: wanted.Email, Role: wanted.Role, CreatedAt: l.now(),
	}
}

// Organizations returns all organizations, oldest first.
func (l *Library) Organizations(ctx context.Context) ([]account.Organization, error) {
	return l.store.Organizations(ctx)
}

// Workspaces returns all workspaces, oldest first.
func (l *Library) Workspaces(ctx context.Context) ([]account.Workspace, error) {
	return l.store.Workspaces(ctx)
}

// Users returns all users, oldest first, also those who were removed.
func (l *Library) Users(ctx context.Context) ([]account.User, error) { return l.store.Users(ctx) }

// Workspace finds a workspace by its id or name. It may be left empty where
// there is one only.
func (l *Library) Workspace(ctx context.Context, ref string) (*account.Workspace, error) {
	workspaces, err := l.store.Workspaces(ctx)
	if err != nil {
		return nil, err
	}
	return findWorkspace(workspaces, ref)
}

// User finds a user of the workspace's organization by id or email address.
// Left empty, it is the first owner.
func (l *Library) User(ctx context.Context, workspace account.Workspace, ref string) (*account.User, error) {
	users, err := l.store.Users(ctx)
	if err != nil {
		return nil, err
	}
	var candidates []account.User
	for _, u := range users {
		if u.OrganizationOID != workspace.OrganizationOID || u.RemovedAt != nil {
			continue
		}
		if ref == "" && u.Role == account.RoleOwner {
			return &u, nil
		}
		candidates = append(candidates, u)
	}
	return find("user", candidates, ref, func(u account.User) []string {
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
		return nil, errs.NotFoundf(what+"_not_found", "There is no %s yet: start `personae serve` once, or make one with `personae workspace create --new-organization COMPANY WORKSPACE`.", what)
	case len(found) > 1 && ref == "":
		return nil, errs.Invalidf("There are %d %ss: name one with --%s. Known: %s.", len(all), what, what, list)
	case len(found) > 1:
		return nil, errs.Invalidf("%q names %d of them: name the %s by its id.", ref, len(found), what)
	}
	return nil, errs.NotFoundf(what+"_not_found", "There is no %s %q. Known: %s.", what, ref, list)
}
