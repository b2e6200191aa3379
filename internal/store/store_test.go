package store_test

import (
	"path/filepath"
	"testing"

	"personae.dev/internal/entity"
	"personae.dev/internal/entity/entitytest"
	"personae.dev/internal/store"
	"personae.dev/internal/store/postgrestest"
	"personae.dev/internal/store/storetest"
)

// kinds are those whose entities the suite stores.
func kinds() []*entity.Kind { return []*entity.Kind{entitytest.Kind()} }

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) entity.Store {
		t.Helper()
		return storetest.Open(t)
	}, kinds()...)
}

// TestMemory: a database in memory is one of its own, and forgotten.
func TestMemory(t *testing.T) {
	t.Parallel()
	first, second := storetest.OpenDatabase(t, "sqlite::memory:", store.Options{}), storetest.OpenDatabase(t, "sqlite::memory:", store.Options{})
	setUp(t, first)
	kept, refused := writeTogether(t, first, 16, 4)
	if len(kept) != 64 {
		t.Errorf("%d writes were refused: %v", len(refused), refused)
	}
	wantThere(t, first, kept, refused)
	check(t, first.Compact(t.Context()))
	if users, err := second.Users(t.Context()); err != nil || len(users) > 0 {
		t.Errorf("another database has %v, %v", users, err)
	}
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) entity.Store {
		t.Helper()
		return storetest.OpenDatabase(t, postgrestest.New(t), store.Options{Create: true})
	}, kinds()...)
}

// TestPostgresBouncer runs the suite behind a PgBouncer that gives every
// transaction another connection.
func TestPostgresBouncer(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) entity.Store {
		t.Helper()
		return storetest.OpenDatabase(t, postgrestest.NewBouncer(t), store.Options{Create: true})
	}, kinds()...)
}

// dbPath is where a test's database is to be.
func dbPath(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "personae.db")
}
