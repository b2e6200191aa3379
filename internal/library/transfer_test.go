package library_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"personae.dev/internal/library"
	"personae.dev/internal/persona"
	"personae.dev/internal/store"
	"personae.dev/internal/store/storetest"
	"personae.dev/internal/wire"
)

// transfer is a library with two workspaces, and a clock that stands still.
type transfer struct {
	*library.Library
	store     persona.Store
	setUp     *library.Setup
	workspace persona.Workspace
	other     persona.Workspace
	member    persona.User
	now       time.Time
	// meanwhile is what others do after a transaction has looked for a first
	// answer.
	meanwhile func()
}

// beside is the store of a transfer, with others beside.
type beside struct {
	persona.Store
	f *transfer
}

// Write implements persona.Store.
func (b beside) Write(ctx context.Context, fn func(persona.Tx) error) error {
	return b.Store.Write(ctx, func(tx persona.Tx) error { return fn(besideTx{tx, b.f}) })
}

type besideTx struct {
	persona.Tx
	f *transfer
}

// FirstAnswer implements persona.Reader.
func (b besideTx) FirstAnswer(ctx context.Context, workspaceOID, key string) (*persona.FirstAnswer, error) {
	first, err := b.Tx.FirstAnswer(ctx, workspaceOID, key)
	b.f.meanwhile()
	return first, err
}

func setupTransfer(t *testing.T) *transfer {
	t.Helper()
	return setupTransferOn(t, "sqlite:"+filepath.Join(t.TempDir(), "personae.db"))
}

func setupTransferOn(t *testing.T, database string) *transfer {
	t.Helper()
	s, err := store.Open(t.Context(), database, store.Options{Create: true})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	f := &transfer{store: s, now: time.Date(2024, 6, 1, 12, 0, 0, 1e6, time.UTC), meanwhile: func() {}}
	f.Library, err = library.New(library.Config{
		Store: beside{s, f}, Render: wire.AppendPersona, CacheBytes: 1 << 20, Now: func() time.Time { return f.now },
	})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	if f.setUp, err = f.SetUp(t.Context()); err != nil {
		t.Fatalf("SetUp: %v", err)
	}
	f.workspace = f.setUp.Workspace
	other, err := f.CreateWorkspace(t.Context(), library.NewWorkspace{Name: "Other"})
	if err != nil {
		t.Fatalf("CreateWorkspace: %v", err)
	}
	member, err := f.CreateUser(t.Context(), library.NewUser{FirstName: "Member", Role: persona.RoleMember, Workspace: f.workspace})
	if err != nil {
		t.Fatalf("CreateUser: %v", err)
	}
	f.other, f.member = *other, *member
	return f
}

// lines reads lines as a file's.
func lines(r io.Reader) iter.Seq2[library.ImportLine, error] {
	return func(yield func(library.ImportLine, error) bool) {
		for line, err := range wire.DecodeLines(r) {
			if !yield(library.ImportLine{Number: line.Number, Size: line.Size, Persona: line.Persona, Faults: line.Faults}, err) {
				return
			}
		}
	}
}

// load imports text into the first workspace, and returns what was told of
// faulty lines too.
func (f *transfer) load(t *testing.T, opts library.ImportOptions, text ...string) (library.ImportReport, []string, error) {
	t.Helper()
	var told []string
	if opts.Workspace.OID == "" {
		opts.Workspace = f.workspace
	}
	if opts.Author.OID == "" {
		opts.Author = f.setUp.Owner
	}
	opts.Fault = func(line int, faults []persona.Fault) {
		for _, fault := range faults {
			told = append(told, fmt.Sprintf("%d: %s", line, fault))
		}
	}
	report, err := f.Import(t.Context(), opts, lines(strings.NewReader(strings.Join(text, "\n"))))
	return report, told, err
}

// mustLoad is load of what has no faults.
func (f *transfer) mustLoad(t *testing.T, want library.ImportReport, opts library.ImportOptions, text ...string) {
	t.Helper()
	report, told, err := f.load(t, opts, text...)
	if err != nil || len(told) > 0 || report != want {
		t.Fatalf("Import = %+v, %v; want %+v. Faults: %q", report, err, want, told)
	}
}

func (f *transfer) get(t *testing.T, oID string) *persona.Persona {
	t.Helper()
	p, err := f.store.Persona(t.Context(), f.workspace.OID, oID)
	if err != nil {
		t.Fatalf("Persona(%s): %v", oID, err)
	}
	return p
}

