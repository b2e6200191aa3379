package library_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"personae.dev/internal/entity"
	"personae.dev/internal/entity/entitytest"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
	"personae.dev/internal/store"
	"personae.dev/internal/store/storetest"
)

const (
	lineA = `{"oId":"pe_a","name":"A","painPoints":["p"],"createdAt":"2020-01-01T00:00:00.000Z","updatedAt":"2021-01-01T00:00:00.000Z"}`
	lineB = `{"oId":"pe_b","name":"B","createdAt":"2020-01-02T00:00:00.000Z","updatedAt":"2021-01-02T00:00:00.000Z"}`
)

func (f *fixture) wantLibrary(t *testing.T, lines ...string) {
	t.Helper()
	want := ""
	for _, line := range lines {
		want += line + "\n"
	}
	if diff := cmp.Diff(want, f.export(t, f.workspace)); diff != "" {
		t.Errorf("library (-want +got):\n%s", diff)
	}
}

func TestImportNew(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.mustImport(t, library.ImportReport{Created: 4}, library.ImportOptions{Author: f.member},
		lineA, "", `{"oId":"mine","name":"only an id"}`, `{"oId":"created","name":"x","createdAt":"2020-01-01T00:00:00+01:00"}`,
		`{"oId":"updated","name":"x","updatedAt":"2020-01-01T00:00:00Z"}`)
	a := f.get(t, "pe_a")
	if a.Author != f.member.Author() || a.Text("name") != "A" || a.Texts("painPoints")[0] != "p" || !a.Bool("active") {
		t.Errorf("the persona is %+v", a)
	}
	if rev := f.revisions(t, "pe_a")[0]; rev.Source != entity.SourceImport || rev.Action != entity.ActionImported || rev.Author.OID != f.member.OID {
		t.Errorf("the revision is %+v", rev)
	}
	for oID, want := range map[string][2]time.Time{
		"pe_a":    {time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)},
		"mine":    {f.now, f.now},
		"created": {time.Date(2019, 12, 31, 23, 0, 0, 0, time.UTC), time.Date(2019, 12, 31, 23, 0, 0, 0, time.UTC)},
		"updated": {f.now, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if p := f.get(t, oID); !p.CreatedAt.Equal(want[0]) || !p.UpdatedAt.Equal(want[1]) {
			t.Errorf("%s was created at %s and updated at %s, want %s", oID, p.CreatedAt, p.UpdatedAt, want)
		}
	}
}

// TestExportList shows that what a list finds is exported whole, while it changes,
// and that nothing is kept from other readers meanwhile.
func TestExportList(t *testing.T) {
	t.Parallel()
	f := setupOn(t, storetest.OpenDatabase(t, "sqlite:"+filepath.Join(t.TempDir(), "personae.db"), store.Options{Create: true, Settings: store.Settings{Readers: 1}}))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var lines []string
	for i := range 150 {
		lines = append(lines, fmt.Sprintf(`{"oId":"pe_%03d","name":"n%d","createdAt":"2024-01-01T00:00:00.000Z"}`, i, i%3))
	}
	f.mustImport(t, library.ImportReport{Created: 150}, library.ImportOptions{}, lines...)
	exported := func(r library.ListRequest) (oIDs []string) {
		for record, err := range f.ExportList(ctx, f.caller, f.persona, r) {
			if err != nil {
				t.Fatal(err)
			}
			var head struct{ OID string }
			if err := json.Unmarshal(record, &head); err != nil {
				t.Fatal(err)
			}
			oIDs = append(oIDs, head.OID)
			if _, err := f.Get(ctx, f.caller, f.persona, head.OID, library.GetOptions{Fresh: true}); err != nil {
				t.Fatal(err)
			}
		}
		return oIDs
	}
	if all := exported(library.ListRequest{}); len(all) != 150 || !slices.IsSorted(all) {
		t.Errorf("%q", all)
	}
	if some := exported(library.ListRequest{Text: "n1"}); len(some) != 50 {
		t.Errorf("%q", some)
	}
	for _, err := range f.ExportList(ctx, f.caller, f.persona, library.ListRequest{Facet: "none"}) {
		wantFields(t, "no such value", err, "type")
	}
}

