// Package storetest says in tests what a persona.Store must do. Every engine
// passes the same suite, so it holds nothing that only one of them knows.
//
// It also makes the personas that property tests of other rooms are held
// against, see AnyPersona.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"personae.dev/internal/persona"
)

// Run tests that the stores which open returns are what persona.Store says.
// open returns an empty store of its own for each call, and closes it at the
// end of t.
func Run(t *testing.T, open func(t *testing.T) persona.Store) {
	t.Helper()
	s := suite{open}
	t.Run("Empty", s.testEmpty)
	t.Run("Accounts", s.testAccounts)
	t.Run("AccountOrder", s.testAccountOrder)
	t.Run("AccountConflicts", s.testAccountConflicts)
	t.Run("APIKeys", s.testAPIKeys)
	t.Run("APIKeyOrder", s.testAPIKeyOrder)
	t.Run("Credential", s.testCredential)
	t.Run("RevokeAPIKey", s.testRevokeAPIKey)
	t.Run("TouchAPIKeys", s.testTouchAPIKeys)
	t.Run("PersonaRoundTrip", s.testPersonaRoundTrip)
	t.Run("ViewPersona", s.testViewPersona)
	t.Run("PersonaText", s.testPersonaText)
	t.Run("PersonaTimes", s.testPersonaTimes)
	t.Run("PersonaSize", s.testPersonaSize)
	t.Run("PersonaOrder", s.testPersonaOrder)
	t.Run("PersonaConflict", s.testPersonaConflict)
	t.Run("PersonaNotFound", s.testPersonaNotFound)
	t.Run("ReplacePersona", s.testReplacePersona)
	t.Run("InsertPersonas", s.testInsertPersonas)
	t.Run("InsertPersonasConflict", s.testInsertPersonasConflict)
	t.Run("PersonasByID", s.testPersonasByID)
	t.Run("UnknownOwner", s.testUnknownOwner)
	t.Run("Isolation", s.testIsolation)
	t.Run("ListOrder", s.testListOrder)
	t.Run("ListCursor", s.testListCursor)
	t.Run("ListFilters", s.testListFilters)
	t.Run("ListAtOnce", s.testListAtOnce)
	t.Run("ListWhatIsMissing", s.testListWhatIsMissing)
	t.Run("Search", s.testSearch)
	t.Run("SearchFollows", s.testSearchFollows)
	t.Run("SearchRank", s.testSearchRank)
	t.Run("SearchLists", s.testSearchLists)
	t.Run("Revisions", s.testRevisions)
	t.Run("PurgePersona", s.testPurgePersona)
	t.Run("Deleted", s.testDeleted)
	t.Run("FirstAnswers", s.testFirstAnswers)
	t.Run("ChangeIsWhole", s.testChangeIsWhole)
	t.Run("Rows", s.testRows)
	t.Run("ManyRows", s.testManyRows)
	t.Run("RowsOfOneMoment", s.testRowsOfOneMoment)
	t.Run("InsertRowsConflict", s.testInsertRowsConflict)
	t.Run("RowsOfAnyPersona", s.testRowsOfAnyPersona)
	t.Run("Model", s.testModel)
	t.Run("TxReadsItsWrites", s.testTxReadsItsWrites)
	t.Run("TxIsUnseen", s.testTxIsUnseen)
	t.Run("WriteError", s.testWriteError)
	t.Run("WritePanic", s.testWritePanic)
	t.Run("WriteCancelled", s.testWriteCancelled)
	t.Run("WritesTakeTurns", s.testWritesTakeTurns)
	t.Run("ReadCancelled", s.testReadCancelled)
	t.Run("PersonasAbandoned", s.testPersonasAbandoned)
	t.Run("PersonasAreOfOneMoment", s.testPersonasAreOfOneMoment)
	t.Run("ReadersWhileWriting", s.testReadersWhileWriting)
	t.Run("EpochOfOwnWrites", s.testEpochOfOwnWrites)
	t.Run("Ping", s.testPing)
}

// suite holds the tests.
type suite struct {
	open func(t *testing.T) persona.Store
}

// fixture is a store with an organization, two workspaces and two users.
type fixture struct {
	persona.Store
	organization persona.Organization
	workspace    persona.Workspace
	other        persona.Workspace
	owner        persona.User
	member       persona.User
}

// day is when everything of a fixture was made.
var day = time.Date(2024, 2, 29, 12, 34, 56, 789e6, time.UTC)

func (s suite) setup(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{
		Store:        s.open(t),
		organization: persona.Organization{OID: "og_1", Name: "Acme", Slug: "acme", Domain: new("acme.example"), CreatedAt: day},
		workspace:    persona.Workspace{OID: "wa_1", OrganizationOID: "og_1", Name: "Sales", CreatedAt: day},
		other:        persona.Workspace{OID: "wa_2", OrganizationOID: "og_1", Name: "Product", Domain: new("product.acme.example"), CreatedAt: day.Add(time.Second)},
		owner:        persona.User{OID: "u_1", OrganizationOID: "og_1", FirstName: "Ada", LastName: "Lovelace", Email: new("ada@acme.example"), Role: persona.RoleOwner, CreatedAt: day},
		member:       persona.User{OID: "u_2", OrganizationOID: "og_1", FirstName: "Grace", Role: persona.RoleMember, CreatedAt: day.Add(time.Second)},
	}
	f.write(t, func(ctx context.Context, tx persona.Tx) error {
		return errors.Join(
			tx.InsertOrganization(ctx, &f.organization),
			tx.InsertWorkspace(ctx, &f.workspace), tx.InsertWorkspace(ctx, &f.other),
			tx.InsertUser(ctx, &f.owner), tx.InsertUser(ctx, &f.member),
		)
	})
	return f
}

