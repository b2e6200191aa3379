package match

import (
	"slices"
	"strings"
)

// A role is what one part of a title says about a person.
type role struct {
	level level
	// levelWord is the word that told the level, for reasons.
	levelWord string
	// heads are the functions that the role is about. They are few.
	heads []int16
	// others are functions that only narrow the role: "marketing" in "Data
	// Analyst, Marketing".
	others []int16
	// words are those that mean nothing to the lexicon, and all are those of
	// the role: their ids.
	words, all []int32
	// content are those of all that tell more than a level.
	content []int32
	// narrow counts neutral words, such as regions.
	narrow int
	// share says how much of the person the role is: less for a second role.
	share float32
}

// An item is a phrase of a title with its meaning.
type item struct {
	meaning
	text string
	sep  separator
	// and: the item is joined to the one before it.
	and bool
	// word: nothing is known about the text.
	word bool
}

func (i *item) isFunction() bool { return i.function != noFunction }

// isLevel tells words that say a level and nothing else.
func (i *item) isLevel() bool { return i.function == noFunction && i.level.known() }

// own tells a function that has a level of its own, such as "account executive".
func (i *item) own() bool { return i.isFunction() && i.level.known() }

// parsed is what a title says.
type parsed struct {
	roles []role
	// seeking: the person looks for work.
	seeking bool
}

// parse tells the roles of a title in plain English.
func (r *reader) parse(tokens []token) parsed {
	var p parsed
	if slices.ContainsFunc(tokens, func(t token) bool { return t.text == "retired" }) {
		return p
	}
	// The first pending items are those of a part that has a level or a
	// function, and lacks the other.
	r.items = r.items[:0]
	pending := 0
	for len(tokens) > 0 && !p.seeking {
		end := partEnd(tokens)
		r.items, p.seeking = r.know.lexicon.appendItems(r.items, tokens[:end])
		if end == 1 && tokens[0].text == "former" { // "Past: CMO"
			tokens = tokens[1:]
			end = partEnd(tokens)
		}
		tokens = tokens[end:]
		if len(r.items) == pending {
			continue
		}
		if pending > 0 && !complements(r.items[:pending], r.items[pending:]) {
			r.add(&p, r.items[:pending])
			r.items = slices.Delete(r.items, 0, pending)
		}
		if pending = 0; len(p.roles) == 0 && incomplete(r.items) {
			pending = len(r.items)
			continue
		}
		r.add(&p, r.items)
		r.items = r.items[:0]
	}
	r.add(&p, r.items)
	r.know.rank(p.roles)
	return p
}

// partEnd returns how many tokens the first part of a title has.
func partEnd(tokens []token) int {
	for i := 1; i < len(tokens); i++ {
		if tokens[i].sep == part || tokens[i].text == "now" {
			return i
		}
	}
	return len(tokens)
}

// rank puts the function of a founder before the founding: the co-founder and
// CTO is a CTO.
func (k *knowledge) rank(roles []role) {
	founds := func(r *role) bool { return len(r.heads) == 1 && r.heads[0] == k.founder }
	if len(roles) < 2 || !founds(&roles[0]) {
		return
	}
	for i := range roles {
		if r := &roles[i]; len(r.heads) > 0 && r.heads[0] != k.founder && r.heads[0] != k.chiefExecutive && r.level.low >= 48 {
			r.share, roles[0].share = 1, secondary
			return
		}
	}
}

// incomplete tells items that have a level and no function, or the reverse.
func incomplete(items []item) bool {
	level, content := contents(items)
	return level != content
}

// complements tells whether b has what a lacks.
func complements(a, b []item) bool {
	level, content := contents(a)
	levelB, contentB := contents(b)
	return !level && levelB && !contentB || !content && contentB
}

func contents(items []item) (level, content bool) {
	for i := range items {
		level = level || items[i].level.known()
		content = content || items[i].isFunction() || items[i].word
	}
	return level, content
}

// appendItems reads one part of a title. It stops where the title speaks of
// somebody else, of the past or of a wish.
func (x *lexicon) appendItems(items []item, tokens []token) (_ []item, seeking bool) {
	and, chief, begin := false, false, len(items)
	for i := 0; i < len(tokens); {
		t := tokens[i]
		if i+1 < len(tokens) {
			if next := tokens[i+1].text; t.text == "office" && next == "of" || t.text == "reporting" && next == "to" {
				return items, false // "Office of the CEO"
			}
		}
		n, m := longestPhrase(tokens[i:], x.longestMeaning, x.meanings)
		if n == 0 {
			switch t.text {
			case "and":
				and = true
				i++
				continue
			case "of", "now":
				i++
				continue
			case "seeking":
				return items, true
			case "former", "aspiring":
				if t.sep < comma {
					return items[:begin], false // "Geschäftsführer i.R."
				}
				return items, false
			case "at", "@", "to":
				return items, false
			}
		}
		it := item{sep: t.sep, and: and || t.sep == slash || t.sep == comma}
		and = false
		if n == 0 {
			it.meaning = meaning{function: noFunction, level: unknownLevel}
			it.text, it.word = t.text, true
			n = 1
		} else {
			it.meaning, it.text = m, joined(tokens[i:i+n])
			switch {
			case t.text == "chief":
				chief = n == 1
			case t.text == "officer" && chief: // it belongs to the chief
				chief, i = false, i+1
				continue
			}
			if t.text == "assistant" && n == 1 && x.deputizes(tokens[i+1:]) {
				it.meaning, it.text = meaning{function: noFunction, level: unknownLevel, neutral: true}, "deputy"
			}
		}
		items = append(items, it)
		i += n
	}
	return items, false
}

