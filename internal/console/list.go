package console

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/library"
)

const (
	// pageRows is how many rows a list shows at a time.
	pageRows = 50
	// choices is how many entities a filter or a link field offers.
	choices = 500
)

// listPage is the list of a kind as the URL asks for it.
type listPage struct {
	Kind    *entity.Kind
	Query   url.Values
	Tabs    []tab
	Filters []filter
	Rows    []listRow
	Total   int
	// From is the number of the first row; Before and After are pages, "" for none.
	From          int
	Before, After string
	Sorts         []sortLink
	Status        entity.Status
	Questions     bool
	MayWrite      bool
}

// Filtered tells whether the list leaves something out.
func (p listPage) Filtered() bool {
	return p.Query.Get("q") != "" || slices.ContainsFunc(p.Filters, func(f filter) bool { return f.Value != "" })
}

type tab struct {
	Name, At string
	Count    int // -1 for one that is not counted
	Here     bool
}

// filter is a choice that narrows a list.
type filter struct {
	Name, Label, Value string
	Choices            []choice
}

type choice struct{ Value, Name string }

type listRow struct {
	*entity.Row
	InternalName string
	Facet        string
	Active       bool
	Asked, Links int
}

type sortLink struct {
	Name, At         string
	Here, Descending bool
}

// list answers the list of a kind; the entity itself, where there is one only.
func (r *request) list() error {
	k, err := r.kind()
	if err != nil {
		return err
	}
	if k.Singleton {
		return r.see(entityURL(k.Name, "-"))
	}
	q := r.URL.Query()
	ask := listRequest(k, q)
	ask.Limit = pageRows
	ask.Offset = max(0, atoi(q.Get("from")))
	found, err := r.Library.List(r.Context(), r.caller(), k, ask)
	if err != nil {
		return err
	}
	defer found.Close()
	p := listPage{
		Kind: k, Query: q, Total: found.Total, From: ask.Offset + 1, Status: ask.Status,
		Questions: k.QuestionsField() != nil, MayWrite: r.mayWrite(),
	}
	if p.Rows, err = r.rows(k, found); err != nil {
		return err
	}
	if p.Filters, err = r.filters(k, q); err != nil {
		return err
	}
	tallies, err := r.Library.Tallies(r.Context(), r.caller(), r.Now())
	if err != nil {
		return err
	}
	at := listURL(k.Name)
	status := q.Get("status")
	p.Tabs = []tab{
		{"All", at, tallies[k.Name].Active, status == "" && q.Get("mine") == ""},
		{"Mine", at + "?mine=1", -1, q.Get("mine") != ""},
		{"Archived", at + "?status=archived", tallies[k.Name].Archived, status == "archived"},
		{"Deleted", at + "?status=deleted", -1, status == "deleted"},
	}
	if ask.Offset > 0 {
		p.Before = with(r.URL, "from", number(max(0, ask.Offset-pageRows)))
	}
	if found.HasNext {
		p.After = with(r.URL, "from", number(ask.Offset+pageRows))
	}
	p.Sorts = sorts(r.URL, ask)
	return r.render(http.StatusOK, "list", page{Title: sentence(plural(k)), Here: k.Name, Data: p})
}

// listRequest reads what a URL asks for.
func listRequest(k *entity.Kind, q url.Values) library.ListRequest {
	ask := library.ListRequest{
		Text: strings.TrimSpace(q.Get("q")), OfferingOID: q.Get(entity.FilterOffering), PlaybookOID: q.Get(entity.FilterPlaybook),
		Mine: q.Get("mine") != "", Status: entity.Status(q.Get("status")),
	}
	switch ask.Status {
	case entity.StatusArchived, entity.StatusDeleted:
	default:
		ask.Status = entity.StatusActive
	}
	if f := facetField(k); f != nil && slices.Contains(f.Enum, q.Get(f.Filter)) {
		ask.Facet = q.Get(f.Filter)
	}
	order, descending := strings.CutPrefix(q.Get("sort"), "-")
	switch entity.Order(order) {
	case entity.OrderName, entity.OrderUpdated, entity.OrderCreated:
		ask.Order, ask.Descending = entity.Order(order), descending
	default:
		if ask.Text == "" {
			ask.Order, ask.Descending = entity.OrderUpdated, true
		}
	}
	return ask
}

