package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"personae.dev/internal/persona"
)

func (s suite) testTxReadsItsWrites(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	f.insert(t, f.full("pe_1"))
	f.insertKeys(t, f.key("ak_1", f.workspace))
	f.write(t, func(ctx context.Context, tx persona.Tx) error {
		organization := persona.Organization{OID: "og_2", Name: "Two", Slug: "two", CreatedAt: day.Add(time.Hour)}
		workspace := persona.Workspace{OID: "wa_3", OrganizationOID: "og_2", Name: "Three", CreatedAt: day.Add(time.Hour)}
		user := persona.User{OID: "u_3", OrganizationOID: "og_2", FirstName: "Three", Role: persona.RoleMember, CreatedAt: day.Add(time.Hour)}
		key := f.key("ak_2", workspace)
		key.UserOID = user.OID
		replaced, added := f.persona("pe_1", "replaced"), f.persona("pe_2", "added")
		if err := errors.Join(
			tx.InsertOrganization(ctx, &organization), tx.InsertWorkspace(ctx, &workspace), tx.InsertUser(ctx, &user),
			tx.InsertAPIKey(ctx, key), tx.ReplacePersona(ctx, replaced), tx.InsertPersona(ctx, added),
			tx.RevokeAPIKey(ctx, f.workspace.OID, "ak_1", day), tx.TouchAPIKeys(ctx, map[string]time.Time{"ak_2": day}),
		); err != nil {
			return err
		}
		key.LastUsedAt = &day
		same(t, "Organizations", []persona.Organization{f.organization, organization}, must[[]persona.Organization](t)(tx.Organizations(ctx)))
		same(t, "Workspaces", []persona.Workspace{f.workspace, f.other, workspace}, must[[]persona.Workspace](t)(tx.Workspaces(ctx)))
		same(t, "Users", []persona.User{f.owner, f.member, user}, must[[]persona.User](t)(tx.Users(ctx)))
		same(t, "APIKeys", []persona.APIKey{*key}, must[[]persona.APIKey](t)(tx.APIKeys(ctx, "wa_3")))
		want := &persona.Credential{Key: *key, User: user, Workspace: workspace, Organization: organization}
		same(t, "Credential", want, must[*persona.Credential](t)(tx.Credential(ctx, "ak_2")))
		same(t, "RevokedAt", &day, must[*persona.Credential](t)(tx.Credential(ctx, "ak_1")).Key.RevokedAt)
		same(t, "Persona", replaced, must[*persona.Persona](t)(tx.Persona(ctx, f.workspace.OID, "pe_1")))
		same(t, "Personas", []*persona.Persona{replaced, added}, collect(t, tx, f.workspace.OID))
		same(t, "CountPersonas", 2, must[int](t)(tx.CountPersonas(ctx, f.workspace.OID)))
		_, err := tx.Persona(ctx, f.workspace.OID, "pe_3")
		wantKind(t, "Persona that is not there", err, persona.NotFound)
		_, err = tx.Credential(ctx, "ak_3")
		wantKind(t, "Credential that is not there", err, persona.NotFound)
		// An absence that was answered spoils nothing.
		wantKind(t, "ReplacePersona", tx.ReplacePersona(ctx, f.persona("pe_3", "x")), persona.NotFound)
		return tx.InsertPersona(ctx, f.persona("pe_3", "after"))
	})
	same(t, "Personas afterwards", []string{"replaced", "added", "after"}, names(collect(t, f, f.workspace.OID)))
}

func (s suite) testTxIsUnseen(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	before := f.full("pe_1")
	f.insert(t, before)
	f.write(t, func(ctx context.Context, tx persona.Tx) error {
		if err := errors.Join(
			tx.ReplacePersona(ctx, f.persona("pe_1", "replaced")),
			tx.InsertPersona(ctx, f.persona("pe_2", "added")),
			tx.InsertUser(ctx, &persona.User{OID: "u_3", OrganizationOID: "og_1", Role: persona.RoleMember, CreatedAt: day}),
		); err != nil {
			return err
		}
		same(t, "Personas", []*persona.Persona{before}, collect(t, f, f.workspace.OID))
		same(t, "Persona", before, must[*persona.Persona](t)(f.Persona(ctx, f.workspace.OID, "pe_1")))
		same(t, "CountPersonas", 1, must[int](t)(f.CountPersonas(ctx, f.workspace.OID)))
		same(t, "number of users", 2, len(must[[]persona.User](t)(f.Users(ctx))))
		return nil
	})
	// And seen at once when it has ended.
	same(t, "Personas afterwards", []string{"replaced", "added"}, names(collect(t, f, f.workspace.OID)))
	same(t, "number of users afterwards", 3, len(must[[]persona.User](t)(f.Users(t.Context()))))
}

