package api

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
)

// referenceRoutes lists the call by which the first clients made references. It
// is published with fields and an answer of its own.
func (a *API) referenceRoutes() []httpx.Route {
	k, err := a.Library.Registry().Kind("reference")
	if err != nil {
		return nil
	}
	return []httpx.Route{writeRoute(http.MethodPost, "reference/create-legacy", resource{a, k}.createLegacyReference)}
}

// createLegacyReference answers POST reference/create-legacy. Nothing is required
// there: a reference without a company name gets the next best name.
func (s resource) createLegacyReference(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	data, err := httpx.JSONBody(r)
	if err != nil {
		return err
	}
	sent, unknown, errors := entity.DecodeTexts(data, "productOId", "brandVoiceOId", "url", "companyName", "companyDomain", "details")
	fields := map[string]string{"name": cmp.Or(sent["companyName"], sent["companyDomain"], hostOf(sent["url"]), "Reference")}
	for _, name := range []string{"productOId", "url", "companyDomain", "details"} {
		if sent[name] != "" {
			fields[name] = sent[name]
		}
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	patch, wrong := s.kind.Decode(body, entity.Mode{Create: true})
	written, err := s.Library.Create(r.Context(), callerOf(r), s.kind, library.Create{
		Patch: patch, Errors: errs.JoinAll(q.errors.Fields(), errors, wrong), IdempotencyKey: r.Header.Get("Idempotency-Key"), Body: data,
	})
	if err != nil {
		return err
	}
	setHeaders(w, written)
	return httpx.WriteFlat(w, r, writtenMessage(q, unknown, written), written.Body)
}

// hostOf returns the host of a URL, "" where it has none.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
