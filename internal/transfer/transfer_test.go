package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/persona"
	"personae.dev/internal/store"
	"personae.dev/internal/store/postgrestest"
	"personae.dev/internal/transfer"
)

func TestCopy(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]way{
		"SQLiteToPostgreSQL": {newSQLite, postgrestest.New},
		"PostgreSQLToSQLite": {postgrestest.New, newSQLite},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("OK", w.testOK)
			t.Run("CutOff", w.testCutOff)
			t.Run("OtherInstallation", w.testOtherInstallation)
			t.Run("ChangedBetween", w.testChangedBetween)
			t.Run("TargetHasMore", w.testTargetHasMore)
			t.Run("ChangedWhileCopied", w.testChangedWhileCopied)
			t.Run("ChangedWhileVerified", w.testChangedWhileVerified)
		})
	}
}

// way makes empty databases to copy between.
type way struct {
	from, to func(t testing.TB) (url string)
}

func newSQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "personae.db")
}

// fixture is an installation, and an empty database.
type fixture struct {
	fromURL  string
	from, to persona.Store
}

func (w way) setup(t *testing.T) *fixture {
	t.Helper()
	fromURL := w.from(t)
	f := &fixture{fromURL: fromURL, from: open(t, fromURL), to: open(t, w.to(t))}
	fill(t, f.from)
	return f
}

func open(t *testing.T, url string) persona.Store {
	t.Helper()
	patient := store.Settings{StatementTimeout: time.Minute, ConnectTimeout: time.Minute}
	s, err := store.Open(t.Context(), url, store.Options{Create: true, Settings: patient})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func write(t *testing.T, s persona.Store, fn func(ctx context.Context, tx persona.Tx) error) {
	t.Helper()
	if err := s.Write(t.Context(), func(tx persona.Tx) error { return fn(t.Context(), tx) }); err != nil {
		t.Fatalf("Write: %v", err)
	}
}

var day = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func fill(t *testing.T, s persona.Store) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx persona.Tx) error {
		owner := persona.User{OID: "u_1", OrganizationOID: "og_1", Role: persona.RoleOwner, CreatedAt: day}
		p := &persona.Persona{OID: "pe_1", WorkspaceOID: "wa_1", Name: "Ann", Author: owner, CreatedAt: day, UpdatedAt: day}
		err := errors.Join(
			tx.InsertOrganization(ctx, &persona.Organization{OID: "og_1", Name: "Example", Slug: "example", CreatedAt: day}),
			tx.InsertWorkspace(ctx, &persona.Workspace{OID: "wa_1", OrganizationOID: "og_1", Name: "Sales", CreatedAt: day}),
			tx.InsertUser(ctx, &owner), tx.InsertPersona(ctx, p),
			tx.InsertAPIKey(ctx, &persona.APIKey{OID: "ak_1", WorkspaceOID: "wa_1", UserOID: "u_1", Scopes: []persona.Scope{persona.ScopeRead}, CreatedAt: day}),
			tx.InsertRevision(ctx, &persona.Revision{OID: "rv_1", Persona: p, Action: persona.ActionCreated, User: owner, At: day}),
		)
		return err
	})
	answer(t, s, "first", 10)
}

// answer adds a first answer of so many bytes.
func answer(t *testing.T, s persona.Store, key string, size int) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx persona.Tx) error {
		text := []byte(strings.Repeat("\\", size))
		return tx.PutFirstAnswer(ctx, &persona.FirstAnswer{WorkspaceOID: "wa_1", Key: key, PersonaOID: "pe_1", Answer: text, At: day})
	})
}

// change is what a server may do to a database.
func change(t *testing.T, s persona.Store) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx persona.Tx) error {
		p, err := tx.Persona(ctx, "wa_1", "pe_1")
		if err != nil {
			return err
		}
		p.Name += " B."
		return tx.ReplacePersona(ctx, p)
	})
}

func (f *fixture) copy(t *testing.T, progress transfer.Progress) (*transfer.Report, error) {
	t.Helper()
	return transfer.Copy(t.Context(), f.from, f.to, progress)
}

func quiet(transfer.Stage, int, int) {}

// rows are all that a store has.
func rows(t *testing.T, s persona.Store) (all []persona.Row) {
	t.Helper()
	for row, err := range s.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	return all
}

func wantCode(t *testing.T, err error, code string, texts ...string) {
	t.Helper()
	told, ok := errors.AsType[*persona.Error](err)
	if !ok || told.Code != code {
		t.Fatalf("error is %v, want %s", err, code)
	}
	for _, text := range texts {
		if !strings.Contains(told.Message, text) {
			t.Errorf("%q does not tell of %q", told.Message, text)
		}
	}
}

func wantSame(t *testing.T, f *fixture) {
	t.Helper()
	if diff := cmp.Diff(rows(t, f.from), rows(t, f.to)); diff != "" {
		t.Errorf("rows (-source +target):\n%.2000s", diff)
	}
}

