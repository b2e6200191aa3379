package client

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"personae.dev/apitype"
)

// pageSize is the page size of an iterator whose caller gives none.
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

// ListOptions says which entities to list, and in which order. The zero value is
// the API's default: ten entities that are neither archived nor deleted, newest
// first.
type ListOptions struct {
	// Text is searched for: each word, as the beginning of a word.
	Text string
	// Name is the whole name.
	Name string
	// OIDs are ids; entities that do not exist are left out.
	OIDs []string
	// OfferingOID and PlaybookOID restrict the list to what is linked to them.
	OfferingOID, PlaybookOID string
	// Type is PRODUCT, SERVICE or ALL in a list of products.
	Type string
	// QueryType is ALL, TEAM (the same), or MINE for what the key's user wrote.
	QueryType string
	// Status is active, archived, deleted or all.
	Status string
	// UpdatedSince restricts the list to what was changed at this time or later.
	UpdatedSince time.Time
	// OrderField is createdAt, updatedAt or name; without it a search has the best
	// match first. OrderDirection is ASC or DESC.
	OrderField, OrderDirection string
	// Limit is how many to return at most, 1 to 1000; 0 is 10. For All it is the
	// size of a page; 0 is 100.
	Limit int
	// Offset is how many to skip.
	Offset int
	// Cursor, if not nil, asks for pages that never repeat or skip an entity that
	// does not change meanwhile: "" for the first page, then List.NextCursor. A
	// search in the order of relevance has no cursor: set OrderField.
	Cursor *string
	// Slim asks for oId, name, internalName, description and updatedAt only.
	Slim bool
}

// List returns one page. All returns everything. The key needs the scope read.
func (k *Collection[T, In]) List(ctx context.Context, list ListOptions, options ...Option) (*apitype.List[T], error) {
	get := call{method: http.MethodGet, path: k.path("list"), idempotent: true}
	for name, value := range map[string]string{
		"text": list.Text, "name": list.Name, "oIds": strings.Join(list.OIDs, ","),
		"offeringOId": list.OfferingOID, "playbookOId": list.PlaybookOID, "type": list.Type,
		"queryType": list.QueryType, "status": list.Status, "updatedSince": timestamp(list.UpdatedSince),
		"orderField": list.OrderField, "orderDirection": list.OrderDirection,
		"limit": number(list.Limit), "offset": number(list.Offset),
	} {
		get.setQuery(name, value)
	}
	if list.Slim {
		get.setQuery("fields", "slim")
	}
	get = get.with(options)
	if list.Cursor != nil {
		if get.query == nil {
			get.query = map[string][]string{}
		}
		get.query.Set("cursor", *list.Cursor) // "" asks for the first page
	}
	answer := new(apitype.List[T])
	if _, err := k.c.do(ctx, get, answer); err != nil {
		return nil, err
	}
	return answer, nil
}

// All iterates over everything that list asks for, and reads pages as they are
// needed. Where a page would be larger than MaxAnswerBytes, it asks for half as
// many, down to one. An error is the last that it yields.
//
// It uses cursors, so that it never repeats or skips an entity that does not
// change meanwhile. A search in the order of relevance uses offsets, and has no
// such promise.
func (k *Collection[T, In]) All(ctx context.Context, list ListOptions, options ...Option) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		page := list // for each iteration
		if page.Limit == 0 {
			page.Limit = pageSize
		}
		ranked := page.Text != "" && page.OrderField == ""
		if !ranked && page.Cursor == nil {
			page.Cursor = new("")
		}
		for {
			answer, err := k.List(ctx, page, options...)
			if smallerPage(&page.Limit, err) {
				continue
			}
			if err != nil {
				yield(none, err)
				return
			}
			for _, entity := range answer.Data {
				if !yield(entity, nil) {
					return
				}
			}
			switch {
			case !answer.HasNext || len(answer.Data) == 0:
				return
			case ranked:
				page.Offset += len(answer.Data)
			case answer.NextCursor == nil:
				yield(none, &Error{StatusCode: http.StatusOK, Message: "The server has more entities, but gives no cursor for the next page.", RequestID: answer.Metadata.RequestID})
				return
			default:
				page.Cursor, page.Offset = answer.NextCursor, 0
			}
		}
	}
}

// number is "" for 0.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// timestamp is "" for no time.
func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return string(apitype.AppendTime(nil, t))
}
