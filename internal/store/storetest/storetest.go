// Package storetest says in tests what an entity.Store must do. Every engine
// passes the same suite, so that it has nothing that only one of them knows.
//
// Open gives other packages' tests a store.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/search"
)

// Run tests that the stores which open returns are what entity.Store says. open
// returns an empty store of its own for each call, and closes it at the end of t.
// The entities of kinds are stored and read back, too.
func Run(t *testing.T, open func(t *testing.T) entity.Store, kinds ...*entity.Kind) {
	t.Helper()
	s := suite{open, kinds}
	for name, test := range map[string]func(*testing.T){
		"Accounts":          s.testAccounts,
		"AccountConflicts":  s.testAccountConflicts,
		"AccountChanges":    s.testAccountChanges,
		"APIKeys":           s.testAPIKeys,
		"Principal":         s.testPrincipal,
		"Members":           s.testMembers,
		"Passwords":         s.testPasswords,
		"Sessions":          s.testSessions,
		"OneTimeLinks":      s.testOneTimeLinks,
		"Row":               s.testRow,
		"RowOfKinds":        s.testRowOfKinds,
		"Text":              s.testText,
		"InsertRefuses":     s.testInsertRefuses,
		"Replace":           s.testReplace,
		"Joins":             s.testJoins,
		"All":               s.testAll,
		"Find":              s.testFind,
		"Links":             s.testLinks,
		"Neighbours":        s.testNeighbours,
		"Tallies":           s.testTallies,
		"Outdated":          s.testOutdated,
		"Isolation":         s.testIsolation,
		"Lists":             s.testLists,
		"ListPages":         s.testListPages,
		"ListAdmits":        s.testListAdmits,
		"Ranks":             s.testRanks,
		"SearchFollows":     s.testSearchFollows,
		"Revisions":         s.testRevisions,
		"RevisionsFilter":   s.testRevisionsFilter,
		"Changes":           s.testChanges,
		"ChangesWhile":      s.testChangesWhile,
		"Idempotency":       s.testIdempotency,
		"Agents":            s.testAgents,
		"Models":            s.testModels,
		"Unmatched":         s.testUnmatched,
		"Versions":          s.testVersions,
		"Purge":             s.testPurge,
		"Deleted":           s.testDeleted,
		"TxReadsItsWrites":  s.testTxReadsItsWrites,
		"TxIsUnseen":        s.testTxIsUnseen,
		"WriteError":        s.testWriteError,
		"WritePanic":        s.testWritePanic,
		"WriteCancelled":    s.testWriteCancelled,
		"WritesTakeTurns":   s.testWritesTakeTurns,
		"WriteLong":         s.testWriteLong,
		"ReadCancelled":     s.testReadCancelled,
		"AllIsOfOneMoment":  s.testAllIsOfOneMoment,
		"ReadsDuringWrites": s.testReadsDuringWrites,
		"Compact":           s.testCompact,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

type suite struct {
	open  func(t *testing.T) entity.Store
	kinds []*entity.Kind
}

// Day is when everything of a Library was made.
var Day = time.Date(2024, 2, 29, 12, 34, 56, 789e6, time.UTC)

// Library is a store with an organization, two workspaces and two users.
type Library struct {
	entity.Store
	Organization     account.Organization
	Workspace, Other account.Workspace
	Owner, Member    account.User
	revisions        int
}

// Fill adds the accounts of a Library to an empty store.
func Fill(t testing.TB, s entity.Store) *Library {
	t.Helper()
	l := &Library{
		Store:        s,
		Organization: account.Organization{OID: "og_1", Name: "Acme", Slug: "acme", Domain: new("acme.example"), CreatedAt: Day},
		Workspace:    account.Workspace{OID: "wa_1", OrganizationOID: "og_1", Name: "Sales", CreatedAt: Day},
		Other:        account.Workspace{OID: "wa_2", OrganizationOID: "og_1", Name: "Product", Domain: new("product.acme.example"), CreatedAt: Day.Add(time.Second)},
		Owner:        account.User{OID: "u_1", OrganizationOID: "og_1", FirstName: "Ada", LastName: "Lovelace", Email: new("ada@acme.example"), Role: account.RoleOwner, CreatedAt: Day},
		Member:       account.User{OID: "u_2", OrganizationOID: "og_1", FirstName: "Grace", Role: account.RoleMember, CreatedAt: Day.Add(time.Second)},
	}
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		return errors.Join(
			tx.InsertOrganization(ctx, &l.Organization),
			tx.InsertWorkspace(ctx, &l.Workspace), tx.InsertWorkspace(ctx, &l.Other),
			tx.InsertUser(ctx, &l.Owner), tx.InsertUser(ctx, &l.Member),
		)
	})
	return l
}

func (s suite) library(t *testing.T) *Library {
	t.Helper()
	return Fill(t, s.open(t))
}

