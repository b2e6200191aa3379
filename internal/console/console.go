// Package console is the library in a browser: pages that read, search and edit
// it, made on the server from the tables of the kinds.
//
// Every page works without scripts. htmx and static/console.js make it faster:
// they add search as one types, the palette, keys and editing in place.
//
// Most texts stand in templates; what Go says is in words.go, or beside its code.
package console

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
)

// Path is where a server has the console.
const Path = "/console"

// MaxBodyBytes is how large a form may be.
const MaxBodyBytes = 4 << 20

// Options are what the console works with.
type Options struct {
	Library *library.Library
	// PublicURL is where browsers reach the server, "" where that is not known.
	PublicURL string
	// Settings are shown to admins.
	Settings []Setting
	// Now tells the time; nil is the system's.
	Now func() time.Time
}

// Console answers all pages. It is safe for concurrent use.
type Console struct {
	Options
	files     map[string]asset
	templates map[string]*template.Template
	origins   *http.CrossOriginProtection
}

// New returns the console. It panics where a template is wrong, which only a
// broken build can bring about.
func New(o Options) *Console {
	if o.Now == nil {
		o.Now = account.Now
	}
	c := &Console{Options: o, files: assets(), origins: http.NewCrossOriginProtection()}
	if o.PublicURL != "" {
		if err := c.origins.AddTrustedOrigin(o.PublicURL); err != nil {
			panic(fmt.Sprintf("console: %v", err)) // it was checked before
		}
	}
	c.templates = c.parse()
	return c
}

// handler answers a page.
type handler func(*request) error

// request is a request of somebody who is signed in.
type request struct {
	*http.Request
	*Console
	visit
	w http.ResponseWriter
}

// caller is who asks the library.
func (r *request) caller() library.Caller {
	return library.Caller{Principal: r.Principal, Source: entity.SourceConsole}
}

// Routes lists all routes of the console.
func (c *Console) Routes() []httpx.Route {
	routes := []httpx.Route{
		c.get("", httpx.ClassList, (*request).home),
		c.post("/theme", (*request).setTheme),
		c.get("/kinds", httpx.ClassList, (*request).kinds),
		c.get("/find", httpx.ClassList, (*request).find),
		c.get("/changes", httpx.ClassList, (*request).feed),
		c.get("/import", httpx.ClassGet, (*request).importForm),
		{
			Method: http.MethodPost, Path: Path + "/import", Class: httpx.ClassWrite, BodyLimit: MaxImportBytes + MaxBodyBytes,
			Handler: c.signedIn((*request).importFile), Fail: c.fail,
		},
		c.get("/match", httpx.ClassList, (*request).matchForm),
		c.post("/match", (*request).matchTitles),
		c.post("/match/own", (*request).own),
		c.get("/qualify", httpx.ClassList, (*request).qualifyForm),
		c.post("/qualify", (*request).qualifyForm),
		c.get("/audit", httpx.ClassList, (*request).audit),
		c.get("/export/{kind}", httpx.ClassList, (*request).export),
		c.get("/new/{kind}", httpx.ClassList, (*request).edit),
		c.post("/new/{kind}", (*request).save),
		c.get("/{kind}", httpx.ClassList, (*request).list),
		c.post("/{kind}", (*request).act),
		c.get("/{kind}/{oid}", httpx.ClassGet, (*request).brief),
		c.get("/{kind}/{oid}/edit", httpx.ClassList, (*request).edit),
		c.post("/{kind}/{oid}/edit", (*request).save),
		c.get("/{kind}/{oid}/pack", httpx.ClassGet, (*request).pack),
		c.get("/{kind}/{oid}/history", httpx.ClassList, (*request).history),
		c.post("/{kind}/{oid}/history", (*request).revert),
		c.get("/{path...}", httpx.ClassNone, func(*request) error { return notFound() }),
	}
	routes = append(routes, c.people()...)
	for at, file := range c.files {
		routes = append(routes, httpx.Route{Method: http.MethodGet, Path: at, Handler: httpx.FromHTTP(file)})
	}
	return routes
}

func (c *Console) get(path string, class httpx.Class, h handler) httpx.Route {
	return httpx.Route{Method: http.MethodGet, Path: Path + path, Class: class, Handler: c.signedIn(h), Fail: c.fail}
}

