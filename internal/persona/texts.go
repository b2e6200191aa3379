package persona

import (
	"strings"
	"unicode"
)

// Texts returns what search finds a persona by: its names, its job titles, and
// the rest. Qualifying questions are not searched.
func (p *Persona) Texts() (name, titles, rest string) {
	name = p.Name
	if p.InternalName != nil {
		name += "\n" + *p.InternalName
	}
	var others []string
	if p.Description != nil {
		others = append(others, *p.Description)
	}
	for _, list := range p.Lists() {
		if list.Name == "commonJobTitles" {
			titles = strings.Join(*list.Items, "\n")
		} else {
			others = append(others, *list.Items...)
		}
	}
	for _, field := range p.CustomFields {
		others = append(append(others, field.Title), field.Value...)
	}
	return name, titles, strings.Join(others, "\n")
}

// Words divides a text as search does: letters, digits and their marks belong
// to words, all else stands between them. Each word occurs once.
func Words(text string) []string {
	var words []string
	seen := map[string]bool{}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.N, unicode.M, unicode.Co)
	}) {
		// Marks that stand alone, as the selector beside an emoji, occur nowhere.
		if strings.IndexFunc(word, func(r rune) bool { return !unicode.Is(unicode.M, r) }) < 0 {
			continue
		}
		if !seen[word] {
			seen[word] = true
			words = append(words, word)
		}
	}
	return words
}
