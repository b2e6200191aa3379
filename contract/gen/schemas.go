package main

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"personae.dev/internal/entity"
)

const datePattern = `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$`

// addResponses adds the answers of the kind's calls.
func (g *generator) addResponses(responses *yaml.Node) {
	answer := func(name, description, schema string, headers *yaml.Node) {
		add(responses, name, object("description", description, "headers", headers, "content", jsonContent(ref("schemas/"+schema))))
	}
	etag := "headers/ETag"
	if g.kind.Singleton {
		etag = "headers/CurrentETag"
	}
	answer(g.name, fmt.Sprintf("The %s.", g.kind.Title), "Get"+g.name+"Response", headers("ETag", etag, "Cache-Control", "headers/PrivateCacheControl"))
	add(get(responses, g.name, "content"), "text/markdown", object()) // the context pack
	written := writtenHeaders()
	add(written, "Idempotency-Replayed", ref("headers/Idempotency-Replayed"))
	answer("Written"+g.name, fmt.Sprintf("The %s after the change.", g.kind.Title), g.name+"Response", written)
	if g.kind.Generates {
		schema := "Generate" + g.name + "Response"
		if g.kind.GeneratesOne {
			schema = g.name + "Response"
		}
		answer("Generated"+g.name, "What was made.", schema, headers("Cache-Control", "headers/NoStore", "Idempotency-Replayed", "headers/Idempotency-Replayed"))
	}
	if g.kind.Singleton {
		return
	}
	if g.kind.Created != nil {
		answer("Created"+g.name, fmt.Sprintf("The new %s.", g.kind.Title), "Create"+g.name+"Response", written)
	}
	answer(g.name+"List", fmt.Sprintf("A page of %ss.", g.kind.Title), "List"+g.name+"sResponse", headers("Cache-Control", "headers/NoStore"))
	answer("Deleted"+g.name, fmt.Sprintf("The %s, deleted.", g.kind.Title), "Get"+g.name+"Response", writtenHeaders())
}

func writtenHeaders() *yaml.Node {
	return headers("ETag", "headers/ETag", "Cache-Control", "headers/NoStore")
}

// headers returns those of every answer, and pairs of name and component.
func headers(pairs ...string) *yaml.Node {
	n := object("X-Request-Id", ref("headers/X-Request-Id"), "x-external-request-id", ref("headers/x-external-request-id"))
	for i := 0; i < len(pairs); i += 2 {
		add(n, pairs[i], ref(pairs[i+1]))
	}
	return n
}