func (c *Console) post(path string, h handler) httpx.Route {
	return httpx.Route{
		Method: http.MethodPost, Path: Path + path, Class: httpx.ClassWrite, BodyLimit: MaxBodyBytes,
		Handler: c.signedIn(h), Fail: c.fail,
	}
}

// signedIn lets those in who are signed in, and refuses forms of other sites.
func (c *Console) signedIn(h handler) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		guard(w)
		if err := c.sameSite(r); err != nil {
			return err
		}
		v, err := c.authenticate(r)
		if err != nil {
			return err
		}
		if from := r.PostFormValue("in-workspace"); from != "" && from != v.Workspace.OID {
			return errs.Conflictf(errs.CodeInvalidRequest, wordOtherWorkspace, v.Workspace.Name)
		}
		return h(&request{r, c, v, w})
	}
}

// sameSite refuses the forms of other sites.
func (c *Console) sameSite(r *http.Request) error {
	if err := c.origins.Check(r); err != nil {
		return &errs.Error{Kind: errs.Forbidden, Code: errs.CodeInvalidRequest, Message: wordOtherSite, Err: err}
	}
	return nil
}

// guard sets the headers that every page has.
func guard(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// failed is what the page of an error shows.
type failed struct {
	*errs.Error
	// SignIn is the page to sign in on, where that helps.
	SignIn string
	// Kept is what the editor sent, to be sent again.
	Kept []pair
}

// fail answers an error with a page. What was typed in the editor is kept on it.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, status int, shown *errs.Error) {
	guard(w)
	data := failed{Error: shown}
	switch {
	case r.Method == http.MethodPost:
		if shown.Kind == errs.Unauthorized {
			data.SignIn = signInURL(back(r))
		}
		if list, err := pairs(string(httpx.Body(r))); err == nil && c.sameSite(r) == nil && slices.ContainsFunc(list, func(p pair) bool { return p.Name == "version" }) {
			data.Kept = list
		}
	case shown.Kind == errs.Unauthorized && r.Header.Get("HX-Request") == "":
		http.Redirect(w, r, signInURL(r.URL.RequestURI()), http.StatusSeeOther)
		return
	case shown.Kind == errs.Unauthorized:
		w.Header().Set("HX-Redirect", signInURL(r.URL.RequestURI()))
	}
	v, _ := c.authenticate(r) // whoever is not signed in sees the error without the library
	req := &request{r, c, v, w}
	if err := req.render(status, "error", page{Title: wordsOfStatus(status), Data: data}); err != nil {
		http.Error(w, shown.Message, status)
	}
}

// known returns the error that may be shown of err, or nil.
func known(err error) *errs.Error {
	shown, _ := errors.AsType[*errs.Error](err)
	return shown
}

func notFound() error {
	return errs.NotFoundf(errs.CodePathNotFound, wordNotFound)
}

// kind returns the kind that a path names.
func (r *request) kind() (*entity.Kind, error) {
	k, err := r.Library.Registry().Kind(r.PathValue("kind"))
	if err != nil || k.Name != r.PathValue("kind") {
		return nil, notFound()
	}
	return k, nil
}

// listURL is where the list of a kind is.
func listURL(kind string) string { return Path + "/" + kind }

// entityURL is where an entity is; more are parts of the path below it.
func entityURL(kind, oID string, more ...string) string {
	at := listURL(kind) + "/" + url.PathEscape(oID)
	for _, part := range more {
		at += "/" + part
	}
	return at
}

// see sends the browser to a page after a form.
func (r *request) see(at string) error {
	http.Redirect(r.w, r.Request, at, http.StatusSeeOther)
	return nil
}

// setTheme keeps which theme somebody wants: light, dark, or that of the system.
func (r *request) setTheme() error {
	theme := r.PostFormValue("theme")
	if theme != "light" && theme != "dark" {
		theme = ""
	}
	http.SetCookie(r.w, &http.Cookie{
		Name: themeCookie, Value: theme, Path: Path, MaxAge: 365 * 24 * 60 * 60, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return r.see(back(r.Request))
}

// back is the page of the console that a form was sent from, else the first one.
func back(r *http.Request) string {
	from, err := url.Parse(r.Referer())
	if err != nil || from.Host != r.Host || from.Path != Path && !strings.HasPrefix(from.Path, Path+"/") {
		return Path
	}
	return from.RequestURI()
}
