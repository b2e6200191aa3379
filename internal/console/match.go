package console

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/files"
	"personae.dev/internal/library"
	"personae.dev/internal/match"
	"personae.dev/internal/qualify"
)

// matchPage is titles with the personas that they belong to.
type matchPage struct {
	Titles    string
	Rows      []matchRow
	Unmatched *library.UnmatchedPage
	Personas  []choice
	Kind      *entity.Kind
	MayWrite  bool
	Problem   string
}

// matchRow is a title with its best match, nil for none.
type matchRow struct {
	Title string
	Best  *match.Match
	Next  *match.Match
}

// Width is how long the bar of a score is, of 48.
func (r matchRow) Width() int { return int(r.Best.Score*48 + .5) }

// Unsure tells whether somebody should look.
func (r matchRow) Unsure() bool { return r.Best.Score < match.MediumFrom }

// unmatchedShown is how many titles that nobody owns are shown.
const unmatchedShown = 50

// matchForm answers the page that takes titles, and what nobody owns.
func (r *request) matchForm() error { return r.showMatch(http.StatusOK, matchPage{}) }

func (r *request) showMatch(status int, p matchPage) error {
	var err error
	if p.Unmatched, err = r.Library.Unmatched(r.Context(), r.caller(), unmatchedShown, 0); err != nil {
		return err
	}
	p.Kind, p.MayWrite = r.Library.PersonaKind(), r.mayWrite()
	if p.Personas, err = r.named(r.Context(), []string{p.Kind.Name}); err != nil {
		return err
	}
	return r.render(status, "match", page{Title: "Match & qualify", Here: "match", Data: p})
}

