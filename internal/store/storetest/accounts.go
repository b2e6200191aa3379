package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"personae.dev/internal/persona"
)

func (s suite) testAccounts(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	// The fixture has every field once with a value and once without.
	ctx := t.Context()
	same(t, "Organizations", []persona.Organization{f.organization}, must[[]persona.Organization](t)(f.Organizations(ctx)))
	same(t, "Workspaces", []persona.Workspace{f.workspace, f.other}, must[[]persona.Workspace](t)(f.Workspaces(ctx)))
	same(t, "Users", []persona.User{f.owner, f.member}, must[[]persona.User](t)(f.Users(ctx)))

	bare := persona.Organization{OID: "og_2", Name: "שלום \U0001f600 \u2028 e\u0301", Slug: "x", CreatedAt: day.Add(time.Hour)}
	empty := persona.User{OID: "u_3", OrganizationOID: "og_2", Email: new(""), Role: persona.RoleOwner, CreatedAt: day.Add(time.Hour)}
	f.write(t, func(ctx context.Context, tx persona.Tx) error {
		if err := tx.InsertOrganization(ctx, &bare); err != nil {
			return err
		}
		return tx.InsertUser(ctx, &empty)
	})
	same(t, "Organizations", []persona.Organization{f.organization, bare}, must[[]persona.Organization](t)(f.Organizations(ctx)))
	same(t, "Users", []persona.User{f.owner, f.member, empty}, must[[]persona.User](t)(f.Users(ctx)))
}

// orderOf gives ids and ages whose order a store must give back: by age and
// then by the bytes of the id, whatever the language of the database.
func orderOf(prefix string) (inserted []string, ages map[string]time.Duration, sorted []string) {
	inserted = []string{"b", "é", "B", "young", "a", "old", "_", "\U0001f600", "0"}
	ages = map[string]time.Duration{"young": time.Millisecond, "old": -time.Millisecond}
	sorted = []string{"old", "0", "B", "_", "a", "b", "é", "\U0001f600", "young"}
	for i := range inserted {
		if age, ok := ages[inserted[i]]; ok {
			ages[prefix+inserted[i]] = age
		}
		inserted[i], sorted[i] = prefix+inserted[i], prefix+sorted[i]
	}
	return inserted, ages, sorted
}

func (s suite) testAccountOrder(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	// All of these are younger than the fixture's.
	inserted, ages, sorted := orderOf("x_")
	base := day.Add(24 * time.Hour)
	f.write(t, func(ctx context.Context, tx persona.Tx) error {
		for _, oID := range inserted {
			created := base.Add(ages[oID])
			if err := tx.InsertOrganization(ctx, &persona.Organization{OID: oID, Name: "same", Slug: oID, CreatedAt: created}); err != nil {
				return err
			}
			if err := tx.InsertWorkspace(ctx, &persona.Workspace{OID: oID, OrganizationOID: oID, Name: "same", CreatedAt: created}); err != nil {
				return err
			}
			if err := tx.InsertUser(ctx, &persona.User{OID: oID, OrganizationOID: oID, FirstName: "same", Role: persona.RoleMember, CreatedAt: created}); err != nil {
				return err
			}
		}
		return nil
	})
	var organizations, workspaces, users []string
	for _, o := range must[[]persona.Organization](t)(f.Organizations(t.Context()))[1:] {
		organizations = append(organizations, o.OID)
	}
	for _, w := range must[[]persona.Workspace](t)(f.Workspaces(t.Context()))[2:] {
		workspaces = append(workspaces, w.OID)
	}
	for _, u := range must[[]persona.User](t)(f.Users(t.Context()))[2:] {
		users = append(users, u.OID)
	}
	same(t, "Organizations", sorted, organizations)
	same(t, "Workspaces", sorted, workspaces)
	same(t, "Users", sorted, users)
}

