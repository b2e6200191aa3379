package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"personae.dev/internal/account"
	"personae.dev/internal/library"
)

const goodPassword = "a sentence is fine"

// stranger is somebody who is not signed in.
func (s *site) stranger() *site { return &site{s.Server, s.setup, ""} }

// session returns the token that an answer sets, "" for none.
func (a answer) session(s *site) string {
	for _, c := range a.Cookies() {
		if c.Name == s.cookie() {
			return c.Value
		}
	}
	return ""
}

// member invites somebody, who chooses a password by the link that the page shows.
func (s *site) member(t testing.TB, email string, role account.MemberRole) *site {
	t.Helper()
	page := s.post(t, "/console/admin", url.Values{"do": {"invite"}, "name": {"Ruth Adeyemi"}, "email": {email}, "role": {string(role)}})
	link := regexp.MustCompile(`value="http://[^"]*(/console/open\?link=(\w+))"`).FindStringSubmatch(page.body)
	if link == nil {
		t.Fatalf("no link: %s\n%s", page.Status, page.body)
	}
	if form := s.stranger().page(t, link[1]); !strings.Contains(form, email) {
		t.Errorf("the page of the link: %s", form)
	}
	a := s.stranger().post(t, "/console/open", url.Values{"link": {link[2]}, "password": {goodPassword}})
	token := a.session(s)
	if a.StatusCode != http.StatusSeeOther || token == "" {
		t.Fatalf("the password: %s %s", a.Status, a.body)
	}
	return &site{s.Server, s.setup, token}
}

// pagesOfStrangers are the pages of those who are not signed in.
func (s *site) pagesOfStrangers(t testing.TB) map[string]string {
	t.Helper()
	setUp, err := s.Library.SetUpLink(t.Context())
	must(t, err)
	_, reset, err := s.Library.ResetLink(t.Context(), s.setup.Owner.OID, "hanna@larkfield.example")
	must(t, err)
	return map[string]string{
		"signin": "/console/sign-in", "signinbykey": "/console/sign-in?by=key", "nolink": "/console/open?link=x",
		"setup": "/console/open?link=" + setUp, "reset": "/console/open?link=" + reset,
	}
}

func (s *site) signIn(t testing.TB, form url.Values, header ...string) answer {
	t.Helper()
	return s.send(t, http.MethodPost, "/console/sign-in", "application/x-www-form-urlencoded", []byte(form.Encode()), header...)
}

