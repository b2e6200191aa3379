// Package generate makes entities from sources with a language model: texts, web
// pages, and other entities of the library. What the model answers is judged as if
// a person had sent it, and nothing is written unless all of it can be.
package generate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"golang.org/x/sync/errgroup"

	"personae.dev/internal/contextpack"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
)

// The types of sources.
const (
	Text     = "TEXT"
	URL      = "URL"
	Resource = "RESOURCE" // the id or the exact name of an entity
)

// Limits of a request.
const (
	MaxItems   = 50
	MaxSources = 20      // of an item
	MaxText    = 200_000 // characters of all sources of an item together

	resourceTokens = 8_000
	atOnce         = 8 // items that are worked on at once
)

// Generator makes entities.
type Generator struct {
	Library *library.Library
	// Model is nil where the server has none.
	Model library.Model
	// Page returns the title and the text of a web page.
	Page func(ctx context.Context, address string) (title, text string, err error)
}

// Options say how to generate.
type Options struct {
	// IdempotencyKey is "" for none; Body is the request that it stands for.
	IdempotencyKey string
	Body           []byte
	// Errors are those of the request's form.
	Errors []errs.Field
	// StrictLinks refuses links to what is not in the workspace.
	StrictLinks bool
	// Draft writes nothing.
	Draft bool
}

// Result is what was made.
type Result struct {
	// Written has an entity for each item, in their order.
	Written []*library.Written
	// Notes say in words what the sources do not tell, and what was left out.
	Notes []string
}

// Generate makes an entity for each item of a request, all or none.
func (g *Generator) Generate(ctx context.Context, c library.Caller, k *entity.Kind, r *Request, o Options) (*Result, error) {
	if err := errs.InvalidFields(errs.JoinAll(o.Errors, r.check(k))); err != nil {
		return nil, err
	}
	if g == nil || g.Model == nil {
		return nil, &errs.Error{
			Kind: errs.Unavailable, Code: errs.CodeModelNotConfigured,
			Message: "Generating needs a language model, and this server has none: its operator can name one with --llm. Without one, write the " + k.Title + " with " + k.Name + "/" + writeCall(k) +
				", or have a model of your own answer what `personae generate " + k.Name + " --prompt-only` prints.",
		}
	}
	var pending *library.Pending
	if o.IdempotencyKey != "" && !o.Draft && !k.Singleton {
		var first []*library.Written
		var err error
		digest := library.IdempotencyDigest(k.Name+"/generate", o.Body, nil)
		if pending, first, err = g.Library.BeginIdempotent(ctx, c, o.IdempotencyKey, digest); err != nil || len(first) > 0 {
			return &Result{Written: first}, err
		}
	}
	result, err := g.generate(ctx, c, k, r, o, pending)
	if err != nil && pending != nil {
		// Where this fails, too, the key is free when its lease ends.
		_ = g.Library.Abandon(context.WithoutCancel(ctx), c, pending)
	}
	return result, err
}

// writeCall is the call that writes an entity by hand.
func writeCall(k *entity.Kind) string {
	if k.Singleton {
		return "update"
	}
	return "create"
}

