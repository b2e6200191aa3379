package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

func (s suite) testAccounts(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	same(t, "Organizations", []account.Organization{l.Organization}, must[[]account.Organization](t)(l.Organizations(ctx)))
	same(t, "Workspaces", []account.Workspace{l.Workspace, l.Other}, must[[]account.Workspace](t)(l.Workspaces(ctx)))
	same(t, "Users", []account.User{l.Owner, l.Member}, must[[]account.User](t)(l.Users(ctx)))
	earlier := account.User{OID: "u_0", OrganizationOID: "og_1", FirstName: "\U0001f600", LastName: "Ünïcödé", Role: account.RoleMember, CreatedAt: Day.Add(-time.Hour)}
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error { return tx.InsertUser(ctx, &earlier) })
	same(t, "Users, oldest first", []account.User{earlier, l.Owner, l.Member}, must[[]account.User](t)(l.Users(ctx)))
	if err := errors.Join(l.Ping(ctx), l.PingWrite(ctx)); err != nil {
		t.Errorf("Ping: %v", err)
	}
}

func (s suite) testAccountConflicts(t *testing.T) {
	l := s.library(t)
	organization, workspace, user := l.Organization, l.Workspace, l.Owner
	for name, insert := range map[string]func(context.Context, entity.Tx) error{
		"id of an organization": func(ctx context.Context, tx entity.Tx) error {
			organization.Slug = "other"
			return tx.InsertOrganization(ctx, &organization)
		},
		"slug": func(ctx context.Context, tx entity.Tx) error {
			return tx.InsertOrganization(ctx, &account.Organization{OID: "og_2", Name: "x", Slug: "acme", CreatedAt: Day})
		},
		"id of a workspace": func(ctx context.Context, tx entity.Tx) error {
			workspace.Name = "other"
			return tx.InsertWorkspace(ctx, &workspace)
		},
		"name of a workspace": func(ctx context.Context, tx entity.Tx) error {
			return tx.InsertWorkspace(ctx, &account.Workspace{OID: "wa_3", OrganizationOID: "og_1", Name: "Sales", CreatedAt: Day})
		},
		"id of a user": func(ctx context.Context, tx entity.Tx) error {
			user.Email = nil
			return tx.InsertUser(ctx, &user)
		},
		"email": func(ctx context.Context, tx entity.Tx) error {
			return tx.InsertUser(ctx, &account.User{OID: "u_3", OrganizationOID: "og_1", Email: l.Owner.Email, Role: account.RoleMember, CreatedAt: Day})
		},
	} {
		wantKind(t, name, l.Write(t.Context(), insert), errs.Conflict)
	}
	for name, insert := range map[string]func(context.Context, entity.Tx) error{
		"workspace of no organization": func(ctx context.Context, tx entity.Tx) error {
			return tx.InsertWorkspace(ctx, &account.Workspace{OID: "wa_3", OrganizationOID: "og_none", Name: "x", CreatedAt: Day})
		},
		"key of no workspace": func(ctx context.Context, tx entity.Tx) error {
			return tx.InsertAPIKey(ctx, l.key("ak_1", account.Workspace{OID: "wa_none"}))
		},
	} {
		wantKind(t, name, l.Write(t.Context(), insert), errs.NotFound)
	}
}

