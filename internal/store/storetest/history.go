package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

func (s suite) testRevisions(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	first := l.Persona("pe_1", "before")
	created := &entity.Revision{RevisionOID: "rv_a", Action: entity.ActionCreated, Author: l.Owner.Author(), Source: entity.SourceImport, At: Day}
	second := l.Persona("pe_1", "after", func(s *entity.Stored) { s.Shape, s.ArchivedAt, s.Hidden = 3, new(Day), []byte(`{"x":1}`) })
	updated := &entity.Revision{
		RevisionOID: "rv_b", Action: entity.ActionUpdated, Author: l.Member.Author(), KeyOID: "ak_1", Source: entity.SourceMCP, At: Day.Add(time.Hour), Fields: []string{"name", `"odd"`},
		Origins: []entity.Origin{{Type: "URL", Value: "https://example.com/\U0001f600"}, {Type: "TEXT", Value: "a\nb"}},
	}
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		return errors.Join(tx.Insert(ctx, first, created), tx.Replace(ctx, second, updated))
	})
	filled := func(rev entity.Revision, s *entity.Stored, number int, document bool) *entity.Revision {
		rev.Ref, rev.Name, rev.Number, rev.Shape, rev.ArchivedAt, rev.DeletedAt = s.Ref, "after", number, s.Shape, s.ArchivedAt, s.DeletedAt
		if document {
			rev.Document, rev.Hidden = s.Document, s.Hidden
		} else {
			rev.Origins = nil
		}
		return &rev
	}
	page := must[*entity.RevisionPage](t)(l.Revisions(ctx, entity.RevisionQuery{Workspace: l.Workspace.OID, Limit: 10}))
	same(t, "Revisions", &entity.RevisionPage{Total: 2, Revisions: []*entity.Revision{filled(*updated, second, 2, false), filled(*created, first, 1, false)}}, page)
	rev, before, err := l.Revision(ctx, l.Workspace.OID, "rv_b")
	if err != nil {
		t.Fatalf("Revision: %v", err)
	}
	same(t, "Revision", filled(*updated, second, 2, true), rev)
	same(t, "the revision before", filled(*created, first, 1, true), before)
	rev, before, err = l.Revision(ctx, l.Workspace.OID, "rv_a")
	if err != nil || before != nil {
		t.Fatalf("Revision = %v, %v; want none before the first", before, err)
	}
	same(t, "the first revision", filled(*created, first, 1, true), rev)
	_, _, err = l.Revision(ctx, l.Workspace.OID, "rv_c")
	wantKind(t, "a revision that is not there", err, errs.NotFound)
	if code := errs.CodeOf(err); code != errs.CodeRevisionNotFound {
		t.Errorf("the code is %s", code)
	}
}

func (s suite) testRevisionsFilter(t *testing.T) {
	l := s.library(t)
	at := func(hours int) time.Time { return Day.Add(time.Duration(hours) * time.Hour) }
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		product := l.Persona("px_1", "product", func(s *entity.Stored) { s.Kind = "product" })
		rev := func(oID string, action entity.Action, hours int, edit func(*entity.Revision)) *entity.Revision {
			r := &entity.Revision{RevisionOID: oID, Action: action, Author: l.Owner.Author(), KeyOID: "ak_1", Source: entity.SourceAPI, At: at(hours)}
			if edit != nil {
				edit(r)
			}
			return r
		}
		return errors.Join(
			tx.Insert(ctx, l.Persona("pe_1", "one"), rev("1", entity.ActionCreated, 1, nil)),
			tx.Insert(ctx, product, rev("2", entity.ActionCreated, 2, func(r *entity.Revision) { r.Author = l.Member.Author() })),
			tx.Insert(ctx, l.Persona("pe_2", "two"), rev("3", entity.ActionImported, 3, func(r *entity.Revision) { r.KeyOID = "" })),
			tx.Replace(ctx, l.Persona("pe_1", "one"), rev("4", entity.ActionRestored, 4, nil)),
			tx.Replace(ctx, l.Persona("pe_1", "one"), rev("5", entity.ActionReverted, 5, nil)),
			tx.Replace(ctx, product, rev("6", entity.ActionDeleted, 6, nil)),
		)
	})
	for name, test := range map[string]struct {
		query entity.RevisionQuery
		want  []string
		total int
	}{
		"usual":      {entity.RevisionQuery{}, []string{"6", "3", "2", "1"}, 4},
		"restored":   {entity.RevisionQuery{Restored: true}, []string{"6", "5", "4", "3", "2", "1"}, 6},
		"of a kind":  {entity.RevisionQuery{Kinds: []string{"product", "segment"}}, []string{"6", "2"}, 2},
		"of ids":     {entity.RevisionQuery{OIDs: []string{"pe_1", "pe_2", "pe_9"}, Restored: true}, []string{"5", "4", "3", "1"}, 4},
		"by author":  {entity.RevisionQuery{AuthorOID: "u_2"}, []string{"2"}, 1},
		"by key":     {entity.RevisionQuery{KeyOID: "ak_1"}, []string{"6", "2", "1"}, 3},
		"from":       {entity.RevisionQuery{From: new(at(3))}, []string{"6", "3"}, 2},
		"to":         {entity.RevisionQuery{To: new(at(3))}, []string{"3", "2", "1"}, 3},
		"page":       {entity.RevisionQuery{Limit: 2, Offset: 1}, []string{"3", "2"}, 4},
		"beyond all": {entity.RevisionQuery{Offset: 9}, nil, 4},
		"all of it":  {entity.RevisionQuery{Kinds: []string{"persona"}, OIDs: []string{"pe_1"}, AuthorOID: "u_1", KeyOID: "ak_1", From: new(at(0)), To: new(at(9))}, []string{"1"}, 1},
	} {
		test.query.Workspace = l.Workspace.OID
		if test.query.Limit == 0 {
			test.query.Limit = 10
		}
		page := must[*entity.RevisionPage](t)(l.Revisions(t.Context(), test.query))
		var got []string
		for _, r := range page.Revisions {
			got = append(got, r.RevisionOID)
		}
		same(t, name, test.want, got)
		same(t, name+", total", test.total, page.Total)
	}
}

