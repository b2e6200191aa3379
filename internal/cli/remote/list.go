package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"personae.dev/client"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/errs"
)

type listCmd struct {
	server
	format.Output
	Text     string    `short:"t" placeholder:"WORDS" help:"Only {titles} in which each word occurs, as the beginning of a word; best match first."`
	Name     string    `placeholder:"NAME" help:"Only {titles} with exactly this name."`
	Status   string    `default:"active" enum:"active,archived,deleted,all" placeholder:"STATUS" help:"active (neither archived nor deleted), archived, deleted or all. Default: ${default}."`
	Type     string    `placeholder:"TYPE" help:"Only {titles} of this type: {types}."`
	Mine     bool      `help:"Only {titles} that the key's user created."`
	Offering string    `aliases:"product" placeholder:"ID" help:"Only {titles} linked to this product, service or solution."`
	Playbook string    `placeholder:"ID" help:"Only {titles} linked to this playbook."`
	Since    time.Time `placeholder:"TIME" help:"Only {titles} changed at this time or later, such as 2027-01-31T12:00:00Z."`
	Order    string    `default:"" enum:",createdAt,updatedAt,name" placeholder:"FIELD" help:"createdAt or updatedAt, newest first, or name. Without it createdAt, and in a search the best match."`
	Reverse  bool      `help:"Reverse the order."`
	Limit    int       `default:"50" placeholder:"N" help:"How many to show. Default: ${default}."`
	All      bool      `help:"Show all, however many there are."`
}

// Help implements kong.HelpProvider.
func (*listCmd) Help() string {
	return `Examples:

  personae {kind} list
  personae {kind} list --text "vp sales" --limit 5
  personae {kind} list --status archived --order updatedAt
  personae {kind} list --all --output json | jq -r '.[].oId'`
}

// Run lists entities.
func (c *listCmd) Run(ctx context.Context, stdio format.Stdio, kind Kind) error {
	api, err := c.connect(kind)
	if err != nil {
		return err
	}
	if c.Limit < 1 {
		return errs.BadSettingf("--limit is %d: use 1 to 1000, or --all.", c.Limit)
	}
	found, more, err := c.read(ctx, api, c.options())
	if err != nil {
		return err
	}
	if len(found) == 0 && c.IsTable() {
		fmt.Fprintln(stdio.Err, c.nothing(kind))
		return nil
	}
	err = c.Show(stdio.Out, found, func(w io.Writer) error { return format.Table(w, listRows(kind, found)) })
	tellMore(stdio, more, "--limit or --all")
	return err
}

// tellMore says how many were left out, and by which flags they are shown.
func tellMore(stdio format.Stdio, more int, flags string) {
	if more > 0 {
		fmt.Fprintf(stdio.Err, "There are %d more: use %s to see them.\n", more, flags)
	}
}

func (c *listCmd) options() client.ListOptions {
	list := client.ListOptions{
		Text: c.Text, Name: c.Name, Status: c.Status, Type: c.Type, OfferingOID: c.Offering, PlaybookOID: c.Playbook,
		UpdatedSince: c.Since, OrderField: c.Order,
	}
	if c.Mine {
		list.QueryType = "MINE"
	}
	if c.Reverse {
		if list.OrderDirection = "ASC"; c.Order == "name" {
			list.OrderDirection = "DESC"
		}
		if c.Order == "" {
			list.OrderField = "createdAt" // the worst match first helps nobody
		}
	}
	return list
}

// read returns what is to be shown, and how much more there is.
func (c *listCmd) read(ctx context.Context, api *connection, list client.ListOptions) (found []object, more int, err error) {
	found = []object{}
	if !c.All {
		list.Limit = c.Limit
		page, err := api.List(ctx, list)
		if errors.Is(err, client.ErrAnswerTooLarge) {
			return nil, 0, errs.BadSettingf("--limit is %d, which makes the answer too large: use a smaller limit, or --all.", c.Limit)
		}
		if err != nil {
			return nil, 0, err
		}
		return append(found, page.Data...), page.Total - len(page.Data), nil
	}
	for e, err := range api.All(ctx, list) {
		if err != nil {
			return nil, 0, err
		}
		found = append(found, e)
	}
	return found, 0, nil
}

// nothing says that a list is empty.
func (c *listCmd) nothing(kind Kind) string {
	if list := c.options(); list.Text+list.Name+list.Type+list.OfferingOID+list.PlaybookOID+list.QueryType == "" && c.Status == "active" && c.Since.IsZero() {
		return fmt.Sprintf("There are no %s. Create one with `personae %s create`.", kind.titles(), kind.Name)
	}
	return "No " + kind.titles() + " match."
}

func listRows(kind Kind, found []object) [][]string {
	head := []string{"ID", "NAME", "INTERNAL NAME", "STATUS", "UPDATED"}
	facet := kind.facet()
	if facet != nil {
		head = append(head, "TYPE")
	}
	rows := [][]string{head}
	for _, e := range found {
		row := []string{e.oID(), e.name(), e.text("internalName"), e.status(), showTime(e.text("updatedAt"))}
		if facet != nil {
			row = append(row, fieldText(facet, e))
		}
		rows = append(rows, row)
	}
	return rows
}
