package store_test

import (
	"testing"

	"personae.dev/internal/persona"
	"personae.dev/internal/store"
	"personae.dev/internal/store/postgrestest"
	"personae.dev/internal/store/storetest"
)

func TestPostgres(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) persona.Store {
		t.Helper()
		return openURL(t, postgrestest.New(t), store.Options{Create: true})
	})
}
