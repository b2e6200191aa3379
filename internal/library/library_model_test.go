package library_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"personae.dev/internal/library"
	"personae.dev/internal/persona"
	"personae.dev/internal/store/postgrestest"
	"personae.dev/internal/wire"
)

// TestModel holds the library against a model in memory: whatever is called, in
// whatever order, by whomever, both give the same answer and have the same
// personas and histories afterwards. The model reads no body and applies no
// patch: what a call means is told to it beside the body (edit).
func TestModel(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		testModel(t, setupTransfer(t))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		testModel(t, setupTransferOn(t, postgrestest.New(t)))
	})
}

func testModel(t *testing.T, f *transfer) {
	t.Helper()
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		m := &model{transfer: f, t: rt, ctx: t.Context()}
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

// model is two workspaces as they ought to be.
type model struct {
	*transfer
	t          *rapid.T
	ctx        context.Context
	workspaces []*modelWorkspace
	questions  map[string]bool // every id of a question that was ever made
}

type modelWorkspace struct {
	persona.Workspace
	callers  []modelCaller
	personas map[string]*modelPersona
	answers  map[string]modelAnswer
	purged   []string
}

// modelCaller is a key, and what it may do. The first has all scopes.
type modelCaller struct {
	library.Caller
	reads, writes bool
}

type modelPersona struct {
	*persona.Persona
	history []modelRevision // oldest first
}

type modelRevision struct {
	action  persona.Action
	at      time.Time
	user    string
	key     string
	persona *persona.Persona
	oID     string // as the library named it
}

type modelAnswer struct {
	edits        []edit
	body, answer string
	at           time.Time
}

func (m *model) newWorkspace(name string) *modelWorkspace {
	w, err := m.CreateWorkspace(m.ctx, library.NewWorkspace{Name: name})
	if err != nil {
		m.t.Fatalf("CreateWorkspace: %v", err)
	}
	mw := &modelWorkspace{Workspace: *w, personas: map[string]*modelPersona{}, answers: map[string]modelAnswer{}}
	for _, key := range []struct {
		user          persona.User
		scopes        string
		reads, writes bool
	}{
		{m.setUp.Owner, "admin", true, true},
		{m.member, "read,write", true, true},
		{m.member, "read", true, false},
		{m.setUp.Owner, "write", false, true},
	} {
		scopes, err := persona.NewScopes(strings.Split(key.scopes, ",")...)
		if err != nil {
			m.t.Fatalf("NewScopes: %v", err)
		}
		token, _, err := m.CreateKey(m.ctx, library.NewKey{Workspace: *w, User: key.user, Scopes: scopes})
		if err != nil {
			m.t.Fatalf("CreateKey: %v", err)
		}
		caller, err := m.Authenticate(m.ctx, token)
		if err != nil {
			m.t.Fatalf("Authenticate: %v", err)
		}
		mw.callers = append(mw.callers, modelCaller{caller, key.reads, key.writes})
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
	i := rapid.SampledFrom([]int{0, 0, 0, 1, 1, 1, 2, 3, 3}).Draw(m.t, "caller")
	return w.callers[i]
}

// anyID is the id of a persona: of this workspace, of the other one, or of
// none.
func (m *model) anyID(w *modelWorkspace) string {
	ids := slices.Sorted(maps.Keys(w.personas))
	if len(ids) > 0 && rapid.IntRange(0, 9).Draw(m.t, "known") > 0 {
		return rapid.SampledFrom(ids).Draw(m.t, "id")
	}
	others := []string{"pe_unknown", strings.Repeat("x", 256), "nul\x00"}
	for _, other := range m.workspaces {
		if other != w {
			others = append(others, slices.Sorted(maps.Keys(other.personas))...)
		}
	}
	others = slices.DeleteFunc(append(others, w.purged...), func(oID string) bool { return w.personas[oID] != nil })
	return rapid.SampledFrom(others).Draw(m.t, "other id")
}

// edit is a field of a body, and what it does to a persona.
type edit struct {
	field, json string
	do          func(*persona.Persona)
	fault       string // the field at fault, if any
	late        bool   // the fault shows only beside the persona that is there
}

func quoted(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

var vocabulary = []string{"alpha", "ALPHA", "Älpha", "alphabet", "beta", "béta", "gamma", "C++", "x"}

func (m *model) anyText() string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(vocabulary), 1, 2).Draw(m.t, "text"), " ")
}

func (m *model) anyTexts() []string {
	return rapid.SliceOfN(rapid.SampledFrom(vocabulary), 0, 2).Draw(m.t, "texts")
}