func TestImportMakesIDs(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.mustImport(t, library.ImportReport{Created: 3}, library.ImportOptions{}, `{"name":"1"}`, `{"name":"2","oId":null}`, `{"name":"3","oId":""}`)
	for i, line := range strings.Split(strings.TrimSpace(f.export(t, f.workspace)), "\n") {
		if !strings.HasPrefix(line, `{"oId":"pe_`) || !strings.Contains(line, fmt.Sprintf(`"name":"%d"`, i+1)) {
			t.Errorf("line %d is %s; want them in the order of the file", i+1, line)
		}
	}
}

func TestImportTwice(t *testing.T) {
	t.Parallel()
	f := setup(t)
	text := []string{lineA, lineB, `{"oId":"pe_c","name":"no dates","keyConcerns":[]}`}
	f.mustImport(t, library.ImportReport{Created: 3}, library.ImportOptions{}, text...)
	before, author := f.export(t, f.workspace), f.get(t, "pe_a").Author
	f.now = f.now.Add(time.Hour)
	f.mustImport(t, library.ImportReport{Unchanged: 3}, library.ImportOptions{Author: f.member}, text...)
	if diff := cmp.Diff(before, f.export(t, f.workspace)); diff != "" {
		t.Errorf("a second import changed this (-before +after):\n%s", diff)
	}
	if got := f.get(t, "pe_a").Author; got != author {
		t.Errorf("the author became %v", got)
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
		{"content without dates", `{"oId":"pe_a","name":"new"}`, library.ImportReport{Updated: 1}, created, time.Time{}},
		{"content with updatedAt", `{"oId":"pe_a","name":"new","updatedAt":"2022-01-01T00:00:00Z"}`, library.ImportReport{Updated: 1}, created, updated.AddDate(1, 0, 0)},
		{"content with the same updatedAt", `{"oId":"pe_a","name":"new","updatedAt":"2021-01-01T00:00:00Z"}`, library.ImportReport{Updated: 1}, created, updated},
		{"content with createdAt", `{"oId":"pe_a","name":"new","createdAt":"2019-01-01T00:00:00Z"}`, library.ImportReport{Updated: 1}, created.AddDate(-1, 0, 0), time.Time{}},
		{"only updatedAt", strings.Replace(lineA, "2021-", "2022-", 1), library.ImportReport{Updated: 1}, created, updated.AddDate(1, 0, 0)},
		{"only createdAt", strings.Replace(lineA, "2020-", "2019-", 1), library.ImportReport{Updated: 1}, created.AddDate(-1, 0, 0), updated},
		{"deleted", strings.Replace(lineA, "}", `,"deletedAt":"2023-01-01T00:00:00Z"}`, 1), library.ImportReport{Updated: 1}, created, updated},
		{"the same without dates", `{"oId":"pe_a","name":"A","painPoints":["p"]}`, library.ImportReport{Unchanged: 1}, created, updated},
		{"the same with one date", `{"oId":"pe_a","name":"A","painPoints":["p"],"createdAt":"2020-01-01T00:00:00.0009Z"}`, library.ImportReport{Unchanged: 1}, created, updated},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.mustImport(t, library.ImportReport{Created: 2}, library.ImportOptions{}, lineA, lineB)
			f.now = f.now.Add(time.Hour)
			f.mustImport(t, test.want, library.ImportOptions{Author: f.member}, test.line)
			if test.updated.IsZero() {
				test.updated = f.now
			}
			p := f.get(t, "pe_a")
			if !p.CreatedAt.Equal(test.created) || !p.UpdatedAt.Equal(test.updated) {
				t.Errorf("created at %s and updated at %s, want %s and %s", p.CreatedAt, p.UpdatedAt, test.created, test.updated)
			}
			if p.Author.OID != f.setUp.Owner.OID {
				t.Errorf("the author is %v, want the first", p.Author)
			}
			if strings.Contains(test.line, `"new"`) && (p.Text("name") != "new" || p.Texts("painPoints") != nil) {
				t.Errorf("the persona is %+v, want no more than the line says", p)
			}
			if b := f.get(t, "pe_b"); b.Text("name") != "B" || b.UpdatedAt.Equal(f.now) {
				t.Errorf("the persona beside is %+v", b)
			}
		})
	}
}

