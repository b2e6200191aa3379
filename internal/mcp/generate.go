package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"personae.dev/apitype"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// generateTool makes entities with the language model of the server.
func (s *service) generateTool() *tool {
	return &tool{
		name: "generate_entities", title: "Generate entities from sources", effect: adds, open: true, run: generateEntities,
		about: "Let the language model of the server write entities from texts, public web pages and other entities: one for each item, all or none. Where you have read the source yourself, write the fields with create_entity instead: that needs no model.",
		params: []param{
			needed("entityType", s.kindNames("The kind.", func(k *entity.Kind) bool { return k.Generates })),
			needed("items", `{"type":"array","minItems":1,"description":"What to make.","items":{"type":"object","properties":{"name":{"type":"string","description":"Its name; without it, the model finds one."},"sources":`+
				`{"type":"array","items":{"type":"object","properties":{"type":{"type":"string","enum":["text","url","resource"],"description":"resource is the id or exact name of an entity."},"content":{"type":"string"}},"required":["type","content"]}}},"required":["sources"]}}`),
			optional("primaryOfferingOId", text("The product, service or solution that they belong to.")),
			optional("linkingStrategy", object("Offerings they belong to: {mode: ALL}, or {mode: SPECIFIC, offeringOIds: […]}.")),
			optional("draft", truth("Answer the entities, and write nothing.")),
		},
	}
}

// generateItem is what one entity is made from, as tools take it.
type generateItem struct {
	Name    string       `json:"name"`
	Sources []toolSource `json:"sources"`
}

type toolSource struct {
	Type    string `json:"type"`
	Content string `json:"content"`
	Value   string `json:"value"` // as the API has it
}

// body is the item as the API takes it.
func (i generateItem) body() map[string]any {
	sources := []apitype.Origin{}
	for _, s := range i.Sources {
		if s.Content == "" {
			s.Content = s.Value
		}
		sources = append(sources, apitype.Origin{Type: strings.ToUpper(s.Type), Value: s.Content})
	}
	return map[string]any{"name": i.Name, "sources": sources}
}

// generated is what generate_entities answers.
type generated struct {
	Done       string            `json:"done"`
	EntityType string            `json:"entityType"`
	Rows       []json.RawMessage `json:"rows"`
	Note       string            `json:"note,omitempty"`
}

// generateEntities answers generate_entities.
func generateEntities(ctx context.Context, c *call) (any, error) {
	k, offering, strategy, draft := c.kind(), c.text("primaryOfferingOId"), c.object("linkingStrategy"), c.truth("draft")
	var items []generateItem
	c.read("items", "a list of objects with sources", &items)
	if err := c.err(); err != nil {
		return nil, err
	}
	body := map[string]any{}
	if offering != "" {
		body["primaryOfferingOId"] = offering
	}
	if strategy != nil {
		body["linkingStrategy"] = strategy
	}
	done := "Generated"
	path := k.Name + "/generate?strictLinks=true"
	if draft {
		done, path = "Drafted; nothing was written", path+"&draft=true"
	}
	rows, note, err := c.generate(ctx, k, path, body, items)
	if refused, ok := errors.AsType[*refusal](err); ok && refused.Code == errs.CodeModelNotConfigured {
		refused.Message, refused.Next = "This server has no language model. Nothing was made.", "Read the sources yourself, and write the fields with create_entity."
	}
	if err != nil {
		return nil, err
	}
	if !draft {
		for i, row := range rows {
			var short struct {
				OID         string `json:"oId"`
				Name        string `json:"name"`
				Description string `json:"description,omitempty"`
			}
			if err := json.Unmarshal(row, &short); err != nil {
				return nil, err
			}
			if rows[i], err = encode(short); err != nil {
				return nil, err
			}
		}
	}
	return generated{Done: done, EntityType: k.Tool, Rows: rows, Note: note}, nil
}

// generate makes a generate call, and returns the entities.
func (c *call) generate(ctx context.Context, k *entity.Kind, path string, body map[string]any, items []generateItem) (rows []json.RawMessage, more string, _ error) {
	if k.GeneratesOne {
		if len(items) != 1 {
			return nil, "", &refusal{Code: errs.CodeInvalidRequest, Message: "One " + k.Title + " is generated at a time.", Next: "Send one item."}
		}
		for name, value := range items[0].body() {
			body[name] = value
		}
	} else {
		bodies := []any{}
		for _, i := range items {
			bodies = append(bodies, i.body())
		}
		body[k.Plural] = bodies
	}
	var made struct {
		Metadata apitype.Metadata `json:"_metadata"`
		Data     json.RawMessage  `json:"data"`
	}
	if err := c.api.post(ctx, path, body, &made); err != nil {
		return nil, "", err
	}
	if json.Unmarshal(made.Data, &rows) != nil {
		rows = []json.RawMessage{made.Data}
	}
	return rows, strings.TrimPrefix(note(made.Metadata), "Nothing was written. "), nil
}

// createFromSources answers create_entity where it has no fields: the model of the
// server writes them, if there is one.
func (c *call) createFromSources(ctx context.Context, k *entity.Kind, name string, strategy any) (any, error) {
	var item generateItem
	c.read("sources", "a list of objects {type, content}", &item.Sources)
	body := map[string]any{}
	for _, said := range []string{"instructions", "keyContext"} {
		if text := c.text(said); text != "" {
			body[said+"Input"] = text
			c.known[said] = true
		}
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	if instructions, ok := body["instructionsInput"].(string); ok && len(item.Sources) == 0 {
		item.Sources = []toolSource{{Type: "TEXT", Content: instructions}}
	}
	if strategy != nil {
		body["linkingStrategy"] = strategy
	}
	item.Name = name
	rows, more, err := c.generate(ctx, k, k.Name+"/generate?strictLinks=true", body, []generateItem{item})
	if refused, ok := errors.AsType[*refusal](err); ok && refused.Code == errs.CodeModelNotConfigured {
		return nil, c.nothingSent(k, "fields")
	}
	if err != nil {
		return nil, err
	}
	w := written{Done: "Generated", EntityType: k.Tool, Note: more}
	if err := json.Unmarshal(rows[0], &w); err != nil {
		return nil, err
	}
	c.addRevision(ctx, &w)
	return w, nil
}
