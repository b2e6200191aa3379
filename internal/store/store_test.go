package store_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"personae.dev/internal/persona"
	"personae.dev/internal/store"
	"personae.dev/internal/store/storetest"
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) persona.Store {
		t.Helper()
		return open(t, filepath.Join(t.TempDir(), "personae.db"), store.Options{Create: true})
	})
}

// open opens what must open, and closes it at the end.
func open(t testing.TB, path string, opts store.Options) *store.Store {
	t.Helper()
	return openURL(t, "sqlite:"+path, opts)
}

func TestSQLiteTogether(t *testing.T) {
	t.Parallel()
	storetest.RunTogether(t, false, func(t *testing.T) (server, other persona.Store) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "personae.db")
		server = open(t, path, store.Options{Create: true})
		return server, open(t, path, store.Options{})
	})
}

func openURL(t testing.TB, url string, opts store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url, opts)
	if err != nil {
		t.Fatalf("Open(%s): %v", url, err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// TestCopyFillsSegments: rows of a copy are indexed as many at once as a segment
// has, and not less for the totals that are counted too.
func TestCopyFillsSegments(t *testing.T) {
	t.Parallel()
	from := open(t, made(t), store.Options{})
	const personas = 3000
	write(t, from, func(tx persona.Tx) error {
		var revisions []*persona.Revision
		for i := range personas {
			p := simple(fmt.Sprintf("pe_%d", i))
			revisions = append(revisions, &persona.Revision{OID: "pr_" + p.OID, Persona: p, User: p.Author, Action: persona.ActionCreated})
		}
		return tx.InsertPersonas(t.Context(), revisions)
	})
	var rows []persona.Row
	for r, err := range from.Rows(t.Context()) {
		if err != nil {
			t.Fatalf("Rows: %v", err)
		}
		rows = append(rows, r)
	}
	path := dbPath(t)
	to := open(t, path, store.Options{Create: true})
	if err := to.WriteAlone(t.Context(), func(tx persona.Tx) error { return tx.InsertRows(t.Context(), rows) }); err != nil {
		t.Fatalf("InsertRows: %v", err)
	}
	var segments int
	if err := plain(t, path).QueryRowContext(t.Context(), `select count(*) from search_segments`).Scan(&segments); err != nil || segments != 1 {
		t.Errorf("there are %d segments, %v; want 1", segments, err)
	}
	page, err := to.List(t.Context(), "wa_1", persona.Query{Order: persona.ByName, Limit: 1})
	if err != nil || page.Total != personas {
		t.Errorf("List = %+v, %v; want a total of %d", page, err, personas)
	}
}

// TestFillSearchIndex: an index that is damaged says what to do, which mends it,
// also for a store that is open.
func TestFillSearchIndex(t *testing.T) {
	t.Parallel()
	path := made(t)
	s := open(t, path, store.Options{})
	for i := range 3 {
		insert(t, s, simple(fmt.Sprintf("both%d", i)))
	}
	find := func(s *store.Store) (int, error) {
		page, err := s.List(t.Context(), "wa_1", persona.Query{Words: []string{"both"}, Order: persona.ByRank, Limit: 2})
		if err != nil {
			return 0, err
		}
		return page.Total, nil
	}
	if _, err := plain(t, path).ExecContext(t.Context(), `update search_blocks set bytes = x'00'`); err != nil {
		t.Fatal(err)
	}
	other := open(t, path, store.Options{}) // which has nothing in memory
	_, err := find(other)
	wantError(t, err, persona.Unavailable, "damaged", "personae migrate --search-index")
	if err := store.FillSearchIndex(t.Context(), "sqlite:"+path, store.Options{}); err != nil {
		t.Fatalf("FillSearchIndex: %v", err)
	}
	insert(t, other, simple("both3"))
	for _, s := range []*store.Store{s, other} {
		if total, err := find(s); total != 4 || err != nil {
			t.Errorf("found %d, %v; want 4", total, err)
		}
	}
	wantError(t, store.FillSearchIndex(t.Context(), "postgres://localhost/x", store.Options{}), persona.Invalid, "no search index to build")
}

// TestSearchOfAnothersWrites: the search index of an open store follows what
// another process writes, and merges, in the same file.
func TestSearchOfAnothersWrites(t *testing.T) {
	t.Parallel()
	path := made(t)
	ours, theirs := open(t, path, store.Options{}), open(t, path, store.Options{})
	const count = 300
	for i := range count {
		s := []*store.Store{ours, theirs}[i%2]
		insert(t, s, simple(fmt.Sprintf("both%d", i)))
		if i%50 > 0 {
			continue
		}
		write(t, theirs, func(tx persona.Tx) error { return tx.PurgePersona(t.Context(), "wa_1", fmt.Sprintf("both%d", i)) })
		for _, s := range []*store.Store{ours, theirs} {
			page, err := s.List(t.Context(), "wa_1", persona.Query{Words: []string{"both"}, Order: persona.ByRank, Limit: 2})
			if err != nil || page.Total != i-i/50 {
				t.Fatalf("after %d: %+v, %v", i, page, err)
			}
		}
	}
}
