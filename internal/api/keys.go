package api

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"personae.dev/apitype"
	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
	"personae.dev/internal/limit"
)

// ValidatePerMinute is how often a key may be validated.
const ValidatePerMinute = 1000

// unlimited is a quota that cannot run out, and that a JavaScript client can
// still count exactly.
const unlimited = math.MaxInt32

// keyRoutes lists the calls on API keys. Every key may be validated, whatever
// its scopes: each has one of them, and all include read.
func (a *API) keyRoutes() []httpx.Route {
	create := writeRoute(http.MethodPost, "api-key/create", a.createKey)
	revoke := writeRoute(http.MethodPost, "api-key/revoke", a.revokeKey)
	create.Scope, revoke.Scope = account.ScopeAdmin, account.ScopeAdmin
	return []httpx.Route{
		getRoute("api-key/validate", a.validateKey),
		listRoute("api-key/list", a.listKeys),
		create, revoke,
	}
}

// validateKey answers GET api-key/validate.
func (a *API) validateKey(w http.ResponseWriter, r *http.Request) error {
	p := httpx.Principal(r.Context())
	if err := limitRate(w, a.validations.Allow(p.Key.OID, time.Now())); err != nil {
		return err
	}
	q := readQuery(r)
	if err := q.err(); err != nil {
		return err
	}
	var mcpURL *string
	if a.MCPURL != "" {
		mcpURL = &a.MCPURL
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, apitype.ValidateKeyResponse{
		Metadata: httpx.Metadata(r, message(q, nil)),
		Status:   "ok",
		Valid:    true,
		Credits: apitype.Credits{
			TotalRemaining: unlimited, TotalMax: unlimited,
			QuotaAvailable: unlimited, QuotaMax: unlimited,
			Period: "unlimited", CreditsAvailable: unlimited,
		},
		WorkspaceOID:       p.Workspace.OID,
		WorkspaceName:      p.Workspace.Name,
		WorkspaceDomain:    p.Workspace.Domain,
		OrganizationOID:    p.Organization.OID,
		OrganizationName:   p.Organization.Name,
		OrganizationDomain: p.Organization.Domain,
		OrganizationSlug:   p.Organization.Slug,
		MCPURL:             mcpURL,
	})
}

// limitRate tells the caller how many calls are left, and refuses one too many.
func limitRate(w http.ResponseWriter, d limit.Decision) error {
	h := w.Header()
	h.Set("RateLimit-Limit", strconv.Itoa(d.Limit))
	h.Set("RateLimit-Remaining", strconv.Itoa(d.Remaining))
	h.Set("RateLimit-Reset", strconv.Itoa(int(d.Reset.Seconds())))
	if d.Allowed {
		return nil
	}
	seconds := int(d.RetryAfter.Seconds())
	return &errs.Error{
		Kind: errs.RateLimited, Code: errs.CodeRateLimited, RetryAfter: seconds,
		Message: "This API key may make " + strconv.Itoa(d.Limit) + " of these calls a minute. Wait " + strconv.Itoa(seconds) + " s.",
	}
}

// listKeys answers GET api-key/list.
func (a *API) listKeys(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	count, offset := q.number("limit", library.DefaultLimit), q.number("offset", 0)
	restricted := q.optional("productOId") != "" || q.optional("playbookOId") != ""
	if count < 1 || count > library.MaxLimit {
		q.errors.Add("limit", "is %d: use 1 to %d", count, library.MaxLimit)
	}
	if offset < 0 {
		q.errors.Add("offset", "is %d: use 0 or more", offset)
	}
	if err := q.err(); err != nil {
		return err
	}
	keys, err := a.Library.Keys(r.Context(), httpx.Principal(r.Context()).Workspace)
	if err != nil {
		return err
	}
	if restricted {
		keys = nil // a key belongs to no product, and to no playbook
	}
	answer := apitype.ListKeysResponse{Metadata: httpx.Metadata(r, message(q, nil)), Total: len(keys), Data: []apitype.APIKey{}}
	rest := keys[min(offset, len(keys)):]
	answer.HasNext = len(rest) > count
	for i := range rest[:min(count, len(rest))] {
		answer.Data = append(answer.Data, shownKey(&rest[i]))
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, answer)
}

