package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"personae.dev/apitype"
	"personae.dev/internal/entity"
)

// tools is every tool, in the order in which clients see them.
func (s *service) tools() []*tool {
	entityType := optional("entityType", text("Its kind, where the id alone does not say it."))
	tools := []*tool{
		{
			name: "verify_connection", title: "Verify connection", run: verifyConnection,
			about: "Check the connection: which workspace and organization the library belongs to.",
		},
		{
			name: "describe_kind", title: "Describe a kind", run: describeKind,
			about:  "Explain one kind of entity: its fields, their types, values and limits, as create_entity and update_entity take them. Without entityType: all kinds in a sentence each.",
			params: []param{optional("entityType", text("The kind, such as persona or use_case."))},
		},
		{
			name: "list_entities", title: "List entities", run: listEntities,
			about: "List the entities of one kind: oId, name, description, updatedAt. Sorted by name, or by relevance with search. The answer says when there is more, and how to get it.",
			params: []param{
				needed("entityType", s.kindNames("The kind.", func(k *entity.Kind) bool { return !k.Singleton })),
				optional("search", text("Words that must occur, as the beginning of words.")),
				optional("offeringOId", text("Only those linked to this product, service or solution.")),
				optional("includeDetails", truth("Whole entities instead of short rows.")),
				optional("all", truth(fmt.Sprintf("Up to %d short rows at once.", mostRows))),
				optional("status", `{"type":"string","enum":["active","archived","deleted","all"],"default":"active"}`),
				optional("limit", number(fmt.Sprintf("Rows; default %d.", usualRows), mostRows)),
				offset(),
			},
		},
		searchTool(),
		{
			name: "get_entity", title: "Get an entity", run: getEntity,
			about:  "Read one entity whole: all fields, qualifying questions with their ids, and links in both directions with names.",
			params: []param{needed("oId", text("Its id, or its exact name if no other has it.")), entityType},
		},
	}
	tools = append(tools, s.singletonTools()...)
	tools = append(tools, historyTools()...)
	tools = append(tools, agentTools()...)
	tools = append(tools, matchTools()...)
	tools = append(tools, qualifyTools()...)
	return append(tools, s.writeTools(entityType)...)
}

// verifyConnection answers verify_connection.
func verifyConnection(ctx context.Context, c *call) (any, error) {
	var found apitype.ValidateKeyResponse
	if err := c.api.get(ctx, "api-key/validate", nil, &found); err != nil {
		return nil, err
	}
	return struct {
		WorkspaceName    string `json:"workspaceName"`
		WorkspaceOID     string `json:"workspaceOId"`
		OrganizationName string `json:"organizationName"`
		OrganizationSlug string `json:"organizationSlug"`
		OrganizationOID  string `json:"organizationOId"`
	}{found.WorkspaceName, found.WorkspaceOID, found.OrganizationName, found.OrganizationSlug, found.OrganizationOID}, nil
}

// Bounds of lists. docs/mcp.md names them.
const (
	usualRows    = 50
	usualDetails = 10
	mostRows     = 500
	mostDetails  = 50
	mostBytes    = 60_000 // of the rows of an answer
	mostAbout    = 300    // characters of a description in a short row
)

// list is a part of a list.
type list struct {
	EntityType string            `json:"entityType,omitempty"`
	Total      int               `json:"total"`
	Rows       []json.RawMessage `json:"rows"`
	HasNext    bool              `json:"hasNext"`
	// Next says how to get what is left out.
	Next string `json:"next,omitempty"`
	Note string `json:"note,omitempty"`

	auditSums
}

// auditSums are those of the whole library, in lists of an audit.
type auditSums struct {
	Score  *int                 `json:"score,omitempty"`
	Counts *apitype.AuditCounts `json:"counts,omitempty"`
}

// list makes a call that lists, from the argument offset on. It returns as many
// rows as fit into an answer, one at least, each as show returns it.
func (c *call) list(ctx context.Context, path string, query url.Values, limit int, show func(row json.RawMessage) (any, error)) (*list, error) {
	return c.listFrom(ctx, path, query, c.offset(), limit, show)
}

func (c *call) offset() int { return c.number("offset", 0, 0, 1<<30) }

