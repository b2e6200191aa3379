package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"personae.dev/internal/persona"
)

// APIKeys implements persona.Reader.
func (q *queries) APIKeys(ctx context.Context, workspaceOID string) ([]persona.APIKey, error) {
	defer q.timed("api_keys")()
	const query = `
		select o_id, workspace_o_id, user_o_id, name, scopes, secret_digest, created_at, expires_at, revoked_at, last_used_at
		from api_keys
		where workspace_o_id = $1
		order by created_at, o_id`
	return all(ctx, q, query, func(r row) (k persona.APIKey, err error) {
		err = scanKey(r, &k)
		return k, err
	}, workspaceOID)
}

// Credential implements persona.Reader.
func (q *queries) Credential(ctx context.Context, keyOID string) (*persona.Credential, error) {
	defer q.timed("credential")()
	const query = `
		select k.o_id, k.workspace_o_id, k.user_o_id, k.name, k.scopes, k.secret_digest, k.created_at, k.expires_at, k.revoked_at, k.last_used_at,
		       u.o_id, u.organization_o_id, u.first_name, u.last_name, u.email, u.role, u.created_at,
		       w.o_id, w.organization_o_id, w.name, w.domain, w.created_at,
		       o.o_id, o.name, o.slug, o.domain, o.created_at
		from api_keys k
		join users u on u.o_id = k.user_o_id
		join workspaces w on w.o_id = k.workspace_o_id
		join organizations o on o.o_id = w.organization_o_id
		where k.o_id = $1`
	missing := persona.NotFoundf("api_key_not_found", "There is no API key %s: `personae key list` shows which there are.", keyOID)
	return lookedUp(ctx, q, query+q.holdRow("k"), scanCredential, error(missing), keyOID)
}

func scanCredential(r row) (*persona.Credential, error) {
	var (
		c                                         persona.Credential
		userCreated, workspaceCreated, orgCreated int64
	)
	err := scanKey(r, &c.Key,
		&c.User.OID, &c.User.OrganizationOID, &c.User.FirstName, &c.User.LastName, &c.User.Email, &c.User.Role, &userCreated,
		&c.Workspace.OID, &c.Workspace.OrganizationOID, &c.Workspace.Name, &c.Workspace.Domain, &workspaceCreated,
		&c.Organization.OID, &c.Organization.Name, &c.Organization.Slug, &c.Organization.Domain, &orgCreated)
	c.User.CreatedAt, c.Workspace.CreatedAt, c.Organization.CreatedAt = fromMicros(userCreated), fromMicros(workspaceCreated), fromMicros(orgCreated)
	return &c, err
}

// scanKey reads the columns of a key, and then those of more.
func scanKey(r row, k *persona.APIKey, more ...any) error {
	var (
		scopes                     string
		digest                     []byte
		created                    int64
		expires, revoked, lastUsed sql.Null[int64]
	)
	columns := []any{&k.OID, &k.WorkspaceOID, &k.UserOID, &k.Name, &scopes, &digest, &created, &expires, &revoked, &lastUsed}
	if err := r.Scan(append(columns, more...)...); err != nil {
		return err
	}
	// A scope of a later version allows nothing here, and breaks no key.
	for scope := range strings.SplitSeq(scopes, ",") {
		k.Scopes = append(k.Scopes, persona.Scope(scope))
	}
	if copy(k.Digest[:], digest) != len(k.Digest) {
		return fmt.Errorf("store: digest of %s has %d bytes", k.OID, len(digest))
	}
	k.CreatedAt = fromMicros(created)
	k.ExpiresAt, k.RevokedAt, k.LastUsedAt = fromNullMicros(expires), fromNullMicros(revoked), fromNullMicros(lastUsed)
	return nil
}

// InsertAPIKey implements persona.Tx.
func (t *tx) InsertAPIKey(ctx context.Context, k *persona.APIKey) error {
	const query = `
		insert into api_keys (o_id, workspace_o_id, user_o_id, name, scopes, secret_digest, created_at, expires_at, revoked_at, last_used_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict do nothing`
	return t.insert(ctx, query, taken("API key", k.OID), k.OID, k.WorkspaceOID, k.UserOID, k.Name, k.Scopes.String(), k.Digest[:],
		micros(k.CreatedAt), nullMicros(k.ExpiresAt), nullMicros(k.RevokedAt), nullMicros(k.LastUsedAt))
}

// RevokeAPIKey implements persona.Tx.
func (t *tx) RevokeAPIKey(ctx context.Context, workspaceOID, keyOID string, at time.Time) error {
	const query = `
		update api_keys
		set revoked_at = coalesce(revoked_at, $3)
		where workspace_o_id = $1 and o_id = $2`
	result, err := t.exec(ctx, query, workspaceOID, keyOID, micros(at))
	if err != nil {
		return err
	}
	t.writer.Changed(persona.Change{KeyOID: keyOID})
	return mustAffectOne(result, persona.NotFoundf("api_key_not_found", "There is no API key %s in this workspace.", keyOID))
}

// TouchAPIKeys implements persona.Tx. It names no workspace: the server keeps
// these times for all of them at once.
func (t *tx) TouchAPIKeys(ctx context.Context, lastUsed map[string]time.Time) error {
	const query = `
		update api_keys
		set last_used_at = $2
		where o_id = $1 and coalesce(last_used_at, 0) < $2`
	for _, keyOID := range slices.Sorted(maps.Keys(lastUsed)) { // in one order, so that no two stop one another
		if _, err := t.exec(ctx, query, keyOID, micros(lastUsed[keyOID])); err != nil {
			return err
		}
	}
	return nil
}
