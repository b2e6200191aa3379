package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"personae.dev/apitype"
	"personae.dev/client"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/errs"
)

// SearchCmd searches all kinds.
type SearchCmd struct {
	server
	format.Output
	Words []string `arg:"" name:"words" help:"The words. Each must occur, as the beginning of a word."`
	Kind  []string `placeholder:"KIND" help:"Only entities of these kinds, such as persona or use-case."`
	Limit int      `default:"20" placeholder:"N" help:"How many to show, 1 to 100. Default: ${default}."`
}

// Help implements kong.HelpProvider.
func (*SearchCmd) Help() string {
	return `The best match comes first. Archived and deleted entities are left out.

Examples:

  personae search forecast
  personae search vp sales --kind persona
  personae search "win rate" --output json | jq -r '.[].oId'`
}

// Run searches.
func (c *SearchCmd) Run(ctx context.Context, stdio format.Stdio) error {
	api, err := c.dial()
	if err != nil {
		return err
	}
	found, err := api.Search(ctx, strings.Join(c.Words, " "), client.SearchOptions{Kinds: c.Kind, Limit: c.Limit})
	if err != nil {
		return err
	}
	if len(found.Data) == 0 && c.IsTable() {
		fmt.Fprintln(stdio.Err, "Nothing was found. Try fewer words, or the beginnings of words.")
		return nil
	}
	err = c.Show(stdio.Out, found.Data, func(w io.Writer) error {
		rows := [][]string{{"KIND", "ID", "NAME", "TEXT"}}
		for _, hit := range found.Data {
			rows = append(rows, []string{hit.Kind, hit.OID, hit.Name, hit.Snippet})
		}
		return format.Table(w, rows)
	})
	tellMore(stdio, found.Total-len(found.Data), "--limit")
	return err
}

// ChangesCmd shows the change feed.
type ChangesCmd struct {
	server
	format.Output
	After  string        `placeholder:"CURSOR" help:"Only changes after this place, as an earlier call has printed it."`
	Limit  int           `default:"100" placeholder:"N" help:"How many to show at most; with --follow, how many to read at a time, 1 to 1000. Default: ${default}."`
	Follow bool          `short:"f" help:"Go on, and show each change as it is made. JSON is one change a line."`
	Every  time.Duration `default:"2s" placeholder:"TIME" help:"How often --follow looks for changes. Default: ${default}."`
}

// Help implements kong.HelpProvider.
func (*ChangesCmd) Help() string {
	return `The changes of all kinds, oldest first. None is missed and none comes twice if each call begins after
the place that the one before has printed.

Examples:

  personae changes
  personae changes --follow
  personae changes --after CURSOR --output json`
}

// Run shows changes.
func (c *ChangesCmd) Run(ctx context.Context, stdio format.Stdio) error {
	api, err := c.dial()
	if err != nil {
		return err
	}
	if c.Follow {
		return c.follow(ctx, stdio, api)
	}
	found, err := api.Changes(ctx, c.After, c.Limit)
	if err != nil {
		return err
	}
	if len(found.Data) == 0 && c.IsTable() {
		fmt.Fprintln(stdio.Err, "There are no changes.")
	} else if err := c.Show(stdio.Out, found.Data, func(w io.Writer) error { return format.Table(w, changeRows(found.Data, true)) }); err != nil {
		return err
	}
	if found.HasNext {
		fmt.Fprint(stdio.Err, "There are more. ")
	}
	fmt.Fprintf(stdio.Err, "Go on with --after %s\n", found.NextCursor)
	return nil
}

// follow shows changes until the context ends. Whatever ends it, it tells where
// the feed goes on.
func (c *ChangesCmd) follow(ctx context.Context, stdio format.Stdio, api *client.Client) error {
	if c.Every < 100*time.Millisecond {
		return errs.BadSettingf("--every is %s: use 100ms or more.", c.Every)
	}
	if c.Output.Output == "yaml" {
		return errs.BadSettingf("--follow writes a table or JSON: use --output json.")
	}
	after, header := c.After, true
	defer func() {
		if after != "" {
			fmt.Fprintf(stdio.Err, "Go on with --after %s\n", after)
		}
	}()
	ticks := time.NewTicker(c.Every)
	defer ticks.Stop()
	for {
		found, err := api.Changes(ctx, after, c.Limit)
		if err != nil {
			return err
		}
		if err := c.showMore(stdio.Out, found.Data, header); err != nil {
			return err
		}
		after, header = found.NextCursor, header && len(found.Data) == 0
		if found.HasNext {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticks.C:
		}
	}
}

// showMore shows changes as they come.
func (c *ChangesCmd) showMore(w io.Writer, changes []apitype.Revision, header bool) error {
	if c.IsTable() {
		if len(changes) == 0 {
			return nil
		}
		return format.Table(w, changeRows(changes, header))
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for i := range changes {
		if err := encoder.Encode(changes[i]); err != nil {
			return err
		}
	}
	return nil
}

func changeRows(changes []apitype.Revision, header bool) (rows [][]string) {
	if header {
		rows = append(rows, []string{"WHEN", "KIND", "ID", "NAME", "ACTION", "FIELDS", "WHO", "SOURCE"})
	}
	for i := range changes {
		r := &changes[i]
		rows = append(rows, []string{
			format.Time(&r.CreatedAt.Time), r.EntityType, r.EntityOID, r.EntityName, r.Action, strings.Join(r.Fields, ", "), r.AuthorName, r.Source,
		})
	}
	return rows
}
