package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"personae.dev/apitype"
	"personae.dev/client"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/fetch"
	"personae.dev/internal/files"
	"personae.dev/internal/generate"
)

// GenerateCmd makes an entity from sources.
type GenerateCmd struct {
	server
	Kind       string   `arg:"" help:"The kind, such as persona."`
	From       []string `short:"f" placeholder:"SOURCE" help:"What to make it from: a file, - for stdin, or the address of a web page. May be repeated."`
	Entity     []string `placeholder:"ID" help:"One more source: an entity of the library, by its id or exact name. May be repeated."`
	Name       string   `placeholder:"NAME" help:"Its name. Without it, the model finds one."`
	Offering   string   `placeholder:"ID" help:"The id of the product, service or solution that it belongs to first."`
	Draft      bool     `help:"Print the draft as YAML, and save nothing."`
	Yes        bool     `short:"y" help:"Save without asking."`
	PromptOnly bool     `help:"Print what a model would be asked, for one of your own. It needs neither a server nor a key."`
}

// Help implements kong.HelpProvider.
func (*GenerateCmd) Help() string {
	return `Lets the language model of the server write an entity from texts, public web pages and other entities.
Shows the draft, asks, and saves it. Nothing is invented: where the sources say nothing, fields stay
empty, and are named.

Without a model on the server, give what --prompt-only prints to any model, and what that answers to
create -f.

Examples:

  personae generate persona --from notes.txt
  personae generate persona --from https://example.com/customers --name "Head of Data"
  pbpaste | personae generate competitor --from - --yes
  personae generate persona --from notes.txt --prompt-only | llm >draft.json
  personae persona create -f draft.json`
}

// Run makes the entity.
func (c *GenerateCmd) Run(ctx context.Context, stdio format.Stdio, registry *entity.Registry) error {
	k, err := registry.Kind(c.Kind)
	if err != nil {
		return errs.BadSettingf("%s", err)
	}
	if !k.Generates {
		return errs.BadSettingf("A %s cannot be generated: use `personae %s create`.", k.Title, k.Name)
	}
	kind := Kind{k, registry}
	sources, err := c.sources(ctx, stdio)
	if err != nil {
		return err
	}
	if c.PromptOnly {
		return c.prompt(ctx, stdio, kind, sources)
	}
	api, err := c.connect(kind)
	if err != nil {
		return err
	}
	item := object{{"sources", encoded(sources)}}
	if c.Name != "" {
		item = append(item, member{"name", encoded(c.Name)})
	}
	request := item
	if !k.GeneratesOne {
		request = object{{k.Plural, encoded([]object{item})}}
	}
	if c.Offering != "" {
		request = append(request, member{"primaryOfferingOId", encoded(c.Offering)})
	}
	if !c.Yes && !c.Draft && !stdio.Interactive() {
		return errs.BadSettingf("Nobody can be asked whether the draft is right: add --yes to save it, or --draft to print it.")
	}
	options := []client.Option{client.StrictLinks()}
	if !c.Yes || c.Draft {
		options = append(options, client.Draft())
	}
	made, err := api.client.Generate(ctx, k.Name, request, options...)
	if err != nil {
		return err
	}
	e, err := firstOf(made.Data)
	if err != nil {
		return err
	}
	notes := strings.NewReplacer(k.Plural+"[0]: the", "The", "OK", "", ". Nothing was written", "").Replace(made.Metadata.Message)
	if notes = strings.TrimPrefix(notes, ". "); notes != "" {
		fmt.Fprintf(stdio.Err, "%s.\n", notes)
	}
	if c.Yes && !c.Draft {
		return c.done(stdio, kind, e)
	}
	return c.save(ctx, stdio, api, e, sources)
}

// save shows a draft, and saves it if that is wanted.
func (c *GenerateCmd) save(ctx context.Context, stdio format.Stdio, api *connection, draft object, sources []apitype.Origin) error {
	bodies, err := readEntities(api.kind, encoded(draft))
	if err != nil {
		return err
	}
	body := bodies[0]
	if c.Offering != "" {
		body.set("primaryOfferingOId", encoded(c.Offering))
	}
	text, err := files.YAML(body)
	if err != nil {
		return err
	}
	if c.Draft {
		_, err := stdio.Out.Write(text)
		return err
	}
	fmt.Fprintf(stdio.Err, "\n%s\n", text)
	yes, err := ask(ctx, stdio, "Save it?")
	if err != nil || !yes {
		return err
	}
	body.set("sources", encoded(sources))
	var saved *answer
	if api.kind.Singleton {
		saved, err = api.update(ctx, "", body)
	} else {
		saved, err = api.Create(ctx, body, client.StrictLinks())
	}
	if err != nil {
		return err
	}
	return c.done(stdio, api.kind, saved.Entity)
}

// done says what was made, and prints its id.
func (c *GenerateCmd) done(stdio format.Stdio, kind Kind, e object) error {
	fmt.Fprintf(stdio.Err, "%s was saved.\n", label(kind, e))
	_, err := fmt.Fprintln(stdio.Out, e.oID())
	return err
}

// firstOf returns the entity of an answer, or the only one of its list.
func firstOf(data json.RawMessage) (e object, err error) {
	if json.Unmarshal(data, &e) == nil {
		return e, nil
	}
	var list []object
	if err := json.Unmarshal(data, &list); err != nil || len(list) != 1 {
		return nil, errs.Invalidf("The server answers with something that is not one entity.")
	}
	return list[0], nil
}

// sources reads the flags.
func (c *GenerateCmd) sources(ctx context.Context, stdio format.Stdio) (sources []apitype.Origin, _ error) {
	for _, from := range c.From {
		if strings.HasPrefix(from, "http://") || strings.HasPrefix(from, "https://") {
			sources = append(sources, apitype.Origin{Type: generate.URL, Value: from})
			continue
		}
		text, err := stdio.Read(ctx, from)
		if err != nil {
			return nil, err
		}
		sources = append(sources, apitype.Origin{Type: generate.Text, Value: strings.TrimSpace(string(text))})
	}
	for _, ref := range c.Entity {
		sources = append(sources, apitype.Origin{Type: generate.Resource, Value: ref})
	}
	if len(sources) == 0 {
		return nil, errs.BadSettingf("There is nothing to make it from: name a file, - or an address with --from, or an entity with --entity.")
	}
	return sources, nil
}

// prompt prints what a model would be asked.
func (c *GenerateCmd) prompt(ctx context.Context, stdio format.Stdio, kind Kind, sources []apitype.Origin) error {
	if len(c.Entity) > 0 || c.Offering != "" {
		return errs.BadSettingf("--prompt-only asks no server, and so knows no entities: leave out --entity and --offering.")
	}
	var materials []generate.Material
	for _, s := range sources {
		m := generate.Material{What: "text", Text: s.Value}
		if s.Type == generate.URL {
			_, text, err := fetch.New("Personae").Page(ctx, s.Value)
			if err != nil {
				return err
			}
			m = generate.Material{What: "page " + s.Value, Text: text}
		}
		materials = append(materials, m)
	}
	p := generate.Prompt(kind.Kind, c.Name, nil, materials, nil)
	_, err := io.WriteString(stdio.Out, p.System+"\n\n"+p.Text+"\nThe answer is one JSON object, without any text around it, that follows this JSON schema:\n"+string(p.Schema)+"\n")
	return err
}
