package search_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"personae.dev/internal/persona"
	"personae.dev/internal/search"
	"personae.dev/internal/wire"
)

// BenchmarkCut cuts the personas of a library of real size.
func BenchmarkCut(b *testing.B) {
	text, err := os.ReadFile("../../examples/onet/personas.jsonl")
	if err != nil {
		b.Fatal(err)
	}
	var personas []*persona.Persona
	for line, err := range wire.DecodeLines(bytes.NewReader(text)) {
		if err != nil {
			b.Fatal(err)
		}
		personas = append(personas, line.Persona)
	}
	cutter, words := new(search.Cutter), 0
	for i := 0; b.Loop(); i++ {
		words += cutter.Cut(personas[i%len(personas)])[search.Rest]
	}
	b.ReportMetric(float64(words)/float64(b.N), "words/op")
}

// BenchmarkAccents divides texts that are not ASCII, all over or here and there.
func BenchmarkAccents(b *testing.B) {
	for name, text := range map[string]string{
		"French":  "élaborer des méthodes à l'échelle régionale et évaluer les priorités du marché ",
		"English": "the director’s plan — to grow sales “fast” and to keep costs low for all of the teams in the region ",
	} {
		b.Run(name, func(b *testing.B) {
			text := strings.Repeat(text, 60)
			b.ReportAllocs()
			for b.Loop() {
				search.Words(text)
			}
		})
	}
}
