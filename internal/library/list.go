package library

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/search"
)

// Limits of lists.
const (
	DefaultLimit = 10
	MaxLimit     = 1000
	// MaxTextLength is how many characters a search may have, and MaxSearchWords
	// how many different words.
	MaxTextLength  = 1000
	MaxSearchWords = 64
	// MaxPageBytes bounds the documents of a page.
	MaxPageBytes = 32 << 20
	// DefaultListBytes bounds what all lists have in memory at a time: each counts
	// twice, as rows and as what is made of them.
	DefaultListBytes = 128 << 20

	// listWait is how long a list waits for others to give their bytes back, and
	// listRetryAfter what its caller is told then, in seconds.
	listWait       = time.Second
	listRetryAfter = 1
)

// ListRequest says what to list.
type ListRequest struct {
	// Text is searched for; "" for everything.
	Text string
	// OfferingOID and PlaybookOID restrict by links, Name by the exact name, and
	// Facet by the value of the kind's enum filter ("type").
	OfferingOID, PlaybookOID, Name, Facet string
	// Mine leaves out what the user of the caller's key did not write.
	Mine         bool
	OIDs         []string
	UpdatedSince *time.Time
	Status       entity.Status
	// Order is OrderRank where it is "" and there is a text, else OrderCreated,
	// descending.
	Order         entity.Order
	Descending    bool
	Limit, Offset int
	After         *entity.Position
	// Slim answers oId, name, internalName, description and updatedAt only.
	Slim, QuestionIDs bool
	// Errors are those of the request's form.
	Errors errs.List
}

// Listed is a page. Close it when its documents were sent.
type Listed struct {
	Documents [][]byte
	// Rows has the head of each document, without Document and Hidden.
	Rows    []*entity.Row
	Total   int
	HasNext bool
	// Last is the position of the last row, for ListRequest.After.
	Last entity.Position

	release func(bytes int64)
	held    int64
}

// Close gives the bytes of the page back to the list budget. A second call does
// nothing.
func (p *Listed) Close() { p.giveBack(p.held) }

func (p *Listed) giveBack(bytes int64) {
	if bytes > 0 {
		p.held -= bytes
		p.release(bytes)
	}
}

// List returns a page of the entities of the caller's workspace.
func (l *Library) List(ctx context.Context, c Caller, k *entity.Kind, r ListRequest) (*Listed, error) {
	if err := require(c, account.ScopeRead); err != nil {
		return nil, err
	}
	q, possible, err := l.query(c, k, r)
	if err != nil {
		return nil, err
	}
	listed := &Listed{release: l.lists.Release}
	if !possible {
		return listed, nil
	}
	page, err := l.page(ctx, listed, q)
	if err != nil {
		listed.Close()
		return nil, err
	}
	listed.Rows, listed.Total, listed.HasNext, listed.Last = page.Rows, page.Total, page.HasNext, page.Last
	listed.Documents = make([][]byte, len(page.Rows))
	for i, row := range page.Rows {
		if listed.Documents[i], err = l.listDocument(k, row, r); err != nil {
			listed.Close()
			return nil, err
		}
		row.Document, row.Hidden, row.Joined = nil, nil, nil
	}
	listed.giveBack(listed.held / 2) // the rows' half
	return listed, nil
}

// listDocument returns what a list answers of a row. k is the kind that is
// listed; the row may be of the one that AlsoLists adds.
func (l *Library) listDocument(k *entity.Kind, row *entity.Row, r ListRequest) ([]byte, error) {
	if row.Kind != k.Name {
		var err error
		if k, err = l.registry.Kind(row.Kind); err != nil {
			return nil, err
		}
	}
	row, err := current(k, row)
	if err != nil {
		return nil, err
	}
	if r.Slim {
		return slim(row.Document), nil
	}
	if r.QuestionIDs {
		if row, err = withQuestionIDs(k, row); err != nil {
			return nil, err
		}
	}
	return render(k, row, nil).Body, nil
}