// addSchemas adds the schemas of the kind: what is answered, and what is sent.
func (g *generator) addSchemas(schemas *yaml.Node) {
	k := g.kind
	entityRef := ref("schemas/" + g.name)
	metadata := property{"_metadata", ref("schemas/Metadata"), true}
	own := g.topProperties()
	properties := append(slices.Clip(own), g.joinedProperties()...)
	if g.isJoined() {
		add(schemas, "Joined"+g.name, closed(fmt.Sprintf("%s inside another entity: without its author and workspace.", upperFirst(g.a())), own))
	}

	add(schemas, g.name, closed(sentence(k.Description), properties))
	add(schemas, g.name+"Data", closed(fmt.Sprintf("What the %s says.", k.Title), g.dataProperties()))
	add(schemas, g.name+"Response", closed(fmt.Sprintf("%s under `data`.", upperFirst(g.a())), []property{metadata, {"data", entityRef, true}}))
	if k.Singleton {
		data := object("oneOf", []*yaml.Node{entityRef, object("type", "null")}, "description", fmt.Sprintf("The %s, `null` until it is written.", k.Title))
		add(schemas, "Get"+g.name+"Response", closed(fmt.Sprintf("The %s under `data`.", k.Title), []property{metadata, {"data", data, true}}))
	} else {
		flat := append([]property{metadata}, properties...)
		add(schemas, "Get"+g.name+"Response", closed(fmt.Sprintf("The fields of %s, beside `_metadata`.", g.a()), append(flat,
			property{"links", ref("schemas/Links"), false},
			property{"linkedFrom", object("type", "array", "items", ref("schemas/LinkedEntity"),
				"description", "What still links to the entity, after a delete, 1,000 at most. Present only where there is something. Extension."), false},
		)))
		add(schemas, "List"+g.name+"sResponse", g.listSchema(metadata))
		add(schemas, "Create"+g.name+"Request", g.createSchema())
		if k.Created != nil {
			add(schemas, "Create"+g.name+"Response", g.createdSchema(metadata))
		}
		add(schemas, g.name+"ReferenceRequest", open(fmt.Sprintf("Which %s.", k.Title), []property{{"oId", g.oID(), true}}))
		add(schemas, "Restore"+g.name+"Request", open(fmt.Sprintf("Which %s, and what to make of it.", k.Title), []property{
			{"oId", g.oID(), true},
			{"revisionOId", object("type", nullable("string"), "description", "The revision to go back to. Without it, archiving and deletion are undone.", "example", null()), false},
		}))
	}
	add(schemas, "Update"+g.name+"Request", g.updateSchema(), g.name+"Input", g.inputSchema())
	if k.Generates {
		add(schemas, "Generate"+g.name+"Request", g.generateSchema())
		if !k.GeneratesOne {
			add(schemas, "Generate"+g.name+"Response", closed(fmt.Sprintf("The new %ss, in the order of the items.", k.Title), []property{
				metadata, {"data", object("type", "array", "description", "One for each item.", "items", entityRef), true},
			}))
		}
	}
}

// generateSchema is the body of a generate call.
func (g *generator) generateSchema() *yaml.Node {
	id := func(description, example string) *yaml.Node {
		return object("type", "string", "description", description, "example", example)
	}
	properties := []property{
		{"primaryOfferingOId", id("The offering that they belong to. The model is told of it.", "px_1234"), false},
		{"linkingStrategy", ref("schemas/LinkingStrategyRequest"), false},
		{"playbookOId", id("A playbook to link to. The model is told of it.", "pb_1234"), false},
		{"brandVoiceOId", id("A brand voice to write in.", "bv_1234"), false},
	}
	if !g.kind.GeneratesOne {
		items := object("type", "array", "minItems", 1, "maxItems", 50, "description", "What to make.", "items", ref("schemas/GenerateItemInput"))
		return open("What to generate from.", append([]property{{g.kind.Plural, items, true}}, properties...))
	}
	properties = append([]property{
		{"name", id("The name. Without it, the model finds one.", "Plain and warm"), false},
		{"sources", object("type", "array", "minItems", 1, "maxItems", 20, "description", "What to make it from.", "items", ref("schemas/SourceInput")), !g.kind.Singleton},
	}, properties...)
	if g.kind.Singleton {
		properties = append(properties, property{"domain", id("The web site, as one more source.", "larkfield.example"), false})
	}
	return open("What to generate from.", properties)
}

// property is a row of an object schema.
type property struct {
	name     string
	schema   *yaml.Node
	required bool
}

// closed is the schema of an object in an answer: it has no other keys.
func closed(description string, properties []property) *yaml.Node {
	return objectSchema(description, properties, "additionalProperties", false)
}

// open is the schema of an object in a request: unknown keys are ignored.
func open(description string, properties []property) *yaml.Node {
	return objectSchema(description, properties)
}

func objectSchema(description string, properties []property, more ...any) *yaml.Node {
	n := object("type", "object", "description", description)
	add(n, more...)
	required, list := []string{}, object()
	for _, p := range properties {
		if p.required {
			required = append(required, p.name)
		}
		add(list, p.name, p.schema)
	}
	if len(required) > 0 {
		add(n, "required", required)
	}
	add(n, "properties", list)
	return n
}

