package app

import (
	"context"

	"personae.dev/internal/store/sqlite/backup"
)

// BackupOptions say how Backup and Restore copy.
type BackupOptions = backup.Options

// Backup copies a database, which a server may have open, into a file.
func Backup(ctx context.Context, database, file string, opts BackupOptions) (*backup.Contents, error) {
	return backup.Save(ctx, database, file, opts)
}

// Restore puts a backup in the place of a database.
func Restore(ctx context.Context, file, database string, opts BackupOptions) (*backup.Restored, error) {
	return backup.Restore(ctx, file, database, opts)
}