func (c *call) listFrom(ctx context.Context, path string, query url.Values, offset, limit int, show func(row json.RawMessage) (any, error)) (*list, error) {
	if err := c.err(); err != nil {
		return nil, err
	}
	query.Set("limit", strconv.Itoa(limit))
	query.Set("offset", strconv.Itoa(offset))
	var page struct {
		Total     int               `json:"total"`
		HasNext   bool              `json:"hasNext"`
		Data      json.RawMessage   `json:"data"`
		Revisions []json.RawMessage `json:"revisions"`
		auditSums
	}
	found, err := c.api.call(ctx, request{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return nil, err
	}
	if err := found.decode(&page); err != nil {
		return nil, err
	}
	rows := page.Revisions
	if rows != nil { // a history has its numbers elsewhere
		err = json.Unmarshal(page.Data, &page)
		page.HasNext = offset+len(rows) < page.Total
	} else {
		err = json.Unmarshal(page.Data, &rows)
	}
	if err != nil {
		return nil, fmt.Errorf("mcp: read %s: %w", path, err)
	}
	l, size := &list{Total: page.Total, Rows: []json.RawMessage{}, HasNext: page.HasNext, auditSums: page.auditSums}, 0
	for i, row := range rows {
		shown, err := show(row)
		if err != nil {
			return nil, fmt.Errorf("mcp: read %s: %w", path, err)
		}
		b, err := encode(shown)
		if err != nil {
			return nil, fmt.Errorf("mcp: encode a row: %w", err)
		}
		if size += len(b); size > mostBytes && i > 0 {
			l.HasNext = true
			break
		}
		l.Rows = append(l.Rows, b)
	}
	if l.HasNext {
		l.Next = c.again(offset + len(l.Rows))
	}
	return l, nil
}

// again says how to get the rows from an offset.
func (c *call) again(offset int) string {
	return fmt.Sprintf("Call %s again with the same arguments and offset %d.", c.tool.name, offset)
}

// row is an entity or an agent as lists show it.
type row struct {
	OID          string  `json:"oId"`
	Type         string  `json:"type,omitempty"` // of an agent
	Name         string  `json:"name"`
	InternalName string  `json:"internalName,omitempty"`
	Description  string  `json:"description,omitempty"`
	UpdatedAt    *string `json:"updatedAt,omitempty"`
}

// short shows a row with the beginning of its description.
func short(b json.RawMessage) (any, error) {
	var r row
	err := json.Unmarshal(b, &r)
	r.Description = shorten(r.Description, mostAbout)
	return r, err
}

// whole shows a row as it is.
func whole(b json.RawMessage) (any, error) { return b, nil }

// listEntities answers list_entities.
func listEntities(ctx context.Context, c *call) (any, error) {
	k, search, details := c.kind(), c.text("search"), c.truth("includeDetails")
	usual, most, show := usualRows, mostRows, short
	switch all := c.truth("all"); {
	case details:
		usual, most, show = usualDetails, mostDetails, whole
	case all:
		usual = mostRows
	}
	limit := min(most, c.number("limit", usual, 1, mostRows))
	query := url.Values{}
	set(query, "text", search)
	set(query, "offeringOId", c.text("offeringOId"))
	set(query, "status", c.text("status"))
	if search == "" {
		query.Set("orderField", "name")
	}
	if !details {
		query.Set("fields", "slim")
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	l, err := c.list(ctx, k.Name+"/list", query, limit, show)
	if err != nil {
		return nil, err
	}
	l.EntityType = k.Tool
	return l, nil
}

func set(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}

// shorten cuts a text after some characters.
func shorten(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:most])) + "…"
}

// getEntity answers get_entity.
func getEntity(ctx context.Context, c *call) (any, error) {
	ref, k := c.text("oId"), c.kind()
	if err := c.err(); err != nil {
		return nil, err
	}
	var got json.RawMessage
	err := c.on(ctx, ref, k, func(k *entity.Kind, oID string) (err error) {
		got, err = c.readWhole(ctx, k, oID)
		return err
	})
	return got, err
}

