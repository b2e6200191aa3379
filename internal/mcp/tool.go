package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"personae.dev/apitype"
	"personae.dev/internal/entity"
)

// effect is what a tool does to the library.
type effect int

// The effects.
const (
	reads   effect = iota
	adds           // each call makes something more
	changes        // what was there is replaced; a second call changes nothing more
)

// tool is one tool.
type tool struct {
	name, title, about string
	params             []param
	effect             effect
	open               bool // it reaches beyond the library: web pages, a model
	run                func(ctx context.Context, c *call) (any, error)
}

// param is an argument of a tool, with its JSON Schema.
type param struct {
	name, schema string
	required     bool
}

// described returns the tool as clients are told of it.
func (t *tool) described() *sdk.Tool {
	var properties, required []string
	for _, p := range t.params {
		properties = append(properties, strconv.Quote(p.name)+":"+p.schema)
		if p.required {
			required = append(required, strconv.Quote(p.name))
		}
	}
	schema := `{"type":"object","properties":{` + strings.Join(properties, ",") + `}`
	if len(required) > 0 {
		schema += `,"required":[` + strings.Join(required, ",") + `]`
	}
	destructive := t.effect == changes
	return &sdk.Tool{
		Name: t.name, Title: t.title, Description: t.about, InputSchema: json.RawMessage(schema + "}"),
		Annotations: &sdk.ToolAnnotations{
			ReadOnlyHint: t.effect == reads, DestructiveHint: &destructive, IdempotentHint: t.effect != adds, OpenWorldHint: &t.open,
		},
	}
}

// has tells whether the tool has an argument.
func (t *tool) has(name string) bool {
	return slices.ContainsFunc(t.params, func(p param) bool { return p.name == name })
}

// Schemas of arguments. Texts in them have no quotes.
func needed(name, schema string) param   { return param{name, schema, true} }
func optional(name, schema string) param { return param{name, schema, false} }
func text(about string) string           { return typed("string", about) }
func truth(about string) string          { return typed("boolean", about) }
func object(about string) string         { return typed("object", about) }
func typed(name, about string) string    { return `{"type":"` + name + `","description":"` + about + `"}` }

func texts(about string) string {
	return `{"type":"array","items":{"type":"string"},"description":"` + about + `"}`
}

func number(about string, most int) string {
	return fmt.Sprintf(`{"type":"integer","minimum":1,"maximum":%d,"description":%q}`, most, about)
}

func offset() param { return optional("offset", `{"type":"integer","minimum":0}`) }

// kindNames is the schema of the name of a kind that fits.
func (s *service) kindNames(about string, fits func(*entity.Kind) bool) string {
	var names []string
	for _, k := range s.registry.Kinds() {
		if fits(k) {
			names = append(names, strconv.Quote(k.Tool))
		}
	}
	return `{"type":"string","enum":[` + strings.Join(names, ",") + `],"description":"` + about + `"}`
}

// call is one call of a tool.
type call struct {
	*service
	*args
	tool *tool
	api  *api
}

// handler returns what answers calls of a tool: with an object, as structured
// content and as text, or with a refusal in the same two forms.
func (s *service) handler(t *tool) sdk.ToolHandler {
	return func(ctx context.Context, r *sdk.CallToolRequest) (result *sdk.CallToolResult, err error) {
		// The SDK runs this on a goroutine of its own, where a panic would end the server.
		defer func() {
			if p := recover(); p != nil {
				s.log.Error("a tool panicked", "tool", t.name, "panic", p, "stack", string(debug.Stack()))
				result, err = nil, errors.New("something went wrong on the server: try again, and tell its operator if it happens again")
			}
		}()
		ctx, cancel := context.WithTimeout(ctx, Timeout)
		defer cancel()
		c := &call{service: s, tool: t, api: s.apiFor(r.Extra), args: newArgs(r.Params.Arguments)}
		for _, p := range t.params {
			c.known[p.name] = true
			if value, ok := c.values[p.name]; p.required && (!ok || string(value) == "null" || string(value) == `""`) {
				c.refuse(p.name, "is needed")
			}
		}
		var done any
		if err = c.err(); err == nil {
			done, err = t.run(ctx, c)
			err = errors.Join(err, c.err()) // run may have found wrong arguments
		}
		if err != nil {
			return c.refused(err)
		}
		return c.result(done, false)
	}
}

