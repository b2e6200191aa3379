package library_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/cache"
	"personae.dev/internal/library"
	"personae.dev/internal/persona"
	"personae.dev/internal/store"
	"personae.dev/internal/store/postgrestest"
	"personae.dev/internal/wire"
)

// another is a second server on the database of a first, with caches of its own.
type another struct {
	*library.Library
	store *store.Store
	// read is called after a persona was read from the database.
	read func()

	mu    sync.Mutex
	looks map[string]int
	heard chan persona.Change
}

// slow is the store of another.
type slow struct {
	persona.Store
	of *another
}

// ViewPersona implements persona.Store.
func (s slow) ViewPersona(ctx context.Context, workspaceOID, oID string, view func(*persona.Persona) error) error {
	return s.Store.ViewPersona(ctx, workspaceOID, oID, func(p *persona.Persona) error {
		s.of.read()
		return view(p)
	})
}

func startAnother(t *testing.T, database string) *another {
	t.Helper()
	s, err := store.Open(t.Context(), database, store.Options{})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	a := &another{store: s, read: func() {}, looks: map[string]int{}, heard: make(chan persona.Change, 100)}
	a.Library, err = library.New(library.Config{
		Store: slow{s, a}, Render: wire.AppendPersona, CacheBytes: 1 << 20,
		ObserveCache: func(name library.CacheName, r cache.Result) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.looks[fmt.Sprintf("%s %s", name, r)]++
		},
	})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	s.Watch(func(c persona.Change) { a.heard <- c }) // after the library, which has heard by then
	return a
}

// get returns the name of a persona, and counts looks anew.
func (a *another) get(t *testing.T, token, oID string) string {
	t.Helper()
	a.trusted(t)
	a.mu.Lock()
	clear(a.looks)
	a.mu.Unlock()
	caller, err := a.Authenticate(t.Context(), token)
	if err != nil {
		t.Fatalf("Authenticate: %v", err)
	}
	document, err := a.Persona(t.Context(), caller, oID)
	if err != nil {
		t.Fatalf("Persona: %v", err)
	}
	_, name, _ := strings.Cut(string(document.Body), `"name":"`)
	name, _, _ = strings.Cut(name, `"`)
	return name
}

// trusted waits until caches can be used, and returns the epoch.
func (a *another) trusted(t *testing.T) uint64 {
	t.Helper()
	return a.until(t, "an epoch that is ok", func(_ uint64, ok bool) bool { return ok })
}

func (a *another) until(t *testing.T, what string, done func(epoch uint64, ok bool) bool) uint64 {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(15 * time.Second); ; <-ticker.C {
		epoch, ok := a.store.Epoch()
		if done(epoch, ok) {
			return epoch
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited 15 s for this: %s", what)
		}
	}
}

// want fails the test unless the last get gave name, with these looks.
func (a *another) want(t *testing.T, what, token, oID, name string, looks ...string) {
	t.Helper()
	got := a.get(t, token, oID)
	for a.bypassed() { // on a machine that stands still, which neither asks nor fills a cache
		got = a.get(t, token, oID)
	}
	if got != name {
		t.Errorf("%s: %s has the name %q, want %q", what, oID, got, name)
	}
	want := map[string]int{}
	for _, look := range looks {
		want[look]++
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if diff := cmp.Diff(want, a.looks); diff != "" {
		t.Errorf("%s: %s: looks into caches (-want +got):\n%s", what, oID, diff)
	}
}

func (a *another) bypassed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.looks["keys bypass"]+a.looks["personas bypass"] > 0
}

// hears waits until it was told of a change.
func (a *another) hears(t *testing.T, want persona.Change) {
	t.Helper()
	timeout := time.After(15 * time.Second)
	for {
		select {
		case got := <-a.heard:
			if got == want {
				return
			}
		case <-timeout:
			t.Fatalf("heard nothing of %v", want)
		}
	}
}

