package library_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/kind"
	"personae.dev/internal/library"
	"personae.dev/internal/store/storetest"
)

func TestRename(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	made := f.create(t, `{"name":"P"}`)
	before, err := f.Get(ctx, f.caller, f.persona, made.Entity.OID, library.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}

	o, err := f.RenameOrganization(ctx, "", "Acme, Inc.")
	if err != nil || o.Name != "Acme, Inc." || o.Slug != "acme-inc" {
		t.Errorf("RenameOrganization = %+v, %v", o, err)
	}
	if o, err = f.RenameOrganization(ctx, "acme-inc", "ACME Inc"); err != nil || o.Slug != "acme-inc" { // its own slug is no other's
		t.Errorf("RenameOrganization again = %+v, %v", o, err)
	}
	w, err := f.RenameWorkspace(ctx, f.workspace.Name, "Sales")
	if err != nil || w.OID != f.workspace.OID || w.Name != "Sales" {
		t.Errorf("RenameWorkspace = %+v, %v", w, err)
	}
	u, err := f.RenameUser(ctx, "Workspace Owner", "Ada", "Lovelace")
	if err != nil || u.OID != f.setUp.Owner.OID || u.Author().Name() != "Ada Lovelace" {
		t.Errorf("RenameUser = %+v, %v", u, err)
	}

	// It is seen at once, under another ETag, and an update meanwhile is not refused.
	p, err := f.Authenticate(ctx, f.setUp.Token)
	if err != nil || p.Organization.Name != "ACME Inc" || p.Workspace.Name != "Sales" || p.User.FirstName != "Ada" {
		t.Errorf("Authenticate = %+v, %v", p, err)
	}
	after, err := f.Get(ctx, f.caller, f.persona, made.Entity.OID, library.GetOptions{})
	if err != nil || !strings.Contains(string(after.Body), `"firstName":"Ada","lastName":"Lovelace"`) || after.ETag == before.ETag {
		t.Errorf("Get = %s, %v", after.Body, err)
	}
	if _, err := f.Update(ctx, f.caller, f.persona, library.Target{OID: made.Entity.OID, IfMatch: before.ETag}, patch(t, f.persona, `{"name":"Q"}`, entity.Mode{})); err != nil {
		t.Errorf("Update: %v", err)
	}
	for _, rev := range f.revisions(t, made.Entity.OID) {
		if rev.Author.Name() != "Ada Lovelace" {
			t.Errorf("the author of a revision is %s", rev.Author.Name())
		}
	}

	_, err = f.RenameWorkspace(ctx, "Sales", "Other")
	wantCode(t, "another workspace's name", err, errs.Conflict, "already_exists")
	if _, err = f.RenameWorkspace(ctx, "Sales", "Sales"); err != nil {
		t.Errorf("its own name: %v", err)
	}
	for what, err := range map[string]error{
		"organization": second(f.RenameOrganization(ctx, "nobody", "x")),
		"workspace":    second(f.RenameWorkspace(ctx, "nowhere", "x")),
		"user":         second(f.RenameUser(ctx, "nobody", "x", "")),
	} {
		wantCode(t, what, err, errs.NotFound, what+"_not_found")
	}
	wantFields(t, "no name", second(f.RenameOrganization(ctx, "", "")), "name")
	wantFields(t, "no name", second(f.RenameWorkspace(ctx, "Sales", strings.Repeat("x", account.MaxNameLength+1))), "name")
	wantFields(t, "no name", second(f.RenameUser(ctx, f.member.OID, "", "")), "firstName")
}

func second[T any](_ T, err error) error { return err }

