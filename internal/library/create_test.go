package library_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
)

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	f := setup(t)
	createAs := func(c library.Caller, key, body string, mode entity.Mode) (*library.Written, error) {
		mode.Create = true
		p, form := f.persona.Decode([]byte(body), mode)
		return f.Create(t.Context(), c, f.persona, library.Create{Patch: p, Errors: form, Body: []byte(body), IdempotencyKey: key})
	}
	create := func(key, body string) (*library.Written, error) { return createAs(f.caller, key, body, entity.Mode{}) }
	const body = `{"name":"x","description":""}`
	first, err := create("k", body)
	if err != nil || first.Replayed {
		t.Fatalf("Create: %v", err)
	}
	began := f.now
	f.update(t, first.Entity.OID, `{"name":"renamed since"}`)
	for _, passed := range []time.Duration{0, time.Millisecond, library.IdempotencyLasts} {
		f.now = began.Add(passed)
		again, err := create("k", body)
		if err != nil || !again.Replayed || diff(first.Entity, again.Entity) != "" || !bytes.Equal(again.Body, first.Body) || again.ETag != first.ETag {
			t.Errorf("after %s: %+v, %v; want the first answer", passed, again, err)
		}
		_, err = create("k", `{"name":"x" }`)
		wantCode(t, "another body", err, errs.Conflict, errs.CodeKeyReused)
		_, err = createAs(f.caller, "k", body, entity.Mode{N8n: true})
		wantCode(t, "the same body with other fields in it", err, errs.Conflict, errs.CodeKeyReused)
	}
	if n := strings.Count(f.export(t, f.workspace), "\n"); n != 1 {
		t.Errorf("%d personas were made", n)
	}
	if _, err := create("K", body); err != nil {
		t.Errorf("another key: %v", err)
	}
	// What was refused is not remembered.
	if _, err := create("refused", `{"name":""}`); errs.KindOf(err) != errs.Invalid {
		t.Errorf("Create without a name: %v", err)
	}
	if written, err := create("refused", body); err != nil || written.Replayed {
		t.Errorf("the key of a refused create: %v", err)
	}
	f.now = began.Add(library.IdempotencyLasts + time.Millisecond)
	second, err := create("k", `{"name":"another"}`)
	if err != nil || second.Replayed || second.Entity.OID == first.Entity.OID {
		t.Errorf("after more than %s: %v", library.IdempotencyLasts, err)
	}
	// Keys are of one workspace.
	written, err := createAs(f.callerOf(t, f.other, f.member), "k", body, entity.Mode{})
	if err != nil || written.Replayed {
		t.Errorf("the same key in another workspace: %v", err)
	}
	for _, key := range []string{strings.Repeat("é", library.MaxIdempotencyKey+1), "nul\x00", "\xff"} {
		_, err := create(key, body)
		if domain := wantCode(t, "a bad key", err, errs.Invalid, errs.CodeInvalidRequest); domain.Fields[0].Path != "Idempotency-Key" {
			t.Errorf("errors %v", domain.Fields)
		}
	}
	if _, err := create(strings.Repeat("é", library.MaxIdempotencyKey), body); err != nil {
		t.Errorf("the longest key: %v", err)
	}
	t.Run("goes with its entity", func(t *testing.T) {
		if _, err := f.Delete(t.Context(), f.caller, f.persona, library.Target{OID: second.Entity.OID}); err != nil {
			t.Fatal(err)
		}
		if err := f.Purge(t.Context(), f.now.Add(time.Hour), func(entity.DeletedEntity) {}); err != nil {
			t.Fatal(err)
		}
		written, err := create("k", `{"name":"another"}`)
		if err != nil || written.Replayed {
			t.Errorf("after its entity was purged: %+v, %v", written, err)
		}
	})
}

// TestIdempotencyKeyAtOnce shows that of many creates with one key at the same
// time one makes an entity, and the others are told of it.
func TestIdempotencyKeyAtOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	p := patch(t, f.persona, `{"name":"x"}`, entity.Mode{Create: true})
	var group sync.WaitGroup
	oIDs := make([]string, 8)
	for i := range oIDs {
		group.Go(func() {
			written, err := f.Create(t.Context(), f.caller, f.persona, library.Create{Patch: p, IdempotencyKey: "k"})
			if err != nil {
				t.Errorf("Create: %v", err)
				return
			}
			oIDs[i] = written.Entity.OID
		})
	}
	group.Wait()
	for _, oID := range oIDs {
		if oID != oIDs[0] {
			t.Fatalf("several were made: %q", oIDs)
		}
	}
}

func TestBeginIdempotent(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	digest := library.IdempotencyDigest("persona/generate", []byte("body"), nil)
	begin := func() (*library.Pending, []*library.Written, error) {
		return f.BeginIdempotent(ctx, f.caller, "k", digest)
	}
	creates := make([]library.Create, 3)
	for i := range creates {
		creates[i].Patch = patch(t, f.persona, fmt.Sprintf(`{"name":"%d"}`, i), entity.Mode{Create: true})
	}
	pending, first, err := begin()
	if err != nil || first != nil || pending == nil {
		t.Fatalf("BeginIdempotent = %v, %v, %v", pending, first, err)
	}
	_, _, err = begin()
	if wantCode(t, "in progress", err, errs.Conflict, errs.CodeIdempotencyInProgress).RetryAfter == 0 {
		t.Error("there is no Retry-After")
	}
	_, _, err = f.BeginIdempotent(ctx, f.caller, "k", [32]byte{})
	wantCode(t, "another request", err, errs.Conflict, errs.CodeKeyReused)

	t.Run("an abandoned key can be used again", func(t *testing.T) {
		if err := f.Abandon(ctx, f.caller, pending); err != nil {
			t.Fatal(err)
		}
		if pending, _, err = begin(); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("the lease ends", func(t *testing.T) {
		late := pending
		f.now = f.now.Add(library.IdempotencyLease)
		if pending, _, err = begin(); err != nil {
			t.Fatal(err)
		}
		_, err := f.CreateAll(ctx, f.caller, f.persona, creates, late)
		wantCode(t, "the first one, too late", err, errs.Conflict, errs.CodeIdempotencyInProgress)
		if err := f.Abandon(ctx, f.caller, late); err != nil {
			t.Error(err)
		}
		if made := f.export(t, f.workspace); made != "" {
			t.Errorf("the one that is too late made\n%s", made)
		}
	})
	t.Run("errors name the item", func(t *testing.T) {
		broken := append([]library.Create{}, creates...)
		broken[1].Patch = patch(t, f.persona, `{}`, entity.Mode{Create: true})
		_, err := f.CreateAll(ctx, f.caller, f.persona, broken, pending)
		wantFields(t, "without a name", err, "personas[1].name")
	})
	made, err := f.CreateAll(ctx, f.caller, f.persona, creates, pending)
	if err != nil || len(made) != len(creates) {
		t.Fatalf("CreateAll = %v, %v", made, err)
	}
	_, again, err := begin()
	if err != nil || len(again) != len(made) {
		t.Fatalf("the same again: %v, %v", again, err)
	}
	for i, written := range again {
		if !written.Replayed || !bytes.Equal(written.Body, made[i].Body) || written.Entity.Text("name") != fmt.Sprint(i) {
			t.Errorf("item %d is %s, want %s", i, written.Body, made[i].Body)
		}
	}
}
