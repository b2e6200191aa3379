package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/credential"
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
		err = credential.ScanKey(r, &k)
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
	missing := func() error {
		return persona.NotFoundf("api_key_not_found", "There is no API key %s: `personae key list` shows which there are.", keyOID)
	}
	return lookedUp(ctx, q, query+q.holdRow("k"), credential.Scan, missing, keyOID)
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
	keyOIDs := slices.Sorted(maps.Keys(lastUsed)) // in one order, so that no two stop one another
	for len(keyOIDs) > 0 {
		some := credential.AtOnce(len(keyOIDs))
		args := make([]any, 0, 2*some)
		for _, keyOID := range keyOIDs[:some] {
			args = append(args, keyOID, micros(lastUsed[keyOID]))
		}
		if hold := t.holdRow("k"); hold != "" { // an update of many takes them in an order of its own
			if _, err := t.exec(ctx, credential.Touched(some)+hold, args...); err != nil {
				return err
			}
		}
		if _, err := t.exec(ctx, credential.Touch(some), args...); err != nil {
			return err
		}
		keyOIDs = keyOIDs[some:]
	}
	return nil
}
