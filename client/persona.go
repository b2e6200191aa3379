package client

import (
	"context"
	"net/http"
	"net/url"

	"personae.dev/apitype"
)

// GetPersona returns the persona with this id in the workspace of the key,
// archived and deleted ones too. IsNotFound tells of its error that there is
// none. The key needs the scope read.
func (c *Client) GetPersona(ctx context.Context, oID string, options ...Option) (*apitype.GetPersonaResponse, error) {
	p, _, err := c.GetPersonaIfChanged(ctx, oID, "", options...)
	return p, err
}

// GetPersonaIfChanged is GetPersona for a caller that may have the persona
// already. etag is the entity tag of the version that it has, as this method
// returned it; "" says that it has none. Where that version is the current one,
// the error is ErrNotModified.
func (c *Client) GetPersonaIfChanged(ctx context.Context, oID, etag string, options ...Option) (p *apitype.GetPersonaResponse, newETag string, err error) {
	get := call{method: http.MethodGet, path: "/persona/get", query: url.Values{"oId": {oID}}, idempotent: true}
	if etag != "" {
		get.header = http.Header{"If-None-Match": {etag}}
	}
	p = new(apitype.GetPersonaResponse)
	header, err := c.do(ctx, get.with(options), p)
	if err != nil {
		return nil, "", err
	}
	return p, header.Get("Etag"), nil
}
