package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/errs"
)

const (
	sessionColumns     = "s.digest, s.o_id, s.user_o_id, s.workspace, s.api_key, s.address, s.browser, s.created_at, s.seen_at, s.expires_at"
	oneTimeLinkColumns = "digest, purpose, user_o_id, created_at, expires_at"
	// enters joins what a user u is in a workspace w; who is removed, or of another
	// organization, is nothing.
	enters = ` left join members m on m.workspace = w.o_id and m.user_o_id = u.o_id and u.organization = w.organization`
	// memberRole is it.
	memberRole = ` case when u.removed_at is not null then '' when u.role = 'owner' and u.organization = w.organization then 'admin' else coalesce(m.role, '') end`
)

func sessionDest(s *account.Session) columns {
	var digest []byte
	var created, seen, expires int64
	return columns{[]any{&digest, &s.OID, &s.UserOID, &s.WorkspaceOID, &s.KeyOID, &s.Address, &s.Browser, &created, &seen, &expires}, func() error {
		s.CreatedAt, s.SeenAt, s.ExpiresAt = fromMillis(created), fromMillis(seen), fromMillis(expires)
		return digestFrom(&s.Digest, digest)
	}}
}

func scanOneTimeLink(r row) (*account.Link, error) {
	var link account.Link
	var digest []byte
	var created, expires int64
	if err := r.Scan(&digest, &link.Purpose, &link.UserOID, &created, &expires); err != nil {
		return nil, err
	}
	link.CreatedAt, link.ExpiresAt = fromMillis(created), fromMillis(expires)
	return &link, digestFrom(&link.Digest, digest)
}

func digestFrom(d *account.Digest, bytes []byte) error {
	if copy(d[:], bytes) != len(d) {
		return fmt.Errorf("store: a digest has %d bytes", len(bytes))
	}
	return nil
}

// Password implements entity.PeopleReader.
func (q *queries) Password(ctx context.Context, email string) (*account.Password, error) {
	const query = `select user_o_id, email, hash, changed_at from passwords p where email = $1`
	return one(ctx, q, query+q.lockRow("p"), func(r row) (*account.Password, error) {
		var p account.Password
		var changed int64
		err := r.Scan(&p.UserOID, &p.Email, &p.Hash, &changed)
		p.ChangedAt = fromMillis(changed)
		return &p, err
	}, errs.NotFoundf("user_not_found", "Nobody signs in with this address."), email)
}

// HasPasswords implements entity.PeopleReader.
func (q *queries) HasPasswords(ctx context.Context) (bool, error) {
	n, err := one(ctx, q, `select case when exists (select 1 from passwords) then 1 else 0 end`, scanInt, nil)
	return n > 0, err
}

// Members implements entity.PeopleReader.
func (q *queries) Members(ctx context.Context, workspace string) ([]account.Member, error) {
	const query = `
		select ` + userColumns + `, ` + memberRole + `, p.user_o_id,
			(select max(s.seen_at) from sessions s where s.user_o_id = u.o_id and s.workspace = w.o_id)
		from workspaces w
		join users u on u.organization = w.organization` + enters + `
		left join passwords p on p.user_o_id = u.o_id
		where w.o_id = $1 and u.removed_at is null and (u.role = 'owner' or m.role is not null)
		order by u.created_at, u.o_id`
	return all(ctx, q, query, func(r row) (m account.Member, err error) {
		var password sql.Null[string]
		var seen sql.Null[int64]
		err = scanInto(r, userDest(&m.User), columns{[]any{&m.MemberRole, &password, &seen}, func() error { return nil }})
		m.HasPassword, m.LastSeen = password.Valid, fromNullMillis(seen)
		return m, err
	}, workspace)
}

// Enterable implements entity.PeopleReader.
func (q *queries) Enterable(ctx context.Context, userOID string) ([]account.Workspace, error) {
	const query = `
		select ` + workspaceColumns + `
		from users u
		join workspaces w on w.organization = u.organization` + enters + `
		where u.o_id = $1 and u.removed_at is null and (u.role = 'owner' or m.role is not null)
		order by w.created_at, w.o_id`
	return all(ctx, q, query, scanOne(workspaceDest), userOID)
}

// Session implements entity.PeopleReader.
func (q *queries) Session(ctx context.Context, digest account.Digest) (*account.SignedIn, error) {
	defer q.timed("session")()
	const query = `
		select ` + sessionColumns + ", " + userColumns + ", " + workspaceColumns + ", " + organizationColumns + "," + memberRole + `
		from sessions s
		join users u on u.o_id = s.user_o_id
		join workspaces w on w.o_id = s.workspace
		join organizations o on o.o_id = w.organization` + enters + `
		where s.digest = $1`
	return one(ctx, q, query, func(r row) (*account.SignedIn, error) {
		in := new(account.SignedIn)
		role := columns{[]any{&in.Role}, func() error { return nil }}
		return in, scanInto(r, sessionDest(&in.Session), userDest(&in.User), workspaceDest(&in.Workspace), organizationDest(&in.Organization), role)
	}, errs.NotFoundf("session_not_found", "There is no such session."), digest[:])
}

// Sessions implements entity.PeopleReader.
func (q *queries) Sessions(ctx context.Context, userOID, keyOID string) ([]account.Session, error) {
	const query = `select ` + sessionColumns + ` from sessions s where s.user_o_id = $1 and s.api_key = $2 order by s.seen_at desc, s.o_id`
	return all(ctx, q, query, scanOne(sessionDest), userOID, keyOID)
}

