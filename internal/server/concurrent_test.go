package server

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/apitype"
	"personae.dev/client"
	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
	"personae.dev/internal/search"
)

var concurrentSeed = flag.Uint64("concurrent.seed", 0, "what the random calls of TestConcurrent begin with; 0 for a new seed")

// TestConcurrent lets workers make random calls at once, in workspaces with the
// same ids, and checks what must hold in any order: what each worker is answered,
// and at the end that the personas and their histories are what all workers were
// answered together. The seed repeats the calls of each worker, but not the order
// in which the calls of different workers meet.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	const perWorkspace = 3
	for _, backend := range []struct {
		name    string
		rounds  int
		connect func(t *testing.T, s *running, token string) calls
	}{
		{"Library", 16, connectLibrary},
		{"HTTP", 12, connectHTTP},
	} {
		t.Run(backend.name, func(t *testing.T) {
			t.Parallel()
			seed := *concurrentSeed
			if seed == 0 {
				seed = rand.Uint64()
			}
			t.Logf("go test -run %s -concurrent.seed %d", t.Name(), seed)
			s := start(t, testConfig(t))
			var group sync.WaitGroup
			var spaces []*space
			for i := range 2 {
				spaces = append(spaces, newSpace(t, s, fmt.Sprintf("Workspace %d", i)))
			}
			for _, w := range spaces {
				for i := range perWorkspace {
					worker := &worker{
						space: w, name: fmt.Sprintf("%s worker %d", w.OID, i), calls: backend.connect(t, s, w.token), seen: map[string]time.Time{},
						random: rand.New(rand.NewPCG(seed, uint64(len(spaces)*i+slices.Index(spaces, w)))), others: spaces,
					}
					group.Go(func() { worker.work(t, backend.rounds) })
				}
			}
			group.Wait()
			for _, w := range spaces {
				w.check(t, backend.connect(t, s, w.token))
			}
		})
	}
}

// calls is what a worker calls: the library itself, or the API.
type calls interface {
	create(ctx context.Context, p apitype.PersonaInput, idempotencyKey string) (answer, error)
	update(ctx context.Context, oID, ifMatch string, p apitype.PersonaInput) (answer, error)
	// act archives, deletes or restores a persona or its question, or reverts it
	// to the revision.
	act(ctx context.Context, action, oID, revisionOID string) (answer, error)
	get(ctx context.Context, oID string) (answer, error)
	list(ctx context.Context, text, status string) (personas []apitype.Persona, total int, err error)
	// revisions returns the ids of a history, newest first.
	revisions(ctx context.Context, oID string) ([]string, error)
	revision(ctx context.Context, revisionOID string) error
	// code is that of an error of the other calls.
	code(err error) string
}

// answer is a persona as it was answered.
type answer struct {
	apitype.Persona
	etag string
}

// tag is the part of the ETag that names the version.
func (v answer) tag() string { return tagOf(v.etag) }

func tagText(tag entity.Tag) string { return base64.RawURLEncoding.EncodeToString(tag[:]) }

func tagOf(etag string) string {
	tag, _, _ := strings.Cut(etag, ".")
	return strings.Trim(tag, `"`)
}

// Every workspace has these, with one question. The last holds a number, which
// is only ever raised.
var (
	sharedIDs = []string{"pe_0", "pe_1", "pe_2"}
	counterID = "pe_counter"
)

const questionID = "qq_1"

// space is a workspace, and what its workers were answered.
type space struct {
	account.Workspace
	server *running
	token  string

	mu    sync.Mutex
	tags  map[string]map[string]bool // of all versions that were answered, by persona
	byKey map[string]string          // the persona of each idempotency key
	count int                        // how often the counter was raised
}