func (g *generator) listSchema(metadata property) *yaml.Node {
	rows := []*yaml.Node{ref("schemas/" + g.name)}
	if also := g.kind.AlsoLists; also != nil {
		for _, k := range g.registry.Kinds() {
			if k.Name == also.Kind {
				rows = append(rows, ref("schemas/"+typeName(k)))
			}
		}
	}
	rows = append(rows, ref("schemas/SlimEntity"))
	return closed(fmt.Sprintf("A page of %ss.", g.kind.Title), []property{
		metadata,
		{"hasNext", object("type", "boolean", "description", "Whether something follows this page.", "example", false), true},
		{"total", object("type", "integer", "minimum", 0, "description", "How many the whole list has.", "example", 1), true},
		{"data", object("type", "array", "maxItems", 1000, "description", "The rows of the page.", "items", object("anyOf", rows)), true},
		{"nextCursor", object("type", nullable("string"), "minLength", 1,
			"description", "The `cursor` of the next page, `null` after the last one. Present only where the request has a `cursor`.",
			"example", null()), false},
	})
}

func (g *generator) oID() *yaml.Node {
	return object("type", "string", "minLength", 1, "description", fmt.Sprintf("The id of the %s.", g.kind.Title), "example", g.exampleID())
}

// topProperties returns the keys of an answer in their order, without those that
// belong to others.
func (g *generator) topProperties() []property {
	var list []property
	order := strings.Fields(g.kind.Order)
	for _, key := range order {
		switch f := g.field(key); {
		case key == "*":
			for i := range g.kind.Fields {
				if f := &g.kind.Fields[i]; isTop(f) && !slices.Contains(order, f.Name) {
					list = append(list, property{f.Name, g.answerSchema(f, f.Null), !f.Old})
				}
			}
		case key == "data":
			list = append(list, property{"data", ref("schemas/" + g.name + "Data"), true})
		case key == "oId":
			list = append(list, property{"oId", g.oID(), true})
		case f != nil:
			list = append(list, property{key, g.answerSchema(f, f.Null), !f.Old})
		default:
			list = append(list, property{key, g.dateSchema(key), true})
		}
	}
	return list
}

// joinedProperties returns the keys of an answer that belong to others, and come
// last.
func (g *generator) joinedProperties() []property {
	var list []property
	for _, join := range g.kind.Joins {
		list = append(list, property{join.As, g.joinSchema(join), true})
	}
	return append(list, property{"user", ref("schemas/User"), true}, property{"workspace", ref("schemas/WorkspaceRef"), true})
}

func (g *generator) joinSchema(join entity.Join) *yaml.Node {
	schemas := []*yaml.Node{}
	for _, k := range g.registry.Kinds() {
		if f := g.field(join.Field); slices.Contains(f.Targets, k.Name) {
			schemas = append(schemas, ref("schemas/Joined"+typeName(k)))
		}
	}
	schemas = append(schemas, object("type", "null"))
	return object("anyOf", schemas, "description", "The entity that `"+join.Field+"` names, `null` where there is none.")
}

// isJoined tells whether entities of the kind are answered inside others.
func (g *generator) isJoined() bool {
	for _, k := range g.registry.Kinds() {
		for _, join := range k.Joins {
			if slices.Contains(k.Field(join.Field).Targets, g.kind.Name) {
				return true
			}
		}
	}
	return false
}

// dateSchema is the schema of a date of the frame.
func (g *generator) dateSchema(key string) *yaml.Node {
	verbs := map[string]string{"createdAt": "made", "updatedAt": "last changed", "archivedAt": "archived", "deletedAt": "deleted"}
	verb, ok := verbs[key]
	if !ok {
		g.err = fmt.Errorf("the order has %q, which is neither a date nor a field", key)
		return nil
	}
	description := fmt.Sprintf("When the %s was %s", g.kind.Title, verb)
	if key == "archivedAt" || key == "deletedAt" {
		return object("type", nullable("string"), "format", "date-time", "pattern", datePattern, "description", description+", `null` if it was not.", "example", null())
	}
	return object("type", "string", "format", "date-time", "pattern", datePattern, "description", description+".", "example", "2026-02-03T04:05:06.007Z")
}

