package storetest

import (
	"path/filepath"
	"testing"

	"personae.dev/internal/store"
)

// Open returns an empty SQLite store in a temporary folder, and closes it at the
// end of t.
func Open(t testing.TB) *store.Store {
	t.Helper()
	return OpenDatabase(t, "sqlite:"+filepath.Join(t.TempDir(), "personae.db"), store.Options{Create: true})
}

// OpenDatabase returns the store of a database, and closes it at the end of t.
func OpenDatabase(t testing.TB, database string, opts store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), database, opts)
	if err != nil {
		t.Fatalf("Open(%s): %v", database, err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}
