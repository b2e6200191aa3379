package app_test

import (
	"context"
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
	"personae.dev/internal/app"
	"personae.dev/internal/library"
	"personae.dev/internal/persona"
	"personae.dev/internal/search"
	"personae.dev/internal/wire"
)

var concurrentSeed = flag.Uint64("concurrent.seed", 0, "what the random calls of TestConcurrent begin with; 0 for a new seed")

// TestConcurrent lets many do random things at once, in workspaces with the same
// ids, and checks what must hold whatever came first: what each is answered
// while it works, and at the end that the personas and their histories are what
// all were told together. The seed gives each worker's calls again, though not
// the order in which those of different workers meet.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	const perWorkspace = 3
	for _, backend := range []struct {
		name    string
		rounds  int
		connect func(t *testing.T, s *app.Server, token string) calls
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
			s := start(t, config(t))
			var group sync.WaitGroup
			var spaces []*space
			for i := range 2 {
				spaces = append(spaces, newSpace(t, s, fmt.Sprintf("Workspace %d", i)))
			}
			for _, w := range spaces {
				for i := range perWorkspace {
					worker := &worker{
						space: w, name: fmt.Sprintf("%s worker %d", w.OID, i), calls: backend.connect(t, s.Server, w.token), seen: map[string]time.Time{},
						random: rand.New(rand.NewPCG(seed, uint64(len(spaces)*i+slices.Index(spaces, w)))), others: spaces,
					}
					group.Go(func() { worker.work(t, backend.rounds) })
				}
			}
			group.Wait()
			for _, w := range spaces {
				w.check(t, backend.connect(t, s.Server, w.token))
			}
		})
	}
}

// calls is what a worker calls: the library itself, or the API.
type calls interface {
	create(ctx context.Context, p client.NewPersona, idempotencyKey string) (version, error)
	update(ctx context.Context, oID, ifMatch string, patch client.PersonaPatch) (version, error)
	// act archives, deletes or restores a persona or its question, or reverts it
	// to the revision.
	act(ctx context.Context, action, oID, revisionOID string) (version, error)
	get(ctx context.Context, oID string) (version, error)
	list(ctx context.Context, text, status string) (personas []apitype.Persona, total int, err error)
	// revisions returns the ids of a history, newest first.
	revisions(ctx context.Context, oID string) ([]string, error)
	revision(ctx context.Context, revisionOID string) error
	// code is that of an error of the other calls.
	code(err error) string
}

// version is a persona as it was answered.
type version struct {
	apitype.Persona
	etag string
}

// Every workspace has these, with one question. The last holds a number, which
// is only ever raised.
var (
	sharedIDs = []string{"pe_0", "pe_1", "pe_2"}
	counterID = "pe_counter"
)

const questionID = "qq_1"

// space is a workspace, and what its workers were told.
type space struct {
	persona.Workspace
	server *server
	token  string

	mu    sync.Mutex
	tags  map[string]map[string]bool // of all versions that were answered, by persona
	byKey map[string]string          // the persona of each idempotency key
	count int                        // how often the counter was raised
}

func newSpace(t *testing.T, s *server, name string) *space {
	t.Helper()
	created, err := s.Library.CreateWorkspace(t.Context(), library.NewWorkspace{Name: name})
	must(t, err)
	w := &space{Workspace: *created, server: s, tags: map[string]map[string]bool{}, byKey: map[string]string{}}
	w.token, _, err = s.Library.CreateKey(t.Context(), library.NewKey{Workspace: w.Workspace, User: s.setup.Owner, Scopes: persona.Scopes{persona.ScopeRead, persona.ScopeWrite}})
	must(t, err)
	_, err = s.Library.Import(t.Context(), library.ImportOptions{Workspace: w.Workspace, Author: s.setup.Owner},
		func(yield func(library.ImportLine, error) bool) {
			for i, oID := range append(slices.Clone(sharedIDs), counterID) {
				w.tags[oID] = map[string]bool{}
				p := &persona.Persona{OID: oID, Name: w.OID, InternalName: new("0"), Active: true}
				p.QualifyingQuestions = []persona.QualifyingQuestion{{OID: questionID, Question: "?", FitType: persona.FitGood, Weight: persona.WeightLow}}
				w.fill(p)
				yield(library.ImportLine{Number: i + 1, Persona: p}, nil)
			}
		})
	must(t, err)
	return w
}