// Link implements entity.PeopleReader.
func (q *queries) Link(ctx context.Context, digest account.Digest) (*account.Link, error) {
	return one(ctx, q, `select `+oneTimeLinkColumns+` from one_time_links where digest = $1`, scanOneTimeLink, noLink(), digest[:])
}

func noLink() error {
	return errs.NotFoundf("link_not_found", "There is no such link.")
}

// SetEmail implements entity.PeopleTx.
func (t *tx) SetEmail(ctx context.Context, userOID, email string) error {
	return t.change(ctx, "user", `update users set email = $2 where o_id = $1`, userOID, email)
}

// PutPassword implements entity.PeopleTx.
func (t *tx) PutPassword(ctx context.Context, p *account.Password) error {
	const query = `
		insert into passwords (user_o_id, email, hash, changed_at)
		values ($1, $2, $3, $4)
		on conflict (user_o_id) do update set email = excluded.email, hash = excluded.hash, changed_at = excluded.changed_at`
	if _, err := t.exec(ctx, query, p.UserOID, p.Email, p.Hash, millis(p.ChangedAt)); err != nil {
		return err
	}
	return t.execAll(ctx, []string{
		`delete from sessions where user_o_id = $1 and api_key = ''`,
		`delete from one_time_links where user_o_id = $1`,
	}, p.UserOID)
}

// execAll runs statements with the same arguments.
func (t *tx) execAll(ctx context.Context, statements []string, args ...any) error {
	for _, statement := range statements {
		if _, err := t.exec(ctx, statement, args...); err != nil {
			return err
		}
	}
	return nil
}

// forget removes all by which a user signs in.
func (t *tx) forget(ctx context.Context, userOID string) error {
	return t.execAll(ctx, []string{
		`delete from passwords where user_o_id = $1`,
		`delete from members where user_o_id = $1`,
		`delete from sessions where user_o_id = $1`,
		`delete from one_time_links where user_o_id = $1`,
	}, userOID)
}

// PutMember implements entity.PeopleTx.
func (t *tx) PutMember(ctx context.Context, workspace, userOID string, role account.MemberRole, at time.Time) error {
	const query = `
		insert into members (workspace, user_o_id, role, created_at)
		values ($1, $2, $3, $4)
		on conflict (workspace, user_o_id) do update set role = excluded.role`
	_, err := t.exec(ctx, query, workspace, userOID, string(role), millis(at))
	return err
}

// DeleteMember implements entity.PeopleTx.
func (t *tx) DeleteMember(ctx context.Context, workspace, userOID string, at time.Time) error {
	const revoke = `update api_keys set revoked_at = $3 where workspace = $1 and user_o_id = $2 and revoked_at is null`
	if _, err := t.exec(ctx, revoke, workspace, userOID, millis(at)); err != nil {
		return err
	}
	return t.execAll(ctx, []string{
		`delete from sessions where workspace = $1 and user_o_id = $2`,
		`delete from members where workspace = $1 and user_o_id = $2`,
	}, workspace, userOID)
}

// InsertSession implements entity.PeopleTx.
func (t *tx) InsertSession(ctx context.Context, s *account.Session) error {
	const query = `
		insert into sessions (digest, o_id, user_o_id, workspace, api_key, address, browser, created_at, seen_at, expires_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	_, err := t.exec(ctx, query, s.Digest[:], s.OID, s.UserOID, s.WorkspaceOID, s.KeyOID, s.Address, s.Browser,
		millis(s.CreatedAt), millis(s.SeenAt), millis(s.ExpiresAt))
	return err
}

// TouchSession implements entity.PeopleTx.
func (t *tx) TouchSession(ctx context.Context, digest account.Digest, workspace string, at time.Time) error {
	_, err := t.exec(ctx, `update sessions set workspace = coalesce(nullif($2, ''), workspace), seen_at = $3 where digest = $1`, digest[:], workspace, millis(at))
	return err
}

// DeleteSession implements entity.PeopleTx.
func (t *tx) DeleteSession(ctx context.Context, digest account.Digest) error {
	_, err := t.exec(ctx, `delete from sessions where digest = $1`, digest[:])
	return err
}

// InsertLink implements entity.PeopleTx.
func (t *tx) InsertLink(ctx context.Context, link *account.Link) error {
	const query = `insert into one_time_links (` + oneTimeLinkColumns + `) values ($1, $2, $3, $4, $5)`
	_, err := t.exec(ctx, query, link.Digest[:], string(link.Purpose), link.UserOID, millis(link.CreatedAt), millis(link.ExpiresAt))
	return err
}

// TakeLink implements entity.PeopleTx.
func (t *tx) TakeLink(ctx context.Context, digest account.Digest) (*account.Link, error) {
	const query = `delete from one_time_links where digest = $1 returning ` + oneTimeLinkColumns
	return one(ctx, &t.queries, query, scanOneTimeLink, noLink(), digest[:])
}

// DropLinks implements entity.PeopleTx.
func (t *tx) DropLinks(ctx context.Context, purpose account.Purpose) error {
	_, err := t.exec(ctx, `delete from one_time_links where purpose = $1`, string(purpose))
	return err
}

// PurgeSignIns implements entity.PeopleTx.
func (t *tx) PurgeSignIns(ctx context.Context, now, idle time.Time) error {
	if _, err := t.exec(ctx, `delete from sessions where expires_at <= $1 or seen_at < $2`, millis(now), millis(idle)); err != nil {
		return err
	}
	_, err := t.exec(ctx, `delete from one_time_links where expires_at <= $1`, millis(now))
	return err
}
