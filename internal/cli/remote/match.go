package remote

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"personae.dev/apitype"
	"personae.dev/client"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

const (
	// titlesAtOnce is how many titles are matched in one request, and longestTitle
	// how many characters of each: what is longer is no title.
	titlesAtOnce = 1000
	longestTitle = 500
)

// MatchCmd matches job titles.
type MatchCmd struct {
	server
	Titles   []string `arg:"" optional:"" name:"title" help:"Job titles."`
	CSV      string   `name:"csv" placeholder:"FILE" help:"Match a column of a CSV file instead; - reads stdin."`
	Column   string   `placeholder:"NAME" help:"The column with the titles. Default: the one that is called title, job title or position."`
	Output   string   `short:"o" default:"" placeholder:"FORMAT|FILE" help:"table, json or yaml; with --csv the file to write. Default: a table; with --csv stdout."`
	Limit    int      `default:"3" placeholder:"N" help:"How many personas of each title to show, 1 to 10. Default: ${default}."`
	MinScore *float64 `placeholder:"SCORE" help:"The least score of a match, 0 to 1, in place of the usual thresholds."`
	Offering string   `placeholder:"ID" help:"Only personas linked to this product, service or solution."`
}

// Help implements kong.HelpProvider.
func (*MatchCmd) Help() string {
	return `No language model is asked: the same titles and personas give the same answer. No match is better than a
wrong one.

A CSV file gets five more columns: persona, personaOId, score, confidence and reason. Each distinct
title is matched once. Cells that a spreadsheet would run as a formula get a ' before them. Commas,
semicolons and tabs are understood between cells.

Examples:

  personae match "Head of RevOps" "VP Sales"
  personae match --csv leads.csv --column title -o out.csv
  personae match --output json "Leiter Einkauf" | jq -r '.[0].matches[0].name'`
}

// Run matches.
func (c *MatchCmd) Run(ctx context.Context, stdio format.Stdio) error {
	api, err := c.dial()
	if err != nil {
		return err
	}
	request := apitype.MatchRequest{Limit: c.Limit, MinScore: c.MinScore, OfferingOID: c.Offering}
	if (c.CSV == "") == (len(c.Titles) == 0) {
		return errs.BadSettingf("Name job titles, or a file with --csv, one of both.")
	}
	if c.CSV != "" {
		return c.matchFile(ctx, stdio, api, request)
	}
	out := format.Output{Output: c.Output}
	switch c.Output {
	case "":
		out.Output = "table"
	case "table", "json", "yaml":
	default:
		return errs.BadSettingf("--output is %q: use table, json or yaml; a file goes with --csv.", c.Output)
	}
	request.Titles = c.Titles
	found, err := api.Match(ctx, request)
	if err != nil {
		return err
	}
	return out.Show(stdio.Out, found.Data, func(w io.Writer) error {
		rows := [][]string{{"TITLE", "PERSONA", "ID", "SCORE", "CONFIDENCE", "REASON"}}
		for _, m := range found.Data {
			if len(m.Matches) == 0 {
				rows = append(rows, []string{m.Title, "-", "", "", "", "belongs to no persona"})
			}
			for _, p := range m.Matches {
				rows = append(rows, []string{m.Title, p.Name, p.OID, score(p.Score), p.Confidence, p.Reason})
			}
		}
		return format.Table(w, rows)
	})
}

func score(s float64) string { return strconv.FormatFloat(s, 'f', 2, 64) }

