package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/schollz/progressbar/v3"

	"personae.dev/internal/cli/format"
	"personae.dev/internal/server"
)

// copyLinesEvery is the pause between two lines of progress.
const copyLinesEvery = 10 * time.Second

type copyCmd struct {
	From string `required:"" placeholder:"DATABASE" env:"PERSONAE_COPY_FROM" help:"The database to read: an SQLite file, or postgres://USER:PASSWORD@HOST:PORT/NAME."`
	To   string `required:"" placeholder:"DATABASE" env:"PERSONAE_COPY_TO" help:"The database to fill. It must be new or empty, or have what an interrupted run of this copy left."`
	tuning
}

// Help implements kong.HelpProvider.
func (copyCmd) Help() string {
	return `Copies a whole installation unchanged: organizations, workspaces, users, API keys (which stay valid),
entities with ids, dates and state, and their history. In the end all rows of both databases are
compared, and their number and checksums shown. If they differ, the first difference is printed and
the exit code is 1.

Stop the servers of both databases first. After an interruption, run the same command again. If the
target has anything but an earlier, interrupted run of this copy, the command refuses and leaves it
untouched.

Examples:

  personae copy --from personae.db --to postgres://personae@db.example.com/personae
  PERSONAE_COPY_FROM=postgres://personae:PASSWORD@db.example.com/personae personae copy --to moved.db`
}

// Run copies.
func (c copyCmd) Run(ctx context.Context, stdio format.Stdio) error {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	progress, end := copyProgress(stdio.Err)
	report, err := server.Copy(ctx, c.From, c.To, settings, progress)
	end()
	if err != nil {
		return err
	}
	rows := [][]string{{"TABLE", "ROWS", "SHA-256"}}
	for _, table := range report.Tables {
		rows = append(rows, []string{table.Name, strconv.Itoa(table.Rows), table.SHA256})
	}
	if err := format.Table(stdio.Out, rows); err != nil {
		return err
	}
	before := ""
	if report.Before > 0 {
		before = fmt.Sprintf(", after %d of an earlier run", report.Before)
	}
	fmt.Fprintf(stdio.Err, "Copied from %s to %s: %d rows%s. All rows of both databases are equal.\n",
		server.DatabaseName(c.From), server.DatabaseName(c.To), report.Copied, before)
	return nil
}

// copyProgress shows the progress of each stage: a bar on a terminal, and lines
// elsewhere.
func copyProgress(w io.Writer) (_ func(stage server.CopyStage, done, total int), end func()) {
	var (
		stage server.CopyStage
		bar   *progressbar.ProgressBar
		shown time.Time
	)
	end = func() {
		if bar != nil {
			_ = bar.Finish()
		}
	}
	return func(at server.CopyStage, done, total int) {
		if at != stage {
			end()
			stage, bar, shown = at, format.Count(w, int64(total), string(at)), time.Now()
			progressbar.OptionThrottle(time.Second / 10)(bar)
		}
		_ = bar.Set(done)
		if !format.IsTerminal(w) && time.Since(shown) > copyLinesEvery {
			shown = time.Now()
			fmt.Fprintf(w, "%s: %d of %d rows\n", at, done, total)
		}
	}, end
}
