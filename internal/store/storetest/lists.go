package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"personae.dev/internal/entity"
	"personae.dev/internal/search"
)

// testLists changes a library at random, and lists it at random: each list must be
// that of the model.
func (s suite) testLists(t *testing.T) {
	l := s.library(t)
	var m model
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		switch action := rapid.IntRange(0, 9).Draw(rt, "action"); {
		case len(m) < 5 || len(m) < 60 && action < 4:
			for range rapid.IntRange(1, 6).Draw(rt, "how many") {
				e := l.stored(rt, fmt.Sprintf("e%d", n))
				n++
				l.Insert(t, e)
				m = append(m, e)
			}
		case action < 7:
			i := rapid.IntRange(0, len(m)-1).Draw(rt, "which")
			e := *m[i]
			l.edit(rt, &e)
			m[i] = Seal(&e)
			l.Replace(t, &e)
		case action == 7:
			i := rapid.IntRange(0, len(m)-1).Draw(rt, "which")
			l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error { return tx.Purge(ctx, m[i].Ref) })
			m = slices.Delete(m, i, i+1)
		}
		for range 5 {
			wantLists(t, l, m, l.query(rt))
		}
	})
}

// testListPages reads lists page by page, by offset and by the place where the page
// before ended.
func (s suite) testListPages(t *testing.T) {
	l := s.library(t)
	const many = 41
	var entities []*entity.Stored
	for i := range many {
		entities = append(entities, l.Persona(fmt.Sprintf("pe_%02d", (i*17)%many), fmt.Sprintf("Náme %c", 'a'+i%5), func(s *entity.Stored) {
			s.CreatedAt, s.UpdatedAt = Day.Add(time.Duration(i%7)*time.Millisecond), Day.Add(time.Duration(i%3)*time.Hour)
		}))
	}
	l.Insert(t, entities...)
	for _, order := range []entity.Order{entity.OrderCreated, entity.OrderUpdated, entity.OrderName} {
		for _, descending := range []bool{false, true} {
			for _, words := range [][]string{nil, {"name"}} {
				query := entity.Query{Workspace: l.Workspace.OID, Sets: []entity.Set{{Kind: "persona"}}, Order: order, Descending: descending, Words: words, Limit: many}
				want := ids(must[*entity.Page](t)(l.List(t.Context(), query)).Rows)
				var byOffset, byPlace []string
				query.Limit = 4
				for query.Offset = 0; query.Offset < many; query.Offset += query.Limit {
					byOffset = append(byOffset, ids(must[*entity.Page](t)(l.List(t.Context(), query)).Rows)...)
				}
				query.Offset = 0
				for next := true; next; {
					page := must[*entity.Page](t)(l.List(t.Context(), query))
					if page.Total != many {
						t.Errorf("the total is %d, want %d", page.Total, many)
					}
					byPlace = append(byPlace, ids(page.Rows)...)
					query.After, next = &page.Last, page.HasNext
				}
				what := fmt.Sprintf("%s, descending %t, words %v", order, descending, words)
				same(t, what+", by offset", want, byOffset)
				same(t, what+", by place", want, byPlace)
			}
		}
	}
}

func (s suite) testListAdmits(t *testing.T) {
	l := s.library(t)
	var size int64
	var entities []*entity.Stored
	for i := range 5 {
		e := l.Persona(fmt.Sprintf("pe_%d", i), "é", func(s *entity.Stored) {
			s.Document, s.Hidden = fmt.Appendf(nil, "%0*d é 😀", 1000*(i+1), 0), []byte("{é}")
			s.CreatedAt = Day.Add(time.Duration(i) * time.Hour)
		})
		entities = append(entities, e)
		if i < 3 {
			size += int64(len(e.Document) + len(e.Hidden))
		}
	}
	l.Insert(t, entities...)
	errFull := errors.New("full")
	for _, words := range [][]string{nil, {"e"}} {
		query := entity.Query{Workspace: l.Workspace.OID, Words: words, Order: entity.OrderCreated, Limit: 3}
		asked := []int64{}
		query.Admit = func(bytes int64) error {
			asked = append(asked, bytes)
			return nil
		}
		if page := must[*entity.Page](t)(l.List(t.Context(), query)); len(page.Rows) != 3 {
			t.Errorf("there are %d rows", len(page.Rows))
		}
		same(t, "bytes of the page", []int64{size}, asked)
		query.Admit = func(int64) error { return errFull }
		query.Heads = true
		if heads := must[*entity.Page](t)(l.List(t.Context(), query)); len(heads.Rows) != 3 || heads.Rows[0].Name != "é" || heads.Rows[0].Document != nil {
			t.Errorf("the heads are %+v", heads.Rows)
		}
		query.Heads = false
		if page, err := l.List(t.Context(), query); !errors.Is(err, errFull) {
			t.Errorf("List = %v, %v; want the error of Admit", page, err)
		}
	}
}

