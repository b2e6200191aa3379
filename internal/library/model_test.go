package library_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/entity/entitytest"
	"personae.dev/internal/errs"
	"personae.dev/internal/kind"
	"personae.dev/internal/library"
	"personae.dev/internal/search"
	"personae.dev/internal/store"
	"personae.dev/internal/store/postgrestest"
	"personae.dev/internal/store/storetest"
)

// TestModel compares the library with a model in memory: whatever is called, in
// whatever order, by whomever, on personas and on kinds that are made up, both
// give the same answer and have the same entities and histories afterwards. The
// model reads no body and applies no patch: what a call means is told to it
// beside the body (edit).
func TestModel(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		testModel(t, setup(t))
	})
	t.Run("Postgres", func(t *testing.T) {
		t.Parallel()
		testModel(t, setupOn(t, storetest.OpenDatabase(t, postgrestest.New(t), store.Options{Create: true})))
	})
}

func testModel(t *testing.T, f *fixture) {
	t.Helper()
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		m := &model{t: rt, ctx: t.Context(), f: f, now: f.now, questions: map[string]bool{}}
		for i := range 2 {
			m.kinds = append(m.kinds, randomKind(rt, i))
		}
		r := entity.NewRegistry(append(kind.Registry().Kinds(), m.kinds...)...)
		m.kinds = append(m.kinds, r.Kinds()[0])
		var err error
		m.Library, err = library.New(library.Config{Store: f.store, Registry: r, CacheBytes: 1 << 20, Now: func() time.Time { return m.now }})
		if err != nil {
			rt.Fatal(err)
		}
		for i := range 2 {
			m.workspaces = append(m.workspaces, m.newWorkspace(fmt.Sprintf("model %d %d", round, i)))
		}
		rt.Repeat(map[string]func(*rapid.T){
			"create":   m.step(m.create),
			"update":   m.step(m.update),
			"mark":     m.step(m.mark),
			"revert":   m.step(m.revert),
			"question": m.step(m.question),
			"import":   m.step(m.importLine),
			"list":     m.step(m.list),
			"purge":    m.step(m.purge),
			"time": m.step(func() {
				m.now = m.now.Add(rapid.SampledFrom([]time.Duration{time.Millisecond, time.Hour, 24*time.Hour + time.Millisecond}).Draw(m.t, "passes"))
			}),
		})
		for _, w := range m.workspaces {
			m.compareAll(w)
		}
	})
}

// randomKind returns a kind with some of the fields of the kind for tests.
func randomKind(t *rapid.T, i int) *entity.Kind {
	k := entitytest.Kind()
	letter := string(rune('a' + i))
	k.Position = 50 + i
	k.Name, k.Plural, k.Title, k.Revision, k.Tool, k.Prefix = "kind-"+letter, "kind"+letter+"s", "kind "+letter, "Kind"+letter, "kind_"+letter, "k"+letter+"_"
	k.Order = rapid.SampledFrom([]string{"oId createdAt updatedAt archivedAt deletedAt * data", "deletedAt data archivedAt updatedAt * createdAt oId"}).Draw(t, "order")
	k.AlsoLists, k.Joins = nil, nil
	k.Fields = slices.DeleteFunc(k.Fields, func(f entity.Field) bool {
		return !f.Required && rapid.IntRange(0, 2).Draw(t, "without "+f.Name) == 0
	})
	for n := range k.Fields {
		f := &k.Fields[n]
		for j, target := range f.Targets {
			if target == "test-sample" {
				f.Targets[j] = k.Name
			}
		}
		if f.Name == "friendOId" {
			k.Joins = []entity.Join{{Field: f.Name, As: "friend"}}
		}
	}
	return k
}

// model is two workspaces as they ought to be.
type model struct {
	*library.Library
	t          *rapid.T
	ctx        context.Context
	f          *fixture
	now        time.Time
	kinds      []*entity.Kind
	workspaces []*modelWorkspace
	questions  map[string]bool // every id of a question that was ever made
	added      int
}

type modelWorkspace struct {
	account.Workspace
	callers  []modelCaller
	entities map[string]*modelEntity // by id
	answers  map[string]modelAnswer
	purged   map[string]*entity.Kind
}

// modelCaller is a key, and what it may do. The first has all scopes.
type modelCaller struct {
	library.Caller
	writes bool
}

type modelEntity struct {
	kind *entity.Kind
	*entity.Entity
	history []modelRevision // oldest first
	added   int
}

