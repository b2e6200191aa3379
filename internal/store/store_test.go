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

func TestMemory(t *testing.T) {
	t.Parallel()
	s := storetest.OpenDatabase(t, "sqlite::memory:", store.Options{})
	storetest.Fill(t, s)
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
