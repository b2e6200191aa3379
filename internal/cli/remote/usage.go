package remote

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"personae.dev/internal/cli/format"
)

// UsageCmd shows the calls to the language model.
type UsageCmd struct {
	server
	format.Output
	Limit int `default:"20" placeholder:"N" help:"How many to show, 1 to 1000. Default: ${default}."`
}

// Help implements kong.HelpProvider.
func (*UsageCmd) Help() string {
	return `The calls of the workspace, newest first. Answers that are used again take no call. What was asked and
answered is not shown, as it is not kept.

Examples:

  personae usage
  personae usage --limit 1000 --output json | jq 'map(.inputTokens + .outputTokens) | add'`
}

// Run shows the calls.
func (c *UsageCmd) Run(ctx context.Context, stdio format.Stdio) error {
	api, err := c.dial()
	if err != nil {
		return err
	}
	found, err := api.Usage(ctx, c.Limit, 0)
	if err != nil {
		return err
	}
	if len(found.Data) == 0 && c.IsTable() {
		fmt.Fprintln(stdio.Err, "The language model was not asked yet.")
		return nil
	}
	err = c.Show(stdio.Out, found.Data, func(w io.Writer) error {
		rows := [][]string{{"WHEN", "PURPOSE", "MODEL", "TOKENS IN", "OUT", "TOOK", "TRIES", "OUTCOME"}}
		for i := range found.Data {
			m := &found.Data[i]
			rows = append(rows, []string{
				format.Time(&m.CreatedAt.Time), m.Purpose, m.Model, strconv.Itoa(m.InputTokens), strconv.Itoa(m.OutputTokens),
				(time.Duration(m.Milliseconds) * time.Millisecond).String(), strconv.Itoa(m.Tries), m.Outcome,
			})
		}
		return format.Table(w, rows)
	})
	budget := ""
	if found.Month.Budget != nil {
		budget = fmt.Sprintf(" of %d", *found.Month.Budget)
	}
	fmt.Fprintf(stdio.Err, "This month: %d tokens%s in %d calls.\n", found.Month.Tokens, budget, found.Month.Calls)
	return err
}