type modelRevision struct {
	action entity.Action
	at     time.Time
	user   string
	key    string
	entity *entity.Entity
	oID    string // as the library named it
}

type modelAnswer struct {
	kind  *entity.Kind
	edits []edit
	body  string
	first *library.Written
	at    time.Time
}

func (m *model) newWorkspace(name string) *modelWorkspace {
	w, err := m.CreateWorkspace(m.ctx, library.NewWorkspace{Name: name})
	if err != nil {
		m.t.Fatalf("CreateWorkspace: %v", err)
	}
	mw := &modelWorkspace{Workspace: *w, entities: map[string]*modelEntity{}, answers: map[string]modelAnswer{}, purged: map[string]*entity.Kind{}}
	for _, key := range []struct {
		user  account.User
		scope account.Scope
	}{{m.f.setUp.Owner, account.ScopeAdmin}, {m.f.member, account.ScopeWrite}, {m.f.member, account.ScopeRead}} {
		token, _, err := m.CreateKey(m.ctx, library.NewKey{Workspace: *w, User: key.user, Scopes: account.Scopes{key.scope}})
		if err != nil {
			m.t.Fatalf("CreateKey: %v", err)
		}
		p, err := m.Authenticate(m.ctx, token)
		if err != nil {
			m.t.Fatalf("Authenticate: %v", err)
		}
		mw.callers = append(mw.callers, modelCaller{library.Caller{Principal: p, Source: entity.SourceMCP}, key.scope != account.ScopeRead})
	}
	return mw
}

// step makes an action of Repeat.
func (m *model) step(do func()) func(*rapid.T) {
	return func(t *rapid.T) {
		m.t = t
		do()
	}
}

func (m *model) anyWorkspace() *modelWorkspace {
	return rapid.SampledFrom(m.workspaces).Draw(m.t, "workspace")
}

func (m *model) anyCaller(w *modelWorkspace) modelCaller {
	// Mostly one that may: what is refused is one line of code.
	return w.callers[rapid.SampledFrom([]int{0, 0, 0, 1, 1, 1, 2}).Draw(m.t, "caller")]
}

func (m *model) anyKind() *entity.Kind {
	i := rapid.IntRange(0, len(m.kinds)-1).Draw(m.t, "kind")
	return m.kinds[i]
}

func (w *modelWorkspace) ids() []string { return slices.Sorted(maps.Keys(w.entities)) }

// of returns the entity of a kind that an id names, or nil.
func (w *modelWorkspace) of(k *entity.Kind, oID string) *modelEntity {
	if e := w.entities[oID]; e != nil && e.kind == k {
		return e
	}
	return nil
}

// anyID is the id of an entity: of this workspace, of the other one, or of none.
// Its kind is mostly the one of the entity.
func (m *model) anyID(w *modelWorkspace) (*entity.Kind, string) {
	if ids := w.ids(); len(ids) > 0 && rapid.IntRange(0, 9).Draw(m.t, "known") > 0 {
		oID := rapid.SampledFrom(ids).Draw(m.t, "id")
		if rapid.IntRange(0, 9).Draw(m.t, "of its kind") > 0 {
			return w.entities[oID].kind, oID
		}
		return m.anyKind(), oID
	}
	others := []string{"pe_unknown", strings.Repeat("x", 256), "nul\x00"}
	for _, other := range m.workspaces {
		if other != w {
			others = append(others, other.ids()...)
		}
	}
	others = append(others, slices.Sorted(maps.Keys(w.purged))...)
	return m.anyKind(), rapid.SampledFrom(others).Draw(m.t, "other id")
}

// answer returns what get answers for an entity.
func (m *model) answer(w *modelWorkspace, e *modelEntity) []byte {
	var joined [][]byte
	for _, j := range e.kind.Joins {
		var document []byte
		if friend := w.entities[e.Text(j.Field)]; friend != nil { // whatever its kind
			document = friend.kind.Store(w.OID, friend.Entity).Document
		}
		joined = append(joined, document)
	}
	return e.kind.AppendAnswer(nil, e.kind.Store(w.OID, e.Entity).Document, joined, e.Author, w.OID)
}

// document is what get answers, compared with the model.
func (m *model) document(w *modelWorkspace, e *modelEntity) *library.Document {
	m.t.Helper()
	// What is joined may be as old as the cache.
	document, err := m.Get(m.ctx, w.callers[2].Caller, e.kind, e.OID, library.GetOptions{Fresh: len(e.kind.Joins) > 0})
	if err != nil {
		m.t.Fatalf("Get(%s): %v", e.OID, err)
	}
	if want := m.answer(w, e); !bytes.Equal(want, document.Body) {
		m.t.Fatalf("get answers\n%s\nwant\n%s", document.Body, want)
	}
	return document
}

