package server

import (
	"context"
	"errors"
	"time"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/kind"
	"personae.dev/internal/store"
	"personae.dev/internal/store/backup"
)

// BackupOptions say how Backup and Restore copy.
type BackupOptions = backup.Options

// Backup copies an SQLite database, which a server may have open, into a file.
func Backup(ctx context.Context, database, file string, o BackupOptions) (*backup.Contents, error) {
	return backup.Save(ctx, database, file, o)
}

// Restore puts a backup in the place of an SQLite database.
func Restore(ctx context.Context, file, database string, o BackupOptions) (*backup.Restored, error) {
	return backup.Restore(ctx, file, database, o)
}

// copyStatementTimeout is the least timeout of a statement of a copy, which takes
// longer than one of a request.
const copyStatementTimeout = 5 * time.Minute

// CopyReport says what Copy did.
type CopyReport = store.CopyReport

// CopyStage is what Copy is doing.
type CopyStage = store.CopyStage

// Copy copies a whole installation from one database to another, which it makes
// where it is new. No server may have an SQLite file of either side open.
func Copy(ctx context.Context, from, to string, settings DatabaseSettings, progress func(stage CopyStage, done, total int)) (_ *CopyReport, err error) {
	if from == to {
		return nil, errs.BadSettingf("--from and --to name the same database.")
	}
	settings.StatementTimeout = max(settings.StatementTimeout, copyStatementTimeout)
	source, err := store.Open(ctx, from, store.Options{Exclusive: true, Settings: settings})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := store.Open(ctx, to, store.Options{Create: true, Exclusive: true, Settings: settings})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	return store.Copy(ctx, source, target, store.CopyOptions{Derive: derive(), Progress: progress})
}

// CheckReport counts what Check has found.
type CheckReport = store.CheckReport

// Check compares every entity of a database with its checksum, and what is
// derived with what it is derived from. With repair, it writes again what is
// derived. It reports each problem in words.
func Check(ctx context.Context, database string, settings DatabaseSettings, repair bool, report func(problem string)) (_ CheckReport, err error) {
	settings.StatementTimeout = max(settings.StatementTimeout, copyStatementTimeout)
	s, err := store.Open(ctx, database, store.Options{Settings: settings})
	if err != nil {
		return CheckReport{}, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Check(ctx, store.CheckOptions{Derive: derive(), Repair: repair, Report: report})
}

// derive returns the function that derives all that a store keeps of a row.
func derive() func(*entity.Row) (*entity.Stored, error) {
	registry := kind.Registry()
	return func(row *entity.Row) (*entity.Stored, error) {
		k, err := registry.Kind(row.Kind)
		if err != nil {
			return nil, err
		}
		e, err := k.Load(row)
		if err != nil {
			return nil, err
		}
		return k.Store(row.Workspace, e), nil
	}
}
