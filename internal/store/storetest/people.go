package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

func session(oID string, l *Library, user account.User, seen time.Time) *account.Session {
	return &account.Session{
		OID: oID, Digest: account.DigestOf(oID), UserOID: user.OID, WorkspaceOID: l.Workspace.OID, Address: "10.0.0.1", Browser: "Ünix",
		CreatedAt: Day, SeenAt: seen, ExpiresAt: Day.Add(14 * 24 * time.Hour),
	}
}

func (s suite) testMembers(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	members := func(workspace string) []account.Member {
		t.Helper()
		return must[[]account.Member](t)(l.Members(ctx, workspace))
	}
	owner := account.Member{User: l.Owner, MemberRole: account.Admin}
	same(t, "Members without roles", []account.Member{owner}, members(l.Workspace.OID))
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		return errors.Join(
			tx.PutMember(ctx, l.Workspace.OID, l.Member.OID, account.Admin, Day),
			tx.PutMember(ctx, l.Workspace.OID, l.Member.OID, account.Viewer, Day),
			tx.PutPassword(ctx, &account.Password{UserOID: l.Member.OID, Email: "grace@acme.example", Hash: "h", ChangedAt: Day}),
			tx.InsertSession(ctx, session("se_1", l, l.Member, Day.Add(time.Minute))),
		)
	})
	grace := account.Member{User: l.Member, MemberRole: account.Viewer, HasPassword: true, LastSeen: new(Day.Add(time.Minute))}
	same(t, "Members", []account.Member{owner, grace}, members(l.Workspace.OID))
	same(t, "Members of the other workspace", []account.Member{owner}, members(l.Other.OID))
	same(t, "Enterable by the owner", []account.Workspace{l.Workspace, l.Other}, must[[]account.Workspace](t)(l.Enterable(ctx, l.Owner.OID)))
	same(t, "Enterable by a member", []account.Workspace{l.Workspace}, must[[]account.Workspace](t)(l.Enterable(ctx, l.Member.OID)))

	key, elsewhere := l.key("ak_1", l.Workspace), l.key("ak_2", l.Other)
	key.UserOID, elsewhere.UserOID = l.Member.OID, l.Member.OID
	l.insertKeys(t, key, elsewhere)
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		return tx.DeleteMember(ctx, l.Workspace.OID, l.Member.OID, Day.Add(time.Hour))
	})
	same(t, "Members afterwards", []account.Member{owner}, members(l.Workspace.OID))
	key.RevokedAt = new(Day.Add(time.Hour))
	same(t, "keys", []account.APIKey{*key}, must[[]account.APIKey](t)(l.APIKeys(ctx, l.Workspace.OID)))
	same(t, "keys elsewhere", []account.APIKey{*elsewhere}, must[[]account.APIKey](t)(l.APIKeys(ctx, l.Other.OID)))
	_, err := l.Session(ctx, account.DigestOf("se_1"))
	wantKind(t, "the session of one who was removed", err, errs.NotFound)
}

func (s suite) testPasswords(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	if has, err := l.HasPasswords(ctx); has || err != nil {
		t.Errorf("HasPasswords = %v, %v", has, err)
	}
	_, err := l.Password(ctx, "ada@acme.example")
	wantKind(t, "no password", err, errs.NotFound)
	put := func(user, email, hash string) error {
		return l.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
			return tx.PutPassword(ctx, &account.Password{UserOID: user, Email: email, Hash: hash, ChangedAt: Day})
		})
	}
	link := account.Link{Digest: account.DigestOf("l"), Purpose: account.ForReset, UserOID: l.Owner.OID, CreatedAt: Day, ExpiresAt: Day.Add(time.Hour)}
	byKey := session("se_2", l, l.Owner, Day)
	byKey.KeyOID = "ak_1"
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		return errors.Join(tx.InsertSession(ctx, session("se_1", l, l.Owner, Day)), tx.InsertSession(ctx, byKey), tx.InsertLink(ctx, &link))
	})
	if err := errors.Join(put(l.Owner.OID, "ada@acme.example", "one"), put(l.Owner.OID, "ada@acme.example", "two")); err != nil {
		t.Fatal(err)
	}
	same(t, "Password", &account.Password{UserOID: l.Owner.OID, Email: "ada@acme.example", Hash: "two", ChangedAt: Day},
		must[*account.Password](t)(l.Password(ctx, "ada@acme.example")))
	if has, err := l.HasPasswords(ctx); !has || err != nil {
		t.Errorf("HasPasswords = %v, %v", has, err)
	}
	_, err = l.Session(ctx, account.DigestOf("se_1"))
	wantKind(t, "a session of the old password", err, errs.NotFound)
	same(t, "sessions by key", []account.Session{*byKey}, must[[]account.Session](t)(l.Sessions(ctx, l.Owner.OID, "ak_1")))
	_, err = l.Link(ctx, link.Digest)
	wantKind(t, "a link of the old password", err, errs.NotFound)
	wantKind(t, "the address of another user", put(l.Member.OID, "ada@acme.example", "x"), errs.Conflict)

	email := func(user, email string) error {
		return l.Write(ctx, func(ctx context.Context, tx entity.Tx) error { return tx.SetEmail(ctx, user, email) })
	}
	wantKind(t, "SetEmail of nobody", email("u_none", "x@acme.example"), errs.NotFound)
	wantKind(t, "SetEmail to another's", email(l.Member.OID, *l.Owner.Email), errs.Conflict)
	if err := email(l.Member.OID, "grace@acme.example"); err != nil {
		t.Error(err)
	}

	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error { return tx.RemoveUser(ctx, l.Owner.OID, Day) })
	if has, err := l.HasPasswords(ctx); has || err != nil {
		t.Errorf("HasPasswords of a removed user = %v, %v", has, err)
	}
	same(t, "sessions of a removed user", []account.Session(nil), must[[]account.Session](t)(l.Sessions(ctx, l.Owner.OID, "ak_1")))
}

