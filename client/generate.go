package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"time"

	"personae.dev/apitype"
)

// GenerateTimeout is how long one attempt of Generate may take, with the HTTP
// client that New makes.
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
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	generate := call{method: http.MethodPost, path: "/" + kind + "/generate", body: body, idempotent: true, timeout: GenerateTimeout}.with(options)
	if generate.header.Get("Idempotency-Key") == "" {
		header("Idempotency-Key", rand.Text())(&generate)
	}
	var answer Generated
	if _, err := c.do(ctx, generate, &answer); err != nil {
		return nil, err
	}
	return &answer, nil
}

// Draft is for Generate: nothing is written, and the ids in the answer stand for
// nothing.
func Draft() Option { return func(c *call) { c.setQuery("draft", "true") } }
