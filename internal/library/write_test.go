package library_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
)

const oneQuestion = `"qualifyingQuestions":[{"question":"q","fitType":"GOOD","weight":"LOW"}]`

func TestUpdateOfNothing(t *testing.T) {
	t.Parallel()
	f := setup(t)
	created := f.create(t, `{"name":"x","painPoints":["p"],`+oneQuestion+`,"linkingStrategy":{"mode":"ALL"}}`)
	oID, etag := created.Entity.OID, created.ETag
	same := []string{
		`{}`, `{"name":"x"}`, `{"name":"x","painPoints":["p"],"description":null,"keyConcerns":[],"buyingRole":null,"active":null}`,
		`{` + oneQuestion + `}`, // which keeps its id
		`{"linkingStrategy":{"mode":"ALL","offeringOIds":[]},"primaryOfferingOId":"","playbookOIds":[]}`,
	}
	for _, body := range same {
		f.now = f.now.Add(time.Hour)
		written := f.update(t, oID, body)
		if written.ETag != etag || !written.Entity.UpdatedAt.Equal(created.Entity.UpdatedAt) || len(f.revisions(t, oID)) != 1 {
			t.Errorf("%s made a new version", body)
		}
	}
	// So with marks that are there already, and questions that are as wanted.
	question := created.Entity.Questions()[0].OID
	f.now = f.now.Add(time.Hour)
	target, ctx := library.Target{OID: oID}, t.Context()
	calls := map[string]func() (*library.Written, error){
		"Restore": func() (*library.Written, error) { return f.Restore(ctx, f.caller, f.persona, target) },
		"Revert": func() (*library.Written, error) {
			return f.Revert(ctx, f.caller, f.persona, target, f.revisions(t, oID)[0].RevisionOID)
		},
		"UpdateQuestion": func() (*library.Written, error) {
			return f.UpdateQuestion(ctx, f.caller, f.persona, target, question, library.QuestionPatch{Question: new("q")})
		},
		"RestoreQuestion": func() (*library.Written, error) {
			return f.RestoreQuestion(ctx, f.caller, f.persona, target, question)
		},
	}
	for name, call := range calls {
		if written, err := call(); err != nil || written.ETag != etag || len(f.revisions(t, oID)) != 1 {
			t.Errorf("%s = %v, %v; made a new version", name, written, err)
		}
	}
	for _, body := range []string{`{"name":"y"}`, `{"description":""}`, `{"playbookOIds":["pb"]}`, `{"active":false}`} {
		before := len(f.revisions(t, oID))
		f.now = f.now.Add(time.Millisecond)
		written := f.update(t, oID, body)
		if written.ETag == etag || !written.Entity.UpdatedAt.Equal(f.now) || len(f.revisions(t, oID)) != before+1 {
			t.Errorf("%s made no new version", body)
		}
		etag = written.ETag
	}
}

func TestUpdateNullClears(t *testing.T) {
	t.Parallel()
	f := setup(t)
	body := `{"name":"x","internalName":"i","description":"d","primaryOfferingOId":"of","linkingStrategy":{"mode":"SPECIFIC","offeringOIds":["of"]},
		"playbookOIds":["pb"],"customFields":[{"title":"t","value":["v"]}],` + oneQuestion + `,"active":false`
	fields := []string{"internalName", "description", "primaryOfferingOId", "linkingStrategy", "playbookOIds", "customFields", "qualifyingQuestions", "active"}
	for _, field := range f.persona.Fields {
		if field.Type == entity.TypeTexts {
			body += `,"` + field.Name + `":["item"]`
			fields = append(fields, field.Name)
		}
	}
	created := f.create(t, body+"}").Entity
	for i, field := range fields {
		before := f.get(t, created.OID)
		f.update(t, created.OID, `{"`+field+`":null}`)
		if f.persona.Equal(before, f.get(t, created.OID)) {
			t.Errorf("null does not clear %s", field)
		}
		if n := len(f.revisions(t, created.OID)); n != i+2 {
			t.Errorf("after %s there are %d revisions", field, n)
		}
	}
	want := f.create(t, `{"name":"x"}`).Entity
	if got := f.get(t, created.OID); !f.persona.Equal(want, got) || got.Author != created.Author || !got.CreatedAt.Equal(created.CreatedAt) {
		t.Errorf("the persona is %+v, want %+v", got, want)
	}
	p, form := f.persona.Decode([]byte(`{"name":null}`), entity.Mode{})
	_, err := f.Update(t.Context(), f.caller, f.persona, library.Target{OID: created.OID, Errors: form}, p)
	wantFields(t, "name: null", err, "name")
}

