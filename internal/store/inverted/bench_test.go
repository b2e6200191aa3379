package inverted

import (
	"slices"
	"testing"

	"personae.dev/internal/search"
)

// BenchmarkNewDoc cuts personas of real size into their terms.
func BenchmarkNewDoc(b *testing.B) {
	personas, cutter := onet(b), new(search.Cutter)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		NewDoc(cutter, int64(i), "u_1", personas[i%len(personas)])
	}
}

// BenchmarkBuild makes a full segment, as an import does; BenchmarkMerge one of
// 64 others.
func BenchmarkBuild(b *testing.B) {
	docs, builder := manyDocs(b), new(Builder)
	b.ReportAllocs()
	for b.Loop() {
		builder.Build(slices.Clone(docs))
	}
	perPersona(b)
}

func BenchmarkMerge(b *testing.B) {
	docs, builder := manyDocs(b), new(Builder)
	var segments []*Loaded
	for few := range slices.Chunk(docs, MergeAt) {
		l, err := builder.Build(few).Loaded()
		if err != nil {
			b.Fatal(err)
		}
		segments = append(segments, l)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := builder.Merge(segments); err != nil {
			b.Fatal(err)
		}
	}
	perPersona(b)
}

func perPersona(b *testing.B) {
	b.Helper()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/MaxDocs, "ns/persona")
}

// manyDocs are as many as a segment may have.
func manyDocs(b *testing.B) []*Doc {
	b.Helper()
	personas, cutter := onet(b), new(search.Cutter)
	docs := make([]*Doc, MaxDocs)
	for i := range docs {
		docs[i] = NewDoc(cutter, int64(i), "u_1", personas[i%len(personas)])
	}
	return docs
}
