package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// tokens reads JSON that is known to be valid, token by token. json.Decoder
// does too, in five times as long, as it looks for faults again.
type tokens struct {
	data []byte
	at   int // where the next token begins, or the space before it
}

// token is a json.Delim, a string, a bool, a number or nil.
type token any

// number stands for any number: none of a persona has one.
type number struct{}

// next reads a token. Commas and colons are none.
func (t *tokens) next() token {
	t.pass()
	rest := t.data[t.at:]
	switch c := rest[0]; c {
	case '{', '}', '[', ']':
		t.at++
		return json.Delim(c)
	case '"':
		return t.text(rest)
	case 't':
		t.at += len("true")
		return true
	case 'f':
		t.at += len("false")
		return false
	case 'n':
		t.at += len("null")
		return nil
	}
	for t.at < len(t.data) && bytes.IndexByte([]byte("+-.0123456789Ee"), t.data[t.at]) >= 0 {
		t.at++
	}
	return number{}
}

// more tells whether the object or array has another member.
func (t *tokens) more() bool {
	t.pass()
	return t.data[t.at] != '}' && t.data[t.at] != ']'
}

// pass goes to where the next token begins.
func (t *tokens) pass() {
	for {
		switch t.data[t.at] {
		case ' ', '\t', '\r', '\n', ',', ':':
			t.at++
		default:
			return
		}
	}
}

// text reads the text that rest begins with.
func (t *tokens) text(rest []byte) string {
	length := 1 + bytes.IndexByte(rest[1:], '"')
	if bytes.IndexByte(rest[:length], '\\') < 0 {
		t.at += length + 1
		return string(rest[1:length])
	}
	for length = 1; rest[length] != '"'; length++ {
		if rest[length] == '\\' {
			length++
		}
	}
	t.at += length + 1
	var s string
	if err := json.Unmarshal(rest[:length+1], &s); err != nil {
		panic(fmt.Sprintf("wire: a text that was valid is not: %v", err)) // see checkText
	}
	return s
}