func (s suite) testAccountConflicts(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	f.write(t, func(ctx context.Context, tx persona.Tx) error {
		return tx.InsertOrganization(ctx, &persona.Organization{OID: "og_2", Name: f.organization.Name, Slug: "acme-2", CreatedAt: day})
	})
	f.insertKeys(t, f.key("ak_1", f.workspace))
	taken := map[string]func(context.Context, persona.Tx) error{
		"OrganizationID": func(ctx context.Context, tx persona.Tx) error {
			return tx.InsertOrganization(ctx, &persona.Organization{OID: "og_1", Name: "new", Slug: "new", CreatedAt: day})
		},
		"OrganizationSlug": func(ctx context.Context, tx persona.Tx) error {
			return tx.InsertOrganization(ctx, &persona.Organization{OID: "og_new", Name: "new", Slug: "acme", CreatedAt: day})
		},
		"WorkspaceID": func(ctx context.Context, tx persona.Tx) error {
			return tx.InsertWorkspace(ctx, &persona.Workspace{OID: "wa_1", OrganizationOID: "og_2", Name: "new", CreatedAt: day})
		},
		"WorkspaceName": func(ctx context.Context, tx persona.Tx) error {
			return tx.InsertWorkspace(ctx, &persona.Workspace{OID: "wa_new", OrganizationOID: "og_1", Name: "Sales", CreatedAt: day})
		},
		"UserID": func(ctx context.Context, tx persona.Tx) error {
			return tx.InsertUser(ctx, &persona.User{OID: "u_1", OrganizationOID: "og_2", FirstName: "new", Role: persona.RoleMember, CreatedAt: day})
		},
		"UserEmail": func(ctx context.Context, tx persona.Tx) error {
			return tx.InsertUser(ctx, &persona.User{OID: "u_new", OrganizationOID: "og_1", FirstName: "new", Email: new("ada@acme.example"), Role: persona.RoleMember, CreatedAt: day})
		},
		"APIKeyID": func(ctx context.Context, tx persona.Tx) error {
			return tx.InsertAPIKey(ctx, f.key("ak_1", f.other))
		},
	}
	for name, insert := range taken {
		// Nothing more is done in the transaction: some engines refuse that.
		err := f.Write(t.Context(), func(tx persona.Tx) error { return insert(t.Context(), tx) })
		wantKind(t, name, err, persona.Conflict)
	}
	// What is unique within an organization is free in another, and many users
	// may have no email address.
	f.write(t, func(ctx context.Context, tx persona.Tx) error {
		if err := tx.InsertWorkspace(ctx, &persona.Workspace{OID: "wa_3", OrganizationOID: "og_2", Name: "Sales", CreatedAt: day}); err != nil {
			return err
		}
		if err := tx.InsertUser(ctx, &persona.User{OID: "u_3", OrganizationOID: "og_1", FirstName: "none", Role: persona.RoleMember, CreatedAt: day}); err != nil {
			return err
		}
		return tx.InsertUser(ctx, &persona.User{OID: "u_4", OrganizationOID: "og_2", Email: f.owner.Email, Role: persona.RoleMember, CreatedAt: day})
	})
	same(t, "number of organizations", 2, len(must[[]persona.Organization](t)(f.Organizations(t.Context()))))
	same(t, "number of workspaces", 3, len(must[[]persona.Workspace](t)(f.Workspaces(t.Context()))))
	same(t, "number of users", 4, len(must[[]persona.User](t)(f.Users(t.Context()))))
}

func (s suite) testAPIKeys(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	bare := f.key("ak_1", f.workspace)
	full := f.key("ak_2", f.workspace)
	full.Name = "n8n \U0001f916"
	full.UserOID = f.member.OID
	full.Scopes = persona.Scopes{persona.ScopeRead, persona.ScopeWrite, persona.ScopeAdmin}
	full.CreatedAt = day.Add(time.Millisecond)
	full.ExpiresAt, full.RevokedAt, full.LastUsedAt = new(day.Add(1*time.Hour)), new(day.Add(2*time.Hour)), new(day.Add(3*time.Hour))
	for i := range full.Digest {
		full.Digest[i] = byte(255 - i)
	}
	f.insertKeys(t, bare, full)
	same(t, "APIKeys", []persona.APIKey{*bare, *full}, must[[]persona.APIKey](t)(f.APIKeys(t.Context(), f.workspace.OID)))
	same(t, "APIKeys of the other workspace", []persona.APIKey(nil), must[[]persona.APIKey](t)(f.APIKeys(t.Context(), f.other.OID)))
}

func (s suite) testAPIKeyOrder(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	inserted, ages, sorted := orderOf("ak_")
	for _, oID := range inserted {
		k := f.key(oID, f.workspace)
		k.CreatedAt = day.Add(ages[oID])
		f.insertKeys(t, k)
	}
	var got []string
	for _, k := range must[[]persona.APIKey](t)(f.APIKeys(t.Context(), f.workspace.OID)) {
		got = append(got, k.OID)
	}
	same(t, "APIKeys", sorted, got)
}

func (s suite) testCredential(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	key := f.key("ak_1", f.other)
	key.UserOID = f.member.OID
	key.ExpiresAt, key.RevokedAt = new(day), new(day) // a Reader does not judge
	f.insertKeys(t, f.key("ak_0", f.workspace), key, f.key("ak_2", f.workspace))
	want := &persona.Credential{Key: *key, User: f.member, Workspace: f.other, Organization: f.organization}
	same(t, "Credential", want, must[*persona.Credential](t)(f.Credential(t.Context(), "ak_1")))

	for _, unknown := range []string{"ak_3", "AK_1", "ak_1 ", "", "u_1"} {
		c, err := f.Credential(t.Context(), unknown)
		wantKind(t, "Credential("+unknown+")", err, persona.NotFound)
		if c != nil {
			t.Errorf("Credential(%q) = %v beside an error", unknown, c)
		}
	}
}

