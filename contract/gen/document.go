package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"personae.dev/contract"
	"personae.dev/internal/entity"
)

const header = "# Generated from contract/base.yaml and the kinds by contract/gen. DO NOT EDIT: run `make generate`.\n"

// document returns the OpenAPI document: base, with the paths and schemas of
// every kind.
func document(base []byte, registry *entity.Registry) ([]byte, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(base, &root); err != nil {
		return nil, fmt.Errorf("contract/base.yaml: %w", err)
	}
	doc := root.Content[0]
	root.HeadComment, doc.HeadComment, doc.Content[0].HeadComment = "", "", ""
	paths, tags := object(), []*yaml.Node{}
	schemas, responses := object(), object()
	restored := []*yaml.Node{}
	for _, k := range registry.Kinds() {
		g := generator{registry: registry, kind: k, name: typeName(k)}
		tags = append(tags, object("name", g.tag(), "description", sentence(k.Description)))
		g.addPaths(paths)
		g.addResponses(responses)
		g.addSchemas(schemas)
		if g.err != nil {
			return nil, fmt.Errorf("kind %s: %w", k.Name, g.err)
		}
		restored = append(restored, ref("schemas/"+g.name+"Response"))
	}
	add(responses, "RestoredRevision", object(
		"description", "The entity, as it was after the revision.",
		"headers", writtenHeaders(),
		"content", jsonContent(ref("schemas/RestoredRevisionResponse")),
	))
	add(schemas, "RestoredRevisionResponse", object("description", "An entity of any kind under `data`.", "anyOf", restored))

	prepend(get(doc, "tags"), tags)
	prepend(get(doc, "paths"), paths.Content)
	prepend(get(doc, "components", "responses"), responses.Content)
	prepend(get(doc, "components", "schemas"), schemas.Content)
	if err := addErrors(doc, registry); err != nil {
		return nil, err
	}
	description := get(doc, "info", "description")
	description.Value = strings.NewReplacer("{{kinds}}", kindNames(registry), "{{not_offered}}\n", notOffered()).Replace(description.Value)

	b := bytes.NewBufferString(header)
	encoder := yaml.NewEncoder(b)
	encoder.SetIndent(2)
	if err := encoder.Encode(doc); err != nil {
		return nil, err
	}
	return b.Bytes(), encoder.Close()
}

func prepend(n *yaml.Node, content []*yaml.Node) {
	n.Content = append(content, n.Content...)
}

// addErrors renders the list of x-errors into the introduction, and writes its
// codes into the enum of ErrorCode.
func addErrors(doc *yaml.Node, registry *entity.Registry) error {
	var listed []struct {
		Code    string
		Status  int
		Meaning string
	}
	if err := get(doc, "x-errors").Decode(&listed); err != nil {
		return err
	}
	var list strings.Builder
	codes := []*yaml.Node{}
	for _, e := range listed {
		fmt.Fprintf(&list, "- `%s` (%d): %s\n", e.Code, e.Status, e.Meaning)
		for _, code := range codesOf(e.Code, registry) {
			codes = append(codes, text(code))
		}
	}
	description := get(doc, "info", "description")
	description.Value = strings.ReplaceAll(description.Value, "{{errors}}\n", list.String())
	add(get(doc, "components", "schemas", "ErrorCode"), "enum", codes)
	return nil
}

// codesOf returns the codes that one of x-errors stands for.
func codesOf(code string, registry *entity.Registry) []string {
	suffix, ok := strings.CutPrefix(code, "{kind}")
	if !ok {
		return []string{code}
	}
	var codes []string
	for _, k := range registry.Kinds() {
		codes = append(codes, k.Tool+suffix)
	}
	return codes
}

// notOffered lists the published calls that are answered with 501.
func notOffered() string {
	var list strings.Builder
	for _, group := range contract.AllNotOffered() {
		paths := []string{}
		for _, path := range group.Paths {
			paths = append(paths, "`"+path+"`")
		}
		fmt.Fprintf(&list, "- %s: %s\n", strings.Join(paths, ", "), group.Reason)
	}
	return list.String()
}

// kindNames lists the kinds in words: "personas, products and use cases".
func kindNames(registry *entity.Registry) string {
	var names []string
	for _, k := range registry.Kinds() {
		if !k.Singleton {
			names = append(names, k.Title+"s")
		}
	}
	return inWords(names)
}

// inWords joins names with commas and an "and".
func inWords(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// typeName is the name of a kind in schemas: UseCase for use-case.
func typeName(k *entity.Kind) string { return upperCamel(k.Name) }

// upperCamel joins words that anything but letters and digits separates.
func upperCamel(s string) string {
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') }) {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// sentence is a text with a full stop.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.ContainsAny(s[len(s)-1:], ".!?") {
		return s
	}
	return s + "."
}

// count writes a number with commas: 10,000.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
