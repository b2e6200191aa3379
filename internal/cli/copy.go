package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/schollz/progressbar/v3"

	"personae.dev/internal/app"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/persona"
	"personae.dev/internal/transfer"
)

// copyLinesEvery is the pause between two lines that tell how far a copy is.
const copyLinesEvery = 10 * time.Second

type copyCmd struct {
	From string `required:"" placeholder:"URL" env:"PERSONAE_COPY_FROM" help:"The database to read: sqlite: and a file name, or postgres://USER:PASSWORD@HOST:PORT/NAME."`
	To   string `required:"" placeholder:"URL" env:"PERSONAE_COPY_TO" help:"The database to fill, which must be new or empty, or hold what an earlier try has copied."`
	databaseSettings
}

// Help implements kong.HelpProvider.
func (copyCmd) Help() string {
	return `Copies a whole installation as it is: organizations, workspaces, users, API keys (which go on
working), personas with ids, dates and state, their history, and first answers of idempotency keys.
In the end all rows of both databases are compared, and their numbers and checksums shown; where
they differ, the first difference is told, and the exit code is 1.

Stop the servers of both first. A copy that was cut off goes on where it was with the same command.
What holds anything else than the beginning of this copy is refused, and left as it is.

Examples:

  personae copy --from sqlite:personae.db --to postgres://personae@db.example.com/personae
  PERSONAE_COPY_FROM=postgres://personae:PASSWORD@db.example.com/personae personae copy --to sqlite:moved.db`
}

// Run copies.
func (c copyCmd) Run(ctx context.Context, stdio format.Stdio) error {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	progress, end := copyProgress(stdio.Err)
	report, err := app.Copy(ctx, c.From, c.To, settings, progress)
	end()
	if err != nil {
		return err
	}
	rows := [][]string{{"KIND", "ROWS", "SHA-256"}}
	for kind, sum := range report.Sums {
		rows = append(rows, []string{persona.RowKind(kind).String(), strconv.Itoa(sum.Rows), sum.SHA256})
	}
	if err := format.Table(stdio.Out, rows); err != nil {
		return err
	}
	there := ""
	if report.Before > 0 {
		there = fmt.Sprintf(", beside %d that were there", report.Before)
	}
	fmt.Fprintf(stdio.Err, "Copied from %s to %s: %d rows%s. All rows of both are the same.\n",
		app.DatabaseName(c.From), app.DatabaseName(c.To), report.Copied, there)
	return nil
}

// copyProgress shows how far each stage is: a bar on a terminal, and lines
// elsewhere.
func copyProgress(w io.Writer) (_ transfer.Progress, end func()) {
	var (
		stage transfer.Stage
		bar   *progressbar.ProgressBar
		shown time.Time
	)
	end = func() {
		if bar != nil {
			_ = bar.Finish()
		}
	}
	return func(at transfer.Stage, done, total int) {
		if at != stage {
			end()
			stage, bar, shown = at, format.Progress(w, int64(total), string(at)), time.Now()
			for _, option := range []progressbar.Option{
				progressbar.OptionShowBytes(false), progressbar.OptionShowCount(), progressbar.OptionThrottle(time.Second / 10),
			} {
				option(bar)
			}
		}
		_ = bar.Set(done)
		if !format.IsTerminal(w) && time.Since(shown) > copyLinesEvery {
			shown = time.Now()
			fmt.Fprintf(w, "%s: %d of %d rows\n", at, done, total)
		}
	}, end
}
