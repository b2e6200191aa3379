package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/errs"
)

const (
	organizationColumns = "o.o_id, o.name, o.slug, o.domain, o.created_at"
	workspaceColumns    = "w.o_id, w.organization, w.name, w.domain, w.created_at"
	userColumns         = "u.o_id, u.organization, u.first_name, u.last_name, u.email, u.role, u.created_at, u.removed_at"
	keyColumns          = "k.o_id, k.workspace, k.user_o_id, k.name, k.scopes, k.secret_digest, k.created_at, k.expires_at, k.revoked_at, k.last_used_at"
)

// columns are where a row is scanned to, and what is then done with what was.
type columns struct {
	dest []any
	then func() error
}

func organizationDest(o *account.Organization) columns {
	var created int64
	return columns{[]any{&o.OID, &o.Name, &o.Slug, &o.Domain, &created}, func() error {
		o.CreatedAt = fromMillis(created)
		return nil
	}}
}

func workspaceDest(w *account.Workspace) columns {
	var created int64
	return columns{[]any{&w.OID, &w.OrganizationOID, &w.Name, &w.Domain, &created}, func() error {
		w.CreatedAt = fromMillis(created)
		return nil
	}}
}

func userDest(u *account.User) columns {
	var created int64
	var removed sql.Null[int64]
	return columns{[]any{&u.OID, &u.OrganizationOID, &u.FirstName, &u.LastName, &u.Email, &u.Role, &created, &removed}, func() error {
		u.CreatedAt, u.RemovedAt = fromMillis(created), fromNullMillis(removed)
		return nil
	}}
}

func keyDest(k *account.APIKey) columns {
	var (
		scopes                     string
		digest                     []byte
		created                    int64
		expires, revoked, lastUsed sql.Null[int64]
	)
	dest := []any{&k.OID, &k.WorkspaceOID, &k.UserOID, &k.Name, &scopes, &digest, &created, &expires, &revoked, &lastUsed}
	return columns{dest, func() error {
		// A scope of a later version allows nothing here, and breaks no key.
		for scope := range strings.SplitSeq(scopes, ",") {
			k.Scopes = append(k.Scopes, account.Scope(scope))
		}
		if copy(k.Digest[:], digest) != len(k.Digest) {
			return fmt.Errorf("store: the digest of the API key %s has %d bytes", k.OID, len(digest))
		}
		k.CreatedAt = fromMillis(created)
		k.ExpiresAt, k.RevokedAt, k.LastUsedAt = fromNullMillis(expires), fromNullMillis(revoked), fromNullMillis(lastUsed)
		return nil
	}}
}

// scanInto scans the columns of several things.
func scanInto(r row, parts ...columns) error {
	var dest []any
	for _, part := range parts {
		dest = append(dest, part.dest...)
	}
	if err := r.Scan(dest...); err != nil {
		return err
	}
	for _, part := range parts {
		if err := part.then(); err != nil {
			return err
		}
	}
	return nil
}

// scanOne scans a row that is one thing.
func scanOne[T any](dest func(*T) columns) func(row) (T, error) {
	return func(r row) (value T, err error) {
		err = scanInto(r, dest(&value))
		return value, err
	}
}

// Principal implements entity.Reader.
func (q *queries) Principal(ctx context.Context, keyOID string) (*account.Principal, error) {
	defer q.timed("principal")()
	const query = `
		select ` + keyColumns + ", " + workspaceColumns + ", " + userColumns + ", " + organizationColumns + `
		from api_keys k
		join users u on u.o_id = k.user_o_id
		join workspaces w on w.o_id = k.workspace
		join organizations o on o.o_id = w.organization
		where k.o_id = $1`
	missing := errs.NotFoundf("api_key_not_found", "There is no API key %s: `personae key list` shows which there are.", keyOID)
	return one(ctx, q, query+q.lockRow("k"), func(r row) (*account.Principal, error) {
		p := new(account.Principal)
		return p, scanInto(r, keyDest(&p.Key), workspaceDest(&p.Workspace), userDest(&p.User), organizationDest(&p.Organization))
	}, missing, keyOID)
}

// APIKeys implements entity.Reader.
func (q *queries) APIKeys(ctx context.Context, workspace string) ([]account.APIKey, error) {
	const query = `select ` + keyColumns + ` from api_keys k where k.workspace = $1 order by k.created_at, k.o_id`
	return all(ctx, q, query, scanOne(keyDest), workspace)
}

// Organizations implements entity.Reader.
func (q *queries) Organizations(ctx context.Context) ([]account.Organization, error) {
	const query = `select ` + organizationColumns + ` from organizations o order by o.created_at, o.o_id`
	if err := q.lock(ctx, q.lockAccounts); err != nil {
		return nil, err
	}
	return all(ctx, q, query, scanOne(organizationDest))
}

// Workspaces implements entity.Reader.
func (q *queries) Workspaces(ctx context.Context) ([]account.Workspace, error) {
	const query = `select ` + workspaceColumns + ` from workspaces w order by w.created_at, w.o_id`
	if err := q.lock(ctx, q.lockAccounts); err != nil {
		return nil, err
	}
	return all(ctx, q, query, scanOne(workspaceDest))
}

