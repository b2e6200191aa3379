package store_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/kind"
	"personae.dev/internal/search"
	"personae.dev/internal/store"
	"personae.dev/internal/store/postgrestest"
	"personae.dev/internal/store/storetest"
)

// occupations returns real personas, 4 KB each, as they are stored.
func occupations(tb testing.TB) []*entity.Stored {
	tb.Helper()
	file, err := os.ReadFile("../../examples/onet/personas.jsonl")
	check(tb, err)
	registry := kind.Registry()
	persona, err := registry.Kind("persona")
	check(tb, err)
	var all []*entity.Stored
	for line := range bytes.Lines(file) {
		records, problems := registry.DecodeRecords(line, persona, false)
		if len(problems) > 0 {
			tb.Fatal(problems)
		}
		e := persona.Identify(records[0].Entity, nil)
		e.Author = account.Author{OID: "u_1"}
		all = append(all, persona.Store("wa_1", e))
	}
	return all
}

// copies returns so many personas: those, again and again under other ids.
func copies(of []*entity.Stored, count int) []*entity.Stored {
	all := make([]*entity.Stored, count)
	for i := range all {
		s := *of[i%len(of)]
		s.OID = account.NewID("pe_")
		all[i] = &s
	}
	return all
}

// fill adds many entities.
func fill(tb testing.TB, s *store.Store, entities []*entity.Stored) {
	tb.Helper()
	check(tb, s.WriteLong(tb.Context(), func(ctx context.Context, tx entity.Tx) error { return add(ctx, tx, entities...) }))
}

var engines = map[string]func(b *testing.B) *store.Store{
	"SQLite":   func(b *testing.B) *store.Store { b.Helper(); return storetest.Open(b) },
	"Postgres": func(b *testing.B) *store.Store { b.Helper(); return postgres(b) },
}

// postgres returns a store on a server of its own, which writes to its disk.
func postgres(b *testing.B) *store.Store {
	b.Helper()
	return storetest.OpenDatabase(b, postgrestest.Start(b, true).New(b), store.Options{Create: true})
}

func BenchmarkCreate(b *testing.B) {
	of := occupations(b)
	for name, open := range engines {
		for _, clients := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%s/%d", name, clients), func(b *testing.B) {
				s := open(b)
				setUp(b, s)
				entities := copies(of, b.N)
				took := make([]time.Duration, b.N)
				b.ResetTimer()
				var next atomic.Int64
				var group sync.WaitGroup
				for range clients {
					group.Go(func() {
						for i := int(next.Add(1)) - 1; i < b.N; i = int(next.Add(1)) - 1 {
							began := time.Now()
							insert(b, s, entities[i])
							took[i] = time.Since(began)
						}
					})
				}
				group.Wait()
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "creates/s")
				quantiles(b, took)
			})
		}
	}
}

func quantiles(b *testing.B, took []time.Duration) {
	b.Helper()
	slices.SortFunc(took, func(a, b time.Duration) int { return cmp.Compare(a, b) })
	for _, q := range []int{50, 99} {
		b.ReportMetric(float64(took[(len(took)-1)*q/100].Microseconds())/1000, fmt.Sprintf("p%d-ms", q))
	}
}

func BenchmarkImport(b *testing.B) {
	of := occupations(b)
	for name, open := range engines {
		b.Run(name, func(b *testing.B) {
			s := open(b)
			setUp(b, s)
			entities := copies(of, b.N)
			b.ResetTimer()
			fill(b, s, entities)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "imported/s")
		})
	}
}

func BenchmarkRow(b *testing.B) {
	of := occupations(b)
	for name, open := range engines {
		b.Run(name, func(b *testing.B) {
			s := open(b)
			setUp(b, s)
			fill(b, s, of)
			for i := 0; b.Loop(); i++ {
				_, err := s.Row(b.Context(), of[i%len(of)].Ref, nil)
				check(b, err)
			}
		})
	}
}

// BenchmarkSearch asks for one to two words of one to four letters, 50 rows and the
// total.
func BenchmarkSearch(b *testing.B) {
	of := occupations(b)
	for name, open := range engines {
		for _, size := range []int{1016, 10_160, 101_600} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				if testing.Short() && size > 1016 {
					b.Skip("short")
				}
				s, random := open(b), rand.New(rand.NewPCG(1, 2))
				setUp(b, s)
				for some := range slices.Chunk(copies(of, size), 5000) {
					fill(b, s, some)
				}
				var took []time.Duration
				for b.Loop() {
					words := search.Words(of[random.IntN(len(of))].Name)
					text := ""
					for range 1 + random.IntN(2) {
						word := []rune(words[random.IntN(len(words))])
						text += string(word[:min(len(word), 1+random.IntN(4))]) + " "
					}
					query := entity.Query{
						Workspace: "wa_1", Sets: []entity.Set{{Kind: "persona"}}, Words: search.Words(text), Exact: search.Exact(text), Order: entity.OrderRank, Limit: 50,
					}
					began := time.Now()
					page, err := s.List(b.Context(), query)
					took = append(took, time.Since(began))
					if err != nil || page.Total == 0 {
						b.Fatalf("%q: %+v, %v", text, page, err)
					}
				}
				quantiles(b, took)
			})
		}
	}
}
