package console

import (
	"net/http"
	"net/url"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
)

// Setting is a setting of the server, to read.
type Setting struct{ Name, Value string }

const (
	adminPath = Path + "/admin"
	// endsSoon is when the end of a key is marked.
	endsSoon = 14 * 24 * time.Hour
	// usageSince is how far back the use of models is counted.
	usageSince = 30 * 24 * time.Hour
)

// admin is what the page shows: to everybody their sessions, and the rest to those
// who may administer the workspace.
type admin struct {
	Admin, Owner bool
	Members      []account.Member
	Roles        []account.MemberRole
	Keys         []key
	Sessions     []account.Session
	Workspaces   []account.Workspace
	Usage        string
	Settings     []Setting
	// Made is what is shown once, after a form was sent.
	Made *made
	// Wrong is the form that was refused, with what was typed and the errors.
	Wrong  string
	Values url.Values
	Errors map[string]string
}

// Typed returns what was typed in an input of a form that was refused.
func (a admin) Typed(form, name string) string {
	if a.Wrong != form {
		return ""
	}
	return a.Values.Get(name)
}

// Error returns what is wrong with an input of a form that was refused.
func (a admin) Error(form, name string) string {
	if a.Wrong != form {
		return ""
	}
	return a.Errors[name]
}

// made is a secret that is shown once.
type made struct{ Kind, For, Secret string }

// key is a key with the name of the user for whom it acts.
type key struct {
	account.APIKey
	User, Ends string
	// Soon tells that it ends soon, or has.
	Soon bool
}

func (r *request) admin() error { return r.showAdmin(http.StatusOK, admin{}) }

// administer answers the forms of the page; do says which.
func (r *request) administer() error {
	do, ok := map[string]handler{
		"invite": (*request).invite, "role": (*request).setRole, "link": (*request).resetLink,
		"key": (*request).createKey, "revoke": (*request).revokeKey, "end": (*request).endSession,
	}[r.PostFormValue("do")]
	if !ok {
		return errs.Invalidf("This form is not one of this page. Open the page again.")
	}
	return do(r)
}

func (r *request) showAdmin(status int, a admin) error {
	ctx := r.Context()
	a.Admin = r.Key.Scopes.Allow(account.ScopeAdmin)
	a.Owner = r.SignedIn.ByPassword() && r.User.Role == account.RoleOwner
	a.Roles = []account.MemberRole{account.Viewer, account.Editor, account.Admin}
	var err error
	if a.Sessions, err = r.Library.Sessions(ctx, r.SignedIn); err != nil {
		return err
	}
	if a.Workspaces, err = r.Library.Enterable(ctx, r.SignedIn); err != nil {
		return err
	}
	if a.Admin {
		if err := r.fillAdmin(&a); err != nil {
			return err
		}
	}
	return r.render(status, "admin", page{Title: wordAdmin, Here: "admin", Data: a})
}

func (r *request) fillAdmin(a *admin) (err error) {
	ctx, caller := r.Context(), r.caller()
	if a.Members, err = r.Library.Members(ctx, caller); err != nil {
		return err
	}
	keys, err := r.Library.ListKeys(ctx, caller)
	if err != nil {
		return err
	}
	users, err := r.Library.Users(ctx)
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, u := range users {
		names[u.OID] = u.Author().Name()
	}
	now := r.Now()
	for _, k := range keys {
		if k.RevokedAt == nil {
			shown := key{APIKey: k, User: names[k.UserOID]}
			if ends := k.ExpiresAt; ends != nil {
				shown.Ends, shown.Soon = ends.Format("2 Jan 2006"), ends.Sub(now) < endsSoon
			}
			a.Keys = append(a.Keys, shown)
		}
	}
	_, _, used, err := r.Library.Usage(ctx, caller, now.Add(-usageSince), 1, 0, errs.List{})
	a.Usage = count(int(used.Calls), "call", "calls") + ", " + count(int(used.Tokens), "token", "tokens")
	a.Settings = r.Options.Settings
	return err
}

// refusedAdmin shows the page again with the errors of one of its forms.
func (r *request) refusedAdmin(form string, err error) error {
	return r.refused(err, func(shown *errs.Error, status int) error {
		if shown.Kind == errs.Forbidden {
			return err
		}
		return r.showAdmin(status, admin{Wrong: form, Values: r.PostForm, Errors: fieldErrors(shown)})
	})
}

func (r *request) createKey() error {
	scopes, err := account.NewScopes(r.PostForm["scope"]...)
	wanted := library.NewKey{Name: r.PostFormValue("name"), Scopes: scopes}
	if err != nil {
		wanted.Errors = []errs.Field{{Path: "scopes", Message: "must be read, write or admin"}}
	}
	if days, ok := map[string]int{"30": 30, "90": 90, "365": 365}[r.PostFormValue("days")]; ok {
		at := r.Now().AddDate(0, 0, days)
		wanted.ExpiresAt = &at
	}
	token, _, err := r.Library.CreateKeyFor(r.Context(), r.caller(), wanted)
	if err != nil {
		return r.refusedAdmin("key", err)
	}
	return r.showAdmin(http.StatusOK, admin{Made: &made{"key", wanted.Name, token}})
}

func (r *request) revokeKey() error {
	if _, err := r.Library.RevokeKeyFor(r.Context(), r.caller(), r.PostFormValue("id")); err != nil {
		return err
	}
	return r.see(adminPath + "#api-keys")
}

func (r *request) invite() error {
	wanted := library.NewMember{Email: r.PostFormValue("email"), Role: account.MemberRole(r.PostFormValue("role"))}
	wanted.FirstName, wanted.LastName = splitName(r.PostFormValue("name"))
	user, link, err := r.Library.InviteFor(r.Context(), r.caller(), wanted)
	if err != nil {
		return r.refusedAdmin("invite", err)
	}
	return r.showLinkOf(user, link)
}

func (r *request) resetLink() error {
	user, link, err := r.Library.ResetLinkFor(r.Context(), r.SignedIn, r.PostFormValue("id"))
	if err != nil {
		return err
	}
	return r.showLinkOf(user, link)
}

// showLinkOf shows a link for a user; there is none for whom it was not made.
func (r *request) showLinkOf(user *account.User, link string) error {
	if link == "" {
		r.tell(notice{Text: user.Author().Name() + " may enter this workspace now."})
		return r.see(adminPath)
	}
	return r.showAdmin(http.StatusOK, admin{Made: &made{"link", user.Author().Name(), LinkURL(r.publicURL(), link)}})
}

func (r *request) setRole() error {
	role := account.MemberRole(r.PostFormValue("role"))
	if r.PostForm.Has("remove") {
		role = ""
	} else if role.Scopes() == nil {
		return errs.Invalidf("The role must be viewer, editor or admin.")
	}
	if _, err := r.Library.SetRoleFor(r.Context(), r.caller(), r.PostFormValue("id"), role); err != nil {
		return err
	}
	return r.see(adminPath)
}

func (r *request) endSession() error {
	if err := r.Library.EndSession(r.Context(), r.SignedIn, r.PostFormValue("id")); err != nil {
		return err
	}
	return r.see(adminPath + "#sessions")
}

func (r *request) switchWorkspace() error {
	if err := r.Library.SwitchWorkspace(r.Context(), r.SignedIn, r.PostFormValue("workspace")); err != nil {
		return err
	}
	return r.see(Path)
}
