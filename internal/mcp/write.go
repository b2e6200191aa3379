package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"personae.dev/apitype"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// writeTools are those that change the library.
func (s *service) writeTools(entityType param) []*tool {
	return []*tool{
		{
			name: "create_entity", title: "Create an entity", effect: adds, run: createEntity,
			about: "Create an entity from fields that you have written. Look with search_knowledge_base first whether it exists.",
			params: []param{
				needed("entityType", s.kindNames("The kind.", func(k *entity.Kind) bool { return !k.Singleton })),
				needed("name", text("Its name.")),
				optional("fields", object("Its other fields by name, as describe_kind lists them: description, lists, qualifyingQuestions …")),
				optional("linkingStrategy", object("Offerings it belongs to: {mode: ALL}, or {mode: SPECIFIC, offeringOIds: […]}.")),
			},
		},
		s.generateTool(),
		{
			name: "update_entity", title: "Update an entity", effect: changes, run: updateEntity,
			about: "Change some fields of an entity; the others stay. Free-text instructions are not carried out: send what the fields shall be.",
			params: []param{
				needed("oId", text("Its id, or its exact name if no other has it.")), entityType,
				optional("changes", object("New values by field. A list replaces the whole list; null empties a field.")),
				optional("qualifyingQuestions", `{"type":"array","description":"Questions to change or add; the others stay. One with oId, or with the text of one that is there, changes that one.","items":{"type":"object","properties":{`+
					`"oId":{"type":"string"},"question":{"type":"string"},"rationale":{"type":"string"},"fitType":{"type":"string","enum":["GOOD","BAD"]},`+
					`"weight":{"type":"string","enum":["LOW","MEDIUM","HIGH","INSTANT_DISQUALIFIER"]},"archived":{"type":"boolean"}}}}`),
			},
		},
		{
			name: "delete_entity", title: "Delete an entity", effect: changes, run: deleteEntity,
			about:  "Delete an entity. It can be brought back with restore_revision until it is purged, 30 days later by default.",
			params: []param{needed("oId", text("Its id.")), entityType},
		},
		linkTool(),
		{
			name: "restore_revision", title: "Restore a revision", effect: changes, run: restoreRevision,
			about:  "Make an entity what it was after a revision, as a new revision. Brings a deleted entity back, too.",
			params: []param{needed("revisionOId", text("The revision, from list_revisions."))},
		},
	}
}

// singletonTools are those of kinds of which a workspace has one entity.
func (s *service) singletonTools() (tools []*tool) {
	for _, k := range s.registry.Kinds() {
		if !k.Singleton {
			continue
		}
		tools = append(tools, &tool{
			name: "get_" + k.Tool, title: "Get the " + k.Title, about: k.Description + " null where nothing is written yet.",
			run: func(ctx context.Context, c *call) (any, error) {
				whole, err := c.readWhole(ctx, k, "")
				if whole == nil && err == nil {
					return map[string]any{k.Tool: nil}, nil
				}
				return whole, err
			},
		}, &tool{
			name: "update_" + k.Tool, title: "Update the " + k.Title, effect: changes,
			about:  "Change fields of the " + k.Title + "; the others stay. describe_kind lists them.",
			params: []param{optional("changes", object("New values by field. A list replaces the whole list; null empties a field."))},
			run: func(ctx context.Context, c *call) (any, error) {
				body := c.fields(k, "changes")
				if err := c.err(); err != nil {
					return nil, err
				}
				if len(body) == 0 {
					return nil, c.nothingSent(k, "changes")
				}
				return c.patch(ctx, k, "", body, nil)
			},
		})
	}
	return tools
}

// written is what a change is answered with.
type written struct {
	// Done says in words what was done.
	Done       string         `json:"done"`
	EntityType string         `json:"entityType,omitempty"`
	OID        string         `json:"oId"`
	Name       string         `json:"name"`
	Revision   string         `json:"revisionOId,omitempty"`
	LinkedFrom []apitype.Link `json:"linkedFrom,omitempty"`
	Note       string         `json:"note,omitempty"`
}

// writtenEntity is what the API answers to a change, with the entity under data
// or at the top.
type writtenEntity struct {
	Metadata apitype.Metadata `json:"_metadata"`
	Data     struct {
		OID  string `json:"oId"`
		Name string `json:"name"`
	} `json:"data"`
	OID        string         `json:"oId"`
	Name       string         `json:"name"`
	LinkedFrom []apitype.Link `json:"linkedFrom"`
}

