package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"personae.dev/apitype"
	"personae.dev/client"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/persona"
)

type listCmd struct {
	server
	format.Output
	Text     string `short:"t" placeholder:"WORDS" help:"Only personas in which every word occurs, as the beginning of one; best match first."`
	Status   string `default:"active" enum:"active,archived,deleted,all" placeholder:"STATUS" help:"active (not archived, not deleted), archived, deleted or all. Default: ${default}."`
	Mine     bool   `help:"Only personas written by the key's user."`
	Product  string `placeholder:"ID" help:"Only personas linked to this offering."`
	Playbook string `placeholder:"ID" help:"Only personas linked to this playbook."`
	Order    string `default:"" enum:",createdAt,updatedAt,name" placeholder:"FIELD" help:"createdAt or updatedAt, newest first, or name. Without it createdAt, and for a search the best match."`
	Reverse  bool   `help:"The other way round."`
	Limit    int    `default:"50" placeholder:"N" help:"How many to show. Default: ${default}."`
	All      bool   `help:"Show all, however many there are."`
}

// Help implements kong.HelpProvider.
func (listCmd) Help() string {
	return `Examples:

  personae persona list
  personae persona list --text "vp sales" --limit 5
  personae persona list --status archived --order updatedAt
  personae persona list --all --output json | jq -r '.[].oId'`
}

// Run lists personas.
func (c listCmd) Run(ctx context.Context, stdio format.Stdio) error {
	api, err := c.connect()
	if err != nil {
		return err
	}
	if c.Limit < 1 {
		return persona.BadSettingf("--limit is %d: use 1 to 1000, or --all.", c.Limit)
	}
	list := client.ListOptions{
		Text: c.Text, ProductOID: c.Product, PlaybookOID: c.Playbook, Status: c.Status, OrderField: c.Order,
	}
	if c.Mine {
		list.QueryType = "MINE"
	}
	if c.Reverse {
		if list.OrderDirection = "ASC"; c.Order == "name" {
			list.OrderDirection = "DESC"
		}
		if c.Order == "" {
			list.OrderField = "createdAt" // worst match first is of no use
		}
	}
	personas, more, err := c.read(ctx, api, list)
	if err != nil {
		return err
	}
	err = c.Show(stdio.Out, personas, func(w io.Writer) error {
		rows := [][]string{{"ID", "NAME", "INTERNAL NAME", "STATUS", "UPDATED"}}
		for _, p := range personas {
			rows = append(rows, []string{p.OID, text(p.Name), text(p.InternalName), status(&p), showTime(p.UpdatedAt)})
		}
		return format.Table(w, rows)
	})
	if more > 0 {
		fmt.Fprintf(stdio.Err, "There are %d more: --limit and --all show them.\n", more)
	}
	return err
}

// read returns what is to be shown, and how much more there is.
func (c listCmd) read(ctx context.Context, api *client.Client, list client.ListOptions) (personas []apitype.Persona, more int, err error) {
	personas = []apitype.Persona{}
	if !c.All {
		list.Limit = c.Limit
		answer, err := api.ListPersonas(ctx, list)
		if errors.Is(err, client.ErrAnswerTooLarge) {
			return nil, 0, persona.BadSettingf("--limit is %d, and these personas are too large for one answer: use a smaller one, or --all.", c.Limit)
		}
		if err != nil {
			return nil, 0, err
		}
		return append(personas, answer.Data...), answer.Total - len(answer.Data), nil
	}
	for p, err := range api.Personas(ctx, list) {
		if err != nil {
			return nil, 0, err
		}
		personas = append(personas, p)
	}
	return personas, 0, nil
}

type getCmd struct {
	onePersona
	Body bool `help:"Show what create and edit take: the fields of the body of persona/create, with links and ids of questions."`
}

// Help implements kong.HelpProvider.
func (getCmd) Help() string {
	return `JSON and YAML are what the API answers, unless --body is given. Archived and deleted personas are
shown too.

Examples:

  personae persona get pe_06DFGNZRiDHBWpqvR0XvAb
  personae persona get pe_06DFGNZRiDHBWpqvR0XvAb --output json | jq .data.painPoints
  personae persona get pe_06DFGNZRiDHBWpqvR0XvAb --body --output yaml >persona.yaml`
}

// Run shows one persona.
func (c getCmd) Run(ctx context.Context, stdio format.Stdio) error {
	api, err := c.connect()
	if err != nil {
		return err
	}
	if c.Body {
		body, err := latestBody(ctx, api, c.OID)
		if err != nil {
			return err
		}
		return c.Show(stdio.Out, body, func(w io.Writer) error {
			return format.Output{Output: "yaml"}.Show(w, body, nil) // it has no table
		})
	}
	p, err := api.GetPersona(ctx, c.OID)
	if err != nil {
		return err
	}
	return c.Show(stdio.Out, p.Persona, func(w io.Writer) error { return format.Table(w, personaRows(&p.Persona)) })
}

