package api

import (
	"encoding/json"
	"fmt"
	"net/http"

	"personae.dev/apitype"
	"personae.dev/internal/account"
	"personae.dev/internal/errs"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
	"personae.dev/internal/match"
)

// How many rows are answered where no limit is sent.
const (
	defaultUnmatched = 50
	defaultFindings  = 100
)

// matchRoutes lists the calls that match job titles, and those that say what the
// library lacks.
func (a *API) matchRoutes() []httpx.Route {
	return []httpx.Route{
		{Method: http.MethodPost, Path: root + "persona/match", Class: httpx.ClassList, Scope: account.ScopeRead, BodyLimit: MaxBodyBytes, Handler: a.match},
		listRoute("persona/unmatched", a.listUnmatched),
		listRoute("library/audit", a.audit),
	}
}

// match answers POST persona/match.
func (a *API) match(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	data, err := httpx.JSONBody(r)
	if err != nil {
		return err
	}
	var body struct {
		Titles      []string          `json:"titles"`
		People      []json.RawMessage `json:"people"`
		Counts      []int             `json:"counts"`
		Limit       *int              `json:"limit"`
		MinScore    *float64          `json:"minScore"`
		OfferingOID string            `json:"offeringOId"`
		Persona     json.RawMessage   `json:"persona"`
	}
	request := library.MatchRequest{Limit: library.DefaultMatches, MinScore: match.Auto, Errors: q.errors}
	list := &request.Errors
	if err := json.Unmarshal(data, &body); err != nil {
		list.AddAll([]errs.Field{bodyError(err)})
	}
	unknown := unknownMembers(data, "titles", "people", "counts", "limit", "minScore", "offeringOId", "persona")
	request.Titles, request.Counts, request.OfferingOID = body.Titles, body.Counts, body.OfferingOID
	if len(list.Fields()) == 0 && (len(body.Titles) == 0) == (len(body.People) == 0) {
		list.Add("titles", "send titles or people, one of both, with at least one item")
	}
	if len(body.People) > 0 {
		request.Path = func(i int) string { return fmt.Sprintf("people[%d].jobTitle", i) }
	}
	for i, person := range body.People {
		var lead apitype.Lead
		if err := json.Unmarshal(person, &lead); err != nil {
			list.AddAll([]errs.Field{inside(fmt.Sprintf("people[%d]", i), bodyError(err))})
		}
		request.Titles = append(request.Titles, lead.JobTitle)
	}
	if body.Limit != nil {
		request.Limit = *body.Limit
	}
	if body.MinScore != nil {
		request.MinScore = *body.MinScore
		if *body.MinScore < 0 { // which has a meaning in the library
			list.Add("minScore", "is %g: use 0 to 1", *body.MinScore)
			request.MinScore = 0
		}
	}
	draft, wrong := a.readDraft(body.Persona)
	list.AddAll(wrong)
	if request.Draft = draft; draft != nil {
		for _, name := range draft.Unknown {
			unknown = append(unknown, "persona."+name)
		}
	}
	matched, err := a.Library.Match(r.Context(), callerOf(r), request)
	if err != nil {
		return err
	}
	answer := apitype.Matched{Metadata: httpx.Metadata(r, message(q, unknown)), Data: make([]apitype.MatchedTitle, len(matched))}
	for i, m := range matched {
		answer.Data[i] = apitype.MatchedTitle{Title: m.Title, Matches: make([]apitype.PersonaMatch, len(m.Matches))}
		for j := range m.Matches {
			answer.Data[i].Matches[j] = personaMatch(&m.Matches[j])
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, answer)
}

func personaMatch(m *match.Match) apitype.PersonaMatch {
	return apitype.PersonaMatch{OID: m.OID, Name: m.Name, Score: m.Score, Confidence: string(m.Confidence), Reason: m.Reason, Inactive: m.Inactive}
}

// listUnmatched answers GET persona/unmatched.
func (a *API) listUnmatched(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	page, err := a.Library.Unmatched(r.Context(), callerOf(r), q.number("limit", defaultUnmatched), q.number("offset", 0), q.errors.Fields()...)
	if err != nil {
		return err
	}
	text := message(q, nil)
	if !page.Counted {
		text += ". Titles are not counted on this server: it runs with --no-count-unmatched"
	}
	answer := apitype.List[apitype.UnmatchedTitle]{Metadata: httpx.Metadata(r, text), HasNext: page.HasNext, Total: page.Total, Data: []apitype.UnmatchedTitle{}}
	for i := range page.Titles {
		t := &page.Titles[i]
		row := apitype.UnmatchedTitle{Title: t.Title, Count: t.Count, LastAt: apitype.NewTime(t.LastAt)}
		if t.Nearest != nil {
			row.Nearest = new(personaMatch(t.Nearest))
		}
		answer.Data = append(answer.Data, row)
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, answer)
}

// audit answers GET library/audit.
func (a *API) audit(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	audited, err := a.Library.Audit(r.Context(), callerOf(r), q.number("limit", defaultFindings), q.number("offset", 0), q.errors.Fields()...)
	if err != nil {
		return err
	}
	n := audited.Counts
	answer := apitype.Audit{
		Metadata: httpx.Metadata(r, message(q, nil)), Score: audited.Score, HasNext: audited.HasNext, Total: audited.Total, Data: []apitype.AuditFinding{},
		Counts: apitype.AuditCounts{
			Critical: n[library.SeverityCritical], Warning: n[library.SeverityWarning], Language: n[library.SeverityLanguage],
			Question: n[library.SeverityQuestion], Info: n[library.SeverityInfo],
		},
	}
	for i := range audited.Findings {
		f := &audited.Findings[i]
		row := apitype.AuditFinding{
			Severity: string(f.Severity), Rule: f.Rule, Kind: f.Entity.Kind, OID: f.Entity.OID, Name: f.Entity.Name,
			Field: f.Field, Message: f.Message, Fix: f.Fix, Others: []apitype.NamedEntity{},
		}
		for _, other := range f.Others {
			row.Others = append(row.Others, apitype.NamedEntity{Kind: other.Kind, OID: other.OID, Name: other.Name})
		}
		answer.Data = append(answer.Data, row)
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, answer)
}
