package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"personae.dev/internal/app"
	"personae.dev/internal/cli/format"
)

// databaseFile is the flag of the commands that work on an SQLite file.
type databaseFile struct {
	Database string `default:"sqlite:personae.db" placeholder:"URL" env:"PERSONAE_DATABASE" help:"The database: sqlite: and a file name. Default: ${default}."`
}

type backupCmd struct {
	databaseFile
	File  string `arg:"" help:"The file to write, complete and verified or not at all."`
	Force bool   `help:"Replace the file if it exists."`
}

// Help implements kong.HelpProvider.
func (backupCmd) Help() string {
	return `Copies a whole SQLite database into one file while the server goes on: every workspace, with
history, accounts and the digests of keys. The copy is read whole and checked before it gets its
name. Guard it like the database. PostgreSQL has its own means, pg_dump among them: see
docs/operations.md.

Examples:

  personae backup personae-monday.db
  personae backup --force --database sqlite:/var/lib/personae/personae.db /var/backups/personae.db`
}

// Run makes a backup.
func (c backupCmd) Run(ctx context.Context, stdio format.Stdio) error {
	began := time.Now()
	bar, done := byteProgress(stdio.Err, "backing up")
	made, err := app.Backup(ctx, c.Database, c.File, app.BackupOptions{Force: c.Force, Progress: bar})
	done()
	if err != nil {
		return err
	}
	fmt.Fprintf(stdio.Err, "Backed up to %s: %d personas in %d workspaces, %d revisions; version %d, %s in %s.\n",
		c.File, made.Rows["personas"], made.Rows["workspaces"], made.Rows["revisions"],
		made.Version, mib(made.Bytes), time.Since(began).Round(time.Millisecond))
	return nil
}

type restoreCmd struct {
	databaseFile
	File  string `arg:"" help:"The backup."`
	Force bool   `help:"Replace the database if there is one. It is kept beside the new one."`
}

// Help implements kong.HelpProvider.
func (restoreCmd) Help() string {
	return `Puts a backup in the place of an SQLite database, after the whole of it was checked. The server must be
stopped. With --force a database that is there is replaced, and kept as FILE.replaced-TIME: remove
it when you are sure. A crash leaves the old one or the new one.

Examples:

  personae restore personae-monday.db
  personae restore --force --database sqlite:/var/lib/personae/personae.db /var/backups/personae.db`
}

// Run restores a backup.
func (c restoreCmd) Run(ctx context.Context, stdio format.Stdio) error {
	bar, done := byteProgress(stdio.Err, "restoring")
	made, err := app.Restore(ctx, c.File, c.Database, app.BackupOptions{Force: c.Force, Progress: bar})
	done()
	if err != nil {
		return err
	}
	fmt.Fprintf(stdio.Err, "Restored %s from %s: %d personas in %d workspaces, %d revisions; version %d, %s.\n",
		c.Database, c.File, made.Rows["personas"], made.Rows["workspaces"], made.Rows["revisions"], made.Version, mib(made.Bytes))
	if made.Aside != "" {
		fmt.Fprintf(stdio.Err, "The database that was there is kept as %s.\n", made.Aside)
	}
	for _, log := range made.Logs {
		fmt.Fprintf(stdio.Err, "A log of a database that was damaged, or gone, is kept as %s. It may hold what was written last.\n", log)
	}
	return nil
}

// byteProgress shows a bar on a terminal, when it is told the first time.
func byteProgress(w io.Writer, what string) (show func(done, total int64), finish func()) {
	bar := format.Progress(w, -1, what)
	show = func(done, total int64) {
		bar.ChangeMax64(total)
		_ = bar.Set64(done)
	}
	return show, func() { _ = bar.Finish() }
}

func mib(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