// compare compares everything that can be read of an entity with the model.
func (m *model) compare(w *modelWorkspace, e *modelEntity) {
	m.t.Helper()
	m.document(w, e)
	reader := w.callers[2].Caller
	got, err := m.Entity(m.ctx, reader, e.kind, e.OID)
	if err != nil {
		m.t.Fatalf("Entity: %v", err)
	}
	if diff := diff(e.Entity, got); diff != "" {
		m.t.Fatalf("Entity (-want +got):\n%s", diff)
	}
	page, err := m.Revisions(m.ctx, reader, entity.RevisionQuery{OIDs: []string{e.OID}, Restored: true, Limit: library.MaxRevisions})
	if err != nil || page.Total != len(e.history) || len(page.Revisions) != page.Total {
		m.t.Fatalf("the history is %+v, %v; want %d", page, err, len(e.history))
	}
	slices.Reverse(page.Revisions)
	var before *entity.Entity
	for i, r := range page.Revisions {
		want := &e.history[i]
		if r.Number != i+1 || r.Action != want.action || !r.At.Equal(want.at) || r.Author.OID != want.user || r.KeyOID != want.key || r.OID != e.OID || r.Kind != e.kind.Name {
			m.t.Fatalf("revision %d is %+v, want %+v", i+1, r, want)
		}
		if i > 0 && !slices.Equal(r.Fields, e.kind.Changed(before, want.entity)) {
			m.t.Fatalf("revision %d changed %q, want %q", i+1, r.Fields, e.kind.Changed(before, want.entity))
		}
		if want.oID != "" && want.oID != r.RevisionOID {
			m.t.Fatalf("revision %d has the id %s, and had %s", i+1, r.RevisionOID, want.oID)
		}
		want.oID = r.RevisionOID
		before = want.entity
	}
	last := page.Revisions[len(page.Revisions)-1]
	detail, err := m.Revision(m.ctx, reader, last.RevisionOID)
	if err != nil {
		m.t.Fatalf("Revision(%s): %v", last.RevisionOID, err)
	}
	want := *e.history[len(e.history)-1].entity
	want.Author = e.Author
	if diff := diff(&want, detail.After); diff != "" || (detail.Before == nil) != (len(e.history) == 1) {
		m.t.Fatalf("Revision(%s) (-want +got):\n%s", last.RevisionOID, diff)
	}
	for _, other := range m.workspaces {
		if other == w {
			continue
		}
		if _, err := m.Revision(m.ctx, other.callers[0].Caller, last.RevisionOID); errs.KindOf(err) != errs.NotFound {
			m.t.Fatalf("another workspace reads the revision %s: %v", last.RevisionOID, err)
		}
		if _, err := m.Entity(m.ctx, other.callers[0].Caller, e.kind, e.OID); (err == nil) != (other.of(e.kind, e.OID) != nil) {
			m.t.Fatalf("another workspace reads %s: %v", e.OID, err)
		}
	}
}

// compareAll compares a workspace with the model.
func (m *model) compareAll(w *modelWorkspace) {
	m.t.Helper()
	for _, oID := range w.ids() {
		m.compare(w, w.entities[oID])
	}
	for oID, k := range w.purged {
		if w.entities[oID] != nil {
			continue // imported again
		}
		if _, err := m.Get(m.ctx, w.callers[0].Caller, k, oID, library.GetOptions{}); errs.KindOf(err) != errs.NotFound {
			m.t.Fatalf("%s was purged, and get gives %v", oID, err)
		}
	}
}

func (m *model) wantError(err error, kind errs.Kind, code string) *errs.Error {
	m.t.Helper()
	domain := domainError(err)
	if domain == nil || domain.Kind != kind || domain.Code != code {
		m.t.Fatalf("error = %v, want %s of kind %s", err, code, kind)
	}
	return domain
}

// wantPaths fails the test unless err lists errors at the paths, once each.
func (m *model) wantPaths(err error, paths []string) {
	m.t.Helper()
	slices.Sort(paths)
	domain := domainError(err)
	var got []string
	if domain != nil {
		for _, field := range domain.Fields {
			got = append(got, field.Path)
		}
		slices.Sort(got)
	}
	if domain == nil || domain.Kind != errs.Invalid || !slices.Equal(paths, got) {
		m.t.Fatalf("error = %v, want errors at %q", err, paths)
	}
}

