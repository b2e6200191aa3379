package library_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
	"personae.dev/internal/store/storetest"
)

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	why := func(token string, want error) {
		t.Helper()
		_, err := f.Authenticate(ctx, token)
		wantCode(t, "Authenticate", err, errs.Unauthorized, errs.CodeUnauthorized)
		if !errors.Is(err, want) {
			t.Errorf("the reason is %v, want %v", err, want)
		}
	}
	why("", library.ErrKeyMissing)
	why("psk_x", account.ErrTokenForm)
	stranger, _ := account.NewToken()
	why(stranger.Reveal(), library.ErrKeyUnknown)

	expires := f.now.Add(time.Hour)
	token, key, err := f.CreateKey(ctx, library.NewKey{Workspace: f.workspace, User: f.member, Scopes: account.Scopes{account.ScopeRead}, ExpiresAt: &expires})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := account.ParseToken(token)
	if err != nil {
		t.Fatal(err)
	}
	why(account.Token{KeyID: parsed.KeyID, Secret: stranger.Secret}.Reveal(), library.ErrKeySecret)
	p, err := f.Authenticate(ctx, token)
	if err != nil || p.User.OID != f.member.OID || p.Workspace.OID != f.workspace.OID || p.Organization.OID != f.setUp.Organization.OID {
		t.Fatalf("Authenticate = %+v, %v", p, err)
	}
	f.now = expires
	why(token, library.ErrKeyExpired) // though it is cached
	f.now = expires.Add(-time.Millisecond)
	if _, err := f.Authenticate(ctx, token); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		revoked, err := f.RevokeKey(ctx, key.OID)
		if err != nil || !revoked.RevokedAt.Equal(f.now) {
			t.Fatalf("RevokeKey = %+v, %v", revoked, err)
		}
		why(token, library.ErrKeyRevoked)
	}
}

func TestKeysFor(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	past := f.now
	_, _, err := f.CreateKeyFor(ctx, f.caller, library.NewKey{ExpiresAt: &past, Errors: []errs.Field{{Path: "scopes", Message: "must be a list"}}})
	wantFields(t, "without scopes, and expired", err, "scopes", "expiresAt")
	token, key, err := f.CreateKeyFor(ctx, f.caller, library.NewKey{Name: "agent", Scopes: account.Scopes{account.ScopeWrite}})
	if err != nil || key.WorkspaceOID != f.workspace.OID || key.UserOID != f.caller.User.OID {
		t.Fatalf("CreateKeyFor = %+v, %v", key, err)
	}
	agent := f.as(t, token)
	_, _, err = f.CreateKeyFor(ctx, agent, library.NewKey{Scopes: account.Scopes{account.ScopeAdmin}})
	wantCode(t, "by a key that may not", err, errs.Forbidden, errs.CodeInsufficientScope)
	_, err = f.RevokeKeyFor(ctx, agent, key.OID)
	wantCode(t, "by a key that may not", err, errs.Forbidden, errs.CodeInsufficientScope)
	theirs := f.callerOf(t, f.other, f.member)
	_, err = f.RevokeKeyFor(ctx, theirs, key.OID)
	wantCode(t, "of another workspace", err, errs.NotFound, errs.CodeAPIKeyNotFound)
	for _, oID := range []string{"ak_unknown", "nul\x00"} {
		_, err = f.RevokeKeyFor(ctx, f.caller, oID)
		wantCode(t, oID, err, errs.NotFound, errs.CodeAPIKeyNotFound)
	}
	if _, err = f.RevokeKeyFor(ctx, f.caller, token); err != nil {
		t.Error(err)
	}
	_, err = f.RevokeKey(ctx, strings.ToUpper(token[:10])+token[10:])
	wantCode(t, "a token that is no id", err, errs.NotFound, errs.CodeAPIKeyNotFound)
	_, err = f.RevokeKey(ctx, token[:len(token)-1])
	wantCode(t, "a token that is cut", err, errs.Invalid, errs.CodeInvalidRequest)
	keys, err := f.ListKeys(ctx, f.caller)
	if err != nil || len(keys) != 2 || keys[1].RevokedAt == nil {
		t.Errorf("ListKeys = %+v, %v", keys, err)
	}
}

func TestSetUp(t *testing.T) {
	t.Parallel()
	l, err := library.New(library.Config{Store: storetest.Open(t), Registry: registry()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.SetUp(t.Context(), library.SetUpOptions{Workspace: "nul\x00", OwnerEmail: "nobody"})
	wantFields(t, "bad names", err, "workspace", "email")
	made, err := l.SetUp(t.Context(), library.SetUpOptions{Organization: "ACME, Inc.", Workspace: "Sales", OwnerFirstName: "Jo", OwnerEmail: "jo@example.com"})
	if err != nil || made.Organization.Slug != "acme-inc" || made.Workspace.Name != "Sales" || made.Owner.FirstName != "Jo" || *made.Owner.Email != "jo@example.com" {
		t.Fatalf("SetUp = %+v, %v", made, err)
	}
	if p, err := l.Authenticate(t.Context(), made.Token); err != nil || p.User.Role != account.RoleOwner {
		t.Errorf("Authenticate = %+v, %v", p, err)
	}
	if again, err := l.SetUp(t.Context(), library.SetUpOptions{}); err != nil || again != nil {
		t.Errorf("a second SetUp = %+v, %v", again, err)
	}
}
