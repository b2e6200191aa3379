package api

import (
	"encoding/base64"
	"fmt"
	"net/http"

	"personae.dev/apitype"
	"personae.dev/internal/entity"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
)

// listChanges answers GET change/list: the change feed, in the order of commits.
func (a *API) listChanges(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	after := feedCursor(q, q.optional("after"))
	found, err := a.Library.Changes(r.Context(), callerOf(r), after, q.number("limit", library.DefaultChanges), q.errors.Fields()...)
	if err != nil {
		return q.join(err)
	}
	answer := apitype.Feed{
		Metadata: httpx.Metadata(r, message(q, nil)), HasNext: found.HasNext,
		Data: []apitype.Revision{}, NextCursor: showFeedCursor(found.Next),
	}
	for _, revision := range found.Revisions {
		answer.Data = append(answer.Data, a.revision(revision))
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, answer)
}

// feedForm is what a cursor of the feed says.
const feedForm = "feed %d %d"

// showFeedCursor returns a cursor as clients get it, who need not read it.
func showFeedCursor(c entity.Cursor) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, feedForm, c.Tx, c.ID))
}

// feedCursor reads a cursor; "" is the beginning of the feed.
func feedCursor(q *query, text string) (c entity.Cursor) {
	if text == "" {
		return c
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		_, err = fmt.Sscanf(string(b), feedForm, &c.Tx, &c.ID)
	}
	if err != nil || c.Tx < 0 || c.ID < 0 || showFeedCursor(c) != text {
		q.errors.Add("after", "is not one that this server gave: send nextCursor as it came, or leave it out to begin with the first change")
	}
	return c
}
