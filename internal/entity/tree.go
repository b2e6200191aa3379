package entity

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"personae.dev/internal/errs"
)

// MaxDepth is how deep values of a request may be nested. The body is a level.
const MaxDepth = 32

// node is a JSON value that was read.
type node struct {
	kind    jsontext.Kind // { [ " t f n 0
	text    string        // of a string, or the digits of a number
	members []member      // of an object, in order, also those that occur twice
	items   []*node       // of an array
	// tooDeep says that the value is nested deeper than MaxDepth. What is deeper
	// was left out.
	tooDeep bool
}

type member struct {
	name  string
	value *node
	// again says that a member before has the same name.
	again bool
}

// parse reads one JSON value. Where data is not one in sound Unicode, that is its
// only error, and its path is "body".
func parse(data []byte) (*node, []errs.Field) {
	p := parser{jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true))}
	n, err := p.value(1)
	if err == nil {
		// Something after the value is an error, too.
		if _, err = p.d.ReadToken(); errors.Is(err, io.EOF) {
			return n, nil
		}
	}
	return nil, []errs.Field{{Path: "body", Message: explain(data, err)}}
}

type parser struct{ d *jsontext.Decoder }

func (p parser) value(depth int) (*node, error) {
	token, err := p.d.ReadToken()
	if err != nil {
		return nil, err
	}
	return p.rest(token, depth)
}

// rest reads what is left of a value after its first token.
func (p parser) rest(token jsontext.Token, depth int) (*node, error) {
	n := &node{kind: token.Kind()}
	switch n.kind {
	case '"', '0':
		n.text = token.String()
	case '{', '[':
		if depth > MaxDepth {
			n.tooDeep = true
			return n, p.skip()
		}
		if n.kind == '[' {
			return n, p.array(n, depth)
		}
		return n, p.object(n, depth)
	}
	return n, nil
}

func (p parser) object(n *node, depth int) error {
	seen := map[string]bool{}
	for {
		token, err := p.d.ReadToken()
		if err != nil || token.Kind() == '}' {
			return err
		}
		m := member{name: token.String()}
		m.again = seen[m.name]
		seen[m.name] = true
		if m.value, err = p.value(depth + 1); err != nil {
			return err
		}
		n.tooDeep = n.tooDeep || m.value.tooDeep
		n.members = append(n.members, m)
	}
}

func (p parser) array(n *node, depth int) error {
	for {
		token, err := p.d.ReadToken()
		if err != nil || token.Kind() == ']' {
			return err
		}
		item, err := p.rest(token, depth+1)
		if err != nil {
			return err
		}
		n.tooDeep = n.tooDeep || item.tooDeep
		n.items = append(n.items, item)
	}
}

// skip reads up to the end of the object or array that has begun.
func (p parser) skip() error {
	for level := p.d.StackDepth(); p.d.StackDepth() >= level; {
		if _, err := p.d.ReadToken(); err != nil {
			return err
		}
	}
	return nil
}

// explain says in words why data is not one JSON value.
func explain(data []byte, err error) string {
	if len(bytes.TrimSpace(data)) == 0 {
		return "is empty: send a JSON object"
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Sprintf("is JSON that is cut off at its end, byte %d", len(data))
	}
	if err == nil {
		return "is not JSON: there is a second value after the first"
	}
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok {
		return fmt.Sprintf("is not JSON: %v", err)
	}
	at := int(syntax.ByteOffset)
	rest := data[min(at, len(data)):]
	switch {
	case !utf8.Valid(data):
		return fmt.Sprintf("is not valid UTF-8 at byte %d: send the text as UTF-8", invalidUTF8(data))
	case isSurrogate(rest):
		return fmt.Sprintf("has half of a surrogate pair at byte %d: write the character itself, or both halves", at)
	case syntax.Err == nil:
		return fmt.Sprintf("is not JSON at byte %d", at)
	}
	return fmt.Sprintf("is not JSON: %v, after byte %d", syntax.Err, at)
}

// invalidUTF8 returns where data is not valid UTF-8.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(data)
}

// isSurrogate tells whether data begins with the escape of a surrogate.
func isSurrogate(data []byte) bool {
	return len(data) > 3 && data[0] == '\\' && data[1] == 'u' &&
		(data[2] == 'd' || data[2] == 'D') && strings.IndexByte("89abcdefABCDEF", data[3]) >= 0
}

// describe names the type of a value in words.
func (n *node) describe() string {
	switch n.kind {
	case '"':
		return "a text"
	case '0':
		return "a number"
	case 't':
		return "true"
	case 'f':
		return "false"
	case '{':
		return "an object"
	case '[':
		return "a list"
	default:
		return "null"
	}
}

// isEmpty tells whether a value is "", [], {}, or an object of such.
func (n *node) isEmpty() bool {
	switch n.kind {
	case '"':
		return n.text == ""
	case '[':
		return len(n.items) == 0 && !n.tooDeep
	case '{':
		for _, m := range n.members {
			if !m.value.isEmpty() {
				return false
			}
		}
		return !n.tooDeep
	}
	return false
}

// hasContent tells whether a value says anything: it is neither null nor empty,
// nor an object or list of such.
func (n *node) hasContent() bool {
	switch n.kind {
	case 'n':
		return false
	case '"':
		return n.text != ""
	case '[':
		for _, item := range n.items {
			if item.hasContent() {
				return true
			}
		}
		return n.tooDeep
	case '{':
		for _, m := range n.members {
			if m.value.hasContent() {
				return true
			}
		}
		return n.tooDeep
	}
	return true
}

// member returns the value of a member, nil where there is none.
func (n *node) member(name string) *node {
	for _, m := range n.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// appendJSON appends the value in canonical form: without spaces, texts escaped
// as all texts are, numbers as they were sent, members in their order.
func (n *node) appendJSON(b []byte) []byte {
	switch n.kind {
	case '"':
		return appendString(b, n.text)
	case '0':
		return append(b, n.text...)
	case 't':
		return append(b, "true"...)
	case 'f':
		return append(b, "false"...)
	case '[':
		b = append(b, '[')
		for i, item := range n.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.appendJSON(b)
		}
		return append(b, ']')
	case '{':
		b = append(b, '{')
		for i, m := range n.members {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, m.name), ':')
			b = m.value.appendJSON(b)
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

// merge returns what n becomes by a merge patch (RFC 7396). n may be nil.
func (n *node) merge(patch *node) *node {
	if patch.kind != '{' {
		return patch
	}
	changes := make(map[string]*node, len(patch.members))
	for _, m := range patch.members {
		changes[m.name] = m.value
	}
	merged := &node{kind: '{'}
	there := map[string]bool{}
	if n != nil && n.kind == '{' {
		for _, m := range n.members {
			there[m.name] = true
			change := changes[m.name]
			switch {
			case change == nil:
				merged.members = append(merged.members, m)
			case change.kind != 'n':
				merged.members = append(merged.members, member{name: m.name, value: m.value.merge(change)})
			}
		}
	}
	for _, m := range patch.members {
		if m.value.kind != 'n' && !there[m.name] {
			merged.members = append(merged.members, member{name: m.name, value: (*node)(nil).merge(m.value)})
		}
	}
	return merged
}
