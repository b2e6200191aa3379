package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"personae.dev/apitype"
)

// ValidateKey says whose key the client has. A key that is not valid is an *Error
// with status 401. Call it first: it also shows whether the base URL is right. A
// key may make 1,000 of these calls a minute.
func (c *Client) ValidateKey(ctx context.Context) (*apitype.ValidateKeyResponse, error) {
	answer := new(apitype.ValidateKeyResponse)
	if _, err := c.do(ctx, call{method: http.MethodGet, path: "/api-key/validate", idempotent: true}, answer); err != nil {
		return nil, err
	}
	return answer, nil
}

// ListAPIKeys returns the keys of the workspace, oldest first, without their
// secrets.
func (c *Client) ListAPIKeys(ctx context.Context) (*apitype.ListKeysResponse, error) {
	answer := new(apitype.ListKeysResponse)
	if _, err := c.do(ctx, call{method: http.MethodGet, path: "/api-key/list", idempotent: true}, answer); err != nil {
		return nil, err
	}
	return answer, nil
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
	post := call{method: http.MethodPost, path: path, idempotent: idempotent}
	var err error
	if post.body, err = json.Marshal(body); err != nil {
		return nil, fmt.Errorf("client: %s: %w", path, err)
	}
	var answer wrapped[apitype.APIKey]
	if _, err := c.do(ctx, post, &answer); err != nil {
		return nil, err
	}
	return &answer.Data, nil
}
