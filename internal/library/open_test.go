package library_test

import (
	"path/filepath"
	"testing"

	"personae.dev/internal/entity"
	"personae.dev/internal/store"
)

// openStore returns an empty SQLite store, and closes it at the end of t.
func openStore(t *testing.T) entity.Store {
	t.Helper()
	return openDatabase(t, "sqlite:"+filepath.Join(t.TempDir(), "personae.db"))
}

func openDatabase(t *testing.T, database string) entity.Store {
	t.Helper()
	s, err := store.Open(t.Context(), database, store.Options{Create: true})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}
