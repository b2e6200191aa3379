package console

import (
	"net/http"

	"personae.dev/internal/account"
)

// visit is who looks at a page, and how.
type visit struct {
	*account.Principal        // nil for whoever is not signed in
	Theme              string // "light", "dark", or "" for that of the system
}

// themeCookie keeps the theme.
const themeCookie = "personae_theme"

// authenticate returns who sends a request.
func (c *Console) authenticate(r *http.Request) (visit, error) {
	v := visit{Theme: theme(r)}
	principal, err := c.Library.Authenticate(r.Context(), r.Header.Get("Api_key"))
	if err != nil {
		return v, err
	}
	v.Principal = principal
	return v, nil
}

func theme(r *http.Request) string {
	if cookie, err := r.Cookie(themeCookie); err == nil && (cookie.Value == "light" || cookie.Value == "dark") {
		return cookie.Value
	}
	return ""
}