func (f *fixture) onlyKey(t *testing.T) persona.APIKey {
	t.Helper()
	keys := must[[]persona.APIKey](t)(f.APIKeys(t.Context(), f.workspace.OID))
	if len(keys) != 1 {
		t.Fatalf("there are %d keys, want 1", len(keys))
	}
	return keys[0]
}

func (s suite) testRevokeAPIKey(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	key := f.key("ak_1", f.workspace)
	f.insertKeys(t, key, f.key("ak_2", f.other))
	revoke := func(workspaceOID, keyOID string, at time.Time) error {
		return f.Write(t.Context(), func(tx persona.Tx) error { return tx.RevokeAPIKey(t.Context(), workspaceOID, keyOID, at) })
	}
	wantKind(t, "RevokeAPIKey of another workspace", revoke(f.other.OID, "ak_1", day), persona.NotFound)
	wantKind(t, "RevokeAPIKey of no workspace", revoke("wa_unknown", "ak_1", day), persona.NotFound)
	wantKind(t, "RevokeAPIKey of no key", revoke(f.workspace.OID, "ak_3", day), persona.NotFound)
	same(t, "the key, not revoked", *key, f.onlyKey(t))

	first := day.Add(time.Hour)
	for _, at := range []time.Time{first, first.Add(time.Hour), first.Add(-time.Hour)} {
		if err := revoke(f.workspace.OID, "ak_1", at); err != nil {
			t.Fatalf("RevokeAPIKey at %s: %v", at, err)
		}
	}
	key.RevokedAt = &first
	same(t, "the key, revoked three times", *key, f.onlyKey(t))
	same(t, "the credential of the key", key.RevokedAt, must[*persona.Credential](t)(f.Credential(t.Context(), "ak_1")).Key.RevokedAt)
	if other := must[*persona.Credential](t)(f.Credential(t.Context(), "ak_2")); other.Key.RevokedAt != nil {
		t.Errorf("the key of the other workspace was revoked at %s", other.Key.RevokedAt)
	}
}

func (s suite) testTouchAPIKeys(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	key := f.key("ak_1", f.workspace)
	f.insertKeys(t, key, f.key("ak_2", f.other), f.key("ak_3", f.other))
	touch := func(lastUsed map[string]time.Time) {
		f.write(t, func(ctx context.Context, tx persona.Tx) error { return tx.TouchAPIKeys(ctx, lastUsed) })
	}
	touch(nil)
	same(t, "the key, not used", *key, f.onlyKey(t))

	// Two workspaces at once, and a key that is not there any more.
	used := day.Add(time.Hour)
	touch(map[string]time.Time{"ak_1": used, "ak_2": used.Add(time.Minute), "ak_unknown": used})
	key.LastUsedAt = &used
	same(t, "the key, used", *key, f.onlyKey(t))
	same(t, "the other key", new(used.Add(time.Minute)), must[*persona.Credential](t)(f.Credential(t.Context(), "ak_2")).Key.LastUsedAt)

	touch(map[string]time.Time{"ak_1": used.Add(-time.Millisecond)})
	same(t, "the key, touched with an earlier time", *key, f.onlyKey(t))
	later := used.Add(time.Millisecond)
	touch(map[string]time.Time{"ak_1": later})
	key.LastUsedAt = &later
	same(t, "the key, touched with a later time", *key, f.onlyKey(t))
	if untouched := must[*persona.Credential](t)(f.Credential(t.Context(), "ak_3")); untouched.Key.LastUsedAt != nil {
		t.Errorf("a key that was not named was touched: %s", untouched.Key.LastUsedAt)
	}

	// More than one statement holds, each with a time of its own.
	const many = 450
	times, keys := map[string]time.Time{}, make([]*persona.APIKey, many)
	for i := range keys {
		keys[i] = f.key(fmt.Sprintf("ak_many%d", i), f.other)
		times[keys[i].OID] = day.Add(time.Duration(i) * time.Second)
	}
	f.insertKeys(t, keys...)
	touch(times)
	for _, got := range must[[]persona.APIKey](t)(f.APIKeys(t.Context(), f.other.OID)) {
		if want, ok := times[got.OID]; ok && (got.LastUsedAt == nil || !got.LastUsedAt.Equal(want)) {
			t.Errorf("%s was used at %v, want %s", got.OID, got.LastUsedAt, want)
		}
	}
}