func newSpace(t *testing.T, s *running, name string) *space {
	t.Helper()
	created, err := s.Library.CreateWorkspace(t.Context(), library.NewWorkspace{Name: name})
	must(t, err)
	w := &space{Workspace: *created, server: s, tags: map[string]map[string]bool{}, byKey: map[string]string{}}
	w.token, _, err = s.Library.CreateKey(t.Context(), library.NewKey{Workspace: w.Workspace, User: s.setup.Owner, Scopes: account.Scopes{account.ScopeWrite}})
	must(t, err)
	_, err = s.Library.Import(t.Context(), library.ImportOptions{Workspace: w.Workspace, Author: s.setup.Owner},
		func(yield func(library.ImportLine, error) bool) {
			for i, oID := range append(slices.Clone(sharedIDs), counterID) {
				w.tags[oID] = map[string]bool{}
				record, err := json.Marshal(struct {
					OID string `json:"oId"`
					apitype.PersonaInput
				}{oID, w.input(w.OID, "0")})
				must(t, err)
				record = bytes.Replace(record, []byte(`"oId"`), []byte(`"qualifyingQuestions":[{"oId":"`+questionID+`","question":"?","fitType":"GOOD","weight":"LOW"}],"oId"`), 1)
				yield(library.ImportLine{Number: i + 1, Value: record}, nil)
			}
		})
	must(t, err)
	return w
}

// input returns a persona whose fields all repeat its names, so that a mix of two
// writes shows.
func (w *space) input(name, internalName string) apitype.PersonaInput {
	mark := name + " " + internalName
	return apitype.PersonaInput{
		Name: name, InternalName: &internalName, Description: &mark,
		PainPoints: []string{mark, mark}, PlaybookOIDs: []string{mark},
	}
}

// whole tells whether a persona is what one write of this workspace made.
func (w *space) whole(p apitype.Persona) bool {
	if p.InternalName == nil || p.Description == nil || p.Workspace.OID != w.OID || !strings.HasPrefix(p.Name, w.OID) {
		return false
	}
	mark := p.Name + " " + *p.InternalName
	return *p.Description == mark && p.Data.InternalName == *p.InternalName && slices.Equal(p.Data.PainPoints, []string{mark, mark})
}

// worker does one thing after the other.
type worker struct {
	*space
	calls  calls
	name   string
	random *rand.Rand
	others []*space
	seen   map[string]time.Time // updatedAt of what it last was told of a persona
}

func (w *worker) work(t *testing.T, rounds int) {
	t.Helper()
	for round := range rounds {
		w.round(t, round)
		if t.Failed() {
			return
		}
	}
}

func (w *worker) round(t *testing.T, round int) {
	t.Helper()
	ctx := t.Context()
	oID := sharedIDs[w.random.IntN(len(sharedIDs))]
	switch w.random.IntN(10) {
	case 0, 1, 2:
		mark := fmt.Sprintf("%s %s/%d", w.name, oID, round)
		done, err := w.calls.update(ctx, oID, "", w.input(mark, strconv.Itoa(round)))
		w.told(t, "update", oID, done, err, errs.DeletedCode("persona"))
	case 3:
		w.create(t, round)
	case 4, 5:
		w.raise(t)
	case 6:
		actions := []string{"archive", "delete", "restore", "restore", "archiveQuestion", "restoreQuestion"}
		action := actions[w.random.IntN(len(actions))]
		done, err := w.calls.act(ctx, action, oID, "")
		w.told(t, action, oID, done, err, errs.DeletedCode("persona"))
	case 7:
		history, err := w.calls.revisions(ctx, oID)
		if err != nil || len(history) == 0 {
			t.Errorf("revisions of %s: %v, %v", oID, history, err)
			return
		}
		revision := history[w.random.IntN(len(history))]
		done, err := w.calls.act(ctx, "revert", oID, revision)
		w.told(t, "revert", oID, done, err)
		w.isolated(t, revision)
	case 8:
		got, err := w.calls.get(ctx, oID)
		w.told(t, "get", oID, got, err)
	case 9:
		w.list(t)
	}
}