// note is what the API says beside OK.
func note(m apitype.Metadata) string {
	return strings.TrimPrefix(strings.TrimPrefix(m.Message, "OK"), ". ")
}

// fields returns the fields that an argument has, and those that are arguments
// themselves.
func (c *call) fields(k *entity.Kind, name string) map[string]json.RawMessage {
	sent := maps.Clone(c.object(name))
	if sent == nil {
		sent = map[string]json.RawMessage{}
	}
	for _, f := range k.RequestFields() {
		if value, ok := c.values[f.Name]; ok && !c.tool.has(f.Name) {
			c.known[f.Name], sent[f.Name] = true, value
		}
	}
	return sent
}

// nothingSent refuses a change without fields: to write them from instructions
// would need a model, and the agent is one.
func (c *call) nothingSent(k *entity.Kind, argument string) error {
	for _, name := range []string{"instructions", "keyContext", "sources"} {
		c.known[name] = true // what the answer is about is not ignored
	}
	var names []string
	for _, f := range k.RequestFields() {
		if !f.Old && !f.ReadOnly && f.Name != "name" {
			names = append(names, f.Name)
		}
	}
	message := "Instructions and sources need a language model here, and this server has none. Nothing was changed."
	if argument != "fields" {
		message = "Instructions are not carried out on what is there. Nothing was changed."
	}
	return &refusal{
		Code: errs.CodeModelNotConfigured, Message: message,
		Next: fmt.Sprintf("Write the fields yourself, and send them as %s, by name. A %s has %s.", argument, k.Title, strings.Join(names, ", ")),
	}
}

// createEntity answers create_entity.
func createEntity(ctx context.Context, c *call) (any, error) {
	k, name, strategy := c.kind(), c.text("name"), c.object("linkingStrategy")
	if err := c.err(); err != nil {
		return nil, err
	}
	body := c.fields(k, "fields")
	if err := c.err(); err != nil {
		return nil, err
	}
	if len(body) == 0 && k.Generates && (c.values["instructions"] != nil || c.values["sources"] != nil) {
		return c.createFromSources(ctx, k, name, strategy)
	}
	if len(body) == 0 && (c.values["instructions"] != nil || c.values["sources"] != nil) {
		return nil, c.nothingSent(k, "fields")
	}
	body["name"], _ = encode(name) // a string has no error
	if strategy != nil {
		body["linkingStrategy"], _ = encode(strategy)
	}
	var done writtenEntity
	if err := c.api.post(ctx, k.Name+"/create?strictLinks=true", body, &done); err != nil {
		return nil, err
	}
	w := written{Done: "Created", EntityType: k.Tool, OID: done.Data.OID, Name: done.Data.Name, Note: note(done.Metadata)}
	c.addRevision(ctx, &w)
	return w, nil
}

// updateEntity answers update_entity.
func updateEntity(ctx context.Context, c *call) (any, error) {
	ref, k := c.text("oId"), c.kind()
	var questions []map[string]json.RawMessage
	c.read("qualifyingQuestions", "a list of objects", &questions)
	if err := c.err(); err != nil {
		return nil, err
	}
	var done any
	err := c.on(ctx, ref, k, func(k *entity.Kind, oID string) (err error) {
		body := c.fields(k, "changes")
		if err := c.err(); err != nil {
			return err
		}
		if len(body) == 0 && len(questions) == 0 {
			return c.nothingSent(k, "changes")
		}
		done, err = c.patch(ctx, k, oID, body, questions)
		return err
	})
	return done, err
}

