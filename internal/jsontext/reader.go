package jsontext

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Reader reads a text of JSON whose shape is known, from its beginning to its
// end. What it gives are parts of that text where they stand there as they are. With
// the first fault it gives nothing more: see End.
type Reader struct {
	text  string
	at    int // where the next value begins, or the space before it
	depth int
	err   error
	lists []string // what the lists of texts are parts of
}

// deepest is that of encoding/json.
const deepest = 10000

// NewReader returns a Reader of text.
func NewReader(text string) *Reader { return &Reader{text: text} }

// maxKept is for how many texts of lists there stays room.
const maxKept = 4096

// Reset begins with another text. It writes over the lists that were given.
func (r *Reader) Reset(text string) {
	lists := r.lists[:0]
	if cap(lists) > maxKept {
		lists = nil
	}
	*r = Reader{text: text, lists: lists}
}

// Object reads an object, or null. member is called with each name, and has to
// read its value, with Skip if it is of no interest.
func (r *Reader) Object(member func(name string)) {
	if !r.open('{') {
		return
	}
	for first := true; r.more('}', first); first = false {
		name := r.string()
		if !r.token(':') {
			return
		}
		member(name)
	}
}

// Array reads an array, or null. element is called at each element, and has to
// read it.
func (r *Reader) Array(element func()) {
	if !r.open('[') {
		return
	}
	for first := true; r.more(']', first); first = false {
		element()
	}
}

// Texts reads a list of texts: nil for null.
func (r *Reader) Texts() []string {
	if r.lists == nil {
		// Two quotes each. All lists are parts of one, and so is each name, in vain.
		r.lists = make([]string, 0, strings.Count(r.text[r.at:], `"`)/2+1)
	}
	if !r.open('[') {
		return nil
	}
	from := len(r.lists)
	for first := true; r.more(']', first); first = false {
		r.lists = append(r.lists, r.Text())
	}
	return r.lists[from:len(r.lists):len(r.lists)] // who appends takes a copy
}

// Text reads a text: "" for null.
func (r *Reader) Text() string {
	if r.null() {
		return ""
	}
	return r.string()
}

// OptionalText reads a text: nil for null.
func (r *Reader) OptionalText() *string {
	if r.null() {
		return nil
	}
	text := r.string()
	return &text
}

// Bool reads true or false: false for null.
func (r *Reader) Bool() bool {
	switch {
	case r.null(), r.word("false"):
		return false
	case r.word("true"):
		return true
	}
	r.fail("a bool")
	return false
}

// OptionalInt reads a whole number: nil for null.
func (r *Reader) OptionalInt() *int64 {
	if r.null() {
		return nil
	}
	n := r.Int()
	return &n
}

// Int reads a whole number: 0 for null.
func (r *Reader) Int() int64 {
	if r.null() {
		return 0
	}
	number, ok := r.number()
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("json: %w", err)
	}
	return n
}

// Skip reads any value.
func (r *Reader) Skip() {
	r.space()
	if r.err != nil || r.at == len(r.text) {
		r.fail("a value")
		return
	}
	switch r.text[r.at] {
	case '{':
		r.Object(func(string) { r.Skip() })
	case '[':
		r.Array(r.Skip)
	case '"':
		_ = r.string()
	case 't', 'f', 'n':
		r.Bool()
	default:
		_, _ = r.number()
	}
}

// End tells what was wrong, or stands after the value.
func (r *Reader) End() error {
	if r.space(); r.err == nil && r.at < len(r.text) {
		r.fail("the end")
	}
	return r.err
}

// fail ends the reading, with what was wanted at this place.
func (r *Reader) fail(wanted string) {
	if r.err == nil {
		r.err = fmt.Errorf("json: want %s at byte %d", wanted, r.at)
	}
	r.at = len(r.text)
}

func (r *Reader) space() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\r', '\n':
			r.at++
		default:
			return
		}
	}
}

// token reads a character.
func (r *Reader) token(c byte) bool {
	if r.space(); r.at < len(r.text) && r.text[r.at] == c {
		r.at++
		return true
	}
	r.fail(string(rune(c)))
	return false
}

// open reads what begins an object or array, if it is not null.
func (r *Reader) open(c byte) bool {
	if r.null() || !r.token(c) {
		return false
	}
	if r.depth++; r.depth > deepest {
		r.fail("less depth")
		return false
	}
	return true
}

