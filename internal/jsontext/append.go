// Package jsontext writes and reads the texts of JSON as encoding/json does, byte
// by byte, in a fraction of its time: for formats of our own whose shape is
// known. It knows no shape itself, and is not for what people send us.
package jsontext

import (
	"unicode/utf8"
)

const hex = "0123456789abcdef"

// AppendString appends s as encoding/json writes it where HTML is not escaped.
func AppendString(b []byte, s string) []byte { return appendString(b, s, &escaped) }

// AppendHTMLString appends s as json.Marshal writes it.
func AppendHTMLString(b []byte, s string) []byte { return appendString(b, s, &escapedForHTML) }

func appendString(b []byte, s string, escaped *[256]bool) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if !escaped[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = append(b, s[start:i]...)
			b = appendEscaped(b, c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(append(b, s[start:i]...), `\ufffd`...)
			start = i + size
		case r == '\u2028', r == '\u2029': // which end a line of JavaScript
			b = append(append(b, s[start:i]...), `\u202`...)
			b = append(b, hex[r&0xf])
			start = i + size
		}
		i += size
	}
	return append(append(b, s[start:]...), '"')
}

func appendEscaped(b []byte, c byte) []byte {
	switch c {
	case '\\', '"':
		return append(b, '\\', c)
	case '\b':
		return append(b, '\\', 'b')
	case '\f':
		return append(b, '\\', 'f')
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
}

// escaped and escapedForHTML tell which bytes are not written as they are, or
// begin what may not be.
var (
	escaped        = table("\"\\")    //nolint:gochecknoglobals // never written after
	escapedForHTML = table("\"\\<>&") //nolint:gochecknoglobals // never written after
)

func table(more string) (t [256]bool) {
	for c := range t {
		t[c] = c < ' ' || c >= utf8.RuneSelf
	}
	for _, c := range []byte(more) {
		t[c] = true
	}
	return t
}