func (s suite) testChanges(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	var want []string
	for i := range 7 {
		rev := l.Change(entity.ActionCreated, Day)
		want = append(want, rev.RevisionOID)
		l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
			return tx.Insert(ctx, l.Persona(fmt.Sprintf("pe_%d", i), "x"), rev)
		})
	}
	l.Insert(t, l.Persona("pe_x", "x", func(s *entity.Stored) { s.Workspace = l.Other.OID }))
	var got []string
	var cursor entity.Cursor
	for {
		some, next, err := l.Changes(ctx, l.Workspace.OID, cursor, 3)
		if err != nil {
			t.Fatalf("Changes: %v", err)
		}
		if len(some) == 0 {
			if next != cursor {
				t.Errorf("the place after nothing is %v, want %v", next, cursor)
			}
			if len(got) < len(want) && ctx.Err() == nil {
				continue // another transaction on the server is under way
			}
			break
		}
		for _, r := range some {
			got = append(got, r.RevisionOID)
		}
		cursor = next
	}
	same(t, "Changes", want, got)
	rev := l.Change(entity.ActionUpdated, Day)
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error { return tx.Replace(ctx, l.Persona("pe_0", "y"), rev) })
	var some []*entity.Revision
	var err error
	for len(some) == 0 && err == nil {
		some, _, err = l.Changes(ctx, l.Workspace.OID, cursor, 3)
	}
	if err != nil || len(some) != 1 || some[0].RevisionOID != rev.RevisionOID {
		t.Errorf("Changes after another one = %v, %v", some, err)
	}
}

// testChangesWhile reads the feed while others write: nothing is missed, and
// nothing comes twice.
func (s suite) testChangesWhile(t *testing.T) {
	l := s.library(t)
	const writers, rounds = 8, 15
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range rounds {
				oID := fmt.Sprintf("pe_%d_%d", w, i)
				err := l.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error {
					for _, part := range []string{"a", "b"} {
						rev := &entity.Revision{RevisionOID: "rv" + oID + part, Action: entity.ActionCreated, Author: l.Owner.Author(), Source: entity.SourceAPI, At: Day}
						if err := tx.Insert(ctx, l.Persona(oID+part, "x"), rev); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Errorf("Write: %v", err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		group.Wait()
	}()
	seen := map[string]int{}
	var cursor entity.Cursor
	for ended := false; ; {
		some, next, err := l.Changes(t.Context(), l.Workspace.OID, cursor, 7)
		if err != nil {
			t.Fatalf("Changes: %v", err)
		}
		for _, r := range some {
			seen[r.RevisionOID]++
		}
		cursor = next
		if len(some) > 0 {
			continue
		}
		if ended && len(seen) == 2*writers*rounds {
			break
		}
		select {
		case <-done:
			ended = true // once more: what was committed last is there now, or soon
		default:
		}
		if t.Context().Err() != nil {
			t.Fatalf("only %d changes came", len(seen))
		}
	}
	for oID, times := range seen {
		if times != 1 {
			t.Errorf("%s came %d times", oID, times)
		}
	}
}

func (s suite) testIdempotency(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	workspace := l.Workspace.OID
	one, two := l.Persona("pe_1", "one"), l.Persona("px_1", "two", func(s *entity.Stored) { s.Kind = "product" })
	l.Insert(t, one, two)
	get := func(key string) (*entity.Idempotency, error) { return l.Idempotency(ctx, workspace, key) }
	put := func(records ...*entity.Idempotency) {
		l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
			for _, r := range records {
				if err := tx.PutIdempotency(ctx, r); err != nil {
					return err
				}
			}
			return nil
		})
	}
	pending := &entity.Idempotency{Workspace: workspace, Key: "k1", Digest: [32]byte{1, 31: 2}, At: Day, PendingUntil: new(Day.Add(time.Minute))}
	put(pending)
	same(t, "a pending record", pending, must[*entity.Idempotency](t)(get("k1")))
	done := &entity.Idempotency{Workspace: workspace, Key: "k1", Digest: [32]byte{3}, At: Day.Add(time.Second), Rows: []*entity.Row{&two.Row, &one.Row}}
	put(done, &entity.Idempotency{Workspace: workspace, Key: "k2", At: Day.Add(time.Hour), Rows: []*entity.Row{&one.Row}},
		&entity.Idempotency{Workspace: workspace, Key: "k3", At: Day.Add(time.Hour)}, &entity.Idempotency{Workspace: l.Other.OID, Key: "k4", At: Day})
	same(t, "a record", done, must[*entity.Idempotency](t)(get("k1")))
	for _, key := range []string{"k4", "none"} {
		_, err := get(key)
		wantKind(t, key, err, errs.NotFound)
	}
	// What was answered stays, whatever becomes of the entity; purging it removes
	// the record.
	l.Replace(t, l.Persona("pe_1", "changed"))
	same(t, "a record after a change", done, must[*entity.Idempotency](t)(get("k1")))
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error { return tx.Purge(ctx, one.Ref) })
	for _, key := range []string{"k1", "k2"} {
		_, err := get(key)
		wantKind(t, key+" after the purge", err, errs.NotFound)
	}
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		n, err := tx.PurgeIdempotency(ctx, Day.Add(time.Minute))
		if n != 1 {
			t.Errorf("%d records were removed, want that of the other workspace", n)
		}
		return errors.Join(err, tx.DropIdempotency(ctx, workspace, "k3"), tx.DropIdempotency(ctx, workspace, "none"))
	})
	_, err := get("k3")
	wantKind(t, "k3 after it was dropped", err, errs.NotFound)
}

