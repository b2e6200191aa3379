package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

func (s suite) testTxReadsItsWrites(t *testing.T) {
	l := s.library(t)
	l.Insert(t, l.Persona("pe_1", "before"))
	l.insertKeys(t, l.key("ak_1", l.Workspace))
	search := func(r entity.Reader, word string) []string {
		page, err := r.List(t.Context(), entity.Query{Workspace: l.Workspace.OID, Words: []string{word}, Order: entity.OrderRank, Limit: 10})
		if err != nil {
			t.Errorf("List: %v", err)
			return nil
		}
		return ids(page.Rows)
	}
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		organization := account.Organization{OID: "og_2", Name: "Two", Slug: "two", CreatedAt: Day.Add(time.Hour)}
		workspace := account.Workspace{OID: "wa_3", OrganizationOID: "og_2", Name: "Three", CreatedAt: Day.Add(time.Hour)}
		user := account.User{OID: "u_3", OrganizationOID: "og_2", FirstName: "Three", Role: account.RoleMember, CreatedAt: Day.Add(time.Hour)}
		key := l.key("ak_2", workspace)
		key.UserOID = user.OID
		replaced, added := l.Persona("pe_1", "replaced"), l.Persona("pe_2", "added")
		if err := errors.Join(
			tx.InsertOrganization(ctx, &organization), tx.InsertWorkspace(ctx, &workspace), tx.InsertUser(ctx, &user), tx.InsertAPIKey(ctx, key),
			tx.Replace(ctx, replaced, nil), tx.Insert(ctx, added, l.Change(entity.ActionCreated, Day)),
			tx.RevokeAPIKey(ctx, l.Workspace.OID, "ak_1", Day), tx.TouchAPIKeys(ctx, map[string]time.Time{"ak_2": Day}),
		); err != nil {
			return err
		}
		key.LastUsedAt = new(Day)
		same(t, "Organizations", 2, len(must[[]account.Organization](t)(tx.Organizations(ctx))))
		same(t, "Workspaces", 3, len(must[[]account.Workspace](t)(tx.Workspaces(ctx))))
		same(t, "Users", 3, len(must[[]account.User](t)(tx.Users(ctx))))
		same(t, "Principal", &account.Principal{Key: *key, User: user, Workspace: workspace, Organization: organization}, must[*account.Principal](t)(tx.Principal(ctx, "ak_2")))
		same(t, "Row", &replaced.Row, must[*entity.Row](t)(tx.Row(ctx, replaced.Ref, nil)))
		same(t, "All", []*entity.Row{&replaced.Row, &added.Row}, everything(t, tx, l.Workspace.OID, "persona"))
		same(t, "Count", 2, must[int](t)(tx.Count(ctx, l.Workspace.OID, "persona")))
		same(t, "search for what was added", []string{"pe_2"}, search(tx, "added"))
		same(t, "search for what was replaced", []string(nil), search(tx, "before"))
		_, err := tx.Row(ctx, l.Persona("pe_3", "x").Ref, nil)
		wantKind(t, "Row that is not there", err, errs.NotFound)
		wantKind(t, "Replace of what is not there", tx.Replace(ctx, l.Persona("pe_3", "x"), nil), errs.NotFound)
		wantKind(t, "Insert of what is there", tx.Insert(ctx, added, l.Change(entity.ActionCreated, Day)), errs.Conflict)
		// An error that was answered spoils nothing.
		return tx.Insert(ctx, l.Persona("pe_3", "after"), l.Change(entity.ActionCreated, Day))
	})
	same(t, "afterwards", []string{"replaced", "added", "after"}, names(everything(t, l, l.Workspace.OID, "persona")))
	same(t, "search afterwards", []string{"pe_3"}, search(l, "after"))
	// A transaction that has searched, and is undone, takes no words of others along.
	errUndo := errors.New("undo")
	err := l.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error {
		err := tx.Insert(ctx, l.Persona("pe_4", "undone"), l.Change(entity.ActionCreated, Day))
		search(tx, "undone")
		return errors.Join(err, errUndo)
	})
	if !errors.Is(err, errUndo) {
		t.Errorf("Write = %v", err)
	}
	same(t, "search for what was undone", []string(nil), search(l, "undone"))
	same(t, "search for what was there", []string{"pe_3"}, search(l, "after"))
}

