package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"personae.dev/internal/entity"
	"personae.dev/internal/store"
	"personae.dev/internal/store/postgrestest"
	"personae.dev/internal/store/storetest"
)

// TestCheck damages what is derived from documents, finds it, and repairs it.
func TestCheck(t *testing.T) {
	t.Parallel()
	testCheck(t, storetest.Open(t), map[string]string{
		"words": "delete from words where rowid = (select id from entities where o_id = 'pe_1')",
	})
}

func TestPostgresCheck(t *testing.T) {
	t.Parallel()
	testCheck(t, storetest.OpenDatabase(t, postgrestest.New(t), store.Options{Create: true}), map[string]string{
		"words": "update words set titles = ''::tsvector where entity_id = (select id from entities where o_id = 'pe_1')",
		"all":   "delete from words",
	})
}

func testCheck(t *testing.T, s *store.Store, more map[string]string) {
	t.Helper()
	setUp(t, s)
	derive := func(r *entity.Row) (*entity.Stored, error) {
		return simple(r.OID, func(s *entity.Stored) {
			s.Row = *r
			s.Name = strings.TrimPrefix(r.Name, "wrong ")
			s.Links = []entity.Link{{Field: "offering", Target: "px_1"}, {Field: "offering", Position: 1, Target: "px_2"}}
			s.Facets = []entity.Facet{{Field: "type", Value: "A"}}
		}), nil
	}
	write(t, s, func(ctx context.Context, tx entity.Tx) error {
		for i := range 250 {
			derived, _ := derive(&simple(fmt.Sprintf("pe_%d", i)).Row)
			if err := add(ctx, tx, derived); err != nil {
				return err
			}
		}
		return nil
	})
	run := func(repair bool) (store.CheckReport, []string) {
		t.Helper()
		var problems []string
		report, err := s.Check(t.Context(), store.CheckOptions{Derive: derive, Repair: repair, Report: func(problem string) { problems = append(problems, problem) }})
		if err != nil {
			t.Fatalf("Check: %v", err)
		}
		return report, problems
	}
	if report, problems := run(false); report.Problems() != 0 || report.Entities != 250 {
		t.Errorf("Check of what is right = %+v: %v", report, problems)
	}
	tests := map[string]string{
		"a name":           "update entities set name = 'wrong ' || name where o_id = 'pe_1'",
		"a folded name":    "update entities set sort_name = 'x' where o_id = 'pe_1'",
		"a missing link":   "delete from links where target = 'px_2' and entity_id = (select id from entities where o_id = 'pe_1')",
		"another link":     "update links set target = 'px_9' where target = 'px_1' and entity_id = (select id from entities where o_id = 'pe_1')",
		"a facet":          "update links set target = 'B' where position = -1 and entity_id = (select id from entities where o_id = 'pe_1')",
		"links and facets": "delete from links",
	}
	for name, statement := range more {
		tests[name] = statement
	}
	for name, statement := range tests {
		write(t, s, func(ctx context.Context, tx entity.Tx) error { return store.ExecText(ctx, tx, statement) })
		want := 1
		if !strings.Contains(statement, "pe_1") {
			want = 250
		}
		report, problems := run(false)
		if report.Wrong != want || report.Problems() != want || !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, "persona pe_1 ") }) {
			t.Errorf("%s: Check = %+v: %.300v", name, report, problems)
		}
		if report, _ := run(true); report.Wrong != want || report.Repaired != want || report.Problems() != 0 {
			t.Errorf("%s: the repair is %+v", name, report)
		}
		if report, problems := run(false); report.Problems() != 0 {
			t.Errorf("%s: after the repair %+v: %.300v", name, report, problems)
		}
	}
	page, err := s.List(t.Context(), entity.Query{Workspace: "wa_1", Sets: []entity.Set{{Kind: "persona", Facet: &entity.Facet{Field: "type", Value: "A"}}}, Words: []string{"pe"}, Order: entity.OrderRank, Limit: 1})
	if err != nil || page.Total != 250 {
		t.Errorf("search finds %+v, %v", page, err)
	}
}

// TestCheckDamagedIndex damages the index of words itself, and rebuilds it.
func TestCheckDamagedIndex(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"blocks":             "update words_data set block = x'00ff00ff' where id > 100",
		"words of no entity": "insert into words (rowid, terms, names, titles, rest) values (99999, 'x', 'x', 'x', 'x')",
		"no index":           "delete from words_data where id > 100",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := made(t)
			s := open(t, path, store.Options{})
			for i := range 30 {
				insert(t, s, simple(fmt.Sprintf("pe_%d", i)))
			}
			check(t, s.Close())
			execute(t, plain(t, path), statement)
			s = open(t, path, store.Options{})
			report, err := s.Check(t.Context(), store.CheckOptions{Derive: derive})
			if err != nil || report.Other == 0 {
				t.Errorf("Check = %+v, %v", report, err)
			}
			if report, err := s.Check(t.Context(), store.CheckOptions{Derive: derive, Repair: true}); err != nil || report.Problems() != 0 {
				t.Errorf("the repair is %+v, %v", report, err)
			}
			wantThere(t, s, nil, nil)
			if n := count(t, s); n != 30 {
				t.Errorf("there are %d personas", n)
			}
		})
	}
}

// TestCheckWhile checks a database that others write meanwhile.
func TestCheckWhile(t *testing.T) {
	t.Parallel()
	s := open(t, made(t), store.Options{})
	var group sync.WaitGroup
	group.Go(func() {
		for i := range 100 {
			insert(t, s, simple(fmt.Sprintf("pe_%d", i)))
			write(t, s, func(ctx context.Context, tx entity.Tx) error {
				return tx.Replace(ctx, simple(fmt.Sprintf("pe_%d", i/2), func(s *entity.Stored) { s.Name = "changed" }), nil)
			})
		}
	})
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
		}
		report, err := s.Check(t.Context(), store.CheckOptions{Derive: derive, Report: func(problem string) { t.Error(problem) }})
		if err != nil || report.Problems() > 0 {
			t.Fatalf("Check = %+v, %v", report, err)
		}
	}
}
