package library

import (
	"context"
	"strings"
	"unicode/utf8"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/search"
)

// MaxFoundAtOnce is how many entities a search over all kinds returns at most.
const MaxFoundAtOnce = 100

// SearchRequest says what to search for in all kinds.
type SearchRequest struct {
	// Text has the words, which must all occur, each as the beginning of a word.
	Text string
	// Kinds restricts the search; none stands for all kinds.
	Kinds         []*entity.Kind
	Limit, Offset int
	// Errors are those of the request's form.
	Errors errs.List
}

// Hits is a page of what a search found, best match first.
type Hits struct {
	Hits    []Hit
	Total   int
	HasNext bool
}

// Hit is an entity that a search found.
type Hit struct {
	Kind      *entity.Kind
	OID, Name string
	// Snippet is a part of the text in which the most words occur, on one line,
	// with the words as **word**.
	Snippet string
}

// Search searches the entities of all kinds in the caller's workspace that are
// neither archived nor deleted.
func (l *Library) Search(ctx context.Context, c Caller, r SearchRequest) (*Hits, error) {
	if err := require(c, account.ScopeRead); err != nil {
		return nil, err
	}
	list := r.Errors
	checkPage(&list, r.Limit, MaxFoundAtOnce, r.Offset)
	q := entity.Query{Workspace: c.Workspace.OID, Order: entity.OrderRank, Limit: r.Limit, Offset: r.Offset, Exact: search.Exact(r.Text)}
	switch n := utf8.RuneCountInString(r.Text); {
	case n > MaxTextLength:
		list.Add("text", "has %d characters; the limit is %d", n, MaxTextLength)
	case strings.TrimSpace(r.Text) == "":
		if len(list.Fields()) == 0 {
			list.Add("text", "must have a word to search for")
		}
	default:
		if q.Words = search.Words(r.Text); len(q.Words) > MaxSearchWords {
			list.Add("text", "has %d different words, and %d are allowed", len(q.Words), MaxSearchWords)
		}
	}
	if err := list.Err(); err != nil {
		return nil, err
	}
	hits := &Hits{}
	if len(q.Words) == 0 { // a text without a letter or digit occurs nowhere
		return hits, nil
	}
	for _, k := range r.Kinds {
		q.Sets = append(q.Sets, entity.Set{Kind: k.Name})
	}
	held := &Listed{release: l.lists.Release}
	defer held.Close()
	page, err := l.page(ctx, held, q)
	if err != nil {
		return nil, err
	}
	hits.Total, hits.HasNext = page.Total, page.HasNext
	for _, row := range page.Rows {
		k, err := l.registry.Kind(row.Kind)
		if err != nil { // the kind is gone
			continue
		}
		e, err := k.Load(row)
		if err != nil {
			return nil, err
		}
		hits.Hits = append(hits.Hits, Hit{Kind: k, OID: row.OID, Name: row.Name, Snippet: snippet(k.Texts(e), q.Words)})
	}
	return hits, nil
}

// snippet returns that of the text in which the most words occur, the first of
// those.
func snippet(t search.Texts, words []string) (best string) {
	most := 0
	for _, texts := range [][]string{t.Names, t.Titles, t.Rest} {
		for _, text := range texts {
			if snippet, found := search.Snippet(text, words); found > most {
				best, most = snippet, found
			}
		}
	}
	return best
}