// told notes an answer. It must be of one write of this workspace, and not older
// than what the worker has seen.
func (w *worker) told(t *testing.T, what, oID string, got answer, err error, allowed ...string) {
	t.Helper()
	if err != nil {
		if !slices.Contains(allowed, w.calls.code(err)) {
			t.Errorf("%s: %s of %s: %v", w.name, what, oID, err)
		}
		return
	}
	at := got.UpdatedAt.Time
	if got.OID != oID || !w.whole(got.Persona) || at.Before(w.seen[oID]) {
		t.Errorf("%s: %s of %s is a mix, or older than %s: %+v", w.name, what, oID, w.seen[oID], got)
	}
	w.seen[oID] = at
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tags[oID] == nil {
		w.tags[oID] = map[string]bool{}
	}
	w.tags[oID][got.tag()] = true
}

// create makes a persona. All workers have the same few idempotency keys, some
// of them with bodies of their own.
func (w *worker) create(t *testing.T, round int) {
	t.Helper()
	key, name := "", w.name+" created"
	switch w.random.IntN(3) {
	case 0:
		key, name = fmt.Sprintf("same body %d", round/8), w.OID+" same body"
	case 1:
		key = fmt.Sprintf("own body %d", round/8)
	}
	done, err := w.calls.create(t.Context(), w.input(name, strconv.Itoa(round/8)), key)
	if err != nil {
		if code := w.calls.code(err); code != errs.CodeKeyReused || !strings.HasPrefix(key, "own") {
			t.Errorf("%s: create with the key %q: %v", w.name, key, err)
		}
		return
	}
	w.mu.Lock()
	first, known := w.byKey[key]
	again := w.tags[done.OID] != nil
	if w.byKey[key] = done.OID; key == "" {
		delete(w.byKey, key)
	}
	w.mu.Unlock()
	if known && first != done.OID || again && !known || done.Name != name {
		t.Errorf("%s: create with the key %q made %s (%s), and %q before", w.name, key, done.OID, done.Name, first)
	}
	delete(w.seen, done.OID) // it is the first answer
	w.told(t, "create", done.OID, done, nil)
}

// raise reads the counter and writes the next number, until nobody came between.
func (w *worker) raise(t *testing.T) {
	t.Helper()
	for {
		got, err := w.calls.get(t.Context(), counterID)
		w.told(t, "get", counterID, got, err)
		if err != nil {
			return
		}
		n, err := strconv.Atoi(*got.InternalName)
		must(t, err)
		done, err := w.calls.update(t.Context(), counterID, got.etag, w.input(w.OID, strconv.Itoa(n+1)))
		w.told(t, "raise", counterID, done, err, errs.ChangedCode("persona"))
		if err == nil {
			w.mu.Lock()
			w.count++
			w.mu.Unlock()
			return
		}
		if t.Failed() {
			return
		}
	}
}

// isolated fails the test if another workspace's worker can read what is this
// one's: the revision, or a persona that was made here.
func (w *worker) isolated(t *testing.T, revision string) {
	t.Helper()
	if err := w.calls.revision(t.Context(), revision); err != nil {
		t.Errorf("%s: revision %s: %v", w.name, revision, err)
	}
	for _, other := range w.others {
		if other == w.space {
			continue
		}
		other.mu.Lock()
		theirs := slices.Sorted(maps.Keys(other.tags))
		other.mu.Unlock()
		for _, oID := range theirs {
			if slices.Contains(sharedIDs, oID) || oID == counterID {
				continue
			}
			if _, err := w.calls.get(t.Context(), oID); err == nil || w.calls.code(err) != errs.NotFoundCode("persona") {
				t.Errorf("%s gets %s of another workspace: %v", w.name, oID, err)
			}
			break
		}
	}
}

