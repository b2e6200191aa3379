package client

import (
	"context"

	"personae.dev/apitype"
)

// QualifyPerson tells how well a person fits a persona. The key needs the scope
// read; nothing of the person is stored. Where a model may be asked, a call whose
// connection is lost is not sent again, as the model's answer may have been paid for.
func (c *Client) QualifyPerson(ctx context.Context, r apitype.QualifyRequest) (*apitype.Qualified, error) {
	qualify := post("/persona/qualify", r)
	qualify.idempotent, qualify.timeout = r.WithoutModel, GenerateTimeout
	return fetch[apitype.Qualified](ctx, c, qualify)
}