// doAll does one of everything.
func (f *fixture) doAll(ctx context.Context, tx persona.Tx) error {
	return errors.Join(
		tx.InsertOrganization(ctx, &persona.Organization{OID: "og_undone", Name: "x", Slug: "undone", CreatedAt: day}),
		tx.InsertWorkspace(ctx, &persona.Workspace{OID: "wa_undone", OrganizationOID: "og_1", Name: "undone", CreatedAt: day}),
		tx.InsertUser(ctx, &persona.User{OID: "u_undone", OrganizationOID: "og_1", Role: persona.RoleMember, CreatedAt: day}),
		tx.InsertAPIKey(ctx, f.key("ak_undone", f.workspace)),
		tx.RevokeAPIKey(ctx, f.workspace.OID, "ak_1", day),
		tx.TouchAPIKeys(ctx, map[string]time.Time{"ak_1": day}),
		tx.ReplacePersona(ctx, f.persona("pe_1", "undone")),
		tx.InsertPersona(ctx, f.persona("pe_undone", "undone")),
	)
}

// undone prepares the store for what try does, and checks that try leaves
// nothing behind, and a store that works.
func (f *fixture) undone(t *testing.T, try func()) {
	t.Helper()
	before, key := f.full("pe_1"), f.key("ak_1", f.workspace)
	f.insert(t, before)
	f.insertKeys(t, key)
	try()
	ctx := t.Context()
	same(t, "Organizations", []persona.Organization{f.organization}, must[[]persona.Organization](t)(f.Organizations(ctx)))
	same(t, "Workspaces", []persona.Workspace{f.workspace, f.other}, must[[]persona.Workspace](t)(f.Workspaces(ctx)))
	same(t, "Users", []persona.User{f.owner, f.member}, must[[]persona.User](t)(f.Users(ctx)))
	same(t, "APIKeys", []persona.APIKey{*key}, must[[]persona.APIKey](t)(f.APIKeys(ctx, f.workspace.OID)))
	same(t, "Personas", []*persona.Persona{before}, collect(t, f, f.workspace.OID))
	same(t, "CountPersonas", 1, must[int](t)(f.CountPersonas(ctx, f.workspace.OID)))
	f.write(t, f.doAll)
	same(t, "CountPersonas after a write that is kept", 2, must[int](t)(f.CountPersonas(ctx, f.workspace.OID)))
}

func (s suite) testWriteError(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	errUndo := errors.New("undo")
	f.undone(t, func() {
		err := f.Write(t.Context(), func(tx persona.Tx) error { return errors.Join(f.doAll(t.Context(), tx), errUndo) })
		if !errors.Is(err, errUndo) {
			t.Errorf("Write = %v, want fn's error", err)
		}
		// A step that fails undoes those before it.
		err = f.Write(t.Context(), func(tx persona.Tx) error {
			if err := f.doAll(t.Context(), tx); err != nil {
				return err
			}
			return tx.InsertPersona(t.Context(), f.persona("pe_1", "taken"))
		})
		wantKind(t, "Write", err, persona.Conflict)
	})
}

func (s suite) testWritePanic(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	f.undone(t, func() {
		defer func() {
			if r := recover(); r != "on purpose" {
				t.Errorf("recovered %v, want fn's panic", r)
			}
		}()
		err := f.Write(t.Context(), func(tx persona.Tx) error {
			if err := f.doAll(t.Context(), tx); err != nil {
				t.Errorf("before the panic: %v", err)
			}
			panic("on purpose")
		})
		t.Errorf("Write returned %v after a panic", err)
	})
}

