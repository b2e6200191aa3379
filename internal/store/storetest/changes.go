package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/persona"
)

// RunTogether tests what one store hears of the changes that another makes. Both
// are on one database, which open makes anew for each call. names tells whether
// such stores name what they change.
func RunTogether(t *testing.T, names bool, open func(t *testing.T) (server, other persona.Store)) {
	t.Helper()
	var other persona.Store
	opened := suite{open: func(t *testing.T) persona.Store {
		t.Helper()
		var server persona.Store
		server, other = open(t)
		return server
	}}
	f := opened.setup(t)
	server := &listener{fixture: f, names: names}
	f.Watch(server.hear)
	f.insert(t, f.persona("pe_last", "x"), f.persona("pe_1", "x"), f.persona("pe_2", "x"), f.persona("pe_purged", "x"))
	f.insertKeys(t, f.key("ak_1", f.workspace), f.key("ak_2", f.workspace))
	f.write(t, func(ctx context.Context, tx persona.Tx) error {
		return tx.PutFirstAnswer(ctx, &persona.FirstAnswer{WorkspaceOID: f.workspace.OID, Key: "k", PersonaOID: "pe_1", Answer: []byte("{}"), At: day})
	})
	covered := map[string]bool{}
	for _, c := range f.changes() {
		covered[c.method] = true
		t.Run(c.name(), func(t *testing.T) { server.wants(t, other, c) })
	}
	for _, method := range writes() {
		if !covered[method] {
			t.Errorf("persona.Tx has the method %s: say here what other stores hear of it", method)
		}
	}
}

// change is one that others hear of.
type change struct {
	// method is the one of persona.Tx that is called, and what tells changes by
	// the same one apart.
	method, what string
	make         func(context.Context, persona.Tx) error
	// named are the things that others hear of by name. With anything, they hear
	// that all may have changed; with neither, nothing.
	named    []persona.Change
	anything bool
}

func (c change) name() string { return c.method + c.what }

// writes are the methods of persona.Tx that write.
func writes() (methods []string) {
	reads := reflect.TypeFor[persona.Reader]()
	for method := range reflect.TypeFor[persona.Tx]().Methods() {
		if _, ok := reads.MethodByName(method.Name); !ok {
			methods = append(methods, method.Name)
		}
	}
	return methods
}

// changes has one of each method of persona.Tx at least.
func (f *fixture) changes() []change {
	at := func(oID string) persona.Change {
		return persona.Change{WorkspaceOID: f.workspace.OID, PersonaOID: oID}
	}
	one := []persona.Change{at("pe_1")}
	odd := strings.Repeat(`'); \n"<é😀 `, 10)
	long := strings.Repeat("i", persona.MaxIDLength-3)
	// replaced puts new versions in the places of many personas, which it adds
	// where they are not there.
	replaced := func(ctx context.Context, tx persona.Tx, oIDs ...string) error {
		for _, oID := range oIDs {
			p := f.persona(oID, "new")
			if _, err := tx.Persona(ctx, f.workspace.OID, oID); persona.KindOf(err) == persona.NotFound {
				if err := tx.InsertPersona(ctx, p); err != nil {
					return err
				}
			}
			if err := tx.ReplacePersona(ctx, p); err != nil {
				return err
			}
		}
		return nil
	}
	many := func(format string, n int) (oIDs []string) {
		for i := range n {
			oIDs = append(oIDs, fmt.Sprintf(format, i))
		}
		return oIDs
	}
	return []change{
		{method: "InsertPersona", make: func(ctx context.Context, tx persona.Tx) error {
			return tx.InsertPersona(ctx, f.persona("pe_new", "x"))
		}},
		{method: "InsertPersonas", make: func(ctx context.Context, tx persona.Tx) error {
			return tx.InsertPersonas(ctx, []*persona.Revision{f.revision("rv_many", f.persona("pe_many", "x"), persona.ActionImported)})
		}},
		{method: "PersonasByID", make: func(ctx context.Context, tx persona.Tx) error {
			_, err := tx.PersonasByID(ctx, f.workspace.OID, []string{"pe_1"})
			return err
		}},
		{method: "ReplacePersona", named: one, make: func(ctx context.Context, tx persona.Tx) error {
			return replaced(ctx, tx, "pe_1")
		}},
		{method: "ReplacePersona", what: "OddID", named: []persona.Change{at(odd)}, make: func(ctx context.Context, tx persona.Tx) error {
			return replaced(ctx, tx, odd)
		}},
		{method: "ReplacePersona", what: "Many", anything: true, make: func(ctx context.Context, tx persona.Tx) error {
			return replaced(ctx, tx, many("pe_many_%d", 300)...)
		}},
		{method: "ReplacePersona", what: "LongIDs", anything: true, make: func(ctx context.Context, tx persona.Tx) error {
			return replaced(ctx, tx, many(long+"%02d", 50)...)
		}},
		{method: "InsertRevision", make: func(ctx context.Context, tx persona.Tx) error {
			return tx.InsertRevision(ctx, &persona.Revision{
				OID: "rv_1", PersonaOID: "pe_1", Action: persona.ActionUpdated, At: day, User: f.owner, Persona: f.persona("pe_1", "x"),
			})
		}},
		{method: "PurgePersona", named: []persona.Change{at("pe_purged")}, make: func(ctx context.Context, tx persona.Tx) error {
			return tx.PurgePersona(ctx, f.workspace.OID, "pe_purged")
		}},
		{method: "PutFirstAnswer", make: func(ctx context.Context, tx persona.Tx) error {
			return tx.PutFirstAnswer(ctx, &persona.FirstAnswer{WorkspaceOID: f.workspace.OID, Key: "l", PersonaOID: "pe_1", Answer: []byte("{}"), At: day})
		}},
		{method: "InsertRows", anything: true, make: func(ctx context.Context, tx persona.Tx) error {
			var rows []persona.Row
			for row, err := range tx.Rows(ctx) {
				if err != nil {
					return err
				}
				if row.Kind == persona.FirstAnswerRows && row.Key[1] == "k" {
					row.Values = slices.Clone(row.Values)
					row.Values[1] = "copied"
					rows = append(rows, row)
				}
			}
			return tx.InsertRows(ctx, rows)
		}},
		{method: "PurgeFirstAnswers", make: func(ctx context.Context, tx persona.Tx) error {
			_, err := tx.PurgeFirstAnswers(ctx, day.Add(time.Hour))
			return err
		}},
		{method: "InsertOrganization", anything: true, make: func(ctx context.Context, tx persona.Tx) error {
			return tx.InsertOrganization(ctx, &persona.Organization{OID: "og_new", Name: "New", Slug: "new", CreatedAt: day})
		}},
		{method: "InsertWorkspace", anything: true, make: func(ctx context.Context, tx persona.Tx) error {
			return tx.InsertWorkspace(ctx, &persona.Workspace{OID: "wa_new", OrganizationOID: "og_1", Name: "New", CreatedAt: day})
		}},
		{method: "InsertUser", anything: true, make: func(ctx context.Context, tx persona.Tx) error {
			return tx.InsertUser(ctx, &persona.User{OID: "u_new", OrganizationOID: "og_1", FirstName: "New", Role: persona.RoleMember, CreatedAt: day})
		}},
		{method: "InsertAPIKey", make: func(ctx context.Context, tx persona.Tx) error {
			return tx.InsertAPIKey(ctx, f.key("ak_new", f.workspace))
		}},
		{method: "TouchAPIKeys", make: func(ctx context.Context, tx persona.Tx) error {
			return tx.TouchAPIKeys(ctx, map[string]time.Time{"ak_1": day.Add(time.Hour)})
		}},
		{method: "RevokeAPIKey", named: []persona.Change{{KeyOID: "ak_1"}}, make: func(ctx context.Context, tx persona.Tx) error {
			return tx.RevokeAPIKey(ctx, f.workspace.OID, "ak_1", day)
		}},
		{what: "Several", named: []persona.Change{at("pe_1"), {KeyOID: "ak_2"}, at("pe_2")}, make: func(ctx context.Context, tx persona.Tx) error {
			return errors.Join(replaced(ctx, tx, "pe_1"), tx.RevokeAPIKey(ctx, f.workspace.OID, "ak_2", day),
				tx.TouchAPIKeys(ctx, map[string]time.Time{"ak_1": day.Add(2 * time.Hour)}), replaced(ctx, tx, "pe_2"))
		}},
		{what: "NamedAndAnything", anything: true, make: func(ctx context.Context, tx persona.Tx) error {
			return errors.Join(replaced(ctx, tx, "pe_1"), tx.InsertUser(ctx, &persona.User{OID: "u_newer", OrganizationOID: "og_1", Role: persona.RoleMember, CreatedAt: day}),
				replaced(ctx, tx, "pe_2"))
		}},
	}
}