func (s suite) testSessions(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	first, second, theirs := session("se_1", l, l.Owner, Day), session("se_2", l, l.Owner, Day.Add(time.Minute)), session("se_3", l, l.Member, Day)
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		return errors.Join(tx.InsertSession(ctx, first), tx.InsertSession(ctx, second), tx.InsertSession(ctx, theirs))
	})
	want := &account.SignedIn{Session: *first, User: l.Owner, Workspace: l.Workspace, Organization: l.Organization, Role: account.Admin}
	same(t, "Session", want, must[*account.SignedIn](t)(l.Session(ctx, first.Digest)))
	if in := must[*account.SignedIn](t)(l.Session(ctx, theirs.Digest)); in.Role != "" {
		t.Errorf("who is no member is %q", in.Role)
	}
	same(t, "Sessions", []account.Session{*second, *first}, must[[]account.Session](t)(l.Sessions(ctx, l.Owner.OID, "")))

	first.SeenAt, first.WorkspaceOID = Day.Add(time.Hour), l.Other.OID
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		return errors.Join(tx.TouchSession(ctx, first.Digest, l.Other.OID, Day), tx.TouchSession(ctx, first.Digest, "", first.SeenAt), tx.DeleteSession(ctx, theirs.Digest))
	})
	same(t, "Sessions afterwards", []account.Session{*first, *second}, must[[]account.Session](t)(l.Sessions(ctx, l.Owner.OID, "")))
	_, err := l.Session(ctx, theirs.Digest)
	wantKind(t, "a session that was ended", err, errs.NotFound)

	purge := func(now, idle time.Time) {
		l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error { return tx.PurgeSignIns(ctx, now, idle) })
	}
	purge(Day, Day.Add(30*time.Minute))
	same(t, "Sessions that are used", []account.Session{*first}, must[[]account.Session](t)(l.Sessions(ctx, l.Owner.OID, "")))
	purge(first.ExpiresAt, Day)
	same(t, "Sessions that expire", []account.Session(nil), must[[]account.Session](t)(l.Sessions(ctx, l.Owner.OID, "")))
}

func (s suite) testOneTimeLinks(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	link := func(secret string, purpose account.Purpose, expires time.Time) *account.Link {
		return &account.Link{Digest: account.DigestOf(secret), Purpose: purpose, UserOID: l.Owner.OID, CreatedAt: Day, ExpiresAt: expires}
	}
	one, two, three, old := link("1", account.ForDemo, Day.Add(time.Hour)), link("2", account.ForSetUp, Day.Add(time.Hour)), link("3", account.ForReset, Day.Add(time.Hour)), link("4", account.ForReset, Day)
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		for _, link := range []*account.Link{one, two, three, old} {
			if err := tx.InsertLink(ctx, link); err != nil {
				return err
			}
		}
		return nil
	})
	same(t, "Link", one, must[*account.Link](t)(l.Link(ctx, one.Digest)))
	var taken *account.Link
	take := func(ctx context.Context, tx entity.Tx) (err error) {
		taken, err = tx.TakeLink(ctx, one.Digest)
		return err
	}
	l.MustWrite(t, take)
	same(t, "TakeLink", one, taken)
	wantKind(t, "TakeLink a second time", l.Write(ctx, take), errs.NotFound)
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		return errors.Join(tx.DropLinks(ctx, account.ForSetUp), tx.PurgeSignIns(ctx, Day, Day))
	})
	for _, gone := range []*account.Link{one, two, old} {
		_, err := l.Link(ctx, gone.Digest)
		wantKind(t, string(gone.Purpose), err, errs.NotFound)
	}
	same(t, "Link that stays", three, must[*account.Link](t)(l.Link(ctx, three.Digest)))
}
