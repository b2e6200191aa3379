package library_test

import (
	"path/filepath"
	"testing"

	"personae.dev/internal/entity"
	"personae.dev/internal/store"
)

func openStore(t *testing.T) entity.Store {
	t.Helper()
	return openAt(t, "sqlite:"+filepath.Join(t.TempDir(), "personae.db"))
}

func openAt(t *testing.T, database string) entity.Store {
	t.Helper()
	s, err := store.Open(t.Context(), database, store.Options{Create: true})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