// TestSignIn shows what signing in refuses, and tells nobody.
func TestSignIn(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.member(t, "ruth@larkfield.example", account.Viewer)
	stranger := s.stranger()
	right := url.Values{"email": {"ruth@larkfield.example"}, "password": {goodPassword}}

	t.Run("EnumerationOfAddresses", func(t *testing.T) {
		wrong := stranger.signIn(t, url.Values{"email": {"ruth@larkfield.example"}, "password": {"wrong"}})
		unknown := stranger.signIn(t, url.Values{"email": {"nobody@larkfield.example"}, "password": {"wrong"}})
		if wrong.StatusCode != http.StatusUnprocessableEntity || wrong.StatusCode != unknown.StatusCode {
			t.Errorf("%s and %s", wrong.Status, unknown.Status)
		}
		if got, want := strings.ReplaceAll(unknown.body, "nobody@", "ruth@"), wrong.body; got != want {
			t.Errorf("an unknown address is answered otherwise:\n%s\n%s", got, want)
		}
		if !strings.Contains(wrong.body, "E-mail and password do not match.") || !strings.Contains(wrong.body, `value="ruth@larkfield.example"`) {
			t.Errorf("the page: %s", wrong.body)
		}
	})
	t.Run("SessionFixation", func(t *testing.T) {
		before := s.enter(t, s.setup.Token)
		for _, planted := range []string{"planted", before.token} {
			victim := &site{s.Server, s.setup, planted}
			a := victim.signIn(t, right)
			if token := a.session(s); token == "" || token == planted {
				t.Errorf("the session is %q after %q", token, planted)
			}
			if a := victim.get(t, "/console"); a.StatusCode != http.StatusSeeOther {
				t.Errorf("the planted session is let in: %s", a.Status)
			}
		}
	})
	t.Run("OpenRedirect", func(t *testing.T) {
		for next, want := range map[string]string{
			"/console/persona?q=a": "/console/persona?q=a", "": "/console", "https://evil.example/console": "/console", "//evil.example/console/": "/console",
			"/\\evil.example": "/console", "/console/../..//evil.example": "/console", "/consolex": "/console", "/console/%2e%2e/x\r\nSet-Cookie: a=b": "/console", "javascript:alert(1)": "/console",
		} {
			form := url.Values{"next": {next}}
			form["email"], form["password"] = right["email"], right["password"]
			// Not by the same address each time: tries are limited.
			token, err := s.Library.SignInByKey(t.Context(), s.setup.Token, library.From{Address: "192.0.2.2"})
			must(t, err)
			a := (&site{s.Server, s.setup, token}).get(t, "/console/sign-in?"+form.Encode())
			if got := a.Header.Get("Location"); got != want {
				t.Errorf("%q leads to %q", next, got)
			}
		}
	})
	t.Run("FormsOfOtherSites", func(t *testing.T) {
		for _, path := range []string{"/console/sign-in", "/console/open", "/console/sign-out", "/console/admin", "/console/workspace"} {
			for _, header := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
				a := s.send(t, http.MethodPost, path, "application/x-www-form-urlencoded", []byte(right.Encode()), header...)
				if a.StatusCode != http.StatusForbidden || a.session(s) != "" {
					t.Errorf("%s with %s: %s", path, header, a.Status)
				}
			}
		}
		if a := s.get(t, "/console"); a.StatusCode != http.StatusOK {
			t.Errorf("a form of another site signed out: %s", a.Status)
		}
	})
	t.Run("Clickjacking", func(t *testing.T) {
		for _, path := range []string{"/console/sign-in", "/console/open?link=x", "/console/admin"} {
			if policy := s.get(t, path).Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none'") {
				t.Errorf("%s: %s", path, policy)
			}
		}
	})
	t.Run("BackToThePage", func(t *testing.T) {
		a := stranger.get(t, "/console/persona?q=sales")
		if got := a.Header.Get("Location"); a.StatusCode != http.StatusSeeOther || got != "/console/sign-in?next=%2Fconsole%2Fpersona%3Fq%3Dsales" {
			t.Errorf("%s %s", a.Status, got)
		}
	})
	t.Run("Cookie", func(t *testing.T) {
		const attributes = "; Path=/; Max-Age=1209600; HttpOnly"
		for host, want := range map[string]string{
			"": s.cookie() + `=\w{32}` + attributes, "localhost": `personae_=\w{32}` + attributes, // over plain HTTP, which the page warns of elsewhere
			"personae.example.com": `__Host-personae=\w{32}` + attributes + "; Secure", "192.0.2.1:7070": `__Host-personae=\w{32}` + attributes + "; Secure",
		} {
			a := stranger.signIn(t, url.Values{"key": {s.setup.Token}}, "Host", host)
			if got := a.Header.Get("Set-Cookie"); !regexp.MustCompile("^" + want + "; SameSite=Lax$").MatchString(got) {
				t.Errorf("%s: the cookie is %s", host, got)
			}
			warned := strings.Contains(stranger.get(t, "/console/sign-in", "Host", host).body, "This page came over plain HTTP")
			if warned != strings.Contains(want, "Secure") {
				t.Errorf("%s: warned: %v", host, warned)
			}
		}
	})
	t.Run("TooManyTries", func(t *testing.T) {
		status := 0
		for range library.TriesPerEmail + 1 {
			status = stranger.signIn(t, url.Values{"email": {"other@larkfield.example"}, "password": {"x"}}).StatusCode
		}
		if status != http.StatusTooManyRequests {
			t.Errorf("the last one: %d", status)
		}
	})
}

