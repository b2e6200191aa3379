package match

// A reader reads titles. It keeps its buffers from title to title, so it is not
// for several goroutines.
type reader struct {
	know *knowledge
	// id returns the id of a word.
	id func(string) int32
	// spelled tells words that are right though the lexicon lacks them.
	spelled func(string) bool

	tokens, corrected, english []token
	items                      []item
	// free is memory for ids that are kept.
	free []int32
}

// read folds a title, splits it into tokens, and translates them to plain
// English. The tokens are good until the next call.
func (r *reader) read(title string) (tokens, english []token) {
	r.tokens = appendTokens(r.tokens[:0], title)
	r.translate()
	return r.tokens, r.english
}

// keep returns an empty slice with memory for n ids.
func (r *reader) keep(n int) []int32 {
	if cap(r.free) < n {
		r.free = make([]int32, 0, max(n, 1024))
	}
	kept := r.free[:0:n]
	r.free = r.free[n:n:cap(r.free)]
	return kept
}

// features returns the ids of the words of a title in plain English, and
// appends their features.
func (r *reader) features(english []token, v *vocabulary, features []feature) ([]int32, []feature) {
	words := make([]int32, 0, 16)
	begin := 0
	for _, t := range english {
		if t.sep == part {
			features, begin = v.features(features, words[begin:]), len(words)
		}
		if !isStop(t.text) {
			words = append(words, r.id(t.text))
		}
	}
	return words, v.features(features, words[begin:])
}
