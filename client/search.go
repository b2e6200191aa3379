package client

import (
	"context"
	"net/http"
	"net/url"

	"personae.dev/apitype"
)

// SearchOptions narrow a search over all kinds.
type SearchOptions struct {
	// Kinds restricts it to kinds ("persona").
	Kinds []string
	// Limit is how many to return at most, 1 to 100; 0 is 10. Offset is how many to
	// skip.
	Limit, Offset int
}

// Search returns the entities of all kinds in which each word of text occurs, as
// the beginning of a word; best match first. The key needs the scope read.
func (c *Client) Search(ctx context.Context, text string, search SearchOptions) (*apitype.List[apitype.Hit], error) {
	get := call{method: http.MethodGet, path: "/library/search", query: url.Values{"text": {text}, "kinds": search.Kinds}, idempotent: true}
	get.setQuery("limit", number(search.Limit))
	get.setQuery("offset", number(search.Offset))
	return fetch[apitype.List[apitype.Hit]](ctx, c, get)
}

// Changes returns a part of the change feed: what was changed after a place in
// it, in the order of commits; limit is 1 to 1000, and 0 is 100. The place is
// Feed.NextCursor of a part before, "" for the beginning. Who goes on from
// NextCursor each time misses no change, and sees none twice.
func (c *Client) Changes(ctx context.Context, after string, limit int) (*apitype.Feed, error) {
	get := call{method: http.MethodGet, path: "/change/list", idempotent: true}
	get.setQuery("after", after)
	get.setQuery("limit", number(limit))
	return fetch[apitype.Feed](ctx, c, get)
}