// listener is a store that hears of another's changes.
type listener struct {
	*fixture
	names bool

	mu    sync.Mutex
	heard []persona.Change
}

func (l *listener) hear(c persona.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, c)
}

// take returns what was heard, and forgets it, if that is enough.
func (l *listener) take(enough func([]persona.Change) bool) ([]persona.Change, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !enough(l.heard) {
		return nil, false
	}
	heard := l.heard
	l.heard = nil
	return heard, true
}

// wants fails the test unless l hears of a change within a second, and where
// changes are named of nothing else.
func (l *listener) wants(t *testing.T, other persona.Store, c change) {
	t.Helper()
	before := l.epoch(t)
	write := func(fn func(context.Context, persona.Tx) error) {
		t.Helper()
		if err := other.Write(t.Context(), func(tx persona.Tx) error { return fn(t.Context(), tx) }); err != nil {
			t.Fatalf("Write: %v", err)
		}
	}
	write(c.make)
	written := time.Now()
	// until waits, and fails the test if the store vouches for a second for what
	// it had before.
	until := func(done func() bool) {
		t.Helper()
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for !done() {
			late := time.Since(written) > time.Second // looked up before the epoch, to be fair
			_, ok := l.Epoch()
			if late && ok && !done() {
				t.Fatalf("%s after the change nothing was heard of it", time.Since(written))
			}
			<-ticker.C
		}
	}
	changed := func() bool {
		epoch, _ := l.Epoch()
		return epoch != before
	}
	if !l.names {
		if c.anything || len(c.named) > 0 {
			until(changed)
		}
		if heard, _ := l.take(func([]persona.Change) bool { return true }); len(heard) > 0 {
			t.Errorf("heard of %v by name", heard)
		}
		return
	}
	// What is told after it is heard after it.
	last := persona.Change{WorkspaceOID: l.workspace.OID, PersonaOID: "pe_last"}
	write(func(ctx context.Context, tx persona.Tx) error {
		return tx.ReplacePersona(ctx, l.persona("pe_last", "x"))
	})
	var heard []persona.Change
	until(func() (ok bool) {
		if len(heard) == 0 {
			heard, ok = l.take(func(heard []persona.Change) bool { return slices.Contains(heard, last) })
		}
		return ok || len(heard) > 0
	})
	if diff := cmp.Diff(append(slices.Clone(c.named), last), heard); diff != "" {
		t.Errorf("heard by name (-want +got):\n%s", diff)
	}
	if changed() != c.anything {
		t.Errorf("the epoch has changed: %t, want %t", changed(), c.anything)
	}
}