func TestRemoveUser(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	email := "ada@example.com"
	ada, err := f.CreateUser(ctx, library.NewUser{FirstName: "Ada", LastName: "Lovelace", Email: &email, Role: account.RoleOwner, Workspace: f.workspace})
	if err != nil {
		t.Fatal(err)
	}
	tokens := []string{f.tokenOf(t, f.workspace, *ada, account.ScopeAdmin), f.tokenOf(t, f.other, *ada, account.ScopeRead)}
	caller := f.as(t, tokens[0])
	made, err := f.Create(ctx, caller, f.persona, library.Create{Patch: patch(t, f.persona, `{"name":"Hers"}`, entity.Mode{Create: true})})
	if err != nil {
		t.Fatal(err)
	}

	removed, err := f.RemoveUser(ctx, email)
	if err != nil || removed.OID != ada.OID || !removed.RemovedAt.Equal(f.now) {
		t.Fatalf("RemoveUser = %+v, %v", removed, err)
	}
	for _, token := range tokens {
		_, err := f.Authenticate(ctx, token)
		wantCode(t, "a key of hers", err, errs.Unauthorized, errs.CodeUnauthorized)
		if !errors.Is(err, library.ErrKeyRevoked) {
			t.Errorf("the reason is %v", err)
		}
	}
	// A request that began before may still make a key, which is good for nothing.
	token, _, err := f.CreateKeyFor(ctx, caller, library.NewKey{Scopes: account.Scopes{account.ScopeRead}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Authenticate(ctx, token); !errors.Is(err, library.ErrKeyUser) {
		t.Errorf("the reason is %v", err)
	}
	_, _, err = f.CreateKey(ctx, library.NewKey{Workspace: f.workspace, User: *removed, Scopes: account.Scopes{account.ScopeRead}})
	wantFields(t, "a key for her", err, "user")

	d, err := f.Get(ctx, f.caller, f.persona, made.Entity.OID, library.GetOptions{})
	if err != nil || !strings.Contains(string(d.Body), `"firstName":"Ada","lastName":"Lovelace"`) {
		t.Errorf("what she wrote: %s, %v", d.Body, err)
	}
	_, err = f.User(ctx, f.workspace, ada.OID)
	wantCode(t, "User", err, errs.NotFound, "user_not_found")
	if _, err := f.CreateUser(ctx, library.NewUser{FirstName: "Ada", LastName: "Lovelace", Email: &email, Role: account.RoleMember, Workspace: f.workspace}); err != nil {
		t.Errorf("another user of this address: %v", err)
	}
	again, err := f.RemoveUser(ctx, ada.OID)
	if err != nil || !again.RemovedAt.Equal(*removed.RemovedAt) {
		t.Errorf("a second time: %+v, %v", again, err)
	}
	if renamed, err := f.RenameUser(ctx, ada.OID, "A.", ""); err != nil || renamed.FirstName != "A." {
		t.Errorf("RenameUser = %+v, %v", renamed, err)
	}

	_, err = f.RemoveUser(ctx, f.setUp.Owner.OID)
	wantCode(t, "the last owner", err, errs.Conflict, "last_owner")
	if _, err := f.Authenticate(ctx, f.setUp.Token); err != nil {
		t.Errorf("the last owner's key: %v", err)
	}
	_, err = f.RemoveUser(ctx, "")
	wantCode(t, "nobody", err, errs.Invalid, errs.CodeInvalidRequest)
}

// TestFixedIDs shows that the same calls make the same library, byte for byte.
func TestFixedIDs(t *testing.T) {
	t.Parallel()
	token, _ := account.NewToken()
	play := func() string {
		f := &fixture{store: storetest.Open(t), now: storetest.Day}
		kinds, newID := kind.Registry(), account.Sequence()
		kinds.UseIDs(newID)
		var err error
		f.Library, err = library.New(library.Config{Store: f.store, Registry: kinds, Now: func() time.Time { return f.now }, NewID: newID})
		if err != nil {
			t.Fatal(err)
		}
		f.persona = f.kind(t, "persona")
		if f.setUp, err = f.SetUp(t.Context(), library.SetUpOptions{Organization: "Acme", OwnerEmail: "ada@example.com", Token: token.Reveal()}); err != nil {
			t.Fatal(err)
		}
		if f.setUp.Token != token.Reveal() {
			t.Errorf("the token is %s", f.setUp.Token)
		}
		f.workspace, f.caller = f.setUp.Workspace, f.as(t, f.setUp.Token)
		var lines []string
		for range 50 {
			lines = append(lines, `{"name":"P","qualifyingQuestions":[{"question":"a","fitType":"GOOD","weight":"LOW"},{"question":"b","fitType":"GOOD","weight":"LOW"}]}`)
		}
		if _, _, err := f.importText(t, library.ImportOptions{Workspace: f.workspace, Author: f.setUp.Owner}, lines...); err != nil {
			t.Fatal(err)
		}
		made := f.create(t, `{"name":"Q","qualifyingQuestions":[{"question":"a","fitType":"GOOD","weight":"LOW"}]}`)
		f.update(t, made.Entity.OID, `{"name":"R"}`)
		revisions, _, err := f.store.Changes(t.Context(), f.workspace.OID, entity.Cursor{}, 1000)
		if err != nil || len(revisions) != len(lines)+2 {
			t.Fatalf("%d revisions, %v", len(revisions), err)
		}
		var b strings.Builder
		for _, r := range revisions {
			fmt.Fprintln(&b, r.RevisionOID, r.OID, string(r.Document), string(r.Hidden))
		}
		return b.String() + f.export(t, f.workspace)
	}
	first := play()
	if diff := cmp.Diff(first, play()); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(first, "qq_") || !strings.Contains(first, "rv_") {
		t.Errorf("ids are missing: %.500s", first)
	}

	_, err := setup(t).SetUp(t.Context(), library.SetUpOptions{Token: "psk_x"})
	wantCode(t, "no token", err, errs.Invalid, errs.CodeInvalidRequest)
}
