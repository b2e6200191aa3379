package api_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"personae.dev/contract/contracttest"
	"personae.dev/internal/api"
	"personae.dev/internal/library"
	"personae.dev/internal/persona"
	"personae.dev/internal/store"
	"personae.dev/internal/wire"
)

func TestMain(m *testing.M) {
	uuid.EnableRandPool() // as cmd/personae does
	goleak.VerifyTestMain(m)
}

// server is an API on a database of its own, with two workspaces that have a
// persona with the same id.
type server struct {
	handler http.Handler
	library *library.Library
	store   persona.Store
	path    string // of the database file
	log     *syncBuffer

	workspace, other           persona.Workspace
	owner                      persona.User
	persona                    *persona.Persona
	token, otherToken          string // scope read
	writeOnlyToken, adminToken string
}

type option func(*config)

type config struct {
	api     api.Config
	library library.Config
}

func withLog(log *slog.Logger) option { return func(c *config) { c.api.Log = log } }

func withNow(now func() time.Time) option { return func(c *config) { c.library.Now = now } }

func setup(t testing.TB, options ...option) *server {
	t.Helper()
	ctx := context.Background()
	s := &server{log: &syncBuffer{}}
	var err error
	s.path = filepath.Join(t.TempDir(), "personae.db")
	s.store, err = store.Open(ctx, "sqlite:"+s.path, store.Options{Create: true})
	must(t, err)
	t.Cleanup(func() { must(t, s.store.Close()) })

	cfg := config{
		api: api.Config{
			Log:     slog.New(slog.NewJSONHandler(s.log, nil)),
			Metrics: http.NotFoundHandler(),
			Observe: func(string, int, time.Duration) {},
		},
		library: library.Config{Store: s.store, Render: wire.AppendPersona, CacheBytes: library.DefaultCacheBytes},
	}
	for _, o := range options {
		o(&cfg)
	}
	s.library, err = library.New(cfg.library)
	must(t, err)
	cfg.api.Library = s.library
	s.handler = api.New(cfg.api)

	made, err := s.library.SetUp(ctx)
	must(t, err)
	s.workspace, s.owner, s.adminToken = made.Workspace, made.Owner, made.Token
	other, err := s.library.CreateWorkspace(ctx, library.NewWorkspace{Name: "Other"})
	must(t, err)
	s.other = *other
	s.token = s.key(t, s.workspace, persona.ScopeRead)
	s.otherToken = s.key(t, s.other, persona.ScopeRead)
	s.writeOnlyToken = s.key(t, s.workspace, persona.ScopeWrite)

	s.persona = samplePersona(s.workspace, s.owner)
	s.put(t, s.persona)
	others := *s.persona
	others.WorkspaceOID, others.Name = s.other.OID, "Theirs"
	s.put(t, &others)
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *server) key(t testing.TB, w persona.Workspace, scopes ...persona.Scope) string {
	t.Helper()
	token, _, err := s.library.CreateKey(context.Background(), library.NewKey{Workspace: w, User: s.owner, Scopes: scopes})
	must(t, err)
	return token
}

func (s *server) put(t testing.TB, p *persona.Persona) {
	t.Helper()
	ctx := context.Background()
	must(t, s.store.Write(ctx, func(tx persona.Tx) error { return tx.InsertPersona(ctx, p) }))
}

// request returns a request with a key, "" for none.
func (s *server) request(t testing.TB, method, target, token string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), method, target, http.NoBody)
	if token != "" {
		r.Header["Api_key"] = []string{token} // as net/http reads api_key
	}
	return r
}

// start serves s to a client that checks every exchange against the contract.
func (s *server) start(t *testing.T) *caller {
	t.Helper()
	srv := httptest.NewServer(s.handler)
	t.Cleanup(srv.Close)
	return &caller{
		url:    srv.URL,
		client: &http.Client{Transport: contracttest.Transport(t, srv.Client().Transport)},
	}
}

// caller calls a server over the network.
type caller struct {
	url    string
	client *http.Client
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// call sends a request; header has pairs of name and value.
func (c *caller) call(t *testing.T, method, target string, header ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, c.url+target, http.NoBody)
	must(t, err)
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	return c.do(t, request)
}

func (c *caller) do(t *testing.T, request *http.Request) answer {
	t.Helper()
	response, err := c.client.Do(request)
	must(t, err)
	defer func() { must(t, response.Body.Close()) }()
	var body bytes.Buffer
	_, err = body.ReadFrom(response.Body)
	must(t, err)
	return answer{response.StatusCode, response.Header, body.String()}
}

func (c *caller) get(t *testing.T, target string, header ...string) answer {
	t.Helper()
	return c.call(t, http.MethodGet, target, header...)
}

// syncBuffer is a log that is read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// samplePersona is the one of the published reference; where that has
// placeholders, it has values.
func samplePersona(w persona.Workspace, author persona.User) *persona.Persona {
	at := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
	text := func(s string) *string { return &s }
	archived := at.Add(time.Hour)
	return &persona.Persona{
		WorkspaceOID: w.OID, OID: "p_1234", Author: author,
		Name: "VP of Sales", InternalName: text("Sally the Sales Leader"), Description: text("<string>"),
		PrimaryResponsibilities: []string{"Responsibility 1", "Responsibility 2"},
		PainPoints:              []string{"Pain Point 1", "Pain Point 2"},
		KeyConcerns:             []string{"Concern 1", "Concern 2"},
		KeyObjectives:           []string{"Objective 1", "Objective 2"},
		CommonJobTitles:         []string{"Job Title 1", "Job Title 2"},
		WhyTheyMatterToUs:       []string{"Reason 1", "Reason 2"},
		WhyWeMatterToThem:       []string{"Reason 1", "Reason 2"},
		CustomFields:            []persona.CustomField{{Title: "<string>", Value: []string{"<string>"}}},
		QualifyingQuestions: []persona.QualifyingQuestion{{
			OID: "qq_1", Question: "<string>", Rationale: "<string>", FitType: persona.FitGood, Weight: persona.WeightMedium, ArchivedAt: &archived,
		}},
		Active: true, CreatedAt: at, UpdatedAt: at.Add(2 * time.Hour), ArchivedAt: &archived, DeletedAt: &archived,
	}
}
