package client

import (
	"context"
	"net/http"

	"personae.dev/apitype"
)

// ValidateKey says whose key the client has. A key that is not valid is an *Error
// with status 401. Call it first: it also shows whether the base URL is right. A
// key may make 1,000 of these calls a minute.
func (c *Client) ValidateKey(ctx context.Context) (*apitype.ValidateKeyResponse, error) {
	return fetch[apitype.ValidateKeyResponse](ctx, c, call{method: http.MethodGet, path: "/api-key/validate", idempotent: true})
}

// ListAPIKeys returns the keys of the workspace, oldest first, without their
// secrets.
func (c *Client) ListAPIKeys(ctx context.Context) (*apitype.ListKeysResponse, error) {
	return fetch[apitype.ListKeysResponse](ctx, c, call{method: http.MethodGet, path: "/api-key/list", idempotent: true})
}

// CreateAPIKey makes a key for the user of the client's own key. The answer's Key
// is the secret, which is shown this once. The client's key needs the scope admin.
func (c *Client) CreateAPIKey(ctx context.Context, key apitype.KeyInput) (*apitype.APIKey, error) {
	return c.changeKey(ctx, "/api-key/create", key, false)
}

// RevokeAPIKey ends a key for good. A second call changes nothing. The client's
// key needs the scope admin.
func (c *Client) RevokeAPIKey(ctx context.Context, keyOID string) (*apitype.APIKey, error) {
	return c.changeKey(ctx, "/api-key/revoke", map[string]string{"oId": keyOID}, true)
}

func (c *Client) changeKey(ctx context.Context, path string, body any, idempotent bool) (*apitype.APIKey, error) {
	change := post(path, body)
	change.idempotent = idempotent
	answer, err := fetch[wrapped[apitype.APIKey]](ctx, c, change)
	if err != nil {
		return nil, err
	}
	return &answer.Data, nil
}
