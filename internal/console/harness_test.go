package console_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"personae.dev/examples"
	"personae.dev/internal/account"
	"personae.dev/internal/library"
	"personae.dev/internal/server"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// site is a server as it ships, with the demo library, and somebody who is signed
// in.
type site struct {
	*server.Server
	setup *library.Setup
	token string
}

// start runs a server until the end of the test.
func start(t testing.TB) *site {
	t.Helper()
	s, err := server.New(t.Context(), server.Config{
		Listen: "127.0.0.1:0", Database: "sqlite:" + filepath.Join(t.TempDir(), "personae.db"), Log: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	setup, err := s.Library.SetUp(t.Context(), library.SetUpOptions{Workspace: "Larkfield GTM", OwnerFirstName: "Hanna", OwnerLastName: "Lindqvist"})
	must(t, err)
	_, err = s.Library.Import(t.Context(), library.ImportOptions{Workspace: setup.Workspace, Author: setup.Owner}, library.ReadLines(strings.NewReader(examples.Demo())))
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	t.Cleanup(func() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		cancel()
		must(t, <-ran)
	})
	return (&site{s, setup, ""}).enter(t, setup.Token)
}

// enter returns somebody who signs in with an API key.
func (s *site) enter(t testing.TB, key string) *site {
	t.Helper()
	token, err := s.Library.SignInByKey(t.Context(), key, library.From{Address: "192.0.2.1", Browser: "Firefox on Linux"})
	must(t, err)
	return &site{s.Server, s.setup, token}
}

// cookie is the name of the cookie that holds s.token.
func (s *site) cookie() string {
	return "personae_" + s.URL()[strings.LastIndexByte(s.URL(), ':')+1:]
}

// other returns somebody who is signed in to another workspace of the same server.
func (s *site) other(t testing.TB) *site {
	t.Helper()
	workspace, err := s.Library.CreateWorkspace(t.Context(), library.NewWorkspace{Name: "Other", Organization: s.setup.Organization.OID})
	must(t, err)
	return s.enter(t, s.key(t, *workspace, account.ScopeAdmin))
}

// reader returns somebody who may only read.
func (s *site) reader(t testing.TB) *site {
	t.Helper()
	return s.enter(t, s.key(t, s.setup.Workspace, account.ScopeRead))
}

func (s *site) key(t testing.TB, workspace account.Workspace, scope account.Scope) string {
	t.Helper()
	token, _, err := s.Library.CreateKey(t.Context(), library.NewKey{Workspace: workspace, User: s.setup.Owner, Name: "test", Scopes: account.Scopes{scope}})
	must(t, err)
	return token
}

// answer is what the server answered.
type answer struct {
	*http.Response
	body string
}

// send sends a request, and follows no redirect.
func (s *site) send(t testing.TB, method, path, contentType string, body []byte, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, bytes.NewReader(body))
	must(t, err)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	r.Host = r.Header.Get("Host")
	if s.token != "" {
		r.AddCookie(&http.Cookie{Name: s.cookie(), Value: s.token})
	}
	got, err := http.DefaultTransport.RoundTrip(r)
	must(t, err)
	defer got.Body.Close()
	b, err := io.ReadAll(got.Body)
	must(t, err)
	return answer{got, string(b)}
}

func (s *site) get(t testing.TB, path string, header ...string) answer {
	t.Helper()
	return s.send(t, http.MethodGet, path, "", nil, header...)
}

func (s *site) post(t testing.TB, path string, form url.Values) answer {
	t.Helper()
	return s.send(t, http.MethodPost, path, "application/x-www-form-urlencoded", []byte(form.Encode()))
}

// page gets a page that must be there.
func (s *site) page(t testing.TB, path string) string {
	t.Helper()
	a := s.get(t, path)
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s\n%s", path, a.Status, a.body)
	}
	return a.body
}
