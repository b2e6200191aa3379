package inverted

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"personae.dev/internal/persona"
	"personae.dev/internal/search"
	"personae.dev/internal/wire"
)

func onet(t testing.TB) (personas []*persona.Persona) {
	t.Helper()
	text, err := os.ReadFile("../../../examples/onet/personas.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line, err := range wire.DecodeLines(bytes.NewReader(text)) {
		if err != nil {
			t.Fatal(err)
		}
		personas = append(personas, line.Persona)
	}
	return personas
}

// TestMergeToOne: of some personas one lives, and is found after a merge, and
// after another.
func TestMergeToOne(t *testing.T) {
	t.Parallel()
	b := new(Builder)
	var docs []*Doc
	for i, p := range onet(t)[:3] {
		docs = append(docs, NewDoc(new(search.Cutter), int64(i), "u_1", p))
	}
	built := b.Build(docs) // which sorts them
	want := docs[0]
	for _, dead := range []Bitmap{{0b110}, nil, nil} {
		l, err := built.Loaded()
		if err != nil {
			t.Fatalf("Loaded: %v", err)
		}
		l.dead = dead
		if built, err = b.Merge([]*Loaded{l}); err != nil {
			t.Fatalf("Merge: %v", err)
		}
		h, err := ParseHead(built.head)
		if err != nil {
			t.Fatalf("ParseHead: %v", err)
		}
		s := &Segment{Head: h}
		for word, found := range map[string]int{string(want.name[:3]): 1, "zzz": 0} {
			m := NewMatcher(&persona.Query{Words: search.Words(word), AuthorOID: "u_1"}, nil)
			if n, err := m.Match(s); n != found || err != nil || built.Docs != 1 || built.postings != want.count {
				t.Errorf("%q finds %d, %v in %+v", word, n, err, built)
			}
		}
	}
}

// FuzzParts reads damaged parts of segments.
func FuzzParts(f *testing.F) {
	personas := onet(f)
	for _, count := range []int{1, 3, 70} {
		var docs []*Doc
		for i, p := range personas[:count] {
			docs = append(docs, NewDoc(new(search.Cutter), int64(i), "u_1", p))
		}
		b := new(Builder).Build(docs)
		f.Add(b.head, b.places, b.blocks[0], []byte(nil))
		f.Add(b.head, b.places, b.blocks[0], []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
	f.Fuzz(func(t *testing.T, head, places, block, dead []byte) {
		l, err := Load([][]byte{head, places, block}, dead)
		if err != nil {
			return
		}
		for _, id := range []int64{0, 1, -1} {
			_, _, _ = PlaceOf(places, l.head.Docs, id)
			_, _, _ = PlaceOf(l.head.Places, l.head.Docs, id)
		}
		m := NewMatcher(&persona.Query{Words: []string{"s", "a"}, AuthorOID: "u_1", Status: persona.StatusAll}, func(_ *Segment, from, to int) ([][]byte, error) {
			return l.blocks[from:to], nil
		})
		s := &Segment{Head: l.head, Dead: l.dead}
		if n, err := m.Match(s); err == nil && n > 0 {
			for _, order := range []persona.Order{persona.ByRank, persona.ByName} {
				Page([]*Segment{s}, &persona.Query{Order: order}, 0, 10)
			}
		}
		merged, err := new(Builder).Merge([]*Loaded{l, l})
		if err != nil || merged == nil {
			return
		}
		if _, err := Load(slices.Collect(func(yield func([]byte) bool) {
			merged.Parts()(func(_ int, part []byte) bool { return yield(part) })
		}), nil); err != nil {
			t.Errorf("what was merged cannot be read: %v", err)
		}
	})
}