func (m *model) create() {
	w, k := m.anyWorkspace(), m.anyKind()
	caller := m.anyCaller(w)
	edits := m.anyEdits(w, k, nil, false)
	if !slices.ContainsFunc(edits, func(e edit) bool { return e.field == "name" }) {
		edits = append(edits, textEdit("name", m.anyText()))
	}
	request := library.Create{IdempotencyKey: rapid.SampledFrom([]string{"", "", "k1", "k2"}).Draw(m.t, "idempotency key")}
	first, known := w.answers[request.IdempotencyKey]
	if known && rapid.Bool().Draw(m.t, "again") {
		edits, k = first.edits, first.kind
	}
	request.Body = []byte(bodyOf(edits))
	request.Patch, request.Errors = k.Decode(request.Body, entity.Mode{Create: true})
	written, err := m.Create(m.ctx, caller.Caller, k, request)
	if !caller.writes {
		m.wantError(err, errs.Forbidden, errs.CodeInsufficientScope)
		return
	}
	known = known && request.IdempotencyKey != "" && m.now.Sub(first.at) <= library.IdempotencyLasts
	again := known && string(request.Body) == first.body && k == first.kind
	var wrong []string
	want := &entity.Entity{Author: caller.User.Author(), CreatedAt: m.now, UpdatedAt: m.now}
	for i := range k.Fields {
		want = apply(k, want, edit{field: k.Fields[i].Name})
	}
	for _, e := range edits {
		if e.wrong != "" {
			wrong = append(wrong, e.wrong)
		} else {
			want = apply(k, want, e)
		}
	}
	switch {
	case again:
		if err != nil || !written.Replayed || written.Entity.OID != first.first.Entity.OID || len(k.Joins) == 0 && !bytes.Equal(written.Body, first.first.Body) {
			m.t.Fatalf("the same again: %v, %v; want %s", written, err, first.first.Body)
		}
		return
	case len(wrong) > 0:
		m.wantPaths(err, wrong)
		return
	case known:
		m.wantError(err, errs.Conflict, errs.CodeKeyReused)
		return
	case err != nil || written.Replayed:
		m.t.Fatalf("Create(%s) = %v, %v", request.Body, written, err)
	}
	want.OID = written.Entity.OID
	if !strings.HasPrefix(want.OID, k.Prefix) || w.entities[want.OID] != nil {
		m.t.Fatalf("the new id is %q", want.OID)
	}
	m.added++
	p := &modelEntity{kind: k, Entity: m.learnQuestions(want, written.Entity), added: m.added}
	w.entities[want.OID] = p
	if request.IdempotencyKey != "" {
		w.answers[request.IdempotencyKey] = modelAnswer{k, edits, string(request.Body), written, m.now}
	}
	m.changed(w, p, written, entity.ActionCreated, caller)
}

// target draws what to change, and on what condition.
func (m *model) target(w *modelWorkspace) (k *entity.Kind, target library.Target, p *modelEntity, holds bool) {
	k, target.OID = m.anyID(w)
	if p = w.of(k, target.OID); p == nil {
		return k, target, nil, true
	}
	etag := m.document(w, p).ETag
	conditions := map[string]bool{
		"": true, "*": true, " * ": true, etag: true, `"other", ` + etag: true,
		`"other"`: false, "W/" + etag: false, strings.Trim(etag, `"`): false,
	}
	target.IfMatch = rapid.SampledFrom([]string{"", "", "", "*", " * ", etag, etag, `"other", ` + etag, `"other"`, "W/" + etag, strings.Trim(etag, `"`)}).Draw(m.t, "If-Match")
	return k, target, p, conditions[target.IfMatch]
}

// refused checks the errors that every change has in common, in their order,
// and tells whether one of them was due. The request has the errors own.
func (m *model) refused(err error, w *modelWorkspace, k *entity.Kind, caller modelCaller, p *modelEntity, holds bool, own ...string) bool {
	m.t.Helper()
	switch {
	case !caller.writes:
		m.wantError(err, errs.Forbidden, errs.CodeInsufficientScope)
	case len(own) > 0 && (p == nil || !holds):
		m.wantPaths(err, own)
	case p == nil:
		m.wantError(err, errs.NotFound, errs.NotFoundCode(k.Name))
	case !holds:
		if domain := m.wantError(err, errs.Precondition, errs.ChangedCode(k.Name)); domain.ETag != m.document(w, p).ETag {
			m.t.Fatalf("the error has the ETag %s, want the present %s", domain.ETag, m.document(w, p).ETag)
		}
	default:
		return false
	}
	if p != nil {
		m.compare(w, p)
	}
	return true
}

