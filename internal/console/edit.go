package console

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
)

// form is the editor of an entity. The browser sends all of it back; what differs
// from the base is the change.
type form struct {
	Kind *entity.Kind
	OID  string // of its address; "" for a new entity
	Name string
	At   string // where it is sent
	// Version is the entity tag of what is edited, and Base the revision that it
	// began with. Key is the idempotency key of a create.
	Version, Base, Key string
	Fields             []formField
	// Problem is why saving was refused, and Errors are those that no field shows.
	Problem string
	Errors  []errs.Field
	ToFix   int
	Changes int
	// Conflict tells that somebody saved meanwhile: By.
	Conflict bool
	By       string
	Asked    bool // whether the difference is asked for: Differ
	Differ   []fieldDiff
}

// formField is a field of a form.
type formField struct {
	value
	Changed bool
	// Theirs is what somebody else made of a field that is changed here, too.
	Theirs  []fieldDiff
	Choices []choice
	errors  []errs.Field
}

// Err is what is wrong with the field, at a path below it: "", "[2]", "[1].title".
func (f formField) Err(path string) string {
	for _, e := range f.errors {
		if e.Path == f.Name+path {
			return sentence(strings.TrimSuffix(e.Message, ".")) + "."
		}
	}
	return ""
}

// Errs are the errors of the field that belong to none of its rows.
func (f formField) Errs() []string {
	var list []string
	for _, e := range f.errors {
		if !strings.HasSuffix(e.Path, "]") && !strings.HasPrefix(e.Path, f.Name+"[") && (e.Path != f.Name || f.isList()) {
			list = append(list, sentence(e.Message)+".")
		}
	}
	return list
}

// Wrong is how many errors the field has.
func (f formField) Wrong() int { return len(f.errors) }

func (f formField) isList() bool {
	switch f.Type {
	case entity.TypeText, entity.TypeEnum, entity.TypeBool, entity.TypeRaw, entity.TypeLink:
		return false
	}
	return true
}

// Short tells whether a text fits into one line.
func (f formField) Short() bool { return f.Max > 0 && f.Max <= 255 }

// Has tells whether a link names an entity.
func (f formField) Has(oID string) bool { return f.Text == oID || slices.Contains(f.Items, oID) }

// pair is a field of a form as it was sent; their order tells what belongs
// together.
type pair struct{ Name, Value string }

func pairs(body string) ([]pair, error) {
	var list []pair
	for part := range strings.SplitSeq(body, "&") {
		name, text, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, badForm(err)
		}
		if text, err = url.QueryUnescape(text); err != nil {
			return nil, badForm(err)
		}
		list = append(list, pair{name, strings.ReplaceAll(text, "\r\n", "\n")})
	}
	return list, nil
}