// list reads a list of all: each is whole, and what was made before is there.
func (w *worker) list(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	known := slices.Collect(maps.Keys(w.tags))
	w.mu.Unlock()
	personas, total, err := w.calls.list(t.Context(), "", "all")
	if err != nil || total != len(personas) {
		t.Errorf("%s: a list of all has %d personas, and says %d: %v", w.name, len(personas), total, err)
	}
	there := map[string]bool{}
	for _, p := range personas {
		if there[p.OID] || !w.whole(p) {
			t.Errorf("%s: the list has %+v", w.name, p)
		}
		there[p.OID] = true
	}
	for _, oID := range known {
		if !there[oID] {
			t.Errorf("%s: the list lacks %s", w.name, oID)
		}
	}
	// A search is of one moment: all that it finds has the word.
	word := strconv.Itoa(w.random.IntN(5))
	found, total, err := w.calls.list(t.Context(), w.OID+" "+word, "active")
	if err != nil || total != len(found) {
		t.Errorf("%s: a search has %d personas, and says %d: %v", w.name, len(found), total, err)
	}
	for _, p := range found {
		if p.DeletedAt != nil || p.ArchivedAt != nil || !w.whole(p) || !slices.ContainsFunc(search.Words(*p.Description), func(s string) bool { return strings.HasPrefix(s, word) }) {
			t.Errorf("%s: a search for %s finds %+v", w.name, word, p)
		}
	}
}

func (w *space) persona(t *testing.T) *entity.Kind {
	t.Helper()
	k, err := w.server.Library.Registry().Kind("persona")
	must(t, err)
	return k
}

// check compares the workspace with what its workers were answered.
func (w *space) check(t *testing.T, calls calls) {
	t.Helper()
	ctx := t.Context()
	principal, err := w.server.Library.Authenticate(ctx, w.token)
	must(t, err)
	caller := library.Caller{Principal: principal, Source: entity.SourceAPI}
	totals := 0
	for _, status := range []string{"active", "archived", "deleted", "all"} {
		personas, total, err := calls.list(ctx, "", status)
		if err != nil || len(personas) != total {
			t.Errorf("%s: %d personas of %d, %v", status, len(personas), total, err)
		}
		if totals += total; status == "all" && total != len(w.tags) || status == "all" && totals != 2*total {
			t.Errorf("there are %d personas, in all lists %d; the workers know of %d", total, totals, len(w.tags))
		}
	}
	for oID, tags := range w.tags {
		page, err := w.server.Library.Revisions(ctx, caller, entity.RevisionQuery{OIDs: []string{oID}, Limit: library.MaxRevisions, Restored: true})
		must(t, err)
		history := page.Revisions
		slices.Reverse(history)
		if page.Total != len(history) {
			t.Fatalf("%s has %d revisions, and says %d", oID, len(history), page.Total)
		}
		// Each version that a worker was answered is in the history, and no other.
		inHistory := map[string]bool{}
		var before []byte
		last := ""
		for i, listed := range history {
			r, err := w.server.Library.Revision(ctx, caller, listed.RevisionOID)
			must(t, err)
			if r.Number != i+1 || r.OID != oID || !bytes.Equal(r.BeforeBody, before) {
				t.Errorf("revision %d of %s has the number %d, or does not begin where the one before ended", i+1, oID, r.Number)
			}
			before = r.AfterBody
			var shown apitype.Persona
			must(t, json.Unmarshal(r.AfterBody, &shown))
			if links := string(r.After.Fields["playbookOIds"]); !w.whole(shown) || links != `["`+*shown.Description+`"]` {
				t.Errorf("revision %d of %s is a mix: %s, linked to %s", r.Number, oID, r.AfterBody, links)
			}
			last = tagText(entity.TagOf(r.Document, r.Hidden))
			if inHistory[last] {
				t.Errorf("revision %d of %s has the tag of an earlier one", r.Number, oID)
			}
			inHistory[last] = true
			if i == 0 && r.Action == entity.ActionImported {
				tags[last] = true // no worker was answered
			}
		}
		if diff := cmp.Diff(tags, inHistory); diff != "" {
			t.Errorf("the history of %s, by tags (-what was answered +what is there):\n%s", oID, diff)
		}
		now, err := w.server.Library.Get(ctx, caller, w.persona(t), oID, library.GetOptions{Fresh: true})
		must(t, err)
		got, err := calls.get(ctx, oID)
		must(t, err)
		if got.tag() != last || tagOf(now.ETag) != last || !bytes.Equal(now.Body, before) {
			t.Errorf("the last revision of %s is not what it is, %s", oID, now.Body)
		}
		if !slices.Contains(sharedIDs, oID) {
			continue
		}
		if found, _, err := calls.list(ctx, got.Name, "all"); err != nil || !slices.ContainsFunc(found, func(p apitype.Persona) bool { return p.OID == oID }) {
			t.Errorf("%s is not found by its name, %v", oID, err)
		}
	}
	counter, err := calls.get(ctx, counterID)
	must(t, err)
	if *counter.InternalName != strconv.Itoa(w.count) || len(w.tags[counterID]) != w.count+1 {
		t.Errorf("the counter is at %s in %d versions, and was raised %d times", *counter.InternalName, len(w.tags[counterID]), w.count)
	}
}