// settle notes what a change did, if anything.
func (m *model) settle(w *modelWorkspace, p *modelEntity, next *entity.Entity, written *library.Written, err error, action entity.Action, caller modelCaller) {
	m.t.Helper()
	if err != nil {
		m.t.Fatalf("%s: %v", action, err)
	}
	next = m.learnQuestions(next, written.Entity)
	next.UpdatedAt = p.UpdatedAt
	if diff(p.Entity, next) == "" {
		if got := m.document(w, p); got.ETag != written.ETag {
			m.t.Fatalf("a change that makes no difference answers another ETag")
		}
		m.compare(w, p)
		return
	}
	next.UpdatedAt = m.after(p.UpdatedAt)
	p.Entity = next
	m.changed(w, p, written, action, caller)
}

// after is when a change is that follows one of before: no two versions have the
// same date, and none goes back.
func (m *model) after(before time.Time) time.Time {
	if before.Before(m.now) {
		return m.now
	}
	return before.Add(time.Millisecond)
}

func (m *model) changed(w *modelWorkspace, p *modelEntity, written *library.Written, action entity.Action, caller modelCaller) {
	m.t.Helper()
	p.history = append(p.history, modelRevision{action: action, at: m.now, user: caller.User.OID, key: caller.Key.OID, entity: p.Entity})
	if diff := diff(p.Entity, written.Entity); diff != "" {
		m.t.Fatalf("%s (-want +got):\n%s", action, diff)
	}
	if got := m.document(w, p); !bytes.Equal(got.Body, written.Body) || got.ETag != written.ETag {
		m.t.Fatalf("%s answers\n%s\nand a get afterwards\n%s", action, written.Body, got.Body)
	}
	m.compare(w, p)
}

func (m *model) update() {
	w := m.anyWorkspace()
	caller := m.anyCaller(w)
	k, target, p, holds := m.target(w)
	var before *entity.Entity
	if p != nil {
		before = p.Entity
	}
	mode := rapid.SampledFrom([]entity.Mode{{}, {}, {Merge: true}, {N8n: true}}).Draw(m.t, "mode")
	edits := m.anyEdits(w, k, before, mode.Merge || mode.N8n)
	if mode.Merge && k.Field("linkingStrategy") != nil {
		edits = append(slices.DeleteFunc(edits, func(e edit) bool { return e.field == "linkingStrategy" }), m.anyMerge(before))
	}
	patch, form := k.Decode([]byte(bodyOf(edits)), mode)
	target.Errors = form
	if mode.N8n {
		edits = slices.DeleteFunc(edits, func(e edit) bool {
			return e.json == `""` || e.json == "[]" || e.json == "{}" || k.Field(e.field).FormOnly
		})
	}
	var own, late []string
	for _, e := range edits {
		switch {
		case e.late:
			late = append(late, e.wrong)
		case e.wrong != "":
			own = append(own, e.wrong)
		}
	}
	written, err := m.Update(m.ctx, caller.Caller, k, target, patch)
	if m.refused(err, w, k, caller, p, holds, own...) {
		return
	}
	switch {
	case p.DeletedAt != nil && len(own) > 0:
		m.wantPaths(err, own)
		return
	case p.DeletedAt != nil:
		m.wantError(err, errs.Conflict, errs.DeletedCode(k.Name))
		return
	case len(own)+len(late) > 0:
		m.wantPaths(err, append(own, late...))
		m.compare(w, p)
		return
	}
	next := p.Entity
	for _, e := range edits {
		next = apply(k, next, e)
	}
	m.settle(w, p, clone(next), written, err, entity.ActionUpdated, caller)
}

func clone(e *entity.Entity) *entity.Entity {
	c := *e
	return &c
}