// facetField is the field of an enum that lists are filtered by, or nil.
func facetField(k *entity.Kind) *entity.Field {
	for i := range k.Fields {
		if f := &k.Fields[i]; f.Type == entity.TypeEnum && f.Filter != "" {
			return f
		}
	}
	return nil
}

// rows reads what the rows of a list show.
func (r *request) rows(k *entity.Kind, found *library.Listed) ([]listRow, error) {
	oIDs := make([]string, len(found.Rows))
	for i, row := range found.Rows {
		oIDs[i] = row.OID
	}
	around, err := r.Library.Neighbours(r.Context(), r.caller(), k, oIDs...)
	if err != nil {
		return nil, err
	}
	facet := facetField(k)
	rows := make([]listRow, len(found.Rows))
	for i, row := range found.Rows {
		var shown struct {
			InternalName string                      `json:"internalName"`
			Active       *bool                       `json:"active"`
			Questions    []struct{ ArchivedAt *any } `json:"qualifyingQuestions"`
		}
		if err := json.Unmarshal(found.Documents[i], &shown); err != nil {
			return nil, err
		}
		rows[i] = listRow{Row: row, InternalName: shown.InternalName, Active: shown.Active == nil || *shown.Active, Links: len(around[row.OID])}
		for _, question := range shown.Questions {
			if question.ArchivedAt == nil {
				rows[i].Asked++
			}
		}
		if facet != nil {
			var all map[string]json.RawMessage
			if err := json.Unmarshal(found.Documents[i], &all); err != nil {
				return nil, err
			}
			var value string
			if json.Unmarshal(all[facet.Name], &value) == nil { // else it is null
				rows[i].Facet = humane(value)
			}
		}
	}
	return rows, nil
}

// filters returns the filters of a kind, with what can be chosen.
func (r *request) filters(k *entity.Kind, q url.Values) ([]filter, error) {
	var list []filter
	for _, by := range []struct{ name, label string }{{entity.FilterOffering, wordOffering}, {entity.FilterPlaybook, wordPlaybook}} {
		if _, ok := r.Library.Registry().LinkFilter(k, by.name, ""); !ok {
			continue
		}
		var kinds []string
		for _, other := range r.Library.Registry().Kinds() {
			for _, f := range other.LinkFields() {
				if f.Filter == by.name {
					kinds = f.Targets
				}
			}
		}
		options, err := r.named(r.Context(), kinds)
		if err != nil {
			return nil, err
		}
		if len(options) > 0 || q.Get(by.name) != "" {
			list = append(list, filter{by.name, by.label, q.Get(by.name), options})
		}
	}
	if f := facetField(k); f != nil {
		one := filter{Name: f.Filter, Label: f.Label, Value: q.Get(f.Filter)}
		for _, value := range f.Enum {
			one.Choices = append(one.Choices, choice{value, humane(value)})
		}
		list = append(list, one)
	}
	return list, nil
}

// named returns the entities of some kinds, by name.
func (r *request) named(ctx context.Context, kinds []string) ([]choice, error) {
	var options []choice
	for _, name := range kinds {
		k, err := r.Library.Registry().Kind(name)
		if err != nil {
			return nil, err
		}
		found, err := r.Library.List(ctx, r.caller(), k, library.ListRequest{Order: entity.OrderName, Limit: choices, Slim: true})
		if err != nil {
			return nil, err
		}
		for _, row := range found.Rows {
			options = append(options, choice{row.OID, row.Name})
		}
		found.Close()
	}
	return options, nil
}

// sorts are the heads of columns that sort.
func sorts(at *url.URL, ask library.ListRequest) []sortLink {
	var list []sortLink
	for _, s := range []struct {
		name  string
		order entity.Order
		down  bool
	}{{"Name", entity.OrderName, false}, {"Changed", entity.OrderUpdated, true}} {
		link := sortLink{Name: s.name, Here: ask.Order == s.order, Descending: ask.Descending}
		down := s.down
		if link.Here {
			down = !ask.Descending
		}
		value := string(s.order)
		if down {
			value = "-" + value
		}
		next := *at
		q := next.Query()
		q.Del("from")
		next.RawQuery = q.Encode()
		link.At = with(&next, "sort", value)
		list = append(list, link)
	}
	return list
}

