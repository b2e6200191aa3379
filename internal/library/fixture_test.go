package library_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/entity/entitytest"
	"personae.dev/internal/errs"
	"personae.dev/internal/kind"
	"personae.dev/internal/library"
	"personae.dev/internal/store/storetest"
)

// fixture is a library with two workspaces, a clock that does not move, and a
// caller who may do everything in the first workspace.
type fixture struct {
	*library.Library
	store            entity.Store
	setUp            *library.Setup
	workspace, other account.Workspace
	member           account.User
	caller           library.Caller
	now              time.Time
	// persona is the kind of most tests; sample has every type of field.
	persona, sample, single *entity.Kind
}

// registry has the kinds of the product, and those for tests.
func registry() *entity.Registry {
	return entity.NewRegistry(append(kind.Registry().Kinds(), entitytest.Kind(), entitytest.Singleton())...)
}

func setup(t *testing.T) *fixture {
	t.Helper()
	return setupOn(t, storetest.Open(t))
}

func setupOn(t *testing.T, store entity.Store) *fixture {
	t.Helper()
	f := &fixture{store: store, now: time.Date(2024, 6, 1, 12, 0, 0, 1e6, time.UTC)}
	var err error
	f.Library, err = library.New(library.Config{
		Store: store, Registry: registry(), CacheBytes: 1 << 20, Now: func() time.Time { return f.now },
	})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	f.persona, f.sample, f.single = f.kind(t, "persona"), f.kind(t, "test-sample"), f.kind(t, "test-single")
	if f.setUp, err = f.SetUp(t.Context(), library.SetUpOptions{}); err != nil {
		t.Fatalf("SetUp: %v", err)
	}
	f.workspace = f.setUp.Workspace
	other, err := f.CreateWorkspace(t.Context(), library.NewWorkspace{Name: "Other"})
	if err != nil {
		t.Fatalf("CreateWorkspace: %v", err)
	}
	member, err := f.CreateUser(t.Context(), library.NewUser{FirstName: "Member", Role: account.RoleMember, Workspace: f.workspace})
	if err != nil {
		t.Fatalf("CreateUser: %v", err)
	}
	f.other, f.member = *other, *member
	f.caller = f.as(t, f.setUp.Token)
	return f
}