// export returns the workspace as a file.
func (f *transfer) export(t *testing.T, workspace persona.Workspace) []byte {
	t.Helper()
	var b bytes.Buffer
	for p, err := range f.Export(t.Context(), workspace) {
		if err != nil {
			t.Fatalf("Export: %v", err)
		}
		line, err := wire.EncodeRecord(p)
		if err != nil {
			t.Fatalf("EncodeRecord: %v", err)
		}
		b.Write(append(line, '\n'))
	}
	return b.Bytes()
}

// wantNothing fails the test where an import left something.
func (f *transfer) wantNothing(t *testing.T) {
	t.Helper()
	if left := f.export(t, f.workspace); len(left) > 0 {
		t.Errorf("this was left:\n%s", left)
	}
}

const (
	lineA = `{"oId":"pe_a","name":"A","painPoints":["p"],"createdAt":"2020-01-01T00:00:00.000Z","updatedAt":"2021-01-01T00:00:00.000Z"}`
	lineB = `{"oId":"pe_b","name":"B","createdAt":"2020-01-02T00:00:00.000Z","updatedAt":"2021-01-02T00:00:00.000Z"}`
)

func TestImportNew(t *testing.T) {
	t.Parallel()
	f := setupTransfer(t)
	f.mustLoad(t, library.ImportReport{Created: 4}, library.ImportOptions{Author: f.member},
		lineA, "", `{"oId":"mine","name":"only an id"}`, `{"oId":"created","name":"x","createdAt":"2020-01-01T00:00:00+01:00"}`,
		`{"oId":"updated","name":"x","updatedAt":"2020-01-01T00:00:00Z"}`)

	a := f.get(t, "pe_a")
	want := &persona.Persona{
		WorkspaceOID: f.workspace.OID, OID: "pe_a", Author: f.member, Name: "A", PainPoints: []string{"p"}, Active: true,
		CreatedAt: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), UpdatedAt: time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, a, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("persona (-want +got):\n%s", diff)
	}
	for oID, want := range map[string][2]time.Time{
		"mine":    {f.now, f.now},
		"created": {time.Date(2019, 12, 31, 23, 0, 0, 0, time.UTC), time.Date(2019, 12, 31, 23, 0, 0, 0, time.UTC)},
		"updated": {f.now, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if p := f.get(t, oID); !p.CreatedAt.Equal(want[0]) || !p.UpdatedAt.Equal(want[1]) {
			t.Errorf("%s was created at %s and updated at %s, want %s", oID, p.CreatedAt, p.UpdatedAt, want)
		}
	}
}

func TestImportMakesIDs(t *testing.T) {
	t.Parallel()
	f := setupTransfer(t)
	f.mustLoad(t, library.ImportReport{Created: 3}, library.ImportOptions{}, `{"name":"1"}`, `{"name":"2","oId":null}`, `{"name":"3","oId":""}`)
	n := 0
	for p, err := range f.Export(t.Context(), f.workspace) {
		if n++; err != nil || !strings.HasPrefix(p.OID, "pe_") || p.Name != strconv.Itoa(n) {
			t.Errorf("persona %d is %+v, %v; want them in the order of the file", n, p, err)
		}
	}
}