func TestChangeOfDeleted(t *testing.T) {
	t.Parallel()
	f := setup(t)
	created := f.create(t, `{"name":"x",`+oneQuestion+`}`)
	target, question, ctx := library.Target{OID: created.Entity.OID}, created.Entity.Questions()[0].OID, t.Context()
	if _, err := f.Delete(ctx, f.caller, f.persona, target); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	for name, call := range map[string]func() (*library.Written, error){
		"Update": func() (*library.Written, error) {
			return f.Update(ctx, f.caller, f.persona, target, patch(t, f.persona, `{"name":"y"}`, entity.Mode{}))
		},
		"update of nothing": func() (*library.Written, error) {
			return f.Update(ctx, f.caller, f.persona, target, patch(t, f.persona, `{}`, entity.Mode{}))
		},
		"Archive": func() (*library.Written, error) { return f.Archive(ctx, f.caller, f.persona, target) },
		"UpdateQuestion": func() (*library.Written, error) {
			return f.UpdateQuestion(ctx, f.caller, f.persona, target, question, library.QuestionPatch{Question: new("y")})
		},
		"ArchiveQuestion": func() (*library.Written, error) {
			return f.ArchiveQuestion(ctx, f.caller, f.persona, target, question)
		},
		"RestoreQuestion": func() (*library.Written, error) {
			return f.RestoreQuestion(ctx, f.caller, f.persona, target, question)
		},
	} {
		_, err := call()
		wantCode(t, name, err, errs.Conflict, "persona_deleted")
	}
	if n := len(f.revisions(t, target.OID)); n != 2 {
		t.Errorf("there are %d revisions, want 2", n)
	}
	if _, err := f.Restore(ctx, f.caller, f.persona, target); err != nil {
		t.Fatalf("Restore: %v", err)
	}
	f.update(t, target.OID, `{"name":"y"}`)
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	f := setup(t)
	created := f.create(t, `{"name":"x"}`)
	oID := created.Entity.OID
	present := f.update(t, oID, `{"name":"y"}`)
	rename := func(ifMatch, body string) (*library.Written, error) {
		return f.Update(t.Context(), f.caller, f.persona, library.Target{OID: oID, IfMatch: ifMatch}, patch(t, f.persona, body, entity.Mode{}))
	}
	for _, ifMatch := range []string{created.ETag, `"x"`, "W/" + present.ETag, strings.Trim(present.ETag, `"`), `""`, ",", "**", present.ETag + "x"} {
		_, err := rename(ifMatch, `{"name":"z"}`)
		if domain := wantCode(t, ifMatch, err, errs.Precondition, "persona_changed"); domain.ETag != present.ETag {
			t.Errorf("%s: the error has the ETag %s, want %s", ifMatch, domain.ETag, present.ETag)
		}
	}
	if p := f.get(t, oID); p.Text("name") != "y" {
		t.Errorf("what was refused was done: %s", p.Text("name"))
	}
	for _, ifMatch := range []string{present.ETag, "*", created.ETag + "," + present.ETag, " " + present.ETag + " , " + created.ETag} {
		if _, err := rename(ifMatch, `{}`); err != nil {
			t.Errorf("%s: %v", ifMatch, err)
		}
	}
	// Links are no part of the document, and a new version all the same, however
	// fast it comes.
	next := f.update(t, oID, `{"playbookOIds":["pb"]}`)
	if next.ETag == present.ETag {
		t.Error("a change of the links leaves the ETag as it was")
	}
	last := f.update(t, oID, `{"playbookOIds":[]}`)
	if last.ETag == present.ETag || last.ETag == next.ETag {
		t.Error("two versions have the same ETag")
	}
}

