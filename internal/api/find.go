package api

import (
	"net/http"

	"personae.dev/apitype"
	"personae.dev/internal/httpx"
)

type findResponse struct {
	Metadata apitype.Metadata `json:"_metadata"`
	Data     []foundEntity    `json:"data"`
}

// foundEntity is an entity that an id or a name stands for.
type foundEntity struct {
	Kind      string        `json:"kind"`
	OID       string        `json:"oId"`
	Name      string        `json:"name"`
	DeletedAt *apitype.Time `json:"deletedAt"`
}

// find answers GET library/find: what an id or a name stands for, whatever its
// kind.
func (a *API) find(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	ref := q.required("idOrName")
	if err := q.err(); err != nil {
		return err
	}
	found, err := a.Library.Find(r.Context(), callerOf(r), ref)
	if err != nil {
		return err
	}
	answer := findResponse{Metadata: httpx.Metadata(r, message(q, nil)), Data: []foundEntity{}}
	for _, e := range found {
		answer.Data = append(answer.Data, foundEntity{Kind: e.Kind, OID: e.OID, Name: e.Name, DeletedAt: timeOrNil(e.DeletedAt)})
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, answer)
}