// TestServersForgetWhatChanged: a server drops from its caches what another has
// changed, and keeps the rest.
func TestServersForgetWhatChanged(t *testing.T) { //nolint:tparallel // one goes on where another ended
	t.Parallel()
	database := postgrestest.New(t)
	f := setupWritingOn(t, database)
	token := f.tokenOf(t, f.workspace)
	first, second := f.create(t, `{"name":"one"}`).Persona.OID, f.create(t, `{"name":"two"}`).Persona.OID
	of := func(oID string) persona.Change {
		return persona.Change{WorkspaceOID: f.workspace.OID, PersonaOID: oID}
	}
	const keyHit, keyMiss, hit, miss = "keys hit", "keys miss", "personas hit", "personas miss"
	a := startAnother(t, database)
	a.want(t, "at first", token, first, "one", keyMiss, miss)
	a.want(t, "at first", token, second, "two", keyHit, miss)

	// What no cache keeps: the last thing that is told tells that all was heard.
	caller, err := f.Authenticate(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	f.create(t, `{"name":"three"}`)
	if err := f.store.Write(t.Context(), func(tx persona.Tx) error {
		return tx.TouchAPIKeys(t.Context(), map[string]time.Time{caller.KeyOID(): persona.Now()})
	}); err != nil {
		t.Fatal(err)
	}
	f.update(t, first, `{"name":"ONE"}`)
	a.hears(t, of(first))
	a.want(t, "another was changed", token, second, "two", keyHit, hit)
	a.want(t, "changed", token, first, "ONE", keyHit, miss)
	a.want(t, "kept again", token, first, "ONE", keyHit, hit)

	t.Run("WhileItIsRead", func(t *testing.T) {
		f.update(t, second, `{"name":"old"}`)
		a.hears(t, of(second))
		a.read = func() { // the old version was read, and is kept after the new one was told of
			a.read = func() {}
			f.update(t, second, `{"name":"new"}`)
			a.hears(t, of(second))
		}
		a.want(t, "asked before", token, second, "old", keyHit, miss)
		a.want(t, "asked afterwards", token, second, "new", keyHit, miss)
		a.want(t, "kept", token, second, "new", keyHit, hit)
	})
	t.Run("Import", func(t *testing.T) {
		before := a.trusted(t)
		line := func(n, version int) string { return fmt.Sprintf(`{"oId":"pe_%d","name":"version %d"}`, n, version) }
		for version := range 2 {
			var text []string
			for n := range 300 {
				text = append(text, line(n, version))
			}
			if _, told, err := f.load(t, library.ImportOptions{}, text...); err != nil {
				t.Fatalf("Import: %v, %v", err, told)
			}
		}
		a.until(t, "a new epoch", func(epoch uint64, _ bool) bool { return epoch != before })
		a.want(t, "all are forgotten", token, first, "ONE", keyMiss, miss)
		a.want(t, "all are forgotten", token, "pe_1", "version 1", keyHit, miss)
	})
	t.Run("Purge", func(t *testing.T) {
		a.want(t, "before", token, first, "ONE", keyHit, hit)
		if _, err := f.DeletePersona(t.Context(), f.caller, library.Target{OID: first}); err != nil {
			t.Fatal(err)
		}
		a.hears(t, of(first))
		a.want(t, "deleted", token, first, "ONE", keyHit, miss)
		if err := f.Purge(t.Context(), f.now.Add(time.Hour), func(persona.DeletedPersona) {}); err != nil {
			t.Fatal(err)
		}
		a.hears(t, of(first))
		if _, err := a.Persona(t.Context(), f.caller, first); persona.KindOf(err) != persona.NotFound {
			t.Errorf("a persona that was purged: %v", err)
		}
	})
	t.Run("Revoke", func(t *testing.T) {
		a.want(t, "before", token, second, "new", keyHit, miss) // since the import
		if _, err := f.RevokeKey(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		a.hears(t, persona.Change{KeyOID: caller.KeyOID()})
		if _, err := a.Authenticate(t.Context(), token); persona.KindOf(err) != persona.Unauthorized {
			t.Errorf("a key that was revoked: %v", err)
		}
		a.want(t, "by another key", f.setUp.Token, second, "new", keyMiss, hit)
	})
}
