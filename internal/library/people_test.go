package library_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
)

const goodPassword = "a sentence is fine"

func home() library.From { return library.From{Address: "192.0.2.1", Browser: "Firefox on Linux"} }

// begins returns the session that a call began.
func (f *fixture) begins(t *testing.T) func(token string, err error) *library.SignedIn {
	t.Helper()
	return func(token string, err error) *library.SignedIn {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		in, err := f.Session(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
}

// owner returns the owner, signed in after setting up.
func (f *fixture) owner(t *testing.T) *library.SignedIn {
	t.Helper()
	link, err := f.SetUpLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return f.begins(t)(f.Choose(t.Context(), link, library.Chosen{
		Password: goodPassword, Organization: "Larkfield", Workspace: "GTM", FirstName: "Hanna", LastName: "Lindqvist", Email: "Hanna@larkfield.example",
	}, home()))
}

// invited returns a member of the workspace, signed in.
func (f *fixture) invited(t *testing.T, email string, role account.MemberRole) *library.SignedIn {
	t.Helper()
	_, link, err := f.Invite(t.Context(), f.workspace, library.NewMember{FirstName: "Marco", Email: email, Role: role})
	if err != nil {
		t.Fatal(err)
	}
	return f.begins(t)(f.Choose(t.Context(), link, library.Chosen{Password: goodPassword}, home()))
}

func wants(t *testing.T, what string, err error, want errs.Kind) {
	t.Helper()
	if err == nil || errs.KindOf(err) != want {
		t.Errorf("%s: %v, want %s", what, err, want)
	}
}

func TestSetUpSignIn(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	first, err := f.SetUpLink(ctx)
	if err != nil || first == "" {
		t.Fatalf("SetUpLink: %q, %v", first, err)
	}
	in := f.owner(t)
	if in.Organization.Name != "Larkfield" || in.Workspace.Name != "GTM" || in.User.Author().Name() != "Hanna Lindqvist" || !in.Key.Scopes.Allow(account.ScopeAdmin) {
		t.Errorf("set up: %+v", in.Principal)
	}
	_, err = f.LinkFor(ctx, first)
	wants(t, "an earlier link", err, errs.NotFound)
	if again, err := f.SetUpLink(ctx); again != "" || err != nil {
		t.Errorf("a link for what is set up: %q, %v", again, err)
	}
	// The address is compared without capitals.
	f.begins(t)(f.SignIn(ctx, " hanna@Larkfield.example", goodPassword, home()))
	if list, err := f.Sessions(ctx, in); err != nil || len(list) != 2 || list[0].Address != home().Address {
		t.Errorf("Sessions: %+v, %v", list, err)
	}
	// A password that is changed while it is checked begins no session.
	change := func() {
		known, err := f.store.Password(ctx, "hanna@larkfield.example")
		if err != nil {
			t.Error(err)
			return
		}
		known.Hash = "another"
		if err := f.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error { return tx.PutPassword(ctx, known) }); err != nil {
			t.Error(err)
		}
	}
	l, err := library.New(library.Config{Store: passwordRead{f.store, change}, Registry: registry()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.SignIn(ctx, "hanna@larkfield.example", goodPassword, home())
	wants(t, "the old password", err, errs.Unauthorized)
	if list, err := f.store.Sessions(ctx, in.User.OID, ""); err != nil || len(list) > 0 {
		t.Errorf("there are sessions: %+v, %v", list, err)
	}
}

func TestSetUpErrors(t *testing.T) {
	t.Parallel()
	f := setup(t)
	link, err := f.SetUpLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Choose(t.Context(), link, library.Chosen{Password: "short", Email: "nobody"}, home())
	known, _ := errors.AsType[*errs.Error](err)
	paths := map[string]bool{}
	for _, field := range known.Fields {
		paths[field.Path] = true
	}
	for _, want := range []string{"organization", "workspace", "firstName", "email", "password"} {
		if !paths[want] {
			t.Errorf("no error for %s in %v", want, known.Fields)
		}
	}
	if _, err := f.LinkFor(t.Context(), link); err != nil {
		t.Errorf("the link after errors: %v", err)
	}
	f.now = f.now.Add(library.LinkLasts)
	_, err = f.LinkFor(t.Context(), link)
	wants(t, "an old link", err, errs.NotFound)
}

// passwordRead is a store that calls then after a password was read for a sign-in.
type passwordRead struct {
	entity.Store
	then func()
}

func (s passwordRead) Password(ctx context.Context, email string) (*account.Password, error) {
	defer s.then()
	return s.Store.Password(ctx, email)
}

// TestSignInTellsNothing shows that an unknown address and a wrong password are
// answered alike, after the same work, and that tries are limited.
func TestSignInTellsNothing(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.owner(t)
	try := func(email string) (string, time.Duration) {
		began := time.Now()
		_, err := f.SignIn(t.Context(), email, "wrong", home())
		wants(t, email, err, errs.Unauthorized)
		return fmt.Sprint(err), time.Since(began)
	}
	fastest := [2]time.Duration{time.Hour, time.Hour}
	for range 5 {
		known, took := try("hanna@larkfield.example")
		fastest[0] = min(fastest[0], took)
		unknown, took := try("nobody@larkfield.example")
		fastest[1] = min(fastest[1], took)
		if known != unknown {
			t.Errorf("%s, and %s", known, unknown)
		}
	}
	if fastest[0] > 4*fastest[1] || fastest[1] > 4*fastest[0] {
		t.Errorf("a known address takes %s, an unknown one %s", fastest[0], fastest[1])
	}

	tries := 0
	for ; tries < 2*library.TriesPerEmail; tries++ {
		if _, err := f.SignIn(t.Context(), "HANNA@larkfield.example", "wrong", library.From{Address: fmt.Sprint("198.51.100.", tries)}); errs.KindOf(err) == errs.RateLimited {
			break
		}
	}
	if tries != library.TriesPerEmail-5 {
		t.Errorf("%d tries more were allowed", tries)
	}
	for tries = 0; tries < 2*library.TriesPerAddress; tries++ {
		from := library.From{Address: fmt.Sprintf("2001:db8::%x", tries)} // one network
		if _, err := f.SignInByKey(t.Context(), "psk_", from); errs.KindOf(err) == errs.RateLimited {
			break
		}
	}
	if tries != library.TriesPerAddress {
		t.Errorf("%d tries of a network were allowed", tries)
	}
	f.now = f.now.Add(library.TriesWindow)
	f.begins(t)(f.SignIn(t.Context(), "hanna@larkfield.example", goodPassword, home()))
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	f.owner(t)
	signIn := func() string {
		t.Helper()
		token, err := f.SignIn(ctx, "hanna@larkfield.example", goodPassword, home())
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	ended := func(what, token string) {
		t.Helper()
		_, err := f.Session(ctx, token)
		wants(t, what, err, errs.Unauthorized)
	}
	idle, used := signIn(), signIn()
	began := f.now
	for f.now.Sub(began) < library.SessionLasts {
		in := f.begins(t)(used, nil)
		if f.now.Sub(in.Session.SeenAt) > library.SessionIdle/2 {
			t.Fatalf("at %s it was seen at %s", f.now, in.Session.SeenAt)
		}
		f.now = f.now.Add(library.SessionIdle / 2)
		if f.now.Sub(began) == library.SessionIdle {
			ended("one that is not used", idle)
		}
	}
	ended("one that is too old", used)
	ended("an unknown one", "x")
	ended("none", "")

	one, two := signIn(), signIn()
	if err := f.EndSession(ctx, f.begins(t)(one, nil), f.begins(t)(two, nil).Session.OID); err != nil {
		t.Fatal(err)
	}
	ended("one that another browser ended", two)
	third := signIn()
	if err := f.EndSession(ctx, f.begins(t)(one, nil), ""); err != nil {
		t.Fatal(err)
	}
	ended("all others", third)
	if _, link, err := f.ResetLink(ctx, "hanna@larkfield.example", ""); err != nil {
		t.Fatal(err)
	} else {
		f.begins(t)(f.Choose(ctx, link, library.Chosen{Password: "another sentence"}, home()))
	}
	ended("one of the old password", one)
	_, err := f.SignIn(ctx, "hanna@larkfield.example", goodPassword, home())
	wants(t, "the old password", err, errs.Unauthorized)
}

func TestSessionByKey(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	f.owner(t)
	key := f.tokenOf(t, f.other, f.setUp.Owner, account.ScopeAdmin)
	in := f.begins(t)(f.SignInByKey(ctx, key, home()))
	if in.Workspace.OID != f.other.OID || in.Key.OID == "" {
		t.Errorf("%+v", in.Principal)
	}
	// It has the rights of the key, not those of the owner for whom the key acts.
	if list, err := f.Sessions(ctx, in); err != nil || len(list) != 1 {
		t.Errorf("Sessions: %+v, %v", list, err)
	}
	wants(t, "another workspace", f.SwitchWorkspace(ctx, in, f.workspace.OID), errs.NotFound)
	_, _, err := f.ResetLinkFor(ctx, in, f.setUp.Owner.OID)
	wants(t, "a password link", err, errs.Forbidden)
	token, err := f.SignInByKey(ctx, key, home())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.RevokeKey(ctx, key); err != nil {
		t.Fatal(err)
	}
	_, err = f.Session(ctx, token)
	wants(t, "after the key was revoked", err, errs.Unauthorized)
	_, err = f.SignInByKey(ctx, key, home())
	wants(t, "a revoked key", err, errs.Unauthorized)
}

func TestMembers(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	owner := f.owner(t)
	viewer, admin := f.invited(t, "viewer@larkfield.example", account.Viewer), f.invited(t, "admin@larkfield.example", account.Admin)
	if _, err := f.Archive(ctx, viewer.Caller, f.persona, library.Target{OID: "x"}); errs.KindOf(err) != errs.Forbidden {
		t.Errorf("a viewer who archives: %v", err)
	}
	if members, err := f.Members(ctx, admin.Caller); err != nil || len(members) != 3 {
		t.Errorf("Members: %+v, %v", members, err)
	}
	_, err := f.Members(ctx, viewer.Caller)
	wants(t, "members for a viewer", err, errs.Forbidden)
	_, _, err = f.InviteFor(ctx, viewer.Caller, library.NewMember{})
	wants(t, "an invitation by a viewer", err, errs.Forbidden)
	_, err = f.SetRoleFor(ctx, viewer.Caller, viewer.User.OID, account.Admin)
	wants(t, "a viewer who becomes admin", err, errs.Forbidden)

	// An admin of a workspace cannot take the place of somebody else.
	_, _, err = f.ResetLinkFor(ctx, admin, owner.User.OID)
	wants(t, "a password link by an admin", err, errs.Forbidden)
	again := library.NewMember{FirstName: "V", Email: "Viewer@larkfield.example", Role: account.Editor}
	_, _, err = f.InviteFor(ctx, admin.Caller, again)
	wants(t, "an invitation of a member", err, errs.Conflict)
	if viewer, err := f.SetRole(ctx, f.workspace, "viewer@larkfield.example", ""); err != nil {
		t.Errorf("the removal of %v: %v", viewer, err)
	}
	_, link, err := f.InviteFor(ctx, admin.Caller, again)
	if err != nil || link != "" {
		t.Errorf("an invitation of a user who has a password: %q, %v", link, err)
	}
	_, _, err = f.InviteFor(ctx, admin.Caller, library.NewMember{FirstName: "H", Email: "hanna@larkfield.example", Role: account.Viewer})
	wants(t, "an invitation of the owner", err, errs.Conflict)
	_, err = f.SetRoleFor(ctx, admin.Caller, owner.User.OID, "")
	wants(t, "the removal of the owner", err, errs.Conflict)
	_, err = f.SetRoleFor(ctx, admin.Caller, account.NewID(account.UserPrefix), account.Viewer)
	wants(t, "a role of nobody", err, errs.NotFound)
	if _, link, err := f.ResetLinkFor(ctx, owner, viewer.User.OID); err != nil || link == "" {
		t.Errorf("a password link by the owner: %v", err)
	}

	// A role counts at once, and its end ends the session.
	token, err := f.SignIn(ctx, "viewer@larkfield.example", goodPassword, home())
	if in := f.begins(t)(token, err); in.Key.Scopes.String() != "read,write" {
		t.Errorf("an editor may %s", in.Key.Scopes)
	}
	wants(t, "a workspace of others", f.SwitchWorkspace(ctx, viewer, f.other.OID), errs.NotFound)
	if _, err := f.SetRole(ctx, f.workspace, "viewer@larkfield.example", ""); err != nil {
		t.Fatal(err)
	}
	_, err = f.Session(ctx, token)
	wants(t, "the session of one who was removed", err, errs.Unauthorized)
	_, err = f.SignIn(ctx, "viewer@larkfield.example", goodPassword, home())
	wants(t, "a user without a workspace", err, errs.Forbidden)

	if err := f.SwitchWorkspace(ctx, owner, f.other.OID); err != nil {
		t.Errorf("SwitchWorkspace: %v", err)
	}
}

func TestDemoLink(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	first, err := f.DemoLink(ctx, f.setUp.Owner)
	if err != nil {
		t.Fatal(err)
	}
	link, err := f.DemoLink(ctx, f.setUp.Owner)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.SignInByLink(ctx, first, home())
	wants(t, "an earlier link", err, errs.NotFound)
	f.begins(t)(f.SignInByLink(ctx, link, home()))
	_, err = f.SignInByLink(ctx, link, home())
	wants(t, "a second time", err, errs.NotFound)
	if link, err = f.DemoLink(ctx, f.setUp.Owner); err != nil {
		t.Fatal(err)
	}
	_, err = f.Choose(ctx, link, library.Chosen{Password: goodPassword}, home())
	wants(t, "a password by the link", err, errs.NotFound)
	f.now = f.now.Add(library.DemoLinkLasts)
	_, err = f.SignInByLink(ctx, link, home())
	wants(t, "an old link", err, errs.NotFound)
}