// TestRequestErrors shows that a request with errors of its own is told all that
// are known, whatever became of the entity.
func TestRequestErrors(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	oID := f.create(t, `{"name":"x"}`).Entity.OID
	p, form := f.persona.Decode([]byte(`{"name":"","description":1}`), entity.Mode{})
	for name, target := range map[string]library.Target{
		"present": {OID: oID}, "unknown": {OID: "pe_unknown"}, "changed": {OID: oID, IfMatch: `"x"`}, "no id of any kind": {OID: "nul\x00"},
	} {
		target.Errors = form
		_, err := f.Update(ctx, f.caller, f.persona, target, p)
		wantFields(t, name, err, "description", "name")
	}
	_, err := f.Update(ctx, f.caller, f.persona, library.Target{Errors: form}, p)
	wantFields(t, "no oId", err, "description", "name", "oId")
	_, err = f.Delete(ctx, f.caller, f.persona, library.Target{})
	wantFields(t, "no oId", err, "oId")
	_, err = f.UpdateQuestion(ctx, f.caller, f.persona, library.Target{OID: oID}, "", library.QuestionPatch{Weight: new("NONE")})
	wantFields(t, "no questionOId", err, "weight", "questionOId")
	_, err = f.UpdateQuestion(ctx, f.caller, f.persona, library.Target{OID: oID}, "qq_unknown", library.QuestionPatch{})
	wantCode(t, "an unknown question", err, errs.NotFound, errs.CodeQuestionNotFound)
	_, err = f.Revert(ctx, f.caller, f.persona, library.Target{OID: oID}, "rv_unknown")
	wantCode(t, "an unknown revision", err, errs.NotFound, errs.CodeRevisionNotFound)
	other := f.create(t, `{"name":"other"}`).Entity.OID
	_, err = f.Revert(ctx, f.caller, f.persona, library.Target{OID: oID}, f.revisions(t, other)[0].RevisionOID)
	wantFields(t, "a revision of another persona", err, "revisionOId")
}

func TestScopes(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	oID := f.create(t, `{"name":"x"}`).Entity.OID
	reads := func(c library.Caller) error {
		_, err := f.Get(ctx, c, f.persona, oID, library.GetOptions{})
		return err
	}
	writes := func(c library.Caller) error {
		_, err := f.Archive(ctx, c, f.persona, library.Target{OID: oID})
		return err
	}
	lists := func(c library.Caller) error {
		_, err := f.ListKeys(ctx, c)
		return err
	}
	for _, test := range []struct {
		scope                account.Scope
		reads, writes, lists bool
	}{
		{account.ScopeRead, true, false, false}, {account.ScopeWrite, true, true, false}, {account.ScopeAdmin, true, true, true},
	} {
		c := f.callerOf(t, f.workspace, f.member, test.scope)
		for what, call := range map[string]struct {
			do  func(library.Caller) error
			may bool
		}{"reads": {reads, test.reads}, "writes": {writes, test.writes}, "administers": {lists, test.lists}} {
			if err := call.do(c); call.may && err != nil {
				t.Errorf("a key for %s %s: %v", test.scope, what, err)
			} else if !call.may {
				wantCode(t, fmt.Sprintf("a key for %s %s", test.scope, what), err, errs.Forbidden, errs.CodeInsufficientScope)
			}
		}
	}
}

