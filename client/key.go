package client

import (
	"context"
	"net/http"

	"personae.dev/apitype"
)

// ValidateKey tells whose key the client has. A key that is not valid is an
// *Error with status 401. It is the call to make first: it also shows whether
// the base URL is right. A key can make 1,000 of them a minute.
func (c *Client) ValidateKey(ctx context.Context) (*apitype.ValidateKeyResponse, error) {
	answer := new(apitype.ValidateKeyResponse)
	if _, err := c.do(ctx, call{method: http.MethodGet, path: "/api-key/validate", idempotent: true}, answer); err != nil {
		return nil, err
	}
	return answer, nil
}

// ListAPIKeys returns the keys of the workspace, oldest first, without their
// secrets. The key needs the scope admin.
func (c *Client) ListAPIKeys(ctx context.Context) (*apitype.ListKeysResponse, error) {
	answer := new(apitype.ListKeysResponse)
	if _, err := c.do(ctx, call{method: http.MethodGet, path: "/api-key/list", idempotent: true}, answer); err != nil {
		return nil, err
	}
	return answer, nil
}