// libraryCalls calls the library.
type libraryCalls struct {
	*library.Library
	caller library.Caller
	kind   *entity.Kind
}

func connectLibrary(t *testing.T, s *running, token string) calls {
	t.Helper()
	principal, err := s.Library.Authenticate(t.Context(), token)
	must(t, err)
	k, err := s.Library.Registry().Kind("persona")
	must(t, err)
	return libraryCalls{s.Library, library.Caller{Principal: principal, Source: entity.SourceAPI}, k}
}

func (l libraryCalls) version(d *library.Document, err error) (v answer, _ error) {
	if err != nil {
		return v, err
	}
	v.etag = d.ETag
	return v, json.Unmarshal(d.Body, &v.Persona)
}

func (l libraryCalls) written(w *library.Written, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	return l.version(w.Document, nil)
}

func (l libraryCalls) create(ctx context.Context, p apitype.PersonaInput, key string) (answer, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return answer{}, err
	}
	patch, fields := l.kind.Decode(body, entity.Mode{Create: true})
	return l.written(l.Create(ctx, l.caller, l.kind, library.Create{Patch: patch, Errors: fields, IdempotencyKey: key, Body: body}))
}

func (l libraryCalls) update(ctx context.Context, oID, ifMatch string, p apitype.PersonaInput) (answer, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return answer{}, err
	}
	patch, fields := l.kind.Decode(body, entity.Mode{})
	return l.written(l.Update(ctx, l.caller, l.kind, library.Target{OID: oID, IfMatch: ifMatch, Errors: fields}, patch))
}

func (l libraryCalls) act(ctx context.Context, action, oID, revisionOID string) (answer, error) {
	target := library.Target{OID: oID}
	switch action {
	case "archive":
		return l.written(l.Archive(ctx, l.caller, l.kind, target))
	case "delete":
		return l.written(l.Delete(ctx, l.caller, l.kind, target))
	case "restore":
		return l.written(l.Restore(ctx, l.caller, l.kind, target))
	case "archiveQuestion":
		return l.written(l.ArchiveQuestion(ctx, l.caller, l.kind, target, questionID))
	case "restoreQuestion":
		return l.written(l.RestoreQuestion(ctx, l.caller, l.kind, target, questionID))
	}
	return l.written(l.Revert(ctx, l.caller, l.kind, target, revisionOID))
}

func (l libraryCalls) get(ctx context.Context, oID string) (answer, error) {
	return l.version(l.Get(ctx, l.caller, l.kind, oID, library.GetOptions{}))
}

