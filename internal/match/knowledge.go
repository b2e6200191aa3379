package match

import (
	"fmt"
	"sync"
)

// knowledge is what the package knows of titles, whatever the personas. It is
// read once and never changes.
type knowledge struct {
	lexicon *lexicon
	// typos has the words that a misspelled one may mean.
	typos                   map[string][]string
	onet                    *occupations
	founder, chiefExecutive int16
}

// known returns the knowledge. The first call reads the embedded files.
var known = sync.OnceValue(func() *knowledge {
	x, err := loadLexicon()
	if err != nil {
		panic(fmt.Sprintf("match: %v", err)) // the files are part of the binary, and tested
	}
	onet, err := loadOccupations(x.words)
	if err != nil {
		panic(fmt.Sprintf("match: %v", err))
	}
	return &knowledge{
		lexicon: x, typos: typoForms(x.words), onet: onet,
		founder: x.function("founder"), chiefExecutive: x.function("chief-executive"),
	}
})