func (s suite) testAccountChanges(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	theirs, others := l.key("ak_1", l.Workspace), l.key("ak_2", l.Workspace)
	earlier, elsewhere := l.key("ak_3", l.Workspace), l.key("ak_4", l.Other)
	theirs.UserOID, earlier.UserOID, elsewhere.UserOID = l.Member.OID, l.Member.OID, l.Member.OID
	l.insertKeys(t, theirs, others, earlier, elsewhere)
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		return errors.Join(
			tx.RevokeAPIKey(ctx, l.Workspace.OID, earlier.OID, Day),
			tx.Insert(ctx, l.Persona("p", "P", func(s *entity.Stored) { s.Author = l.Member.Author() }), l.Change(entity.ActionCreated, Day)),
		)
	})

	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		return errors.Join(
			tx.RenameOrganization(ctx, l.Organization.OID, "Äcme, Inc.", "cme-inc"),
			tx.RenameWorkspace(ctx, l.Workspace.OID, "Selling"),
			tx.RenameUser(ctx, l.Member.OID, "Grace", "Hopper"),
		)
	})
	l.Organization.Name, l.Organization.Slug, l.Workspace.Name, l.Member.LastName = "Äcme, Inc.", "cme-inc", "Selling", "Hopper"
	same(t, "Organizations", []account.Organization{l.Organization}, must[[]account.Organization](t)(l.Organizations(ctx)))
	same(t, "Workspaces", []account.Workspace{l.Workspace, l.Other}, must[[]account.Workspace](t)(l.Workspaces(ctx)))
	same(t, "Users", []account.User{l.Owner, l.Member}, must[[]account.User](t)(l.Users(ctx)))
	author := func(when string) {
		t.Helper()
		row, err := l.Row(ctx, entity.Ref{Workspace: l.Workspace.OID, Kind: "persona", OID: "p"}, nil)
		if err != nil || row.Author != l.Member.Author() {
			t.Errorf("%s: the author is %+v, %v", when, row, err)
		}
	}
	author("renamed")

	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error { // so that there is an address to set free
		return errors.Join(
			tx.InsertUser(ctx, &account.User{OID: "u_3", OrganizationOID: l.Organization.OID, FirstName: "Jean", Email: new("jean@acme.example"), Role: account.RoleMember, CreatedAt: Day.Add(time.Minute)}),
			tx.RemoveUser(ctx, "u_3", Day.Add(time.Hour)),
			tx.RemoveUser(ctx, l.Member.OID, Day.Add(time.Hour)),
			tx.RemoveUser(ctx, l.Member.OID, Day.Add(2*time.Hour)), // a second time changes nothing
			tx.InsertUser(ctx, &account.User{OID: "u_4", OrganizationOID: l.Organization.OID, FirstName: "Jean", Email: new("jean@acme.example"), Role: account.RoleMember, CreatedAt: Day.Add(time.Hour)}),
		)
	})
	l.Member.RemovedAt = new(Day.Add(time.Hour))
	same(t, "Users, removed ones too", []account.User{
		l.Owner, l.Member,
		{OID: "u_3", OrganizationOID: l.Organization.OID, FirstName: "Jean", Role: account.RoleMember, CreatedAt: Day.Add(time.Minute), RemovedAt: new(Day.Add(time.Hour))},
		{OID: "u_4", OrganizationOID: l.Organization.OID, FirstName: "Jean", Email: new("jean@acme.example"), Role: account.RoleMember, CreatedAt: Day.Add(time.Hour)},
	}, must[[]account.User](t)(l.Users(ctx)))
	author("removed")
	theirs.RevokedAt, earlier.RevokedAt, elsewhere.RevokedAt = new(Day.Add(time.Hour)), new(Day), new(Day.Add(time.Hour))
	same(t, "APIKeys", []account.APIKey{*theirs, *others, *earlier}, must[[]account.APIKey](t)(l.APIKeys(ctx, l.Workspace.OID)))
	same(t, "APIKeys of the other workspace", []account.APIKey{*elsewhere}, must[[]account.APIKey](t)(l.APIKeys(ctx, l.Other.OID)))
	if p := must[*account.Principal](t)(l.Principal(ctx, theirs.OID)); p.User.RemovedAt == nil {
		t.Error("the principal does not say that the user was removed")
	}

	for name, change := range map[string]func(context.Context, entity.Tx) error{
		"organization": func(ctx context.Context, tx entity.Tx) error { return tx.RenameOrganization(ctx, "og_none", "x", "x") },
		"workspace":    func(ctx context.Context, tx entity.Tx) error { return tx.RenameWorkspace(ctx, "wa_none", "x") },
		"user":         func(ctx context.Context, tx entity.Tx) error { return tx.RenameUser(ctx, "u_none", "x", "x") },
		"removal":      func(ctx context.Context, tx entity.Tx) error { return tx.RemoveUser(ctx, "u_none", Day) },
	} {
		wantKind(t, name, l.Write(ctx, change), errs.NotFound)
	}
	wantKind(t, "name of another workspace", l.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		return tx.RenameWorkspace(ctx, l.Workspace.OID, l.Other.Name)
	}), errs.Conflict)
}

func (s suite) testAPIKeys(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	first, second, foreign := l.key("ak_2", l.Workspace), l.key("ak_1", l.Workspace), l.key("ak_3", l.Other)
	second.CreatedAt = Day.Add(time.Millisecond)
	second.Scopes = account.Scopes{account.ScopeRead, account.ScopeWrite}
	second.ExpiresAt = new(Day.Add(time.Hour))
	l.insertKeys(t, second, first, foreign)
	same(t, "APIKeys", []account.APIKey{*first, *second}, must[[]account.APIKey](t)(l.APIKeys(ctx, l.Workspace.OID)))
	wantKind(t, "a second key", l.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		return tx.InsertAPIKey(ctx, l.key("ak_1", l.Other))
	}), errs.Conflict)

	revoke := func(workspace, key string, at time.Time) error {
		return l.Write(ctx, func(ctx context.Context, tx entity.Tx) error { return tx.RevokeAPIKey(ctx, workspace, key, at) })
	}
	wantKind(t, "revoke another workspace's key", revoke(l.Workspace.OID, "ak_3", Day), errs.NotFound)
	for _, at := range []time.Time{Day, Day.Add(time.Hour)} { // a second time changes nothing
		if err := revoke(l.Workspace.OID, "ak_1", at); err != nil {
			t.Errorf("RevokeAPIKey: %v", err)
		}
	}
	second.RevokedAt = new(Day)
	used := map[string]time.Time{"ak_unknown": Day}
	for i := range 300 {
		k := l.key(fmt.Sprintf("ak_many_%03d", i), l.Other)
		l.insertKeys(t, k)
		used[k.OID] = Day.Add(time.Hour)
	}
	used["ak_2"], used["ak_1"] = Day.Add(time.Hour), Day.Add(time.Hour)
	touch := func(used map[string]time.Time) {
		l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error { return tx.TouchAPIKeys(ctx, used) })
	}
	touch(used)
	touch(map[string]time.Time{"ak_2": Day}) // earlier
	first.LastUsedAt, second.LastUsedAt = new(Day.Add(time.Hour)), new(Day.Add(time.Hour))
	same(t, "APIKeys afterwards", []account.APIKey{*first, *second}, must[[]account.APIKey](t)(l.APIKeys(ctx, l.Workspace.OID)))
	for _, k := range must[[]account.APIKey](t)(l.APIKeys(ctx, l.Other.OID)) {
		if k.OID != "ak_3" && k.LastUsedAt == nil {
			t.Errorf("the use of %s was not written", k.OID)
		}
	}
}

func (s suite) testPrincipal(t *testing.T) {
	l := s.library(t)
	key := l.key("ak_1", l.Other)
	key.UserOID = l.Member.OID
	l.insertKeys(t, key)
	want := &account.Principal{Key: *key, Workspace: l.Other, User: l.Member, Organization: l.Organization}
	same(t, "Principal", want, must[*account.Principal](t)(l.Principal(t.Context(), "ak_1")))
	_, err := l.Principal(t.Context(), "ak_2")
	wantKind(t, "an unknown key", err, errs.NotFound)
}
