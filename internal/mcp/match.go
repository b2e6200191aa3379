package mcp

import (
	"context"
	"encoding/json"
	"net/url"

	"personae.dev/apitype"
)

// Bounds of matching. docs/mcp.md names them.
const (
	mostTitles    = 200
	usualFindings = 30
)

// matchTools are those that match job titles, and those that say what the library
// lacks.
func matchTools() []*tool {
	return []*tool{
		{
			name: "match_persona", title: "Match job titles", run: matchPersona,
			about: "Tell which personas job titles belong to, best first, with score and reason. Deterministic: no model is asked. No match means that the title belongs to nobody: do not choose one yourself.",
			params: []param{
				needed("titles", texts("Job titles, as they are written; up to 200.")),
				optional("offeringOId", text("Only personas linked to this product, service or solution.")),
				optional("limit", number("Matches of each title; default 3.", 10)),
			},
		},
		{
			name: "list_unmatched_titles", title: "List unmatched titles", run: listUnmatchedTitles,
			about:  "List job titles that were matched and belong to no persona, the most frequent first, with the nearest persona. To close a gap, add the title to commonJobTitles of a persona with update_entity.",
			params: []param{optional("limit", number("Rows; default 50.", mostRows)), offset()},
		},
		{
			name: "audit_library", title: "Audit the library", run: auditLibrary,
			about:  "Find what could be better in the library: empty fields, near-duplicates, links to nothing, titles that two personas claim, weak qualifying questions. Each finding says how to fix it; score is 100 without any. Changes nothing.",
			params: []param{optional("limit", number("Findings; default 30.", mostRows)), offset()},
		},
	}
}

// matchPersona answers match_persona.
func matchPersona(ctx context.Context, c *call) (any, error) {
	request := apitype.MatchRequest{Titles: c.texts("titles"), OfferingOID: c.text("offeringOId"), Limit: c.number("limit", 3, 1, 10)}
	if len(request.Titles) > mostTitles {
		c.refuse("titles", "has too many titles: send at most 200")
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	var found apitype.Matched
	if err := c.api.post(ctx, "persona/match", request, &found); err != nil {
		return nil, err
	}
	return struct {
		Rows []apitype.MatchedTitle `json:"rows"`
	}{found.Data}, nil
}

// listUnmatchedTitles answers list_unmatched_titles.
func listUnmatchedTitles(ctx context.Context, c *call) (any, error) {
	return c.list(ctx, "persona/unmatched", url.Values{}, c.number("limit", usualRows, 1, mostRows), whole)
}

// finding is something that could be better, as audit_library answers it.
type finding struct {
	Severity string `json:"severity"`
	Rule     string `json:"rule"`
	hit
	Field   string `json:"field"`
	Message string `json:"message"`
	Fix     string `json:"fix"`
	Others  []hit  `json:"others"`
}

// auditLibrary answers audit_library.
func auditLibrary(ctx context.Context, c *call) (any, error) {
	limit := c.number("limit", usualFindings, 1, mostRows)
	return c.list(ctx, "library/audit", url.Values{}, limit, func(row json.RawMessage) (any, error) {
		var f apitype.AuditFinding
		err := json.Unmarshal(row, &f)
		shown := finding{f.Severity, f.Rule, hit{EntityType: c.toolName(f.Kind), OID: f.OID, Name: f.Name}, f.Field, f.Message, f.Fix, []hit{}}
		for _, o := range f.Others {
			shown.Others = append(shown.Others, hit{EntityType: c.toolName(o.Kind), OID: o.OID, Name: o.Name})
		}
		return shown, err
	})
}