// refused answers a call with an error that the agent can act on. Other errors
// are the server's, and answered as such.
func (c *call) refused(err error) (*sdk.CallToolResult, error) {
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		return nil, err
	}
	return c.result(r, true)
}

// result returns an object as the result of a tool, with the arguments that
// nobody knows.
func (c *call) result(v any, isError bool) (*sdk.CallToolResult, error) {
	b, ok := v.(json.RawMessage)
	if !ok {
		var err error
		if b, err = encode(v); err != nil {
			return nil, fmt.Errorf("mcp: encode a result: %w", err)
		}
	}
	if unknown := c.unknown(); len(unknown) > 0 {
		named, err := encode(unknown)
		if err != nil {
			return nil, fmt.Errorf("mcp: encode a result: %w", err)
		}
		b = append(append(append(b[:len(b)-1], `,"ignoredArguments":`...), named...), '}')
	}
	return &sdk.CallToolResult{
		IsError: isError, StructuredContent: b, Content: []sdk.Content{&sdk.TextContent{Text: string(b)}},
	}, nil
}

// args reads the arguments of a call, and notes what is wrong. Models send
// numbers, booleans, lists and objects as text, too.
type args struct {
	values map[string]json.RawMessage
	known  map[string]bool
	wrong  []apitype.FieldError
}

func newArgs(data json.RawMessage) *args {
	a := &args{known: map[string]bool{}}
	if len(data) > 0 && json.Unmarshal(data, &a.values) != nil {
		a.refuse("arguments", "must be a JSON object")
	}
	return a
}

func (a *args) refuse(name, message string) {
	a.wrong = append(a.wrong, apitype.FieldError{Field: name, Message: message})
}

// err returns a refusal that names what is wrong, nil where nothing is.
func (a *args) err() error {
	if len(a.wrong) == 0 {
		return nil
	}
	return &refusal{Code: codeArguments, Message: "The arguments have errors; nothing was done.", Fields: a.wrong, Next: "Correct them, and call again."}
}

// maxUnknown is how many unknown arguments are named.
const maxUnknown = 20

// unknown names the arguments that the tool does not have.
func (a *args) unknown() []string {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(a.values)), func(name string) bool { return a.known[name] })
	return names[:min(len(names), maxUnknown)]
}

// read decodes an argument into one value of some types, taken from a text where
// that has it. It reports whether the argument was sent.
func (a *args) read(name, wants string, into any) bool {
	value, ok := a.values[name]
	if !ok || string(value) == "null" || string(value) == `""` {
		return false
	}
	err := json.Unmarshal(value, into)
	var inText string
	if err != nil && json.Unmarshal(value, &inText) == nil {
		err = json.Unmarshal([]byte(inText), into)
	}
	if err != nil {
		a.refuse(name, "must be "+wants)
	}
	return err == nil
}

func (a *args) text(name string) (value string) {
	if raw, ok := a.values[name]; ok && json.Unmarshal(raw, &value) != nil {
		a.refuse(name, "must be a text")
	}
	return strings.TrimSpace(value)
}

// texts returns a list; one text stands for a list of one.
func (a *args) texts(name string) (list []string) {
	var one string
	if value, ok := a.values[name]; ok && json.Unmarshal(value, &one) == nil && !strings.HasPrefix(one, "[") {
		if one != "" {
			list = []string{one}
		}
		return list
	}
	a.read(name, "a list of texts", &list)
	return list
}

func (a *args) number(name string, otherwise, least, most int) int {
	n := otherwise
	if a.read(name, "a whole number", &n) && (n < least || n > most) {
		a.refuse(name, fmt.Sprintf("is %d: use %d to %d", n, least, most))
	}
	return n
}

func (a *args) truth(name string) (value bool) {
	a.read(name, "true or false", &value)
	return value
}

// object returns an object as it was sent, nil where it was not.
func (a *args) object(name string) (value map[string]json.RawMessage) {
	a.read(name, "an object", &value)
	return value
}

// kind returns the kind that the argument entityType names, nil where it is not
// sent.
func (c *call) kind() *entity.Kind {
	wanted := c.text("entityType")
	if wanted == "" {
		return nil
	}
	k, err := c.registry.Kind(wanted)
	if err != nil {
		c.refuse("entityType", err.Error())
		return nil
	}
	return k
}