// patch changes fields of an entity, and of its questions.
func (c *call) patch(ctx context.Context, k *entity.Kind, oID string, body map[string]json.RawMessage, questions []map[string]json.RawMessage) (any, error) {
	ifMatch := ""
	query := url.Values{"include": {"questionIds"}}
	set(query, "oId", oID)
	before, err := c.api.call(ctx, request{method: http.MethodGet, path: k.Name + "/get", query: query})
	if err != nil {
		return nil, err
	}
	if len(questions) > 0 {
		if body["qualifyingQuestions"], err = merged(k, before, questions); err != nil {
			return nil, err
		}
		ifMatch = before.etag // the other questions must still be what they were
	}
	if oID != "" {
		body["oId"], _ = encode(oID) // a string has no error
	}
	changed, err := c.api.call(ctx, request{
		method: http.MethodPatch, path: k.Name + "/update", query: url.Values{"strictLinks": {"true"}}, body: body, ifMatch: ifMatch,
	})
	if err != nil {
		return nil, err
	}
	var now writtenEntity
	if err := changed.decode(&now); err != nil {
		return nil, err
	}
	w := written{EntityType: k.Tool, OID: now.Data.OID, Name: now.Data.Name, Note: note(now.Metadata)}
	if w.Done = "Nothing: it has these values already"; changed.etag != before.etag {
		w.Done = "Updated"
		c.addRevision(ctx, &w)
	}
	return w, nil
}

// addRevision says what the newest revision of an entity did, so that it can be
// undone. The change is made, whether this succeeds or not.
func (c *call) addRevision(ctx context.Context, w *written) {
	var page struct {
		Revisions []apitype.Revision `json:"revisions"`
	}
	query := url.Values{"entityOIds": {w.OID}, "limit": {"1"}, "includeRestored": {"true"}}
	if err := c.api.get(ctx, "revision/list", query, &page); err == nil && len(page.Revisions) == 1 {
		newest := c.revision(&page.Revisions[0])
		w.Done, w.Revision, w.EntityType = newest.Summary, newest.RevisionOID, newest.EntityType
	}
}

// merged returns the questions of an entity with those that are sent.
func merged(k *entity.Kind, before *answer, sent []map[string]json.RawMessage) (json.RawMessage, error) {
	if k.QuestionsField() == nil {
		return nil, &refusal{Code: codeArguments, Message: "A " + k.Title + " has no qualifying questions; nothing was changed.", Next: "Leave qualifyingQuestions out."}
	}
	var there struct {
		Questions []map[string]json.RawMessage `json:"qualifyingQuestions"`
	}
	if err := before.decode(&there); err != nil {
		return nil, err
	}
	same := func(a, b json.RawMessage) bool { return a != nil && string(a) == string(b) }
	for _, q := range sent {
		if archived, ok := q["archived"]; ok {
			q["archivedAt"] = json.RawMessage("null")
			if string(archived) == "true" {
				q["archivedAt"], _ = encode(time.Now().UTC().Format("2006-01-02T15:04:05.000Z")) // a string has no error
			}
			delete(q, "archived")
		}
		at := slices.IndexFunc(there.Questions, func(old map[string]json.RawMessage) bool {
			return same(q["oId"], old["oId"]) || q["oId"] == nil && same(q["question"], old["question"])
		})
		if at < 0 {
			there.Questions = append(there.Questions, q) // the API refuses an oId that is not there
			continue
		}
		maps.Copy(there.Questions[at], q)
	}
	return encode(there.Questions)
}

// deleteEntity answers delete_entity.
func deleteEntity(ctx context.Context, c *call) (any, error) {
	ref, k := c.text("oId"), c.kind()
	if err := c.err(); err != nil {
		return nil, err
	}
	var w written
	err := c.on(ctx, ref, k, func(k *entity.Kind, oID string) error {
		done, err := c.api.call(ctx, request{method: http.MethodDelete, path: k.Name + "/delete", query: url.Values{"oId": {oID}}})
		if err != nil {
			return err
		}
		var gone writtenEntity
		if err := done.decode(&gone); err != nil {
			return err
		}
		w = written{Done: "Deleted", EntityType: k.Tool, OID: gone.OID, Name: gone.Name, LinkedFrom: gone.LinkedFrom, Note: note(gone.Metadata)}
		c.addRevision(ctx, &w)
		return nil
	})
	return w, err
}

// restoreRevision answers restore_revision.
func restoreRevision(ctx context.Context, c *call) (any, error) {
	var done writtenEntity
	if err := c.api.post(ctx, "revision/restore", map[string]string{"revisionOId": c.text("revisionOId")}, &done); err != nil {
		return nil, err
	}
	w := written{Done: "Restored", OID: done.Data.OID, Name: done.Data.Name, Note: note(done.Metadata)}
	c.addRevision(ctx, &w)
	return w, nil
}