func TestImportAllOrNothing(t *testing.T) {
	t.Parallel()
	f := setup(t)
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
		`{"name":"x","painpoint":["p"]}`, // 10
	}
	wantPaths := []string{
		"2: description", "2: name", "4: name", "6: createdAt", "7: body", "8: oId",
		"9: customFields[0].title", "9: customFields[0].value[1]", "9: archivedAt", "10: painpoint",
	}
	check := func(told []string) {
		t.Helper()
		var paths []string
		for _, text := range told {
			parts := strings.SplitN(text, ": ", 3)
			paths = append(paths, parts[0]+": "+parts[1])
		}
		if diff := cmp.Diff(wantPaths, paths); diff != "" {
			t.Errorf("told %q; paths (-want +got):\n%s", told, diff)
		}
	}
	report, told, err := f.importText(t, library.ImportOptions{}, text...)
	if errs.KindOf(err) != errs.Invalid || report.Skipped != 7 {
		t.Errorf("Import = %+v, %v; want 7 lines with errors", report, err)
	}
	check(told)
	f.wantLibrary(t)

	report, told, err = f.importText(t, library.ImportOptions{SkipInvalid: true}, text...)
	if err != nil || report.Created != 2 || report.Skipped != 7 {
		t.Errorf("Import that skips = %+v, %v; want 2 and 7", report, err)
	}
	check(told)
	f.wantLibrary(t, lineA, lineB)
}

func TestImportSameIDTwice(t *testing.T) {
	t.Parallel()
	f := setup(t)
	again := `{"oId":"pe_a","name":"again"}`
	for _, before := range []int{0, 1} { // whether the library has it or not
		_, told, err := f.importText(t, library.ImportOptions{}, lineA, "", again, again)
		want := []string{"3: oId: is in line 1 too: keep one of them", "4: oId: is in line 3 too: keep one of them"}
		if diff := cmp.Diff(want, told); diff != "" || errs.KindOf(err) != errs.Invalid {
			t.Errorf("Import: %v; errors (-want +got):\n%s", err, diff)
		}
		if n := strings.Count(f.export(t, f.workspace), "\n"); n != before {
			t.Errorf("%d personas are there, want %d", n, before)
		}
		f.mustImport(t, library.ImportReport{Created: 1 - before, Unchanged: before}, library.ImportOptions{}, lineA)
	}
}

