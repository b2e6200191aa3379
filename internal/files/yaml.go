package files

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// YAML returns a value as YAML, with the fields and the order of its JSON.
func YAML(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("yaml: %w", err)
	}
	tokens := json.NewDecoder(&text)
	tokens.UseNumber()
	astral := newAstral(text.String())
	node, err := readJSON(tokens, astral)
	if err != nil {
		return nil, fmt.Errorf("yaml: %w", err)
	}
	var out bytes.Buffer
	writer := yaml.NewEncoder(&out)
	writer.SetIndent(2)
	if err := errors.Join(writer.Encode(node), writer.Close()); err != nil {
		return nil, fmt.Errorf("yaml: %w", err)
	}
	return []byte(strings.Map(astral.original, out.String())), nil
}

// astral replaces characters above U+FFFF, such as emoji, by characters of the
// private use area that do not occur in a text, and back. The YAML library would
// write \U0001F680 for an emoji, and the whole text around it in one quoted line,
// which nobody can edit.
type astral struct {
	text        string // where replacements must not occur
	next        rune
	forth, back map[rune]rune
}

func newAstral(text string) *astral {
	return &astral{text: text, next: 0xE000, forth: map[rune]rune{}, back: map[rune]rune{}}
}

// replace returns a text without such characters, if there are replacements left.
func (a *astral) replace(text string) string {
	const last = 0xF8FF
	return strings.Map(func(r rune) rune {
		if r <= 0xFFFF {
			return r
		}
		if _, known := a.forth[r]; !known {
			for strings.ContainsRune(a.text, a.next) {
				a.next++
			}
			if a.next > last {
				return r // left to the library
			}
			a.forth[r], a.back[a.next] = a.next, r
			a.next++
		}
		return a.forth[r]
	}, text)
}

func (a *astral) original(r rune) rune {
	if emoji, ok := a.back[r]; ok {
		return emoji
	}
	return r
}

// readJSON reads the next value of tokens, and keeps the order of its fields.
func readJSON(tokens *json.Decoder, astral *astral) (*yaml.Node, error) {
	token, err := tokens.Token()
	if err != nil {
		return nil, err
	}
	node := &yaml.Node{Kind: yaml.ScalarNode}
	switch token := token.(type) {
	case nil:
		node.Tag, node.Value = "!!null", "null"
	case bool:
		node.Tag, node.Value = "!!bool", strconv.FormatBool(token)
	case json.Number:
		// The encoder decides between integer and float.
		node.Value = token.String()
	case string:
		if isOldBool(token) || needsEscapes(token) {
			node.SetString(token)
			node.Style = yaml.DoubleQuotedStyle
			break
		}
		node.SetString(astral.replace(token))
	case json.Delim:
		node.Kind = yaml.SequenceNode
		if token == '{' {
			node.Kind = yaml.MappingNode
		}
		for tokens.More() {
			item, err := readJSON(tokens, astral)
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, item)
		}
		if len(node.Content) == 0 {
			node.Style = yaml.FlowStyle // [] and {}
		}
		if _, err := tokens.Token(); err != nil { // the end
			return nil, err
		}
	}
	return node, nil
}

// needsEscapes tells whether a text has characters that are lost, or misread, in
// another style than quotes with escapes.
func needsEscapes(s string) bool {
	return strings.HasPrefix(s, "\t") || strings.Contains(s, "\n\t") || strings.ContainsFunc(s, func(r rune) bool {
		switch r {
		case '\n', '\t':
			return false
		case '\u2028', '\u2029', '\ufeff', '\ufffe', '\uffff':
			return true
		}
		return r < ' ' || r >= 0x7f && r <= 0x9f
	})
}

// isOldBool tells whether YAML 1.1, and with it other programs, takes a text for a
// boolean.
func isOldBool(s string) bool {
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off":
		return true
	}
	return false
}