func first(list []pair, name string) string {
	for _, p := range list {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// sent reads what a form says of a field; what is empty is left out. before is the
// order of links.
func sent(f *entity.Field, list []pair, before value, now time.Time) value {
	v := value{Field: f}
	var open *group // that items belong to
	for _, p := range list {
		part, ok := strings.CutPrefix(p.Name, f.Name)
		if !ok || part != "" && part[0] != '.' {
			continue
		}
		switch {
		case f.Type == entity.TypeQuestions:
			v.question(part, p.Value, now)
		case part == ".title":
			v.Groups = append(v.Groups, newGroup(f, p.Value))
			open = &v.Groups[len(v.Groups)-1]
		case part == ".item" && open != nil && strings.TrimSpace(p.Value) != "":
			open.Items = append(open.Items, p.Value)
		case part == ".mode":
			v.Text = p.Value
		case part == "" && (f.Type == entity.TypeTexts || f.Type == entity.TypeTextOrTexts || f.Type == entity.TypeLinks || f.Type == entity.TypeStrategy):
			if strings.TrimSpace(p.Value) != "" {
				v.Items = append(v.Items, p.Value)
			}
		case part == "":
			v.Text = p.Value // of a box, the last counts
		}
	}
	if isLink(f) {
		slices.SortStableFunc(v.Items, func(a, b string) int { return position(before.Items, a) - position(before.Items, b) })
		if f.Type == entity.TypeStrategy && v.Text != entity.ModeSpecific {
			v.Items = nil
		}
	}
	v.Groups = slices.DeleteFunc(v.Groups, func(g group) bool {
		return len(g.Items) == 0 && (g.Title == "" || len(f.Keys) == 0 && f.Type == entity.TypeLists)
	})
	v.Questions = slices.DeleteFunc(v.Questions, func(q entity.Question) bool { return strings.TrimSpace(q.Question+q.Rationale) == "" })
	return v
}

func newGroup(f *entity.Field, title string) group {
	if slices.Contains(f.Keys, title) {
		return group{Key: title, Title: humane(title)}
	}
	return group{Key: title, Title: title}
}

func position(list []string, s string) int {
	if i := slices.Index(list, s); i >= 0 {
		return i
	}
	return len(list)
}

// question takes a part of a question; its text begins one.
func (v *value) question(part, text string, now time.Time) {
	if part == ".question" {
		v.Questions = append(v.Questions, entity.Question{Question: text})
		return
	}
	if len(v.Questions) == 0 {
		return
	}
	q := &v.Questions[len(v.Questions)-1]
	switch part {
	case ".oId":
		q.OID = text
	case ".rationale":
		q.Rationale = text
	case ".fitType":
		q.FitType = text
	case ".weight":
		q.Weight = text
	case ".archived":
		q.ArchivedAt = nil
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			q.ArchivedAt = &at
		} else if text != "" {
			q.ArchivedAt = &now
		}
	}
}

// json is the value as a request has it.
func (v value) json() any {
	switch v.Type {
	case entity.TypeText, entity.TypeEnum, entity.TypeLink:
		if v.Text == "" {
			return nil
		}
		return v.Text
	case entity.TypeBool:
		return v.Text == "true"
	case entity.TypeRaw:
		if raw := jsontext.Value(v.Text); strings.TrimSpace(v.Text) != "" && raw.IsValid() {
			return json.RawMessage(raw)
		}
		return nil
	case entity.TypeCustom:
		custom := []map[string]any{}
		for _, g := range v.Groups {
			custom = append(custom, map[string]any{"title": g.Title, "value": orEmpty(g.Items)})
		}
		return custom
	case entity.TypeLists:
		lists := jsontext.Value("{")
		for i, g := range v.Groups {
			if i > 0 {
				lists = append(lists, ',')
			}
			lists, _ = jsontext.AppendQuote(lists, g.Key)
			items, _ := json.Marshal(orEmpty(g.Items)) // texts have no error
			lists = append(append(lists, ':'), items...)
		}
		return json.RawMessage(append(lists, '}'))
	case entity.TypeQuestions:
		questions := []map[string]any{}
		for _, q := range v.Questions {
			one := map[string]any{"question": q.Question, "rationale": q.Rationale, "fitType": q.FitType, "weight": q.Weight, "archivedAt": q.ArchivedAt}
			if q.OID != "" {
				one["oId"] = q.OID
			}
			questions = append(questions, one)
		}
		return questions
	case entity.TypeStrategy:
		if v.Text == "" {
			return nil
		}
		if v.Text == entity.ModeAll {
			return map[string]any{"mode": v.Text}
		}
		return map[string]any{"mode": v.Text, "offeringOIds": orEmpty(v.Items)}
	default:
		return orEmpty(v.Items)
	}
}

func orEmpty(items []string) []string {
	if items == nil {
		return []string{}
	}
	return items
}

// same tells whether two values say the same; line ends of a browser do not count.
func (v value) same(other value) bool {
	a, errA := json.Marshal(v.json())
	b, errB := json.Marshal(other.json())
	plain := strings.NewReplacer(`\r\n`, `\n`)
	return errA == nil && errB == nil && plain.Replace(string(a)) == plain.Replace(string(b))
}

// editable are the fields of a kind that a form has: texts and lists, then
// questions, then links.
func editable(k *entity.Kind) []*entity.Field {
	fields := k.RequestFields()
	rank := func(f *entity.Field) int {
		switch {
		case isLink(f):
			return 3
		case f.Type == entity.TypeQuestions:
			return 2
		case f.Type == entity.TypeBool || f.Type == entity.TypeRaw:
			return 1
		}
		return 0
	}
	slices.SortStableFunc(fields, func(a, b *entity.Field) int { return rank(a) - rank(b) })
	return fields
}

// edit answers the editor of an entity, and new that of one that is not there yet.
func (r *request) edit() error {
	f, e, err := r.editor()
	if err != nil {
		return err
	}
	for _, field := range editable(f.Kind) {
		f.Fields = append(f.Fields, formField{value: valueOf(field, e.Fields[field.Name])})
	}
	if f.OID == "" {
		q := r.URL.Query()
		for i := range f.Fields {
			if v := &f.Fields[i]; v.Type == entity.TypeText {
				v.Text = q.Get(v.Name)
			} else if v.Type == entity.TypeTexts {
				v.Items = q[v.Name]
			}
			if v := &f.Fields[i]; v.Default != "" && v.Empty() {
				v.value = valueOf(v.Field, jsontext.Value(v.Default))
			}
		}
	}
	return r.showForm(http.StatusOK, f)
}

// editor begins a form: for a new entity, or for what is there now.
func (r *request) editor() (*form, *entity.Entity, error) {
	if r.PathValue("oid") == "" {
		k, err := r.kind()
		if err != nil || k.Singleton {
			return nil, nil, notFound()
		}
		return &form{Kind: k, At: Path + "/new/" + k.Name, Key: rand.Text()}, &entity.Entity{}, nil
	}
	k, err := r.kind()
	if err != nil {
		return nil, nil, err
	}
	f := &form{Kind: k, OID: r.PathValue("oid"), At: entityURL(k.Name, r.PathValue("oid"), "edit")}
	// The version first: a change in between is a conflict later, and is not lost.
	d, err := r.Library.Get(r.Context(), r.caller(), k, r.oID(k), library.GetOptions{Fresh: true})
	if err != nil {
		return nil, nil, err
	}
	f.Version = d.ETag
	_, e, err := r.read()
	if err != nil {
		return nil, nil, err
	}
	f.Name = e.Text("name")
	if e.OID != "" {
		revisions, err := r.Library.Revisions(r.Context(), r.caller(), entity.RevisionQuery{Kinds: []string{k.Name}, OIDs: []string{e.OID}, Restored: true, Limit: 1})
		if err != nil {
			return nil, nil, err
		}
		if len(revisions.Revisions) > 0 {
			f.Base, f.By = revisions.Revisions[0].RevisionOID, revisions.Revisions[0].Author.Name()
		}
	}
	return f, e, nil
}

// save takes a form. Beside "save" it may ask for more rows, for the difference,
// for a draft to be shown again, or for what somebody else made of a field.
func (r *request) save() error {
	list, err := pairs(string(httpx.Body(r.Request)))
	if err != nil {
		return err
	}
	f, now, err := r.editor()
	if err != nil {
		return err
	}
	if f.OID == "" {
		f.Key = first(list, "key")
	}
	base := now
	if version := first(list, "version"); version != f.Version {
		f.Conflict = true
		if base, err = r.base(f.Kind, first(list, "base"), now); err != nil {
			return err
		}
	}
	do, of, _ := strings.Cut(first(list, "do"), " ")
	given := map[string]any{}
	for _, field := range editable(f.Kind) {
		was, is := valueOf(field, base.Fields[field.Name]), valueOf(field, now.Fields[field.Name])
		one := formField{value: sent(field, list, was, r.Now())}
		one.Changed = !one.same(was)
		theirs := f.Conflict && !was.same(is) || slices.Contains(list, pair{"both", field.Name})
		switch {
		case do == "theirs" && of == field.Name, theirs && !one.Changed && f.Conflict:
			one.value, one.Changed = is, false
		case theirs && one.Changed:
			one.Theirs = r.diff(f.Kind, candidate(now, field.Name, base.Fields[field.Name]), now)
			if !f.Conflict {
				one.Theirs = []fieldDiff{{Label: field.Label, Items: []itemDiff{}}}
			}
		}
		if one.Changed {
			f.Changes++
			given[field.Name] = one.json()
			if field.Type == entity.TypeRaw && strings.TrimSpace(one.Text) != "" && !jsontext.Value(one.Text).IsValid() {
				f.Errors = append(f.Errors, errs.Field{Path: field.Name, Message: wordNoJSON})
			}
		}
		f.Fields = append(f.Fields, one)
	}
	body, err := json.Marshal(given)
	if err != nil {
		return badForm(err)
	}
	patch, wrong := f.Kind.Decode(body, entity.Mode{Create: f.OID == ""})
	wrong = append(wrong, f.Errors...)
	switch {
	case do == "diff":
		before := now
		if f.OID == "" {
			before = nil
		}
		after, _ := f.Kind.Apply(before, patch)
		f.Asked, f.Differ = true, r.diff(f.Kind, before, after)
		return r.showForm(http.StatusOK, f)
	case do != "save":
		return r.showForm(http.StatusOK, f)
	case !r.mayWrite():
		f.Problem, f.Conflict = wordMayNotWrite, false
		return r.showForm(http.StatusForbidden, f)
	case now.DeletedAt != nil:
		f.Problem, f.Conflict = wordDeleted, false
		return r.showForm(http.StatusConflict, f)
	case f.Conflict:
		return r.showForm(http.StatusConflict, f)
	}
	var written *library.Written
	if f.OID == "" {
		written, err = r.Library.Create(r.Context(), r.caller(), f.Kind, library.Create{Patch: patch, Errors: wrong, IdempotencyKey: f.Key, Body: body})
	} else {
		written, err = r.Library.Update(r.Context(), r.caller(), f.Kind, library.Target{OID: r.oID(f.Kind), IfMatch: f.Version, Errors: wrong}, patch)
	}
	if errs.KindOf(err) == errs.Precondition { // between reading and writing
		return r.save()
	}
	if shown := known(err); shown != nil && shown.Kind != errs.Internal { // nothing typed is lost
		f.Problem = shown.Message
		if len(shown.Fields) > 0 {
			f.blame(shown.Fields)
		}
		status := map[errs.Kind]int{
			errs.Forbidden: http.StatusForbidden, errs.NotFound: http.StatusNotFound, errs.Conflict: http.StatusConflict, errs.Unavailable: http.StatusServiceUnavailable,
		}[shown.Kind]
		return r.showForm(cmp.Or(status, http.StatusUnprocessableEntity), f)
	}
	if err != nil {
		return err
	}
	oID := f.OID
	if oID == "" {
		oID = written.Entity.OID
		r.tell(notice{Text: done(f.Kind, "create", written.Entity.Text("name"), 1), Kind: f.Kind.Name})
	} else {
		r.tell(notice{Text: done(f.Kind, "update", written.Entity.Text("name"), 1), Kind: f.Kind.Name})
	}
	return r.see(entityURL(f.Kind.Name, oID))
}

// base returns what a form began with: the entity as a revision left it.
func (r *request) base(k *entity.Kind, revisionOID string, now *entity.Entity) (*entity.Entity, error) {
	if revisionOID == "" {
		return &entity.Entity{}, nil
	}
	detail, err := r.Library.Revision(r.Context(), r.caller(), revisionOID)
	if err != nil {
		return nil, err
	}
	if detail.Ref.OID != now.OID || detail.Ref.Kind != k.Name {
		return nil, notFound()
	}
	return detail.After, nil
}

// candidate is e with another value of a field.
func candidate(e *entity.Entity, field string, raw jsontext.Value) *entity.Entity {
	changed := *e
	changed.Fields = make(map[string]jsontext.Value, len(e.Fields))
	for name, v := range e.Fields {
		changed.Fields[name] = v
	}
	delete(changed.Fields, field)
	if raw != nil {
		changed.Fields[field] = raw
	}
	return &changed
}

// blame puts errors beside their fields.
func (f *form) blame(wrong []errs.Field) {
	f.Errors = nil
	f.ToFix = len(wrong)
	for _, e := range wrong {
		name, _, _ := strings.Cut(strings.NewReplacer("[", ".").Replace(e.Path), ".")
		i := slices.IndexFunc(f.Fields, func(field formField) bool { return field.Name == name })
		if i < 0 {
			f.Errors = append(f.Errors, e)
			continue
		}
		f.Fields[i].errors = append(f.Fields[i].errors, e)
	}
}

// showForm answers with the editor.
func (r *request) showForm(status int, f *form) error {
	if !r.mayWrite() && f.Problem == "" {
		return &errs.Error{Kind: errs.Forbidden, Code: errs.CodeInsufficientScope, Message: wordMayNotWrite}
	}
	offered := map[string][]choice{}
	for i := range f.Fields {
		field := &f.Fields[i]
		if !isLink(field.Field) {
			continue
		}
		key := strings.Join(field.Targets, " ")
		if offered[key] == nil {
			options, err := r.named(r.Context(), field.Targets)
			if err != nil {
				return err
			}
			offered[key] = options
		}
		field.Choices = slices.Clone(offered[key])
		for _, oID := range append(slices.Clone(field.Items), field.Text) { // what is linked, and not there
			if account.ValidID(oID) && oID != entity.ModeAll && oID != entity.ModeSpecific && !slices.ContainsFunc(field.Choices, func(c choice) bool { return c.Value == oID }) {
				field.Choices = append(field.Choices, choice{oID, oID})
			}
		}
	}
	p := page{Title: "Edit", Here: f.Kind.Name, Data: f}
	p.Crumbs = r.above(f.Kind)
	if f.OID == "" {
		p.Title = "New " + f.Kind.Title
	} else {
		p.Crumbs = r.above(f.Kind, crumb{cmp.Or(f.Name, sentence(f.Kind.Title)), entityURL(f.Kind.Name, f.OID)})
	}
	return r.render(status, "edit", p)
}