func TestIDOfAnotherKind(t *testing.T) {
	t.Parallel()
	f := setup(t)
	oID := f.createOf(t, f.sample, `{"name":"x"}`).Entity.OID
	_, getting := f.Get(t.Context(), f.caller, f.persona, oID, library.GetOptions{})
	_, deleting := f.Delete(t.Context(), f.caller, f.persona, library.Target{OID: oID})
	for _, err := range []error{getting, deleting} {
		domain := wantCode(t, "a sample as a persona", err, errs.NotFound, "persona_not_found")
		if !strings.Contains(domain.Message, "test sample") {
			t.Errorf("the message is %q, want the kind in it", domain.Message)
		}
	}
	other := f.callerOf(t, f.other, f.member)
	_, theirs := f.Get(t.Context(), other, f.persona, oID, library.GetOptions{})
	_, unknown := f.Get(t.Context(), other, f.persona, "pe_unknown", library.GetOptions{})
	if theirs.Error() != unknown.Error() {
		t.Errorf("another workspace is told %q, and of an unknown id %q", theirs, unknown)
	}
}

func TestQuestionsStayTheSame(t *testing.T) {
	t.Parallel()
	f := setup(t)
	question := func(oID, text string) string {
		return fmt.Sprintf(`{"oId":%q,"question":%q,"fitType":"GOOD","weight":"LOW"}`, oID, text)
	}
	replace := func(questions ...string) string {
		return `{"name":"x","qualifyingQuestions":[` + strings.Join(questions, ",") + `]}`
	}
	created := f.create(t, replace(question("", "a"), question("", "b"), question("", "twice"), question("", "twice")))
	oID := created.Entity.OID
	ids := func() (list []string) {
		for _, q := range f.get(t, oID).Questions() {
			list = append(list, q.OID)
		}
		return list
	}
	made := ids()
	if len(slices.Compact(slices.Sorted(slices.Values(made)))) != 4 {
		t.Fatalf("ids are %q", made)
	}
	a, b, first, second := made[0], made[1], made[2], made[3]
	const isNew = "new"
	for _, step := range []struct {
		name, body string
		want       []string
	}{
		{"the same text in another order", replace(question("", "twice"), question("", "b"), question("", "twice"), question("", "a")), []string{first, b, second, a}},
		{"an id with another text", replace(question(a, "changed"), question("", "b")), []string{a, b}},
		{"an id that is given is not taken by its text", replace(question("", "b"), question(b, "c")), []string{isNew, b}},
		{"case matters", replace(question("", "C")), []string{isNew}},
	} {
		f.update(t, oID, step.body)
		got := ids()
		for i, id := range got {
			if i < len(step.want) && step.want[i] == isNew && strings.HasPrefix(id, account.QuestionPrefix) && !slices.Contains(made, id) {
				got[i] = isNew
				made = append(made, id)
			}
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", step.name, diff)
		}
	}
	// An archived question is one of the persona all the same.
	id := ids()[0]
	if _, err := f.ArchiveQuestion(t.Context(), f.caller, f.persona, library.Target{OID: oID}, id); err != nil {
		t.Fatalf("ArchiveQuestion: %v", err)
	}
	if !f.get(t, oID).Questions()[0].ArchivedAt.Equal(f.now) {
		t.Error("the question is not archived")
	}
	f.update(t, oID, replace(question(id, "again")))
	// An import gives what ids it likes.
	f.mustImport(t, library.ImportReport{Updated: 1}, library.ImportOptions{}, fmt.Sprintf(`{"oId":%q,"name":"x","qualifyingQuestions":[%s]}`, oID, question("mine", "a")))
	if diff := cmp.Diff([]string{"mine"}, ids()); diff != "" {
		t.Errorf("after an import (-want +got):\n%s", diff)
	}
}

