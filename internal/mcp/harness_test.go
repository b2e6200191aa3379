package mcp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"

	"personae.dev/examples"
	"personae.dev/internal/account"
	"personae.dev/internal/api"
	"personae.dev/internal/generate"
	"personae.dev/internal/httpx"
	"personae.dev/internal/kind"
	"personae.dev/internal/library"
	"personae.dev/internal/mcp"
	"personae.dev/internal/store"
)

var update = flag.Bool("update", false, "write the goldens")

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// server is a server with the demo library, and another workspace.
type server struct {
	*httptest.Server
	library   *library.Library
	workspace account.Workspace
	owner     account.User
	log       *lockedBuffer
	model     library.Model // nil for none
	// read, write and other are keys; other is of the other workspace.
	read, write, other string
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// handler returns the handler of a server over a library.
func handler(l *library.Library, model library.Model, log *slog.Logger) http.Handler {
	contract := api.New(api.Config{Library: l, Generator: &generate.Generator{Library: l, Model: model}, Metrics: http.NotFoundHandler()})
	var whole http.Handler
	agents := mcp.Routes(mcp.Config{Registry: l.Registry(), Version: "test", PublicURL: "https://personae.example", Origins: []string{"https://app.example"}, Log: log}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		whole.ServeHTTP(w, r)
	}))
	whole = httpx.New(httpx.Config{Routes: append(contract.Routes(), agents...), NotFound: contract.NotFound, Authenticate: l.Authenticate, Log: log})
	return whole
}

func start(t testing.TB, options ...func(*server)) *server {
	t.Helper()
	ctx := context.Background()
	opened, err := store.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "personae.db"), store.Options{Create: true})
	must(t, err)
	t.Cleanup(func() { must(t, opened.Close()) })
	s := &server{log: &lockedBuffer{}}
	for _, o := range options {
		o(s)
	}
	s.library, err = library.New(library.Config{Store: opened, Registry: kind.Registry(), CacheBytes: 8 << 20, CountUnmatched: true, Now: clock()})
	must(t, err)
	made, err := s.library.SetUp(ctx, library.SetUpOptions{})
	must(t, err)
	s.workspace, s.owner = made.Workspace, made.Owner
	other, err := s.library.CreateWorkspace(ctx, library.NewWorkspace{Name: "Other"})
	must(t, err)
	s.read, s.write = s.key(t, s.workspace, account.ScopeRead), s.key(t, s.workspace, account.ScopeWrite)
	s.other = s.key(t, *other, account.ScopeWrite)
	_, err = s.library.Import(ctx, library.ImportOptions{Workspace: s.workspace, Author: s.owner}, library.ReadLines(strings.NewReader(examples.Demo())))
	must(t, err)
	s.Server = httptest.NewServer(handler(s.library, s.model, slog.New(slog.NewJSONHandler(s.log, nil))))
	t.Cleanup(s.Close)
	return s
}

// clock returns a clock that goes on by a second each time, so that goldens are
// the same each time.
func clock() func() time.Time {
	var mu sync.Mutex
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}
}

func (s *server) key(t testing.TB, w account.Workspace, scopes ...account.Scope) string {
	t.Helper()
	token, _, err := s.library.CreateKey(context.Background(), library.NewKey{Workspace: w, User: s.owner, Name: "agent", Scopes: scopes})
	must(t, err)
	return token
}

// withKey sends a key in a header.
type withKey struct{ name, value string }

func (k withKey) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(k.name, k.value)
	return http.DefaultTransport.RoundTrip(r)
}

// connect returns the session of an agent with a key.
func (s *server) connect(t testing.TB, key string) *sdk.ClientSession {
	t.Helper()
	return connectWith(t, s.URL+mcp.Path, withKey{"Authorization", "Bearer " + key})
}

func connectWith(t testing.TB, endpoint string, transport http.RoundTripper) *sdk.ClientSession {
	t.Helper()
	client := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &sdk.StreamableClientTransport{
		Endpoint: endpoint, HTTPClient: &http.Client{Transport: transport}, MaxRetries: -1,
	}, nil)
	must(t, err)
	t.Cleanup(func() { _ = session.Close() })
	return session
}

// result is what a tool answered.
type result struct {
	t       testing.TB
	IsError bool
	Text    string
}

// use calls a tool; arguments is JSON.
func use(t testing.TB, session *sdk.ClientSession, tool, arguments string) result {
	t.Helper()
	got, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: json.RawMessage(arguments)})
	must(t, err)
	if len(got.Content) != 1 {
		t.Fatalf("%s has %d contents, want one text", tool, len(got.Content))
	}
	text := got.Content[0].(*sdk.TextContent).Text
	var structured any
	must(t, json.Unmarshal([]byte(text), &structured))
	if diff := cmp.Diff(structured, got.StructuredContent); diff != "" {
		t.Errorf("%s: text and structured content differ: -text +structured\n%s", tool, diff)
	}
	return result{t, got.IsError, text}
}

// ok returns the object that the tool answered.
func (r result) ok() map[string]any {
	r.t.Helper()
	if r.IsError {
		r.t.Fatalf("the tool refuses: %s", r.Text)
	}
	return r.object()
}

// refused returns the error that the tool answered.
func (r result) refused() map[string]any {
	r.t.Helper()
	if !r.IsError {
		r.t.Fatalf("the tool answers: %s", r.Text)
	}
	return r.object()
}

func (r result) object() (object map[string]any) {
	r.t.Helper()
	must(r.t, json.Unmarshal([]byte(r.Text), &object))
	return object
}

// The ids that the library makes, and the dates of the clock.
var (
	madeUp = regexp.MustCompile(`\b([a-z]{1,4})_[0-9A-Za-z]{22}\b`)
	now    = regexp.MustCompile(`2026-03-01T09:[0-9:.]+Z`)
)

// golden compares an answer with a file.
func golden(t *testing.T, name string, r result) {
	t.Helper()
	var indented bytes.Buffer
	must(t, json.Indent(&indented, []byte(r.Text), "", "  "))
	indented.WriteByte('\n')
	text := now.ReplaceAllString(madeUp.ReplaceAllString(indented.String(), "${1}_…"), "now")
	file := filepath.Join("testdata", name+".json")
	if *update {
		must(t, os.MkdirAll("testdata", 0o750))
		must(t, os.WriteFile(file, []byte(text), 0o600))
		return
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s: -golden +got; run go test ./internal/mcp -update if it is meant\n%s", name, diff)
	}
}
