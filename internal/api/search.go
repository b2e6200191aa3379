package api

import (
	"net/http"

	"personae.dev/apitype"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
)

// defaultHits is how many entities a search answers where no limit is sent.
const defaultHits = 10

// search answers GET library/search: entities of all kinds in which words occur.
func (a *API) search(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	request := library.SearchRequest{
		Text:  q.required("text"),
		Limit: q.number("limit", defaultHits), Offset: q.number("offset", 0),
	}
	for _, name := range q.list("kinds") {
		k, err := a.Library.Registry().Kind(name)
		if err != nil {
			q.errors.Add("kinds", "has an unknown kind. %s", err.Error())
			continue
		}
		request.Kinds = append(request.Kinds, k)
	}
	request.Errors = q.errors
	found, err := a.Library.Search(r.Context(), callerOf(r), request)
	if err != nil {
		return err
	}
	answer := apitype.List[apitype.Hit]{Metadata: httpx.Metadata(r, message(q, nil)), HasNext: found.HasNext, Total: found.Total, Data: []apitype.Hit{}}
	for _, hit := range found.Hits {
		answer.Data = append(answer.Data, apitype.Hit{Kind: hit.Kind.Name, OID: hit.OID, Name: hit.Name, Snippet: hit.Snippet})
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, answer)
}