func (s suite) testPurge(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	gone := l.Persona("pe_1", "gone", func(s *entity.Stored) { s.Links = []entity.Link{{Field: "offering", Target: "px_1"}} })
	kept := l.Persona("pe_2", "kept", func(s *entity.Stored) { s.Links = []entity.Link{{Field: "personaOIds", Target: "pe_1"}} })
	l.Insert(t, gone, kept)
	l.Replace(t, gone, kept)
	purge := func() error {
		return l.Write(ctx, func(ctx context.Context, tx entity.Tx) error { return tx.Purge(ctx, gone.Ref) })
	}
	if err := purge(); err != nil {
		t.Fatalf("Purge: %v", err)
	}
	wantKind(t, "a second purge", purge(), errs.NotFound)
	_, err := l.Row(ctx, gone.Ref, nil)
	wantKind(t, "Row", err, errs.NotFound)
	page := must[*entity.RevisionPage](t)(l.Revisions(ctx, entity.RevisionQuery{Workspace: l.Workspace.OID, Limit: 10}))
	if page.Total != 2 || page.Revisions[0].OID != "pe_2" || page.Revisions[1].OID != "pe_2" {
		t.Errorf("revisions are %v", page)
	}
	l.wantLinking(t, "px_1", 10, 0)
	// What links to it stays as it is.
	l.wantLinking(t, "pe_1", 10, 1, entity.Named{Kind: "persona", OID: "pe_2", Name: "kept", Field: "personaOIds"})
	same(t, "Links", kept.Links, must[[]entity.Link](t)(l.Links(ctx, kept.Ref)))
	// The id is free again, and starts anew.
	l.Insert(t, gone)
	page = must[*entity.RevisionPage](t)(l.Revisions(ctx, entity.RevisionQuery{Workspace: l.Workspace.OID, OIDs: []string{"pe_1"}, Limit: 10}))
	if page.Total != 1 || page.Revisions[0].Number != 1 {
		t.Errorf("revisions are %v", page)
	}
}

func (s suite) testDeleted(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	deleted := func(oID, workspace string, hours int) *entity.Stored {
		return l.Persona(oID, "n"+oID, func(s *entity.Stored) {
			s.Workspace, s.DeletedAt = workspace, new(Day.Add(time.Duration(hours)*time.Hour))
		})
	}
	l.Insert(t, l.Persona("pe_0", "active"), deleted("pe_1", l.Workspace.OID, 3), deleted("pe_2", l.Other.OID, 1), deleted("pe_3", l.Workspace.OID, 2), deleted("pe_4", l.Workspace.OID, 9))
	before := Day.Add(4 * time.Hour)
	named := func(s *entity.Stored) entity.DeletedEntity {
		return entity.DeletedEntity{Ref: s.Ref, Name: s.Name, DeletedAt: *s.DeletedAt}
	}
	want := []entity.DeletedEntity{named(deleted("pe_2", l.Other.OID, 1)), named(deleted("pe_3", l.Workspace.OID, 2)), named(deleted("pe_1", l.Workspace.OID, 3))}
	same(t, "Deleted", want, must[[]entity.DeletedEntity](t)(l.Deleted(ctx, before, 10)))
	same(t, "the oldest", want[:2], must[[]entity.DeletedEntity](t)(l.Deleted(ctx, before, 2)))
	same(t, "CountDeleted", 3, must[int](t)(l.CountDeleted(ctx, before)))
}
