package console

import (
	"net/http"
	"strings"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// The texts of the console that are not in templates.
const (
	wordNotFound       = "There is nothing at this address. It may have been removed, or belong to another workspace."
	wordOffering       = "Offering"
	wordPlaybook       = "Playbook"
	wordNoTitle        = "There is no title: write one on each line, or choose a file."
	wordNoFile         = "There is no text: choose a file, or paste its text."
	wordNoJSON         = "is not valid JSON: correct it, or empty the field"
	wordMayNotWrite    = "You may read this library, and not change it. Ask an admin of the workspace for the role editor."
	wordDeleted        = "It was deleted meanwhile: restore it in the list of what is deleted, then save again."
	wordBadForm        = "The form could not be read. Open the page again and send it once more."
	wordOfferings      = "Offerings"
	wordOtherWorkspace = "This page is of another workspace than %s, which you are in now, so nothing was done. Switch back under Admin, then open the page again."
	wordOtherSite      = "The form was sent from another site, so it was refused. Open the page here and send it again."
)

func wordsOfStatus(status int) string {
	switch status {
	case http.StatusNotFound:
		return "Not found"
	case http.StatusUnauthorized:
		return "Sign in"
	case http.StatusForbidden:
		return "Not allowed"
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return "Busy"
	}
	return "This did not work"
}

// plural is the title of a kind for many: "use cases".
func plural(k *entity.Kind) string { return strings.ReplaceAll(k.PathPlural(), "-", " ") }

// sentence begins with a capital letter.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// ago tells when something happened, seen from now: "12 min", "Monday", "18 Mar".
func ago(now, at time.Time) string {
	age := now.Sub(at)
	switch {
	case age < time.Minute:
		return "now"
	case age < time.Hour:
		return count(int(age.Minutes()), "min", "min")
	case age < 24*time.Hour && at.Day() == now.Day():
		return count(int(age.Hours()), "h", "h")
	case age < 48*time.Hour && at.AddDate(0, 0, 1).Day() == now.Day():
		return "Yesterday"
	case age < 6*24*time.Hour:
		return at.Weekday().String()
	case at.Year() == now.Year():
		return at.Format("2 Jan")
	}
	return at.Format("2 Jan 2006")
}

// verb is what somebody did.
func verb(a entity.Action) string {
	switch a {
	case entity.ActionUpdated:
		return "changed"
	case entity.ActionReverted:
		return "restored an earlier revision of"
	default:
		return string(a)
	}
}

// done says what was done with entities: "VP of Sales was archived."
func done(k *entity.Kind, do, name string, n int) string {
	verb := map[string]string{
		"archive": "archived", "delete": "deleted", "restore": "restored", "undelete": "restored", "only": "made the default", "revert": "restored", "create": "created", "update": "saved",
	}[do]
	if n == 1 {
		if name == "" {
			name = sentence(k.Title)
		}
		return name + " was " + verb + "."
	}
	return count(n, k.Title, plural(k)) + " were " + verb + "."
}

func yesNo(truth string) string {
	if truth == "true" {
		return "Yes"
	}
	return "No"
}

func badForm(err error) error {
	return &errs.Error{Kind: errs.Invalid, Code: errs.CodeInvalidRequest, Message: wordBadForm, Err: err}
}

// Titles of pages of people.
const (
	wordSignIn         = "Sign in"
	wordSetUp          = "Set up this library"
	wordChoosePassword = "Choose a password"
	wordAdmin          = "Admin"
)

// wordField names the input of a path in errors of people.
func wordField(path string) string {
	switch path {
	case "firstName", "lastName":
		return "the name"
	case "email":
		return "the e-mail"
	case "expiresAt":
		return "the end"
	}
	return "the " + path
}

// browserName says which browser a User-Agent is of: "Firefox on Linux".
func browserName(agent string) string {
	find := func(names ...string) string {
		for i := 0; i < len(names); i += 2 {
			if strings.Contains(agent, names[i]) {
				return names[i+1]
			}
		}
		return ""
	}
	browser := find("Edg/", "Edge", "OPR/", "Opera", "Firefox/", "Firefox", "Chrome/", "Chrome", "Safari/", "Safari", "curl/", "curl")
	system := find("iPhone", "iPhone", "iPad", "iPad", "Android", "Android", "Windows", "Windows", "Mac OS X", "macOS", "CrOS", "ChromeOS", "Linux", "Linux")
	switch {
	case browser == "":
		return "Another program"
	case system == "":
		return browser
	}
	return browser + " on " + system
}

// role names what somebody may do in the workspace.
func role(p *account.Principal) string {
	switch {
	case p.Key.Scopes.Allow(account.ScopeAdmin):
		return "Admin"
	case p.Key.Scopes.Allow(account.ScopeWrite):
		return "Editor"
	}
	return "Viewer"
}