func (w way) testOK(t *testing.T) {
	t.Parallel()
	f := w.setup(t)
	const all = 7
	seen := map[transfer.Stage]int{}
	first, err := f.copy(t, func(stage transfer.Stage, done, total int) {
		if total != all || done < seen[stage] {
			t.Errorf("%s: %d of %d rows after %d", stage, done, total, seen[stage])
		}
		seen[stage] = done
	})
	if err != nil {
		t.Fatal(err)
	}
	if first.Copied != all || first.Before != 0 || first.Sums[persona.FirstAnswerRows].Rows != 1 {
		t.Errorf("report is %+v", first)
	}
	if diff := cmp.Diff(map[transfer.Stage]int{transfer.Copying: all, transfer.Verifying: all}, seen); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	wantSame(t, f)
	f.to = &failing{Store: f.to} // which is only read
	again, err := f.copy(t, quiet)
	if err != nil || again.Copied != 0 || again.Before != all || again.Sums != first.Sums {
		t.Errorf("the second time: %+v, %v; the first time: %+v", again, err, first)
	}
}

// failing is a store whose writes fail after some.
type failing struct {
	persona.Store
	left int
}

var errFailing = errors.New("the target went away")

// Write implements persona.Store.
func (s *failing) WriteAlone(ctx context.Context, fn func(persona.Tx) error) error {
	if s.left == 0 {
		return errFailing
	}
	s.left--
	return s.Store.WriteAlone(ctx, fn)
}

// cutOff copies a part of what is too much for one transaction.
func (f *fixture) cutOff(t *testing.T) {
	t.Helper()
	for i := range 3 {
		answer(t, f.from, fmt.Sprintf("large_%d", i), 5<<20)
	}
	if _, err := transfer.Copy(t.Context(), f.from, &failing{f.to, 1}, quiet); !errors.Is(err, errFailing) {
		t.Fatalf("Copy: %v, want %v", err, errFailing)
	}
}

func (w way) testCutOff(t *testing.T) {
	t.Parallel()
	f := w.setup(t)
	f.cutOff(t)
	report, err := f.copy(t, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if report.Before == 0 || report.Copied == 0 {
		t.Errorf("report is %+v", report)
	}
	wantSame(t, f)
}

func (w way) testOtherInstallation(t *testing.T) {
	t.Parallel()
	f := w.setup(t)
	write(t, f.to, func(ctx context.Context, tx persona.Tx) error {
		return tx.InsertOrganization(ctx, &persona.Organization{OID: "og_0", Name: "Other", Slug: "other", CreatedAt: day})
	})
	_, err := f.copy(t, quiet)
	wantCode(t, err, transfer.CodeTargetDiffers, "another installation", "organizations og_0 is in the target only")
	if n := len(rows(t, f.to)); n != 1 {
		t.Errorf("the target has %d rows", n)
	}
}

func (w way) testChangedBetween(t *testing.T) {
	t.Parallel()
	f := w.setup(t)
	f.cutOff(t)
	change(t, f.from)
	there := rows(t, f.to)
	_, err := f.copy(t, quiet)
	wantCode(t, err, transfer.CodeTargetDiffers, "one of both was changed", "personas wa_1 pe_1 is not the same")
	if diff := cmp.Diff(there, rows(t, f.to)); diff != "" {
		t.Errorf("the target was changed (-before +after):\n%.2000s", diff)
	}
}

func (w way) testTargetHasMore(t *testing.T) {
	t.Parallel()
	f := w.setup(t)
	if _, err := f.copy(t, quiet); err != nil {
		t.Fatal(err)
	}
	answer(t, f.to, "new", 10)
	_, err := f.copy(t, quiet)
	wantCode(t, err, transfer.CodeTargetDiffers, "first answers wa_1 new is in the target only")
}

func (w way) testChangedWhileCopied(t *testing.T) {
	t.Parallel()
	f := w.setup(t)
	other, changed := open(t, f.fromURL), false
	_, err := f.copy(t, func(stage transfer.Stage, _, _ int) {
		if stage == transfer.Copying && !changed {
			changed = true
			change(t, other)
		}
	})
	wantCode(t, err, transfer.CodeCopyDiffers, "changed meanwhile", "personas wa_1 pe_1 is not the same")
}

func (w way) testChangedWhileVerified(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(t *testing.T, s persona.Store)
		told   string
	}{
		"RowAdded": {func(t *testing.T, s persona.Store) { t.Helper(); answer(t, s, "late", 10) }, "the source had 7 rows, and has 8"},
		"KeyUsed": {func(t *testing.T, s persona.Store) {
			t.Helper()
			write(t, s, func(ctx context.Context, tx persona.Tx) error {
				return tx.TouchAPIKeys(ctx, map[string]time.Time{"ak_1": day})
			})
		}, "API keys ak_1 is not the same"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := w.setup(t)
			other := open(t, f.fromURL)
			_, err := f.copy(t, func(stage transfer.Stage, done, total int) {
				if stage == transfer.Verifying && done == total {
					test.change(t, other)
				}
			})
			wantCode(t, err, transfer.CodeCopyDiffers, "changed meanwhile", test.told)
		})
	}
}