// Users implements entity.Reader.
func (q *queries) Users(ctx context.Context) ([]account.User, error) {
	const query = `select ` + userColumns + ` from users u order by u.created_at, u.o_id`
	if err := q.lock(ctx, q.lockAccounts); err != nil {
		return nil, err
	}
	return all(ctx, q, query, scanOne(userDest))
}

// InsertOrganization implements entity.Tx.
func (t *tx) InsertOrganization(ctx context.Context, o *account.Organization) error {
	const query = `
		insert into organizations (o_id, name, slug, domain, created_at)
		values ($1, $2, $3, $4, $5)
		on conflict do nothing`
	return t.insert(ctx, query, taken("organization", o.Slug), o.OID, o.Name, o.Slug, o.Domain, millis(o.CreatedAt))
}

// InsertWorkspace implements entity.Tx.
func (t *tx) InsertWorkspace(ctx context.Context, w *account.Workspace) error {
	const query = `
		insert into workspaces (o_id, organization, name, domain, created_at)
		values ($1, $2, $3, $4, $5)
		on conflict do nothing`
	return t.insert(ctx, query, taken("workspace", w.Name), w.OID, w.OrganizationOID, w.Name, w.Domain, millis(w.CreatedAt))
}

// InsertUser implements entity.Tx.
func (t *tx) InsertUser(ctx context.Context, u *account.User) error {
	const query = `
		insert into users (o_id, organization, first_name, last_name, email, role, created_at, removed_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict do nothing`
	name := u.OID
	if u.Email != nil {
		name = *u.Email
	}
	return t.insert(ctx, query, taken("user", name), u.OID, u.OrganizationOID, u.FirstName, u.LastName, u.Email, string(u.Role), millis(u.CreatedAt), nullMillis(u.RemovedAt))
}

// InsertAPIKey implements entity.Tx.
func (t *tx) InsertAPIKey(ctx context.Context, k *account.APIKey) error {
	const query = `
		insert into api_keys (o_id, workspace, user_o_id, name, scopes, secret_digest, created_at, expires_at, revoked_at, last_used_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict do nothing`
	return t.insert(ctx, query, taken("API key", k.OID), k.OID, k.WorkspaceOID, k.UserOID, k.Name, k.Scopes.String(), k.Digest[:],
		millis(k.CreatedAt), nullMillis(k.ExpiresAt), nullMillis(k.RevokedAt), nullMillis(k.LastUsedAt))
}

// RenameOrganization implements entity.Tx.
func (t *tx) RenameOrganization(ctx context.Context, oID, name, slug string) error {
	const query = `update organizations set name = $2, slug = $3 where o_id = $1`
	return t.change(ctx, "organization", query, oID, name, slug)
}

// RenameWorkspace implements entity.Tx.
func (t *tx) RenameWorkspace(ctx context.Context, oID, name string) error {
	const query = `update workspaces set name = $2 where o_id = $1`
	return t.change(ctx, "workspace", query, oID, name)
}

// RenameUser implements entity.Tx.
func (t *tx) RenameUser(ctx context.Context, oID, firstName, lastName string) error {
	const query = `update users set first_name = $2, last_name = $3 where o_id = $1`
	return t.change(ctx, "user", query, oID, firstName, lastName)
}

// RemoveUser implements entity.Tx.
func (t *tx) RemoveUser(ctx context.Context, oID string, at time.Time) error {
	const (
		revoke = `update api_keys set revoked_at = $2 where user_o_id = $1 and revoked_at is null`
		remove = `update users set removed_at = coalesce(removed_at, $2), email = null where o_id = $1`
	)
	if err := t.change(ctx, "user", remove, oID, millis(at)); err != nil {
		return err
	}
	if _, err := t.exec(ctx, revoke, oID, millis(at)); err != nil {
		return err
	}
	return t.forget(ctx, oID)
}

// change changes the account that an id names, the first argument of query.
func (t *tx) change(ctx context.Context, what, query, oID string, args ...any) error {
	n, err := t.exec(ctx, query, append([]any{oID}, args...)...)
	if err == nil && n == 0 {
		err = errs.NotFoundf(what+"_not_found", "There is no %s %s.", what, oID)
	}
	return err
}

// RevokeAPIKey implements entity.Tx.
func (t *tx) RevokeAPIKey(ctx context.Context, workspace, keyOID string, at time.Time) error {
	const query = `
		update api_keys
		set revoked_at = coalesce(revoked_at, $3)
		where workspace = $1 and o_id = $2`
	n, err := t.exec(ctx, query, workspace, keyOID, millis(at))
	if err == nil && n == 0 {
		err = errs.NotFoundf("api_key_not_found", "There is no API key %s in this workspace.", keyOID)
	}
	return err
}

// TouchAPIKeys implements entity.Tx. It names no workspace: the server keeps
// these times for all of them at once.
func (t *tx) TouchAPIKeys(ctx context.Context, lastUsed map[string]time.Time) error {
	const query = `update api_keys set last_used_at = $2 where o_id = $1 and coalesce(last_used_at, 0) < $2`
	var failed error
	for _, keyOID := range slices.Sorted(maps.Keys(lastUsed)) { // in one order, so that no two block each other
		_, err := t.exec(ctx, query, keyOID, millis(lastUsed[keyOID]))
		failed = errors.Join(failed, err)
	}
	return failed
}
