package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"personae.dev/apitype"
)

// QualifyPerson tells how well a person fits a persona. The key needs the scope
// read; nothing of the person is stored.
func (c *Client) QualifyPerson(ctx context.Context, r apitype.QualifyRequest) (*apitype.Qualified, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("client: encode the request: %w", err)
	}
	var answer apitype.Qualified
	if _, err := c.do(ctx, call{method: http.MethodPost, path: "/persona/qualify", body: body, idempotent: true}, &answer); err != nil {
		return nil, err
	}
	return &answer, nil
}