func (s suite) testWriteCancelled(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	f.undone(t, func() {
		ctx, cancel := context.WithCancel(t.Context())
		err := f.Write(ctx, func(tx persona.Tx) error {
			err := f.doAll(ctx, tx)
			cancel()
			return err
		})
		if err == nil {
			t.Error("Write that was cancelled before its end returned nil")
		}
		// The transaction is gone, also for a fn that does not notice.
		ctx, cancel = context.WithCancel(t.Context())
		err = f.Write(ctx, func(tx persona.Tx) error {
			cancel()
			if err := tx.InsertPersona(ctx, f.persona("pe_undone", "undone")); err == nil {
				t.Error("InsertPersona succeeded with a cancelled context")
			}
			return nil
		})
		if err == nil {
			t.Error("Write that was cancelled at its beginning returned nil")
		}
		err = f.Write(ctx, func(persona.Tx) error {
			t.Error("Write called fn with a context that was cancelled before")
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Write with a cancelled context = %v, want %v", err, context.Canceled)
		}
	})
}

func (s suite) testWritesTakeTurns(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	const writers, rounds = 8, 8
	f.insert(t, f.persona("pe_1", "0"))
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range rounds {
				err := f.Write(t.Context(), func(tx persona.Tx) error {
					p, err := tx.Persona(t.Context(), f.workspace.OID, "pe_1")
					if err != nil {
						return err
					}
					n, err := strconv.Atoi(p.Name)
					if err != nil {
						return err
					}
					next := *p
					next.Name = strconv.Itoa(n + 1)
					return tx.ReplacePersona(t.Context(), &next)
				})
				if err != nil {
					t.Errorf("Write: %v", err)
				}
			}
		})
	}
	group.Wait()
	got := must[*persona.Persona](t)(f.Persona(t.Context(), f.workspace.OID, "pe_1")).Name
	if want := strconv.Itoa(writers * rounds); got != want {
		t.Errorf("after %s additions of one it is %s: one did not see another", want, got)
	}
}

func (s suite) testReadCancelled(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	f.insert(t, f.persona("pe_1", "x"), f.persona("pe_2", "x"))
	f.insertKeys(t, f.key("ak_1", f.workspace))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	reads := map[string]func() error{
		"Persona":       func() error { _, err := f.Persona(ctx, f.workspace.OID, "pe_1"); return err },
		"CountPersonas": func() error { _, err := f.CountPersonas(ctx, f.workspace.OID); return err },
		"CountDeleted":  func() error { _, err := f.CountDeleted(ctx, day); return err },
		"Credential":    func() error { _, err := f.Credential(ctx, "ak_1"); return err },
		"APIKeys":       func() error { _, err := f.APIKeys(ctx, f.workspace.OID); return err },
		"Organizations": func() error { _, err := f.Organizations(ctx); return err },
		"Workspaces":    func() error { _, err := f.Workspaces(ctx); return err },
		"Users":         func() error { _, err := f.Users(ctx); return err },
		"Ping":          func() error { return f.Ping(ctx) },
		"Personas": func() error {
			for p, err := range f.Personas(ctx, f.workspace.OID) {
				if err != nil {
					return err
				}
				t.Errorf("Personas gave %s with a cancelled context", p.OID)
			}
			return nil
		},
	}
	for name, read := range reads {
		if err := read(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s = %v, want %v", name, err, context.Canceled)
		}
	}
	// An end that comes too early is not to be taken for the end of the library.
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	n, failed := 0, false
	for _, err := range f.Personas(ctx, f.workspace.OID) {
		cancel()
		if err != nil {
			failed = true
			break
		}
		n++
	}
	if n < 2 && !failed {
		t.Errorf("Personas ended without an error after %d of 2", n)
	}
}

func (s suite) testPersonasAbandoned(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	f.insert(t, f.persona("pe_1", "1"), f.persona("pe_2", "2"), f.persona("pe_3", "3"))
	// More often than any pool is large, a reader leaves before the end, or
	// panics. What it held must be free again.
	for range 64 {
		for p, err := range f.Personas(t.Context(), f.workspace.OID) {
			if err != nil || p.Name != "1" {
				t.Fatalf("first persona is %v, %v", p, err)
			}
			break
		}
		func() {
			defer func() { _ = recover() }()
			for _, err := range f.Personas(t.Context(), f.workspace.OID) {
				if err == nil {
					panic("on purpose")
				}
			}
		}()
	}
	f.insert(t, f.persona("pe_4", "4"))
	same(t, "Personas", []string{"1", "2", "3", "4"}, names(collect(t, f, f.workspace.OID)))
	// A sequence can be read again, and then says what there is then.
	sequence := f.Personas(t.Context(), f.workspace.OID)
	for _, want := range []int{4, 5} {
		n := 0
		for _, err := range sequence {
			if err != nil {
				t.Fatalf("Personas: %v", err)
			}
			n++
		}
		same(t, "number of personas", want, n)
		f.insert(t, f.persona(fmt.Sprintf("pe_%d", n+1), "x"))
	}
}

