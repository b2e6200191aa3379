package library_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/entity"
	"personae.dev/internal/library"
)

// TestChangesRebuildTheLibrary shows that a reader of the feed, who reads again
// what was changed, ends with what an export has, though others write meanwhile.
func TestChangesRebuildTheLibrary(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	segment := f.kind(t, "segment")
	const writers, rounds = 8, 12
	var running atomic.Int64
	running.Store(writers)
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			defer running.Add(-1)
			k := []*entity.Kind{f.persona, segment}[writer%2]
			var last string
			for round := range rounds {
				var err error
				body := fmt.Sprintf(`{"name":"%d of %d"}`, round, writer)
				switch round % 4 {
				case 0, 1:
					var written *library.Written
					if written, err = f.Create(ctx, f.caller, k, library.Create{Patch: patch(t, k, body, entity.Mode{Create: true}), Body: []byte(body)}); err == nil {
						last = written.Entity.OID
					}
				case 2:
					_, err = f.Update(ctx, f.caller, k, library.Target{OID: last}, patch(t, k, body, entity.Mode{}))
				case 3:
					_, err = f.Delete(ctx, f.caller, k, library.Target{OID: last})
				}
				if err != nil {
					t.Errorf("writer %d, round %d: %v", writer, round, err)
				}
			}
		})
	}
	records := map[string]string{}
	seen := map[string]bool{}
	var after entity.Cursor
	for {
		ended := running.Load() == 0
		changes, err := f.Changes(ctx, f.caller, after, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range changes.Revisions {
			if seen[r.RevisionOID] {
				t.Errorf("revision %s comes twice", r.RevisionOID)
			}
			seen[r.RevisionOID] = true
			k := f.kind(t, r.Kind)
			e, err := f.Entity(ctx, f.caller, k, r.OID)
			if err != nil {
				t.Fatal(err)
			}
			records[r.OID] = string(k.AppendRecord(nil, e))
		}
		after = changes.Next
		if ended && !changes.HasNext {
			break
		}
	}
	group.Wait()
	if len(seen) != writers*rounds {
		t.Errorf("%d changes, want %d", len(seen), writers*rounds)
	}
	exported := map[string]string{}
	for line := range strings.Lines(f.export(t, f.workspace)) {
		_, rest, _ := strings.Cut(line, `"oId":"`)
		oID, _, _ := strings.Cut(rest, `"`)
		exported[oID] = strings.TrimSuffix(line, "\n")
	}
	if diff := cmp.Diff(exported, records); diff != "" {
		t.Errorf("the export and what the reader has differ (-export +reader):\n%s", diff)
	}
	if changes, err := f.Changes(ctx, f.callerOf(t, f.other, f.member), entity.Cursor{}, 10); err != nil || len(changes.Revisions) != 0 {
		t.Errorf("another workspace has %+v, %v", changes, err)
	}
	_, err := f.Changes(ctx, f.caller, after, library.MaxChanges+1)
	wantFields(t, "the limit", err, "limit")
}