// query returns what r asks the store for; possible is false where nothing can
// match.
func (l *Library) query(c Caller, k *entity.Kind, r ListRequest) (q entity.Query, possible bool, _ error) {
	list := r.Errors
	checkPage(&list, r.Limit, MaxLimit, r.Offset)
	q = entity.Query{
		Workspace: c.Workspace.OID, Status: r.Status, Name: r.Name, UpdatedSince: r.UpdatedSince,
		Order: r.Order, Descending: r.Descending, Limit: r.Limit, Offset: r.Offset, After: r.After,
	}
	if n := utf8.RuneCountInString(r.Text); n > MaxTextLength {
		list.Add("text", "has %d characters; the limit is %d", n, MaxTextLength)
	} else if q.Words, q.Exact = search.Words(r.Text), search.Exact(r.Text); len(q.Words) > MaxSearchWords {
		list.Add("text", "has %d different words, and %d are allowed", len(q.Words), MaxSearchWords)
	}
	if q.Order == "" {
		q.Order = entity.OrderRank
	}
	if q.Order == entity.OrderRank && len(q.Words) == 0 {
		q.Order, q.Descending = entity.OrderCreated, true
	}
	if at := q.After; at != nil {
		switch {
		case q.Order == entity.OrderRank:
			list.Add("cursor", "does not go with the order of a search: name an orderField, or use offset")
		case !account.ValidID(at.OID) || len(errs.CheckText("name", at.Name, 0, len(at.Name))) > 0:
			list.Add("cursor", "is not one that this server gave: send nextCursor as it came, or cursor= for the first page")
		}
	}
	if q.Sets = l.sets(k, r.Facet); q.Sets == nil {
		list.Add("type", "has no such value")
	}
	if err := list.Err(); err != nil {
		return q, false, err
	}
	if r.Mine {
		q.AuthorOID = c.User.OID
	}
	q.OIDs, possible = validIDs(r.OIDs, r.OfferingOID, r.PlaybookOID)
	for _, filter := range [...]struct{ name, target string }{{entity.FilterOffering, r.OfferingOID}, {entity.FilterPlaybook, r.PlaybookOID}} {
		if filter.target != "" && possible {
			var linked entity.LinkFilter
			linked, possible = l.registry.LinkFilter(k, filter.name, filter.target)
			q.Linked = append(q.Linked, linked)
		}
	}
	// A text without a letter or digit occurs nowhere.
	if strings.TrimSpace(r.Text) != "" && len(q.Words) == 0 || len(errs.CheckText("name", r.Name, 0, len(r.Name))) > 0 {
		possible = false
	}
	return q, possible, nil
}

// sets returns the kinds that a list of k shows where its enum filter has the
// value facet, which may be "". It is nil where there is no such value.
func (l *Library) sets(k *entity.Kind, facet string) []entity.Set {
	var sets []entity.Set
	also := k.AlsoLists
	others := also != nil && slices.Contains(also.On, facet)
	own := facetOf(k, facet)
	if facet == "" || own != nil || others && facet == also.All {
		sets = append(sets, entity.Set{Kind: k.Name, Facet: own, Joins: k.Joins})
	}
	if others {
		if other, err := l.registry.Kind(also.Kind); err == nil {
			sets = append(sets, entity.Set{Kind: other.Name, Joins: other.Joins})
		}
	}
	return sets
}

// facetOf returns the enum filter of k that has the value, or nil.
func facetOf(k *entity.Kind, value string) *entity.Facet {
	for i := range k.Fields {
		f := &k.Fields[i]
		if f.Type == entity.TypeEnum && f.Filter != "" && slices.Contains(f.Enum, value) {
			return &entity.Facet{Field: f.Name, Value: value}
		}
	}
	return nil
}

// page reads a page, and takes its bytes from the list budget. Where others have
// them, it waits shortly, with no transaction open.
func (l *Library) page(ctx context.Context, listed *Listed, q entity.Query) (*entity.Page, error) {
	var lacks int64
	q.Admit = func(bytes int64) error {
		if bytes > MaxPageBytes {
			return errs.PageTooLarge(MaxPageBytes)
		}
		lacks = min(2*bytes, l.listBytes) - listed.held
		if lacks > 0 && !l.lists.TryAcquire(lacks) {
			return errListsFull
		}
		listed.held += max(lacks, 0)
		return nil
	}
	page, err := l.store.List(ctx, q)
	if !errors.Is(err, errListsFull) {
		return page, err
	}
	waiting, cancel := context.WithTimeout(ctx, listWait)
	defer cancel()
	if err = l.lists.Acquire(waiting, lacks); err == nil {
		listed.held += lacks
		page, err = l.store.List(ctx, q)
	}
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if errors.Is(err, errListsFull) || errors.Is(err, context.DeadlineExceeded) {
		full := errs.Unavailablef(err, "The server is answering many large lists now: wait a second, or ask for fewer rows with limit.")
		full.RetryAfter = listRetryAfter
		return nil, full
	}
	return page, err
}

// errListsFull ends a list whose bytes others have.
var errListsFull = errors.New("library: the list budget is taken")