func TestImportTwice(t *testing.T) {
	t.Parallel()
	f := setupTransfer(t)
	text := []string{lineA, lineB, `{"oId":"pe_c","name":"no dates","keyConcerns":[]}`}
	f.mustLoad(t, library.ImportReport{Created: 3}, library.ImportOptions{}, text...)
	before, author := f.export(t, f.workspace), f.get(t, "pe_a").Author
	f.now = f.now.Add(time.Hour)
	f.mustLoad(t, library.ImportReport{Unchanged: 3}, library.ImportOptions{Author: f.member}, text...)
	if diff := cmp.Diff(string(before), string(f.export(t, f.workspace))); diff != "" {
		t.Errorf("a second import changed this (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(author, f.get(t, "pe_a").Author); diff != "" {
		t.Errorf("author (-before +after):\n%s", diff)
	}
}

func TestImportUpdates(t *testing.T) {
	t.Parallel()
	created, updated := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name, line       string
		want             library.ImportReport
		created, updated time.Time // zero: now
	}{
		{"ContentWithoutDates", `{"oId":"pe_a","name":"new"}`, library.ImportReport{Updated: 1}, created, time.Time{}},
		{"ContentWithUpdatedAt", `{"oId":"pe_a","name":"new","updatedAt":"2022-01-01T00:00:00Z"}`, library.ImportReport{Updated: 1}, created, updated.AddDate(1, 0, 0)},
		{"ContentWithSameUpdatedAt", `{"oId":"pe_a","name":"new","updatedAt":"2021-01-01T00:00:00Z"}`, library.ImportReport{Updated: 1}, created, updated},
		{"ContentWithCreatedAt", `{"oId":"pe_a","name":"new","createdAt":"2019-01-01T00:00:00Z"}`, library.ImportReport{Updated: 1}, created.AddDate(-1, 0, 0), time.Time{}},
		{"OnlyUpdatedAt", strings.Replace(lineA, "2021-", "2022-", 1), library.ImportReport{Updated: 1}, created, updated.AddDate(1, 0, 0)},
		{"OnlyCreatedAt", strings.Replace(lineA, "2020-", "2019-", 1), library.ImportReport{Updated: 1}, created.AddDate(-1, 0, 0), updated},
		{"Deleted", strings.Replace(lineA, "}", `,"deletedAt":"2023-01-01T00:00:00Z"}`, 1), library.ImportReport{Updated: 1}, created, updated},
		{"SameWithoutDates", `{"oId":"pe_a","name":"A","painPoints":["p"]}`, library.ImportReport{Unchanged: 1}, created, updated},
		{"SameWithOneDate", `{"oId":"pe_a","name":"A","painPoints":["p"],"createdAt":"2020-01-01T00:00:00.0009Z"}`, library.ImportReport{Unchanged: 1}, created, updated},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := setupTransfer(t)
			f.mustLoad(t, library.ImportReport{Created: 2}, library.ImportOptions{}, lineA, lineB)
			f.now = f.now.Add(time.Hour)
			f.mustLoad(t, test.want, library.ImportOptions{Author: f.member}, test.line)
			if test.updated.IsZero() {
				test.updated = f.now
			}
			p := f.get(t, "pe_a")
			if !p.CreatedAt.Equal(test.created) || !p.UpdatedAt.Equal(test.updated) {
				t.Errorf("created at %s and updated at %s, want %s and %s", p.CreatedAt, p.UpdatedAt, test.created, test.updated)
			}
			if p.Author.OID != f.setUp.Owner.OID {
				t.Errorf("the author is %s, want the first", p.Author.OID)
			}
			if strings.Contains(test.line, `"new"`) && (p.Name != "new" || p.PainPoints != nil) {
				t.Errorf("the persona is %+v, want no more than the line says", p)
			}
			if b := f.get(t, "pe_b"); b.Name != "B" || b.UpdatedAt.Equal(f.now) {
				t.Errorf("the persona beside is %+v", b)
			}
		})
	}
}

func TestImportAllOrNothing(t *testing.T) {
	t.Parallel()
	f := setupTransfer(t)
	text := []string{
		lineA,                              // 1
		`{"name":"","description":1}`,      // 2
		"",                                 // 3
		`{"oId":"pe_c","name":"\u0000"}`,   // 4
		lineB,                              // 5
		`{"name":"x","createdAt":"today"}`, // 6
		`not JSON`,                         // 7
		lineA,                              // 8
		`{"name":"y","customFields":[{"value":["v",""]}],"archivedAt":"0000-01-01T00:00:00Z"}`, // 9
	}
	wantTold := []string{
		"2: description: must be a text or null, and is a number", "2: name: must not be empty",
		"4: name: has the control character U+0000 at byte 0: remove it",
		"6: createdAt: is not an RFC 3339 date: write it as 2021-01-01T00:00:00.000Z",
		"7: body: is not JSON: invalid character 'o' in literal null (expecting 'u') at byte 2",
		"8: oId: stands in line 1 too: keep one of them",
		"9: customFields[0].title: must not be empty", "9: customFields[0].value[1]: must not be empty",
		"9: archivedAt: is outside the years 1 to 9999",
	}
	report, told, err := f.load(t, library.ImportOptions{}, text...)
	if persona.KindOf(err) != persona.Invalid || report.Invalid != 6 {
		t.Errorf("Import = %+v, %v; want 6 lines with faults", report, err)
	}
	if diff := cmp.Diff(wantTold, told); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	f.wantNothing(t)

	report, told, err = f.load(t, library.ImportOptions{SkipInvalid: true}, text...)
	if want := (library.ImportReport{Created: 2, Invalid: 6}); err != nil || report != want {
		t.Errorf("Import that skips = %+v, %v; want %+v", report, err, want)
	}
	if diff := cmp.Diff(wantTold, told); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(lineA+"\n"+lineB+"\n", string(f.export(t, f.workspace))); diff != "" {
		t.Errorf("library (-want +got):\n%s", diff)
	}
}

