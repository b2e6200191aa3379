package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"

	"personae.dev/apitype"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
)

// linkBody is the body of link/update.
type linkBody struct {
	Link   []linkItem `json:"link"`
	Unlink []linkItem `json:"unlink"`
}

type linkItem struct {
	OID    string `json:"oId"`
	Kind   string `json:"kind"`
	Field  string `json:"field"`
	Target string `json:"target"`
}

type updateLinksResponse struct {
	Metadata apitype.Metadata   `json:"_metadata"`
	Data     []apitype.Relinked `json:"data"`
}

// updateLinks answers POST link/update: many links at once, all or none.
func (a *API) updateLinks(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	data, err := httpx.JSONBody(r)
	if err != nil {
		return err
	}
	var body linkBody
	update := library.LinkUpdate{Errors: q.errors.Fields()}
	if err := json.Unmarshal(data, &body); err != nil {
		update.Errors = append(update.Errors, bodyError(err))
	}
	for _, item := range body.Link {
		update.Link = append(update.Link, library.LinkChange(item))
	}
	for _, item := range body.Unlink {
		update.Unlink = append(update.Unlink, library.LinkChange(item))
	}
	relinked, err := a.Library.UpdateLinks(r.Context(), callerOf(r), update)
	if err != nil {
		return err
	}
	answer := updateLinksResponse{Metadata: httpx.Metadata(r, message(q, unknownMembers(data, "link", "unlink"))), Data: []apitype.Relinked{}}
	for _, e := range relinked {
		answer.Data = append(answer.Data, apitype.Relinked{
			Kind: e.Kind.Name, OID: e.Entity.OID, Name: e.Entity.Text("name"), UpdatedAt: apitype.NewTime(e.Entity.UpdatedAt), Changed: e.Changed,
		})
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, answer)
}

// bodyError tells where a body is not what it should be.
func bodyError(err error) errs.Field {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok || wrong.Field == "" {
		return errs.Field{Path: "body", Message: "must be a JSON object: " + err.Error()}
	}
	what := "a number"
	switch wrong.Type.Kind() {
	case reflect.String:
		what = "a text"
	case reflect.Bool:
		what = "true or false"
	case reflect.Slice:
		what = "a list"
	case reflect.Struct, reflect.Map:
		what = "an object"
	}
	return errs.Field{Path: wrong.Field, Message: "must be " + what}
}

// unknownMembers returns the members of an object that are not known, by name.
func unknownMembers(object []byte, known ...string) (unknown []string) {
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return nil
	}
	for name := range members {
		if !slices.Contains(known, name) {
			unknown = append(unknown, entity.Shorten(name))
		}
	}
	slices.Sort(unknown)
	return unknown[:min(len(unknown), maxUnknown)]
}
