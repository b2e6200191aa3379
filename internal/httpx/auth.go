package httpx

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"personae.dev/internal/account"
	"personae.dev/internal/errs"
)

// authenticate finds whom the request's key belongs to, and refuses one that
// lacks the scope.
func (t *transport) authenticate(ctx context.Context, e *exchange, h http.Header, scope account.Scope) error {
	token, err := presentedToken(h)
	if err != nil {
		return err
	}
	principal, err := t.Authenticate(ctx, token)
	if err != nil {
		return err
	}
	e.principal = principal
	if principal.Key.Scopes.Allow(scope) {
		return nil
	}
	return &errs.Error{
		Kind: errs.Forbidden, Code: errs.CodeInsufficientScope,
		Message: fmt.Sprintf("The API key lacks the scope %q: use a key that has it.", scope),
	}
}

// presentedToken returns the API key of a request, "" where it has none. The
// published header is api_key. X-API-Key and Authorization: Bearer are accepted
// too, because some proxies drop headers with an underscore.
func presentedToken(h http.Header) (string, error) {
	token := ""
	for _, name := range [...]string{"Api_key", "X-Api-Key", "Authorization"} {
		for _, value := range h[name] {
			if name == "Authorization" {
				value = bearer(value)
			}
			if value == "" || value == token {
				continue
			}
			if token != "" {
				return "", errs.InvalidFields([]errs.Field{{
					Path: "api_key", Message: "the request has several API keys that differ, in api_key, X-API-Key or Authorization: send one",
				}})
			}
			token = value
		}
	}
	return token, nil
}

// bearer returns the token of an Authorization header, "" for another scheme,
// which may be meant for a proxy.
func bearer(value string) string {
	scheme, token, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