func TestImportError(t *testing.T) {
	t.Parallel()
	errDisk := errors.New("disk on fire")
	for _, skip := range []bool{false, true} {
		f := setup(t)
		r := io.MultiReader(strings.NewReader(lineA+"\n"+lineB+"\n{"), errorReader{errDisk})
		_, err := f.Import(t.Context(), library.ImportOptions{Workspace: f.workspace, Author: f.setUp.Owner, SkipInvalid: skip}, library.ReadLines(r))
		if !errors.Is(err, errDisk) {
			t.Errorf("Import = %v, want %v", err, errDisk)
		}
		f.wantLibrary(t)
		f.mustImport(t, library.ImportReport{Created: 1}, library.ImportOptions{}, lineA)
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

func TestImportCancelled(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancelling := func(yield func(library.ImportLine, error) bool) {
		n := 0
		for line, err := range library.ReadLines(strings.NewReader(lineA + "\n" + lineB + "\n" + `{"name":"C"}`)) {
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
	f.wantLibrary(t)
	f.mustImport(t, library.ImportReport{Created: 1}, library.ImportOptions{}, lineA)
}

func TestImportOnlyIfEmpty(t *testing.T) {
	t.Parallel()
	f := setup(t)
	o := library.ImportOptions{OnlyIfEmpty: true}
	f.mustImport(t, library.ImportReport{Created: 1}, o, lineA)
	f.mustImport(t, library.ImportReport{}, o, lineB)
	f.wantLibrary(t, lineA)
	// Another workspace's entities do not count.
	o.Workspace = f.other
	f.mustImport(t, library.ImportReport{Created: 1}, o, lineB)
}

func TestImportDryRun(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.mustImport(t, library.ImportReport{Created: 1}, library.ImportOptions{}, lineA)
	f.mustImport(t, library.ImportReport{Created: 1, Unchanged: 1}, library.ImportOptions{DryRun: true}, lineA, lineB)
	f.wantLibrary(t, lineA)
}

func TestImportIsOfOneWorkspace(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.mustImport(t, library.ImportReport{Created: 1}, library.ImportOptions{}, lineA)
	changed := strings.Replace(lineA, `"A"`, `"theirs"`, 1)
	f.mustImport(t, library.ImportReport{Created: 1}, library.ImportOptions{Workspace: f.other}, changed)
	f.wantLibrary(t, lineA)
	if diff := cmp.Diff(changed+"\n", f.export(t, f.other)); diff != "" {
		t.Errorf("their library (-want +got):\n%s", diff)
	}
}

// TestImportIsSeen shows that what was read before, and is cached, is read again.
func TestImportIsSeen(t *testing.T) {
	t.Parallel()
	f := setup(t)
	etags := map[string]bool{}
	for i, line := range []string{lineA, strings.Replace(lineA, `"A"`, `"B"`, 1), strings.Replace(lineA, "2021", "2022", 1)} {
		if _, _, err := f.importText(t, library.ImportOptions{}, line); err != nil {
			t.Fatalf("Import: %v", err)
		}
		for range 2 {
			document, err := f.Get(t.Context(), f.caller, f.persona, "pe_a", library.GetOptions{})
			if err != nil {
				t.Fatalf("Get: %v", err)
			}
			etags[document.ETag] = true
		}
		if len(etags) != i+1 {
			t.Errorf("after %d versions there were %d entity tags", i+1, len(etags))
		}
	}
}

func TestImportKinds(t *testing.T) {
	t.Parallel()
	f := setup(t)
	sample := `{"kind":"test-sample","oId":"ts_1","name":"s","relatedOIds":["ts_2","ts_9"],"createdAt":"2020-01-01T00:00:00.000Z","updatedAt":"2020-01-01T00:00:00.000Z"}`
	second := strings.NewReplacer("ts_1", "ts_2", `["ts_2","ts_9"]`, `["pe_a"]`).Replace(sample)
	t.Run("are all taken, links may lead forward, and those to nothing are counted", func(t *testing.T) {
		f.mustImport(t, library.ImportReport{Created: 3, Missing: 2, MissingLinks: []string{"line 1: relatedOIds: ts_9", "line 2: relatedOIds: pe_a"}},
			library.ImportOptions{}, sample, second, lineA)
		f.wantLibrary(t, lineA, sample, second)
	})
	for name, test := range map[string]struct {
		kind *entity.Kind
		line string
		want string
	}{
		"another kind than the one that is wanted": {f.persona, sample, "1: kind"},
		"an id that was made for another kind":     {nil, `{"oId":"ts_0123456789012345678901","name":"x"}`, "1: oId"},
		"an id that another kind has":              {nil, `{"oId":"ts_1","name":"x"}`, "1: oId"},
		"an unknown kind":                          {nil, `{"kind":"sampel","name":"x"}`, "1: kind"},
	} {
		t.Run(name+" is an error", func(t *testing.T) {
			_, told, err := f.importText(t, library.ImportOptions{Kind: test.kind}, test.line)
			if errs.KindOf(err) != errs.Invalid || len(told) != 1 || !strings.HasPrefix(told[0], test.want+": ") {
				t.Errorf("Import: %v, told %q; want %s", err, told, test.want)
			}
		})
	}
	t.Run("unknown fields can be left out, and are counted", func(t *testing.T) {
		f.mustImport(t, library.ImportReport{Created: 2, Unknown: map[string]int{"painpoints": 2, "color": 1}}, library.ImportOptions{IgnoreUnknown: true},
			`{"oId":"pe_u","name":"x","painpoints":["p"],"color":"red","empty":""}`, `{"oId":"pe_v","name":"x","painpoints":["p"]}`)
	})
	t.Run("an answer of list is taken", func(t *testing.T) {
		page, err := f.List(t.Context(), f.caller, f.persona, library.ListRequest{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		defer page.Close()
		var documents []string
		for _, document := range page.Documents {
			documents = append(documents, string(document))
		}
		answer := `{"_metadata":{"message":"ok"},"hasNext":false,"total":3,"data":[` + strings.Join(documents, ",") + `]}`
		f.mustImport(t, library.ImportReport{Unchanged: 3}, library.ImportOptions{}, answer)
	})
}

func TestImportProgress(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var text strings.Builder
	for i := range 1100 {
		fmt.Fprintf(&text, `{"oId":"pe_%d","name":"n%d"}`+"\n", i, i)
	}
	var told []int
	report, err := f.Import(t.Context(), library.ImportOptions{Workspace: f.workspace, Author: f.member, Progress: func(lines int) { told = append(told, lines) }},
		library.ReadLines(strings.NewReader(text.String())))
	if err != nil || report.Created != 1100 || len(told) != 2 || told[1] != 1100 {
		t.Errorf("Import = %+v, %v; told %v", report, err, told)
	}
}

// TestTransferProperty shows that any library that can be kept comes back equal
// after export and import, and that its second export is the first, byte for byte.
func TestTransferProperty(t *testing.T) {
	t.Parallel()
	f := setup(t)
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
		total := 0
		byKind := map[*entity.Kind][]*entity.Entity{}
		err = f.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
			for _, k := range []*entity.Kind{f.persona, f.sample} {
				byKind[k] = rapid.SliceOfNDistinct(entitytest.Entity(k), 0, 3, func(e *entity.Entity) string { return e.OID }).Draw(rt, k.Plural)
				total += len(byKind[k])
				for _, e := range byKind[k] {
					e.Author = f.setUp.Owner.Author()
					s := k.Store(from.OID, e)
					rev := &entity.Revision{Ref: s.Ref, RevisionOID: "rv_" + from.OID + e.OID, Action: entity.ActionCreated, Author: e.Author, Source: entity.SourceCLI, At: f.now, Document: s.Document, Hidden: s.Hidden, Shape: s.Shape}
					if err := tx.Insert(ctx, s, rev); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			rt.Fatalf("Insert: %v", err)
		}
		exported := f.export(t, *from)
		o := library.ImportOptions{Workspace: *to, Author: f.member, Invalid: func(line int, fields []errs.Field) {
			rt.Errorf("line %d: %v", line, fields)
		}}
		report, err := f.Import(ctx, o, library.ReadLines(strings.NewReader(exported)))
		if err != nil || report.Created != total {
			rt.Fatalf("Import = %+v, %v; want %d", report, err, total)
		}
		for k, entities := range byKind {
			for _, e := range entities {
				row, err := f.store.Row(ctx, entity.Ref{Workspace: to.OID, Kind: k.Name, OID: e.OID}, nil)
				if err != nil {
					rt.Fatalf("Row(%q): %v", e.OID, err)
				}
				got, err := k.Load(row)
				if err != nil {
					rt.Fatalf("Load: %v", err)
				}
				want := *e
				want.Author = f.member.Author()
				if diff := cmp.Diff(&want, got, cmpopts.EquateEmpty()); diff != "" {
					rt.Fatalf("%s (-want +got):\n%s", k.Name, diff)
				}
			}
		}
		if again := f.export(t, *to); exported != again {
			rt.Fatalf("the second export is\n%s\nthe first was\n%s", again, exported)
		}
		report, err = f.Import(ctx, o, library.ReadLines(strings.NewReader(exported)))
		if err != nil || report.Unchanged != total {
			rt.Fatalf("second Import = %+v, %v; want %d", report, err, total)
		}
	})
}

// TestRevertOfAnImport shows that a date of creation that an import changed is
// brought back, too.
func TestRevertOfAnImport(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.mustImport(t, library.ImportReport{Created: 1}, library.ImportOptions{}, lineA)
	f.mustImport(t, library.ImportReport{Updated: 1}, library.ImportOptions{}, strings.Replace(lineA, "2020-", "2019-", 1))
	written, err := f.Revert(t.Context(), f.caller, nil, library.Target{}, f.revisions(t, "pe_a")[1].RevisionOID)
	if err != nil || written.Entity.CreatedAt.Year() != 2020 || len(f.revisions(t, "pe_a")) != 3 {
		t.Errorf("Revert = %+v, %v", written, err)
	}
}
