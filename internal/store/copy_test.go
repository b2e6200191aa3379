package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/store"
	"personae.dev/internal/store/postgrestest"
	"personae.dev/internal/store/storetest"
)

// rich fills a store with something of everything.
func rich(t *testing.T, s *store.Store, personas int) *storetest.Library {
	t.Helper()
	l := storetest.Fill(t, s)
	write(t, s, func(ctx context.Context, tx entity.Tx) error {
		for i := range personas {
			workspace := l.Workspace.OID
			if i%3 == 0 {
				workspace = l.Other.OID
			}
			p := simple(fmt.Sprintf("pe_%d", i), func(s *entity.Stored) {
				s.Workspace, s.Name = workspace, fmt.Sprintf("Náme %d \U0001f600", i%7)
				if i%5 == 0 {
					s.DeletedAt = new(storetest.Day)
				}
			})
			if err := add(ctx, tx, p); err != nil {
				return err
			}
			if i%4 == 0 {
				rev := &entity.Revision{RevisionOID: fmt.Sprintf("rv_%d", i), Action: entity.ActionUpdated, Author: p.Author, KeyOID: "ak_1", Source: entity.SourceCLI, At: storetest.Day, Fields: []string{"name"}}
				if err := tx.Replace(ctx, p, rev); err != nil {
					return err
				}
			}
		}
		row := simple("pe_1").Row
		return errors.Join(
			tx.InsertAPIKey(ctx, &account.APIKey{OID: "ak_1", WorkspaceOID: "wa_1", UserOID: "u_1", Scopes: account.Scopes{account.ScopeRead}, Digest: account.Digest{1, 31: 2}, CreatedAt: storetest.Day}),
			tx.PutPassword(ctx, &account.Password{UserOID: "u_1", Email: "ada@acme.example", Hash: "$argon2id$", ChangedAt: storetest.Day}),
			tx.PutMember(ctx, "wa_1", "u_2", account.Editor, storetest.Day),
			tx.InsertSession(ctx, &account.Session{OID: "se_1", UserOID: "u_1", WorkspaceOID: "wa_1", ExpiresAt: storetest.Day}), // is not copied
			tx.PutAgent(ctx, &entity.Agent{Workspace: "wa_1", OID: "ca_1", Type: "EMAIL", Name: "\U0001f600", Config: []byte(`{"a":"ä"}`), CreatedAt: storetest.Day, UpdatedAt: storetest.Day}),
			tx.AddModelCall(ctx, &entity.ModelCall{Workspace: "wa_1", At: storetest.Day, Purpose: "generate persona", Model: "m", InputTokens: 3, Repaired: true, Outcome: "ok"}),
			tx.AddUnmatched(ctx, "wa_1", []entity.UnmatchedTitle{{Title: "é", Count: 2, LastAt: storetest.Day}}),
			tx.PutIdempotency(ctx, &entity.Idempotency{Workspace: "wa_1", Key: "k", Digest: [32]byte{9}, At: storetest.Day, Rows: []*entity.Row{&row, &row}}),
			tx.PutIdempotency(ctx, &entity.Idempotency{Workspace: "wa_1", Key: "pending", At: storetest.Day, PendingUntil: new(storetest.Day)}),
		)
	})
	// Numbers of rows have gaps.
	write(t, s, func(ctx context.Context, tx entity.Tx) error {
		return tx.Purge(ctx, entity.Ref{Workspace: "wa_1", Kind: "persona", OID: "pe_2"})
	})
	return l
}

