package store_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/entity"
	"personae.dev/internal/entity/entitytest"
	"personae.dev/internal/kind"
	"personae.dev/internal/search"
	"personae.dev/internal/store"
	"personae.dev/internal/store/postgrestest"
	"personae.dev/internal/store/storetest"
)

// kinds are those whose entities the suite stores: one with every type of field,
// and two of the product, with a list of texts and with an enum that is a filter.
func kinds() []*entity.Kind {
	kinds := []*entity.Kind{entitytest.Kind()}
	for _, k := range kind.Registry().Kinds() {
		if k.Name == "persona" || k.Name == "product" {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

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

// TestPostgresFindsTheSame holds both engines against each other on a library of
// real size.
func TestPostgresFindsTheSame(t *testing.T) {
	t.Parallel()
	personas := occupations(t)[:500]
	stores := []*store.Store{storetest.Open(t), storetest.OpenDatabase(t, postgrestest.New(t), store.Options{Create: true})}
	for _, s := range stores {
		setUp(t, s)
		fill(t, s, personas)
	}
	found := 0
	for i := 0; i < len(personas); i += 40 {
		words := search.Words(personas[i].Name)
		for _, text := range []string{personas[i].Name, words[0], words[len(words)-1][:2], words[0][:1] + " " + words[len(words)-1][:1]} {
			query := entity.Query{Workspace: "wa_1", Words: search.Words(text), Exact: search.Exact(text), Order: entity.OrderRank, Limit: 200}
			var pages [2]*entity.Page
			var oIDs [2][]string
			for j, s := range stores {
				var err error
				if pages[j], err = s.List(t.Context(), query); err != nil {
					t.Fatalf("List(%q): %v", text, err)
				}
				for _, r := range pages[j].Rows {
					oIDs[j] = append(oIDs[j], r.OID)
				}
				found += pages[j].Total
			}
			if pages[0].Total != pages[1].Total || pages[0].Total == 0 {
				t.Errorf("%q: totals are %d and %d", text, pages[0].Total, pages[1].Total)
			}
			if diff := cmp.Diff(oIDs[0], oIDs[1]); diff != "" {
				t.Errorf("%q (-SQLite +PostgreSQL):\n%s", text, diff)
			}
			if text == personas[i].Name && oIDs[0][0] != personas[i].OID && pages[0].Rows[0].Name != text {
				t.Errorf("%q comes first for its own name: %s", text, pages[0].Rows[0].Name)
			}
		}
	}
	t.Logf("%d matches are the same", found/2)
}