// dataProperties returns the keys of data in their order.
func (g *generator) dataProperties() []property {
	var list []property
	for i := range g.kind.Fields {
		f := &g.kind.Fields[i]
		if f.In != entity.InData && f.In != entity.InBoth {
			continue
		}
		name := f.Name
		if f.DataName != "" {
			name = f.DataName
		}
		// What is at the top too is never null under data.
		list = append(list, property{name, g.answerSchema(f, f.Null && f.In == entity.InData), !f.Old})
	}
	return list
}

func (g *generator) field(name string) *entity.Field {
	for i := range g.kind.Fields {
		if g.kind.Fields[i].Name == name {
			return &g.kind.Fields[i]
		}
	}
	return nil
}

func isTop(f *entity.Field) bool { return f.In == entity.InTop || f.In == entity.InBoth }

// answerSchema is the schema of a field in an answer.
func (g *generator) answerSchema(f *entity.Field, null bool) *yaml.Node {
	null = null && !f.Required && f.Default == ""
	kind := func(name string) any {
		if null {
			return nullable(name)
		}
		return name
	}
	n := object()
	switch f.Type {
	case entity.TypeText, entity.TypeLink:
		add(n, "type", kind("string"))
	case entity.TypeEnum:
		add(n, "type", kind("string"), "enum", enum(f, null, !f.Required && f.Default == "" && !f.Old && !null))
	case entity.TypeBool:
		add(n, "type", kind("boolean"))
	case entity.TypeCustom:
		add(n, "type", kind("array"), "items", ref("schemas/CustomField"))
	case entity.TypeQuestions:
		add(n, "type", kind("array"), "items", ref("schemas/QualifyingQuestion"))
	case entity.TypeStrategy:
		return orNull(ref("schemas/LinkingStrategy"), g.describe(f))
	case entity.TypeLists:
		g.addLists(n, f)
	case entity.TypeRaw:
		add(n, "type", anyType())
	default: // lists of texts or ids
		add(n, "type", kind("array"), "items", object("type", "string"))
	}
	g.addWords(n, f)
	return n
}

// addLists adds what an object of lists has in an answer.
func (g *generator) addLists(n *yaml.Node, f *entity.Field) {
	properties := object()
	for _, key := range f.Keys {
		add(properties, key, object("type", "array", "description", fmt.Sprintf("The items of %s.", key), "items", object("type", "string"), "example", []string{}))
	}
	add(n, "type", "object")
	if f.Free {
		add(n, "additionalProperties", object("type", "array", "items", object("type", "string")))
	} else {
		add(n, "additionalProperties", false)
	}
	if len(f.Keys) > 0 {
		if !f.Old {
			add(n, "required", f.Keys)
		}
		add(n, "properties", properties)
	}
}

// createdSchema is the schema of the answer to a create that has more than data.
func (g *generator) createdSchema(metadata property) *yaml.Node {
	list := []property{metadata, {g.kind.Created.As, ref("schemas/" + g.name), true}}
	for _, join := range g.kind.Created.Linked {
		target := upperCamel(g.kind.Field(join.Field).Targets[0])
		list = append(list, property{join.As, object("type", "array", "items", ref("schemas/"+target),
			"description", "The entities that `"+join.Field+"` names and that are in the workspace."), true})
	}
	for _, name := range g.kind.Created.Empty {
		list = append(list, property{name, object("type", "array", "maxItems", 0, "description", "Always empty: they are not written here.", "example", []string{}), true})
	}
	return closed(fmt.Sprintf("The new %s, with what it links to.", g.kind.Title), append(list, property{"data", ref("schemas/" + g.name), true}))
}

