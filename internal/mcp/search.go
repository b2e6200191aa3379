package mcp

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
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

// searchKnowledgeBase answers search_knowledge_base.
func searchKnowledgeBase(ctx context.Context, c *call) (any, error) {
	words, kinds, limit := c.text("query"), c.texts("entityTypes"), c.number("limit", usualHits, 1, mostHits)
	offset := c.offset()
	found, err := c.search(ctx, words, kinds, offset, limit, func(*hit) {})
	if err != nil {
		return nil, err
	}
	if found.Total == 0 {
		return c.searchSome(ctx, words, kinds, offset, limit)
	}
	return found, nil
}

// search returns the entities that have all words, and shows each of them to see.
func (c *call) search(ctx context.Context, words string, kinds []string, offset, limit int, see func(*hit)) (*list, error) {
	query := url.Values{"text": {words}}
	if len(kinds) > 0 {
		query["kinds"] = kinds
	}
	return c.listFrom(ctx, "library/search", query, offset, limit, func(row json.RawMessage) (any, error) {
		var found struct {
			Kind string `json:"kind"`
			hit
		}
		err := json.Unmarshal(row, &found)
		found.EntityType = c.toolName(found.Kind)
		see(&found.hit)
		return &found.hit, err
	})
}

// searchSome returns the entities that have some of the words: agents ask in
// sentences. First come those whose words few others have.
func (c *call) searchSome(ctx context.Context, words string, kinds []string, offset, limit int) (*list, error) {
	var all []*hit
	byID := map[string]*hit{}
	var tried []string
	for word := range strings.FieldsSeq(words) {
		if utf8.RuneCountInString(word) < leastLetters || slices.Contains(tried, word) || len(tried) == mostWords {
			continue
		}
		tried = append(tried, word)
		var having []*hit
		found, err := c.search(ctx, word, kinds, 0, mostHits, func(h *hit) { having = append(having, h) })
		if err != nil {
			return nil, err
		}
		for _, h := range having {
			id := h.EntityType + " " + h.OID
			if byID[id] == nil {
				byID[id] = h
				all = append(all, h)
			}
			byID[id].Words = append(byID[id].Words, word)
			byID[id].weight += 1 / float64(found.Total)
		}
	}
	slices.SortStableFunc(all, func(a, b *hit) int { return cmp.Compare(b.weight, a.weight) })
	some := &list{Total: len(all), Rows: []json.RawMessage{}, Note: "No entity has these words. Try others, or list_entities."}
	begin := min(offset, len(all))
	end := min(begin+limit, len(all))
	if some.HasNext = end < len(all); some.HasNext {
		some.Next = c.again(end)
	}
	for _, h := range all[begin:end] {
		b, err := encode(h)
		if err != nil {
			return nil, fmt.Errorf("mcp: encode a row: %w", err)
		}
		some.Rows = append(some.Rows, b)
		some.Note = "No entity has all these words. These have some of them; words that few entities have count most."
	}
	return some, nil
}
