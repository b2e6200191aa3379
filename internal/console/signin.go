package console

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/errs"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
)

// maxSignInBytes is how large a form of somebody unknown may be.
const maxSignInBytes = 16 << 10

// The pages of those who are not signed in.
const (
	signInPath = Path + "/sign-in"
	openPath   = Path + "/open"
)

// LinkURL returns the address of a link that works once.
func LinkURL(base, secret string) string { return base + openPath + "?link=" + secret }

// people returns the routes of signing in and of the admin page.
func (c *Console) people() []httpx.Route {
	route := func(method, at string, h handler) httpx.Route {
		r := httpx.Route{Method: method, Path: at, Class: httpx.ClassGet, Handler: c.unknown(h), Fail: c.fail}
		if method == http.MethodPost {
			r.Class, r.BodyLimit = httpx.ClassWrite, maxSignInBytes
		}
		return r
	}
	return []httpx.Route{
		route(http.MethodGet, signInPath, (*request).signInPage),
		route(http.MethodPost, signInPath, (*request).signIn),
		route(http.MethodPost, Path+"/sign-out", (*request).signOut),
		route(http.MethodGet, openPath, (*request).openLink),
		route(http.MethodPost, openPath, (*request).choose),
		c.get("/admin", httpx.ClassGet, (*request).admin),
		c.post("/admin", (*request).administer),
		c.post("/workspace", (*request).switchWorkspace),
	}
}

// unknown lets everybody in, and refuses forms of other sites.
func (c *Console) unknown(h handler) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		guard(w)
		if err := c.sameSite(r); err != nil {
			return err
		}
		return h(&request{r, c, visit{Theme: theme(r)}, w})
	}
}

// signInForm is what the page of the same name shows. Errors are by field.
type signInForm struct {
	Email, Next   string
	ByKey         bool
	RefusesCookie bool
	Errors        map[string]string
}

func (r *request) signInPage() error {
	form := signInForm{Next: next(r.FormValue("next")), ByKey: r.FormValue("by") == "key"}
	if in, err := r.authenticate(r.Request); err == nil && in.Principal != nil {
		return r.see(form.Next)
	}
	return r.showSignIn(http.StatusOK, form)
}

func (r *request) showSignIn(status int, form signInForm) error {
	form.RefusesCookie = r.refusesCookies(r.Request)
	return r.render(status, "sign-in", page{Title: wordSignIn, Plain: true, Data: form})
}

func (r *request) signIn() error {
	form := signInForm{Email: r.PostFormValue("email"), Next: next(r.PostFormValue("next")), ByKey: r.PostForm.Has("key")}
	var token string
	var err error
	field := "password"
	if form.ByKey {
		field = "key"
		token, err = r.Library.SignInByKey(r.Context(), strings.TrimSpace(r.PostFormValue("key")), from(r.Request))
	} else {
		token, err = r.Library.SignIn(r.Context(), form.Email, r.PostFormValue("password"), from(r.Request))
	}
	if err != nil {
		return r.refused(err, func(shown *errs.Error, status int) error {
			form.Errors = map[string]string{field: shown.Message}
			return r.showSignIn(status, form)
		})
	}
	return r.enter(token, form.Next)
}

// refused shows a form again where it was refused, and returns other errors.
func (r *request) refused(err error, show func(shown *errs.Error, status int) error) error {
	switch shown := known(err); {
	case shown == nil:
		return err
	case shown.Kind == errs.RateLimited:
		return show(shown, http.StatusTooManyRequests)
	case shown.Kind == errs.Unauthorized, shown.Kind == errs.Forbidden, shown.Kind == errs.Invalid, shown.Kind == errs.Conflict:
		return show(shown, http.StatusUnprocessableEntity)
	}
	return err
}

func (r *request) signOut() error {
	if err := r.Library.SignOut(r.Context(), r.sessionToken(r.Request)); err != nil {
		return err
	}
	r.setSession("", -time.Second)
	return r.see(signInPath)
}

// linkForm is what the page of a link shows: names where the library is new, and
// a password.
type linkForm struct {
	*library.LinkFor
	Link                           string
	SetUp                          bool
	Organization, Workspace, Email string
	Name                           string
	RefusesCookie                  bool
	MinLength                      int
	Errors                         map[string]string
}

func (r *request) openLink() error {
	link, err := r.Library.LinkFor(r.Context(), r.FormValue("link"))
	if err != nil {
		return err
	}
	if link.Purpose == account.ForDemo && r.Method == http.MethodGet {
		token, err := r.Library.SignInByLink(r.Context(), r.FormValue("link"), from(r.Request))
		if err != nil {
			return err
		}
		return r.enter(token, Path)
	}
	form := linkForm{LinkFor: link, Organization: link.Organization.Name, Workspace: link.Workspace.Name}
	if link.User.Email != nil {
		form.Email = *link.User.Email
	}
	return r.showLink(http.StatusOK, form)
}

func (r *request) showLink(status int, form linkForm) error {
	form.Link, form.SetUp = r.FormValue("link"), form.Purpose == account.ForSetUp
	form.MinLength, form.RefusesCookie = account.MinPasswordLength, r.refusesCookies(r.Request)
	title := wordChoosePassword
	if form.SetUp {
		title = wordSetUp
	}
	return r.render(status, "open", page{Title: title, Plain: true, Data: form})
}

func (r *request) choose() error {
	link, err := r.Library.LinkFor(r.Context(), r.PostFormValue("link"))
	if err != nil {
		return err
	}
	form := linkForm{
		LinkFor: link, Organization: r.PostFormValue("organization"), Workspace: r.PostFormValue("workspace"),
		Name: strings.TrimSpace(r.PostFormValue("name")), Email: strings.TrimSpace(r.PostFormValue("email")),
	}
	chosen := library.Chosen{Password: r.PostFormValue("password"), Organization: form.Organization, Workspace: form.Workspace, Email: form.Email}
	chosen.FirstName, chosen.LastName = splitName(form.Name)
	token, err := r.Library.Choose(r.Context(), r.PostFormValue("link"), chosen, from(r.Request))
	if err != nil {
		return r.refused(err, func(shown *errs.Error, status int) error {
			form.Errors = fieldErrors(shown)
			return r.showLink(status, form)
		})
	}
	return r.enter(token, Path)
}

// splitName makes of a name a first and a last one.
func splitName(name string) (first, last string) {
	first, last, _ = strings.Cut(strings.TrimSpace(name), " ")
	return first, strings.TrimSpace(last)
}

// fieldErrors returns the messages of an error by the names of inputs. What is of
// no field stands under "".
func fieldErrors(shown *errs.Error) map[string]string {
	messages := map[string]string{}
	for _, f := range shown.Fields {
		name := f.Path
		if name == "firstName" || name == "lastName" {
			name = "name"
		}
		messages[name] = sentence(wordField(f.Path)) + " " + f.Message + "."
	}
	if len(messages) == 0 {
		messages[""] = shown.Message
	}
	return messages
}

// signInURL is the page to sign in on, which leads back to a page.
func signInURL(at string) string {
	if at != Path && next(at) == at {
		return signInPath + "?" + url.Values{"next": {at}}.Encode()
	}
	return signInPath
}
