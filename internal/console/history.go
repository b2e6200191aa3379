package console

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/files"
	"personae.dev/internal/library"
)

// historyRows is how many revisions a page of history has.
const historyRows = 50

// historyPage is the revisions of an entity, and what one of them changed.
type historyPage struct {
	Kind      *entity.Kind
	Entity    *entity.Entity
	OID       string
	Changes   []change
	Total     int
	From      int
	Older     string
	Chosen    *entity.Revision
	WithNow   bool
	Asks      bool // whether to restore it
	Diffs     []fieldDiff
	MayWrite  bool
	Newest    bool
	NextCount int
}

// Name and InternalName head the page.
func (p historyPage) Name() string { return p.Entity.Text("name") }

// InternalName is what the team calls it.
func (p historyPage) InternalName() string { return p.Entity.Text("internalName") }

// history answers the revisions of an entity. Parameters: r is the revision, now
// compares it with the present, ask asks whether to restore it.
func (r *request) history() error {
	k, e, err := r.read()
	if err != nil {
		return err
	}
	q := r.URL.Query()
	p := historyPage{Kind: k, Entity: e, OID: r.PathValue("oid"), From: max(0, atoi(q.Get("from"))), MayWrite: r.mayWrite()}
	p.Changes, p.Total, err = r.changes(entity.RevisionQuery{Kinds: []string{k.Name}, OIDs: []string{e.OID}, Restored: true, Limit: historyRows, Offset: p.From})
	if err != nil {
		return err
	}
	if p.From+historyRows < p.Total {
		p.Older = with(r.URL, "from", number(p.From+historyRows))
	}
	chosen := q.Get("r")
	if chosen == "" && len(p.Changes) > 0 {
		chosen = p.Changes[0].RevisionOID
	}
	if chosen != "" {
		detail, err := r.Library.Revision(r.Context(), r.caller(), chosen)
		if err != nil {
			return err
		}
		if detail.Ref.OID != e.OID || detail.Ref.Kind != k.Name {
			return notFound()
		}
		p.Chosen, p.WithNow = detail.Revision, q.Has("now")
		p.Newest = p.From == 0 && len(p.Changes) > 0 && p.Changes[0].RevisionOID == chosen
		p.Asks, p.NextCount = q.Has("ask") && p.MayWrite && !p.Newest, p.Total+1
		before, after := detail.Before, detail.After
		if p.WithNow || p.Asks {
			p.WithNow = true
			before, after = detail.After, e
		}
		p.Diffs = r.diff(k, before, after)
	}
	return r.render(http.StatusOK, "history", page{Title: "History", Here: k.Name, Crumbs: r.above(k, crumb{p.Name(), entityURL(k.Name, p.OID)}), Data: p})
}

// revert restores a revision.
func (r *request) revert() error {
	k, err := r.kind()
	if err != nil {
		return err
	}
	written, err := r.Library.Revert(r.Context(), r.caller(), k, library.Target{OID: r.oID(k)}, r.PostFormValue("revision"))
	if err != nil {
		return err
	}
	r.tell(notice{Text: done(k, "revert", written.Entity.Text("name"), 1)})
	return r.see(entityURL(k.Name, r.PathValue("oid"), "history"))
}

// fieldDiff is how a field differs: words of a text, or items of a list.
type fieldDiff struct {
	Label string
	Words []part
	Items []itemDiff
	// Same is how many items are equal.
	Added, Removed, Changed, Same int
}

// part is some words.
type part = files.Part

// itemDiff is one item; Words are set where it changed.
type itemDiff struct {
	Op, Text string // as in part, or "~"
	Words    []part
}

// diff compares two versions of an entity; before is nil for none.
func (r *request) diff(k *entity.Kind, before, after *entity.Entity) []fieldDiff {
	if before == nil {
		before = &entity.Entity{}
	}
	var list []fieldDiff
	for _, name := range k.Changed(before, after) {
		f := k.Field(name)
		if f == nil { // a date
			list = append(list, fieldDiff{Label: humane(name), Words: []part{{Op: "-", Text: date(name, before)}, {Op: "+", Text: date(name, after)}}})
			continue
		}
		was, is := valueOf(f, before.Fields[name]), valueOf(f, after.Fields[name])
		d := fieldDiff{Label: f.Label}
		if a, b := lines(was), lines(is); len(a)+len(b) > 0 {
			d.items(a, b)
		} else {
			d.Words = words(was.Text, is.Text)
		}
		list = append(list, d)
	}
	return list
}

func date(name string, e *entity.Entity) string {
	at := e.ArchivedAt
	if name == "deletedAt" {
		at = e.DeletedAt
	}
	if at == nil {
		return ""
	}
	return at.Format("2 January 2006, 15:04 MST")
}