// personaRows shows what a persona says, and leaves out what is empty.
func personaRows(p *apitype.Persona) [][]string {
	rows := [][]string{
		{"FIELD", "VALUE"},
		{"id", p.OID},
		{"name", text(p.Name)},
		{"status", status(p)},
		{"author", strings.TrimSpace(p.User.FirstName + " " + p.User.LastName)},
		{"created", showTime(p.CreatedAt)},
		{"updated", showTime(p.UpdatedAt)},
	}
	add := func(name string, values ...string) {
		for _, value := range values {
			if value != "" {
				rows = append(rows, []string{name, value})
				name = " " // only once
			}
		}
	}
	add("archived", showTime(p.ArchivedAt))
	add("deleted", showTime(p.DeletedAt))
	add("internal name", text(p.InternalName))
	add("description", text(p.Description))
	add("primary responsibilities", p.Data.PrimaryResponsibilities...)
	add("pain points", p.Data.PainPoints...)
	add("key concerns", p.Data.KeyConcerns...)
	add("key objectives", p.Data.KeyObjectives...)
	add("common job titles", p.Data.CommonJobTitles...)
	add("why they matter to us", p.Data.WhyTheyMatterToUs...)
	add("why we matter to them", p.Data.WhyWeMatterToThem...)
	add("buying role", p.Data.BuyingRole...)
	for _, field := range p.Data.CustomFields {
		add(field.Title, field.Value...)
	}
	for _, q := range p.QualifyingQuestions {
		state := ""
		if q.ArchivedAt != nil {
			state = ", archived"
		}
		add("question", fmt.Sprintf("%s (%s, %s%s)", q.Question, q.FitType, q.Weight, state))
	}
	return rows
}

type historyCmd struct {
	onePersona
	Revision string `placeholder:"REVISION" help:"Show what one revision changed, by its number or id (rv_…)."`
}

// Help implements kong.HelpProvider.
func (historyCmd) Help() string {
	return `Newest first. A change that was made by a command on the database has no key.

Examples:

  personae persona history pe_06DFGNZRiDHBWpqvR0XvAb
  personae persona history pe_06DFGNZRiDHBWpqvR0XvAb --revision 3`
}

// Run shows the history of a persona, or one change.
func (c historyCmd) Run(ctx context.Context, stdio format.Stdio) error {
	api, err := c.connect()
	if err != nil {
		return err
	}
	if c.Revision != "" {
		return c.showOne(ctx, stdio, api)
	}
	revisions := []apitype.Revision{}
	rows := [][]string{{"NUMBER", "REVISION", "WHEN", "WHO", "KEY", "ACTION", "FIELDS"}}
	for r, err := range api.Revisions(ctx, c.OID) {
		switch {
		case err != nil:
			return err
		case c.IsTable(): // which needs little of what can be megabytes
			rows = append(rows, []string{
				strconv.Itoa(r.Number), r.OID, showTime(&r.CreatedAt), who(r.User), text(r.APIKeyOID), r.Action, changedFields(&r),
			})
		default:
			revisions = append(revisions, r)
		}
	}
	return c.Show(stdio.Out, revisions, func(w io.Writer) error { return format.Table(w, rows) })
}

func (c historyCmd) showOne(ctx context.Context, stdio format.Stdio, api *client.Client) error {
	oID, err := findRevision(ctx, api, c.OID, c.Revision)
	if err != nil {
		return err
	}
	r, err := api.GetRevision(ctx, oID)
	if err != nil {
		return err
	}
	if r.PersonaOID != c.OID {
		return noSuchRevision(c.OID, c.Revision)
	}
	shown := struct {
		apitype.Revision
		Persona apitype.PersonaRecord `json:"persona"`
	}{r.Revision, r.Persona}
	return c.Show(stdio.Out, shown, func(w io.Writer) error {
		fmt.Fprintf(w, "Revision %d (%s) of %s: %s at %s by %s", r.Number, r.OID, r.PersonaOID, r.Action, showTime(&r.CreatedAt), who(r.User))
		if r.APIKeyOID != nil {
			fmt.Fprintf(w, " with key %s", *r.APIKeyOID)
		}
		fmt.Fprint(w, "\n\n")
		return writeDiff(w, telling(r.Changes))
	})
}

func who(u apitype.User) string {
	if name := strings.TrimSpace(u.FirstName + " " + u.LastName); name != "" {
		return name
	}
	return u.OID
}

// telling leaves out updatedAt, which every change has.
func telling(changes []apitype.Change) []apitype.Change {
	return slices.DeleteFunc(slices.Clone(changes), func(c apitype.Change) bool { return c.Field == "updatedAt" })
}

// changedFields names what a revision changed.
func changedFields(r *apitype.Revision) string {
	var names []string
	for _, change := range telling(r.Changes) {
		names = append(names, change.Field)
	}
	return strings.Join(names, ", ")
}
