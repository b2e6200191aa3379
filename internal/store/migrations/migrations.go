// Package migrations holds the steps by which a database gets the structure that
// this program works with, and takes them. A version is the same structure on
// every engine.
//
// What belongs to one engine alone, such as whether a database is ours, stands
// there.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/pressly/goose/v3"

	"personae.dev/internal/errs"
)

//go:embed sqlite/*.sql postgres/*.sql
var files embed.FS

// Step is one change of a database's structure.
type Step struct {
	Version int64
	File    string
	Applied bool
}

// Database is one whose structure is to be looked at or changed.
type Database struct {
	*sql.DB
	// Name is for messages.
	Name string
	// Folder holds the steps.
	Folder  string
	Dialect goose.Dialect
	// HasVersions asks whether there is a table goose_db_version.
	HasVersions string
	// Options are further ones of goose.
	Options []goose.ProviderOption
	// Translate makes domain errors of the driver's.
	Translate func(error) error
}

// Steps tells which steps the database has, without changing it.
func (d Database) Steps(ctx context.Context) (steps []Step, err error) {
	provider, err := d.provider()
	if err != nil {
		return nil, err
	}
	current, err := d.version(ctx)
	if err != nil {
		return nil, err
	}
	names, err := d.names()
	if err != nil {
		return nil, err
	}
	for i, source := range provider.ListSources() {
		steps = append(steps, Step{Version: source.Version, File: path.Base(names[i]), Applied: source.Version <= current})
	}
	return steps, d.checkNotNewer(current, newest(provider))
}

// Newest is the version of a database that has every step.
func (d Database) Newest() (int64, error) {
	provider, err := d.provider()
	if err != nil {
		return 0, err
	}
	return newest(provider), nil
}

// Up brings the database up to date, if it may, and refuses a newer one.
func (d Database) Up(ctx context.Context, may bool) error {
	provider, err := d.provider()
	if err != nil {
		return err
	}
	current, err := d.version(ctx)
	if err != nil {
		return err
	}
	target := newest(provider)
	if err := d.checkNotNewer(current, target); err != nil {
		return err
	}
	if current == target {
		return nil
	}
	if !may {
		return errs.Conflictf("database_too_old",
			"The database %s has version %d, and this program works with version %d. Bring it up to date with `personae migrate`, after a backup.", d.Name, current, target)
	}
	for {
		_, err := provider.Up(ctx)
		if err == nil {
			return nil
		}
		// Another process may do the same at the same time: a step that it was
		// first to take is no fault.
		before := current
		if current, _ = d.version(ctx); current <= before {
			return d.Translate(fmt.Errorf("store: migrate: %w", err))
		}
		if current >= target {
			return d.checkNotNewer(current, target)
		}
	}
}

// version returns the database's version, 0 for an empty one. Goose's own call
// would write.
func (d Database) version(ctx context.Context) (int64, error) {
	const latest = `select coalesce(max(version_id), 0) from goose_db_version`
	var there bool
	if err := d.QueryRowContext(ctx, d.HasVersions).Scan(&there); err != nil || !there {
		return 0, d.Translate(err)
	}
	var version int64
	err := d.QueryRowContext(ctx, latest).Scan(&version)
	return version, d.Translate(err)
}

func newest(provider *goose.Provider) int64 {
	sources := provider.ListSources()
	return sources[len(sources)-1].Version
}

func (d Database) checkNotNewer(current, known int64) error {
	if current > known {
		return errs.Conflictf("database_too_new",
			"The database %s has version %d, and this program knows versions up to %d. Use the program that wrote it, or a newer one; nothing was changed.", d.Name, current, known)
	}
	return nil
}

// names returns the files of the steps, in their order.
func (d Database) names() ([]string, error) {
	names, err := fs.Glob(files, d.Folder+"/*.sql")
	if err != nil {
		return nil, fmt.Errorf("store: migrations: %w", err)
	}
	return names, nil
}

// provider gives goose the steps as functions. Its own parser of SQL files takes
// 4 MiB for a line, and the drivers take a whole file at once.
func (d Database) provider() (*goose.Provider, error) {
	names, err := d.names()
	if err != nil {
		return nil, err
	}
	steps := make([]*goose.Migration, len(names))
	for i, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, fmt.Errorf("store: migrations: %w", err)
		}
		up := func(ctx context.Context, tx *sql.Tx) error {
			text, err := files.ReadFile(name)
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, string(text))
			return err
		}
		steps[i] = goose.NewGoMigration(version, &goose.GoFunc{RunTx: up}, nil)
	}
	options := append(slices.Clone(d.Options), goose.WithGoMigrations(steps...), goose.WithDisableGlobalRegistry(true))
	provider, err := goose.NewProvider(d.Dialect, d.DB, nil, options...)
	if err != nil {
		return nil, fmt.Errorf("store: migrations: %w", err)
	}
	return provider, nil
}