// matchTitles matches the titles of a form, and answers a page, or a CSV file.
func (r *request) matchTitles() error {
	name, text, err := r.sentText("titles")
	if err != nil {
		return err
	}
	titles := titlesOf(text, strings.HasSuffix(strings.ToLower(name), ".csv"))
	p := matchPage{Titles: strings.Join(titles, "\n")}
	if len(titles) == 0 {
		p.Problem = wordNoTitle
		return r.showMatch(http.StatusUnprocessableEntity, p)
	}
	found, err := r.Library.Match(r.Context(), r.caller(), library.MatchRequest{Titles: titles, Limit: 2, MinScore: match.Auto})
	if errs.KindOf(err) == errs.Invalid {
		p.Problem = known(err).Message
		return r.showMatch(http.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	for _, m := range found {
		row := matchRow{Title: m.Title}
		if len(m.Matches) > 0 {
			row.Best = &m.Matches[0]
		}
		if len(m.Matches) > 1 {
			row.Next = &m.Matches[1]
		}
		p.Rows = append(p.Rows, row)
	}
	if r.PostFormValue("do") == "csv" {
		return r.matchCSV(p.Rows)
	}
	return r.showMatch(http.StatusOK, p)
}

// matchCSV answers the rows as a file. A cell that a spreadsheet would take for a
// formula begins with a quote.
func (r *request) matchCSV(rows []matchRow) error {
	h := r.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="matched.csv"`)
	w := csv.NewWriter(r.w)
	_ = w.Write([]string{"title", "persona", "oId", "score", "reason"}) // an error of the connection is nobody's to handle
	for _, row := range rows {
		cells := []string{row.Title, "", "", "", ""}
		if row.Best != nil {
			score, _ := json.Marshal(row.Best.Score) // a number has no error
			cells = []string{row.Title, row.Best.Name, row.Best.OID, string(score), row.Best.Reason}
		}
		_ = w.Write(files.Harmless(cells))
	}
	w.Flush()
	return nil
}

// titlesOf returns the titles of a text: each line, or of a table the column that
// is called so, else the first.
func titlesOf(text string, table bool) []string {
	text = strings.TrimPrefix(text, "\ufeff")
	head, _, _ := strings.Cut(text, "\n")
	lines := strings.Split(text, "\n")
	if comma := files.Separator(head); table || comma == '\t' {
		reader := csv.NewReader(strings.NewReader(text))
		reader.Comma, reader.FieldsPerRecord, reader.LazyQuotes = comma, -1, true
		if rows, err := reader.ReadAll(); err == nil && len(rows) > 0 {
			at, skip := 0, 0
			for i, name := range rows[0] {
				if name = strings.ToLower(strings.TrimSpace(name)); strings.Contains(name, "title") || name == "position" || name == "role" {
					at, skip = i, 1
					break
				}
			}
			lines = nil
			for _, row := range rows[skip:] {
				if at < len(row) {
					lines = append(lines, row[at])
				}
			}
		}
	}
	var titles []string
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" {
			titles = append(titles, line)
		}
	}
	return titles
}

// own adds a title to the job titles of a persona.
func (r *request) own() error {
	k := r.Library.PersonaKind()
	var f *entity.Field
	for i := range k.Fields {
		if k.Fields[i].Tier == entity.TierTitle {
			f = &k.Fields[i]
		}
	}
	title, oID := strings.TrimSpace(r.PostFormValue("title")), r.PostFormValue("persona")
	// The version first: a change in between is refused then, and is not lost.
	d, err := r.Library.Get(r.Context(), r.caller(), k, oID, library.GetOptions{Fresh: true})
	if err != nil {
		return err
	}
	e, err := r.Library.Entity(r.Context(), r.caller(), k, oID)
	if err != nil {
		return err
	}
	titles := e.Texts(f.Name)
	if !slices.Contains(titles, title) {
		titles = append(titles, title)
	}
	body, err := json.Marshal(map[string]any{f.Name: titles})
	if err != nil {
		return badForm(err)
	}
	patch, wrong := k.Decode(body, entity.Mode{})
	if _, err := r.Library.Update(r.Context(), r.caller(), k, library.Target{OID: oID, IfMatch: d.ETag, Errors: wrong}, patch); err != nil {
		return err
	}
	r.tell(notice{Text: "“" + title + "” belongs to " + e.Text("name") + " now.", Kind: k.Name})
	return r.see(Path + "/match")
}

// qualifyPage is one person in depth.
type qualifyPage struct {
	Lead     library.Lead
	Persona  string
	Personas []choice
	Kind     *entity.Kind
	Result   *library.Qualified
	Section  *library.QualifiedSection
	Rows     []scoreRow
	Model    bool
	// Least and Most are the scores that open answers may lead to.
	Least, Most string
	Problem     string
}

// Won and Counted are the points of the sum.
func (p qualifyPage) Won() int { return p.Section.Result.Hits }

// Counted are the points that were asked for.
func (p qualifyPage) Counted() int { return p.Section.Result.Counted }

// scoreRow is a question with its answer, and its step of the staircase, in
// pixels.
type scoreRow struct {
	qualify.Answered
	Hits, Points int
	X, Width     int
}

// Key names the form fields of the question.
func (s scoreRow) Key() string { return s.OID }

// stairs is how wide the staircase is, in pixels.
const stairs = 232

// qualifyForm answers the questions of a persona; a POST has answers, and is
// scored. Nothing is stored.
func (r *request) qualifyForm() error {
	q := r.URL.Query()
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			return badForm(err)
		}
		q = r.PostForm
	}
	p := qualifyPage{
		Lead: library.Lead{
			FirstName: q.Get("firstName"), LastName: q.Get("lastName"), JobTitle: q.Get("title"),
			CompanyName: q.Get("company"), Context: q.Get("context"),
		},
		Persona: q.Get("persona"), Kind: r.Library.PersonaKind(),
	}
	var err error
	if p.Personas, err = r.named(r.Context(), []string{p.Kind.Name}); err != nil {
		return err
	}
	status := http.StatusOK
	if p.Persona != "" || p.Lead.JobTitle != "" {
		err = r.score(&p, q)
		if errs.KindOf(err) == errs.Invalid {
			status, p.Problem, err = http.StatusUnprocessableEntity, known(err).Message, nil
		}
	}
	if err != nil {
		return err
	}
	return r.render(status, "qualify", page{Title: "Qualify", Here: "match", Crumbs: []crumb{{"Match & qualify", Path + "/match"}}, Data: p})
}

// score scores the answers of a form.
func (r *request) score(p *qualifyPage, q url.Values) error {
	ask := library.QualifyRequest{Lead: p.Lead, PersonaOID: p.Persona, WithoutModel: r.Method != http.MethodPost || q.Get("do") != "model"}
	for name, values := range q {
		if id, ok := strings.CutPrefix(name, "answer."); ok && values[0] != "" {
			ask.Answers = append(ask.Answers, qualify.Given{Question: id, Answer: values[0], Evidence: q.Get("evidence." + id)})
		}
	}
	slices.SortFunc(ask.Answers, func(a, b qualify.Given) int { return strings.Compare(a.Question, b.Question) })
	result, err := r.Library.Qualify(r.Context(), r.caller(), ask)
	if err != nil {
		return err
	}
	p.Result, p.Model = result, result.Model.Name != ""
	for i := range result.Sections {
		if s := &result.Sections[i]; s.Entity != nil {
			p.Section, p.Persona = s, s.Entity.OID
		}
	}
	if p.Section == nil {
		return nil
	}
	steps := p.Section.Result.Explain()
	// Disqualifiers are asked first, and end it.
	answers := slices.Clone(p.Section.Answers)
	slices.SortStableFunc(answers, func(a, b qualify.Answered) int { return rankOf(a) - rankOf(b) })
	at, counted := 0, max(1, p.Section.Result.Counted)
	open := 0
	for _, a := range answers {
		row := scoreRow{Answered: a, X: at * stairs / counted}
		i := slices.IndexFunc(steps, func(s qualify.Step) bool { return s.Question == a.OID })
		row.Hits, row.Points = steps[i].Hits, steps[i].Counted
		at += row.Points
		row.Width = at*stairs/counted - row.X
		if !a.Known() {
			open++
		}
		p.Rows = append(p.Rows, row)
	}
	if open > 0 && p.Section.Result.Score != nil && len(p.Section.Result.Disqualifiers) == 0 {
		p.Least, p.Most = extreme(answers, false), extreme(answers, true)
	}
	return nil
}

func rankOf(a qualify.Answered) int {
	if a.Weight == qualify.InstantDisqualifier {
		return 0
	}
	return 1
}

// extreme is the score where every open question is answered for a good fit, or
// against one; disqualifiers are left open.
func extreme(answers []qualify.Answered, good bool) string {
	all := slices.Clone(answers)
	for i := range all {
		if a := &all[i]; !a.Known() && a.Weight != qualify.InstantDisqualifier {
			a.Answer = qualify.Yes
			if good != (a.Fit != qualify.Bad) {
				a.Answer = qualify.No
			}
		}
	}
	if score := qualify.Evaluate(all).Score; score != nil {
		return score.String()
	}
	return "1"
}

// auditRows is how many findings the audit shows at a time.
const auditRows = 100

// audit answers what could be better in the library.
func (r *request) audit() error {
	from := max(0, atoi(r.URL.Query().Get("from")))
	found, err := r.Library.Audit(r.Context(), r.caller(), auditRows, from)
	if err != nil {
		return err
	}
	nobody, err := r.Library.Unmatched(r.Context(), r.caller(), 3, 0)
	if err != nil {
		return err
	}
	p := struct {
		*library.Audited
		Nobody *library.UnmatchedPage
		Next   string
	}{found, nobody, ""}
	if found.HasNext {
		p.Next = with(r.URL, "from", number(from+auditRows))
	}
	return r.render(http.StatusOK, "audit", page{Title: "Audit", Here: "audit", Data: p})
}