// shownKey returns a key as answers show it, without its secret.
func shownKey(k *account.APIKey) apitype.APIKey {
	shown := apitype.APIKey{
		Name: k.Name, Key: account.TokenPrefix + strings.TrimPrefix(k.OID, account.APIKeyPrefix),
		CreatedAt: apitype.NewTime(k.CreatedAt), UpdatedAt: apitype.NewTime(k.CreatedAt),
		OID: k.OID, Scopes: []string{}, UserOID: k.UserOID,
		ExpiresAt: timeOrNil(k.ExpiresAt), RevokedAt: timeOrNil(k.RevokedAt), LastUsedAt: timeOrNil(k.LastUsedAt),
	}
	if shown.RevokedAt != nil {
		shown.UpdatedAt = *shown.RevokedAt
	}
	for _, scope := range k.Scopes {
		shown.Scopes = append(shown.Scopes, string(scope))
	}
	return shown
}

func timeOrNil(t *time.Time) *apitype.Time {
	if t == nil {
		return nil
	}
	shown := apitype.NewTime(*t)
	return &shown
}

type keyResponse struct {
	Metadata apitype.Metadata `json:"_metadata"`
	Data     apitype.APIKey   `json:"data"`
}

func writeKey(w http.ResponseWriter, r *http.Request, message string, key apitype.APIKey) error {
	w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(w, http.StatusOK, keyResponse{httpx.Metadata(r, message), key})
}

// createKey answers POST api-key/create. Its answer is the only one with the
// whole key.
func (a *API) createKey(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	data, err := httpx.JSONBody(r)
	if err != nil {
		return err
	}
	wanted, unknown := decodeNewKey(data)
	wanted.Errors = errs.JoinAll(q.errors.Fields(), wanted.Errors)
	token, key, err := a.Library.CreateKeyFor(r.Context(), callerOf(r), wanted)
	if err != nil {
		return err
	}
	shown := shownKey(key)
	shown.Key = token
	return writeKey(w, r, message(q, unknown), shown)
}

// decodeNewKey reads the body of api-key/create.
func decodeNewKey(data []byte) (wanted library.NewKey, unknown []string) {
	var list errs.List
	var body map[string]json.RawMessage
	if err := json.Unmarshal(data, &body); err != nil || body == nil {
		list.Add("body", "must be a JSON object")
		wanted.Errors = list.Fields()
		return wanted, nil
	}
	read := func(name, wants string, into any) {
		if value, ok := body[name]; ok && json.Unmarshal(value, into) != nil {
			list.Add(name, "must be %s", wants)
		}
		delete(body, name)
	}
	var scopes []string
	var expires *apitype.Time
	read("name", "a text", &wanted.Name)
	read("scopes", "a list of read, write and admin", &scopes)
	read("expiresAt", "a date such as 2026-01-01T00:00:00Z, or null", &expires)
	if expires != nil {
		wanted.ExpiresAt = &expires.Time
	}
	if len(scopes) > 0 {
		var err error
		if wanted.Scopes, err = account.NewScopes(scopes...); err != nil {
			list.Add("scopes", "must be a list of read, write and admin")
		}
	}
	for name := range body {
		unknown = append(unknown, entity.Shorten(name))
	}
	wanted.Errors = list.Fields()
	return wanted, unknown
}

// revokeKey answers POST api-key/revoke.
func (a *API) revokeKey(w http.ResponseWriter, r *http.Request) error {
	q := readQuery(r)
	data, err := httpx.JSONBody(r)
	if err != nil {
		return err
	}
	body, unknown, errors := entity.DecodeTexts(data, "oId")
	if body["oId"] == "" && len(errors) == 0 {
		errors = []errs.Field{{Path: "oId", Message: "must name the key"}}
	}
	if err := errs.InvalidFields(errs.JoinAll(q.errors.Fields(), errors)); err != nil {
		return err
	}
	key, err := a.Library.RevokeKeyFor(r.Context(), callerOf(r), body["oId"])
	if err != nil {
		return err
	}
	return writeKey(w, r, message(q, unknown), shownKey(key))
}