// createSchema is the schema of the body of create.
func (g *generator) createSchema() *yaml.Node {
	var required []property
	for _, f := range g.kind.RequestFields() {
		if f.Required {
			required = append(required, property{f.Name, g.fieldSchema(f, true), true})
		}
	}
	return object("description", "What to make. Absent and `null` mean the same. Unknown fields are ignored, and named in `_metadata.message`.",
		"allOf", []*yaml.Node{open("What a create must have.", required), ref("schemas/" + g.name + "Input")})
}

// updateSchema is the schema of the body of update.
func (g *generator) updateSchema() *yaml.Node {
	schemas := []*yaml.Node{ref("schemas/" + g.name + "Input")}
	if !g.kind.Singleton {
		schemas = append([]*yaml.Node{open("What an update must have.", []property{{"oId", g.oID(), true}})}, schemas...)
	}
	return object("description", "What to change: absent stays, `null` clears, any other value replaces. Unknown fields are ignored, and named in `_metadata.message`.",
		"allOf", schemas)
}

// inputSchema is the schema of the fields that create and update take.
func (g *generator) inputSchema() *yaml.Node {
	var list []property
	for _, f := range g.kind.RequestFields() {
		list = append(list, property{f.Name, g.fieldSchema(f, false), false})
	}
	list = append(list, property{"data", object("type", nullable("object"), "description", "The same fields, nested as answers have them.", "example", null()), false})
	return open(fmt.Sprintf("The fields of %s that a request may set.", g.a()), list)
}

// fieldSchema is the schema of a field in a request. required says that it must
// not be empty.
func (g *generator) fieldSchema(f *entity.Field, required bool) *yaml.Node {
	null := func(name string) any {
		if f.Required {
			return name
		}
		return nullable(name)
	}
	least := any(nil)
	if required {
		least = 1 // an update from n8n may send "", which counts as absent
	}
	most := limitOf(f.MaxChars())
	item := object("type", "string", "minLength", 1, "maxLength", most)
	n := object()
	switch f.Type {
	case entity.TypeText, entity.TypeLink:
		add(n, "type", null("string"), "minLength", least, "maxLength", most)
	case entity.TypeEnum:
		add(n, "type", null("string"), "enum", enum(f, !f.Required, !f.Required))
	case entity.TypeBool:
		add(n, "type", nullable("boolean"))
	case entity.TypeCustom:
		add(n, "type", nullable("array"), "maxItems", entity.MaxCustomFields, "items", ref("schemas/CustomFieldRequest"))
	case entity.TypeQuestions:
		add(n, "type", nullable("array"), "maxItems", limitOf(f.MaxCount()), "items", ref("schemas/QualifyingQuestionRequest"))
	case entity.TypeStrategy:
		return orNull(ref("schemas/LinkingStrategyRequest"), g.describe(f))
	case entity.TypeLists:
		add(n, "type", null("object"), "additionalProperties", object("type", nullable("array"), "maxItems", limitOf(f.MaxCount()), "items", item))
		if !f.Free {
			n = object("type", null("object"))
			properties := object()
			for _, key := range f.Keys {
				add(properties, key, object("type", nullable("array"), "maxItems", limitOf(f.MaxCount()), "description", fmt.Sprintf("The items of %s.", key), "items", item, "example", []string{}))
			}
			add(n, "properties", properties)
		}
	case entity.TypeTextOrTexts:
		add(n, "type", []string{"string", "array", "null"}, "maxLength", most, "maxItems", limitOf(f.MaxCount()), "items", item)
	case entity.TypeRaw:
		add(n, "type", anyType())
	case entity.TypeLinks:
		add(n, "type", nullable("array"), "maxItems", limitOf(f.MaxCount()), "uniqueItems", true, "items", item)
	default:
		add(n, "type", nullable("array"), "maxItems", limitOf(f.MaxCount()), "items", item)
	}
	if f.Old {
		add(n, "deprecated", true)
	}
	g.addWords(n, f)
	return n
}