// matchFile matches a column of a CSV file.
func (c *MatchCmd) matchFile(ctx context.Context, stdio format.Stdio, api *client.Client, request apitype.MatchRequest) error {
	leads, err := readLeads(ctx, stdio, c.CSV, c.Column)
	if err != nil {
		return err
	}
	defer func() { _ = leads.file.Close() }() // it was only read
	out, err := leads.file.Create(stdio, cmp.Or(c.Output, "-"), "persona", "personaOId", "score", "confidence", "reason")
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // each row was written
	request.Limit = 1
	best, err := leads.match(ctx, stdio, api, request, leads.counts)
	if err != nil {
		return err
	}
	matched := 0
	err = leads.each(func(i int, row []string, title string) error {
		cells := make([]string, 5)
		if m := best[title]; m != nil {
			matched++
			cells = []string{m.Name, m.OID, score(m.Score), m.Confidence, m.Reason}
		}
		if i < out.Done {
			return nil
		}
		return out.Write(append(row, cells...))
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(stdio.Err, "%d of %d leads belong to a persona, by %d different titles.\n", matched, leads.file.Rows, len(leads.titles))
	return nil
}

// leads is a CSV file with a column of job titles.
type leads struct {
	file   *format.CSV
	column int
	titles []string // the different ones, in the order of the file
	counts map[string]int
}

// readLeads reads the titles of a file, which the caller closes.
func readLeads(ctx context.Context, stdio format.Stdio, name, column string) (*leads, error) {
	file, err := format.OpenCSV(ctx, stdio, name)
	if err != nil {
		return nil, err
	}
	l := &leads{file: file, counts: map[string]int{}, column: file.Column("job title", "title", "position", "role")}
	if column != "" {
		l.column = file.Column(column)
	}
	if l.column < 0 {
		err = errs.BadSettingf("The file has no column with the titles: name one with --column. There are: %s.", strings.Join(file.Header, ", "))
		return nil, errors.Join(err, file.Close())
	}
	err = l.each(func(_ int, _ []string, title string) error {
		if title != "" && l.counts[title] == 0 {
			l.titles = append(l.titles, title)
		}
		l.counts[title]++
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return l, nil
}

// each calls fn with every row and its title, "" where it has none.
func (l *leads) each(fn func(i int, row []string, title string) error) error {
	return l.file.Each(func(i int, row []string) error {
		title := strings.Join(strings.Fields(row[l.column]), " ")
		if utf8.RuneCountInString(title) > longestTitle || strings.ContainsFunc(title, unicode.IsControl) {
			title = ""
		}
		return fn(i, row, title)
	})
}

// match returns the best persona of each title. counts has how often the server is
// to count a title that belongs to nobody.
func (l *leads) match(ctx context.Context, stdio format.Stdio, api *client.Client, request apitype.MatchRequest, counts map[string]int) (map[string]*apitype.PersonaMatch, error) {
	bar := format.Count(stdio.Err, int64(len(l.titles)), "titles")
	best := map[string]*apitype.PersonaMatch{}
	for titles := l.titles; len(titles) > 0; titles = titles[len(request.Titles):] {
		// A body has 1 MiB at most.
		n, size := 0, 0
		for ; n < min(len(titles), titlesAtOnce) && size < 500_000; n++ {
			size += 2*len(titles[n]) + 16
		}
		request.Titles, request.Counts = titles[:n], nil
		for _, title := range request.Titles {
			request.Counts = append(request.Counts, counts[title])
		}
		found, err := api.Match(ctx, request)
		if err != nil {
			return nil, err
		}
		for i := range found.Data {
			if m := &found.Data[i]; len(m.Matches) > 0 {
				best[titles[i]] = &m.Matches[0]
			}
		}
		_ = bar.Add(n)
	}
	_ = bar.Finish()
	return best, nil
}

// UnmatchedCmd lists titles that belong to no persona.
type UnmatchedCmd struct {
	server
	format.Output
	Limit int    `default:"50" placeholder:"N" help:"How many to show, 1 to 1000. Default: ${default}."`
	Add   string `placeholder:"TITLE" help:"Add this title to the job titles of a persona, which closes the gap."`
	To    string `placeholder:"PERSONA" help:"The persona that gets it, by id or name."`
}

// Help implements kong.HelpProvider.
func (*UnmatchedCmd) Help() string {
	return `The most frequent first, with the nearest persona. The server counts titles only, never the people who
have them.

Examples:

  personae unmatched
  personae unmatched --add "Deal Desk Lead" --to "RevOps Manager"`
}

// Run lists titles, or adds one to a persona.
func (c *UnmatchedCmd) Run(ctx context.Context, registry *entity.Registry, stdio format.Stdio) error {
	if (c.Add == "") != (c.To == "") {
		return errs.BadSettingf("--add and --to go together: --add TITLE --to PERSONA.")
	}
	if c.Add != "" {
		return c.add(ctx, registry, stdio)
	}
	api, err := c.dial()
	if err != nil {
		return err
	}
	found, err := api.Unmatched(ctx, c.Limit, 0)
	if err != nil {
		return err
	}
	if len(found.Data) == 0 && c.IsTable() {
		fmt.Fprintln(stdio.Err, "No title is without a persona. "+strings.TrimPrefix(strings.TrimPrefix(found.Metadata.Message, "OK"), ". "))
		return nil
	}
	err = c.Show(stdio.Out, found.Data, func(w io.Writer) error {
		rows := [][]string{{"COUNT", "TITLE", "NEAREST PERSONA", "SCORE", "LAST"}}
		for i := range found.Data {
			t := &found.Data[i]
			row := []string{strconv.Itoa(t.Count), t.Title, "-", "", format.Time(&t.LastAt.Time)}
			if t.Nearest != nil {
				row[2], row[3] = t.Nearest.Name, score(t.Nearest.Score)
			}
			rows = append(rows, row)
		}
		return format.Table(w, rows)
	})
	tellMore(stdio, found.Total-len(found.Data), "--limit")
	return err
}

// add adds a title to a persona.
func (c *UnmatchedCmd) add(ctx context.Context, registry *entity.Registry, stdio format.Stdio) error {
	kind, field := personas(registry)
	o := one{server: c.server, Output: c.Output, Ref: c.To}
	a, err := o.on(ctx, kind, func(api *connection, oID string) (*answer, error) {
		now, err := api.Get(ctx, oID)
		if err != nil {
			return nil, err
		}
		titles := decoded[[]string](now.Entity.object("data").get(field))
		if slices.Contains(titles, c.Add) {
			return now, nil
		}
		return api.Update(ctx, oID, object{{field, encoded(append(titles, c.Add))}}, client.IfMatch(now.ETag))
	})
	if err != nil {
		return err
	}
	return o.showChanged(stdio, kind, "has the title "+strconv.Quote(c.Add), a)
}

// personas returns the kind that titles belong to, and its field with titles.
func personas(registry *entity.Registry) (Kind, string) {
	k, field := registry.Titled()
	return Kind{k, registry}, field
}

// WhatIfCmd shows what a change of a persona would change for leads.
type WhatIfCmd struct {
	server
	format.Output
	Ref    string `arg:"" name:"persona" help:"The persona that would be changed, by id or name."`
	File   string `short:"f" required:"" placeholder:"FILE" help:"YAML or JSON with the fields that would change, as personae persona update takes them; - reads stdin."`
	CSV    string `name:"csv" required:"" placeholder:"FILE" help:"The leads."`
	Column string `placeholder:"NAME" help:"The column with the job titles. Default: the one that is called title, job title or position."`
}

// Help implements kong.HelpProvider.
func (*WhatIfCmd) Help() string {
	return `Nothing is saved. Shown are the titles whose persona or confidence would change, the most frequent first,
and why; and the leads whose score would change, where the file has answers: in columns whose name ends with a question mark.

Example:

  personae persona get "VP of Sales" --output yaml > draft.yaml
  $EDITOR draft.yaml
  personae what-if "VP of Sales" -f draft.yaml --csv leads.csv`
}

// moved is a title that a draft moves.
type moved struct {
	Title string                `json:"title"`
	Leads int                   `json:"leads"`
	Now   *apitype.PersonaMatch `json:"now"`
	Then  *apitype.PersonaMatch `json:"then"`
}

// Run compares.
func (c *WhatIfCmd) Run(ctx context.Context, registry *entity.Registry, stdio format.Stdio) error {
	kind, _ := personas(registry)
	if c.File == "-" && c.CSV == "-" {
		return errs.BadSettingf("-f and --csv cannot both read stdin.")
	}
	draft, err := change{input: input{File: c.File}}.read(ctx, stdio, kind)
	if err != nil {
		return err
	}
	leads, err := readLeads(ctx, stdio, c.CSV, c.Column)
	if err != nil {
		return err
	}
	defer func() { _ = leads.file.Close() }() // it was only read
	api, err := c.connect(kind)
	if err != nil {
		return err
	}
	found, err := one{server: c.server, Ref: c.Ref}.on(ctx, kind, func(api *connection, oID string) (*answer, error) { return api.Get(ctx, oID) })
	if err != nil {
		return err
	}
	draft.set("oId", encoded(found.Entity.oID()))
	body, err := json.Marshal(draft)
	if err != nil {
		return err
	}
	now, err := leads.match(ctx, stdio, api.client, apitype.MatchRequest{Limit: 1}, nil)
	if err != nil {
		return err
	}
	then, err := leads.match(ctx, stdio, api.client, apitype.MatchRequest{Limit: 1, Persona: body}, nil)
	if err != nil {
		return err
	}
	changes := []moved{}
	total := 0
	for _, title := range leads.titles {
		before, after := now[title], then[title]
		if before == nil && after == nil || before != nil && after != nil && before.OID == after.OID && before.Confidence == after.Confidence {
			continue
		}
		changes = append(changes, moved{title, leads.counts[title], before, after})
		total += leads.counts[title]
	}
	slices.SortStableFunc(changes, func(a, b moved) int { return b.Leads - a.Leads })
	scores, err := leads.rescore(ctx, stdio, api.client, now, then, found.Entity.oID(), body)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdio.Err, "%d of %d leads would change, by %d different titles.\n", total, leads.file.Rows, len(changes))
	if len(scores) > 0 {
		fmt.Fprintf(stdio.Err, "%d leads would have another score.\n", len(scores))
	}
	if len(changes)+len(scores) == 0 && c.IsTable() {
		return nil
	}
	result := struct {
		Titles []moved    `json:"titles"`
		Scores []rescored `json:"scores"`
	}{changes, append([]rescored{}, scores...)}
	return c.Show(stdio.Out, result, func(w io.Writer) error {
		rows := [][]string{{"LEADS", "TITLE", "NOW", "THEN", "WHY"}}
		for _, m := range changes {
			why := "belongs to no persona then"
			if m.Then != nil {
				why = m.Then.Reason
			}
			rows = append(rows, []string{strconv.Itoa(m.Leads), m.Title, inShort(m.Now), inShort(m.Then), why})
		}
		if len(changes) > 0 {
			if err := format.Table(w, rows); err != nil || len(scores) == 0 {
				return err
			}
			fmt.Fprintln(w)
		}
		rows = [][]string{{"ROW", "TITLE", "NOW", "THEN", "WHY"}}
		for _, lead := range scores {
			rows = append(rows, []string{strconv.Itoa(lead.Row), lead.Title, lead.Now, lead.Then, lead.Why})
		}
		return format.Table(w, rows)
	})
}

// inShort is a match in a cell.
func inShort(m *apitype.PersonaMatch) string {
	if m == nil {
		return "-"
	}
	return m.Name + " " + m.Confidence
}

// AuditCmd shows what could be better in the library.
type AuditCmd struct {
	server
	format.Output
	Limit int `default:"100" placeholder:"N" help:"How many findings to show, 1 to 1000. Default: ${default}."`
}

// Help implements kong.HelpProvider.
func (*AuditCmd) Help() string {
	return `The worst findings first, each with how to fix it. The score is 100 without findings: docs/audit.md has
the rules and the formula.

Examples:

  personae audit
  personae audit --output json | jq -e '.score >= 90'`
}

// Run audits.
func (c *AuditCmd) Run(ctx context.Context, stdio format.Stdio) error {
	api, err := c.dial()
	if err != nil {
		return err
	}
	found, err := api.Audit(ctx, c.Limit, 0)
	if err != nil {
		return err
	}
	if !c.IsTable() {
		return c.Show(stdio.Out, found, nil)
	}
	if len(found.Data) > 0 {
		rows := [][]string{{"SEVERITY", "KIND", "ID", "NAME", "FINDING", "TO DO"}}
		for i := range found.Data {
			f := &found.Data[i]
			rows = append(rows, []string{f.Severity, f.Kind, f.OID, f.Name, f.Message, f.Fix})
		}
		if err := format.Table(stdio.Out, rows); err != nil {
			return err
		}
	}
	fmt.Fprintf(stdio.Err, "The score is %d of 100, with %d findings.\n", found.Score, found.Total)
	tellMore(stdio, found.Total-len(found.Data), "--limit")
	return nil
}
