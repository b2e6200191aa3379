package api

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"personae.dev/apitype"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
	"personae.dev/internal/persona"
	"personae.dev/internal/wire"
)

// listPersonas answers GET /api/v2/persona/list.
func (a *API) listPersonas(w *httpx.ResponseWriter, r *http.Request, caller library.Caller) error {
	q := readQuery(r)
	request := library.ListRequest{
		Text: q.optional("text"),
		Mine: q.choice("queryType", "ALL", "TEAM", "MINE") == "MINE",
		Query: persona.Query{
			Limit:       q.number("limit", library.DefaultLimit),
			Offset:      q.number("offset", 0),
			ProductOID:  q.optional("productOId"),
			PlaybookOID: q.optional("playbookOId"),
			Status:      persona.Status(q.choice("status", "active", "archived", "deleted", "all")),
		},
	}
	query := &request.Query
	order := q.choice("orderField", "", "createdAt", "updatedAt", "name")
	query.Order = persona.Order(order)
	if order == "" {
		if query.Order = persona.ByCreatedAt; strings.TrimSpace(request.Text) != "" {
			query.Order = persona.ByRank
		}
	}
	// By name it begins with A, by a date with the newest.
	direction := q.choice("orderDirection", "", "ASC", "DESC")
	query.Descending = direction == "DESC" || direction == "" && query.Order != persona.ByName
	cursors := q.values.Has("cursor")
	if text := q.optional("cursor"); text != "" {
		query.After = parseCursor(q, text, query)
	}
	if cursors && query.Order == persona.ByRank {
		q.faults.Add("cursor", "does not go with the order of a search: name an orderField, or use offset")
	}
	request.Whole = q.questionIDs()
	request.Faults = q.faults
	found, err := a.library.ListPersonas(r.Context(), caller, request)
	if err != nil {
		return err
	}
	answer := httpx.Page{HasNext: found.HasNext, Total: found.Total, Items: make([][]byte, len(found.Personas))}
	for i, p := range found.Personas {
		if !request.Whole {
			answer.Items[i] = found.Documents[i].Body
		} else if answer.Items[i], err = wire.EncodePersonaWithQuestionIDs(p); err != nil {
			return err
		}
	}
	if cursors {
		answer.NextCursor = []byte("null")
		if found.HasNext {
			answer.NextCursor = newCursor(found.Personas[len(found.Personas)-1], query)
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WritePage(w, q.message(), answer)
}

// cursor is where a page ended, and in which order.
type cursor struct {
	Order      persona.Order    `json:"o"`
	Descending bool             `json:"d"`
	After      persona.Position `json:"a"`
}

// newCursor returns the JSON text of a cursor, which clients need not read.
func newCursor(last *persona.Persona, query *persona.Query) json.RawMessage {
	b, err := json.Marshal(cursor{query.Order, query.Descending, persona.PositionOf(last, query.Order)})
	if err != nil {
		panic("api: a cursor is not JSON: " + err.Error())
	}
	return json.RawMessage(`"` + base64.RawURLEncoding.EncodeToString(b) + `"`)
}

func parseCursor(q *query, text string, query *persona.Query) *persona.Position {
	var c cursor
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	switch {
	case err != nil:
		q.faults.Add("cursor", "is not one that this server gave: send nextCursor as it came, or cursor= for the first page")
	case c.Order != query.Order || c.Descending != query.Descending:
		q.faults.Add("cursor", "is of a list in another order: keep orderField and orderDirection from page to page")
	case query.Offset != 0:
		q.faults.Add("offset", "does not go with cursor: leave it out")
	}
	return &c.After
}

// listRevisions answers GET /api/v2/revision/list.
func (a *API) listRevisions(w *httpx.ResponseWriter, r *http.Request, caller library.Caller) error {
	q := readQuery(r)
	oID, limit, offset := q.oID(), q.number("limit", library.DefaultLimit), q.number("offset", 0)
	page, err := a.library.Revisions(r.Context(), caller, oID, limit, offset)
	if err := q.join(err); err != nil {
		return err
	}
	answer := apitype.ListRevisionsResponse{
		Metadata: httpx.Metadata(w, q.message()), HasNext: page.HasNext, Total: page.Total, Data: []apitype.Revision{},
	}
	for _, revision := range page.Revisions {
		shown, err := wire.Revision(revision)
		if err != nil {
			return err
		}
		answer.Data = append(answer.Data, shown)
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, answer)
}

// getRevision answers GET /api/v2/revision/get.
func (a *API) getRevision(w *httpx.ResponseWriter, r *http.Request, caller library.Caller) error {
	q := readQuery(r)
	oID := q.oID()
	if err := q.err(); err != nil {
		return err
	}
	found, err := a.library.Revision(r.Context(), caller, oID)
	if err != nil {
		return err
	}
	shown, err := wire.Revision(found)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, apitype.GetRevisionResponse{
		Metadata: httpx.Metadata(w, q.message()), Revision: shown, Persona: wire.Record(found.Persona),
	})
}

// listKeys answers GET /api/v2/api-key/list.
func (a *API) listKeys(w *httpx.ResponseWriter, r *http.Request, caller library.Caller) error {
	q := readQuery(r)
	if err := q.err(); err != nil {
		return err
	}
	keys, err := a.library.ListKeys(r.Context(), caller)
	if err != nil {
		return err
	}
	answer := apitype.ListKeysResponse{Metadata: httpx.Metadata(w, q.message()), Data: []apitype.APIKey{}}
	for _, key := range keys {
		answer.Data = append(answer.Data, wire.Key(key))
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, answer)
}