// anyEdits draws some fields, each once.
func (m *model) anyEdits(before *persona.Persona) []edit {
	optional := func(field string, at func(*persona.Persona) **string, emptyIsNone bool) func() edit {
		return func() edit {
			switch rapid.IntRange(0, 3).Draw(m.t, field) {
			case 0:
				return edit{field: field, json: "null", do: func(p *persona.Persona) { *at(p) = nil }}
			case 1:
				return edit{field: field, json: `""`, do: func(p *persona.Persona) {
					if *at(p) = new(""); emptyIsNone {
						*at(p) = nil
					}
				}}
			}
			text := m.anyText()
			return edit{field: field, json: quoted(text), do: func(p *persona.Persona) { *at(p) = &text }}
		}
	}
	kinds := []func() edit{
		func() edit {
			switch rapid.IntRange(0, 19).Draw(m.t, "name") {
			case 0:
				return edit{field: "name", json: "null", fault: "name"}
			case 1:
				return edit{field: "name", json: `""`, fault: "name"}
			case 2:
				return edit{field: "name", json: `1`, fault: "name"}
			}
			text := m.anyText()
			return edit{field: "name", json: quoted(text), do: func(p *persona.Persona) { p.Name = text }}
		},
		optional("internalName", func(p *persona.Persona) **string { return &p.InternalName }, false),
		optional("description", func(p *persona.Persona) **string { return &p.Description }, false),
		optional("primaryOfferingOId", func(p *persona.Persona) **string { return &p.Links.PrimaryOfferingOID }, true),
		func() edit {
			if active := rapid.SampledFrom([]string{"true", "false", "null"}).Draw(m.t, "active"); active != "null" {
				return edit{field: "active", json: active, do: func(p *persona.Persona) { p.Active = active == "true" }}
			}
			return edit{field: "active", json: "null", do: func(p *persona.Persona) { p.Active = true }}
		},
		func() edit {
			none := func(p *persona.Persona) { p.Links.Offerings, p.Links.OfferingOIDs = "", nil }
			switch rapid.IntRange(0, 6).Draw(m.t, "linkingStrategy") {
			case 0:
				return edit{field: "linkingStrategy", json: "null", do: none}
			case 1:
				return edit{field: "linkingStrategy", json: "{}", fault: "linkingStrategy.mode"}
			case 2:
				return edit{field: "linkingStrategy", json: `{"mode":"SPECIFIC","offeringOIds":[]}`, fault: "linkingStrategy.offeringOIds"}
			case 3, 4:
				return edit{field: "linkingStrategy", json: `{"mode":"ALL"}`, do: func(p *persona.Persona) {
					p.Links.Offerings, p.Links.OfferingOIDs = persona.OfferingsAll, nil
				}}
			}
			ids := rapid.SliceOfNDistinct(rapid.SampledFrom(vocabulary), 1, 2, rapid.ID).Draw(m.t, "offerings")
			return edit{field: "linkingStrategy", json: `{"mode":"SPECIFIC","offeringOIds":` + quoted(ids) + `}`, do: func(p *persona.Persona) {
				p.Links.Offerings, p.Links.OfferingOIDs = persona.OfferingsSpecific, ids
			}}
		},
		func() edit {
			ids := rapid.SliceOfNDistinct(rapid.SampledFrom(vocabulary), 0, 2, rapid.ID).Draw(m.t, "playbooks")
			return edit{field: "playbookOIds", json: quoted(ids), do: func(p *persona.Persona) { p.Links.PlaybookOIDs = ids }}
		},
		func() edit {
			if rapid.IntRange(0, 3).Draw(m.t, "customFields") == 0 {
				json := rapid.SampledFrom([]string{"null", "[]"}).Draw(m.t, "none")
				return edit{field: "customFields", json: json, do: func(p *persona.Persona) { p.CustomFields = nil }}
			}
			title, value := m.anyText(), m.anyTexts()
			return edit{
				field: "customFields", json: `[{"title":` + quoted(title) + `,"value":` + quoted(value) + `}]`,
				do: func(p *persona.Persona) { p.CustomFields = []persona.CustomField{{Title: title, Value: value}} },
			}
		},
		func() edit { return m.anyQuestions(before) },
	}
	for i, list := range (&persona.Persona{}).Lists() {
		kinds = append(kinds, func() edit {
			if rapid.IntRange(0, 3).Draw(m.t, list.Name) == 0 {
				return edit{field: list.Name, json: "null", do: func(p *persona.Persona) { *p.Lists()[i].Items = nil }}
			}
			items := m.anyTexts()
			return edit{field: list.Name, json: quoted(items), do: func(p *persona.Persona) { *p.Lists()[i].Items = items }}
		})
	}
	var edits []edit
	for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(kinds)-1), 0, 4, rapid.ID).Draw(m.t, "fields") {
		edits = append(edits, kinds[i]())
	}
	return edits
}

// anyQuestions draws questions whose ids are given, are found by their text, or
// are new: those are left empty, for learnQuestions.
func (m *model) anyQuestions(before *persona.Persona) edit {
	type question struct {
		OID      string `json:"oId,omitempty"`
		Question string `json:"question"`
		FitType  string `json:"fitType"`
		Weight   string `json:"weight"`
	}
	var (
		sent []question
		want []persona.QualifyingQuestion
		used = map[string]bool{}
		e    = edit{field: "qualifyingQuestions"}
	)
	for i := range rapid.IntRange(0, 3).Draw(m.t, "questions") {
		q := question{Question: m.anyText(), FitType: "GOOD", Weight: rapid.SampledFrom([]string{"LOW", "HIGH"}).Draw(m.t, "weight")}
		if before != nil && len(before.QualifyingQuestions) > 0 && rapid.Bool().Draw(m.t, "name it") {
			if oID := rapid.SampledFrom(before.QualifyingQuestions).Draw(m.t, "question").OID; !used[oID] {
				q.OID = oID
			}
		} else if e.fault == "" && rapid.IntRange(0, 9).Draw(m.t, "name another's") == 0 {
			q.OID = "qq_foreign"
			e.fault, e.late = fmt.Sprintf("qualifyingQuestions[%d].oId", i), true
		}
		used[q.OID] = true
		sent = append(sent, q)
		want = append(want, persona.QualifyingQuestion{OID: q.OID, Question: q.Question, FitType: "GOOD", Weight: persona.Weight(q.Weight)})
	}
	e.json = quoted(orEmpty(sent))
	e.do = func(p *persona.Persona) {
		questions := slices.Clone(want)
		for i := range questions {
			for _, old := range p.QualifyingQuestions {
				if questions[i].OID == "" && old.Question == questions[i].Question && !used[old.OID] {
					questions[i].OID = old.OID
					used[old.OID] = true
				}
			}
		}
		p.QualifyingQuestions = questions
	}
	return e
}