func (s suite) testTxIsUnseen(t *testing.T) {
	l := s.library(t)
	before := l.Persona("pe_1", "before")
	l.Insert(t, before)
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		if err := errors.Join(
			tx.Replace(ctx, l.Persona("pe_1", "replaced"), nil),
			tx.Insert(ctx, l.Persona("pe_2", "added"), l.Change(entity.ActionCreated, Day)),
			tx.InsertUser(ctx, &account.User{OID: "u_3", OrganizationOID: "og_1", Role: account.RoleMember, CreatedAt: Day}),
		); err != nil {
			return err
		}
		same(t, "All", []*entity.Row{&before.Row}, everything(t, l, l.Workspace.OID, "persona"))
		same(t, "Row", &before.Row, must[*entity.Row](t)(l.Row(ctx, before.Ref, nil)))
		same(t, "Users", 2, len(must[[]account.User](t)(l.Users(ctx))))
		return nil
	})
	same(t, "afterwards", []string{"replaced", "added"}, names(everything(t, l, l.Workspace.OID, "persona")))
	same(t, "users afterwards", 3, len(must[[]account.User](t)(l.Users(t.Context()))))
}

// doAll does one of everything.
func (l *Library) doAll(ctx context.Context, tx entity.Tx) error {
	return errors.Join(
		tx.InsertOrganization(ctx, &account.Organization{OID: "og_undone", Name: "x", Slug: "undone", CreatedAt: Day}),
		tx.InsertWorkspace(ctx, &account.Workspace{OID: "wa_undone", OrganizationOID: "og_1", Name: "undone", CreatedAt: Day}),
		tx.InsertUser(ctx, &account.User{OID: "u_undone", OrganizationOID: "og_1", Role: account.RoleMember, CreatedAt: Day}),
		tx.InsertAPIKey(ctx, l.key("ak_undone", l.Workspace)),
		tx.RevokeAPIKey(ctx, l.Workspace.OID, "ak_1", Day),
		tx.TouchAPIKeys(ctx, map[string]time.Time{"ak_1": Day}),
		tx.Replace(ctx, l.Persona("pe_1", "undone"), l.Change(entity.ActionUpdated, Day)),
		tx.Insert(ctx, l.Persona("pe_undone", "undone"), l.Change(entity.ActionCreated, Day)),
		tx.Insert(ctx, l.Persona("pe_other", "undone", func(s *entity.Stored) { s.Workspace = "wa_undone" }), l.Change(entity.ActionCreated, Day)),
		tx.PutIdempotency(ctx, &entity.Idempotency{Workspace: l.Workspace.OID, Key: "undone", At: Day}),
	)
}

// undone prepares the store for what try does, and checks that try leaves
// nothing behind, and a store that works.
func (l *Library) undone(t *testing.T, try func()) {
	t.Helper()
	before, key := l.Persona("pe_1", "before"), l.key("ak_1", l.Workspace)
	l.Insert(t, before)
	l.insertKeys(t, key)
	try()
	ctx := t.Context()
	same(t, "Organizations", []account.Organization{l.Organization}, must[[]account.Organization](t)(l.Organizations(ctx)))
	same(t, "Workspaces", []account.Workspace{l.Workspace, l.Other}, must[[]account.Workspace](t)(l.Workspaces(ctx)))
	same(t, "Users", []account.User{l.Owner, l.Member}, must[[]account.User](t)(l.Users(ctx)))
	same(t, "APIKeys", []account.APIKey{*key}, must[[]account.APIKey](t)(l.APIKeys(ctx, l.Workspace.OID)))
	same(t, "All", []*entity.Row{&before.Row}, everything(t, l, l.Workspace.OID, "persona"))
	same(t, "Revisions", 1, must[*entity.RevisionPage](t)(l.Revisions(ctx, entity.RevisionQuery{Workspace: l.Workspace.OID, Limit: 1})).Total)
	same(t, "search", 0, must[*entity.Page](t)(l.List(ctx, entity.Query{Workspace: l.Workspace.OID, Words: []string{"undone"}, Order: entity.OrderRank, Limit: 1})).Total)
	l.MustWrite(t, l.doAll)
	same(t, "Count after a write that is kept", 2, must[int](t)(l.Count(ctx, l.Workspace.OID, "persona")))
}

