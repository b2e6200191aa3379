// Package jsontext writes and reads the texts of JSON as encoding/json does, byte
// by byte, in a fraction of its time: for formats of our own whose shape is
// known. It knows no shape itself, and is not for what people send us.
package jsontext

import (
	"unicode/utf8"
)

const hex = "0123456789abcdef"

// AppendString appends s as encoding/json writes it where HTML is not escaped.
func AppendString(b []byte, s string) []byte { return appendString(b, s, &escaped, false) }

// AppendHTMLString appends s as json.Marshal writes it.
func AppendHTMLString(b []byte, s string) []byte { return appendString(b, s, &escapedForHTML, true) }

func appendString(b []byte, s string, escaped *[256]bool, html bool) []byte {
	b = append(b, '"')
	start := 0
	for i := plainPrefix(s, html); i < len(s); {
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

// plainPrefix returns a length up to which s stands for itself: it looks at
// eight bytes at a time, and stops before the first eight that have another.
func plainPrefix(s string, html bool) int {
	i := 0
	for ; len(s)-i >= 8; i += 8 {
		v := word(s[i:])
		other := beyondASCII(v) | below(v, ' ') | equal(v, '"') | equal(v, '\\')
		if html {
			other |= equal(v, '<') | equal(v, '>') | equal(v, '&')
		}
		if other&highBits != 0 {
			break
		}
	}
	return i
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// word returns the first eight bytes of s.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// These set a high bit if a byte of v is of the kind, and none if no byte is.
func beyondASCII(v uint64) uint64 { return v }

func below(v uint64, c byte) uint64 { return (v - lowBits*uint64(c)) &^ v }

func equal(v uint64, c byte) uint64 { return below(v^lowBits*uint64(c), 1) }

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