// anyMerge draws a linkingStrategy that is merged into that of before.
func (m *model) anyMerge(before *persona.Persona) edit {
	e := edit{field: "linkingStrategy", do: func(*persona.Persona) {}}
	var mode persona.OfferingMode
	if before != nil {
		mode = before.Links.Offerings
	}
	set := func(mode persona.OfferingMode, oIDs ...string) {
		e.do = func(p *persona.Persona) { p.Links.Offerings, p.Links.OfferingOIDs = mode, oIDs }
	}
	specific := mode == persona.OfferingsSpecific
	switch e.json = rapid.SampledFrom([]string{
		`{}`, `null`, `{"mode":"ALL"}`, `{"mode":"ALL","offeringOIds":null}`, `{"mode":"all"}`, `{"mode":null}`, `{"mode":""}`,
		`{"offeringOIds":["new"]}`, `{"mode":"SPECIFIC","offeringOIds":["new"]}`, `{"mode":"ALL","offeringOIds":["new"]}`, `{"offeringOIds":[]}`,
	}).Draw(m.t, "merge"); {
	case e.json == `{"mode":"all"}`, e.json == `{"mode":""}`:
		e.fault = "linkingStrategy.mode"
	case e.json == `{"mode":"ALL","offeringOIds":["new"]}`:
		e.fault = "linkingStrategy.offeringOIds"
	case e.json == `null`, e.json == `{"mode":null}` && !specific:
		set(persona.OfferingsNone)
	case e.json == `{"mode":null}`, e.json == `{"offeringOIds":["new"]}` && mode == persona.OfferingsNone:
		e.fault, e.late = "linkingStrategy.mode", true
	case e.json == `{"mode":"ALL"}` && specific, e.json == `{"offeringOIds":["new"]}` && !specific, e.json == `{"offeringOIds":[]}` && specific:
		e.fault, e.late = "linkingStrategy.offeringOIds", true
	case e.json == `{"mode":"ALL"}`, e.json == `{"mode":"ALL","offeringOIds":null}`:
		set(persona.OfferingsAll)
	case e.json != `{}` && e.json != `{"offeringOIds":[]}`:
		set(persona.OfferingsSpecific, "new")
	}
	return e
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// learnQuestions fills in the ids that the library made, which must be new.
func (m *model) learnQuestions(want, got *persona.Persona) {
	if len(want.QualifyingQuestions) != len(got.QualifyingQuestions) {
		m.t.Fatalf("there are %d questions, want %d", len(got.QualifyingQuestions), len(want.QualifyingQuestions))
	}
	want.QualifyingQuestions = slices.Clone(want.QualifyingQuestions)
	for i := range want.QualifyingQuestions {
		if q := &want.QualifyingQuestions[i]; q.OID == "" {
			q.OID = got.QualifyingQuestions[i].OID
			if !strings.HasPrefix(q.OID, persona.QuestionPrefix) || m.questions[q.OID] {
				m.t.Fatalf("the new question %q has the id %q", q.Question, q.OID)
			}
			if m.questions == nil {
				m.questions = map[string]bool{}
			}
			m.questions[q.OID] = true
		}
	}
}

func bodyOf(edits []edit) string {
	var fields []string
	for _, e := range edits {
		fields = append(fields, quoted(e.field)+":"+e.json)
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// patchOf decodes the body of edits as a transport does.
func (m *model) patchOf(body string, merge bool) (*persona.Patch, []persona.Fault) {
	decode := wire.DecodePatch
	if merge {
		decode = wire.DecodeMergePatch
	}
	_, patch, unknown, faults := decode([]byte(body))
	if len(unknown) > 0 {
		m.t.Fatalf("%s: unknown %q", body, unknown)
	}
	return patch, faults
}

// wantFaults fails the test unless err lists the faulty fields of edits, once
// each.
func (m *model) wantFaults(err error, fields []string) {
	m.t.Helper()
	slices.Sort(fields)
	domain := domainError(err)
	var got []string
	if domain != nil {
		for _, fault := range domain.Fields {
			got = append(got, fault.Field)
		}
		slices.Sort(got)
	}
	if domain == nil || domain.Kind != persona.Invalid || !slices.Equal(fields, got) {
		m.t.Fatalf("error = %v, want the faults %q", err, fields)
	}
}

func (m *model) create() {
	w := m.anyWorkspace()
	caller := m.anyCaller(w)
	edits := m.anyEdits(nil)
	if !slices.ContainsFunc(edits, func(e edit) bool { return e.field == "name" }) {
		name := m.anyText()
		edits = append(edits, edit{field: "name", json: quoted(name), do: func(p *persona.Persona) { p.Name = name }})
	}
	request := library.Create{
		IdempotencyKey: rapid.SampledFrom([]string{"", "", "k1", "k2"}).Draw(m.t, "idempotency key"),
	}
	if first, known := w.answers[request.IdempotencyKey]; known && rapid.Bool().Draw(m.t, "again") {
		edits = first.edits
	}
	request.Body = []byte(bodyOf(edits))
	request.Patch, request.Faults = m.patchOf(string(request.Body), false)
	written, err := m.CreatePersona(m.ctx, caller.Caller, request)
	if !caller.writes {
		_ = m.wantError(err, persona.Forbidden, persona.CodeInsufficientScope)
		return
	}
	first, known := w.answers[request.IdempotencyKey]
	known = known && request.IdempotencyKey != "" && m.now.Sub(first.at) <= library.IdempotencyLasts
	again := known && string(request.Body) == first.body
	var faulty []string
	want := &persona.Persona{WorkspaceOID: w.OID, Author: caller.User(), Active: true, CreatedAt: m.now, UpdatedAt: m.now}
	for _, e := range edits {
		if e.fault != "" {
			faulty = append(faulty, e.fault)
		} else {
			e.do(want)
		}
	}
	switch {
	case again:
		if err != nil || !written.Replayed || string(written.Body) != first.answer {
			m.t.Fatalf("the same again: %v, %v; want %s", written, err, first.answer)
		}
		return
	case len(faulty) > 0:
		m.wantFaults(err, faulty)
		return
	case known:
		_ = m.wantError(err, persona.Conflict, persona.CodeKeyReused)
		return
	case err != nil || written.Replayed:
		m.t.Fatalf("CreatePersona = %v, %v", written, err)
	}
	want.OID = written.Persona.OID
	if !strings.HasPrefix(want.OID, persona.PersonaPrefix) || w.personas[want.OID] != nil {
		m.t.Fatalf("the new id is %q", want.OID)
	}
	m.learnQuestions(want, written.Persona)
	p := &modelPersona{Persona: want}
	w.personas[want.OID] = p
	if request.IdempotencyKey != "" {
		w.answers[request.IdempotencyKey] = modelAnswer{edits, string(request.Body), string(written.Body), m.now}
	}
	m.changed(w, p, written, persona.ActionCreated, caller)
}

// target draws which persona to change, and on what condition.
func (m *model) target(w *modelWorkspace) (target library.Target, p *modelPersona, holds bool) {
	target.OID = m.anyID(w)
	if p = w.personas[target.OID]; p == nil {
		return target, nil, true
	}
	etag := m.document(w, p).ETag
	conditions := map[string]bool{
		"": true, "*": true, " * ": true, etag: true, `"other", ` + etag: true,
		`"other"`: false, "W/" + etag: false, strings.Trim(etag, `"`): false,
	}
	target.IfMatch = rapid.SampledFrom([]string{"", "", "", "*", " * ", etag, etag, `"other", ` + etag, `"other"`, "W/" + etag, strings.Trim(etag, `"`)}).Draw(m.t, "If-Match")
	return target, p, conditions[target.IfMatch]
}

// refused checks the errors that every change has in common, in their order,
// and tells whether one of them was due. The request has the faults own.
func (m *model) refused(err error, w *modelWorkspace, caller modelCaller, p *modelPersona, holds bool, own ...string) bool {
	m.t.Helper()
	switch {
	case !caller.writes:
		_ = m.wantError(err, persona.Forbidden, persona.CodeInsufficientScope)
	case len(own) > 0 && (p == nil || !holds):
		m.wantFaults(err, own)
	case p == nil:
		_ = m.wantError(err, persona.NotFound, persona.CodePersonaNotFound)
	case !holds:
		if domain := m.wantError(err, persona.Precondition, persona.CodePersonaChanged); domain.ETag != m.document(w, p).ETag {
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
func (m *model) settle(w *modelWorkspace, p *modelPersona, next *persona.Persona, written *library.Written, err error, action persona.Action, caller modelCaller) {
	m.t.Helper()
	if err != nil {
		m.t.Fatalf("%s: %v", action, err)
	}
	m.learnQuestions(next, written.Persona)
	if equal(p.Persona, next) {
		if got := m.document(w, p); got.ETag != written.ETag {
			m.t.Fatalf("a change that makes no difference answers another ETag")
		}
		m.compare(w, p)
		return
	}
	next.UpdatedAt = m.after(p.UpdatedAt)
	p.Persona = next
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

func (m *model) changed(w *modelWorkspace, p *modelPersona, written *library.Written, action persona.Action, caller modelCaller) {
	m.t.Helper()
	snapshot := *p.Persona
	p.history = append(p.history, modelRevision{action: action, at: m.now, user: caller.UserOID(), key: caller.KeyOID(), persona: &snapshot})
	if diff := diff(p.Persona, written.Persona); diff != "" {
		m.t.Fatalf("%s (-want +got):\n%s", action, diff)
	}
	if got := m.document(w, p); !bytes.Equal(got.Body, written.Body) {
		m.t.Fatalf("%s answers\n%s\nand a get afterwards\n%s", action, written.Body, got.Body)
	}
	m.compare(w, p)
}

func (m *model) update() {
	w := m.anyWorkspace()
	caller := m.anyCaller(w)
	target, p, holds := m.target(w)
	var before *persona.Persona
	if p != nil {
		before = p.Persona
	}
	edits := m.anyEdits(before)
	merge := rapid.IntRange(0, 2).Draw(m.t, "merge patch") == 0
	if merge {
		edits = append(slices.DeleteFunc(edits, func(e edit) bool { return e.field == "linkingStrategy" }), m.anyMerge(before))
	}
	body := bodyOf(edits)
	var patch *persona.Patch
	patch, target.Faults = m.patchOf(body, merge)
	n8n := rapid.IntRange(0, 3).Draw(m.t, "n8n") == 0
	if n8n {
		target.Faults = patch.IgnoreEmpty(target.Faults)
		edits = slices.DeleteFunc(edits, func(e edit) bool { return e.json == `""` || e.json == "[]" || e.json == "{}" })
	}
	var own, late []string
	for _, e := range edits {
		switch {
		case e.late:
			late = append(late, e.fault)
		case e.fault != "":
			own = append(own, e.fault)
		}
	}
	written, err := m.UpdatePersona(m.ctx, caller.Caller, target, patch)
	if m.refused(err, w, caller, p, holds, own...) {
		return
	}
	switch {
	case p.DeletedAt != nil && len(own) > 0:
		m.wantFaults(err, own)
		return
	case p.DeletedAt != nil:
		_ = m.wantError(err, persona.Conflict, persona.CodePersonaDeleted)
		return
	case len(own)+len(late) > 0:
		m.wantFaults(err, append(own, late...))
		m.compare(w, p)
		return
	}
	next := *p.Persona
	for _, e := range edits {
		e.do(&next)
	}
	m.settle(w, p, &next, written, err, persona.ActionUpdated, caller)
}

// mark deletes, archives or restores.
func (m *model) mark() {
	w := m.anyWorkspace()
	caller := m.anyCaller(w)
	target, p, holds := m.target(w)
	action := rapid.SampledFrom([]persona.Action{
		persona.ActionDeleted, persona.ActionDeleted, persona.ActionArchived, persona.ActionRestored, persona.ActionRestored,
	}).Draw(m.t, "action")
	call := map[persona.Action]func(context.Context, library.Caller, library.Target) (*library.Written, error){
		persona.ActionDeleted: m.DeletePersona, persona.ActionArchived: m.ArchivePersona, persona.ActionRestored: m.RestorePersona,
	}[action]
	written, err := call(m.ctx, caller.Caller, target)
	if m.refused(err, w, caller, p, holds) {
		return
	}
	next := *p.Persona
	switch {
	case action == persona.ActionRestored:
		next.ArchivedAt, next.DeletedAt = nil, nil
	case action == persona.ActionArchived && p.DeletedAt != nil:
		_ = m.wantError(err, persona.Conflict, persona.CodePersonaDeleted)
		return
	case action == persona.ActionArchived && p.ArchivedAt == nil:
		next.ArchivedAt = new(m.now)
	case action == persona.ActionDeleted && p.DeletedAt == nil:
		next.DeletedAt = new(m.now)
	}
	m.settle(w, p, &next, written, err, action, caller)
}

func (m *model) revert() {
	w := m.anyWorkspace()
	caller := m.anyCaller(w)
	target, p, holds := m.target(w)
	var revisions []string // of all personas of both workspaces
	ours, others := map[string]*persona.Persona{}, map[string]bool{}
	for _, their := range m.workspaces {
		for _, oID := range slices.Sorted(maps.Keys(their.personas)) {
			for _, r := range their.personas[oID].history {
				switch {
				case their.personas[oID] == p:
					ours[r.oID] = r.persona
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
	written, err := m.RevertPersona(m.ctx, caller.Caller, target, revision)
	if m.refused(err, w, caller, p, holds) {
		return
	}
	switch {
	case others[revision]:
		m.wantFaults(err, []string{"revisionOId"})
	case ours[revision] == nil:
		_ = m.wantError(err, persona.NotFound, persona.CodeRevisionNotFound)
	default:
		next := *ours[revision]
		next.Author, next.UpdatedAt = p.Author, p.UpdatedAt
		next.DeletedAt = nil // who brings it back wants it
		m.settle(w, p, &next, written, err, persona.ActionReverted, caller)
		return
	}
	m.compare(w, p)
}

func (m *model) question() {
	w := m.anyWorkspace()
	caller := m.anyCaller(w)
	target, p, holds := m.target(w)
	question := "qq_unknown"
	if p != nil && len(p.QualifyingQuestions) > 0 {
		question = rapid.SampledFrom(p.QualifyingQuestions).Draw(m.t, "question").OID
	}
	action := rapid.SampledFrom([]string{"update", "archive", "restore"}).Draw(m.t, "action")
	patch := library.QuestionPatch{}
	if rapid.Bool().Draw(m.t, "change the text") {
		patch.Question = new(m.anyText())
	}
	if rapid.Bool().Draw(m.t, "change the weight") {
		patch.Weight = new(rapid.SampledFrom([]persona.Weight{persona.WeightLow, persona.WeightMedium, "NONE"}).Draw(m.t, "weight"))
	}
	var written *library.Written
	var err error
	var own []string
	switch action {
	case "update":
		if patch.Weight != nil && *patch.Weight == "NONE" {
			own = []string{"weight"}
		}
		written, err = m.UpdateQuestion(m.ctx, caller.Caller, target, question, patch)
	case "archive":
		written, err = m.ArchiveQuestion(m.ctx, caller.Caller, target, question)
	case "restore":
		written, err = m.RestoreQuestion(m.ctx, caller.Caller, target, question)
	}
	if m.refused(err, w, caller, p, holds, own...) {
		return
	}
	if len(own) > 0 {
		m.wantFaults(err, own)
		return
	}
	if p.DeletedAt != nil {
		_ = m.wantError(err, persona.Conflict, persona.CodePersonaDeleted)
		return
	}
	next := *p.Persona
	next.QualifyingQuestions = slices.Clone(p.QualifyingQuestions)
	i := slices.IndexFunc(next.QualifyingQuestions, func(q persona.QualifyingQuestion) bool { return q.OID == question })
	if i < 0 {
		_ = m.wantError(err, persona.NotFound, persona.CodeQuestionNotFound)
		return
	}
	q := &next.QualifyingQuestions[i]
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
	m.settle(w, p, &next, written, err, persona.ActionUpdated, caller)
}

func (m *model) importLine() {
	w := m.anyWorkspace()
	oID := rapid.SampledFrom(append([]string{"imported_1", "imported_2"}, slices.Sorted(maps.Keys(w.personas))...)).Draw(m.t, "id")
	p := w.personas[oID]
	next := &persona.Persona{WorkspaceOID: w.OID, OID: oID, Author: m.member, Name: m.anyText(), CreatedAt: m.now, UpdatedAt: m.now}
	next.Active = rapid.Bool().Draw(m.t, "active")
	next.PainPoints = m.anyTexts()
	if p != nil {
		next.Author, next.CreatedAt, next.UpdatedAt = p.Author, p.CreatedAt, p.UpdatedAt
	}
	line := *next // without dates
	line.CreatedAt, line.UpdatedAt = time.Time{}, time.Time{}
	if rapid.Bool().Draw(m.t, "with dates") {
		line.CreatedAt = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		line.UpdatedAt = rapid.SampledFrom([]time.Time{line.CreatedAt, m.now, m.now.AddDate(1, 0, 0)}).Draw(m.t, "updatedAt")
		next.CreatedAt, next.UpdatedAt = line.CreatedAt, line.UpdatedAt
	} else if p != nil && !equal(p.Persona, next) {
		next.UpdatedAt = m.after(p.UpdatedAt)
	}
	var one iter.Seq2[library.ImportLine, error] = func(yield func(library.ImportLine, error) bool) {
		yield(library.ImportLine{Number: 1, Persona: &line}, nil)
	}
	report, err := m.Import(m.ctx, library.ImportOptions{Workspace: w.Workspace, Author: m.member}, one)
	want := library.ImportReport{}
	switch {
	case p == nil:
		want.Created = 1
		p = &modelPersona{}
		w.personas[oID] = p
	case equal(p.Persona, next):
		want.Unchanged = 1
		next = p.Persona
	default:
		want.Updated = 1
	}
	if err != nil || report != want {
		m.t.Fatalf("Import = %+v, %v; want %+v", report, err, want)
	}
	p.Persona = next
	if want.Unchanged == 0 {
		snapshot := *next
		p.history = append(p.history, modelRevision{action: persona.ActionImported, at: m.now, user: m.member.OID, persona: &snapshot})
	}
	m.compare(w, p)
}

func (m *model) purge() {
	before := m.now.Add(-rapid.SampledFrom([]time.Duration{0, time.Hour, 48 * time.Hour}).Draw(m.t, "age"))
	want, got := map[string]bool{}, map[string]bool{}
	for _, w := range m.workspaces {
		for oID, p := range w.personas {
			if p.DeletedAt != nil && p.DeletedAt.Before(before) {
				want[w.OID+oID] = true
				delete(w.personas, oID)
				w.purged = append(w.purged, oID)
				// With it goes what was answered when it was made.
				maps.DeleteFunc(w.answers, func(_ string, a modelAnswer) bool { return strings.Contains(a.answer, `"oId":"`+oID+`"`) })
			}
		}
		slices.Sort(w.purged)
	}
	err := m.Purge(m.ctx, before, func(d persona.DeletedPersona) {
		for _, w := range m.workspaces { // and not those of the rounds before
			if w.OID == d.WorkspaceOID {
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

// document returns what get answers for p, to the caller who may all.
func (m *model) document(w *modelWorkspace, p *modelPersona) *library.Document {
	m.t.Helper()
	document, err := m.Persona(m.ctx, w.callers[0].Caller, p.OID)
	if err != nil {
		m.t.Fatalf("Persona(%s): %v", p.OID, err)
	}
	body, err := wire.AppendPersona(nil, p.Persona)
	if err != nil || !bytes.Equal(body, document.Body) {
		m.t.Fatalf("get answers\n%s\nwant\n%s, %v", document.Body, body, err)
	}
	return document
}

// compare holds everything that can be read of a persona against the model.
func (m *model) compare(w *modelWorkspace, p *modelPersona) {
	m.t.Helper()
	m.document(w, p)
	for _, caller := range w.callers {
		if _, err := m.Persona(m.ctx, caller.Caller, p.OID); (err == nil) != caller.reads {
			m.t.Fatalf("get by %s, who reads: %t: %v", caller.KeyOID(), caller.reads, err)
		}
	}
	reader := w.callers[2].Caller
	got, err := m.PersonaNow(m.ctx, reader, p.OID)
	if diff := diff(p.Persona, got); diff != "" || err != nil {
		m.t.Fatalf("PersonaNow: %v (-want +got):\n%s", err, diff)
	}
	page, err := m.Revisions(m.ctx, reader, p.OID, library.MaxLimit, 0)
	if err != nil || page.Total != len(p.history) || len(page.Revisions) != page.Total || page.HasNext {
		m.t.Fatalf("the history is %+v, %v; want %d", page, err, len(p.history))
	}
	history := page.Revisions
	slices.Reverse(history)
	var before *persona.Persona
	for i, r := range history {
		want := &p.history[i]
		snapshot := *want.persona
		snapshot.Author = persona.User{} // which is no part of it
		if r.Number != i+1 || r.Action != want.action || !r.At.Equal(want.at) || r.User.OID != want.user || r.KeyOID != want.key || r.PersonaOID != p.OID {
			m.t.Fatalf("revision %d is %+v, want %+v", i+1, r, want)
		}
		if diff := diff(before, r.Before) + diff(&snapshot, r.Persona); diff != "" {
			m.t.Fatalf("revision %d, before and after (-want +got):\n%s", i+1, diff)
		}
		if want.oID != "" && want.oID != r.OID {
			m.t.Fatalf("revision %d has the id %s, and had %s", i+1, r.OID, want.oID)
		}
		want.oID = r.OID
		before = r.Persona
	}
	last := history[len(history)-1]
	if again, err := m.Revision(m.ctx, reader, last.OID); err != nil || !equalRevisions(last, again) {
		m.t.Fatalf("Revision(%s) = %+v, %v", last.OID, again, err)
	}
	for _, other := range m.workspaces {
		if other == w {
			continue
		}
		if _, err := m.Revision(m.ctx, other.callers[0].Caller, last.OID); persona.KindOf(err) != persona.NotFound {
			m.t.Fatalf("another workspace reads the revision %s: %v", last.OID, err)
		}
		if _, err := m.PersonaNow(m.ctx, other.callers[0].Caller, p.OID); (err == nil) != (other.personas[p.OID] != nil) {
			m.t.Fatalf("another workspace reads the persona %s: %v", p.OID, err)
		}
	}
}

// compareAll holds a workspace against the model.
func (m *model) compareAll(w *modelWorkspace) {
	m.t.Helper()
	for _, oID := range slices.Sorted(maps.Keys(w.personas)) {
		m.compare(w, w.personas[oID])
	}
	for _, oID := range w.purged {
		if w.personas[oID] != nil {
			continue // imported again
		}
		if _, err := m.Persona(m.ctx, w.callers[0].Caller, oID); persona.KindOf(err) != persona.NotFound {
			m.t.Fatalf("the persona %s was purged, and get gives %v", oID, err)
		}
	}
	page, err := m.ListPersonas(m.ctx, w.callers[0].Caller, library.ListRequest{Whole: true, Query: persona.Query{Limit: library.MaxLimit, Status: persona.StatusAll}})
	if err != nil || page.Total != len(w.personas) || len(page.Personas) != page.Total || page.HasNext {
		m.t.Fatalf("list of all: %+v, %v; want %d", page, err, len(w.personas))
	}
}

// foldings are the letters of the vocabulary that search takes for others.
var foldings = strings.NewReplacer("ä", "a", "é", "e")

func folded(text string) []string {
	return strings.FieldsFunc(foldings.Replace(strings.ToLower(text)), func(r rune) bool { return !unicode.IsLetter(r) })
}

// tier tells where the words occur: 0 in the names, 1 with the titles, 2
// somewhere, 3 nowhere.
func tier(p *persona.Persona, text string) int {
	fields := [3][]string{{p.Name}, p.CommonJobTitles, {}}
	if p.InternalName != nil {
		fields[0] = append(fields[0], *p.InternalName)
	}
	if p.Description != nil {
		fields[2] = append(fields[2], *p.Description)
	}
	for _, list := range p.Lists() {
		if list.Name != "commonJobTitles" {
			fields[2] = append(fields[2], *list.Items...)
		}
	}
	for _, field := range p.CustomFields {
		fields[2] = append(append(fields[2], field.Title), field.Value...)
	}
	var words []string
	for i, texts := range fields {
		words = append(words, folded(strings.Join(texts, " "))...)
		all := true
		for _, wanted := range folded(text) {
			all = all && slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, wanted) })
		}
		if all {
			return i
		}
	}
	return 3
}

func (m *model) list() {
	w := m.anyWorkspace()
	caller := m.anyCaller(w)
	request := library.ListRequest{
		Text:  rapid.SampledFrom([]string{"", "", "alpha", "ALPH", "be", "gamma alpha", "béta x", "c++", `"alpha" OR (x*`, "nowhere"}).Draw(m.t, "text"),
		Mine:  rapid.Bool().Draw(m.t, "mine"),
		Whole: rapid.Bool().Draw(m.t, "whole"),
		Query: persona.Query{
			Status:      rapid.SampledFrom([]persona.Status{persona.StatusActive, persona.StatusArchived, persona.StatusDeleted, persona.StatusAll}).Draw(m.t, "status"),
			ProductOID:  rapid.SampledFrom([]string{"", "", "alpha", "beta"}).Draw(m.t, "product"),
			PlaybookOID: rapid.SampledFrom([]string{"", "", "", "alpha"}).Draw(m.t, "playbook"),
			Order:       rapid.SampledFrom([]persona.Order{persona.ByCreatedAt, persona.ByUpdatedAt, persona.ByName, persona.ByRank}).Draw(m.t, "order"),
			Descending:  rapid.Bool().Draw(m.t, "descending"),
			Limit:       rapid.IntRange(1, 4).Draw(m.t, "limit"),
		},
	}
	var want []*persona.Persona
	for _, p := range w.personas {
		status := persona.StatusActive
		switch {
		case p.DeletedAt != nil:
			status = persona.StatusDeleted
		case p.ArchivedAt != nil:
			status = persona.StatusArchived
		}
		q := request.Query
		if (q.Status == status || q.Status == persona.StatusAll) && (!request.Mine || p.Author.OID == caller.UserOID()) &&
			(q.ProductOID == "" || p.Links.Offerings == persona.OfferingsAll || slices.Contains(p.Links.OfferingOIDs, q.ProductOID) ||
				p.Links.PrimaryOfferingOID != nil && *p.Links.PrimaryOfferingOID == q.ProductOID) &&
			(q.PlaybookOID == "" || slices.Contains(p.Links.PlaybookOIDs, q.PlaybookOID)) &&
			tier(p.Persona, request.Text) < 3 {
			want = append(want, p.Persona)
		}
	}
	order, descending := request.Query.Order, request.Query.Descending
	if order == persona.ByRank && request.Text == "" {
		order, descending = persona.ByCreatedAt, true
	}
	slices.SortFunc(want, func(a, b *persona.Persona) int {
		var c int
		switch order {
		case persona.ByRank:
			return tier(a, request.Text) - tier(b, request.Text) // the rest is not known
		case persona.ByName:
			c = strings.Compare(asciiLower(a.Name), asciiLower(b.Name))
		case persona.ByUpdatedAt:
			c = a.UpdatedAt.Compare(b.UpdatedAt)
		case persona.ByCreatedAt:
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
	if !caller.reads {
		_, err := m.ListPersonas(m.ctx, caller.Caller, request)
		_ = m.wantError(err, persona.Forbidden, persona.CodeInsufficientScope)
		return
	}
	byCursor := order != persona.ByRank && rapid.Bool().Draw(m.t, "by cursor")
	var got []*persona.Persona
	for {
		page, err := m.ListPersonas(m.ctx, caller.Caller, request)
		if err != nil || page.Total != len(want) {
			m.t.Fatalf("ListPersonas(%+v) = %+v, %v; want a total of %d", request, page, err, len(want))
		}
		for i, p := range page.Personas {
			if !request.Whole {
				p = m.shown(w, p, page.Documents[i])
			}
			got = append(got, p)
		}
		if page.HasNext != (len(got) < len(want)) || page.HasNext && len(page.Personas) != request.Query.Limit {
			m.t.Fatalf("after %d of %d: a page of %d, and HasNext is %t", len(got), len(want), len(page.Personas), page.HasNext)
		}
		if !page.HasNext {
			break
		}
		if byCursor {
			request.Query.After = new(persona.PositionOf(got[len(got)-1], order))
		} else {
			request.Query.Offset = len(got)
		}
	}
	if order == persona.ByRank {
		for i := 1; i < len(got); i++ {
			if tier(got[i-1], request.Text) > tier(got[i], request.Text) {
				m.t.Fatalf("%s stands above %s for %q", got[i-1].OID, got[i].OID, request.Text)
			}
		}
		byID := func(a, b *persona.Persona) int { return strings.Compare(a.OID, b.OID) }
		slices.SortFunc(want, byID)
		slices.SortFunc(got, byID)
	}
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || !equal(want[i], got[i]) {
			m.t.Fatalf("ListPersonas(%+v) has %d personas, want %d; they differ at %d", request, len(got), len(want), i)
		}
	}
}

// shown returns the persona that a document in a list shows, p in short.
func (m *model) shown(w *modelWorkspace, p *persona.Persona, doc *library.Document) *persona.Persona {
	known := w.personas[p.OID]
	if known == nil {
		m.t.Fatalf("ListPersonas has %s, which is not there", p.OID)
	}
	want, err := m.Written(known.Persona)
	if err != nil {
		m.t.Fatal(err)
	}
	if string(doc.Body) != string(want.Body) || doc.ETag != want.ETag || p.Name != known.Name || !p.UpdatedAt.Equal(known.UpdatedAt) || !p.CreatedAt.Equal(known.CreatedAt) {
		m.t.Fatalf("ListPersonas has %+v with %s %s; want %s %s", p, doc.ETag, doc.Body, want.ETag, want.Body)
	}
	return known.Persona
}

// plain is a persona without methods: go-cmp would leave the comparison to
// Persona.Equal, which is part of what is tested, and passes over authors.
type plain persona.Persona

func diff(want, got *persona.Persona) string {
	return cmp.Diff((*plain)(want), (*plain)(got), cmpopts.EquateEmpty())
}

func equal(p, q *persona.Persona) bool { return diff(p, q) == "" }

func equalRevisions(r, s *persona.Revision) bool {
	rest, others := *r, *s
	rest.Before, rest.Persona, others.Before, others.Persona = nil, nil, nil, nil
	return rest == others && equal(r.Before, s.Before) && equal(r.Persona, s.Persona)
}

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

func (m *model) wantError(err error, kind persona.Kind, code string) *persona.Error {
	m.t.Helper()
	domain := domainError(err)
	if domain == nil || domain.Kind != kind || domain.Code != code {
		m.t.Fatalf("error = %v, want %s of kind %s", err, code, kind)
	}
	return domain
}
