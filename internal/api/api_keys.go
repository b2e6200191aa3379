package api

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"personae.dev/apitype"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
	"personae.dev/internal/persona"
	"personae.dev/internal/ratelimit"
)

// unlimited is a quota that cannot run out, and that a JavaScript client can
// still count exactly.
const unlimited = math.MaxInt32

// validateKey answers GET /api/v2/api-key/validate.
func (a *API) validateKey(w *httpx.ResponseWriter, r *http.Request, caller library.Caller) error {
	if err := limitRate(w, a.validate.Allow(caller.KeyOID(), time.Now())); err != nil {
		return err
	}
	q := readQuery(r)
	if err := q.err(); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, apitype.ValidateKeyResponse{
		Metadata: httpx.Metadata(w, q.message()),
		Status:   "ok",
		Valid:    true,
		Credits: apitype.Credits{
			TotalRemaining: unlimited, TotalMax: unlimited,
			QuotaAvailable: unlimited, QuotaMax: unlimited,
			Period: "unlimited", CreditsAvailable: unlimited,
		},
		WorkspaceOID:       caller.WorkspaceOID(),
		WorkspaceName:      caller.WorkspaceName(),
		WorkspaceDomain:    caller.WorkspaceDomain(),
		OrganizationOID:    caller.OrganizationOID(),
		OrganizationName:   caller.OrganizationName(),
		OrganizationDomain: caller.OrganizationDomain(),
		OrganizationSlug:   caller.OrganizationSlug(),
	})
}

// limitRate tells the caller how its rate stands, and refuses the call where it
// is over.
func limitRate(w *httpx.ResponseWriter, d ratelimit.Decision) error {
	h := w.Header()
	h.Set("RateLimit-Limit", strconv.Itoa(d.Limit))
	h.Set("RateLimit-Remaining", strconv.Itoa(d.Remaining))
	h.Set("RateLimit-Reset", seconds(d.Reset))
	if d.Allowed {
		return nil
	}
	h.Set("Retry-After", seconds(d.RetryAfter))
	return &persona.Error{
		Kind: persona.RateLimited, Code: persona.CodeRateLimited,
		Message: "This API key may make " + strconv.Itoa(d.Limit) + " of these calls at once, and as many a minute from then on. Wait " + seconds(d.RetryAfter) + " s.",
	}
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
