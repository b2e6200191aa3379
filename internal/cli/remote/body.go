package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"personae.dev/apitype"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/files"
)

// bodyOf returns what can be written of an entity: a member for each field that a
// request may set, in the order of the table, so that a person sees what can be
// filled in. Fields of older generations are there only where they are set; so are
// required fields of a singleton that does not exist yet. The answer must have
// links and ids of questions.
func bodyOf(kind Kind, e object) object {
	links := decoded[[]apitype.Link](e.object("links").get("to"))
	body := object{}
	for _, f := range kind.RequestFields() {
		value := fieldValue(f, e)
		if f.In == entity.Hidden {
			value = linkValue(f, links)
		}
		set := len(value) > 0 && string(value) != "null"
		switch {
		case f.Required && !set, f.Old && (!set || string(value) == "[]" || string(value) == `""`):
			continue
		case !set:
			value = json.RawMessage(f.Empty())
		}
		body = append(body, member{f.Name, value})
	}
	return body
}

// linkValue returns a link field as it was sent, nil where it is not set.
func linkValue(f *entity.Field, links []apitype.Link) json.RawMessage {
	targets := []string{}
	for _, link := range links {
		if link.Field == f.Name {
			targets = append(targets, link.OID)
		}
	}
	switch {
	case len(targets) == 0:
		return nil
	case f.Type == entity.TypeLink:
		return encoded(targets[0])
	case f.Type == entity.TypeStrategy && targets[0] == entity.LinkAll:
		return encoded(apitype.LinkingStrategy{Mode: "ALL"})
	case f.Type == entity.TypeStrategy:
		return encoded(apitype.LinkingStrategy{Mode: "SPECIFIC", OfferingOIDs: targets})
	default:
		return encoded(targets)
	}
}

// encoded returns the JSON of a value of simple types.
func encoded(value any) json.RawMessage {
	b, err := json.Marshal(value)
	if err != nil {
		panic("remote: encode a value: " + err.Error())
	}
	return b
}

// input is the flags of the commands that take fields.
type input struct {
	File string   `short:"f" placeholder:"FILE" help:"YAML or JSON with fields, also as get shows them; - reads stdin."`
	Set  []string `sep:"none" placeholder:"FIELD=VALUE" help:"Set one field. A list is written as [a, b]; one item needs no brackets. May be repeated."`
}

// change is the flags of the commands that change some fields.
type change struct {
	input
	Unset []string `placeholder:"FIELD" help:"Clear a field. May be repeated."`
}

// read returns the fields that were given; those that are to be cleared are null.
func (c change) read(ctx context.Context, stdio format.Stdio, kind Kind) (object, error) {
	body := object{}
	if c.File != "" {
		text, err := stdio.Read(ctx, c.File)
		if err != nil {
			return nil, err
		}
		if body, err = parseBody(kind, text); err != nil {
			return nil, err
		}
	}
	if err := c.apply(kind, &body); err != nil {
		return nil, err
	}
	for _, name := range c.Unset {
		body.set(name, null())
	}
	if len(body) == 0 {
		return nil, errs.BadSettingf("Nothing to change is given: use --set FIELD=VALUE, --unset FIELD or -f FILE.")
	}
	return check(kind, body)
}

// apply sets the fields of --set in body.
func (c input) apply(kind Kind, body *object) error {
	for _, assignment := range c.Set {
		name, text, found := strings.Cut(assignment, "=")
		if !found {
			return errs.BadSettingf("--set %s has no value: write --set FIELD=VALUE.", assignment)
		}
		value, err := parseValue(kind.Field(name), text)
		if err != nil {
			return errs.BadSettingf("--set %s: %s.", name, err)
		}
		body.set(name, value)
	}
	return nil
}

// parseValue reads the value of a field as a person types it. f is nil for a
// field that the kind does not have.
func parseValue(f *entity.Field, text string) (json.RawMessage, error) {
	if f == nil {
		return encoded(text), nil
	}
	switch f.Type {
	case entity.TypeText, entity.TypeEnum, entity.TypeLink:
		return encoded(text), nil
	case entity.TypeTexts, entity.TypeTextOrTexts, entity.TypeLinks:
		if !strings.HasPrefix(strings.TrimSpace(text), "[") {
			return encoded([]string{text}), nil
		}
	}
	value, err := files.JSON([]byte(text))
	if err != nil {
		return nil, err
	}
	return bytes.TrimSpace(value), nil
}

