package library_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/library"
	"personae.dev/internal/match"
)

// TestRun shows what is done from time to time.
func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		l, err := library.New(library.Config{Store: f.store, Registry: f.Registry(), CountUnmatched: true}) // whose time passes
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		for _, name := range []string{"deleted", "kept"} {
			body := patch(t, f.persona, `{"name":"`+name+`"}`, entity.Mode{Create: true})
			written, err := l.Create(ctx, f.caller, f.persona, library.Create{Patch: body, IdempotencyKey: name})
			if err != nil {
				t.Fatal(err)
			}
			if name == "deleted" {
				if _, err := l.Delete(ctx, f.caller, f.persona, library.Target{OID: written.Entity.OID}); err != nil {
					t.Fatal(err)
				}
			}
		}
		var purged atomic.Int32
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			l.Run(ctx, library.Background{
				RetainDeleted: 25 * time.Hour,
				Purged:        func(entity.DeletedEntity) { purged.Add(1) },
				Failed:        func(err error) { t.Error(err) },
			})
		}()
		use := func() time.Time {
			t.Helper()
			if _, err := l.Authenticate(t.Context(), f.setUp.Token); err != nil {
				t.Fatal(err)
			}
			return account.Now()
		}
		lastUsed := func() *time.Time {
			t.Helper()
			p, err := f.store.Principal(t.Context(), f.caller.Key.OID)
			if err != nil {
				t.Fatal(err)
			}
			return p.Key.LastUsedAt
		}
		used := use()
		elapse(time.Minute - time.Second)
		if at := lastUsed(); at != nil {
			t.Errorf("the last use was written at once, as %s", at)
		}
		elapse(2 * time.Second)
		if at := lastUsed(); at == nil || !at.Equal(used) {
			t.Errorf("the last use is %v, want %s", at, used)
		}
		remembered := func() bool {
			_, err := f.store.Idempotency(t.Context(), f.workspace.OID, "kept")
			return err == nil
		}
		elapse(23 * time.Hour)
		if !remembered() || purged.Load() != 0 {
			t.Errorf("after 23 hours: an idempotency key is remembered: %t, and %d were purged", remembered(), purged.Load())
		}
		elapse(4 * time.Hour)
		if remembered() || purged.Load() != 1 {
			t.Errorf("after 27 hours: an idempotency key is remembered: %t, and %d were purged", remembered(), purged.Load())
		}
		used = use()
		if _, err := l.Match(t.Context(), f.caller, library.MatchRequest{Titles: []string{"Keeper of Bees"}, Limit: 1, MinScore: match.Auto}); err != nil {
			t.Fatal(err)
		}
		cancel()
		<-ended
		if at := lastUsed(); at == nil || !at.Equal(used) {
			t.Errorf("at the end the last use is %v, want %s", at, used)
		}
		if n, err := f.store.CountUnmatched(t.Context(), f.workspace.OID); err != nil || n != 1 {
			t.Errorf("at the end %d unmatched titles are written down, %v", n, err)
		}
	})
}

// TestRunReshapes shows that rows of a lower shape are answered in the present
// one, and rewritten without a revision, also where one before them is damaged.
func TestRunReshapes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		lower := f.kind(t, "test-sample")
		damaged := *f.createOf(t, lower, `{"name":"damaged"}`).Entity
		written := f.createOf(t, lower, `{"name":"x","summary":"s"}`)
		oID := written.Entity.OID

		higher := registry()
		k, err := higher.Kind("test-sample")
		if err != nil {
			t.Fatal(err)
		}
		stored := lower.Store(f.workspace.OID, &damaged)
		stored.Tag[0]++
		if err := f.store.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error { return tx.Replace(ctx, stored, nil) }); err != nil {
			t.Fatal(err)
		}
		k.Shape++
		k.Field("summary").DataName = "gist"
		l, err := library.New(library.Config{Store: f.store, Registry: higher, CacheBytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		before, err := l.Get(t.Context(), f.caller, k, oID, library.GetOptions{})
		if err != nil || before.ETag == written.ETag {
			t.Fatalf("Get: %s, %v", before.Body, err)
		}
		page, err := l.List(t.Context(), f.caller, k, library.ListRequest{OIDs: []string{oID}, Limit: 1})
		if err != nil || string(page.Documents[0]) != string(before.Body) {
			t.Errorf("List: %s, %v; want %s", page.Documents, err, before.Body)
		}
		page.Close()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			l.Run(ctx, library.Background{Failed: func(err error) { t.Error(err) }})
		}()
		elapse(time.Second)
		cancel()
		<-ended
		row, err := f.store.Row(t.Context(), entity.Ref{Workspace: f.workspace.OID, Kind: k.Name, OID: oID}, nil)
		if err != nil || row.Shape != k.Shape {
			t.Fatalf("the row is %+v, %v", row, err)
		}
		after, err := l.Get(t.Context(), f.caller, k, oID, library.GetOptions{Fresh: true})
		if err != nil || after.ETag != before.ETag || string(after.Body) != string(before.Body) {
			t.Errorf("Get: %s, %v; want %s", after.Body, err, before.Body)
		}
		if _, err := l.Update(t.Context(), f.caller, k, library.Target{OID: oID, IfMatch: before.ETag}, patch(t, k, `{"gist":"t"}`, entity.Mode{})); err != nil {
			t.Errorf("Update: %v", err)
		}
		revisions := f.revisions(t, oID)
		if len(revisions) != 2 {
			t.Errorf("there are %d revisions", len(revisions))
		}
		detail, err := l.Revision(t.Context(), f.caller, revisions[0].RevisionOID)
		if err != nil || detail.Before.Text("summary") != "s" || detail.After.Text("summary") != "t" {
			t.Errorf("Revision = %+v, %v", detail, err)
		}
	})
}

// stuck is a store of one key, which cannot be written.
type stuck struct {
	entity.Store
	digest account.Digest
}

func (s stuck) Write(ctx context.Context, _ func(context.Context, entity.Tx) error) error {
	<-ctx.Done()
	return ctx.Err()
}

func (s stuck) Outdated(context.Context, string, int, int64, int) ([]entity.OutdatedEntity, error) {
	return nil, nil
}

func (s stuck) Principal(_ context.Context, keyOID string) (*account.Principal, error) {
	return &account.Principal{Key: account.APIKey{OID: keyOID, Digest: s.digest}}, nil
}

// TestRunTellsOfLastUses shows that what could not be written at the end is told,
// once, and not that the end broke off what was being written.
func TestRunTellsOfLastUses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		token, digest := account.NewToken()
		l, err := library.New(library.Config{Store: stuck{digest: digest}, Registry: registry()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Authenticate(t.Context(), token.Reveal()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var failed []error
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			l.Run(ctx, library.Background{Failed: func(err error) { failed = append(failed, err) }})
		}()
		elapse(time.Minute + time.Second)
		cancel()
		<-ended
		if len(failed) != 1 || !errors.Is(failed[0], context.DeadlineExceeded) {
			t.Errorf("told of %v, want once, when there was no more time", failed)
		}
	})
}