func (s suite) testWriteError(t *testing.T) {
	l := s.library(t)
	errUndo := errors.New("undo")
	l.undone(t, func() {
		err := l.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error { return errors.Join(l.doAll(ctx, tx), errUndo) })
		if !errors.Is(err, errUndo) {
			t.Errorf("Write = %v, want fn's error", err)
		}
		// A step that fails undoes those before it.
		err = l.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error {
			if err := l.doAll(ctx, tx); err != nil {
				return err
			}
			return tx.Insert(ctx, l.Persona("pe_1", "taken"), l.Change(entity.ActionCreated, Day))
		})
		wantKind(t, "Write", err, errs.Conflict)
	})
}

func (s suite) testWritePanic(t *testing.T) {
	l := s.library(t)
	l.undone(t, func() {
		for _, write := range []func(context.Context, func(context.Context, entity.Tx) error) error{l.Write, l.WriteLong} {
			err := write(t.Context(), func(ctx context.Context, tx entity.Tx) error {
				if err := l.doAll(ctx, tx); err != nil {
					t.Errorf("before the panic: %v", err)
				}
				panic("on purpose")
			})
			wantKind(t, "a write that panics", err, errs.Internal)
		}
	})
}

func (s suite) testWriteCancelled(t *testing.T) {
	l := s.library(t)
	ctx, cancel := context.WithCancel(t.Context())
	// A write that has begun is finished.
	err := l.Write(ctx, func(inner context.Context, tx entity.Tx) error {
		cancel()
		if inner.Err() != nil {
			t.Errorf("the context of the write ended: %v", inner.Err())
		}
		return errors.Join(
			tx.Insert(ctx, l.Persona("pe_1", "with the context of the caller"), l.Change(entity.ActionCreated, Day)),
			tx.Insert(inner, l.Persona("pe_2", "with its own"), l.Change(entity.ActionCreated, Day)),
		)
	})
	if err != nil {
		t.Errorf("Write: %v", err)
	}
	same(t, "Count", 2, must[int](t)(l.Count(t.Context(), l.Workspace.OID, "persona")))
	// One that has not begun is not run.
	for _, write := range []func(context.Context, func(context.Context, entity.Tx) error) error{l.Write, l.WriteLong} {
		err := write(ctx, func(context.Context, entity.Tx) error {
			t.Error("fn was called with a context that had ended before")
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Write with a context that has ended = %v, want %v", err, context.Canceled)
		}
	}
}

func (s suite) testWritesTakeTurns(t *testing.T) {
	l := s.library(t)
	const writers, rounds = 8, 8
	l.Insert(t, l.Persona("pe_1", "0"))
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range rounds {
				err := l.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error {
					row, err := tx.Row(ctx, l.Persona("pe_1", "").Ref, nil)
					if err != nil {
						return err
					}
					n, err := strconv.Atoi(row.Name)
					if err != nil {
						return err
					}
					return tx.Replace(ctx, l.Persona("pe_1", strconv.Itoa(n+1)), nil)
				})
				if err != nil {
					t.Errorf("Write: %v", err)
				}
			}
		})
	}
	group.Wait()
	got := must[*entity.Row](t)(l.Row(t.Context(), l.Persona("pe_1", "").Ref, nil)).Name
	if want := strconv.Itoa(writers * rounds); got != want {
		t.Errorf("after %s additions of one it is %s: one did not see another", want, got)
	}
}