func limitOf(n int) any {
	if n == 0 {
		return nil
	}
	return n
}

// addWords adds the default, the description and the example of a field.
func (g *generator) addWords(n *yaml.Node, f *entity.Field) {
	if f.Default != "" {
		add(n, "default", g.json(f, f.Default))
	}
	add(n, "description", g.describe(f), "example", g.example(f))
}

// json returns a JSON value of a field's table.
func (g *generator) json(f *entity.Field, value string) *yaml.Node {
	n, err := fromJSON(value)
	if err != nil {
		g.err = fmt.Errorf("field %s: %w", f.Name, err)
	}
	return n
}

func (g *generator) describe(f *entity.Field) string {
	description := sentence(f.Description)
	if description == "" {
		description = sentence(f.Label)
	}
	if description == "" {
		description = fmt.Sprintf("The %s of the %s.", inLowerWords(f.Name), g.kind.Title)
	}
	switch {
	case f.Old:
		description += " Older generation."
	case f.In == entity.Hidden:
		description += " It is kept, and not answered: see `include=links`."
	}
	if len(f.Targets) > 0 {
		description += fmt.Sprintf(" Links to: %s.", strings.Join(f.Targets, ", "))
	}
	return description
}

func (g *generator) example(f *entity.Field) *yaml.Node {
	switch {
	case f.Type == entity.TypeCustom, f.Type == entity.TypeQuestions:
		return nil // their items have one
	case f.Example != "":
		return g.json(f, f.Example)
	case f.Type == entity.TypeText:
		return text(upperFirst(inLowerWords(f.Name)))
	case f.Type == entity.TypeEnum:
		return text(f.Enum[0])
	case f.Type == entity.TypeBool:
		return node(f.Default == "true")
	case f.Type == entity.TypeLink:
		return text(g.exampleTarget(f))
	case f.Type == entity.TypeLinks:
		return node([]string{g.exampleTarget(f)})
	case f.Type == entity.TypeLists:
		n := object()
		for _, key := range f.Keys {
			add(n, key, []string{})
		}
		return n
	case f.Type == entity.TypeRaw, f.Type == entity.TypeStrategy:
		return null()
	}
	return node([]string{upperFirst(inLowerWords(f.Name))})
}

// exampleTarget is the id of an entity that the link may name.
func (g *generator) exampleTarget(f *entity.Field) string {
	for _, k := range g.registry.Kinds() {
		if len(f.Targets) > 0 && k.Name == f.Targets[0] {
			target := generator{kind: k}
			return target.exampleID()
		}
	}
	return "id_1234"
}

// enum lists the values of an enum field, with "" and null where they may be.
func enum(f *entity.Field, orNull, orEmpty bool) *yaml.Node {
	values := []*yaml.Node{}
	for _, value := range f.Enum {
		values = append(values, text(value))
	}
	if orEmpty {
		values = append(values, text(""))
	}
	if orNull {
		values = append(values, null())
	}
	return &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle, Content: values}
}

// anyType lists every type of JSON: the checker of answers takes null only where
// it is named.
func anyType() []string {
	return []string{"object", "array", "string", "number", "boolean", "null"}
}

func nullable(name string) []string { return []string{name, "null"} }

func null() *yaml.Node { return scalar("!!null", "null") }

func orNull(schema *yaml.Node, description string) *yaml.Node {
	return object("oneOf", []*yaml.Node{schema, object("type", "null")}, "description", description)
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// inLowerWords spells a key in words: "pain points" for painPoints.
func inLowerWords(key string) string {
	key = strings.NewReplacer("OIds", " ids", "OId", " id").Replace(key)
	var b strings.Builder
	for _, r := range key {
		if 'A' <= r && r <= 'Z' {
			b.WriteByte(' ')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
