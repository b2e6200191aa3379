package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/fts"
)

//go:embed migrations/sqlite/*.sql
var migrations embed.FS

// Migration is one step of the database's structure.
type Migration struct {
	Version int64
	File    string
	Applied bool
}

// Migrations tells which steps a database has, without changing it.
func Migrations(ctx context.Context, url string) (steps []Migration, err error) {
	s, err := openForStatus(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.writer.Close()) }()
	provider, err := s.provider()
	if err != nil {
		return nil, err
	}
	current, err := s.version(ctx)
	if err != nil {
		return nil, err
	}
	for _, source := range provider.ListSources() {
		steps = append(steps, Migration{Version: source.Version, File: source.Path, Applied: source.Version <= current})
	}
	return steps, s.checkNotNewer(current, newest(provider))
}

// migrate brings the database up to date, if it may, and refuses a newer one.
func (s *Store) migrate(ctx context.Context, may bool) error {
	provider, err := s.provider()
	if err != nil {
		return err
	}
	current, err := s.version(ctx)
	if err != nil {
		return err
	}
	target := newest(provider)
	if err := s.checkNotNewer(current, target); err != nil {
		return err
	}
	if current == target {
		return nil
	}
	if !may {
		return persona.Conflictf("database_too_old",
			"The database %s has version %d, and this program works with version %d. Bring it up to date with `personae migrate`, after a backup.", s.name, current, target)
	}
	for {
		_, err := provider.Up(ctx)
		if err == nil {
			return nil
		}
		// Another process may do the same at the same time: a step that it was
		// first to take is no fault.
		before := current
		if current, _ = s.version(ctx); current <= before {
			return s.translate(fmt.Errorf("store: migrate: %w", err))
		}
		if current >= target {
			return s.checkNotNewer(current, target)
		}
	}
}

// version returns the database's version, 0 for an empty one. Goose's own call
// would write.
func (s *Store) version(ctx context.Context) (int64, error) {
	const (
		exists = `select count(*) from sqlite_schema where name = 'goose_db_version'`
		latest = `select coalesce(max(version_id), 0) from goose_db_version`
	)
	var version int64
	if err := s.writer.QueryRowContext(ctx, exists).Scan(&version); err != nil || version == 0 {
		return 0, s.translate(err)
	}
	err := s.writer.QueryRowContext(ctx, latest).Scan(&version)
	return version, s.translate(err)
}

func newest(provider *goose.Provider) int64 {
	sources := provider.ListSources()
	return sources[len(sources)-1].Version
}

func (s *Store) checkNotNewer(current, known int64) error {
	if current > known {
		return persona.Conflictf("database_too_new",
			"The database %s has version %d, and this program knows versions up to %d. Use the program that wrote it, or a newer one; nothing was changed.", s.name, current, known)
	}
	return nil
}

func (s *Store) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return nil, fmt.Errorf("store: migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, s.writer, files, goose.WithGoMigrations(
		goose.NewGoMigration(4, &goose.GoFunc{RunTx: fts.Fill}, nil),
	))
	if err != nil {
		return nil, fmt.Errorf("store: migrations: %w", err)
	}
	return provider, nil
}
