package store_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"personae.dev/internal/persona"
	"personae.dev/internal/search"
	"personae.dev/internal/store"
	"personae.dev/internal/wire"
)

var (
	largePersonas = flag.Int("personas", 20_000, "personas in the library that BenchmarkSearch searches")
	largeFile     = flag.String("library", "", "where BenchmarkSearch keeps its library for the next time")
)

// onet returns the personas of examples/onet.
func onet(t testing.TB) (personas []*persona.Persona) {
	t.Helper()
	text, err := os.ReadFile("../../examples/onet/personas.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line, err := range wire.DecodeLines(bytes.NewReader(text)) {
		if err != nil {
			t.Fatal(err)
		}
		line.Persona.WorkspaceOID, line.Persona.Author = "wa_1", persona.User{OID: "u_1"}
		personas = append(personas, line.Persona)
	}
	return personas
}

func openFile(b *testing.B, path string) *store.Store {
	b.Helper()
	s, err := store.Open(b.Context(), "sqlite:"+path, store.Options{Create: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

func addAccounts(b *testing.B, s *store.Store) {
	b.Helper()
	err := s.Write(b.Context(), func(tx persona.Tx) error {
		ctx := b.Context()
		if err := tx.InsertOrganization(ctx, &persona.Organization{OID: "og_1", Slug: "acme"}); err != nil {
			return err
		}
		if err := tx.InsertWorkspace(ctx, &persona.Workspace{OID: "wa_1", OrganizationOID: "og_1"}); err != nil {
			return err
		}
		return tx.InsertUser(ctx, &persona.User{OID: "u_1", OrganizationOID: "og_1", Role: persona.RoleOwner})
	})
	if err != nil {
		b.Fatal(err)
	}
}

// insertMany inserts so many personas under ids of their own, at once.
func insertMany(b *testing.B, s *store.Store, personas []*persona.Persona, from, count int) {
	b.Helper()
	err := s.Write(b.Context(), func(tx persona.Tx) error {
		for i := from; i < from+count; i++ {
			p := *personas[i%len(personas)]
			p.OID = fmt.Sprintf("onet%d-%d", i/len(personas), i%len(personas))
			p.CreatedAt = time.UnixMilli(int64(i))
			p.UpdatedAt = p.CreatedAt
			if err := tx.InsertPersona(b.Context(), &p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkSearch searches as the mix of bench does, with a page of ten.
func BenchmarkSearch(b *testing.B) {
	path := filepath.Join(b.TempDir(), "large.db")
	if *largeFile != "" {
		path = *largeFile
	}
	_, missing := os.Stat(path)
	s := openFile(b, path)
	if missing != nil {
		addAccounts(b, s)
		personas := onet(b)
		for from := 0; from < *largePersonas; from += 5000 {
			insertMany(b, s, personas, from, min(5000, *largePersonas-from))
		}
	}
	var took []time.Duration
	for _, class := range []struct {
		name  string
		texts []string
	}{
		{"titles", []string{"Sales Managers", "Registered Nurses", "Software Developers", "Chief Executives"}},
		{"1word", []string{"nurse", "engineer", "teacher", "accountant"}},
		{"2words", []string{"sales manager", "project manager", "software engineer", "data analyst"}},
		{"1letter", []string{"a", "m", "s", "p"}},
		{"2letters", []string{"ma", "en", "vp", "it"}},
		{"3letters", []string{"dat", "sal", "mar", "dir"}},
		{"5letters", []string{"manag", "engin", "techn", "analy"}},
	} {
		b.Run(class.name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				q := persona.Query{Words: search.Words(class.texts[i%4]), Order: persona.ByRank, Limit: 10}
				began := time.Now()
				page, err := s.List(b.Context(), "wa_1", q)
				if err != nil || page.Total == 0 && class.name != "2letters" {
					b.Fatalf("List: %+v, %v", page, err)
				}
				took = append(took, time.Since(began))
			}
		})
	}
	slices.Sort(took)
	b.Logf("%d searches: p50 %s, p99 %s, most %s", len(took), took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
}

// BenchmarkInsert inserts personas, so many with each commit.
func BenchmarkInsert(b *testing.B) {
	personas := onet(b)
	for _, count := range []int{1, 16, 64, 4096} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			s := openFile(b, filepath.Join(b.TempDir(), "insert.db"))
			addAccounts(b, s)
			done := 0
			for b.Loop() {
				insertMany(b, s, personas, done, count)
				done += count
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(done), "µs/persona")
		})
	}
}