// mark deletes, archives or restores.
func (m *model) mark() {
	w := m.anyWorkspace()
	caller := m.anyCaller(w)
	k, target, p, holds := m.target(w)
	action := rapid.SampledFrom([]entity.Action{
		entity.ActionDeleted, entity.ActionDeleted, entity.ActionArchived, entity.ActionRestored, entity.ActionRestored,
	}).Draw(m.t, "action")
	call := map[entity.Action]func(context.Context, library.Caller, *entity.Kind, library.Target) (*library.Written, error){
		entity.ActionDeleted: m.Delete, entity.ActionArchived: m.Archive, entity.ActionRestored: m.Restore,
	}[action]
	written, err := call(m.ctx, caller.Caller, k, target)
	if m.refused(err, w, k, caller, p, holds) {
		return
	}
	next := clone(p.Entity)
	switch {
	case action == entity.ActionRestored:
		next.ArchivedAt, next.DeletedAt = nil, nil
	case action == entity.ActionArchived && p.DeletedAt != nil:
		m.wantError(err, errs.Conflict, errs.DeletedCode(k.Name))
		return
	case action == entity.ActionArchived && p.ArchivedAt == nil:
		next.ArchivedAt = new(m.now)
	case action == entity.ActionDeleted && p.DeletedAt == nil:
		next.DeletedAt = new(m.now)
	}
	m.settle(w, p, next, written, err, action, caller)
}

func (m *model) revert() {
	w := m.anyWorkspace()
	caller := m.anyCaller(w)
	k, target, p, holds := m.target(w)
	var revisions []string // of all entities of both workspaces
	ours, others := map[string]*entity.Entity{}, map[string]bool{}
	for _, their := range m.workspaces {
		for _, oID := range their.ids() {
			for _, r := range their.entities[oID].history {
				switch {
				case their.entities[oID] == p:
					ours[r.oID] = r.entity
					revisions = append(revisions, r.oID, r.oID, r.oID) // more often
				case their == w:
					others[r.oID] = true
					revisions = append(revisions, r.oID)
				default:
					revisions = append(revisions, r.oID)
				}
			}
		}
	}
	revision := rapid.SampledFrom(append(revisions, "rv_unknown", "nul\x00")).Draw(m.t, "revision")
	written, err := m.Revert(m.ctx, caller.Caller, k, target, revision)
	if m.refused(err, w, k, caller, p, holds) {
		return
	}
	switch {
	case others[revision]:
		m.wantPaths(err, []string{"revisionOId"})
	case ours[revision] == nil:
		m.wantError(err, errs.NotFound, errs.CodeRevisionNotFound)
	default:
		next := clone(ours[revision])
		next.Author = p.Author
		next.DeletedAt = nil // who brings it back wants it
		m.settle(w, p, next, written, err, entity.ActionReverted, caller)
		return
	}
	m.compare(w, p)
}

func (m *model) question() {
	w := m.anyWorkspace()
	caller := m.anyCaller(w)
	k, target, p, holds := m.target(w)
	if k.QuestionsField() == nil {
		return
	}
	question := "qq_unknown"
	if p != nil && len(p.Questions()) > 0 {
		question = p.Questions()[rapid.IntRange(0, len(p.Questions())-1).Draw(m.t, "question")].OID
	}
	action := rapid.SampledFrom([]string{"update", "archive", "restore"}).Draw(m.t, "action")
	patch := library.QuestionPatch{}
	if rapid.Bool().Draw(m.t, "change the text") {
		patch.Question = new(m.anyText())
	}
	if rapid.Bool().Draw(m.t, "change the weight") {
		patch.Weight = new(rapid.SampledFrom([]string{entity.WeightLow, entity.WeightMedium, "NONE"}).Draw(m.t, "weight"))
	}
	var written *library.Written
	var err error
	var own []string
	switch action {
	case "update":
		if patch.Weight != nil && *patch.Weight == "NONE" {
			own = []string{"weight"}
		}
		written, err = m.UpdateQuestion(m.ctx, caller.Caller, k, target, question, patch)
	case "archive":
		written, err = m.ArchiveQuestion(m.ctx, caller.Caller, k, target, question)
	case "restore":
		written, err = m.RestoreQuestion(m.ctx, caller.Caller, k, target, question)
	}
	if m.refused(err, w, k, caller, p, holds, own...) {
		return
	}
	if len(own) > 0 {
		m.wantPaths(err, own)
		return
	}
	if p.DeletedAt != nil {
		m.wantError(err, errs.Conflict, errs.DeletedCode(k.Name))
		return
	}
	questions := p.Questions()
	i := slices.IndexFunc(questions, func(q entity.Question) bool { return q.OID == question })
	if i < 0 {
		m.wantError(err, errs.NotFound, errs.CodeQuestionNotFound)
		return
	}
	q := &questions[i]
	switch {
	case action == "archive" && q.ArchivedAt == nil:
		q.ArchivedAt = new(m.now)
	case action == "restore":
		q.ArchivedAt = nil
	case action == "update":
		if patch.Question != nil {
			q.Question = *patch.Question
		}
		if patch.Weight != nil {
			q.Weight = *patch.Weight
		}
	}
	m.settle(w, p, p.WithQuestions(questions), written, err, entity.ActionUpdated, caller)
}

