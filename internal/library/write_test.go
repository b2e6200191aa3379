package library_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/library"
	"personae.dev/internal/persona"
	"personae.dev/internal/store/postgrestest"
	"personae.dev/internal/wire"
)

// domainError returns the persona.Error of err, nil for another or none.
func domainError(err error) *persona.Error {
	domain, _ := errors.AsType[*persona.Error](err)
	return domain
}

// writing is a library and a caller who may do everything in the first
// workspace.
type writing struct {
	*transfer
	caller library.Caller
}

func setupWriting(t *testing.T) *writing {
	t.Helper()
	return setupWritingOn(t, "sqlite:"+filepath.Join(t.TempDir(), "personae.db"))
}

func setupWritingOn(t *testing.T, database string) *writing {
	t.Helper()
	f := &writing{transfer: setupTransferOn(t, database)}
	caller, err := f.Authenticate(t.Context(), f.setUp.Token)
	if err != nil {
		t.Fatalf("Authenticate: %v", err)
	}
	f.caller = caller
	return f
}

// patch returns the patch of a body that has no faults of form.
func patch(t *testing.T, body string) *persona.Patch {
	t.Helper()
	_, p, unknown, faults := wire.DecodePatch([]byte(body))
	if len(unknown) > 0 || len(faults) > 0 {
		t.Fatalf("%s: unknown %q, faults %v", body, unknown, faults)
	}
	return p
}

func (f *writing) create(t *testing.T, body string) *library.Written {
	t.Helper()
	written, err := f.CreatePersona(t.Context(), f.caller, library.Create{Patch: patch(t, body), Body: []byte(body)})
	if err != nil {
		t.Fatalf("CreatePersona(%s): %v", body, err)
	}
	return written
}

func (f *writing) update(t *testing.T, oID, body string) *library.Written {
	t.Helper()
	written, err := f.UpdatePersona(t.Context(), f.caller, library.Target{OID: oID}, patch(t, body))
	if err != nil {
		t.Fatalf("UpdatePersona(%s): %v", body, err)
	}
	return written
}

func (f *writing) revisions(t *testing.T, oID string) []*persona.Revision {
	t.Helper()
	page, err := f.Revisions(t.Context(), f.caller, oID, library.MaxLimit, 0)
	if err != nil || page.Total != len(page.Revisions) {
		t.Fatalf("Revisions: %+v, %v", page, err)
	}
	return page.Revisions
}

// wantCode fails the test unless err is of the kind and code.
func wantCode(t *testing.T, what string, err error, kind persona.Kind, code string) *persona.Error {
	t.Helper()
	domain := domainError(err)
	if domain == nil || domain.Kind != kind || domain.Code != code {
		t.Fatalf("%s: %v, want %s of kind %s", what, err, code, kind)
	}
	return domain
}

