package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"personae.dev/apitype"
)

// RevisionOptions says which changes of the library to list, newest first. The
// zero value is the API's default: the 25 newest changes of all kinds.
type RevisionOptions struct {
	// Kinds and OIDs restrict the list to kinds ("persona") and to entities.
	Kinds, OIDs []string
	// AuthorOID is the user who made the changes.
	AuthorOID string
	// From and To bound the time of the changes.
	From, To time.Time
	// Restored includes changes that restored or reverted an entity.
	Restored bool
	// Limit is how many to return at most, 1 to 100; 0 is 25, and 100 for the
	// iterator. Offset is how many to skip.
	Limit, Offset int
}

// ListRevisions returns one page of the history of the library. Revisions returns
// everything. The key needs the scope read.
func (c *Client) ListRevisions(ctx context.Context, list RevisionOptions) (*apitype.RevisionPage, error) {
	get := call{method: http.MethodGet, path: "/revision/list", query: url.Values{}, idempotent: true}
	for _, kind := range list.Kinds {
		get.query.Add("entityTypes", kind)
	}
	for _, oID := range list.OIDs {
		get.query.Add("entityOIds", oID)
	}
	for name, value := range map[string]string{
		"authorOId": list.AuthorOID, "startDate": timestamp(list.From), "endDate": timestamp(list.To),
		"limit": number(list.Limit), "offset": number(list.Offset),
	} {
		get.setQuery(name, value)
	}
	if list.Restored {
		get.setQuery("includeRestored", strconv.FormatBool(true))
	}
	var answer wrapped[apitype.RevisionPage]
	if _, err := c.do(ctx, get, &answer); err != nil {
		return nil, err
	}
	return &answer.Data, nil
}

// Revisions iterates over the history of the library, newest first, and reads
// pages as they are needed. Changes that are made meanwhile are not part of it.
// An error is the last that it yields.
func (c *Client) Revisions(ctx context.Context, list RevisionOptions) iter.Seq2[apitype.Revision, error] {
	return func(yield func(apitype.Revision, error) bool) {
		page := list
		if page.Limit == 0 {
			page.Limit = pageSize
		}
		// New changes stand first, and move others to the next page.
		seen := map[string]bool{}
		for {
			answer, err := c.ListRevisions(ctx, page)
			if err != nil {
				yield(apitype.Revision{}, err)
				return
			}
			for _, r := range answer.Revisions {
				if seen[r.RevisionOID] {
					continue
				}
				if seen[r.RevisionOID] = true; !yield(r, nil) {
					return
				}
			}
			if page.Offset += len(answer.Revisions); page.Offset >= answer.Total || len(answer.Revisions) == 0 {
				return
			}
		}
	}
}

// Revisions iterates over the history of one entity, newest first. See
// Client.Revisions.
func (k *Collection[T, In]) Revisions(ctx context.Context, oID string) iter.Seq2[apitype.Revision, error] {
	return k.c.Revisions(ctx, RevisionOptions{Kinds: []string{k.kind}, OIDs: []string{oID}, Restored: true})
}

// GetRevision returns one change, with the entity before and after it.
func (c *Client) GetRevision(ctx context.Context, revisionOID string) (*apitype.RevisionDetail, error) {
	get := call{method: http.MethodGet, path: "/revision/get", query: url.Values{"revisionOId": {revisionOID}}, idempotent: true}
	var answer wrapped[apitype.RevisionDetail]
	if _, err := c.do(ctx, get, &answer); err != nil {
		return nil, err
	}
	return &answer.Data, nil
}