func (f *fixture) kind(t *testing.T, name string) *entity.Kind {
	t.Helper()
	k, err := f.Registry().Kind(name)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// as returns the caller who has a token.
func (f *fixture) as(t *testing.T, token string) library.Caller {
	t.Helper()
	p, err := f.Authenticate(t.Context(), token)
	if err != nil {
		t.Fatalf("Authenticate: %v", err)
	}
	return library.Caller{Principal: p, Source: entity.SourceAPI}
}

// callerOf returns a caller with a new key.
func (f *fixture) callerOf(t *testing.T, w account.Workspace, u account.User, scopes ...account.Scope) library.Caller {
	t.Helper()
	return f.as(t, f.tokenOf(t, w, u, scopes...))
}

func (f *fixture) tokenOf(t *testing.T, w account.Workspace, u account.User, scopes ...account.Scope) string {
	t.Helper()
	if len(scopes) == 0 {
		scopes = account.Scopes{account.ScopeAdmin}
	}
	token, _, err := f.CreateKey(t.Context(), library.NewKey{Workspace: w, User: u, Scopes: scopes})
	if err != nil {
		t.Fatalf("CreateKey: %v", err)
	}
	return token
}

// patch returns the patch of a body without errors of form.
func patch(t *testing.T, k *entity.Kind, body string, mode entity.Mode) *entity.Patch {
	t.Helper()
	p, fields := k.Decode([]byte(body), mode)
	if len(p.Unknown) > 0 || len(fields) > 0 {
		t.Fatalf("%s: unknown %q, errors %v", body, p.Unknown, fields)
	}
	return p
}

func (f *fixture) createOf(t *testing.T, k *entity.Kind, body string) *library.Written {
	t.Helper()
	written, err := f.Create(t.Context(), f.caller, k, library.Create{Patch: patch(t, k, body, entity.Mode{Create: true}), Body: []byte(body)})
	if err != nil {
		t.Fatalf("Create(%s): %v", body, err)
	}
	return written
}

func (f *fixture) create(t *testing.T, body string) *library.Written {
	t.Helper()
	return f.createOf(t, f.persona, body)
}

func (f *fixture) update(t *testing.T, oID, body string) *library.Written {
	t.Helper()
	written, err := f.Update(t.Context(), f.caller, f.persona, library.Target{OID: oID}, patch(t, f.persona, body, entity.Mode{}))
	if err != nil {
		t.Fatalf("Update(%s): %v", body, err)
	}
	return written
}

// get returns a persona past all caches.
func (f *fixture) get(t *testing.T, oID string) *entity.Entity {
	t.Helper()
	e, err := f.load(t.Context(), oID)
	if err != nil {
		t.Fatalf("Row(%s): %v", oID, err)
	}
	return e
}

func (f *fixture) load(ctx context.Context, oID string) (*entity.Entity, error) {
	row, err := f.store.Row(ctx, entity.Ref{Workspace: f.workspace.OID, Kind: "persona", OID: oID}, nil)
	if err != nil {
		return nil, err
	}
	return f.persona.Load(row)
}

func (f *fixture) revisions(t *testing.T, oID string) []*entity.Revision {
	t.Helper()
	page, err := f.Revisions(t.Context(), f.caller, entity.RevisionQuery{OIDs: []string{oID}, Restored: true, Limit: library.MaxRevisions})
	if err != nil || page.Total != len(page.Revisions) {
		t.Fatalf("Revisions: %+v, %v", page, err)
	}
	return page.Revisions
}

func (f *fixture) export(t *testing.T, workspace account.Workspace, kinds ...*entity.Kind) string {
	t.Helper()
	var b bytes.Buffer
	for record, err := range f.Export(t.Context(), workspace, kinds...) {
		if err != nil {
			t.Fatalf("Export: %v", err)
		}
		b.Write(append(record, '\n'))
	}
	return b.String()
}

// importText imports lines into the first workspace, and returns what was told
// of lines with errors, too.
func (f *fixture) importText(t *testing.T, o library.ImportOptions, lines ...string) (library.ImportReport, []string, error) {
	t.Helper()
	var told []string
	if o.Workspace.OID == "" {
		o.Workspace = f.workspace
	}
	if o.Author.OID == "" {
		o.Author = f.setUp.Owner
	}
	o.Invalid = func(line int, fields []errs.Field) {
		for _, field := range fields {
			told = append(told, fmt.Sprintf("%d: %s", line, field))
		}
	}
	report, err := f.Import(t.Context(), o, library.ReadLines(strings.NewReader(strings.Join(lines, "\n"))))
	return report, told, err
}

// mustImport is importText of what has no errors.
func (f *fixture) mustImport(t *testing.T, want library.ImportReport, o library.ImportOptions, lines ...string) {
	t.Helper()
	report, told, err := f.importText(t, o, lines...)
	if diff := cmp.Diff(want, report, cmpopts.EquateEmpty()); err != nil || len(told) > 0 || diff != "" {
		t.Fatalf("Import: %v; errors %q; report (-want +got):\n%s", err, told, diff)
	}
}

// domainError returns the errs.Error of err, nil for another or none.
func domainError(err error) *errs.Error {
	domain, _ := errors.AsType[*errs.Error](err)
	return domain
}

// wantCode fails the test unless err has the kind and code.
func wantCode(t *testing.T, what string, err error, kind errs.Kind, code string) *errs.Error {
	t.Helper()
	domain := domainError(err)
	if domain == nil || domain.Kind != kind || domain.Code != code {
		t.Fatalf("%s: %v, want %s of kind %s", what, err, code, kind)
	}
	return domain
}

// wantFields fails the test unless err is Invalid with these paths, in order.
func wantFields(t *testing.T, what string, err error, paths ...string) {
	t.Helper()
	domain := wantCode(t, what, err, errs.Invalid, errs.CodeInvalidRequest)
	var got []string
	for _, field := range domain.Fields {
		got = append(got, field.Path)
	}
	if diff := cmp.Diff(paths, got); diff != "" {
		t.Errorf("%s: %v; paths (-want +got):\n%s", what, domain.Fields, diff)
	}
}

func diff(want, got *entity.Entity) string { return cmp.Diff(want, got, cmpopts.EquateEmpty()) }
