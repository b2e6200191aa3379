package api

import (
	"encoding/json"
	"net/http"
	"slices"

	"personae.dev/apitype"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
)

// revisionRoutes lists the calls on the history of the whole library.
func (a *API) revisionRoutes() []httpx.Route {
	return []httpx.Route{
		listRoute("revision/list", a.listRevisions),
		getRoute("revision/get", a.getRevision),
		writeRoute(http.MethodPost, "revision/restore", a.restoreRevision),
	}
}

// listRevisionsResponse has the rows twice: under data, where they are published,
// and at the top, where the vendor's n8n node looks for them.
type listRevisionsResponse struct {
	Metadata  apitype.Metadata     `json:"_metadata"`
	Data      apitype.RevisionPage `json:"data"`
	Revisions []apitype.Revision   `json:"revisions"`
}

// listRevisions answers GET revision/list.
func (a *API) listRevisions(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	query := entity.RevisionQuery{
		Kinds:     a.entityTypes(q),
		OIDs:      q.list("entityOIds"),
		AuthorOID: q.optional("authorOId"),
		From:      q.time("startDate"),
		To:        q.time("endDate"),
		Restored:  q.truth("includeRestored"),
		Limit:     q.number("limit", library.DefaultRevisions),
		Offset:    q.number("offset", 0),
	}
	page, err := a.Library.Revisions(r.Context(), callerOf(r), query, q.errors.Fields()...)
	if err != nil {
		return err
	}
	rows := []apitype.Revision{}
	for _, revision := range page.Revisions {
		rows = append(rows, a.revision(revision))
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, listRevisionsResponse{
		Metadata:  httpx.Metadata(r, message(q, nil)),
		Data:      apitype.RevisionPage{Revisions: rows, Total: page.Total, Limit: query.Limit, Offset: query.Offset},
		Revisions: rows,
	})
}

// otherTypes are the published types of entities that this library does not
// have: no revision is of one of them.
//
//nolint:gochecknoglobals // a list that never changes
var otherTypes = []string{"ContentAgent", "Hypothesis", "WritingStyle", "ChainedAgentWorkflow", "SmartExample"}

// entityTypes reads the kinds that a history is restricted to.
func (a *API) entityTypes(q *query) []string {
	var kinds []string
	for _, name := range q.list("entityTypes") {
		if slices.Contains(otherTypes, name) {
			kinds = append(kinds, name)
			continue
		}
		k, err := a.Library.Registry().Kind(name)
		if err != nil {
			q.errors.Add("entityTypes", "has an unknown kind. %s", err.Error())
			continue
		}
		kinds = append(kinds, k.Name)
	}
	return kinds
}

// revision returns a change as a list shows it.
func (a *API) revision(r *entity.Revision) apitype.Revision {
	shown := apitype.Revision{
		RevisionOID: r.RevisionOID, Summary: r.Summary(), EntityName: r.Name, EntityOID: r.OID,
		CreatedAt: apitype.NewTime(r.At), AuthorName: r.Author.Name(), EntityType: r.Kind,
		Action: string(r.Action), Fields: append([]string{}, r.Fields...), Source: string(r.Source),
	}
	if k, err := a.Library.Registry().Kind(r.Kind); err == nil {
		shown.EntityType = k.Revision
	}
	if r.KeyOID != "" {
		shown.APIKeyOID = &r.KeyOID
	}
	return shown
}

type getRevisionResponse struct {
	Metadata apitype.Metadata       `json:"_metadata"`
	Data     apitype.RevisionDetail `json:"data"`
}

// getRevision answers GET revision/get.
func (a *API) getRevision(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	oID, diffOnly := q.required("revisionOId"), q.truth("diffOnly")
	if err := q.err(); err != nil {
		return err
	}
	found, err := a.Library.Revision(r.Context(), callerOf(r), oID)
	if err != nil {
		return err
	}
	detail := apitype.RevisionDetail{Revision: a.revision(found.Revision), Diff: diff(found.Diff), Sources: []apitype.Origin{}}
	for _, o := range found.Revision.Origins {
		detail.Sources = append(detail.Sources, apitype.Origin(o))
	}
	if !diffOnly {
		detail.NewEntity = found.Kind.AppendRecord(nil, found.After)
		if found.Before != nil {
			detail.OldEntity = found.Kind.AppendRecord(nil, found.Before)
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, getRevisionResponse{httpx.Metadata(r, message(q, nil)), detail})
}

// restoreRevision answers POST revision/restore.
func (a *API) restoreRevision(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	data, err := httpx.JSONBody(r)
	if err != nil {
		return err
	}
	body, unknown, errors := entity.DecodeTexts(data, "revisionOId")
	target := targetOf(r, "", errs.JoinAll(q.errors.Fields(), errors))
	written, err := a.Library.Revert(r.Context(), callerOf(r), nil, target, body["revisionOId"])
	if err != nil {
		return err
	}
	setHeaders(w, written)
	return httpx.WriteWrapped(w, r, writtenMessage(q, unknown, written), written.Body)
}

// diff returns how two versions differ as an answer shows it.
func diff(d entity.Diff) apitype.Diff {
	shown := apitype.Diff{
		Added: map[string]json.RawMessage{}, Removed: map[string]json.RawMessage{}, Changed: map[string]apitype.Change{},
	}
	for name, value := range d.Added {
		shown.Added[name] = json.RawMessage(value)
	}
	for name, value := range d.Removed {
		shown.Removed[name] = json.RawMessage(value)
	}
	for name, change := range d.Changed {
		shown.Changed[name] = apitype.Change{Before: json.RawMessage(change.Before), After: json.RawMessage(change.After)}
	}
	return shown
}
