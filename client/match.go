package client

import (
	"context"
	"net/http"

	"personae.dev/apitype"
)

// Match tells which personas job titles belong to. The key needs the scope read.
// A title that belongs to nobody is counted once for each call that arrives.
func (c *Client) Match(ctx context.Context, r apitype.MatchRequest) (*apitype.Matched, error) {
	match := post("/persona/match", r)
	match.idempotent = true
	return fetch[apitype.Matched](ctx, c, match)
}

// Unmatched returns job titles that belong to no persona, the most frequent first:
// limit is 1 to 1000, and 0 is 50. The key needs the scope read.
func (c *Client) Unmatched(ctx context.Context, limit, offset int) (*apitype.List[apitype.UnmatchedTitle], error) {
	get := call{method: http.MethodGet, path: "/persona/unmatched", idempotent: true}
	get.setQuery("limit", number(limit))
	get.setQuery("offset", number(offset))
	return fetch[apitype.List[apitype.UnmatchedTitle]](ctx, c, get)
}

// Audit tells what could be better in the library, the worst first: limit is 1 to
// 1000, and 0 is 100. The key needs the scope read.
func (c *Client) Audit(ctx context.Context, limit, offset int) (*apitype.Audit, error) {
	get := call{method: http.MethodGet, path: "/library/audit", idempotent: true}
	get.setQuery("limit", number(limit))
	get.setQuery("offset", number(offset))
	return fetch[apitype.Audit](ctx, c, get)
}