// testRanks has an order that is written out.
func (s suite) testRanks(t *testing.T) {
	l := s.library(t)
	add := func(oID string, texts search.Texts) *entity.Stored {
		return l.Persona(oID, oID, func(s *entity.Stored) { s.Words = search.Cut(texts) })
	}
	l.Insert(t,
		add("rest", search.Texts{Names: []string{"x"}, Rest: []string{"head of sales"}}),
		add("title and name", search.Texts{Names: []string{"Head"}, Titles: []string{"Sales"}}),
		add("name", search.Texts{Whole: []string{"Head of Sales Ops"}, Names: []string{"Head of Sales Ops"}}),
		add("exact title", search.Texts{Whole: []string{"y", "Head of Sales"}, Names: []string{"y"}, Titles: []string{"Head of Sales"}}),
		add("exact name", search.Texts{Whole: []string{"head OF sáles"}, Names: []string{"head OF sáles"}}),
		add("newer rest", search.Texts{Names: []string{"x"}, Rest: []string{"sales heads officially"}}),
		add("no match", search.Texts{Names: []string{"x"}, Rest: []string{"sale head of"}}),
	)
	query := entity.Query{
		Workspace: l.Workspace.OID, Sets: []entity.Set{{Kind: "persona"}}, Words: search.Words("head of sales"), Exact: search.Exact("Head of  Sales"), Order: entity.OrderRank, Limit: 10,
	}
	page := must[*entity.Page](t)(l.List(t.Context(), query))
	same(t, "order", []string{"exact name", "exact title", "name", "newer rest", "rest"}, slices.DeleteFunc(ids(page.Rows), func(oID string) bool { return oID == "title and name" }))
	same(t, "total", 5, page.Total)
	query.Words, query.Exact = search.Words("head sales"), search.Exact("head sales")
	same(t, "order of two words", []string{"exact name", "name", "exact title", "title and name", "newer rest", "rest"}, ids(must[*entity.Page](t)(l.List(t.Context(), query)).Rows))
}

func (s suite) testSearchFollows(t *testing.T) {
	l := s.library(t)
	found := func(word string, status entity.Status) []string {
		page := must[*entity.Page](t)(l.List(t.Context(), entity.Query{
			Workspace: l.Workspace.OID, Sets: []entity.Set{{Kind: "persona"}}, Words: []string{word}, Order: entity.OrderRank, Status: status, Limit: 10,
		}))
		return ids(page.Rows)
	}
	l.Insert(t, l.Persona("pe_1", "first"), l.Persona("pe_2", "other"))
	same(t, "first", []string{"pe_1"}, found("firs", ""))
	l.Replace(t, l.Persona("pe_1", "second"))
	same(t, "first after a change", []string(nil), found("first", entity.StatusAll))
	same(t, "second", []string{"pe_1"}, found("second", ""))
	l.Replace(t, l.Persona("pe_1", "second", func(s *entity.Stored) { s.ArchivedAt = new(Day) }))
	same(t, "second among the active", []string(nil), found("second", ""))
	same(t, "second among the archived", []string{"pe_1"}, found("second", entity.StatusArchived))
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		return tx.Purge(ctx, entity.Ref{Workspace: l.Workspace.OID, Kind: "persona", OID: "pe_1"})
	})
	same(t, "second after a purge", []string(nil), found("second", entity.StatusAll))
	// Several changes of one entity in a transaction.
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		return errors.Join(
			tx.Insert(ctx, l.Persona("pe_3", "third"), l.Change(entity.ActionCreated, Day)),
			tx.Replace(ctx, l.Persona("pe_3", "fourth"), nil),
			tx.Insert(ctx, l.Persona("pe_4", "third"), l.Change(entity.ActionCreated, Day)),
			tx.Purge(ctx, entity.Ref{Workspace: l.Workspace.OID, Kind: "persona", OID: "pe_4"}),
		)
	})
	same(t, "third", []string(nil), found("third", entity.StatusAll))
	same(t, "fourth", []string{"pe_3"}, found("fourth", ""))
}