func (l libraryCalls) list(ctx context.Context, text, status string) (personas []apitype.Persona, total int, err error) {
	page, err := l.List(ctx, l.caller, l.kind, library.ListRequest{Text: text, Limit: library.MaxLimit, Status: entity.Status(status)})
	if err != nil {
		return nil, 0, err
	}
	defer page.Close()
	for _, document := range page.Documents {
		var p apitype.Persona
		if err := json.Unmarshal(document, &p); err != nil {
			return nil, 0, err
		}
		personas = append(personas, p)
	}
	return personas, page.Total, nil
}

func (l libraryCalls) revisions(ctx context.Context, oID string) (oIDs []string, err error) {
	page, err := l.Revisions(ctx, l.caller, entity.RevisionQuery{OIDs: []string{oID}, Limit: library.MaxRevisions, Restored: true})
	if err != nil {
		return nil, err
	}
	for _, r := range page.Revisions {
		oIDs = append(oIDs, r.RevisionOID)
	}
	return oIDs, nil
}

func (l libraryCalls) revision(ctx context.Context, oID string) error {
	_, err := l.Revision(ctx, l.caller, oID)
	return err
}

func (libraryCalls) code(err error) string { return errs.CodeOf(err) }

// httpCalls calls the API.
type httpCalls struct{ *client.Client }

func connectHTTP(t *testing.T, s *running, token string) calls {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := client.New(client.Config{BaseURL: s.url, APIKey: token, HTTPClient: &http.Client{Transport: transport}})
	must(t, err)
	return httpCalls{c}
}

func (h httpCalls) answer(a *client.Answer[apitype.Persona], err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	return answer{a.Entity, a.ETag}, nil
}

func (h httpCalls) create(ctx context.Context, p apitype.PersonaInput, key string) (answer, error) {
	if key == "" {
		return h.answer(h.Personas.Create(ctx, p))
	}
	return h.answer(h.Personas.Create(ctx, p, client.IdempotencyKey(key)))
}

func (h httpCalls) update(ctx context.Context, oID, ifMatch string, p apitype.PersonaInput) (answer, error) {
	if ifMatch == "" {
		return h.answer(h.Personas.Update(ctx, oID, p))
	}
	return h.answer(h.Personas.Update(ctx, oID, p, client.IfMatch(ifMatch)))
}

func (h httpCalls) act(ctx context.Context, action, oID, revisionOID string) (answer, error) {
	switch action {
	case "archive":
		return h.answer(h.Personas.Archive(ctx, oID))
	case "delete":
		return h.answer(h.Personas.Delete(ctx, oID))
	case "restore":
		return h.answer(h.Personas.Restore(ctx, oID))
	case "archiveQuestion":
		return h.answer(h.Personas.ArchiveQuestion(ctx, oID, questionID))
	case "restoreQuestion":
		return h.answer(h.Personas.RestoreQuestion(ctx, oID, questionID))
	}
	return h.answer(h.Personas.Revert(ctx, oID, revisionOID))
}

func (h httpCalls) get(ctx context.Context, oID string) (answer, error) {
	return h.answer(h.Personas.Get(ctx, oID))
}

func (h httpCalls) list(ctx context.Context, text, status string) (personas []apitype.Persona, total int, err error) {
	page, err := h.Personas.List(ctx, client.ListOptions{Text: text, Status: status, Limit: library.MaxLimit})
	if err != nil {
		return nil, 0, err
	}
	return page.Data, page.Total, nil
}

func (h httpCalls) revisions(ctx context.Context, oID string) (oIDs []string, err error) {
	page, err := h.ListRevisions(ctx, client.RevisionOptions{OIDs: []string{oID}, Limit: library.MaxRevisions, Restored: true})
	if err != nil {
		return nil, err
	}
	for _, r := range page.Revisions {
		oIDs = append(oIDs, r.RevisionOID)
	}
	return oIDs, nil
}

func (h httpCalls) revision(ctx context.Context, oID string) error {
	_, err := h.GetRevision(ctx, oID)
	return err
}

func (httpCalls) code(err error) string {
	if refused, ok := errors.AsType[*client.Error](err); ok {
		return refused.Code
	}
	return ""
}