// deputizes tells whether a level follows: "assistant director" is no assistant.
func (x *lexicon) deputizes(rest []token) bool {
	if len(rest) == 0 {
		return false
	}
	n, m := longestPhrase(rest, x.longestMeaning, x.meanings)
	return n > 0 && m.level.low >= 24
}

func joined(tokens []token) string {
	if len(tokens) == 1 {
		return tokens[0].text
	}
	return joinedKey(tokens)
}

// add appends the roles that the items of a part make.
func (r *reader) add(p *parsed, items []item) {
	for len(items) > 0 {
		end := roleEnd(items)
		made := r.makeRole(items[:end])
		items = items[end:]
		made.share = 1
		if len(p.roles) > 0 {
			made.share = secondary
			if !made.level.known() {
				continue // it only explains the first one
			}
		}
		p.roles = append(p.roles, made)
	}
}

// roleEnd returns how many items belong to the first role. The next one begins
// after a comma or an "and", where the first has a level and a function, and
// what follows has a level of its own.
func roleEnd(items []item) int {
	level, content := false, false
	for i := range items {
		if i > 0 && items[i].and && level && content && startsRole(items[i:]) {
			return i
		}
		level = level || items[i].level.known() && !shifts(items[i].text)
		content = content || items[i].isFunction() || items[i].word
	}
	return len(items)
}

// startsRole tells whether the items up to the next comma or "and" have a level.
func startsRole(items []item) bool {
	for i := range items {
		if i > 0 && items[i].and {
			return false
		}
		if items[i].level.known() && !shifts(items[i].text) {
			return true
		}
	}
	return false
}

// shifts tells words that only move the level that they stand with.
func shifts(w string) bool { return w == "senior" || w == "junior" || w == "deputy" }

// makeRole reads the items of one role.
func (r *reader) makeRole(items []item) role {
	made := role{level: unknownLevel}
	boundary := len(items) // the first word that says the level
	shift, shifter, words := int8(0), "", 0
	for i := range items {
		it := &items[i]
		switch {
		case it.text == "senior" && it.isLevel():
			shift, shifter = 3, "senior"
		case it.text == "deputy":
			shift, shifter = -3, "deputy"
		case it.isLevel():
			if it.level.low > made.level.low {
				made.level, made.levelWord = it.level, it.phrase
			}
			boundary = min(boundary, i)
		}
		words += 1 + strings.Count(it.text, " ")
	}
	made.chooseHeads(items, boundary)
	made.all, made.words, made.content = r.keep(words), r.keep(words), r.keep(words)
	for i := range items {
		it := &items[i]
		for word := range strings.SplitSeq(it.text, " ") {
			id := r.id(word)
			made.all = append(made.all, id)
			if it.word {
				made.words = append(made.words, id)
			}
			if it.word || it.isFunction() {
				made.content = append(made.content, id)
			}
		}
	}
	if !made.level.known() && shifter == "senior" {
		made.level, made.levelWord = level{18, 18}, shifter
	} else if made.level.known() && shift != 0 {
		made.level.low, made.level.high = max(0, made.level.low+shift), max(0, made.level.high+shift)
		made.levelWord = shifter + " " + made.levelWord
	}
	return made
}

// chooseHeads tells the functions that the role is about from those that narrow
// it, and takes the level of a function that has its own.
func (r *role) chooseHeads(items []item, boundary int) {
	head := make([]bool, len(items))
	chosen := -1
	other := slices.ContainsFunc(items, func(i item) bool { return i.isFunction() && !i.yields })
	for i := range items {
		if it := &items[i]; it.profession {
			chosen = i // the last profession
		} else if it.own() && !it.yields && boundary == len(items) && chosen < 0 {
			boundary = i
		}
	}
	counts := func(i int) bool { return items[i].isFunction() && (!items[i].yields || !other) }
	switch {
	case chosen >= 0:
		head[chosen] = true
	case boundary < len(items) && items[boundary].own():
		head[boundary] = true
	default:
		chooseGroup(items, boundary, counts, head)
	}
	for i := range items {
		it := &items[i]
		switch {
		case head[i]:
			if !slices.Contains(r.heads, it.function) {
				r.heads = append(r.heads, it.function)
			}
			if !r.level.known() && it.level.known() {
				r.level, r.levelWord = it.level, it.phrase
			}
		case it.isFunction() && it.yields && other:
			if !r.level.known() && it.level.known() && !it.quiet {
				r.level, r.levelWord = it.level, it.phrase
			}
		case it.isFunction():
			if !slices.Contains(r.others, it.function) {
				r.others = append(r.others, it.function)
			}
		case it.neutral:
			r.narrow++
		}
	}
	r.others = slices.DeleteFunc(r.others, func(f int16) bool { return slices.Contains(r.heads, f) })
}

// chooseGroup marks the functions before the level, else those after it: the
// last one, in English, and those that are joined to it.
func chooseGroup(items []item, boundary int, counts func(int) bool, head []bool) {
	last := -1
	for i := range boundary {
		// "Procurement IT"
		if domain := items[i].domain && boundary == len(items) && last >= 0 && !items[i].and; counts(i) && !domain {
			last = i
		}
	}
	if last >= 0 {
		// "Sales and Marketing Director"
		for i := last; i >= 0; i-- {
			if counts(i) {
				head[i] = true
				if !items[i].and {
					break
				}
			}
		}
		return
	}
	// "Director of Sales and Marketing": of each joined group, the last one.
	group := -1
	for i := boundary; i < len(items); i++ {
		if !counts(i) || group >= 0 && items[i].domain && !items[i].and {
			continue
		}
		if group >= 0 && items[i].and {
			head[group] = true
		}
		group = i
	}
	if group >= 0 {
		head[group] = true
	}
}
