package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"personae.dev/apitype"
	"personae.dev/client"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

type getCmd struct {
	server
	Output    string `short:"o" default:"table" enum:"table,json,yaml,markdown" placeholder:"FORMAT" help:"What to write: table, json, yaml, or markdown, a text for people and models. Default: ${default}."`
	Ref       string `arg:"" name:"id" help:"The id of the {title} ({prefix}…), or its name if no other has the same."`
	Links     bool   `xor:"what" help:"Also show what it links to, and what links to it. In Markdown, only what it links to."`
	MaxTokens int    `placeholder:"N" help:"How long a Markdown text may be; four bytes are a token. Default: 2000."`
	Body      bool   `xor:"what" help:"Show what create and update take: all fields that can be written, with links and the ids of questions."`
}

// Help implements kong.HelpProvider.
func (*getCmd) Help() string {
	return `JSON and YAML are what the API answers, unless --body is given. Archived and deleted {titles} are
shown too.

Examples:

  personae {kind} get {id}
  personae {kind} get {id} --output json | jq .data.{list}
  personae {kind} get {id} --output markdown --links
  personae {kind} get {id} --body --output yaml >{kind}.yaml`
}

// Run shows one entity.
func (c *getCmd) Run(ctx context.Context, stdio format.Stdio, kind Kind) error {
	if c.Output == "markdown" {
		return c.pack(ctx, stdio, kind)
	}
	if c.MaxTokens != 0 {
		return errs.BadSettingf("--max-tokens is for --output markdown: leave it out.")
	}
	one := one{c.server, format.Output{Output: c.Output}, c.Ref}
	var options []client.Option
	if c.Links || c.Body {
		options = append(options, client.WithLinks())
	}
	if c.Body {
		options = append(options, client.QuestionIDs())
	}
	a, err := one.on(ctx, kind, func(api *connection, oID string) (*answer, error) { return api.get(ctx, oID, options...) })
	if err != nil {
		return err
	}
	if kind.Singleton && a.Entity == nil {
		fmt.Fprintf(stdio.Err, "There is no %s yet. Write one with `personae %s update` or `edit`.\n", kind.Title, kind.Name)
		return nil
	}
	if c.Body {
		body := bodyOf(kind, a.Entity)
		return one.Show(stdio.Out, body, func(w io.Writer) error {
			return format.Output{Output: "yaml"}.Show(w, body, nil) // it has no table
		})
	}
	return one.Show(stdio.Out, a.Entity, func(w io.Writer) error { return format.Details(w, entityRows(kind, a.Entity)) })
}

// pack shows the entity as one text.
func (c *getCmd) pack(ctx context.Context, stdio format.Stdio, kind Kind) error {
	if c.Body {
		return errs.BadSettingf("--body does not go with --output markdown: use yaml.")
	}
	text := ""
	one := one{server: c.server, Ref: c.Ref}
	_, err := one.on(ctx, kind, func(api *connection, oID string) (*answer, error) {
		var err error
		text, err = api.Pack(ctx, oID, client.PackOptions{Links: c.Links, MaxTokens: c.MaxTokens})
		return nil, err
	})
	if err != nil {
		return err
	}
	_, err = io.WriteString(stdio.Out, text)
	return err
}

// entityRows shows what an entity says, and leaves out what is empty.
func entityRows(kind Kind, e object) [][]string {
	rows := [][]string{
		{"FIELD", "VALUE"},
		{"id", e.oID()},
		{"name", e.name()},
		{"status", e.status()},
		{"author", e.author()},
		{"created", showTime(e.text("createdAt"))},
		{"updated", showTime(e.text("updatedAt"))},
	}
	add := func(name string, values ...string) {
		for _, value := range values {
			if value != "" {
				rows = append(rows, []string{name, value})
				name = " " // only once
			}
		}
	}
	add("archived", showTime(e.text("archivedAt")))
	add("deleted", showTime(e.text("deletedAt")))
	for i := range kind.Fields {
		f := &kind.Fields[i]
		switch {
		case f.Name == "name", f.Name == "active", f.In == entity.Hidden:
		case f.Type == entity.TypeCustom:
			var custom []apitype.CustomField
			_ = json.Unmarshal(fieldValue(f, e), &custom)
			for _, field := range custom {
				add(field.Title, field.Value...)
			}
		default:
			add(labelOf(f), fieldTexts(f, e)...)
		}
	}
	links := e.object("links")
	for _, direction := range []struct{ key, label string }{{"to", "links to"}, {"from", "linked from"}} {
		var all []apitype.Link
		_ = json.Unmarshal(links.get(direction.key), &all)
		for _, link := range all {
			add(direction.label, linkText(link))
		}
	}
	return rows
}

func linkText(link apitype.Link) string {
	switch {
	case link.OID == entity.LinkAll:
		return "every offering (" + link.Field + ")"
	case link.Kind == "":
		return fmt.Sprintf("%s, which does not exist (%s)", link.OID, link.Field)
	}
	deleted := ""
	if link.DeletedAt != nil {
		deleted = ", deleted"
	}
	return fmt.Sprintf("%s %s (%s%s)", strings.ReplaceAll(link.Kind, "-", " "), link.Name, link.OID, deleted)
}

// labelOf is the name of a field for people.
func labelOf(f *entity.Field) string {
	if f.Label != "" {
		return strings.ToLower(f.Label)
	}
	var words strings.Builder
	for _, r := range f.Name {
		if r >= 'A' && r <= 'Z' {
			words.WriteByte(' ')
		}
		words.WriteRune(r)
	}
	return strings.ToLower(words.String())
}

// fieldValue returns the value of a field in an answer, nil where it is not there.
func fieldValue(f *entity.Field, e object) json.RawMessage {
	if f.In == entity.InData {
		return e.object("data").get(f.DataKey())
	}
	return e.get(f.Name)
}

// fieldText is the value of a text field in an answer.
func fieldText(f *entity.Field, e object) string { return strings.Join(fieldTexts(f, e), ", ") }

// fieldTexts returns the lines that show a field; none where it is empty.
func fieldTexts(f *entity.Field, e object) []string {
	value := fieldValue(f, e)
	if len(value) == 0 || string(value) == "null" {
		return nil
	}
	switch f.Type {
	case entity.TypeText, entity.TypeEnum, entity.TypeLink:
		return []string{decoded[string](value)}
	case entity.TypeTexts, entity.TypeTextOrTexts, entity.TypeLinks:
		return decoded[[]string](value)
	case entity.TypeBool:
		if string(value) == "true" {
			return []string{"yes"}
		}
		return nil
	case entity.TypeLists:
		var lines []string
		for _, list := range decoded[object](value) {
			for _, item := range decoded[[]string](list.value) {
				lines = append(lines, list.name+": "+item)
			}
		}
		return lines
	case entity.TypeQuestions:
		var lines []string
		for _, q := range decoded[[]apitype.QualifyingQuestion](value) {
			state := ""
			if q.ArchivedAt != nil {
				state = ", archived"
			}
			lines = append(lines, fmt.Sprintf("%s (%s, %s%s)", q.Question, q.FitType, q.Weight, state))
		}
		return lines
	default:
		if slices.Contains([]string{"{}", "[]", `""`}, string(value)) {
			return nil
		}
		return []string{string(value)}
	}
}

// decoded reads a value of a known type; of another type it is empty.
func decoded[T any](value json.RawMessage) (v T) {
	_ = json.Unmarshal(value, &v)
	return v
}