func (g *Generator) generate(ctx context.Context, c library.Caller, k *entity.Kind, r *Request, o Options, pending *library.Pending) (*Result, error) {
	if o.StrictLinks {
		patch, _ := r.wanted(k)
		if err := g.Library.CheckLinks(ctx, c, k, patch); err != nil {
			return nil, err
		}
	}
	prompts, notes, err := g.prompts(ctx, c, k, r)
	if err != nil {
		return nil, err
	}
	creates := make([]library.Create, len(r.Items))
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range r.Items {
		group.Go(func() error {
			patch, err := g.ask(within, c, k, r, &r.Items[i], prompts[i])
			if err != nil {
				return r.in(k, i, err)
			}
			creates[i] = library.Create{Patch: patch, StrictLinks: o.StrictLinks}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i := range creates {
		if silent := silence(k, creates[i].Patch); len(silent) > 0 {
			notes = append(notes, r.path(k, i, "")+"the sources say nothing of "+strings.Join(silent, ", "))
		}
	}
	result := &Result{Notes: notes}
	switch {
	case o.Draft:
		result.Written, err = g.Library.DraftAll(ctx, c, k, creates)
	case k.Singleton:
		var one *library.Written
		one, err = g.Library.Update(ctx, c, k, library.Target{StrictLinks: o.StrictLinks}, creates[0].Patch)
		result.Written = []*library.Written{one}
	default:
		result.Written, err = g.Library.CreateAll(ctx, c, k, creates, pending)
	}
	return result, err
}

// ask lets the model write one entity.
func (g *Generator) ask(ctx context.Context, c library.Caller, k *entity.Kind, r *Request, item *Item, p library.Prompt) (*entity.Patch, error) {
	decode := func(answer json.RawMessage) (*entity.Patch, []errs.Field) {
		patch, wrong := k.Decode(r.body(item, answer), entity.Mode{Create: true, N8n: true})
		_, fields := k.Apply(nil, patch)
		return patch, errs.Join(wrong, fields)
	}
	p.Check = func(answer json.RawMessage) (wrong []string) {
		_, fields := decode(answer)
		for _, f := range fields {
			wrong = append(wrong, f.String())
		}
		return wrong
	}
	answer, err := g.Model.Ask(ctx, c, p)
	if err != nil {
		return nil, err
	}
	patch, fields := decode(answer)
	patch.Origins = item.Sources
	return patch, errs.InvalidFields(fields)
}

// silence names the fields that a model could fill in, and that have no value.
func silence(k *entity.Kind, patch *entity.Patch) (names []string) {
	for _, f := range asked(k) {
		if patch.Given[f.Name] == nil && patch.Nested[f.Name] == nil && f.Name != internalName {
			names = append(names, f.Name)
		}
	}
	return names
}

// prompts reads the sources of all items, before the model is asked at all.
func (g *Generator) prompts(ctx context.Context, c library.Caller, k *entity.Kind, r *Request) (prompts []library.Prompt, notes []string, _ error) {
	var list errs.List
	var around []Material
	for _, oID := range r.around {
		m, err := g.resource(ctx, c, oID)
		if errs.KindOf(err) == errs.Invalid { // a link to what is not there is kept, and told
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		around = append(around, *m)
	}
	found := make([][]*Material, len(r.Items))
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	failed := make([][]error, len(r.Items))
	for i := range r.Items {
		item := &r.Items[i]
		found[i], failed[i] = make([]*Material, len(item.Sources)), make([]error, len(item.Sources))
		for j, s := range item.Sources {
			group.Go(func() error {
				found[i][j], failed[i][j] = g.read(within, c, s)
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	for i := range r.Items {
		item := &r.Items[i]
		var materials []Material
		left := MaxText
		for j, err := range failed[i] {
			path := r.path(k, i, fmt.Sprintf("sources[%d].value", item.places[j]))
			if err != nil {
				refused, ok := errors.AsType[*errs.Error](err)
				if !ok || refused.Kind != errs.Invalid && refused.Kind != errs.TooLarge {
					return nil, nil, unreachable(path, err)
				}
				list.Add(path, "%s", lowerFirst(refused.Message))
				continue
			}
			m := *found[i][j]
			if cut := firstRunes(m.Text, left); len(cut) < len(m.Text) {
				if item.Sources[j].Type == Text {
					list.Add(path, "makes the sources longer than %d characters: send less", MaxText)
					continue
				}
				m.Text = cut
				notes = append(notes, fmt.Sprintf("%s: only the beginning was read, as the sources of an item have %d characters at most", path, MaxText))
			}
			left -= len([]rune(m.Text))
			materials = append(materials, m)
		}
		prompts = append(prompts, Prompt(k, item.Name, item.Notes, materials, around))
	}
	return prompts, notes, list.Err()
}

// read returns what a source says.
func (g *Generator) read(ctx context.Context, c library.Caller, s entity.Origin) (*Material, error) {
	switch s.Type {
	case URL:
		title, text, err := g.Page(ctx, s.Value)
		if err != nil {
			return nil, err
		}
		if title != "" {
			title = " " + title
		}
		// One more character than is used tells that there is more; the page itself is
		// not kept.
		return &Material{"page " + s.Value + title, strings.Clone(firstRunes(text, MaxText+1))}, nil
	case Resource:
		return g.resource(ctx, c, s.Value)
	}
	return &Material{"text", s.Value}, nil
}

// resource returns an entity, by its id or exact name, as a text.
func (g *Generator) resource(ctx context.Context, c library.Caller, ref string) (*Material, error) {
	named, err := g.Library.Find(ctx, c, ref)
	if err != nil {
		return nil, err
	}
	switch {
	case len(named) == 0:
		return nil, errs.Invalidf("Names no entity of the workspace, by id or exact name.")
	case len(named) > 1:
		var ids []string
		for _, n := range named {
			ids = append(ids, n.Kind+" "+n.OID)
		}
		return nil, errs.Invalidf("Is the name of %d entities: use the id of one: %s.", len(named), strings.Join(ids, ", "))
	}
	k, err := g.Library.Registry().Kind(named[0].Kind)
	if err != nil {
		return nil, err
	}
	e, err := g.Library.Entity(ctx, c, k, named[0].OID)
	if err != nil {
		return nil, err
	}
	return &Material{k.Title + " of our library", contextpack.Markdown(contextpack.Item{Kind: k, Entity: e}, nil, resourceTokens)}, nil
}

// unreachable answers for a source that may be read later. Its cause is for the
// log.
func unreachable(path string, err error) error {
	refused, ok := errors.AsType[*errs.Error](err)
	if !ok {
		return err
	}
	again := *refused
	again.Message = path + ": " + refused.Message
	if again.Code == errs.CodeUnavailable {
		again.Code = errs.CodeSourceUnreachable
	}
	return &again
}

// body is what a create of the item would have: what the model says, and what the
// caller wants.
func (r *Request) body(item *Item, answer json.RawMessage) []byte {
	fields := map[string]json.RawMessage{}
	_ = json.Unmarshal(answer, &fields) // it follows the schema
	maps.Copy(fields, r.fields)
	if item.Name != "" {
		fields[nameField], _ = json.Marshal(item.Name)
	}
	body, _ := json.Marshal(fields)
	return body
}

// in tells which item an error is of, where there are several.
func (r *Request) in(k *entity.Kind, i int, err error) error {
	known, ok := errors.AsType[*errs.Error](err)
	if !ok || len(r.Items) < 2 {
		return err
	}
	of := *known
	of.Message = r.path(k, i, "") + known.Message
	return &of
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + strings.TrimSuffix(s[1:], ".")
}

// firstRunes returns the first n characters.
func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