// TestUpdatedAtGoesForward shows that updatedAt never goes back, and that no two
// versions have the same, though a date far ahead was imported or the clock was
// turned back.
func TestUpdatedAtGoesForward(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ahead := time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)
	f.mustImport(t, library.ImportReport{Created: 1}, library.ImportOptions{}, `{"oId":"pe_1","name":"0","updatedAt":"2999-01-01T00:00:00Z"}`)
	for i := 1; i < 4; i++ {
		f.now = f.now.Add(-time.Hour)
		written := f.update(t, "pe_1", fmt.Sprintf(`{"name":"%d"}`, i))
		if want := ahead.Add(time.Duration(i) * time.Millisecond); !written.Entity.UpdatedAt.Equal(want) {
			t.Errorf("change %d: updatedAt is %v, want %v", i, written.Entity.UpdatedAt, want)
		}
	}
	f.mustImport(t, library.ImportReport{Updated: 1}, library.ImportOptions{}, `{"oId":"pe_1","name":"imported"}`)
	if got, want := f.get(t, "pe_1").UpdatedAt, ahead.Add(4*time.Millisecond); !got.Equal(want) {
		t.Errorf("an import without dates: updatedAt is %v, want %v", got, want)
	}
	// There is no date after the last.
	f.mustImport(t, library.ImportReport{Updated: 1}, library.ImportOptions{}, `{"oId":"pe_1","name":"last","updatedAt":"9999-12-31T23:59:59.999Z"}`)
	if written := f.update(t, "pe_1", `{"name":"after"}`); !written.Entity.UpdatedAt.Equal(f.now) {
		t.Errorf("after the last date: updatedAt is %v", written.Entity.UpdatedAt)
	}
}

func TestRevisionNamesItsMaker(t *testing.T) {
	t.Parallel()
	f := setup(t)
	caller := f.callerOf(t, f.workspace, f.member)
	caller.Source = entity.SourceMCP
	oID := f.create(t, `{"name":"x"}`).Entity.OID
	written, err := f.Update(t.Context(), caller, f.persona, library.Target{OID: oID}, patch(t, f.persona, `{"name":"y","playbookOIds":["pb"]}`, entity.Mode{}))
	if err != nil {
		t.Fatal(err)
	}
	if written.Entity.Author.OID != f.setUp.Owner.OID {
		t.Errorf("the author became %s", written.Entity.Author.Name())
	}
	revisions := f.revisions(t, oID)
	last := revisions[0]
	if last.Author.OID != f.member.OID || last.KeyOID != caller.Key.OID || last.Source != entity.SourceMCP || last.Action != entity.ActionUpdated ||
		!slices.Equal(last.Fields, []string{"name", "playbookOIds"}) || last.Number != 2 || last.Name != "y" {
		t.Errorf("the revision is %+v", last)
	}
	detail, err := f.Revision(t.Context(), f.caller, last.RevisionOID)
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(written.Entity, detail.After); d != "" || !bytes.Equal(detail.AfterBody, written.Body) || detail.Kind != f.persona {
		t.Errorf("after, as a revision:\n%s\nwant\n%s\n%s", detail.AfterBody, written.Body, d)
	}
	if detail.Before.Text("name") != "x" || len(detail.Diff.Changed) != 1 || len(detail.Diff.Added) != 1 || string(detail.Diff.Changed["name"].Before) != `"x"` {
		t.Errorf("the diff is %+v", detail.Diff)
	}
	first, err := f.Revision(t.Context(), f.caller, revisions[1].RevisionOID)
	if err != nil || first.Before != nil || first.BeforeBody != nil || len(first.Diff.Added) == 0 {
		t.Errorf("the first revision is %+v, %v", first, err)
	}
	other := f.callerOf(t, f.other, f.member)
	_, err = f.Revision(t.Context(), other, last.RevisionOID)
	wantCode(t, "of another workspace", err, errs.NotFound, errs.CodeRevisionNotFound)
	t.Run("and can be restored by its id alone", func(t *testing.T) {
		written, err := f.Revert(t.Context(), f.caller, nil, library.Target{}, revisions[1].RevisionOID)
		if err != nil || written.Entity.OID != oID || written.Entity.Text("name") != "x" {
			t.Errorf("Revert = %+v, %v", written, err)
		}
		_, err = f.Revert(t.Context(), f.caller, nil, library.Target{}, "")
		wantFields(t, "no revision", err, "revisionOId")
	})
}

