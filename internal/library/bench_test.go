package library_test

import (
	"strings"
	"testing"

	"personae.dev/internal/entity"
	"personae.dev/internal/library"
	"personae.dev/internal/store"
)

func BenchmarkGet(b *testing.B) {
	s, err := store.Open(b.Context(), "sqlite:"+b.TempDir()+"/personae.db", store.Options{Create: true})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	l, err := library.New(library.Config{Store: s, Registry: registry(), CacheBytes: 1 << 20})
	if err != nil {
		b.Fatal(err)
	}
	made, err := l.SetUp(b.Context(), library.SetUpOptions{})
	if err != nil {
		b.Fatal(err)
	}
	p, err := l.Authenticate(b.Context(), made.Token)
	if err != nil {
		b.Fatal(err)
	}
	c := library.Caller{Principal: p}
	k := l.Registry().Kinds()[0]
	patch, _ := k.Decode([]byte(`{"name":"x","painPoints":["`+strings.Repeat(`a pain point","`, 300)+`x"]}`), entity.Mode{Create: true})
	written, err := l.Create(b.Context(), c, k, library.Create{Patch: patch})
	if err != nil {
		b.Fatal(err)
	}
	for name, fresh := range map[string]bool{"cached": false, "fresh": true} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p, err := l.Authenticate(b.Context(), made.Token)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := l.Get(b.Context(), library.Caller{Principal: p}, k, written.Entity.OID, library.GetOptions{Fresh: fresh}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
