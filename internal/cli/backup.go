package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"personae.dev/internal/cli/format"
	"personae.dev/internal/server"
)

// databaseFile is the flag of the commands that work on an SQLite file.
type databaseFile struct {
	Database string `default:"personae.db" placeholder:"FILE" env:"PERSONAE_DATABASE" help:"The SQLite database file. Default: ${default}."`
}

type backupCmd struct {
	databaseFile
	File  string `arg:"" help:"The file to write. It is complete and verified, or not written."`
	Force bool   `help:"Replace the file if it exists."`
}

// Help implements kong.HelpProvider.
func (backupCmd) Help() string {
	return `Copies a whole SQLite database into one file while the server runs: all workspaces, with history,
accounts and the digests of keys. The copy is checked before it gets its name. Protect it like the
database. For PostgreSQL use pg_dump: see docs/operations.md.

Examples:

  personae backup personae-monday.db
  personae backup --force --database /var/lib/personae/personae.db /var/backups/personae.db`
}

// Run makes a backup.
func (c backupCmd) Run(ctx context.Context, stdio format.Stdio) error {
	began := time.Now()
	bar, done := byteProgress(stdio.Err, "backing up")
	made, err := server.Backup(ctx, c.Database, c.File, server.BackupOptions{Force: c.Force, Progress: bar})
	done()
	if err != nil {
		return err
	}
	fmt.Fprintf(stdio.Err, "Backed up to %s: %d entities in %d workspaces, %d revisions; version %d, %s in %s.\n",
		c.File, made.Rows["entities"], made.Rows["workspaces"], made.Rows["revisions"],
		made.Version, mib(made.Bytes), time.Since(began).Round(time.Millisecond))
	warnDamaged(stdio.Err, made.Damaged)
	return nil
}

// warnDamaged names entities that a backup has as they are: damaged.
func warnDamaged(w io.Writer, damaged []string) {
	for _, name := range damaged {
		fmt.Fprintf(w, "warning: %s is damaged: its content is not what was written.\n", name)
	}
}

type restoreCmd struct {
	databaseFile
	File  string `arg:"" help:"The backup."`
	Force bool   `help:"Replace an existing database, which is kept under another name."`
}

// Help implements kong.HelpProvider.
func (restoreCmd) Help() string {
	return `Checks a backup, and puts it in the place of an SQLite database. The server must be stopped. With
--force an existing database is replaced, and kept as FILE.replaced-TIME: remove it when you are
sure. After a crash you have the old database or the new one.

Examples:

  personae restore personae-monday.db
  personae restore --force --database /var/lib/personae/personae.db /var/backups/personae.db`
}

// Run restores a backup.
func (c restoreCmd) Run(ctx context.Context, stdio format.Stdio) error {
	bar, done := byteProgress(stdio.Err, "restoring")
	made, err := server.Restore(ctx, c.File, c.Database, server.BackupOptions{Force: c.Force, Progress: bar})
	done()
	if err != nil {
		return err
	}
	fmt.Fprintf(stdio.Err, "Restored %s from %s: %d entities in %d workspaces, %d revisions; version %d, %s.\n",
		c.Database, c.File, made.Rows["entities"], made.Rows["workspaces"], made.Rows["revisions"], made.Version, mib(made.Bytes))
	if made.Aside != "" {
		fmt.Fprintf(stdio.Err, "The previous database is kept as %s.\n", made.Aside)
	}
	for _, log := range made.Logs {
		fmt.Fprintf(stdio.Err, "The log of a damaged or missing database is kept as %s. It may have the last writes.\n", log)
	}
	return nil
}

// byteProgress returns functions that show a bar on a terminal and end it.
func byteProgress(w io.Writer, what string) (show func(done, total int64), finish func()) {
	bar := format.Progress(w, -1, what)
	show = func(done, total int64) {
		bar.ChangeMax64(total)
		_ = bar.Set64(done)
	}
	return show, func() { _ = bar.Finish() }
}

func mib(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