func TestPurge(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := t.Context()
	var oIDs []string
	start := f.now
	for i := range 4 {
		oID := f.create(t, fmt.Sprintf(`{"name":"purged %d"}`, i)).Entity.OID
		oIDs = append(oIDs, oID)
		if i == 3 {
			break // is kept
		}
		if _, err := f.Delete(ctx, f.caller, f.persona, library.Target{OID: oID}); err != nil {
			t.Fatalf("Delete: %v", err)
		}
		if _, err := f.Get(ctx, f.caller, f.persona, oID, library.GetOptions{}); err != nil { // is in the cache now
			t.Fatalf("Get: %v", err)
		}
		f.now = f.now.Add(time.Hour)
	}
	names := func(deleted []entity.DeletedEntity) (list []string) {
		for _, d := range deleted {
			list = append(list, d.Name)
		}
		return list
	}
	purge := func(before time.Time) []string {
		would, total, err := f.Purgeable(ctx, before, 10)
		if err != nil || total != len(would) {
			t.Fatalf("Purgeable: %d of %d, %v", len(would), total, err)
		}
		var gone []entity.DeletedEntity
		err = f.Purge(ctx, before, func(d entity.DeletedEntity) {
			gone = append(gone, d)
			// It is gone when that is told.
			_, err := f.Get(ctx, f.caller, f.persona, d.OID, library.GetOptions{})
			wantCode(t, d.Name, err, errs.NotFound, "persona_not_found")
		})
		if err != nil {
			t.Fatalf("Purge: %v", err)
		}
		if diff := cmp.Diff(names(would), names(gone)); diff != "" {
			t.Errorf("Purgeable and Purge differ:\n%s", diff)
		}
		return names(gone)
	}
	for _, step := range []struct {
		before time.Time
		want   []string
	}{
		{start, nil}, // deleted at that very time
		{start.Add(time.Millisecond), []string{"purged 0"}},        // before it
		{start.Add(time.Hour), nil},                                // once more
		{start.AddDate(1, 0, 0), []string{"purged 1", "purged 2"}}, // and never what is not deleted
	} {
		if diff := cmp.Diff(step.want, purge(step.before)); diff != "" {
			t.Errorf("Purge before %s (-want +got):\n%s", step.before, diff)
		}
	}
	if n := len(f.revisions(t, oIDs[0])); n != 0 {
		t.Errorf("a purged persona has %d revisions", n)
	}
	if n := len(f.revisions(t, oIDs[3])); n != 1 {
		t.Errorf("the persona that is kept has %d revisions", n)
	}
	t.Run("what does not fit into one transaction goes in several", func(t *testing.T) {
		var text []string
		for i := range 250 {
			text = append(text, fmt.Sprintf(`{"oId":"pe_%d","name":"x","deletedAt":"2020-01-01T00:00:00Z"}`, i))
		}
		f.mustImport(t, library.ImportReport{Created: 250}, library.ImportOptions{}, text...)
		if would, total, err := f.Purgeable(ctx, f.now, 249); err != nil || len(would) != 249 || total != 250 {
			t.Errorf("Purgeable: %d of %d, %v; want 249 of 250", len(would), total, err)
		}
		n := 0
		if err := f.Purge(ctx, f.now, func(entity.DeletedEntity) { n++ }); err != nil || n != 250 {
			t.Errorf("Purge: %d, %v; want 250", n, err)
		}
	})
}

