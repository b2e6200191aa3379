package server

import (
	"context"
	"errors"

	"personae.dev/internal/entity"
	"personae.dev/internal/kind"
	"personae.dev/internal/library"
	"personae.dev/internal/store"
)

// DatabaseSettings are what an operator may choose of a database.
type DatabaseSettings = store.Settings

// Migration is one step of the structure of a database.
type Migration = store.Migration

// DatabaseName is a database as it may be shown: without a password.
func DatabaseName(database string) string { return store.Name(database) }

// Open opens a database for work other than serving: it must exist and be up to
// date, and a server may have it at the same time. Close the store at the end.
func Open(ctx context.Context, database string, settings DatabaseSettings) (*library.Library, entity.Store, error) {
	s, err := store.Open(ctx, database, store.Options{Settings: settings})
	if err != nil {
		return nil, nil, err
	}
	l, err := library.New(library.Config{Store: s, Registry: kind.Registry()})
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return l, s, nil
}

// Migrate makes the database where it is missing, and brings it up to date.
func Migrate(ctx context.Context, database string, settings DatabaseSettings) error {
	s, err := store.Open(ctx, database, store.Options{Create: true, Settings: settings})
	if err != nil {
		return err
	}
	return s.Close()
}

// Migrations returns which steps a database has, without changing it.
func Migrations(ctx context.Context, database string, settings DatabaseSettings) ([]Migration, error) {
	return store.Migrations(ctx, database, store.Options{Settings: settings})
}
