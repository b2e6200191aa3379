package api

import (
	"net/http"

	"personae.dev/apitype"
	"personae.dev/internal/account"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
	"personae.dev/internal/models"
)

// listUsage answers GET usage/list.
func (a *API) listUsage(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	limit, offset := q.number("limit", library.DefaultLimit), q.number("offset", 0)
	now := account.Now
	if a.Models != nil {
		now = a.Models.Now
	}
	month := models.Month(now())
	calls, total, sum, err := a.Library.Usage(r.Context(), callerOf(r), month, limit, offset, q.errors)
	if err != nil {
		return err
	}
	answer := apitype.Usage{
		Metadata: httpx.Metadata(r, message(q, nil)), HasNext: offset+len(calls) < total, Total: total, Data: []apitype.ModelCall{},
		Month: apitype.UsageMonth{Since: apitype.NewTime(month), Calls: sum.Calls, Tokens: sum.Tokens},
	}
	if a.Models != nil && a.Models.Budget > 0 {
		answer.Month.Budget = &a.Models.Budget
	}
	for i := range calls {
		c := &calls[i]
		answer.Data = append(answer.Data, apitype.ModelCall{
			CreatedAt: apitype.NewTime(c.At), Purpose: c.Purpose, Model: c.Model, InputTokens: c.InputTokens, OutputTokens: c.OutputTokens,
			Milliseconds: c.Took.Milliseconds(), Tries: c.Tries, Repaired: c.Repaired, Outcome: c.Outcome,
		})
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, answer)
}
