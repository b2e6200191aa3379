package mcp

import (
	"context"
	"encoding/json"
	"net/url"

	"personae.dev/apitype"
)

// Bounds of histories.
const (
	usualRevisions = 25
	mostRevisions  = 100
)

// historyTools are those that read what was changed.
func historyTools() []*tool {
	return []*tool{
		{
			name: "list_revisions", title: "List revisions", run: listRevisions,
			about: "List changes of the library, newest first: who changed what, when, and through what. Filters narrow it down.",
			params: []param{
				optional("entityOIds", texts("Only of these entities, 20 at most.")),
				optional("entityTypes", texts("Only of these kinds.")),
				optional("startDate", text("From this date on, such as 2026-01-31T00:00:00Z.")),
				optional("endDate", text("Until this date.")),
				optional("authorOId", text("Only by this user.")),
				optional("includeRestored", truth("Also those that restored something.")),
				optional("limit", number("Rows; default 25.", mostRevisions)),
				offset(),
			},
		},
		{
			name: "get_revision", title: "Get a revision", run: getRevision,
			about:  "Read one change: what differs, and the entity as it was afterwards.",
			params: []param{needed("revisionOId", text("The id.")), optional("diffOnly", truth("Only what differs."))},
		},
	}
}

// revision is a change as agents see it.
type revision struct {
	RevisionOID string       `json:"revisionOId"`
	Summary     string       `json:"summary"`
	EntityType  string       `json:"entityType"`
	EntityOID   string       `json:"entityOId"`
	EntityName  string       `json:"entityName"`
	CreatedAt   apitype.Time `json:"createdAt"`
	AuthorName  string       `json:"authorName"`
	Source      string       `json:"source,omitempty"`
}

func (c *call) revision(r *apitype.Revision) revision {
	return revision{r.RevisionOID, r.Summary, c.toolName(r.EntityType), r.EntityOID, r.EntityName, r.CreatedAt, r.AuthorName, r.Source}
}

// listRevisions answers list_revisions.
func listRevisions(ctx context.Context, c *call) (any, error) {
	query := url.Values{}
	for _, name := range []string{"entityOIds", "entityTypes"} {
		if list := c.texts(name); len(list) > 0 {
			query[name] = list
		}
	}
	for _, name := range []string{"startDate", "endDate", "authorOId"} {
		set(query, name, c.text(name))
	}
	if c.truth("includeRestored") {
		query.Set("includeRestored", "true")
	}
	return c.list(ctx, "revision/list", query, c.number("limit", usualRevisions, 1, mostRevisions), func(row json.RawMessage) (any, error) {
		var r apitype.Revision
		err := json.Unmarshal(row, &r)
		return c.revision(&r), err
	})
}

// getRevision answers get_revision. What the entity was before follows from the
// difference.
func getRevision(ctx context.Context, c *call) (any, error) {
	query := url.Values{"revisionOId": {c.text("revisionOId")}}
	if c.truth("diffOnly") {
		query.Set("diffOnly", "true")
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	var found struct {
		Data apitype.RevisionDetail `json:"data"`
	}
	if err := c.api.get(ctx, "revision/get", query, &found); err != nil {
		return nil, err
	}
	shown := struct {
		revision
		Diff      apitype.Diff    `json:"diff"`
		NewEntity json.RawMessage `json:"newEntity,omitempty"`
	}{c.revision(&found.Data.Revision), found.Data.Diff, found.Data.NewEntity}
	if string(shown.NewEntity) == "null" {
		shown.NewEntity = nil
	}
	return shown, nil
}
