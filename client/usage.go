package client

import (
	"context"
	"net/http"

	"personae.dev/apitype"
)

// Usage returns calls to the language model, newest first: limit is 1 to 1000, and
// 0 is 10. The key needs the scope read.
func (c *Client) Usage(ctx context.Context, limit, offset int) (*apitype.Usage, error) {
	get := call{method: http.MethodGet, path: "/usage/list", idempotent: true}
	get.setQuery("limit", number(limit))
	get.setQuery("offset", number(offset))
	return fetch[apitype.Usage](ctx, c, get)
}
