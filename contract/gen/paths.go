package main

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"personae.dev/internal/entity"
)

// generator makes what the document has of one kind.
type generator struct {
	registry *entity.Registry
	kind     *entity.Kind
	name     string // in schemas: UseCase
	err      error
}

// tag is the heading of the kind's calls.
func (g *generator) tag() string {
	title := strings.ToUpper(g.kind.Title[:1]) + g.kind.Title[1:]
	if g.kind.Singleton {
		return title
	}
	return title + "s"
}

// a is the title with its article: "a persona", "an objection".
func (g *generator) a() string {
	if strings.ContainsRune("aeio", rune(g.kind.Title[0])) {
		return "an " + g.kind.Title
	}
	return "a " + g.kind.Title
}

// call is an operation of the document.
type call struct {
	method, path, id, summary, description string
	parameters                             []*yaml.Node
	body                                   string // the schema of the body, "" for none
	merge                                  bool   // the body may be application/merge-patch+json
	response                               string // the component of the answer with 200, "" for none
	errors                                 []string
	extension, hidden                      bool
}

// The errors that a call may answer, by status.
func readErrors(more ...string) []string {
	return sorted(append(more, "400", "401", "403", "405", "413", "500", "503"))
}

func writeErrors(more ...string) []string {
	return sorted(append(more, "400", "401", "403", "404", "405", "409", "412", "413", "500", "503"))
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// calls returns every call of the kind, in the order in which people read them.
func (g *generator) calls() []call {
	var calls []call
	if g.kind.Singleton {
		calls = []call{g.get(), g.update("post", "update"), g.update("put", "replace"), g.update("patch", "patch")}
	} else {
		calls = []call{
			g.list(), g.get(), g.create(),
			g.update("post", "update"), g.update("put", "replace"), g.update("patch", "patch"),
			g.delete(), g.archive(), g.restore(),
		}
	}
	if g.kind.Only != "" {
		calls = append(calls, g.makeOnly())
	}
	if g.hasQuestions() {
		calls = append(calls, g.question("update"), g.question("archive"), g.question("restore"))
	}
	if g.kind.Generates {
		calls = append(calls, g.generate())
	}
	for i := range calls {
		calls[i].path = "/api/v2/" + g.kind.Name + "/" + calls[i].path
	}
	return calls
}

func (g *generator) get() call {
	c := call{
		method: "get", path: "get", id: "get" + g.name, summary: "Get " + g.kind.Title,
		parameters: parameters("IncludeInGet", "Format", "With", "MaxTokens", "IfNoneMatch"),
		response:   g.name, errors: readErrors("404"),
		description: fmt.Sprintf("Answers one %s, its fields beside `_metadata`. Needs the scope `read`.\n\n"+
			"- A deleted %[1]s is answered, with `deletedAt` set, until it is purged; so is an archived one.\n"+
			"- The answer has an `ETag`. Send it in `If-None-Match`, and the answer is 304 while nothing has changed.\n"+
			"- `format=markdown` answers a context pack instead: the %[1]s as one bounded text for people and models.\n", g.kind.Title),
	}
	if g.kind.Singleton {
		c.errors = readErrors()
		c.description = fmt.Sprintf("Answers the %s under `data`, `null` until it is written. Needs the scope `read`.\n", g.kind.Title)
		return c
	}
	c.parameters = append([]*yaml.Node{g.oIDParameter()}, c.parameters...)
	return c
}

func (g *generator) list() call {
	list := parameters("Text", "Limit", "Offset", "OfferingOId", "PlaybookOId", "OIds", "QueryType")
	list = append(list, g.facetParameters()...)
	list = append(list, parameters("Name", "UpdatedSince", "Status", "OrderField", "OrderDirection", "Cursor", "Fields", "Include")...)
	return call{
		method: "get", path: "list", id: "list" + g.name + "s", summary: fmt.Sprintf("List and search %ss", g.kind.Title),
		parameters: list, response: g.name + "List", errors: readErrors(),
		description: "Answers a page of a list, newest first unless another order is asked for. Needs the scope `read`.\n\n" +
			"- With `text`, every word must occur, as the beginning of a word, in a name or another text of the entity; case and " +
			"accents do not count. An exact name or job title comes first, then matches in names, then in names and titles, then " +
			"the rest; within these, what was added last comes first.\n" +
			"- A page is never shorter than `limit` but at the end of the list.\n" +
			"- For long lists send `cursor=` with the first page, and `nextCursor` with each next one.\n",
	}
}

func (g *generator) create() call {
	response := "Written" + g.name
	if g.kind.Created != nil {
		response = "Created" + g.name
	}
	return call{
		method: "post", path: "create", id: "create" + g.name, summary: "Create " + g.kind.Title,
		parameters: parameters("IdempotencyKey", "StrictLinks", "Include"),
		body:       "Create" + g.name + "Request", response: response,
		errors: readErrors("409", "415"),
		description: fmt.Sprintf("Makes %s, whose author is the user of the key. Needs the scope `write`.\n\n"+
			"- Fields may be sent flat, or under `data` as answers have them.\n"+
			"- With `Idempotency-Key` a create can be repeated safely.\n", g.a()),
	}
}

func (g *generator) update(method, verb string) call {
	c := call{
		method: method, path: "update", id: verb + g.name, summary: "Update " + g.kind.Title,
		parameters: parameters("IfMatch", "StrictLinks", "Include"),
		body:       "Update" + g.name + "Request", response: "Written" + g.name,
		errors: writeErrors("415"),
		description: fmt.Sprintf("Changes the fields that the body has, and leaves the others as they are: see \"Changing an entity\". "+
			"Needs the scope `write`. A deleted %s is not changed: 409.\n", g.kind.Title),
	}
	if g.kind.Singleton {
		c.description = fmt.Sprintf("Changes the fields that the body has, and leaves the others as they are: see \"Changing an entity\". "+
			"The first update makes the %s. Needs the scope `write`.\n", g.kind.Title)
	}
	switch method {
	case "put":
		c.summary, c.hidden = c.summary+" (PUT)", true
		c.description = "The same as `POST`, for the clients that send `PUT`. Fields that the body does not have stay as they are.\n"
	case "patch":
		c.summary, c.extension, c.merge = "Patch "+g.kind.Title, true, true
		c.description = "A JSON Merge Patch (RFC 7396). It differs from `POST` only for fields that are objects: their members are merged, " +
			"and `null` takes a member away. Needs the scope `write`.\n"
	}
	return c
}

func (g *generator) delete() call {
	return call{
		method: "delete", path: "delete", id: "delete" + g.name, summary: "Delete " + g.kind.Title,
		parameters: append([]*yaml.Node{g.oIDParameter()}, parameters("IfMatch", "Include")...),
		response:   "Deleted" + g.name, errors: writeErrors(),
		description: fmt.Sprintf("Marks the %s as deleted, and answers it. Needs the scope `write`.\n\n"+
			"- It can be restored until it is purged, 30 days later unless the server is set otherwise.\n"+
			"- `_metadata.message` names what still links to it. Deleting it again changes nothing.\n", g.kind.Title),
	}
}

func (g *generator) archive() call {
	return call{
		method: "post", path: "archive", id: "archive" + g.name, summary: "Archive " + g.kind.Title, extension: true,
		parameters: parameters("IfMatch", "Include"),
		body:       g.name + "ReferenceRequest", response: "Written" + g.name, errors: writeErrors("415"),
		description: fmt.Sprintf("Marks the %s as archived: lists leave it out unless `status` asks for it. Archiving it again changes nothing. "+
			"Needs the scope `write`.\n", g.kind.Title),
	}
}

func (g *generator) restore() call {
	return call{
		method: "post", path: "restore", id: "restore" + g.name, summary: "Restore " + g.kind.Title, extension: true,
		parameters: parameters("IfMatch", "Include"),
		body:       "Restore" + g.name + "Request", response: "Written" + g.name, errors: writeErrors("415"),
		description: fmt.Sprintf("Undoes archiving and deletion. With `revisionOId`, makes the %s what it was after that revision, as a new revision. "+
			"Needs the scope `write`.\n", g.kind.Title),
	}
}

func (g *generator) makeOnly() call {
	return call{
		method: "post", path: "toggle-" + g.kind.Only, id: "toggle" + upperFirst(g.kind.Only) + g.name,
		summary: fmt.Sprintf("Make %s the %s one", g.a(), g.kind.Only), parameters: parameters("IfMatch", "Include"),
		body: g.name + "ReferenceRequest", response: "Written" + g.name, errors: writeErrors("415"),
		description: fmt.Sprintf("Makes the %s the %s one of the workspace. The one that was it until now is changed in the same moment, "+
			"so that there is never more than one. A second call changes nothing. Needs the scope `write`.\n", g.kind.Title, g.kind.Only),
	}
}

func (g *generator) question(verb string) call {
	c := call{
		method: "post", path: "question/" + verb, id: verb + g.name + "Question", extension: true,
		parameters: parameters("IfMatch", "Include"),
		body:       "QuestionReferenceRequest", response: "Written" + g.name, errors: writeErrors("415"),
	}
	title := strings.ToUpper(verb[:1]) + verb[1:]
	c.summary = fmt.Sprintf("%s question of %s", title, g.kind.Title)
	switch verb {
	case "update":
		c.body = "UpdateQuestionRequest"
		c.description = "Changes the fields of one qualifying question that the body has. The others, and the other questions, stay as they are."
	case "archive":
		c.description = "Marks one qualifying question as archived: it is kept, and not asked."
	case "restore":
		c.description = "Undoes the archiving of one qualifying question."
	}
	c.description += fmt.Sprintf(" Answers the %s; `include=questionIds` shows the ids. Needs the scope `write`.\n", g.kind.Title)
	return c
}

func (g *generator) generate() call {
	c := call{
		method: "post", path: "generate", id: "generate" + g.name, summary: "Generate " + g.kind.Title,
		parameters: parameters("IdempotencyKey", "Draft", "StrictLinks", "Include"),
		body:       "Generate" + g.name + "Request", response: "Generated" + g.name, errors: readErrors("409", "415", "429"),
		description: fmt.Sprintf("Makes %ss from sources with a language model: one for each item, in their order, all or none. "+
			"Needs the scope `write`, and a server with a model; else 503 with the code `model_not_configured`.\n\n", g.kind.Title) +
			"- A source is a text, a public web page, or another entity of the library, by its id or exact name. All are read " +
			"before the model is asked. They are kept with the revision.\n" +
			"- What the model answers is judged like any other create. `_metadata.message` names the fields of which the sources say nothing.\n" +
			"- With `Idempotency-Key` the call can be repeated safely. It takes up to 9 minutes.\n" +
			"- With `draft=true` nothing is written: edit what is answered, and send it to `create`, with the same `sources`.\n",
	}
	switch {
	case g.kind.Singleton:
		c.parameters, c.errors = parameters("Draft", "StrictLinks"), readErrors("409", "412", "415", "429")
		c.description = fmt.Sprintf("Writes the %s from sources with a language model, and changes it where it is there. Needs the scope `write`, and a "+
			"server with a model; else 503 with the code `model_not_configured`. Sources are kept with the revision; with `draft=true` nothing is written.\n", g.kind.Title)
	case g.kind.GeneratesOne:
		c.description = strings.Replace(c.description, "one for each item, in their order, all or none.", "one.", 1)
	}
	return c
}

// addPaths adds the calls of the kind to the paths.
func (g *generator) addPaths(paths *yaml.Node) {
	for _, c := range g.calls() {
		g.addCall(paths, c)
	}
}

func (g *generator) addCall(paths *yaml.Node, c call) {
	operation := object("operationId", c.id, "summary", c.summary)
	if c.extension {
		badge := object("name", "Extension")
		badge.Style = yaml.FlowStyle
		add(operation, "x-badges", []*yaml.Node{badge})
	}
	if c.hidden {
		add(operation, "x-scalar-ignore", true)
	}
	add(operation, "description", c.description, "tags", []string{g.tag()},
		"parameters", append(c.parameters, parameters("ExternalRequestId", "RequestSource")...))
	if c.body != "" {
		content := jsonContent(ref("schemas/" + c.body))
		if c.merge {
			add(content, "application/merge-patch+json", object("schema", ref("schemas/"+c.body)))
		}
		add(operation, "requestBody", object("required", true, "content", content))
	}
	responses := object()
	if c.response != "" {
		addStatus(responses, "200", c.response)
	}
	if strings.HasSuffix(c.path, "/get") {
		addStatus(responses, "304", "NotModified")
	}
	for _, status := range c.errors {
		addStatus(responses, status, "Error")
	}
	add(operation, "responses", responses)
	if item := get(paths, c.path); item != nil {
		add(item, c.method, operation)
		return
	}
	add(paths, c.path, object(c.method, operation))
}

func addStatus(responses *yaml.Node, status, component string) {
	key := text(status)
	key.Style = yaml.SingleQuotedStyle
	add(responses, key, ref("responses/"+component))
}

func jsonContent(schema *yaml.Node) *yaml.Node {
	return object("application/json", object("schema", schema))
}

// parameters returns references to shared parameters.
func parameters(names ...string) []*yaml.Node {
	var list []*yaml.Node
	for _, name := range names {
		list = append(list, ref("parameters/"+name))
	}
	return list
}

func (g *generator) oIDParameter() *yaml.Node {
	return object("name", "oId", "in", "query", "required", true, "description", fmt.Sprintf("The id of the %s.", g.kind.Title),
		"schema", object("type", "string", "minLength", 1), "example", g.exampleID())
}

// exampleID is the id that examples have.
func (g *generator) exampleID() string {
	if g.kind.Example != "" {
		return g.kind.Example
	}
	return g.kind.Prefix + "0q6sZ8kYb1Yw3nJ5hF2d9X"
}

// facetParameters returns the parameters of lists that filter by an enum field.
func (g *generator) facetParameters() []*yaml.Node {
	var list []*yaml.Node
	for i := range g.kind.Fields {
		f := &g.kind.Fields[i]
		if f.Type != entity.TypeEnum || f.Filter == "" {
			continue
		}
		values := slices.Clone(f.Enum)
		description := sentence(fmt.Sprintf("Only entities with this %s", f.Name))
		if also := g.kind.AlsoLists; also != nil && also.Param == f.Filter {
			for _, value := range append(slices.Clone(also.On), also.All) {
				if !slices.Contains(values, value) {
					values = append(values, value)
				}
			}
			description += " " + inWords(quoted(also.On)) + " shows " + also.Kind + "s, too; `" + also.All + "` shows all."
		}
		list = append(list, object("name", f.Filter, "in", "query", "allowEmptyValue", true, "description", description,
			"schema", object("type", "string", "enum", values)))
	}
	return list
}

func quoted(values []string) []string {
	list := []string{}
	for _, value := range values {
		list = append(list, "`"+value+"`")
	}
	return list
}

func (g *generator) hasQuestions() bool {
	return slices.ContainsFunc(g.kind.Fields, func(f entity.Field) bool { return f.Type == entity.TypeQuestions })
}
