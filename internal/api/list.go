package api

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"personae.dev/internal/entity"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
)

// list answers GET KIND/list. Many of its parameters have several names, as the
// published lists of the kinds differ: every kind takes them all.
func (s resource) list(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	request := library.ListRequest{
		Text:         q.optional("text", "textSearchQuery", "query", "search"),
		OfferingOID:  q.optional("offeringOId", "productOId"),
		PlaybookOID:  q.optional("playbookOId"),
		Name:         q.optional("name"),
		Facet:        s.facet(q),
		Mine:         q.choice("queryType", "ALL", "TEAM", "MINE") == "MINE",
		OIDs:         q.list("oIds"),
		UpdatedSince: q.time("updatedSince"),
		Status:       entity.Status(q.choice("status", "active", "archived", "deleted", "all")),
		Limit:        q.number("limit", library.DefaultLimit),
		Offset:       q.number("offset", 0),
		Slim:         q.choice("fields", "", "slim") == "slim",
		QuestionIDs:  q.questionIDs(),
	}
	byCursor := readOrder(q, &request)
	request.Errors = q.errors
	found, err := s.Library.List(r.Context(), callerOf(r), s.kind, request)
	if err != nil {
		return err
	}
	defer found.Close()
	page := httpx.Page{HasNext: found.HasNext, Total: found.Total, Items: found.Documents}
	if byCursor {
		page.NextCursor = []byte("null")
		if found.HasNext {
			page.NextCursor = newCursor(request, found.Last)
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WritePage(w, r, message(q, nil), page)
}

// facet returns the value of the enum that lists of the kind are filtered by.
func (s resource) facet(q *query) string {
	for i := range s.kind.Fields {
		f := &s.kind.Fields[i]
		if f.Type != entity.TypeEnum || f.Filter == "" {
			continue
		}
		words := append([]string{""}, f.Enum...)
		if also := s.kind.AlsoLists; also != nil && also.Param == f.Filter {
			words = append(append(words, also.On...), also.All)
		}
		slices.Sort(words)
		return q.choice(f.Filter, slices.Compact(words)...)
	}
	return ""
}

// readOrder reads in which order a list is, and where a page begins. It tells
// whether the client goes through the list by cursors.
func readOrder(q *query, request *library.ListRequest) (byCursor bool) {
	request.Order = entity.Order(q.choice("orderField", "", "createdAt", "updatedAt", "name"))
	if request.Order == "" {
		if request.Order = entity.OrderCreated; strings.TrimSpace(request.Text) != "" {
			request.Order = entity.OrderRank
		}
	}
	// By name it begins with A, by a date with the newest.
	direction := q.choice("orderDirection", "", "ASC", "DESC")
	request.Descending = direction == "DESC" || direction == "" && request.Order != entity.OrderName
	byCursor = q.values.Has("cursor")
	if text := q.optional("cursor"); text != "" {
		request.After = parseCursor(q, text, request)
	}
	if byCursor && request.Order == entity.OrderRank {
		q.errors.Add("cursor", "does not go with the order of a search: name an orderField, or use offset")
	}
	return byCursor
}

// cursor is where a page ended, and in which order.
type cursor struct {
	Order      entity.Order    `json:"o"`
	Descending bool            `json:"d"`
	After      entity.Position `json:"a"`
}

// newCursor returns the JSON text of a cursor, which clients need not read.
func newCursor(request library.ListRequest, last entity.Position) json.RawMessage {
	b, err := json.Marshal(cursor{request.Order, request.Descending, last})
	if err != nil {
		panic("api: a cursor is not JSON: " + err.Error())
	}
	return json.RawMessage(`"` + base64.RawURLEncoding.EncodeToString(b) + `"`)
}

func parseCursor(q *query, text string, request *library.ListRequest) *entity.Position {
	var c cursor
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	switch {
	case err != nil:
		q.errors.Add("cursor", "is not one that this server gave: send nextCursor as it came, or cursor= for the first page")
	case c.Order != request.Order || c.Descending != request.Descending:
		q.errors.Add("cursor", "belongs to a list in another order: keep orderField and orderDirection from page to page")
	case request.Offset != 0:
		q.errors.Add("offset", "does not go with cursor: leave it out")
	}
	return &c.After
}