// write does what must succeed.
func (f *fixture) write(t testing.TB, fn func(context.Context, persona.Tx) error) {
	t.Helper()
	if err := f.Write(t.Context(), func(tx persona.Tx) error { return fn(t.Context(), tx) }); err != nil {
		t.Fatalf("Write: %v", err)
	}
}

// insert adds personas of the first workspace, made by the owner.
func (f *fixture) insert(t testing.TB, personas ...*persona.Persona) {
	t.Helper()
	f.write(t, func(ctx context.Context, tx persona.Tx) error {
		for _, p := range personas {
			if err := tx.InsertPersona(ctx, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// persona returns a persona with nothing but what it needs.
func (f *fixture) persona(oID, name string) *persona.Persona {
	return &persona.Persona{
		WorkspaceOID: f.workspace.OID, OID: oID, Author: f.owner, Name: name,
		Active: true, CreatedAt: day, UpdatedAt: day,
	}
}

// key returns an API key with nothing but what it needs.
func (f *fixture) key(oID string, workspace persona.Workspace) *persona.APIKey {
	return &persona.APIKey{
		OID: oID, WorkspaceOID: workspace.OID, UserOID: f.owner.OID,
		Scopes: persona.Scopes{persona.ScopeRead}, Digest: persona.Digest{1, 2, 3, 31: 0xff}, CreatedAt: day,
	}
}

func (f *fixture) insertKeys(t testing.TB, keys ...*persona.APIKey) {
	t.Helper()
	f.write(t, func(ctx context.Context, tx persona.Tx) error {
		for _, k := range keys {
			if err := tx.InsertAPIKey(ctx, k); err != nil {
				return err
			}
		}
		return nil
	})
}

// collect reads all personas of a workspace.
func collect(t testing.TB, r persona.Reader, workspaceOID string) []*persona.Persona {
	t.Helper()
	var all []*persona.Persona
	for p, err := range r.Personas(t.Context(), workspaceOID) {
		if err != nil {
			t.Fatalf("Personas(%s): %v", workspaceOID, err)
		}
		all = append(all, p)
	}
	return all
}

func names(personas []*persona.Persona) []string {
	var list []string
	for _, p := range personas {
		list = append(list, p.Name)
	}
	return list
}

// same fails the test where a store gave back something else than it was given:
// no list and an empty one are the same, a time in another zone is not.
func same(t testing.TB, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, sameOptions()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, shorten(diff))
	}
}

// plain is a persona without methods.
type plain persona.Persona

func sameOptions() cmp.Option {
	return cmp.Options{
		cmpopts.EquateEmpty(),
		// Or go-cmp would leave it to Persona.Equal, which passes over authors.
		cmp.Transformer("plain", func(p *persona.Persona) *plain { return (*plain)(p) }),
		cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) && a.Location() == b.Location() }),
	}
}

// shorten keeps the difference of two large texts readable.
func shorten(diff string) string {
	const enough = 4000
	if len(diff) <= enough {
		return diff
	}
	return fmt.Sprintf("%s… (%d bytes more)", diff[:enough], len(diff)-enough)
}

// wantKind fails the test unless err is of the kind.
func wantCode(t testing.TB, what string, err error, want string) {
	t.Helper()
	domain, ok := errors.AsType[*persona.Error](err)
	if !ok || domain.Code != want {
		t.Errorf("%s: error = %v, want the code %s", what, err, want)
	}
}

func wantKind(t testing.TB, what string, err error, want persona.Kind) {
	t.Helper()
	domain, ok := errors.AsType[*persona.Error](err)
	switch {
	case !ok:
		t.Errorf("%s: error = %v, want a persona.Error of kind %s", what, err, want)
	case domain.Kind != want:
		t.Errorf("%s: error %q is of kind %s, want %s", what, err, domain.Kind, want)
	case domain.Code == "" || domain.Message == "":
		t.Errorf("%s: error %#v has no code or no message", what, domain)
	}
}

// must returns the value of a call that must succeed.
func must[T any](t testing.TB) func(T, error) T {
	t.Helper()
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatalf("unexpected error: %v", err)
		}
		return value
	}
}

func (s suite) testEmpty(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	ctx := t.Context()
	same(t, "Personas", []*persona.Persona(nil), collect(t, f, f.workspace.OID))
	same(t, "Personas of no workspace", []*persona.Persona(nil), collect(t, f, "wa_unknown"))
	same(t, "CountPersonas", 0, must[int](t)(f.CountPersonas(ctx, f.workspace.OID)))
	same(t, "CountPersonas of no workspace", 0, must[int](t)(f.CountPersonas(ctx, "wa_unknown")))
	same(t, "APIKeys", []persona.APIKey(nil), must[[]persona.APIKey](t)(f.APIKeys(ctx, f.workspace.OID)))
	same(t, "APIKeys of no workspace", []persona.APIKey(nil), must[[]persona.APIKey](t)(f.APIKeys(ctx, "wa_unknown")))
}

func (s suite) testPing(t *testing.T) {
	t.Parallel()
	f := s.setup(t)
	if err := f.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
}
