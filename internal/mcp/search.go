package mcp

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of searches.
const (
	usualHits = 10
	mostHits  = 50
	// mostWords is how many words of a question are searched for one by one, and
	// leastLetters how many letters a word needs for that.
	mostWords    = 8
	leastLetters = 4
)

// searchTool is search_knowledge_base.
func searchTool() *tool {
	return &tool{
		name: "search_knowledge_base", title: "Search the library", run: searchKnowledgeBase,
		about: "Search all kinds of entities for words. Use the few words that matter, not a sentence: each is looked for as the beginning of a word, and they must all occur. Answers the best first, with the passage that has them.",
		params: []param{
			needed("query", text("The words.")),
			optional("entityTypes", texts("Only these kinds, such as persona or proof_point.")),
			optional("limit", number("Rows; default 10.", mostHits)),
			offset(),
		},
	}
}

// hit is an entity that a search found.
type hit struct {
	EntityType string `json:"entityType"`
	OID        string `json:"oId"`
	Name       string `json:"name"`
	Snippet    string `json:"snippet,omitempty"`
	// Words are those that it has, where none has all.
	Words []string `json:"words,omitempty"`

	weight float64
}

// hits is a part of what a search found.
type hits struct {
	Total   int    `json:"total"`
	Results []*hit `json:"results"`
	HasNext bool   `json:"hasNext"`
	Next    string `json:"next,omitempty"`
	Note    string `json:"note,omitempty"`
}

// searchKnowledgeBase answers search_knowledge_base.
func searchKnowledgeBase(ctx context.Context, c *call) (any, error) {
	words, kinds := c.text("query"), c.texts("entityTypes")
	limit, offset := c.number("limit", usualHits, 1, mostHits), c.number("offset", 0, 0, 1<<30)
	if err := c.err(); err != nil {
		return nil, err
	}
	found, err := c.search(ctx, words, kinds, limit, offset)
	if err != nil || found.Total > 0 {
		return found, err
	}
	return c.searchSome(ctx, words, kinds, limit)
}

// search returns the entities that have all words.
func (c *call) search(ctx context.Context, words string, kinds []string, limit, offset int) (*hits, error) {
	query := url.Values{"text": {words}, "limit": {strconv.Itoa(limit)}, "offset": {strconv.Itoa(offset)}}
	if len(kinds) > 0 {
		query["kinds"] = kinds
	}
	var answer struct {
		Total   int  `json:"total"`
		HasNext bool `json:"hasNext"`
		Data    []struct {
			Kind string `json:"kind"`
			hit
		} `json:"data"`
	}
	if err := c.api.get(ctx, "library/search", query, &answer); err != nil {
		return nil, err
	}
	found := &hits{Total: answer.Total, HasNext: answer.HasNext, Results: []*hit{}}
	for i := range answer.Data {
		h := &answer.Data[i].hit
		h.EntityType = c.toolName(answer.Data[i].Kind)
		found.Results = append(found.Results, h)
	}
	if found.HasNext {
		found.Next = "Call search_knowledge_base again with the same arguments and offset " + strconv.Itoa(offset+len(found.Results)) + "."
	}
	return found, nil
}

// searchSome returns the entities that have some of the words: agents ask in
// sentences. First come those whose words few others have.
func (c *call) searchSome(ctx context.Context, words string, kinds []string, limit int) (*hits, error) {
	some := &hits{Results: []*hit{}, Note: "No entity has these words. Try others, or list_entities."}
	byID := map[string]*hit{}
	var tried []string
	for word := range strings.FieldsSeq(words) {
		if utf8.RuneCountInString(word) < leastLetters || slices.Contains(tried, word) || len(tried) == mostWords {
			continue
		}
		tried = append(tried, word)
		found, err := c.search(ctx, word, kinds, mostHits, 0)
		if err != nil {
			return nil, err
		}
		for _, h := range found.Results {
			id := h.EntityType + " " + h.OID
			if byID[id] == nil {
				byID[id] = h
				some.Results = append(some.Results, h)
			}
			byID[id].Words = append(byID[id].Words, word)
			byID[id].weight += 1 / float64(found.Total)
		}
	}
	slices.SortStableFunc(some.Results, func(a, b *hit) int { return cmp.Compare(b.weight, a.weight) })
	if some.Total = len(some.Results); some.Total > 0 {
		some.Note = "No entity has all these words. These have some of them; words that few entities have count most."
		some.Results = some.Results[:min(limit, some.Total)]
	}
	return some, nil
}