// TestRoles shows that nobody does what their role or workspace does not allow.
func TestRoles(t *testing.T) {
	t.Parallel()
	s := start(t)
	viewer, elsewhere := s.member(t, "viewer@larkfield.example", account.Viewer), s.other(t)
	if page := viewer.page(t, "/console/admin"); strings.Contains(page, "API keys") || !strings.Contains(page, "Your sessions") {
		t.Errorf("the page of a viewer: %s", page)
	}
	users, err := s.Library.Users(t.Context())
	must(t, err)
	ruth := users[len(users)-1].OID
	for name, form := range map[string]url.Values{
		"key": {"do": {"key"}, "scope": {"read"}}, "revoke": {"do": {"revoke"}, "id": {s.setup.Token}}, "link": {"do": {"link"}, "id": {ruth}},
		"invite": {"do": {"invite"}, "name": {"X"}, "email": {"x@x.example"}, "role": {"admin"}}, "role": {"do": {"role"}, "id": {ruth}, "role": {"admin"}},
	} {
		if a := viewer.post(t, "/console/admin", form); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s by a viewer: %s", name, a.Status)
		}
	}
	for _, path := range []string{"/console/persona/demo-vp-of-sales/edit", "/console/new/persona"} {
		if a := viewer.post(t, path, url.Values{"name": {"Changed"}}); a.StatusCode != http.StatusForbidden {
			t.Errorf("an edit by a viewer at %s: %s", path, a.Status)
		}
	}
	// Ids of another workspace are unknown to its admins.
	other, err := s.Library.Sessions(t.Context(), mustSession(t, viewer))
	must(t, err)
	for name, form := range map[string]url.Values{
		"revoke": {"do": {"revoke"}, "id": {s.setup.Token}}, "end": {"do": {"end"}, "id": {other[0].OID}},
	} {
		if a := elsewhere.post(t, "/console/admin", form); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s of another workspace: %s", name, a.Status)
		}
	}
	if a := elsewhere.post(t, "/console/workspace", url.Values{"workspace": {s.setup.Workspace.OID}}); a.StatusCode != http.StatusNotFound {
		t.Errorf("a switch to another workspace: %s", a.Status)
	}
	if page := elsewhere.page(t, "/console/admin"); strings.Contains(page, "viewer@larkfield.example") {
		t.Error("the page shows members of another workspace")
	}
	if a := viewer.get(t, "/console"); a.StatusCode != http.StatusOK {
		t.Errorf("the session after all this: %s", a.Status)
	}
}

func mustSession(t testing.TB, s *site) *library.SignedIn {
	t.Helper()
	in, err := s.Library.Session(t.Context(), s.token)
	must(t, err)
	return in
}

// TestKeysAndSessions shows a key once, and ends a session from another browser.
func TestKeysAndSessions(t *testing.T) {
	t.Parallel()
	s := start(t)
	page := s.post(t, "/console/admin", url.Values{"do": {"key"}, "name": {"<b>Clay"}, "scope": {"read", "write"}, "days": {"90"}}).body
	token := regexp.MustCompile(account.TokenPrefix + `\w{50}`).FindString(page)
	if p, err := s.Library.Authenticate(t.Context(), token); err != nil || p.Key.Scopes.String() != "read,write" || p.Key.ExpiresAt == nil {
		t.Errorf("the new key %q: %v", token, err)
	}
	if again := s.page(t, "/console/admin"); strings.Contains(again, token) || strings.Contains(again, "<b>Clay") || !strings.Contains(again, "&lt;b&gt;Clay") {
		t.Error("the page shows the key again, or its name as HTML")
	}
	if a := s.post(t, "/console/admin", url.Values{"do": {"key"}, "name": {strings.Repeat("x", 256)}}); a.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(a.body, "The scopes must be") || !strings.Contains(a.body, strings.Repeat("x", 256)) {
		t.Errorf("a wrong key: %s", a.Status)
	}
	other := s.enter(t, token)
	if a := s.post(t, "/console/admin", url.Values{"do": {"revoke"}, "id": {token}}); a.StatusCode != http.StatusSeeOther {
		t.Errorf("revoke: %s", a.Status)
	}
	if a := other.get(t, "/console"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("a session of a revoked key: %s", a.Status)
	}

	mine := s.member(t, "ruth@larkfield.example", account.Editor)
	if a := s.post(t, "/console/admin", url.Values{"do": {"invite"}, "name": {"Ruth"}, "email": {"ruth@larkfield.example"}, "role": {"admin"}}); !strings.Contains(a.body, "is in this workspace already") || !strings.Contains(mine.page(t, "/console"), "<small>Editor</small>") {
		t.Errorf("an invitation of a member: %s", a.Status)
	}
	form := url.Values{"email": {"ruth@larkfield.example"}, "password": {goodPassword}}
	phone := &site{s.Server, s.setup, s.stranger().signIn(t, form, "User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1").session(s)}
	if page := mine.page(t, "/console/admin"); !strings.Contains(page, "Safari on iPhone") {
		t.Errorf("the sessions: %s", page)
	}
	if a := mine.post(t, "/console/admin", url.Values{"do": {"end"}, "id": {mustSession(t, phone).Session.OID}}); a.StatusCode != http.StatusSeeOther {
		t.Errorf("end: %s", a.Status)
	}
	if a := phone.get(t, "/console"); !strings.HasPrefix(a.Header.Get("Location"), "/console/sign-in") {
		t.Errorf("the session that was ended: %s", a.Status)
	}
	if a := mine.post(t, "/console/sign-out", nil); a.session(s) != "" || mine.get(t, "/console").StatusCode != http.StatusSeeOther {
		t.Error("the session goes on after signing out")
	}
}