// lines are the items of a value, for a comparison.
func lines(v value) []string {
	list := slices.Clone(v.Items)
	if v.Type == entity.TypeStrategy && v.Text != "" {
		list = append([]string{humane(v.Text)}, list...)
	}
	for _, g := range v.Groups {
		for _, item := range g.Items {
			list = append(list, g.Title+": "+item)
		}
	}
	for _, q := range v.Questions {
		text := q.Question + " (" + humane(q.FitType) + " fit" + ", " + humane(q.Weight) + ")"
		if q.Rationale != "" {
			text += " " + q.Rationale
		}
		if q.ArchivedAt != nil {
			text += " – archived"
		}
		list = append(list, text)
	}
	return list
}

// items compares lists. A removed item and an added one beside it are a change.
func (d *fieldDiff) items(before, after []string) {
	parts := files.Diff(before, after)
	for i := 0; i < len(parts); i++ {
		p := parts[i]
		switch p.Op {
		case "":
			d.Same++
			d.Items = append(d.Items, itemDiff{Text: p.Text})
			continue
		case "+":
			d.Added++
			d.Items = append(d.Items, itemDiff{Op: "+", Text: p.Text})
			continue
		}
		j := i // the end of what was removed here
		for j < len(parts) && parts[j].Op == "-" {
			j++
		}
		if j < len(parts) && parts[j].Op == "+" {
			if both := words(p.Text, parts[j].Text); similar(both) {
				d.Changed++
				d.Items = append(d.Items, itemDiff{Op: "~", Words: both})
				parts = slices.Delete(parts, j, j+1)
				continue
			}
		}
		d.Removed++
		d.Items = append(d.Items, itemDiff{Op: "-", Text: p.Text})
	}
}

// similar tells whether at least a third of the words are the same.
func similar(parts []part) bool {
	same, all := 0, 0
	for _, p := range parts {
		n := len(strings.Fields(p.Text))
		all += n
		if p.Op == "" {
			same += n
		}
	}
	return same*3 >= all
}

// words compares two texts by words.
func words(before, after string) []part {
	var joined []part
	for _, p := range files.Diff(tokens(before), tokens(after)) {
		if n := len(joined); n > 0 && joined[n-1].Op == p.Op {
			joined[n-1].Text += p.Text
		} else {
			joined = append(joined, p)
		}
	}
	return joined
}

// tokens are the words of a text, each with the space after it.
func tokens(s string) []string {
	var list []string
	for s != "" {
		end := strings.IndexFunc(s, unicode.IsSpace)
		if end < 0 {
			return append(list, s)
		}
		rest := strings.TrimLeftFunc(s[end:], unicode.IsSpace)
		list = append(list, s[:len(s)-len(rest)])
		s = rest
	}
	return list
}

// feedPage is the history of the library.
type feedPage struct {
	Days    []feedDay
	Filters []filter
	Total   int
	Older   string
}

type feedDay struct {
	Day     time.Time
	Changes []change
}

// feed answers the changes of the library, newest first.
func (r *request) feed() error {
	q := r.URL.Query()
	from := max(0, atoi(q.Get("from")))
	ask := entity.RevisionQuery{AuthorOID: q.Get("user"), Restored: true, Limit: historyRows, Offset: from}
	byKind := filter{Name: "kind", Label: "Kind", Value: q.Get("kind")}
	for _, k := range r.Library.Registry().Kinds() {
		byKind.Choices = append(byKind.Choices, choice{k.Name, sentence(plural(k))})
		if k.Name == byKind.Value {
			ask.Kinds = []string{k.Name}
		}
	}
	since := filter{Name: "since", Label: "Since", Value: q.Get("since"), Choices: []choice{{"1", "Yesterday"}, {"7", "7 days ago"}, {"30", "30 days ago"}}}
	if days := atoi(since.Value); days > 0 {
		at := r.Now().AddDate(0, 0, -days)
		ask.From = &at
	}
	byUser, err := r.userFilter(q.Get("user"))
	if err != nil {
		return err
	}
	changes, total, err := r.changes(ask)
	if err != nil {
		return err
	}
	p := feedPage{Filters: []filter{byKind, byUser, since}, Total: total}
	for _, c := range changes {
		day := c.At.UTC().Truncate(24 * time.Hour)
		if n := len(p.Days); n == 0 || !p.Days[n-1].Day.Equal(day) {
			p.Days = append(p.Days, feedDay{Day: day})
		}
		last := &p.Days[len(p.Days)-1]
		last.Changes = append(last.Changes, c)
	}
	if from+historyRows < total {
		p.Older = with(r.URL, "from", number(from+historyRows))
	}
	return r.render(http.StatusOK, "feed", page{Title: "Changes", Here: "changes", Data: p})
}

// userFilter is a filter by the users of the organization.
func (r *request) userFilter(chosen string) (filter, error) {
	f := filter{Name: "user", Label: "Who", Value: chosen}
	users, err := r.Library.Users(r.Context())
	for _, u := range users {
		if u.OrganizationOID == r.Organization.OID {
			f.Choices = append(f.Choices, choice{u.OID, name(u)})
		}
	}
	return f, err
}

func name(u account.User) string { return u.Author().Name() }
