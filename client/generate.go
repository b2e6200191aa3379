package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"personae.dev/apitype"
)

// GenerateTimeout is how long one attempt of Generate or QualifyPerson may take,
// with the HTTP client that New makes.
const GenerateTimeout = 10 * time.Minute

// Generated is what a generate call made.
type Generated struct {
	// Metadata.Message says of what the sources tell nothing.
	Metadata apitype.Metadata `json:"_metadata"`
	// Data is a list of entities, one for each item; of the kinds brand-voice and
	// workspace-company it is one entity.
	Data json.RawMessage `json:"data"`
}

// Generate makes entities of a kind ("persona") from sources, with the language
// model of the server. request is encoded as the body of the call, such as
// {"personas":[{"sources":[{"type":"TEXT","value":"…"}]}]}. Like Create it has an
// idempotency key. The key needs the scope write.
func (c *Client) Generate(ctx context.Context, kind string, request any, options ...Option) (*Generated, error) {
	generate := post("/"+kind+"/generate", request)
	generate.idempotent, generate.timeout = true, GenerateTimeout
	generate = generate.with(options)
	if generate.header.Get("Idempotency-Key") == "" {
		header("Idempotency-Key", rand.Text())(&generate)
	}
	return fetch[Generated](ctx, c, generate)
}

// Draft is for Generate: nothing is written, and the ids in the answer stand for
// nothing.
func Draft() Option { return func(c *call) { c.setQuery("draft", "true") } }