// with is a URL with another value of a parameter.
func with(at *url.URL, name, value string) string {
	q := at.Query()
	if value == "" || value == "0" {
		q.Del(name)
	} else {
		q.Set(name, value)
	}
	if len(q) == 0 {
		return at.EscapedPath()
	}
	return at.EscapedPath() + "?" + q.Encode()
}

// mayWrite tells whether whoever looks may change something.
func (r *request) mayWrite() bool { return r.Key.Scopes.Allow(account.ScopeWrite) }

// act changes the state of entities of a kind: those that a form names.
func (r *request) act() error {
	k, err := r.kind()
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	do, ok := map[string]func(context.Context, library.Caller, *entity.Kind, library.Target) (*library.Written, error){
		"archive": r.Library.Archive, "delete": r.Library.Delete, "restore": r.Library.Restore, "only": r.Library.MakeOnly,
		"undelete": r.undelete,
	}[r.PostForm.Get("do")]
	if !ok {
		return notFound()
	}
	oIDs := r.PostForm["oId"]
	name := ""
	for i, oID := range oIDs {
		written, err := do(r.Context(), r.caller(), k, library.Target{OID: oID})
		if err != nil {
			r.leave(k, r.PostForm.Get("do"), name, oIDs[:i]) // those before are done
			return err
		}
		name = written.Entity.Text("name")
	}
	r.leave(k, r.PostForm.Get("do"), name, oIDs)
	return r.see(back(r.Request))
}

// undelete brings back what the last revision of an entity deleted, as it was
// before: archived, where it was.
func (r *request) undelete(ctx context.Context, c library.Caller, k *entity.Kind, t library.Target) (*library.Written, error) {
	last, err := r.Library.Revisions(ctx, c, entity.RevisionQuery{Kinds: []string{k.Name}, OIDs: []string{t.OID}, Restored: true, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(last.Revisions) == 0 {
		return nil, notFound()
	}
	return r.Library.Revert(ctx, c, k, t, last.Revisions[0].RevisionOID)
}

// notice is told on the next page: what was done, and how to undo it.
type notice struct {
	Text string
	Kind string   `json:",omitempty"`
	OIDs []string `json:",omitempty"` // what can be undone, and by which form
	Undo string   `json:",omitempty"`
}

const (
	noticeCookie = "personae_notice"
	// maxUndo is how many ids fit into a cookie.
	maxUndo = 60
)

// leave leaves a notice of a change of states.
func (r *request) leave(k *entity.Kind, do, name string, oIDs []string) {
	if len(oIDs) == 0 {
		return
	}
	n := notice{Text: done(k, do, name, len(oIDs))}
	if undo := map[string]string{"archive": "restore", "delete": "undelete"}[do]; undo != "" && len(oIDs) <= maxUndo {
		n.Kind, n.OIDs, n.Undo = k.Name, oIDs, undo
	}
	r.tell(n)
}

// tell leaves a notice for the next page.
func (r *request) tell(n notice) {
	b, err := json.Marshal(n)
	if err != nil {
		panic("console: a notice is not JSON: " + err.Error())
	}
	http.SetCookie(r.w, &http.Cookie{Name: noticeCookie, Value: url.QueryEscape(string(b)), Path: Path, MaxAge: 60, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// told returns the notice that is left, once.
func (r *request) told() *notice {
	cookie, err := r.Cookie(noticeCookie)
	if err != nil {
		return nil
	}
	http.SetCookie(r.w, &http.Cookie{Name: noticeCookie, Path: Path, MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	var n notice
	text, err := url.QueryUnescape(cookie.Value)
	if err != nil || json.Unmarshal([]byte(text), &n) != nil || n.Text == "" {
		return nil
	}
	return &n
}

func number(n int) string { return strconv.Itoa(n) }

// atoi reads a number of a URL; what is none is 0.
func atoi(s string) int {
	n, _ := strconv.Atoi(s) // 0
	return n
}