// TestWritesAreSeenAtOnce shows that every kind of write is in the answer to the
// next get, though the version before is in the cache.
func TestWritesAreSeenAtOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx, k := t.Context(), f.persona
	created := f.create(t, `{"name":"x",`+oneQuestion+`}`)
	target, question := library.Target{OID: created.Entity.OID}, created.Entity.Questions()[0].OID
	first := f.revisions(t, target.OID)[0].RevisionOID
	seen := map[string]bool{}
	for i, write := range []func() (*library.Written, error){
		func() (*library.Written, error) { return created, nil },
		func() (*library.Written, error) {
			return f.Update(ctx, f.caller, k, target, patch(t, k, `{"name":"y"}`, entity.Mode{}))
		},
		func() (*library.Written, error) { return f.ArchiveQuestion(ctx, f.caller, k, target, question) },
		func() (*library.Written, error) { return f.RestoreQuestion(ctx, f.caller, k, target, question) },
		func() (*library.Written, error) {
			return f.UpdateQuestion(ctx, f.caller, k, target, question, library.QuestionPatch{Question: new("r")})
		},
		func() (*library.Written, error) { return f.Archive(ctx, f.caller, k, target) },
		func() (*library.Written, error) { return f.Delete(ctx, f.caller, k, target) },
		func() (*library.Written, error) { return f.Restore(ctx, f.caller, k, target) },
		func() (*library.Written, error) { return f.Revert(ctx, f.caller, k, target, first) },
	} {
		written, err := write()
		if err != nil {
			t.Fatalf("write %d: %v", i, err)
		}
		for range 2 { // read, and from the cache
			document, err := f.Get(ctx, f.caller, k, target.OID, library.GetOptions{})
			if err != nil || document.ETag != written.ETag || !bytes.Equal(document.Body, written.Body) {
				t.Errorf("write %d: get answers %s, want %s", i, document.Body, written.Body)
			}
		}
		if seen[written.ETag] {
			t.Errorf("write %d has the ETag of an earlier version", i)
		}
		seen[written.ETag] = true
	}
}

// TestNoLostUpdate shows that of those who read, change and write with If-Match,
// none loses what another wrote, though all of it happens in one millisecond.
func TestNoLostUpdate(t *testing.T) {
	t.Parallel()
	f := setup(t)
	k := f.persona
	oID := f.create(t, `{"name":"x"}`).Entity.OID
	const writers, rounds = 6, 5
	// Half of them write what the document does not show.
	fields := []string{"painPoints", "playbookOIds"}
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for round := 0; round < rounds; {
				document, err := f.Get(t.Context(), f.caller, k, oID, library.GetOptions{})
				if err != nil {
					t.Errorf("Get: %v", err)
					return
				}
				e, err := f.Entity(t.Context(), f.caller, k, oID)
				if err != nil {
					t.Errorf("Entity: %v", err)
					return
				}
				list := append(e.Texts(fields[writer%2]), fmt.Sprintf("%d/%d", writer, round))
				p := patch(t, k, fmt.Sprintf(`{%q:["%s"]}`, fields[writer%2], strings.Join(list, `","`)), entity.Mode{})
				_, err = f.Update(t.Context(), f.caller, k, library.Target{OID: oID, IfMatch: document.ETag}, p)
				switch {
				case err == nil:
					round++
				case errs.KindOf(err) != errs.Precondition:
					t.Errorf("Update: %v", err)
					return
				}
			}
		})
	}
	group.Wait()
	e := f.get(t, oID)
	for writer := range writers {
		for round := range rounds {
			if item := fmt.Sprintf("%d/%d", writer, round); !slices.Contains(e.Texts(fields[writer%2]), item) {
				t.Errorf("%s is lost", item)
			}
		}
	}
	revisions := f.revisions(t, oID)
	if len(revisions) != 1+writers*rounds {
		t.Errorf("there are %d revisions, want %d", len(revisions), 1+writers*rounds)
	}
	for i, r := range revisions {
		if want := len(revisions) - i; r.Number != want {
			t.Errorf("revision %d has the number %d", want, r.Number)
		}
	}
}