func TestUpdateOfNothing(t *testing.T) {
	t.Parallel()
	f := setupWriting(t)
	created := f.create(t, `{"name":"x","painPoints":["p"],"qualifyingQuestions":[{"question":"q","fitType":"GOOD","weight":"LOW"}],"linkingStrategy":{"mode":"ALL"}}`)
	oID, etag := created.Persona.OID, created.ETag
	same := []string{
		`{}`, `{"name":"x"}`, `{"name":"x","painPoints":["p"],"description":null,"keyConcerns":[],"buyingRole":null,"active":null}`,
		`{"qualifyingQuestions":[{"question":"q","fitType":"GOOD","weight":"LOW"}]}`, // which keeps its id
		`{"linkingStrategy":{"mode":"ALL","offeringOIds":[]},"primaryOfferingOId":"","playbookOIds":[]}`,
	}
	for _, body := range same {
		f.now = f.now.Add(time.Hour)
		written := f.update(t, oID, body)
		if written.ETag != etag || !written.Persona.UpdatedAt.Equal(created.Persona.UpdatedAt) || len(f.revisions(t, oID)) != 1 {
			t.Errorf("%s made a new version", body)
		}
	}
	// So with marks that are there already, and questions that are as wanted.
	question := created.Persona.QualifyingQuestions[0].OID
	f.now = f.now.Add(time.Hour)
	calls := map[string]func() (*library.Written, error){
		"RestorePersona": func() (*library.Written, error) {
			return f.RestorePersona(t.Context(), f.caller, library.Target{OID: oID})
		},
		"RevertPersona": func() (*library.Written, error) {
			return f.RevertPersona(t.Context(), f.caller, library.Target{OID: oID}, f.revisions(t, oID)[0].OID)
		},
		"UpdateQuestion": func() (*library.Written, error) {
			return f.UpdateQuestion(t.Context(), f.caller, library.Target{OID: oID}, question, library.QuestionPatch{Question: new("q")})
		},
		"RestoreQuestion": func() (*library.Written, error) {
			return f.RestoreQuestion(t.Context(), f.caller, library.Target{OID: oID}, question)
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
		if written.ETag == etag || !written.Persona.UpdatedAt.Equal(f.now) || len(f.revisions(t, oID)) != before+1 {
			t.Errorf("%s made no new version", body)
		}
		etag = written.ETag
	}
}

func TestUpdateNullClears(t *testing.T) {
	t.Parallel()
	f := setupWriting(t)
	body := `{"name":"x","internalName":"i","description":"d","primaryOfferingOId":"of","linkingStrategy":{"mode":"SPECIFIC","offeringOIds":["of"]},
		"playbookOIds":["pb"],"customFields":[{"title":"t","value":["v"]}],"qualifyingQuestions":[{"question":"q","fitType":"GOOD","weight":"LOW"}],"active":false`
	fields := []string{"internalName", "description", "primaryOfferingOId", "linkingStrategy", "playbookOIds", "customFields", "qualifyingQuestions", "active"}
	for _, list := range (&persona.Persona{}).Lists() {
		body += `,"` + list.Name + `":["item"]`
		fields = append(fields, list.Name)
	}
	oID := f.create(t, body+"}").Persona.OID
	for i, field := range fields {
		before := f.get(t, oID)
		f.update(t, oID, `{"`+field+`":null}`)
		after := f.get(t, oID)
		if before.Equal(after) {
			t.Errorf("null does not clear %s", field)
		}
		if n := len(f.revisions(t, oID)); n != i+2 {
			t.Errorf("after %s there are %d revisions", field, n)
		}
	}
	want := &persona.Persona{
		WorkspaceOID: f.workspace.OID, OID: oID, Author: f.setUp.Owner, Name: "x", Active: true,
		CreatedAt: f.now, UpdatedAt: f.get(t, oID).UpdatedAt,
	}
	if diff := diff(want, f.get(t, oID)); diff != "" {
		t.Errorf("persona (-want +got):\n%s", diff)
	}
	_, err := f.UpdatePersona(t.Context(), f.caller, library.Target{OID: oID}, patch(t, `{"name":null}`))
	if domain := wantCode(t, "name: null", err, persona.Invalid, persona.CodeInvalidRequest); len(domain.Fields) != 1 || domain.Fields[0].Field != "name" {
		t.Errorf("faults %v", domain.Fields)
	}
}

func TestChangeOfDeleted(t *testing.T) {
	t.Parallel()
	f := setupWriting(t)
	created := f.create(t, `{"name":"x","qualifyingQuestions":[{"question":"q","fitType":"GOOD","weight":"LOW"}]}`)
	target, question := library.Target{OID: created.Persona.OID}, created.Persona.QualifyingQuestions[0].OID
	if _, err := f.DeletePersona(t.Context(), f.caller, target); err != nil {
		t.Fatalf("DeletePersona: %v", err)
	}
	for name, call := range map[string]func() (*library.Written, error){
		"UpdatePersona": func() (*library.Written, error) {
			return f.UpdatePersona(t.Context(), f.caller, target, patch(t, `{"name":"y"}`))
		},
		"UpdateOfNothing": func() (*library.Written, error) {
			return f.UpdatePersona(t.Context(), f.caller, target, patch(t, `{}`))
		},
		"ArchivePersona": func() (*library.Written, error) { return f.ArchivePersona(t.Context(), f.caller, target) },
		"UpdateQuestion": func() (*library.Written, error) {
			return f.UpdateQuestion(t.Context(), f.caller, target, question, library.QuestionPatch{Question: new("y")})
		},
		"ArchiveQuestion": func() (*library.Written, error) {
			return f.ArchiveQuestion(t.Context(), f.caller, target, question)
		},
		"RestoreQuestion": func() (*library.Written, error) {
			return f.RestoreQuestion(t.Context(), f.caller, target, question)
		},
	} {
		_, err := call()
		_ = wantCode(t, name, err, persona.Conflict, persona.CodePersonaDeleted)
	}
	if n := len(f.revisions(t, target.OID)); n != 2 {
		t.Errorf("there are %d revisions, want 2", n)
	}
	if _, err := f.RestorePersona(t.Context(), f.caller, target); err != nil {
		t.Fatalf("RestorePersona: %v", err)
	}
	f.update(t, target.OID, `{"name":"y"}`)
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	f := setupWriting(t)
	created := f.create(t, `{"name":"x"}`)
	oID := created.Persona.OID
	present := f.update(t, oID, `{"name":"y"}`)
	for _, ifMatch := range []string{created.ETag, `"x"`, "W/" + present.ETag, strings.Trim(present.ETag, `"`), `""`, ",", "**", present.ETag + "x"} {
		_, err := f.UpdatePersona(t.Context(), f.caller, library.Target{OID: oID, IfMatch: ifMatch}, patch(t, `{"name":"z"}`))
		if domain := wantCode(t, ifMatch, err, persona.Precondition, persona.CodePersonaChanged); domain.ETag != present.ETag {
			t.Errorf("%s: the error has the ETag %s, want %s", ifMatch, domain.ETag, present.ETag)
		}
	}
	if p := f.get(t, oID); p.Name != "y" {
		t.Errorf("what was refused was done: %s", p.Name)
	}
	for _, ifMatch := range []string{present.ETag, "*", created.ETag + "," + present.ETag, " " + present.ETag + " , " + created.ETag} {
		_, err := f.UpdatePersona(t.Context(), f.caller, library.Target{OID: oID, IfMatch: ifMatch}, patch(t, `{}`))
		if err != nil {
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

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	f := setupWriting(t)
	create := func(key, body string) (*library.Written, error) {
		return f.CreatePersona(t.Context(), f.caller, library.Create{Patch: patch(t, body), Body: []byte(body), IdempotencyKey: key})
	}
	const body = `{"name":"x"}`
	first, err := create("k", body)
	if err != nil || first.Replayed {
		t.Fatalf("CreatePersona: %v", err)
	}
	began := f.now
	f.update(t, first.Persona.OID, `{"name":"renamed since"}`)
	for _, passed := range []time.Duration{0, time.Millisecond, library.IdempotencyLasts} {
		f.now = began.Add(passed)
		again, err := create("k", body)
		if err != nil || !again.Replayed || !equal(again.Persona, first.Persona) || !bytes.Equal(again.Body, first.Body) || again.ETag != first.ETag {
			t.Errorf("after %s: %+v, %v; want the first answer", passed, again, err)
		}
		_, err = create("k", `{"name":"x" }`)
		_ = wantCode(t, "another body", err, persona.Conflict, persona.CodeKeyReused)
	}
	if n := strings.Count(string(f.export(t, f.workspace)), "\n"); n != 1 {
		t.Errorf("%d personas were made", n)
	}
	if _, err := create("K", body); err != nil {
		t.Errorf("another key: %v", err)
	}
	// What was refused is not remembered.
	if _, err := create("refused", `{"name":""}`); persona.KindOf(err) != persona.Invalid {
		t.Errorf("CreatePersona without a name: %v", err)
	}
	if written, err := create("refused", body); err != nil || written.Replayed {
		t.Errorf("the key of a refused create: %v", err)
	}
	f.now = began.Add(library.IdempotencyLasts + time.Millisecond)
	second, err := create("k", `{"name":"another"}`)
	if err != nil || second.Replayed || second.Persona.OID == first.Persona.OID {
		t.Errorf("after more than %s: %v", library.IdempotencyLasts, err)
	}
	// Keys are of one workspace.
	other, err := f.Authenticate(t.Context(), f.tokenOf(t, f.other))
	if err != nil {
		t.Fatalf("Authenticate: %v", err)
	}
	written, err := f.CreatePersona(t.Context(), other, library.Create{Patch: patch(t, body), Body: []byte(body), IdempotencyKey: "k"})
	if err != nil || written.Replayed {
		t.Errorf("the same key in another workspace: %v", err)
	}
	for _, key := range []string{strings.Repeat("é", library.MaxIdempotencyKey+1), "nul\x00", "\xff"} {
		_, err := create(key, body)
		if domain := wantCode(t, "a bad key", err, persona.Invalid, persona.CodeInvalidRequest); domain.Fields[0].Field != "Idempotency-Key" {
			t.Errorf("faults %v", domain.Fields)
		}
	}
	if _, err := create(strings.Repeat("é", library.MaxIdempotencyKey), body); err != nil {
		t.Errorf("the longest key: %v", err)
	}
}

// TestIdempotencyKeyPurged: what another transaction removes at the same time
// counts no longer.
func TestIdempotencyKeyPurged(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) (f *writing, database string, create func() (*library.Written, error)) {
		t.Helper()
		database = postgrestest.New(t)
		f = setupWritingOn(t, database)
		return f, database, func() (*library.Written, error) {
			return f.CreatePersona(t.Context(), f.caller, library.Create{Patch: patch(t, `{"name":"x"}`), Body: []byte("x"), IdempotencyKey: "k"})
		}
	}
	// check looks whether a create made another persona than first, and is the
	// one that is remembered.
	check := func(t *testing.T, create func() (*library.Written, error), first, second *library.Written, err error) {
		t.Helper()
		if err != nil || second.Replayed || second.Persona.OID == first.Persona.OID {
			t.Fatalf("CreatePersona: %+v, %v; want a new persona", second, err)
		}
		again, err := create()
		if err != nil || !again.Replayed || again.Persona.OID != second.Persona.OID {
			t.Errorf("CreatePersona, once more: %+v, %v; want %s", again, err, second.Persona.OID)
		}
	}
	t.Run("FirstAnswer", func(t *testing.T) {
		t.Parallel()
		f, database, create := setup(t)
		first, err := create()
		if err != nil {
			t.Fatal(err)
		}
		f.now = f.now.Add(library.IdempotencyLasts + time.Millisecond)
		type result struct {
			*library.Written
			error
		}
		created := make(chan result, 1)
		var early *result
		err = f.store.Write(t.Context(), func(tx persona.Tx) error {
			if n, err := tx.PurgeFirstAnswers(t.Context(), f.now.Add(-library.IdempotencyLasts)); n != 1 {
				t.Errorf("PurgeFirstAnswers = %d, %v", n, err)
			}
			go func() {
				second, err := create()
				created <- result{second, err}
			}()
			const waiting = `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
			for early == nil && postgrestest.Execute(t, database, waiting) == "0" {
				select {
				case r := <-created:
					early = &r
				default:
				}
			}
			return nil
		})
		if err != nil {
			t.Fatalf("Write: %v", err)
		}
		if early == nil {
			early = new(<-created)
		}
		check(t, create, first, early.Written, early.error)
	})
	t.Run("Persona", func(t *testing.T) {
		t.Parallel()
		f, _, create := setup(t)
		first, err := create()
		if err != nil {
			t.Fatal(err)
		}
		f.meanwhile = func() {
			f.meanwhile = func() {}
			err := f.store.Write(t.Context(), func(tx persona.Tx) error {
				return tx.PurgePersona(t.Context(), f.workspace.OID, first.Persona.OID)
			})
			if err != nil {
				t.Errorf("PurgePersona: %v", err)
			}
		}
		second, err := create()
		check(t, create, first, second, err)
	})
}

// TestFirstAnswersGo: also where deleted personas are kept for ever.
func TestFirstAnswersGo(t *testing.T) {
	t.Parallel()
	f := setupWriting(t)
	deleted := f.create(t, `{"name":"deleted"}`)
	if _, err := f.DeletePersona(t.Context(), f.caller, library.Target{OID: deleted.Persona.OID}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.CreatePersona(t.Context(), f.caller, library.Create{Patch: patch(t, `{"name":"x"}`), IdempotencyKey: "k"}); err != nil {
		t.Fatal(err)
	}
	f.now = f.now.Add(library.IdempotencyLasts + time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.Run(ctx, library.Background{
			Purged: func(d persona.DeletedPersona) { t.Errorf("%s was purged", d.OID) },
			Failed: func(err error) { t.Error(err) },
		})
	}()
	deadline := time.Now().Add(10 * time.Second)
	for err := error(nil); persona.KindOf(err) != persona.NotFound; _, err = f.store.FirstAnswer(t.Context(), f.workspace.OID, "k") {
		if time.Now().After(deadline) {
			t.Error("the first answer stays")
			break
		}
	}
	cancel()
	<-ended
}

func (f *transfer) tokenOf(t *testing.T, w persona.Workspace) string {
	t.Helper()
	token, _, err := f.CreateKey(t.Context(), library.NewKey{Workspace: w, User: f.setUp.Owner, Scopes: persona.Scopes{persona.ScopeAdmin}})
	if err != nil {
		t.Fatalf("CreateKey: %v", err)
	}
	return token
}

func TestQuestionsStayTheSame(t *testing.T) {
	t.Parallel()
	f := setupWriting(t)
	question := func(oID, text string) string {
		return fmt.Sprintf(`{"oId":%q,"question":%q,"fitType":"GOOD","weight":"LOW"}`, oID, text)
	}
	replace := func(questions ...string) string {
		return `{"name":"x","qualifyingQuestions":[` + strings.Join(questions, ",") + `]}`
	}
	created := f.create(t, replace(question("", "a"), question("", "b"), question("", "twice"), question("", "twice")))
	oID := created.Persona.OID
	ids := func() (list []string) {
		for _, q := range f.get(t, oID).QualifyingQuestions {
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
		{"SameTextAnotherOrder", replace(question("", "twice"), question("", "b"), question("", "twice"), question("", "a")), []string{first, b, second, a}},
		{"GivenIDAnotherText", replace(question(a, "changed"), question("", "b")), []string{a, b}},
		// A given id is not taken by the question that had its text.
		{"GivenIDBeatsText", replace(question("", "b"), question(b, "c")), []string{isNew, b}},
		{"CaseMatters", replace(question("", "C")), []string{isNew}},
	} {
		f.update(t, oID, step.body)
		got := ids()
		for i, id := range got {
			if i < len(step.want) && step.want[i] == isNew && strings.HasPrefix(id, persona.QuestionPrefix) && !slices.Contains(made, id) {
				got[i] = isNew
				made = append(made, id)
			}
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", step.name, diff)
		}
	}
	id := ids()[0]
	other := f.create(t, replace(question("", "theirs"))).Persona.QualifyingQuestions[0].OID
	for name, test := range map[string]struct{ first, second, fault string }{
		"Twice":            {id, id, "qualifyingQuestions[1].oId"},
		"OfTheirOwn":       {"", "mine", "qualifyingQuestions[1].oId"},
		"OfAnotherPersona": {other, id, "qualifyingQuestions[0].oId"},
		"OfThePast":        {made[0], "", "qualifyingQuestions[0].oId"},
	} {
		_, err := f.UpdatePersona(t.Context(), f.caller, library.Target{OID: oID}, patch(t, replace(question(test.first, "a"), question(test.second, "b"))))
		if domain := wantCode(t, name, err, persona.Invalid, persona.CodeInvalidRequest); len(domain.Fields) != 1 || domain.Fields[0].Field != test.fault {
			t.Errorf("%s: faults %v", name, domain.Fields)
		}
	}
	// An archived question is one of the persona all the same.
	if _, err := f.ArchiveQuestion(t.Context(), f.caller, library.Target{OID: oID}, id); err != nil {
		t.Fatalf("ArchiveQuestion: %v", err)
	}
	f.update(t, oID, replace(question(id, "again")))
	// An import gives what ids it likes.
	f.mustLoad(t, library.ImportReport{Updated: 1}, library.ImportOptions{}, fmt.Sprintf(`{"oId":%q,"name":"x","qualifyingQuestions":[%s]}`, oID, question("mine", "a")))
	if diff := cmp.Diff([]string{"mine"}, ids()); diff != "" {
		t.Errorf("after an import (-want +got):\n%s", diff)
	}
}

// TestUpdatedAtGoesForward: it never goes back, and no two versions have the
// same, though a date far ahead was imported or the clock was turned back.
func TestUpdatedAtGoesForward(t *testing.T) {
	t.Parallel()
	f := setupWriting(t)
	ahead := time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)
	f.mustLoad(t, library.ImportReport{Created: 1}, library.ImportOptions{}, `{"oId":"pe_1","name":"0","updatedAt":"2999-01-01T00:00:00Z"}`)
	for i := 1; i < 4; i++ {
		f.now = f.now.Add(-time.Hour)
		written := f.update(t, "pe_1", fmt.Sprintf(`{"name":"%d"}`, i))
		if want := ahead.Add(time.Duration(i) * time.Millisecond); !written.Persona.UpdatedAt.Equal(want) {
			t.Errorf("change %d: updatedAt is %v, want %v", i, written.Persona.UpdatedAt, want)
		}
	}
	f.mustLoad(t, library.ImportReport{Updated: 1}, library.ImportOptions{}, `{"oId":"pe_1","name":"imported"}`)
	if got, want := f.get(t, "pe_1").UpdatedAt, ahead.Add(4*time.Millisecond); !got.Equal(want) {
		t.Errorf("an import without dates: updatedAt is %v, want %v", got, want)
	}
	// There is no date after the last.
	f.mustLoad(t, library.ImportReport{Updated: 1}, library.ImportOptions{}, `{"oId":"pe_1","name":"last","updatedAt":"9999-12-31T23:59:59.999Z"}`)
	if written := f.update(t, "pe_1", `{"name":"after"}`); !written.Persona.UpdatedAt.Equal(f.now) {
		t.Errorf("after the last date: updatedAt is %v", written.Persona.UpdatedAt)
	}
}

func TestPurge(t *testing.T) {
	t.Parallel()
	f := setupWriting(t)
	var oIDs []string
	start := f.now
	for i := range 4 {
		oID := f.create(t, fmt.Sprintf(`{"name":"purged %d"}`, i)).Persona.OID
		oIDs = append(oIDs, oID)
		if i == 3 {
			break // is kept
		}
		if _, err := f.DeletePersona(t.Context(), f.caller, library.Target{OID: oID}); err != nil {
			t.Fatalf("DeletePersona: %v", err)
		}
		if _, err := f.Persona(t.Context(), f.caller, oID); err != nil { // is in the cache now
			t.Fatalf("Persona: %v", err)
		}
		f.now = f.now.Add(time.Hour)
	}
	names := func(deleted []persona.DeletedPersona) (list []string) {
		for _, d := range deleted {
			list = append(list, d.Name)
		}
		return list
	}
	purge := func(before time.Time) []string {
		would, total, err := f.Purgeable(t.Context(), before, 10)
		if err != nil || total != len(would) {
			t.Fatalf("Purgeable: %d of %d, %v", len(would), total, err)
		}
		var gone []persona.DeletedPersona
		err = f.Purge(t.Context(), before, func(d persona.DeletedPersona) {
			gone = append(gone, d)
			// It is gone when that is told.
			if _, err := f.Persona(t.Context(), f.caller, d.OID); persona.KindOf(err) != persona.NotFound {
				t.Errorf("%s is still there: %v", d.Name, err)
			}
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
	if _, err := f.Revisions(t.Context(), f.caller, oIDs[0], 10, 0); persona.KindOf(err) != persona.NotFound {
		t.Errorf("Revisions of a purged persona: %v", err)
	}
	if n := len(f.revisions(t, oIDs[3])); n != 1 {
		t.Errorf("the persona that is kept has %d revisions", n)
	}
}

// TestPurgeOfMany: what does not fit into one transaction goes in several.
func TestPurgeOfMany(t *testing.T) {
	t.Parallel()
	f := setupWriting(t)
	var text []string
	for i := range 250 {
		text = append(text, fmt.Sprintf(`{"oId":"pe_%d","name":"x","deletedAt":"2020-01-01T00:00:00Z"}`, i))
	}
	f.mustLoad(t, library.ImportReport{Created: 251}, library.ImportOptions{}, append(text, lineA)...)
	if would, total, err := f.Purgeable(t.Context(), f.now, 249); err != nil || len(would) != 249 || total != 250 {
		t.Errorf("Purgeable: %d of %d, %v; want 249 of 250", len(would), total, err)
	}
	n := 0
	if err := f.Purge(t.Context(), f.now, func(persona.DeletedPersona) { n++ }); err != nil || n != 250 {
		t.Errorf("Purge: %d, %v; want 250", n, err)
	}
	if left := string(f.export(t, f.workspace)); left != lineA+"\n" {
		t.Errorf("left are\n%s", left)
	}
}

// TestWritesAreSeenAtOnce: every kind of write is in the answer to the next
// get, though the one before is in the cache.
func TestWritesAreSeenAtOnce(t *testing.T) {
	t.Parallel()
	f := setupWriting(t)
	created := f.create(t, `{"name":"x","qualifyingQuestions":[{"question":"q","fitType":"GOOD","weight":"LOW"}]}`)
	target, question := library.Target{OID: created.Persona.OID}, created.Persona.QualifyingQuestions[0].OID
	first := f.revisions(t, target.OID)[0].OID
	ctx := t.Context()
	seen := map[string]bool{}
	for i, write := range []func() (*library.Written, error){
		func() (*library.Written, error) { return created, nil },
		func() (*library.Written, error) {
			return f.UpdatePersona(ctx, f.caller, target, patch(t, `{"name":"y"}`))
		},
		func() (*library.Written, error) { return f.ArchiveQuestion(ctx, f.caller, target, question) },
		func() (*library.Written, error) { return f.RestoreQuestion(ctx, f.caller, target, question) },
		func() (*library.Written, error) {
			return f.UpdateQuestion(ctx, f.caller, target, question, library.QuestionPatch{Question: new("r")})
		},
		func() (*library.Written, error) { return f.ArchivePersona(ctx, f.caller, target) },
		func() (*library.Written, error) { return f.DeletePersona(ctx, f.caller, target) },
		func() (*library.Written, error) { return f.RestorePersona(ctx, f.caller, target) },
		func() (*library.Written, error) { return f.RevertPersona(ctx, f.caller, target, first) },
	} {
		written, err := write()
		if err != nil {
			t.Fatalf("write %d: %v", i, err)
		}
		for range 2 { // read, and from the cache
			document, err := f.Persona(ctx, f.caller, target.OID)
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

// eager is a store that lets others look between a commit and its answer.
type eager struct {
	persona.Store
	before, after func() // the commit
}

// Write implements persona.Store.
func (s *eager) Write(ctx context.Context, fn func(persona.Tx) error) error {
	err := s.Store.Write(ctx, func(tx persona.Tx) error {
		err := fn(tx)
		s.before()
		return err
	})
	s.after()
	return err
}

// TestWritesAreSeenBeforeTheyAreAnswered: who heard of a change in another way
// before it was answered, in a list or by a 412, gets what it heard of, though
// others got the old version until the commit.
func TestWritesAreSeenBeforeTheyAreAnswered(t *testing.T) {
	t.Parallel()
	f := setupWriting(t)
	looks := &eager{Store: f.store, before: func() {}, after: func() {}}
	l, err := library.New(library.Config{Store: looks, Render: wire.AppendPersona, CacheBytes: 1 << 20})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	oID := f.create(t, `{"name":"old"}`).Persona.OID
	name := func() string {
		document, err := l.Persona(t.Context(), f.caller, oID)
		switch {
		case persona.KindOf(err) == persona.NotFound:
			return "none"
		case err != nil:
			t.Fatalf("Persona: %v", err)
		}
		var shown struct{ Name string }
		if err := json.Unmarshal(document.Body, &shown); err != nil {
			t.Fatal(err)
		}
		return shown.Name
	}
	for _, change := range []struct {
		before, after string
		write         func() error
	}{
		{"old", "new", func() error {
			_, err := l.UpdatePersona(t.Context(), f.caller, library.Target{OID: oID}, patch(t, `{"name":"new"}`))
			return err
		}},
		{"new", "new", func() error {
			_, err := l.DeletePersona(t.Context(), f.caller, library.Target{OID: oID})
			return err
		}},
		{"new", "none", func() error {
			return l.Purge(t.Context(), persona.Now().Add(time.Hour), func(persona.DeletedPersona) {})
		}},
	} {
		wrote := false
		looks.before = func() {
			if got := name(); got != change.before && got != change.after {
				t.Errorf("before the commit of %q there is %q", change.after, got)
			}
		}
		looks.after = func() {
			wrote = true
			if got, want := name(), f.nameInStore(t, oID); got != want {
				t.Errorf("after the commit, before its answer, there is %q, want %q", got, want)
			}
		}
		name() // into the cache
		if err := change.write(); err != nil || !wrote {
			t.Fatalf("write of %q: %v", change.after, err)
		}
		if got := name(); got != change.after {
			t.Errorf("after the answer there is %q, want %q", got, change.after)
		}
	}
}

// nameInStore reads past all caches.
func (f *writing) nameInStore(t *testing.T, oID string) string {
	t.Helper()
	p, err := f.store.Persona(t.Context(), f.workspace.OID, oID)
	if persona.KindOf(err) == persona.NotFound {
		return "none"
	}
	if err != nil {
		t.Fatal(err)
	}
	return p.Name
}

// TestNoLostUpdate: of those who read, change and write with If-Match, none
// loses what another wrote, though all of it happens in one millisecond.
func TestNoLostUpdate(t *testing.T) {
	t.Parallel()
	f := setupWriting(t)
	oID := f.create(t, `{"name":"x"}`).Persona.OID
	const writers, rounds = 6, 5
	// Half of them write what the document does not show.
	fields := []string{"painPoints", "playbookOIds"}
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for round := 0; round < rounds; {
				document, err := f.Persona(t.Context(), f.caller, oID)
				if err != nil {
					t.Errorf("Persona: %v", err)
					return
				}
				p, err := f.PersonaNow(t.Context(), f.caller, oID)
				if err != nil {
					t.Errorf("PersonaNow: %v", err)
					return
				}
				list := p.PainPoints
				if writer%2 == 1 {
					list = p.Links.PlaybookOIDs
				}
				body := fmt.Sprintf(`{%q:%s}`, fields[writer%2], quoted(append(slices.Clone(list), fmt.Sprintf("%d/%d", writer, round))))
				_, err = f.UpdatePersona(t.Context(), f.caller, library.Target{OID: oID, IfMatch: document.ETag}, patch(t, body))
				switch {
				case err == nil:
					round++
				case persona.KindOf(err) != persona.Precondition:
					t.Errorf("UpdatePersona: %v", err)
					return
				}
			}
		})
	}
	group.Wait()
	p := f.get(t, oID)
	for writer := range writers {
		list := [][]string{p.PainPoints, p.Links.PlaybookOIDs}[writer%2]
		for round := range rounds {
			if item := fmt.Sprintf("%d/%d", writer, round); !slices.Contains(list, item) {
				t.Errorf("%s is lost", item)
			}
		}
	}
	f.wantHistory(t, oID, 1+writers*rounds)
}

// wantHistory fails the test unless the history of a persona is whole.
func (f *writing) wantHistory(t *testing.T, oID string, length int) {
	t.Helper()
	revisions := f.revisions(t, oID)
	if len(revisions) != length {
		t.Errorf("there are %d revisions, want %d", len(revisions), length)
	}
	p := *f.get(t, oID)
	p.Author = persona.User{}
	if diff := diff(&p, revisions[0].Persona); diff != "" {
		t.Errorf("the last snapshot is not the persona (-want +got):\n%s", diff)
	}
	for i, r := range revisions {
		if want := len(revisions) - i; r.Number != want {
			t.Errorf("revision %d has the number %d", want, r.Number)
		}
		if i+1 < len(revisions) && !equal(revisions[i+1].Persona, r.Before) {
			t.Errorf("revision %d does not begin where the one before ended", r.Number)
		}
	}
}
