package wire

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// tokens reads one JSON value, token by token, and finds out on the way whether
// it is one: after the first fault there are no more tokens, and broken is set.
// What the fault is, encoding/json says (explain).
//
// json.Decoder reads tokens too, in ten times as long.
type tokens struct {
	text   string
	at     int // where the next token begins, or the space before it
	depth  int
	broken bool
	// plain tells that text has neither control characters nor backslashes, so
	// that a text in it ends at the next quote.
	plain bool
	// clone has texts copied: else they are parts of the whole, which they keep in
	// memory.
	clone bool
	// items is what the lists of texts are parts of.
	items []string
}

// token is the beginning of a value, or a whole one.
type token struct {
	kind byte   // { [ " t f n, or 0 for a number; broken for none
	text string // of kind "
}

const (
	number = 0
	broken = 1
	// deepest is how deep encoding/json reads.
	deepest = 10_000
	// mostItems bounds the memory that is taken for items in advance.
	mostItems = 256
)

// newTokens reads text, which is valid UTF-8.
func newTokens(text string) tokens {
	return tokens{text: text, plain: isPlain(text)}
}

func isPlain(text string) bool {
	i := 0
	for ; i+8 <= len(text); i += 8 {
		// Eight bytes at once: bit 7 of each tells whether it is below space, or a
		// backslash.
		const ones, highs = 0x0101010101010101, 0x8080808080808080
		x := uint64(text[i]) | uint64(text[i+1])<<8 | uint64(text[i+2])<<16 | uint64(text[i+3])<<24 |
			uint64(text[i+4])<<32 | uint64(text[i+5])<<40 | uint64(text[i+6])<<48 | uint64(text[i+7])<<56
		backslash := x ^ ones*'\\'
		if ((x-ones*' ')&^x|(backslash-ones)&^backslash)&highs != 0 {
			return false
		}
	}
	for ; i < len(text); i++ {
		if text[i] < ' ' || text[i] == '\\' {
			return false
		}
	}
	return true
}

// fail notes that text is not JSON.
func (t *tokens) fail() token {
	t.broken = true
	t.at = len(t.text)
	return token{kind: broken}
}

// pass goes to the next character that is no space, and returns it; 0 at the end.
func (t *tokens) pass() byte {
	for t.at < len(t.text) {
		switch c := t.text[t.at]; c {
		case ' ', '\t', '\r', '\n':
			t.at++
		default:
			return c
		}
	}
	return 0
}

// next reads the beginning of a value: the whole, but for an object or array.
func (t *tokens) next() token {
	switch c := t.pass(); c {
	case '{', '[':
		t.at++
		if t.depth++; t.depth > deepest {
			return t.fail()
		}
		return token{kind: c}
	case '"':
		return t.string()
	case 't':
		return t.word(c, "true")
	case 'f':
		return t.word(c, "false")
	case 'n':
		return t.word(c, "null")
	}
	return t.number()
}

func (t *tokens) word(kind byte, word string) token {
	if !strings.HasPrefix(t.text[t.at:], word) {
		return t.fail()
	}
	t.at += len(word)
	return token{kind: kind}
}

// more tells whether the object or array, which closing ends, has another
// member, and passes over the comma before it, or the end.
func (t *tokens) more(closing byte, first bool) bool {
	switch c := t.pass(); {
	case c == closing:
		t.at++
		t.depth--
		return false
	case first:
		return !t.broken
	case c == ',':
		t.at++
		return true // next and name see what follows
	}
	t.fail()
	return false
}

// name reads the name of a member, and the colon.
func (t *tokens) name() string {
	if t.pass() != '"' {
		return t.fail().text
	}
	name := t.string().text
	if t.pass() != ':' {
		return t.fail().text
	}
	t.at++
	return name
}

// end tells whether the whole is one JSON value.
func (t *tokens) end() bool {
	return t.pass() == 0 && t.at == len(t.text) && !t.broken
}

// skip passes over what a token began, and tells whether that is nested too
// deeply.
func (t *tokens) skip(begun token) (tooDeep bool) {
	switch begun.kind {
	case '{':
		tooDeep = t.depth > MaxDepth
		for first := true; t.more('}', first); first = false {
			t.name()
			tooDeep = t.skip(t.next()) || tooDeep
		}
	case '[':
		tooDeep = t.depth > MaxDepth
		for first := true; t.more(']', first); first = false {
			tooDeep = t.skip(t.next()) || tooDeep
		}
	}
	return tooDeep
}

// string reads the text that begins here.
func (t *tokens) string() token {
	rest := t.text[t.at+1:]
	if t.plain {
		end := strings.IndexByte(rest, '"')
		if end < 0 {
			return t.fail()
		}
		t.at += end + 2
		return t.kept(rest[:end])
	}
	escaped := false
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '"':
			quoted := t.text[t.at : t.at+i+2]
			t.at += i + 2
			if !escaped {
				return t.kept(rest[:i])
			}
			var s string
			if err := json.Unmarshal([]byte(quoted), &s); err != nil {
				return t.fail() // an escape that there is not
			}
			return token{'"', s}
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			return t.fail()
		}
	}
	return t.fail()
}

func (t *tokens) kept(text string) token {
	if t.clone {
		text = strings.Clone(text)
	}
	return token{'"', text}
}

// number passes over a number: none of a persona has one.
func (t *tokens) number() token {
	if t.at < len(t.text) && t.text[t.at] == '-' {
		t.at++
	}
	if t.at < len(t.text) && t.text[t.at] == '0' {
		t.at++
	} else if !t.digits() {
		return t.fail()
	}
	if t.at < len(t.text) && t.text[t.at] == '.' {
		t.at++
		if !t.digits() {
			return t.fail()
		}
	}
	if t.at < len(t.text) && (t.text[t.at] == 'e' || t.text[t.at] == 'E') {
		if t.at++; t.at < len(t.text) && (t.text[t.at] == '+' || t.text[t.at] == '-') {
			t.at++
		}
		if !t.digits() {
			return t.fail()
		}
	}
	return token{kind: number}
}

// digits passes over digits, and tells whether there is one.
func (t *tokens) digits() bool {
	from := t.at
	for t.at < len(t.text) && t.text[t.at] >= '0' && t.text[t.at] <= '9' {
		t.at++
	}
	return t.at > from
}

// list reads the rest of an array of texts. wrong is told of what is none, and
// passes over it.
func (t *tokens) list(wrong func(i int, begun token)) []string {
	if t.items == nil {
		// Two quotes each, so that there are enough for all lists.
		t.items = make([]string, 0, min(strings.Count(t.text[t.at:], `"`)/2+1, mostItems))
	}
	from := len(t.items)
	for first := true; t.more(']', first); first = false {
		item := t.next()
		if item.kind != '"' {
			wrong(len(t.items)-from, item)
		}
		t.items = append(t.items, item.text)
	}
	if len(t.items) == from {
		return nil
	}
	return t.items[from:len(t.items):len(t.items)] // who appends takes a copy
}

// invalidUTF8 returns where text is not valid UTF-8, -1 where it is.
func invalidUTF8(text string) int {
	if utf8.ValidString(text) {
		return -1
	}
	for i, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				return i
			}
		}
	}
	return -1
}
