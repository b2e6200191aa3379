package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/search"
)

// model is what a store keeps, in the order in which it was added.
type model []*entity.Stored

// list is what List has to answer, but for documents: the ids of the page, and
// the total.
func (m model) list(q entity.Query) (page []string, total int) {
	type found struct {
		*entity.Stored
		tier, added int
	}
	var all []found
	for i, s := range m {
		if tier, ok := m.matches(q, s); ok {
			all = append(all, found{s, tier, i})
		}
	}
	slices.SortFunc(all, func(a, b found) int {
		var order int
		switch q.Order {
		case entity.OrderRank:
			return cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(b.added, a.added))
		case entity.OrderName:
			order = strings.Compare(search.Fold(a.Name), search.Fold(b.Name))
		case entity.OrderUpdated:
			order = a.UpdatedAt.Compare(b.UpdatedAt)
		default:
			order = a.CreatedAt.Compare(b.CreatedAt)
		}
		if q.Descending {
			order = -order
		}
		return cmp.Or(order, strings.Compare(a.OID, b.OID))
	})
	for i := q.Offset; i < len(all) && i < q.Offset+q.Limit; i++ {
		page = append(page, all[i].OID)
	}
	return page, len(all)
}

// matches tells whether an entity is in a list, and in which tier.
func (m model) matches(q entity.Query, s *entity.Stored) (tier int, ok bool) {
	status := q.Status
	if status == "" {
		status = entity.StatusActive
	}
	inSet := len(q.Sets) == 0 || slices.ContainsFunc(q.Sets, func(set entity.Set) bool {
		return set.Kind == s.Kind && (set.Facet == nil || slices.Contains(s.Facets, *set.Facet))
	})
	ok = s.Workspace == q.Workspace && inSet && (status == entity.StatusAll || entity.StatusOf(s.ArchivedAt, s.DeletedAt) == status) &&
		(q.AuthorOID == "" || s.Author.OID == q.AuthorOID) && (q.Name == "" || s.Name == q.Name) &&
		(q.UpdatedSince == nil || !s.UpdatedAt.Before(*q.UpdatedSince)) && (len(q.OIDs) == 0 || slices.Contains(q.OIDs, s.OID))
	for _, f := range q.Linked {
		ok = ok && m.linked(f, s)
	}
	if !ok || len(q.Words) == 0 {
		return 0, ok
	}
	all := func(lists ...[]string) bool {
		for _, word := range q.Words {
			if !slices.ContainsFunc(slices.Concat(lists...), func(w string) bool { return strings.HasPrefix(w, word) }) {
				return false
			}
		}
		return true
	}
	switch {
	case q.Exact != "" && slices.Contains(s.Words.Exact, q.Exact):
		return 0, true
	case all(s.Words.Names):
		return 1, true
	case all(s.Words.Names, s.Words.Titles):
		return 2, true
	}
	return 3, all(s.Words.Names, s.Words.Titles, s.Words.Rest)
}

func (m model) linked(f entity.LinkFilter, s *entity.Stored) bool {
	for _, l := range s.Links {
		if slices.Contains(f.Fields, l.Field) && (l.Target == f.Target || l.Target == entity.LinkAll) {
			return true
		}
	}
	for _, other := range m {
		if other.Workspace != s.Workspace || other.OID != f.Target || !slices.Contains(f.Kinds, other.Kind) {
			continue
		}
		for _, l := range other.Links {
			if slices.Contains(f.Back, l.Field) && (l.Target == s.OID || l.Target == entity.LinkAll) {
				return true
			}
		}
	}
	return false
}

// The little vocabulary of generated entities and queries: short words with common
// beginnings, so that queries match.
var (
	vocabulary = []string{"sales", "sale", "s", "salt", "vp", "v", "head", "he", "ops", "été", "北京", "京", "2", "25"}
	kindNames  = []string{"persona", "product", "use-case"}
	moments    = []time.Time{Day, Day.Add(time.Millisecond), Day.Add(time.Hour)}
	facets     = []entity.Facet{{Field: "type", Value: "PRODUCT"}, {Field: "type", Value: "SERVICE"}, {Field: "mode", Value: "PRODUCT"}}
	fields     = []string{"offering", "playbook", "personaOIds"}
)

// text is some words.
func text(t *rapid.T, label string, minimum int) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(vocabulary), minimum, 3).Draw(t, label), " ")
}

// stored draws an entity, which may be in any of both workspaces.
func (l *Library) stored(t *rapid.T, oID string) *entity.Stored {
	return l.Persona(oID, text(t, "name", 1), func(s *entity.Stored) {
		s.Kind = rapid.SampledFrom(kindNames).Draw(t, "kind")
		s.Workspace = rapid.SampledFrom([]string{l.Workspace.OID, l.Workspace.OID, l.Other.OID}).Draw(t, "workspace")
		s.Author = rapid.SampledFrom([]account.Author{l.Owner.Author(), l.Member.Author()}).Draw(t, "author")
		l.edit(t, s)
	})
}

