package client

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strconv"

	"personae.dev/apitype"
)

// pageSize is how many a request of an iterator asks for where its caller does
// not say. The server allows 1000.
const pageSize = 100

// smallerPage halves the limit of a page that was too large to be answered. It
// tells whether there is a smaller one.
func smallerPage(limit *int, err error) bool {
	if *limit <= 1 || !errors.Is(err, ErrAnswerTooLarge) {
		return false
	}
	*limit /= 2
	return true
}

// ListOptions says which personas to list, and in which order. The zero value is
// the API's own: ten personas that are neither archived nor deleted, newest
// first.
type ListOptions struct {
	// Text is searched for: every word, as the beginning of one.
	Text string
	// Limit is how many to return at most, 1 to 1000; 0 is 10. For Personas it is
	// the size of a page; 0 is 100.
	Limit int
	// Offset is how many to pass over.
	Offset int
	// Cursor, if not nil, asks for pages that neither repeat nor leave out what
	// stands still while others write: "" for the first, then the answer's
	// NextCursor. A search in the order of its ranking has none: set OrderField.
	Cursor *string
	// ProductOID and PlaybookOID leave out what is not linked to them.
	ProductOID, PlaybookOID string
	// QueryType is ALL, TEAM (the same), or MINE for personas written by the
	// key's user.
	QueryType string
	// Status is active, archived, deleted or all.
	Status string
	// OrderField is createdAt, updatedAt or name; without it a search has the
	// best match first. OrderDirection is ASC or DESC.
	OrderField, OrderDirection string
}

// ListPersonas returns one page of personas. Personas returns all. The key needs
// the scope read.
func (c *Client) ListPersonas(ctx context.Context, list ListOptions, options ...Option) (*apitype.ListPersonasResponse, error) {
	get := call{method: http.MethodGet, path: "/persona/list", idempotent: true}
	for name, value := range map[string]string{
		"text": list.Text, "limit": number(list.Limit), "offset": number(list.Offset),
		"productOId": list.ProductOID, "playbookOId": list.PlaybookOID, "queryType": list.QueryType, "status": list.Status,
		"orderField": list.OrderField, "orderDirection": list.OrderDirection,
	} {
		get.setQuery(name, value)
	}
	get = get.with(options)
	if list.Cursor != nil {
		if get.query == nil {
			get.query = map[string][]string{}
		}
		get.query.Set("cursor", *list.Cursor) // "" asks for the first page
	}
	answer := new(apitype.ListPersonasResponse)
	if _, err := c.do(ctx, get, answer); err != nil {
		return nil, err
	}
	return answer, nil
}

// number is "" for 0.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// Personas iterates over all personas that list asks for, and reads a page when
// it is needed. Where one would be larger than MaxAnswerBytes, it asks for half as
// many, down to one. An error is the last that it yields.
//
// It goes by cursor, so that what others write meanwhile makes it neither repeat
// nor leave out a persona that stood still. A search in the order of its ranking
// goes by offset, and promises no such thing.
func (c *Client) Personas(ctx context.Context, list ListOptions, options ...Option) iter.Seq2[apitype.Persona, error] {
	return func(yield func(apitype.Persona, error) bool) {
		page := list // a second iteration begins anew
		if page.Limit == 0 {
			page.Limit = pageSize
		}
		ranked := page.Text != "" && page.OrderField == ""
		if !ranked && page.Cursor == nil {
			page.Cursor = new("")
		}
		for {
			answer, err := c.ListPersonas(ctx, page, options...)
			if smallerPage(&page.Limit, err) {
				continue
			}
			if err != nil {
				yield(apitype.Persona{}, err)
				return
			}
			for _, p := range answer.Data {
				if !yield(p, nil) {
					return
				}
			}
			switch {
			case !answer.HasNext || len(answer.Data) == 0:
				return
			case ranked:
				page.Offset += len(answer.Data)
			case answer.NextCursor == nil:
				yield(apitype.Persona{}, &Error{StatusCode: http.StatusOK, Message: "The server says that there are more personas, and not where: it knows no cursor.", RequestID: answer.Metadata.RequestID})
				return
			default:
				page.Cursor, page.Offset = answer.NextCursor, 0
			}
		}
	}
}