func (s suite) testPersonasAreOfOneMoment(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	const count = 50
	var want []string
	for i := range count {
		p := f.persona(fmt.Sprintf("pe_%02d", i), strconv.Itoa(i))
		p.CreatedAt = day.Add(time.Duration(i) * time.Second)
		f.insert(t, p)
		want = append(want, p.Name)
	}
	var got []string
	for p, err := range f.Personas(t.Context(), f.workspace.OID) {
		if err != nil {
			t.Fatalf("Personas: %v", err)
		}
		if len(got) == 0 {
			// Changed, moved to the front, added at the end: none of it is seen.
			f.write(t, func(ctx context.Context, tx persona.Tx) error {
				moved := f.persona("pe_40", "moved")
				moved.CreatedAt = day.Add(-time.Hour)
				added := f.persona("pe_99", "added")
				added.CreatedAt = day.Add(time.Hour)
				return errors.Join(
					tx.ReplacePersona(ctx, f.persona("pe_20", "changed")), tx.ReplacePersona(ctx, moved), tx.InsertPersona(ctx, added))
			})
		}
		got = append(got, p.Name)
	}
	same(t, "Personas", want, got)
	same(t, "CountPersonas", count+1, must[int](t)(f.CountPersonas(t.Context(), f.workspace.OID)))
}

func (s suite) testReadersWhileWriting(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	// Each write gives all personas the same new name: a reader that sees two
	// names in one library, or an older name than before, saw half a write.
	const count, writes, readers = 5, 30, 4
	rename := func(n int) {
		f.write(t, func(ctx context.Context, tx persona.Tx) error {
			for i := range count {
				if err := tx.ReplacePersona(ctx, f.persona(fmt.Sprintf("pe_%d", i), strconv.Itoa(n))); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for i := range count {
		f.insert(t, f.persona(fmt.Sprintf("pe_%d", i), "0"))
	}
	done := make(chan struct{})
	var group sync.WaitGroup
	for range readers {
		group.Go(func() {
			seen := -1
			for {
				seen = f.readOneName(t, count, seen)
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for n := range writes {
		rename(n + 1)
		// What was written is there for every read that begins afterwards.
		if got := must[*persona.Persona](t)(f.Persona(t.Context(), f.workspace.OID, "pe_0")).Name; got != strconv.Itoa(n+1) {
			t.Errorf("after write %d a reader sees %s", n+1, got)
		}
	}
	close(done)
	group.Wait()
}

// readOneName reads the library, which must have one name in it, and returns
// that.
func (f *fixture) readOneName(t *testing.T, count, atLeast int) int {
	t.Helper()
	n, name := 0, ""
	for p, err := range f.Personas(t.Context(), f.workspace.OID) {
		if err != nil {
			t.Errorf("Personas: %v", err)
			return atLeast
		}
		if n > 0 && p.Name != name {
			t.Errorf("one library has the names %s and %s", name, p.Name)
		}
		n, name = n+1, p.Name
	}
	version, err := strconv.Atoi(name)
	if err != nil || n != count || version < atLeast {
		t.Errorf("%d personas with the name %q, after %d", n, name, atLeast)
	}
	return version
}

func (s suite) testEpochOfOwnWrites(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	f.Watch(func(c persona.Change) { t.Errorf("heard of %v, a change of its own", c) })
	before := f.epoch(t)
	for i := range 20 {
		p := f.persona(fmt.Sprintf("pe_%d", i), "x")
		f.insert(t, p)
		f.write(t, func(ctx context.Context, tx persona.Tx) error { return tx.ReplacePersona(ctx, p) })
		_ = f.Write(t.Context(), func(tx persona.Tx) error {
			return errors.Join(tx.InsertPersona(t.Context(), f.persona("pe_undone", "x")), errors.New("undo"))
		})
		collect(t, f, f.workspace.OID)
	}
	if after := f.epoch(t); after != before {
		t.Errorf("epoch went from %d to %d with the store's own writes: every write would empty the caches", before, after)
	}
}

// epoch waits until the store can tell the epoch.
func (f *fixture) epoch(t *testing.T) uint64 {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(10 * time.Second)
	for {
		if epoch, ok := f.Epoch(); ok {
			return epoch
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal("the store cannot tell the epoch for 10 s")
		}
	}
}