// TestPostgresCopy copies a library from SQLite to PostgreSQL, on to another
// PostgreSQL, and back to SQLite: all have the same, and find the same.
func TestPostgresCopy(t *testing.T) {
	t.Parallel()
	const personas = 450
	opts := store.CopyOptions{Derive: derive}
	stores := []*store.Store{
		storetest.Open(t),
		storetest.OpenDatabase(t, postgrestest.New(t), store.Options{Create: true}),
		storetest.OpenDatabase(t, postgrestest.New(t), store.Options{Create: true}),
		storetest.Open(t),
	}
	rich(t, stores[0], personas)
	var sums []store.CopiedTable
	for i, to := range stores[1:] {
		stage, last := store.Comparing, 0
		opts.Progress = func(s store.CopyStage, done, total int) {
			if s == stage && done < last || done > total {
				t.Errorf("%s: %d of %d are done, after %d", s, done, total, last)
			}
			stage, last = s, done
		}
		report, err := store.Copy(t.Context(), stores[i], to, opts)
		if err != nil {
			t.Fatalf("copy %d: %v", i, err)
		}
		if report.Before != 0 || report.Copied < 2*personas || stage != store.Verifying {
			t.Errorf("copy %d: %+v, at the end %s", i, report, stage)
		}
		if sums == nil {
			sums = report.Tables
		}
		if diff := cmp.Diff(sums, report.Tables); diff != "" {
			t.Errorf("copy %d (-first +now):\n%s", i, diff)
		}
		again, err := store.Copy(t.Context(), stores[i], to, store.CopyOptions{Derive: derive})
		if err != nil || again.Copied != 0 || again.Before != report.Copied {
			t.Errorf("a second copy: %+v, %v", again, err)
		}
		if report, err := to.Check(t.Context(), store.CheckOptions{Derive: derive, Report: func(problem string) { t.Error(problem) }}); err != nil || report.Problems() > 0 {
			t.Errorf("Check = %+v, %v", report, err)
		}
	}
	for _, s := range stores {
		page, err := s.List(t.Context(), entity.Query{Workspace: "wa_1", Words: []string{"name", "3"}, Order: entity.OrderRank, Limit: 3})
		if err != nil || page.Total == 0 || page.Rows[0].OID != stored(t, stores[0]) {
			t.Errorf("search: %+v, %v", page, err)
		}
		// What is added next does not collide with what was copied.
		insert(t, s, simple("pe_new"))
		revisions, err := s.Revisions(t.Context(), entity.RevisionQuery{Workspace: "wa_1", OIDs: []string{"pe_4"}, Limit: 5})
		if err != nil || revisions.Total != 2 || revisions.Revisions[0].Number != 2 || revisions.Revisions[0].KeyOID != "ak_1" {
			t.Errorf("revisions: %+v, %v", revisions, err)
		}
		record, err := s.Idempotency(t.Context(), "wa_1", "k")
		if err != nil || len(record.Rows) != 2 {
			t.Errorf("idempotency: %+v, %v", record, err)
		}
	}
}

// stored is what the search of TestPostgresCopy finds first.
func stored(t *testing.T, s *store.Store) string {
	t.Helper()
	page, err := s.List(t.Context(), entity.Query{Workspace: "wa_1", Words: []string{"name", "3"}, Order: entity.OrderRank, Limit: 1})
	check(t, err)
	return page.Rows[0].OID
}

// TestCopyGoesOn: a copy that was cut off goes on where it stopped.
func TestCopyGoesOn(t *testing.T) {
	t.Parallel()
	from, path := storetest.Open(t), filepath.Join(t.TempDir(), "copy.db")
	rich(t, from, 2500)
	ctx, cancel := context.WithCancel(t.Context())
	to := open(t, path, store.Options{Create: true})
	_, err := store.Copy(ctx, from, to, store.CopyOptions{Derive: derive, Progress: func(stage store.CopyStage, done, total int) {
		if stage == store.Copying && done > total/3 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("Copy = %v", err)
	}
	report, err := store.Copy(t.Context(), from, to, store.CopyOptions{Derive: derive})
	if err != nil || report.Before == 0 || report.Copied == 0 {
		t.Errorf("Copy = %+v, %v", report, err)
	}
	t.Logf("%d were there, %d came", report.Before, report.Copied)
	if report, err := to.Check(t.Context(), store.CheckOptions{Derive: derive}); err != nil || report.Problems() > 0 {
		t.Errorf("Check = %+v, %v", report, err)
	}
}

func TestCopyRefuses(t *testing.T) {
	t.Parallel()
	from := storetest.Open(t)
	rich(t, from, 20)
	for name, test := range map[string]struct {
		change func(t *testing.T, to *store.Store)
		words  string
	}{
		"another installation": {func(t *testing.T, to *store.Store) {
			t.Helper()
			write(t, to, func(ctx context.Context, tx entity.Tx) error {
				return tx.InsertOrganization(ctx, &account.Organization{OID: "og_0", Name: "x", Slug: "x", CreatedAt: storetest.Day})
			})
		}, "another installation"},
		"a change": {func(t *testing.T, to *store.Store) {
			t.Helper()
			_, err := store.Copy(t.Context(), from, to, store.CopyOptions{Derive: derive})
			check(t, err)
			write(t, to, func(ctx context.Context, tx entity.Tx) error {
				return tx.Replace(ctx, simple("pe_1", func(s *entity.Stored) { s.UpdatedAt = time.Now() }), nil)
			})
		}, "one of both was changed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := storetest.Open(t)
			test.change(t, to)
			_, err := store.Copy(t.Context(), from, to, store.CopyOptions{Derive: derive})
			wantError(t, err, errs.Conflict, test.words, "The target was left", "--to")
		})
	}
	t.Run("a change meanwhile", func(t *testing.T) {
		t.Parallel()
		from := storetest.Open(t)
		rich(t, from, 20)
		changed := false
		_, err := store.Copy(t.Context(), from, storetest.Open(t), store.CopyOptions{Derive: derive, Progress: func(stage store.CopyStage, _, _ int) {
			if stage == store.Verifying && !changed {
				changed = true
				insert(t, from, simple("pe_new"))
			}
		}})
		wantError(t, err, errs.Conflict, "changed meanwhile", "Stop the servers")
	})
}
