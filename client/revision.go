package client

import (
	"context"
	"iter"
	"net/http"

	"personae.dev/apitype"
)

// PageOptions says which part of a list to return.
type PageOptions struct {
	// Limit is how many to return at most, 1 to 1000; 0 is 10.
	Limit int
	// Offset is how many to pass over.
	Offset int
}

// ListRevisions returns one page of the history of a persona, newest first.
// Revisions returns all. The key needs the scope read.
func (c *Client) ListRevisions(ctx context.Context, oID string, page PageOptions) (*apitype.ListRevisionsResponse, error) {
	get := call{method: http.MethodGet, path: "/revision/list", idempotent: true}
	get.setQuery("oId", oID)
	get.setQuery("limit", number(page.Limit))
	get.setQuery("offset", number(page.Offset))
	answer := new(apitype.ListRevisionsResponse)
	if _, err := c.do(ctx, get, answer); err != nil {
		return nil, err
	}
	return answer, nil
}

// Revisions iterates over the history of a persona, newest first, and reads a
// page when it is needed, a smaller one where that would be larger than
// MaxAnswerBytes. Changes that are made meanwhile are not part of it. An error is
// the last that it yields.
func (c *Client) Revisions(ctx context.Context, oID string) iter.Seq2[apitype.Revision, error] {
	return func(yield func(apitype.Revision, error) bool) {
		last := 0 // the number of the last one, 0 for none yet
		for page := (PageOptions{Limit: pageSize}); ; {
			answer, err := c.ListRevisions(ctx, oID, page)
			if smallerPage(&page.Limit, err) {
				continue
			}
			if err != nil {
				yield(apitype.Revision{}, err)
				return
			}
			for _, r := range answer.Data {
				// New changes stand first, and move the others to the next page.
				if last != 0 && r.Number >= last {
					continue
				}
				if last = r.Number; !yield(r, nil) {
					return
				}
			}
			if page.Offset += len(answer.Data); !answer.HasNext || len(answer.Data) == 0 {
				return
			}
		}
	}
}

// GetRevision returns one change of a persona, and the persona as it left it.
func (c *Client) GetRevision(ctx context.Context, revisionOID string) (*apitype.GetRevisionResponse, error) {
	get := call{method: http.MethodGet, path: "/revision/get", idempotent: true}
	get.setQuery("oId", revisionOID)
	answer := new(apitype.GetRevisionResponse)
	if _, err := c.do(ctx, get, answer); err != nil {
		return nil, err
	}
	return answer, nil
}
