package console

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
)

// visit is who looks at a page, and how.
type visit struct {
	*account.Principal                   // nil for whoever is not signed in
	SignedIn           *library.SignedIn // the session, the same
	Theme              string            // "light", "dark", or "" for that of the system
}

// themeCookie keeps the theme.
const themeCookie = "personae_theme"

// authenticate returns who sends a request.
func (c *Console) authenticate(r *http.Request) (visit, error) {
	v := visit{Theme: theme(r)}
	in, err := c.Library.Session(r.Context(), c.sessionToken(r))
	if err != nil {
		return v, err
	}
	v.SignedIn, v.Principal = in, in.Principal
	return v, nil
}

func theme(r *http.Request) string {
	if cookie, err := r.Cookie(themeCookie); err == nil && (cookie.Value == "light" || cookie.Value == "dark") {
		return cookie.Value
	}
	return ""
}

// sessionCookie is the name of the cookie that holds the token of a session, and
// whether it is for HTTPS alone. It always is, but for plain HTTP on this machine,
// which not all browsers take for as safe; ports there share cookies.
func (c *Console) sessionCookie(r *http.Request) (name string, secure bool) {
	if r.TLS == nil && !strings.HasPrefix(c.PublicURL, "https:") && loopback(r.Host) {
		_, port, _ := net.SplitHostPort(r.Host)
		return "personae_" + port, false
	}
	return "__Host-personae", true
}

// refusesCookies tells whether browsers will not keep the cookie of a page: it is
// for HTTPS, and the page came without.
func (c *Console) refusesCookies(r *http.Request) bool {
	_, secure := c.sessionCookie(r)
	return secure && r.TLS == nil && !strings.HasPrefix(c.PublicURL, "https:") && r.Header.Get("X-Forwarded-Proto") != "https"
}

// Loopback tells whether a URL is of this machine, as browsers see it.
func Loopback(at string) bool {
	u, err := url.Parse(at)
	return err == nil && loopback(u.Host)
}

func loopback(host string) bool {
	name := (&url.URL{Host: host}).Hostname()
	address, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && address.IsLoopback()
}

func (c *Console) sessionToken(r *http.Request) string {
	name, _ := c.sessionCookie(r)
	if cookie, err := r.Cookie(name); err == nil {
		return cookie.Value
	}
	return ""
}

// enter ends the session that the browser had, gives it the cookie of a new one,
// and sends it to a page.
func (r *request) enter(token, at string) error {
	if err := r.Library.SignOut(r.Context(), r.sessionToken(r.Request)); err != nil {
		return err
	}
	r.setSession(token, library.SessionLasts)
	return r.see(at)
}

// setSession sets the cookie of a session; "" removes it.
func (r *request) setSession(token string, lasts time.Duration) {
	name, secure := r.sessionCookie(r.Request)
	http.SetCookie(r.w, &http.Cookie{
		Name: name, Value: token, Path: "/", MaxAge: int(lasts.Seconds()), Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// from is the browser that sends a request.
func from(r *http.Request) library.From {
	return library.From{Address: httpx.ClientAddress(r), Browser: browserName(r.UserAgent())}
}

// next is the page of the console that somebody wanted to see before signing in,
// else the first one. It never leads to another site.
func next(wanted string) string {
	u, err := url.Parse(wanted)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || u.Path != path.Clean(u.Path) || u.Path != Path && !strings.HasPrefix(u.Path, Path+"/") {
		return Path
	}
	return u.RequestURI()
}