// Document is one JSON value of a text.
type Document struct {
	// Line is the one in which the value begins, from 1.
	Line int
	JSON []byte
}

// JSON returns the JSON of a text that is YAML or JSON, with one document.
func JSON(text []byte) ([]byte, error) {
	documents, err := Documents(text)
	switch {
	case err != nil:
		return nil, err
	case len(documents) == 0:
		return nil, errors.New("is empty")
	case len(documents) > 1:
		return nil, errors.New("has more than one document: write one into each file")
	}
	return documents[0].JSON, nil
}

// Documents returns the JSON of each document of a text that is YAML or JSON.
// JSON comes back as it is. What YAML has and JSON has not is refused: anchors,
// and keys that are not texts. A date stays the text that it is.
func Documents(text []byte) ([]Document, error) {
	if json.Valid(text) {
		return []Document{{1, text}}, nil
	}
	var documents []Document
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var document yaml.Node
		switch err := decoder.Decode(&document); {
		case errors.Is(err, io.EOF):
			return documents, nil
		case err != nil:
			return nil, fmt.Errorf("is neither YAML nor JSON: %s", yamlError(err))
		}
		root := document.Content[0]
		if isNull(root) {
			continue // nothing but a comment, for one
		}
		var out bytes.Buffer
		if err := writeNode(&out, root); err != nil {
			return nil, err
		}
		documents = append(documents, Document{root.Line, out.Bytes()})
	}
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" }

// fromZero matches errors of the YAML library's parser, which counts lines from 0
// in these, and from 1 elsewhere.
var fromZero = regexp.MustCompile(`^line (\d+): (did not find expected (?:key|node content|',|'-|<).*)$`)

// yamlError returns what is wrong with a text, and in which line.
func yamlError(err error) string {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if parts := fromZero.FindStringSubmatch(text); parts != nil {
		if line, err := strconv.Atoi(parts[1]); err == nil {
			return fmt.Sprintf("line %d: %s", line+1, parts[2])
		}
	}
	return text
}

// writeNode writes a node as JSON. A key that occurs twice does so in the JSON.
func writeNode(out *bytes.Buffer, node *yaml.Node) error {
	switch node.Kind {
	case yaml.MappingNode:
		out.WriteByte('{')
		for i := 0; i < len(node.Content); i += 2 {
			key := node.Content[i]
			if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge" {
				return fmt.Errorf("has a key in line %d that is not a text", key.Line)
			}
			if i > 0 {
				out.WriteByte(',')
			}
			writeValue(out, key.Value)
			out.WriteByte(':')
			if err := writeNode(out, node.Content[i+1]); err != nil {
				return err
			}
		}
		out.WriteByte('}')
	case yaml.SequenceNode:
		out.WriteByte('[')
		for i, item := range node.Content {
			if i > 0 {
				out.WriteByte(',')
			}
			if err := writeNode(out, item); err != nil {
				return err
			}
		}
		out.WriteByte(']')
	case yaml.ScalarNode:
		return writeScalar(out, node)
	default:
		return fmt.Errorf("has an alias in line %d: write the value instead", node.Line)
	}
	return nil
}

func writeScalar(out *bytes.Buffer, node *yaml.Node) error {
	switch node.ShortTag() {
	case "!!null":
		out.WriteString("null")
	case "!!bool", "!!int", "!!float":
		var value any
		if err := node.Decode(&value); err != nil {
			return fmt.Errorf("has a value in line %d that cannot be read: %s", node.Line, strings.TrimPrefix(err.Error(), "yaml: "))
		}
		if b, err := json.Marshal(value); err == nil {
			out.Write(b)
			return nil
		}
		writeValue(out, node.Value) // .nan and .inf
	default:
		writeValue(out, node.Value)
	}
	return nil
}

func writeValue(out *bytes.Buffer, text string) {
	b, err := json.Marshal(text)
	if err != nil {
		panic("files: encode a text: " + err.Error())
	}
	out.Write(b)
}
