package client

import (
	"context"
	"net/http"
)

// PackOptions say what a context pack has.
type PackOptions struct {
	// Links adds what the entity links to.
	Links bool
	// MaxTokens is how long the text may be, 100 to 100,000; 0 is 2,000. Four bytes
	// count as a token.
	MaxTokens int
}

// Pack returns a context pack: the entity as one Markdown text, for people and
// models. The oID of a kind of which a workspace has one entity is "".
func (k *Collection[T, In]) Pack(ctx context.Context, oID string, pack PackOptions) (string, error) {
	get := call{method: http.MethodGet, path: k.path("get"), idempotent: true}
	get.query = map[string][]string{"format": {"markdown"}}
	get.setQuery("oId", oID)
	get.setQuery("maxTokens", number(pack.MaxTokens))
	if pack.Links {
		get.setQuery("with", "links")
	}
	var text string
	_, err := k.c.do(ctx, get, &text)
	return text, err
}