func (m *model) importLine() {
	w, k := m.anyWorkspace(), m.anyKind()
	oID := rapid.SampledFrom(append([]string{"imported_1", "imported_2"}, w.ids()...)).Draw(m.t, "id")
	p := w.entities[oID]
	if p != nil {
		k = p.kind
	}
	next := &entity.Entity{OID: oID, Author: m.f.member.Author(), CreatedAt: m.now, UpdatedAt: m.now}
	for i := range k.Fields {
		next = apply(k, next, edit{field: k.Fields[i].Name})
	}
	next = apply(k, next, textEdit("name", m.anyText()))
	next = apply(k, next, edit{field: "active", value: rapid.SampledFrom([]string{"true", "false"}).Draw(m.t, "active")})
	line := clone(next) // without dates
	line.CreatedAt, line.UpdatedAt = time.Time{}, time.Time{}
	if p != nil {
		next.Author, next.CreatedAt, next.UpdatedAt = p.Author, p.CreatedAt, p.UpdatedAt
	}
	if rapid.Bool().Draw(m.t, "with dates") {
		line.CreatedAt = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		line.UpdatedAt = rapid.SampledFrom([]time.Time{line.CreatedAt, m.now, m.now.AddDate(1, 0, 0)}).Draw(m.t, "updatedAt")
		next.CreatedAt, next.UpdatedAt = line.CreatedAt, line.UpdatedAt
	} else if p != nil && diff(p.Entity, next) != "" {
		next.UpdatedAt = m.after(p.UpdatedAt)
	}
	text := k.AppendRecord(nil, line)
	report, err := m.Import(m.ctx, library.ImportOptions{Workspace: w.Workspace, Author: m.f.member}, library.ReadLines(bytes.NewReader(text)))
	got := [3]int{report.Created, report.Updated, report.Unchanged}
	var want [3]int
	switch {
	case p == nil:
		m.added++
		p = &modelEntity{kind: k, added: m.added}
		w.entities[oID] = p
		want[0] = 1
	case diff(p.Entity, next) == "":
		want[2] = 1
	default:
		want[1] = 1
	}
	if err != nil || got != want {
		m.t.Fatalf("Import(%s) = %+v, %v; want %v", text, report, err, want)
	}
	p.Entity = next
	if want[2] == 0 {
		p.history = append(p.history, modelRevision{action: entity.ActionImported, at: m.now, user: m.f.member.OID, entity: next})
	}
	m.compare(w, p)
}

func (m *model) purge() {
	before := m.now.Add(-rapid.SampledFrom([]time.Duration{0, time.Hour, 48 * time.Hour}).Draw(m.t, "age"))
	want, got := map[string]bool{}, map[string]bool{}
	for _, w := range m.workspaces {
		for oID, p := range w.entities {
			if p.DeletedAt != nil && p.DeletedAt.Before(before) {
				want[w.OID+oID] = true
				delete(w.entities, oID)
				w.purged[oID] = p.kind
				// With it goes what was answered when it was made.
				maps.DeleteFunc(w.answers, func(_ string, a modelAnswer) bool { return a.first.Entity.OID == oID })
			}
		}
	}
	err := m.Purge(m.ctx, before, func(d entity.DeletedEntity) {
		for _, w := range m.workspaces { // and not those of the rounds before
			if w.OID == d.Workspace {
				got[w.OID+d.OID] = true
			}
		}
	})
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		m.t.Fatalf("Purge: %v; purged (-want +got):\n%s", err, diff)
	}
	for _, w := range m.workspaces {
		m.compareAll(w)
	}
}

// tier tells where the words of a text are: 0 for an exact name or title, then
// names, titles, and the rest; 4 where one is nowhere.
func tier(p *modelEntity, text string) int {
	doc := search.Cut(p.kind.Texts(p.Entity))
	if slices.Contains(doc.Exact, search.Exact(text)) {
		return 0
	}
	var words []string
	for i, more := range [][]string{doc.Names, doc.Titles, doc.Rest} {
		words = append(words, more...)
		all := true
		for _, wanted := range search.Words(text) {
			all = all && slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, wanted) })
		}
		if all {
			return i + 1
		}
	}
	return 4
}