func TestImportSameIDTwice(t *testing.T) {
	t.Parallel()
	f := setupTransfer(t)
	again := `{"oId":"pe_a","name":"again"}`
	for _, before := range []int{0, 1} { // whether the library has it or not
		_, told, err := f.load(t, library.ImportOptions{}, lineA, "", again, again)
		want := []string{"3: oId: stands in line 1 too: keep one of them", "4: oId: stands in line 3 too: keep one of them"}
		if diff := cmp.Diff(want, told); diff != "" || persona.KindOf(err) != persona.Invalid {
			t.Errorf("Import: %v; faults (-want +got):\n%s", err, diff)
		}
		if n := bytes.Count(f.export(t, f.workspace), []byte("\n")); n != before {
			t.Errorf("%d personas are there, want %d", n, before)
		}
		f.mustLoad(t, library.ImportReport{Created: 1 - before, Unchanged: before}, library.ImportOptions{}, lineA)
	}
}

func TestImportError(t *testing.T) {
	t.Parallel()
	errDisk := errors.New("disk on fire")
	for _, skip := range []bool{false, true} {
		f := setupTransfer(t)
		r := io.MultiReader(strings.NewReader(lineA+"\n"+lineB+"\n{"), errorReader{errDisk})
		_, err := f.Import(t.Context(), library.ImportOptions{Workspace: f.workspace, Author: f.setUp.Owner, SkipInvalid: skip}, lines(r))
		if !errors.Is(err, errDisk) {
			t.Errorf("Import = %v, want %v", err, errDisk)
		}
		f.wantNothing(t)
		f.mustLoad(t, library.ImportReport{Created: 1}, library.ImportOptions{}, lineA)
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

func TestImportCancelled(t *testing.T) {
	t.Parallel()
	f := setupTransfer(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancelling := func(yield func(library.ImportLine, error) bool) {
		n := 0
		for line, err := range lines(strings.NewReader(lineA + "\n" + lineB + "\n" + `{"name":"C"}`)) {
			if n++; n == 3 {
				cancel()
			}
			if !yield(line, err) {
				return
			}
		}
	}
	if _, err := f.Import(ctx, library.ImportOptions{Workspace: f.workspace, Author: f.setUp.Owner}, cancelling); err == nil {
		t.Error("Import that was cancelled succeeded")
	}
	f.wantNothing(t)
	f.mustLoad(t, library.ImportReport{Created: 1}, library.ImportOptions{}, lineA)
}

func TestImportOnlyIfEmpty(t *testing.T) {
	t.Parallel()
	f := setupTransfer(t)
	opts := library.ImportOptions{OnlyIfEmpty: true}
	f.mustLoad(t, library.ImportReport{Created: 1}, opts, lineA)
	f.mustLoad(t, library.ImportReport{}, opts, lineB)
	if diff := cmp.Diff(lineA+"\n", string(f.export(t, f.workspace))); diff != "" {
		t.Errorf("library (-want +got):\n%s", diff)
	}
	// Another workspace's personas do not count.
	opts.Workspace = f.other
	f.mustLoad(t, library.ImportReport{Created: 1}, opts, lineB)
}

func TestImportIsOfOneWorkspace(t *testing.T) {
	t.Parallel()
	f := setupTransfer(t)
	f.mustLoad(t, library.ImportReport{Created: 1}, library.ImportOptions{}, lineA)
	changed := strings.Replace(lineA, `"A"`, `"theirs"`, 1)
	f.mustLoad(t, library.ImportReport{Created: 1}, library.ImportOptions{Workspace: f.other}, changed)
	if diff := cmp.Diff(lineA+"\n", string(f.export(t, f.workspace))); diff != "" {
		t.Errorf("our library (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(changed+"\n", string(f.export(t, f.other))); diff != "" {
		t.Errorf("their library (-want +got):\n%s", diff)
	}
}

// TestImportIsSeen: what was read before, and is cached, is read anew.
func TestImportIsSeen(t *testing.T) {
	t.Parallel()
	f := setupTransfer(t)
	caller, err := f.Authenticate(t.Context(), f.setUp.Token)
	if err != nil {
		t.Fatalf("Authenticate: %v", err)
	}
	etags := map[string]bool{}
	for i, line := range []string{lineA, strings.Replace(lineA, `"A"`, `"B"`, 1), strings.Replace(lineA, "2021", "2022", 1)} {
		if _, _, err := f.load(t, library.ImportOptions{}, line); err != nil {
			t.Fatalf("Import: %v", err)
		}
		for range 2 {
			document, err := f.Persona(t.Context(), caller, "pe_a")
			if err != nil {
				t.Fatalf("Persona: %v", err)
			}
			etags[document.ETag] = true
		}
		if len(etags) != i+1 {
			t.Errorf("after %d versions there were %d entity tags", i+1, len(etags))
		}
	}
}

// TestTransferProperty: any library that can be kept comes back equal after
// export and import, and its second export is the first, byte for byte.
func TestTransferProperty(t *testing.T) {
	t.Parallel()
	f := setupTransfer(t)
	ctx := t.Context()
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		from, err := f.CreateWorkspace(ctx, library.NewWorkspace{Name: fmt.Sprintf("from %d", round)})
		if err != nil {
			rt.Fatalf("CreateWorkspace: %v", err)
		}
		to, err := f.CreateWorkspace(ctx, library.NewWorkspace{Name: fmt.Sprintf("to %d", round)})
		if err != nil {
			rt.Fatalf("CreateWorkspace: %v", err)
		}
		personas := rapid.SliceOfNDistinct(storetest.AnyPersona(), 0, 4, func(p *persona.Persona) string { return p.OID }).Draw(rt, "personas")
		err = f.store.Write(ctx, func(tx persona.Tx) error {
			for _, p := range personas {
				p.WorkspaceOID, p.Author = from.OID, f.setUp.Owner
				if err := tx.InsertPersona(ctx, p); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			rt.Fatalf("InsertPersona: %v", err)
		}
		exported := f.export(t, *from)
		opts := library.ImportOptions{Workspace: *to, Author: f.member, Fault: func(line int, faults []persona.Fault) {
			rt.Errorf("line %d: %v", line, faults)
		}}
		report, err := f.Import(ctx, opts, lines(bytes.NewReader(exported)))
		if want := (library.ImportReport{Created: len(personas)}); err != nil || report != want {
			rt.Fatalf("Import = %+v, %v; want %+v", report, err, want)
		}
		made := false
		for _, p := range personas {
			got, err := f.store.Persona(ctx, to.OID, p.OID)
			if err != nil {
				rt.Fatalf("Persona(%q): %v", p.OID, err)
			}
			want := *p
			want.WorkspaceOID, want.Author = to.OID, f.member
			want.QualifyingQuestions = slices.Clone(p.QualifyingQuestions)
			for i := range want.QualifyingQuestions {
				// A question without an id gets one, and keeps it.
				if q := &want.QualifyingQuestions[i]; q.OID == "" {
					if q.OID = got.QualifyingQuestions[i].OID; !strings.HasPrefix(q.OID, persona.QuestionPrefix) {
						rt.Fatalf("question %d has the id %q", i, q.OID)
					}
					made = true
				}
			}
			if faults := got.Validate(); len(faults) > 0 {
				rt.Fatalf("what was imported has faults: %v", faults)
			}
			if diff := cmp.Diff(&want, got, cmpopts.EquateEmpty()); diff != "" {
				rt.Fatalf("persona (-want +got):\n%s", diff)
			}
		}
		if again := f.export(t, *to); !made && !bytes.Equal(exported, again) {
			rt.Fatalf("the second export is\n%s\nthe first was\n%s", again, exported)
		}
		report, err = f.Import(ctx, opts, lines(bytes.NewReader(exported)))
		if want := (library.ImportReport{Unchanged: len(personas)}); err != nil || report != want {
			rt.Fatalf("second Import = %+v, %v; want %+v", report, err, want)
		}
	})
}
