package main

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// object returns a mapping of pairs of key and value. A value that is nil leaves
// its pair out.
func object(pairs ...any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	add(n, pairs...)
	return n
}

// add appends pairs of key and value to a mapping.
func add(n *yaml.Node, pairs ...any) {
	for i := 0; i < len(pairs); i += 2 {
		if value := node(pairs[i+1]); value != nil {
			n.Content = append(n.Content, node(pairs[i]), value)
		}
	}
}

// node returns the YAML of a value.
func node(value any) *yaml.Node {
	switch v := value.(type) {
	case nil:
		return nil
	case *yaml.Node:
		return v
	case string:
		return text(v)
	case bool:
		return scalar("!!bool", strconv.FormatBool(v))
	case int:
		return scalar("!!int", strconv.Itoa(v))
	case []string:
		n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, item := range v {
			n.Content = append(n.Content, text(item))
		}
		return n
	case []*yaml.Node:
		return &yaml.Node{Kind: yaml.SequenceNode, Content: v}
	}
	panic(fmt.Sprintf("gen: %T has no YAML", value))
}

func scalar(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}

// text returns a string, as a block where it has lines.
func text(s string) *yaml.Node {
	n := scalar("!!str", s)
	if strings.Contains(s, "\n") {
		n.Style = yaml.LiteralStyle
	}
	return n
}

// ref returns a reference to a component, such as "schemas/Persona".
func ref(component string) *yaml.Node {
	n := object("$ref", "#/components/"+component)
	n.Style = yaml.FlowStyle
	return n
}

// fromJSON returns a JSON value on one line.
func fromJSON(value string) (*yaml.Node, error) {
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(value), &n); err != nil {
		return nil, fmt.Errorf("%s is not JSON: %w", value, err)
	}
	return n.Content[0], nil
}

// get returns what is at a path in a mapping, nil for nothing.
func get(n *yaml.Node, path ...string) *yaml.Node {
	for _, key := range path {
		var found *yaml.Node
		for i := 0; n != nil && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				found = n.Content[i+1]
			}
		}
		n = found
	}
	return n
}