// more goes on to the next member, or beyond the end of the object or array.
func (r *Reader) more(end byte, first bool) bool {
	r.space()
	switch {
	case r.err != nil:
		return false
	case r.at < len(r.text) && r.text[r.at] == end:
		r.at++
		r.depth--
		return false
	case first:
		return true
	}
	return r.token(',')
}

func (r *Reader) null() bool { return r.word("null") }

func (r *Reader) word(word string) bool {
	if r.space(); !strings.HasPrefix(r.text[r.at:], word) {
		return false
	}
	r.at += len(word)
	return true
}

// number reads a number as it stands there.
func (r *Reader) number() (string, bool) {
	r.space()
	from := r.at
	digits := func() bool {
		start := r.at
		for r.at < len(r.text) && '0' <= r.text[r.at] && r.text[r.at] <= '9' {
			r.at++
		}
		return r.at > start
	}
	is := func(set string) bool {
		if r.at < len(r.text) && strings.IndexByte(set, r.text[r.at]) >= 0 {
			r.at++
			return true
		}
		return false
	}
	is("-")
	ok := is("0") || digits()
	if ok && is(".") {
		ok = digits()
	}
	if ok && is("eE") {
		is("+-")
		ok = digits()
	}
	if !ok {
		r.fail("a number")
		return "", false
	}
	return r.text[from:r.at], true
}

// string reads a text.
func (r *Reader) string() string {
	if !r.token('"') {
		return ""
	}
	from, ascii := r.at, true
	for i := from + plainPrefix(r.text[from:], false); i < len(r.text); i++ {
		kind := kinds[r.text[i]]
		if kind == plain {
			continue
		}
		if kind == beyond {
			ascii = false
			continue
		}
		if r.text[i] != '"' || !ascii && !utf8.ValidString(r.text[from:i]) {
			return r.unquoted(i)
		}
		r.at = i + 1
		return r.text[from:i]
	}
	r.fail("the end of a text")
	return ""
}

// unquoted reads a text that has escapes, or what is no Unicode: a U+FFFD
// stands for that, and for half of a surrogate pair. The first is at special or
// before it.
func (r *Reader) unquoted(special int) string {
	text := make([]byte, 0, special-r.at+strings.IndexByte(r.text[special:], '"')+1)
	for r.at < len(r.text) {
		switch c := r.text[r.at]; {
		case c == '"':
			r.at++
			return string(text)
		case c == '\\':
			var ok bool
			if text, ok = r.unescape(text); !ok {
				r.fail("an escape")
				return ""
			}
		case c < ' ':
			r.fail("a text")
			return ""
		case c < utf8.RuneSelf:
			text = append(text, c)
			r.at++
		default:
			char, size := utf8.DecodeRuneInString(r.text[r.at:])
			text = utf8.AppendRune(text, char)
			r.at += size
		}
	}
	r.fail("the end of a text")
	return ""
}

// unescape reads an escape, and appends what it stands for.
func (r *Reader) unescape(text []byte) ([]byte, bool) {
	if r.at+1 == len(r.text) {
		return text, false
	}
	c := r.text[r.at+1]
	if c == 'u' {
		char, ok := r.hex(r.at)
		if !ok {
			return text, false
		}
		r.at += 6
		if utf16.IsSurrogate(char) {
			low, _ := r.hex(r.at)
			if pair := utf16.DecodeRune(char, low); pair != unicode.ReplacementChar {
				r.at += 6
				return utf8.AppendRune(text, pair), true
			}
			char = unicode.ReplacementChar
		}
		return utf8.AppendRune(text, char), true
	}
	at := strings.IndexByte(`"\/bfnrt`, c)
	if at < 0 {
		return text, false
	}
	r.at += 2
	return append(text, "\"\\/\b\f\n\r\t"[at]), true
}

// hex reads the character of a \uXXXX.
func (r *Reader) hex(at int) (rune, bool) {
	if len(r.text)-at < 6 || r.text[at] != '\\' || r.text[at+1] != 'u' {
		return -1, false
	}
	n := rune(0)
	for _, c := range []byte(r.text[at+2 : at+6]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1, false
		}
		n = n<<4 | rune(c)
	}
	return n, true
}

// The kinds of bytes in a text.
const (
	plain  byte = iota
	beyond      // ASCII
	special
)

var kinds = func() (t [256]byte) { //nolint:gochecknoglobals // never written after
	for c := range t {
		switch {
		case c < ' ', c == '"', c == '\\':
			t[c] = special
		case c >= utf8.RuneSelf:
			t[c] = beyond
		}
	}
	return t
}()