// fill makes all of p say what its names say, links too, so that a mix of two
// writes shows.
func (w *space) fill(p *persona.Persona) {
	mark := p.Name + " " + *p.InternalName
	p.Description, p.PainPoints, p.Links.PlaybookOIDs = &mark, []string{mark, mark}, []string{mark}
}

// whole tells whether a persona is what one write of this workspace made.
func (w *space) whole(p apitype.Persona) bool {
	if p.Name == nil || p.InternalName == nil || p.Description == nil || p.Workspace.OID != w.OID || !strings.HasPrefix(*p.Name, w.OID) {
		return false
	}
	mark := *p.Name + " " + *p.InternalName
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
		done, err := w.calls.update(ctx, oID, "", w.patch(mark, strconv.Itoa(round)))
		w.told(t, "update", oID, done, err, persona.CodePersonaDeleted)
	case 3:
		w.create(t, round)
	case 4, 5:
		w.raise(t)
	case 6:
		actions := []string{"archive", "delete", "restore", "restore", "archiveQuestion", "restoreQuestion"}
		action := actions[w.random.IntN(len(actions))]
		done, err := w.calls.act(ctx, action, oID, "")
		w.told(t, action, oID, done, err, persona.CodePersonaDeleted)
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

func (w *space) patch(name, internalName string) client.PersonaPatch {
	p := &persona.Persona{Name: name, InternalName: &internalName}
	w.fill(p)
	return client.PersonaPatch{
		Name: client.Set(name), InternalName: client.Set(internalName), Description: client.Set(*p.Description),
		PainPoints: client.Set(p.PainPoints), PlaybookOIDs: client.Set(p.Links.PlaybookOIDs),
	}
}

// told notes an answer. It must be of one write of this workspace, and not older
// than what the worker knows already.
func (w *worker) told(t *testing.T, what, oID string, got version, err error, allowed ...string) {
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
	w.tags[oID][got.etag] = true
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
	internalName := strconv.Itoa(round / 8)
	p := &persona.Persona{Name: name, InternalName: &internalName}
	w.fill(p)
	done, err := w.calls.create(t.Context(), client.NewPersona{
		Name: p.Name, InternalName: p.InternalName, Description: p.Description, PainPoints: p.PainPoints, PlaybookOIDs: p.Links.PlaybookOIDs,
	}, key)
	if err != nil {
		if code := w.calls.code(err); code != persona.CodeKeyReused || !strings.HasPrefix(key, "own") {
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
	if known && first != done.OID || again && !known || *done.Name != name {
		t.Errorf("%s: create with the key %q made %s (%s), and %q before", w.name, key, done.OID, *done.Name, first)
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
		done, err := w.calls.update(t.Context(), counterID, got.etag, w.patch(w.OID, strconv.Itoa(n+1)))
		w.told(t, "raise", counterID, done, err, persona.CodePersonaChanged)
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
			if _, err := w.calls.get(t.Context(), oID); err == nil || w.calls.code(err) != persona.CodePersonaNotFound {
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

// check holds the workspace against what its workers were told.
func (w *space) check(t *testing.T, calls calls) {
	t.Helper()
	ctx := t.Context()
	caller, err := w.server.Library.Authenticate(ctx, w.token)
	must(t, err)
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
		page, err := w.server.Library.Revisions(ctx, caller, oID, library.MaxLimit, 0)
		must(t, err)
		history := page.Revisions
		slices.Reverse(history)
		if page.Total != len(history) || page.HasNext {
			t.Fatalf("%s has %d revisions, and says %d", oID, len(history), page.Total)
		}
		// Each version that somebody was told of is in the history, and no other.
		inHistory := map[string]bool{}
		var before *persona.Persona
		last := ""
		for i, r := range history {
			if r.Number != i+1 || r.PersonaOID != oID || (before == nil) != (r.Before == nil) || before != nil && !r.Before.Equal(before) {
				t.Errorf("revision %d of %s has the number %d, or does not begin where the one before ended", i+1, oID, r.Number)
			}
			before = r.Persona
			snapshot := *r.Persona
			snapshot.Author = w.server.setup.Owner
			written, err := w.server.Library.Written(&snapshot)
			must(t, err)
			var shown apitype.Persona
			must(t, json.Unmarshal(written.Body, &shown))
			if mark := *r.Persona.Description; !w.whole(shown) || !slices.Equal(r.Persona.Links.PlaybookOIDs, []string{mark}) {
				t.Errorf("revision %d of %s is a mix: %+v", r.Number, oID, r.Persona)
			}
			if inHistory[written.ETag] {
				t.Errorf("revision %d of %s has the ETag of an earlier one", r.Number, oID)
			}
			inHistory[written.ETag] = true
			last = written.ETag
			if i == 0 && r.Action == persona.ActionImported {
				tags[written.ETag] = true // nobody was told
			}
		}
		if diff := cmp.Diff(tags, inHistory); diff != "" {
			t.Errorf("the history of %s, by ETags (-what was told +what is there):\n%s", oID, diff)
		}
		now, err := w.server.Library.PersonaNow(ctx, caller, oID)
		must(t, err)
		now.Author = persona.User{} // which is no part of a revision
		got, err := calls.get(ctx, oID)
		must(t, err)
		if got.etag != last || !now.Equal(before) {
			t.Errorf("the last revision of %s is not what it is, %+v", oID, now)
		}
		if !slices.Contains(sharedIDs, oID) {
			continue
		}
		if found, _, err := calls.list(ctx, *got.Name, "all"); err != nil || !slices.ContainsFunc(found, func(p apitype.Persona) bool { return p.OID == oID }) {
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
}

func connectLibrary(t *testing.T, s *app.Server, token string) calls {
	t.Helper()
	caller, err := s.Library.Authenticate(t.Context(), token)
	must(t, err)
	return libraryCalls{s.Library, caller}
}

func (l libraryCalls) version(d *library.Document, err error) (v version, _ error) {
	if err != nil {
		return v, err
	}
	v.etag = d.ETag
	return v, json.Unmarshal(d.Body, &v.Persona)
}

func (l libraryCalls) written(w *library.Written, err error) (version, error) {
	if err != nil {
		return version{}, err
	}
	return l.version(w.Document, nil)
}

func (l libraryCalls) create(ctx context.Context, p client.NewPersona, key string) (version, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return version{}, err
	}
	_, patch, _, faults := wire.DecodePatch(body)
	return l.written(l.CreatePersona(ctx, l.caller, library.Create{Patch: patch, Faults: faults, IdempotencyKey: key, Body: body}))
}

func (l libraryCalls) update(ctx context.Context, oID, ifMatch string, p client.PersonaPatch) (version, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return version{}, err
	}
	_, patch, _, faults := wire.DecodePatch(body)
	return l.written(l.UpdatePersona(ctx, l.caller, library.Target{OID: oID, IfMatch: ifMatch, Faults: faults}, patch))
}

func (l libraryCalls) act(ctx context.Context, action, oID, revisionOID string) (version, error) {
	target := library.Target{OID: oID}
	switch action {
	case "archive":
		return l.written(l.ArchivePersona(ctx, l.caller, target))
	case "delete":
		return l.written(l.DeletePersona(ctx, l.caller, target))
	case "restore":
		return l.written(l.RestorePersona(ctx, l.caller, target))
	case "archiveQuestion":
		return l.written(l.ArchiveQuestion(ctx, l.caller, target, questionID))
	case "restoreQuestion":
		return l.written(l.RestoreQuestion(ctx, l.caller, target, questionID))
	}
	return l.written(l.RevertPersona(ctx, l.caller, target, revisionOID))
}

func (l libraryCalls) get(ctx context.Context, oID string) (version, error) {
	return l.version(l.Persona(ctx, l.caller, oID))
}

func (l libraryCalls) list(ctx context.Context, text, status string) (personas []apitype.Persona, total int, err error) {
	page, err := l.ListPersonas(ctx, l.caller, library.ListRequest{
		Whole: true,
		Text:  text, Query: persona.Query{Limit: library.MaxLimit, Status: persona.Status(status), Order: persona.ByRank},
	})
	if err != nil {
		return nil, 0, err
	}
	for _, p := range page.Personas {
		shown, err := l.written(l.Written(p))
		if err != nil {
			return nil, 0, err
		}
		personas = append(personas, shown.Persona)
	}
	return personas, page.Total, nil
}

func (l libraryCalls) revisions(ctx context.Context, oID string) (oIDs []string, err error) {
	page, err := l.Revisions(ctx, l.caller, oID, library.MaxLimit, 0)
	if err != nil {
		return nil, err
	}
	for _, r := range page.Revisions {
		oIDs = append(oIDs, r.OID)
	}
	return oIDs, nil
}

func (l libraryCalls) revision(ctx context.Context, oID string) error {
	_, err := l.Revision(ctx, l.caller, oID)
	return err
}

func (libraryCalls) code(err error) string {
	if domain, ok := errors.AsType[*persona.Error](err); ok {
		return domain.Code
	}
	return ""
}

// httpCalls calls the API.
type httpCalls struct{ *client.Client }

func connectHTTP(t *testing.T, s *app.Server, token string) calls {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := client.New(client.Config{BaseURL: s.URL(), APIKey: token, HTTPClient: &http.Client{Transport: transport}})
	must(t, err)
	return httpCalls{c}
}

func (h httpCalls) written(w *client.Written, err error) (version, error) {
	if err != nil {
		return version{}, err
	}
	return version{w.Persona, w.ETag}, nil
}

func (h httpCalls) create(ctx context.Context, p client.NewPersona, key string) (version, error) {
	if key == "" {
		return h.written(h.CreatePersona(ctx, p))
	}
	return h.written(h.CreatePersona(ctx, p, client.IdempotencyKey(key)))
}

func (h httpCalls) update(ctx context.Context, oID, ifMatch string, p client.PersonaPatch) (version, error) {
	if ifMatch == "" {
		return h.written(h.UpdatePersona(ctx, oID, p))
	}
	return h.written(h.UpdatePersona(ctx, oID, p, client.IfMatch(ifMatch)))
}

func (h httpCalls) act(ctx context.Context, action, oID, revisionOID string) (version, error) {
	switch action {
	case "archive":
		return h.written(h.ArchivePersona(ctx, oID))
	case "delete":
		return h.written(h.DeletePersona(ctx, oID))
	case "restore":
		return h.written(h.RestorePersona(ctx, oID))
	case "archiveQuestion":
		return h.written(h.ArchiveQuestion(ctx, oID, questionID))
	case "restoreQuestion":
		return h.written(h.RestoreQuestion(ctx, oID, questionID))
	}
	return h.written(h.RevertPersona(ctx, oID, revisionOID))
}

func (h httpCalls) get(ctx context.Context, oID string) (version, error) {
	got, etag, err := h.GetPersonaIfChanged(ctx, oID, "")
	if err != nil {
		return version{}, err
	}
	return version{got.Persona, etag}, nil
}

func (h httpCalls) list(ctx context.Context, text, status string) (personas []apitype.Persona, total int, err error) {
	page, err := h.ListPersonas(ctx, client.ListOptions{Text: text, Status: status, Limit: library.MaxLimit})
	if err != nil {
		return nil, 0, err
	}
	return page.Data, page.Total, nil
}

func (h httpCalls) revisions(ctx context.Context, oID string) (oIDs []string, err error) {
	page, err := h.ListRevisions(ctx, oID, client.PageOptions{Limit: library.MaxLimit})
	if err != nil {
		return nil, err
	}
	for _, r := range page.Data {
		oIDs = append(oIDs, r.OID)
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