// edit draws what a change may change.
func (l *Library) edit(t *rapid.T, s *entity.Stored) {
	if rapid.Bool().Draw(t, "upper case") {
		s.Name = strings.ToUpper(s.Name)
	}
	titles := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return text(t, "title", 1) }), 0, 2).Draw(t, "titles")
	s.Words = search.Cut(search.Texts{Whole: append([]string{s.Name}, titles...), Names: []string{s.Name}, Titles: titles, Rest: []string{text(t, "rest", 0)}})
	s.CreatedAt, s.UpdatedAt = rapid.SampledFrom(moments).Draw(t, "created"), rapid.SampledFrom(moments).Draw(t, "updated")
	s.ArchivedAt, s.DeletedAt = nil, nil
	switch rapid.IntRange(0, 5).Draw(t, "status") {
	case 0:
		s.ArchivedAt = new(Day)
	case 1:
		s.DeletedAt = new(Day)
	case 2:
		s.ArchivedAt, s.DeletedAt = new(Day), new(Day)
	}
	s.Facets, s.Links, s.Document = nil, nil, nil
	if rapid.Bool().Draw(t, "has a facet") {
		s.Facets = []entity.Facet{rapid.SampledFrom(facets).Draw(t, "facet")}
	}
	for i, field := range rapid.SliceOfNDistinct(rapid.SampledFrom(fields), 0, 3, rapid.ID[string]).Draw(t, "fields") {
		s.Links = append(s.Links, entity.Link{Field: field, Position: i, Target: target(t)})
	}
}

func target(t *rapid.T) string {
	return rapid.SampledFrom([]string{"e0", "e1", "e2", "e3", "px_1", entity.LinkAll}).Draw(t, "target")
}

// query draws a list of the first workspace.
func (l *Library) query(t *rapid.T) entity.Query {
	q := entity.Query{
		Workspace: l.Workspace.OID, Limit: rapid.IntRange(1, 8).Draw(t, "limit"), Offset: rapid.SampledFrom([]int{0, 0, 1, 3, 10}).Draw(t, "offset"),
		Order:      rapid.SampledFrom([]entity.Order{entity.OrderCreated, entity.OrderUpdated, entity.OrderName}).Draw(t, "order"),
		Descending: rapid.Bool().Draw(t, "descending"),
		Status:     rapid.SampledFrom([]entity.Status{"", "", entity.StatusActive, entity.StatusArchived, entity.StatusDeleted, entity.StatusAll}).Draw(t, "status"),
	}
	for _, kind := range rapid.SliceOfNDistinct(rapid.SampledFrom(kindNames), 0, 3, rapid.ID[string]).Draw(t, "sets") {
		set := entity.Set{Kind: kind}
		if rapid.IntRange(0, 2).Draw(t, "set has a facet") == 0 {
			set.Facet = new(rapid.SampledFrom(facets).Draw(t, "facet of the set"))
		}
		q.Sets = append(q.Sets, set)
	}
	if rapid.Bool().Draw(t, "has words") {
		text := text(t, "text", 1)
		if r := []rune(text); rapid.Bool().Draw(t, "is cut") {
			text = string(r[:rapid.IntRange(1, len(r)).Draw(t, "cut")])
		}
		if q.Words = search.Words(text); rapid.IntRange(0, 3).Draw(t, "ranked") > 0 {
			q.Order, q.Exact = entity.OrderRank, search.Exact(text)
		}
	}
	filtered := func(label string) bool { return rapid.IntRange(0, 4).Draw(t, label) == 0 }
	if filtered("by author") {
		q.AuthorOID = rapid.SampledFrom([]string{l.Owner.OID, l.Member.OID}).Draw(t, "author")
	}
	if filtered("by name") {
		q.Name = rapid.SampledFrom(vocabulary).Draw(t, "name")
	}
	if filtered("by update") {
		q.UpdatedSince = new(rapid.SampledFrom(moments).Draw(t, "since"))
	}
	if filtered("by id") {
		q.OIDs = rapid.SliceOfN(rapid.SampledFrom([]string{"e0", "e1", "e2", "e5", "e9", "none"}), 1, 4).Draw(t, "ids")
	}
	if filtered("by link") {
		q.Linked = append(q.Linked, entity.LinkFilter{
			Target: target(t), Fields: rapid.SliceOfDistinct(rapid.SampledFrom(fields), rapid.ID[string]).Draw(t, "linked fields"),
			Kinds: kindNames[:2], Back: rapid.SliceOfDistinct(rapid.SampledFrom(fields), rapid.ID[string]).Draw(t, "back"),
		})
	}
	return q
}

// wantLists fails the test where a store lists something else than the model.
func wantLists(t testing.TB, r entity.Reader, m model, q entity.Query) {
	t.Helper()
	want, total := m.list(q)
	page, err := r.List(t.Context(), q)
	if err != nil {
		t.Fatalf("List(%s): %v", show(q), err)
	}
	if got := ids(page.Rows); !slices.Equal(got, want) && len(got)+len(want) > 0 || page.Total != total || page.HasNext != (total > q.Offset+len(want) && q.Offset+q.Limit < total) {
		t.Fatalf("List(%s) = %v of %d, has next %t; want %v of %d", show(q), got, page.Total, page.HasNext, want, total)
	}
}

func show(q entity.Query) string { q.Admit = nil; return fmt.Sprintf("%+v", q) }