// parseBody reads one entity that a person wrote, in YAML or JSON.
func parseBody(kind Kind, text []byte) (object, error) {
	data, err := files.JSON(text)
	if err != nil {
		return nil, errs.InvalidFields([]errs.Field{{Path: "body", Message: err.Error()}})
	}
	var body object
	if err := json.Unmarshal(data, &body); err != nil {
		return nil, errs.InvalidFields([]errs.Field{{Path: "body", Message: "must be an object with the fields of one " + kind.Title}})
	}
	return body, nil
}

// check returns a body with the fields of the kind only, or all errors of its
// form. An unknown field is an error: a list that is lost because of a typing
// error is found too late.
func check(kind Kind, body object) (object, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	patch, invalid := kind.Decode(text, entity.Mode{})
	for _, name := range patch.Unknown {
		invalid = append(invalid, unknownField(kind, name))
	}
	fields := object{}
	for _, f := range kind.RequestFields() {
		value, given := patch.Given[f.Name]
		nested, both := patch.Nested[f.Name]
		switch {
		case both && given && !slices.Equal(nested, value):
			invalid = append(invalid, errs.Field{Path: f.Name, Message: "differs from data." + f.DataKey() + ": make them equal, or remove one"})
		case both:
			value, given = nested, true
		}
		switch {
		case !given:
		case value == nil:
			fields = append(fields, member{f.Name, null()})
		default:
			fields = append(fields, member{f.Name, json.RawMessage(value)})
		}
	}
	return fields, errs.InvalidFields(invalid)
}

// fieldChange is how one field differs; nil and null stand for no value.
type fieldChange struct {
	field         string
	before, after json.RawMessage
}

// compare returns the fields of after that differ from before, where both were
// checked. complete tells that a field that is not in after has no value there.
func compare(kind Kind, before, after object, complete bool) []fieldChange {
	var changes []fieldChange
	for _, f := range kind.RequestFields() {
		was, is := before.get(f.Name), after.get(f.Name)
		if is == nil && !complete || slices.Equal(orNull(was), orNull(is)) {
			continue
		}
		changes = append(changes, fieldChange{f.Name, was, is})
	}
	return changes
}

func orNull(value json.RawMessage) json.RawMessage {
	if value == nil {
		return null()
	}
	return value
}

// patchOf is the body of the update that makes changes.
func patchOf(changes []fieldChange) object {
	body := object{}
	for _, c := range changes {
		body = append(body, member{c.field, orNull(c.after)})
	}
	return body
}

// readEntities reads the entities that a file describes: YAML or JSON, one or
// several, as a body, an export, or an answer of get or list.
func readEntities(kind Kind, text []byte) ([]object, error) {
	documents, err := files.Documents(text)
	if err != nil {
		return nil, errs.InvalidFields([]errs.Field{{Path: "body", Message: err.Error()}})
	}
	var bodies []object
	for _, document := range documents {
		records, invalid := kind.registry.DecodeRecords(document.JSON, kind.Kind, false)
		if err := errs.InvalidFields(invalid); err != nil {
			return nil, err
		}
		for _, record := range records {
			if record.Kind.Name != kind.Name {
				return nil, errs.Invalidf("The file has a %s: use `personae %s create`.", record.Kind.Title, record.Kind.Name)
			}
			bodies = append(bodies, createBody(kind, record.Entity))
		}
	}
	if len(bodies) == 0 {
		return nil, errs.Invalidf("The file has no %s: it is empty.", kind.Title)
	}
	return bodies, nil
}

// createBody is the body of the create that makes a copy of an entity.
func createBody(kind Kind, e *entity.Entity) object {
	body := object{}
	for _, f := range kind.RequestFields() {
		value, set := e.Fields[f.Name]
		if !set {
			continue
		}
		if f.Type == entity.TypeQuestions {
			value = withoutIDs(value)
		}
		body = append(body, member{f.Name, json.RawMessage(value)})
	}
	return body
}

// withoutIDs removes the ids of questions: those of a copy get new ones.
func withoutIDs(questions []byte) []byte {
	var all []object
	_ = json.Unmarshal(questions, &all) // it was checked
	for i := range all {
		all[i] = slices.DeleteFunc(all[i], func(m member) bool { return m.name == "oId" })
	}
	return encoded(all)
}

func unknownField(kind Kind, path string) errs.Field {
	message := "unknown field: remove it, or correct its name"
	if near := kind.Suggest(path[strings.LastIndexByte(path, '.')+1:]); near != "" {
		message = "unknown field; did you mean " + near + "?"
	}
	return errs.Field{Path: path, Message: message}
}