// MustWrite writes what must succeed.
func (l *Library) MustWrite(t testing.TB, fn func(context.Context, entity.Tx) error) {
	t.Helper()
	if err := l.Write(t.Context(), fn); err != nil {
		t.Fatalf("Write: %v", err)
	}
}

// Persona returns a persona of the first workspace with nothing but what it
// needs, after which edit may change it.
func (l *Library) Persona(oID, name string, edit ...func(*entity.Stored)) *entity.Stored {
	s := &entity.Stored{Row: entity.Row{
		Ref:  entity.Ref{Workspace: l.Workspace.OID, Kind: "persona", OID: oID},
		Name: name, Author: l.Owner.Author(), Shape: 1, CreatedAt: Day, UpdatedAt: Day,
	}}
	for _, edit := range edit {
		edit(s)
	}
	return Seal(s)
}

// Seal fills what a stored entity derives from others of its fields, where it is
// not set: its document, its tag and its words.
func Seal(s *entity.Stored) *entity.Stored {
	if s.Document == nil {
		s.Document = fmt.Appendf(nil, `{"oId":%q,"kind":%q,"name":%q,"updatedAt":%q}`, s.OID, s.Kind, s.Name, s.UpdatedAt)
	}
	if s.Hidden == nil {
		s.Hidden = []byte("{}")
	}
	if s.Words.Names == nil {
		s.Words = search.Cut(search.Texts{Whole: []string{s.Name}, Names: []string{s.Name}})
	}
	s.Tag = entity.TagOf(s.Document, s.Hidden)
	return s
}

// Change returns a revision for a change by the owner.
func (l *Library) Change(action entity.Action, at time.Time) *entity.Revision {
	l.revisions++
	return &entity.Revision{
		RevisionOID: fmt.Sprintf("rv_%d", l.revisions), Action: action, Author: l.Owner.Author(), KeyOID: "ak_1", Source: entity.SourceAPI, At: at,
	}
}

// Insert adds entities, each with a revision.
func (l *Library) Insert(t testing.TB, entities ...*entity.Stored) {
	t.Helper()
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		for _, s := range entities {
			if err := tx.Insert(ctx, s, l.Change(entity.ActionCreated, s.CreatedAt)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Replace replaces entities, each with a revision.
func (l *Library) Replace(t testing.TB, entities ...*entity.Stored) {
	t.Helper()
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		for _, s := range entities {
			if err := tx.Replace(ctx, s, l.Change(entity.ActionUpdated, s.UpdatedAt)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (l *Library) key(oID string, workspace account.Workspace) *account.APIKey {
	return &account.APIKey{
		OID: oID, WorkspaceOID: workspace.OID, UserOID: l.Owner.OID, Name: "key " + oID,
		Scopes: account.Scopes{account.ScopeRead}, Digest: account.Digest{1, 2, 3, 31: 0xff}, CreatedAt: Day,
	}
}

func (l *Library) insertKeys(t testing.TB, keys ...*account.APIKey) {
	t.Helper()
	l.MustWrite(t, func(ctx context.Context, tx entity.Tx) error {
		for _, k := range keys {
			if err := tx.InsertAPIKey(ctx, k); err != nil {
				return err
			}
		}
		return nil
	})
}

// everything returns all rows of a kind.
func everything(t testing.TB, r entity.Reader, workspace, kind string) []*entity.Row {
	t.Helper()
	var rows []*entity.Row
	for row, err := range r.All(t.Context(), workspace, kind) {
		if err != nil {
			t.Fatalf("All(%s, %s): %v", workspace, kind, err)
		}
		rows = append(rows, row)
	}
	return rows
}

func names(rows []*entity.Row) []string {
	list := make([]string, 0, len(rows))
	for _, r := range rows {
		list = append(list, r.Name)
	}
	return list
}

func ids(rows []*entity.Row) []string {
	list := make([]string, 0, len(rows))
	for _, r := range rows {
		list = append(list, r.OID)
	}
	return list
}

// same fails the test where a store gave back something else than it was given:
// no list and an empty one are the same, a time in another zone is not.
func same(t testing.TB, what string, want, got any) {
	t.Helper()
	filled := func(a, b []byte) bool { return len(a) > 0 && len(b) > 0 }
	diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.FilterValues(filled, cmp.Comparer(bytes.Equal)),
		cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) && a.Location() == b.Location() }))
	if diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, shorten(diff))
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

func wantKind(t testing.TB, what string, err error, want errs.Kind) {
	t.Helper()
	known, ok := errors.AsType[*errs.Error](err)
	switch {
	case !ok:
		t.Errorf("%s: error = %v, want an errs.Error of kind %s", what, err, want)
	case known.Kind != want:
		t.Errorf("%s: error %q is of kind %s, want %s", what, err, known.Kind, want)
	case known.Code == "" || known.Message == "":
		t.Errorf("%s: error %#v has no code or no message", what, known)
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