// readWhole reads an entity with all that is known of it.
func (c *call) readWhole(ctx context.Context, k *entity.Kind, oID string) (json.RawMessage, error) {
	query := url.Values{"include": {"questionIds,links"}}
	set(query, "oId", oID)
	found, err := c.api.call(ctx, request{method: http.MethodGet, path: k.Name + "/get", query: query})
	if err != nil {
		return nil, err
	}
	object := found.body
	if k.Singleton {
		var wrapped struct {
			Data json.RawMessage `json:"data"`
		}
		if err := found.decode(&wrapped); err != nil {
			return nil, err
		}
		object = wrapped.Data
	}
	members, err := membersOf(object)
	if err != nil || members == nil {
		return nil, err
	}
	b := fmt.Appendf(nil, `{"entityType":%q`, k.Tool)
	for _, m := range members {
		if m.name == "_metadata" || m.name == "workspace" { // every answer has the same
			continue
		}
		b = append(fmt.Appendf(b, `,%q:`, m.name), m.value...)
	}
	return append(b, '}'), nil
}

// member is one member of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// membersOf returns the members of an object in their order, nil for null.
func membersOf(object []byte) (members []member, err error) {
	decoder := json.NewDecoder(strings.NewReader(string(object)))
	if first, err := decoder.Token(); err != nil || first == nil {
		return nil, err
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, fmt.Errorf("mcp: read an answer: %w", err)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, fmt.Errorf("mcp: read an answer: %w", err)
		}
		members = append(members, member{fmt.Sprint(name), value})
	}
	return members, nil
}

// on calls do with the kind and the id that ref means: an id, or a name that one
// entity alone has. k may be nil. Most ids say by their prefix of what kind they
// are, so that only others are looked for.
func (c *call) on(ctx context.Context, ref string, k *entity.Kind, do func(k *entity.Kind, oID string) error) error {
	guess := k
	for _, other := range c.registry.Kinds() {
		if guess == nil && strings.HasPrefix(ref, other.Prefix) {
			guess = other
		}
	}
	if guess != nil {
		err := do(guess, ref)
		if r, ok := err.(*refusal); !ok || r.status != http.StatusNotFound { //nolint:errorlint // of this very call
			return err
		}
	}
	found, err := c.find(ctx, ref, k)
	if err != nil {
		return err
	}
	return do(found.kind, found.OID)
}

// found is an entity that an id or a name stands for.
type found struct {
	Kind string `json:"kind"`
	OID  string `json:"oId"`
	Name string `json:"name"`
	kind *entity.Kind
}

// find returns the one entity that ref means, of the kind k where that is known.
func (c *call) find(ctx context.Context, ref string, k *entity.Kind) (*found, error) {
	var answer struct {
		Data []found `json:"data"`
	}
	if err := c.api.get(ctx, "library/find", url.Values{"idOrName": {ref}}, &answer); err != nil {
		return nil, err
	}
	var fit []*found
	var others, names []string
	for i := range answer.Data {
		f := &answer.Data[i]
		var err error
		if f.kind, err = c.registry.Kind(f.Kind); err != nil {
			continue // a kind that this program does not know
		}
		if k != nil && f.kind != k {
			others = append(others, f.kind.WithArticle())
			continue
		}
		fit = append(fit, f)
		names = append(names, fmt.Sprintf("%s %s (%s)", f.kind.Tool, f.OID, shorten(f.Name, 80)))
	}
	switch {
	case len(fit) == 1:
		return fit[0], nil
	case len(fit) > 1:
		return nil, &refusal{
			Code: codeAmbiguous, Message: fmt.Sprintf("%q stands for %d entities: %s.", shorten(ref, 80), len(fit), strings.Join(names, ", ")),
			Next: "Call again with the oId and the entityType of the one that is meant.",
		}
	case len(others) > 0:
		return nil, &refusal{
			Code: codeNoEntity, Message: fmt.Sprintf("%q is not %s: it is %s.", shorten(ref, 80), k.WithArticle(), strings.Join(others, " and ")),
			Next: "Leave entityType out, or name the right one.",
		}
	}
	return nil, &refusal{
		Code: codeNoEntity, Message: fmt.Sprintf("Nothing in this workspace has the id or the exact name %q.", shorten(ref, 80)),
		Next: "Find the right id with search_knowledge_base or list_entities; it may also have been deleted for good.",
	}
}