// links tells whether an entity answers a filter by links to what is no entity.
func links(p *modelEntity, filter, target string) bool {
	return target == "" || slices.ContainsFunc(p.kind.Links(p.Entity), func(link entity.Link) bool {
		return p.kind.Field(link.Field).Filter == filter && (link.Target == target || link.Target == entity.LinkAll)
	})
}

func (m *model) list() {
	w, k := m.anyWorkspace(), m.anyKind()
	caller := m.anyCaller(w)
	request := library.ListRequest{
		Text:        rapid.SampledFrom([]string{"", "", "alpha", "ALPH", "be", "gamma alpha", "béta x", "c++", `"alpha" OR (x*`, "nowhere"}).Draw(m.t, "text"),
		Mine:        rapid.Bool().Draw(m.t, "mine"),
		Status:      rapid.SampledFrom([]entity.Status{"", entity.StatusActive, entity.StatusArchived, entity.StatusDeleted, entity.StatusAll}).Draw(m.t, "status"),
		OfferingOID: rapid.SampledFrom([]string{"", "", "alpha", "beta"}).Draw(m.t, "offering"),
		PlaybookOID: rapid.SampledFrom([]string{"", "", "", "alpha"}).Draw(m.t, "playbook"),
		Order:       rapid.SampledFrom([]entity.Order{"", entity.OrderCreated, entity.OrderUpdated, entity.OrderName, entity.OrderRank}).Draw(m.t, "order"),
		Descending:  rapid.Bool().Draw(m.t, "descending"),
		Limit:       rapid.IntRange(1, 4).Draw(m.t, "limit"),
	}
	if f := k.Field("stage"); f != nil {
		request.Facet = rapid.SampledFrom(append([]string{"", ""}, f.Enum...)).Draw(m.t, "stage")
	}
	var want []*modelEntity
	for _, p := range w.entities {
		status := p.Status()
		if p.kind == k && (request.Status == status || request.Status == entity.StatusAll || request.Status == "" && status == entity.StatusActive) &&
			(!request.Mine || p.Author.OID == caller.User.OID) && (request.Facet == "" || p.Text("stage") == request.Facet) &&
			links(p, entity.FilterOffering, request.OfferingOID) && links(p, entity.FilterPlaybook, request.PlaybookOID) && tier(p, request.Text) < 4 {
			want = append(want, p)
		}
	}
	order, descending := request.Order, request.Descending
	if ranked := order == "" || order == entity.OrderRank; ranked && request.Text == "" {
		order, descending = entity.OrderCreated, true
	} else if ranked {
		order, descending = entity.OrderRank, false
	}
	slices.SortFunc(want, func(a, b *modelEntity) int {
		var c int
		switch order {
		case entity.OrderRank:
			if c = tier(a, request.Text) - tier(b, request.Text); c == 0 {
				c = b.added - a.added
			}
			return c
		case entity.OrderName:
			c = strings.Compare(search.Fold(a.Text("name")), search.Fold(b.Text("name")))
		case entity.OrderUpdated:
			c = a.UpdatedAt.Compare(b.UpdatedAt)
		case entity.OrderCreated:
			c = a.CreatedAt.Compare(b.CreatedAt)
		}
		if descending {
			c = -c
		}
		if c == 0 {
			c = strings.Compare(a.OID, b.OID)
		}
		return c
	})
	byCursor := order != entity.OrderRank && rapid.Bool().Draw(m.t, "by cursor")
	seen := 0
	for {
		page, err := m.List(m.ctx, caller.Caller, k, request)
		if err != nil || page.Total != len(want) {
			m.t.Fatalf("List(%+v) = %+v, %v; want a total of %d", request, page, err, len(want))
		}
		page.Close()
		for i, document := range page.Documents {
			if expected := m.answer(w, want[seen]); !bytes.Equal(document, expected) || page.Rows[i].OID != want[seen].OID {
				m.t.Fatalf("List(%+v) has at %d of %d\n%s\nwant\n%s", request, seen, len(want), document, expected)
			}
			seen++
		}
		if page.HasNext != (seen < len(want)) || page.HasNext && len(page.Documents) != request.Limit {
			m.t.Fatalf("after %d of %d: a page of %d, and HasNext is %t", seen, len(want), len(page.Documents), page.HasNext)
		}
		if !page.HasNext {
			break
		}
		if byCursor {
			request.After = &page.Last
		} else {
			request.Offset = seen
		}
	}
	if seen != len(want) {
		m.t.Fatalf("List(%+v) has %d, want %d", request, seen, len(want))
	}
}