func (s suite) testWriteLong(t *testing.T) {
	l := s.library(t)
	const many = 2500
	err := l.WriteLong(t.Context(), func(ctx context.Context, tx entity.Tx) error {
		for i := range many {
			if err := tx.Insert(ctx, l.Persona(fmt.Sprintf("pe_%d", i), "many"), l.Change(entity.ActionImported, Day)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("WriteLong: %v", err)
	}
	page := must[*entity.Page](t)(l.List(t.Context(), entity.Query{Workspace: l.Workspace.OID, Words: []string{"many"}, Order: entity.OrderRank, Limit: 3}))
	if page.Total != many || page.Rows[0].OID != fmt.Sprintf("pe_%d", many-1) {
		t.Errorf("%d are found, the first is %s", page.Total, page.Rows[0].OID)
	}
}

func (s suite) testReadCancelled(t *testing.T) {
	l := s.library(t)
	l.Insert(t, l.Persona("pe_1", "x"), l.Persona("pe_2", "x"))
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	for _, err := range l.All(ctx, l.Workspace.OID, "persona") {
		if n++; err == nil {
			cancel()
		}
	}
	cancel()
	for name, read := range map[string]func() error{
		"Row":   func() error { _, err := l.Row(ctx, l.Persona("pe_1", "").Ref, nil); return err },
		"List":  func() error { _, err := l.List(ctx, entity.Query{Workspace: l.Workspace.OID, Limit: 1}); return err },
		"Users": func() error { _, err := l.Users(ctx); return err },
	} {
		if err := read(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s = %v, want %v", name, err, context.Canceled)
		}
	}
	for range 20 { // more than there are connections
		if _, err := l.Row(t.Context(), l.Persona("pe_1", "").Ref, nil); err != nil {
			t.Errorf("Row afterwards: %v", err)
		}
	}
}

func (s suite) testAllIsOfOneMoment(t *testing.T) {
	l := s.library(t)
	const many = 450
	var entities []*entity.Stored
	for i := range many {
		entities = append(entities, l.Persona(fmt.Sprintf("pe_%d", i), "before"))
	}
	l.Insert(t, entities...)
	n := 0
	for row, err := range l.All(t.Context(), l.Workspace.OID, "persona") {
		if err != nil {
			t.Fatalf("All: %v", err)
		}
		if n == 0 {
			l.Replace(t, l.Persona(fmt.Sprintf("pe_%d", many-1), "after"))
			l.Insert(t, l.Persona("pe_new", "after"))
		}
		if n++; row.Name != "before" {
			t.Errorf("%s is %q", row.OID, row.Name)
		}
	}
	if n != many {
		t.Errorf("there were %d, want %d", n, many)
	}
}

// testReadsDuringWrites: readers see whole transactions, and are not stopped by
// them.
func (s suite) testReadsDuringWrites(t *testing.T) {
	l := s.library(t)
	l.Insert(t, l.Persona("pe_a", "0"), l.Persona("pe_b", "0"))
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				page, err := l.List(t.Context(), entity.Query{Workspace: l.Workspace.OID, Limit: 10})
				if err != nil || len(page.Rows) != 2 || page.Rows[0].Name != page.Rows[1].Name {
					t.Errorf("List = %v, %v", page, err)
					return
				}
			}
		})
	}
	for i := range 40 {
		l.Replace(t, l.Persona("pe_a", strconv.Itoa(i)), l.Persona("pe_b", strconv.Itoa(i)))
	}
	close(done)
	group.Wait()
}

func (s suite) testCompact(t *testing.T) {
	l := s.library(t)
	ctx := t.Context()
	for i := range 60 {
		l.Insert(t, l.Persona(fmt.Sprintf("pe_%d", i), fmt.Sprintf("name%d both", i)))
	}
	for i := range 40 {
		l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
			return tx.Purge(ctx, l.Persona(fmt.Sprintf("pe_%d", i), "").Ref)
		})
	}
	if err := l.Compact(ctx); err != nil {
		t.Fatalf("Compact: %v", err)
	}
	page := must[*entity.Page](t)(l.List(ctx, entity.Query{Workspace: l.Workspace.OID, Words: []string{"both"}, Order: entity.OrderRank, Limit: 50}))
	if page.Total != 20 || len(page.Rows) != 20 {
		t.Errorf("%d are found, and %d listed, want 20", page.Total, len(page.Rows))
	}
	l.Insert(t, l.Persona("pe_after", "after"))
}