// TestJourneySignIn sets up a library in a browser, signs out and in again, and
// ends a session of another browser.
func TestJourneySignIn(t *testing.T) {
	t.Parallel()
	s := start(t)
	link, err := s.Library.SetUpLink(t.Context())
	must(t, err)
	b := open(t, s.stranger())
	b.look(strings.TrimPrefix(s.ConsoleURL(link), s.URL()), 1280, "light")
	b.fill("name", "Hanna Lindqvist")
	b.fill("email", "hanna@larkfield.example")
	b.fill("password", "short")
	b.click("main form button")
	b.until(`document.querySelector("#password-says")?.textContent.includes("use 12 or more") && document.querySelector("#name").value === "Hanna Lindqvist"`)
	b.fill("password", goodPassword)
	b.click("main form button")
	b.until(`document.querySelector(".who b")?.textContent === "Hanna Lindqvist"`)

	b.look("/console/admin", 1280, "light")
	b.run(`localStorage.setItem("personae-draft of somebody", "{}")`)
	b.click(`form[action="/console/sign-out"] button`)
	b.until(`location.pathname === "/console/sign-in" && localStorage.length === 0`)
	b.look("/console/persona", 390, "dark")
	b.until(`location.pathname === "/console/sign-in"`)
	b.fill("email", "hanna@larkfield.example")
	b.fill("password", "wrong")
	b.click("main form button")
	b.until(`document.querySelector(".wrong")?.textContent.includes("do not match")`)
	b.fill("password", goodPassword)
	b.click("main form button")
	b.until(`location.pathname === "/console/persona"`)

	token, err := s.Library.SignIn(t.Context(), "hanna@larkfield.example", goodPassword, library.From{Address: "192.0.2.9", Browser: "Safari on iPhone"})
	must(t, err)
	phone := &site{s.Server, s.setup, token}
	phone.page(t, "/console")
	b.look("/console/admin", 1280, "light")
	b.click(`#sessions header button`)
	b.until(`document.querySelectorAll("#sessions tbody tr").length === 1`)
	if a := phone.get(t, "/console"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("the other browser: %s", a.Status)
	}
	cookies, err := chromedp.Call(b.ctx, network.GetCookies, network.GetCookiesParams{})
	must(t, err)
	for _, c := range cookies.Cookies {
		if c.Name == s.cookie() && (!c.HTTPOnly || c.SameSite != network.CookieSameSiteLax) {
			t.Errorf("the cookie: %+v", c)
		}
	}
}

// fill types into the field of a name.
func (b *browser) fill(name, text string) {
	b.t.Helper()
	must(b.t, chromedp.Do(b.ctx, chromedp.SetValue(chromedp.CSS(`main [name="`+name+`"]`), text)))
}
