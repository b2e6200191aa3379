package api_test

import (
	"bytes"
	"context"
	"encoding/json"
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

	"personae.dev/apitype"
	"personae.dev/contract/contracttest"
	"personae.dev/internal/account"
	"personae.dev/internal/api"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/generate"
	"personae.dev/internal/httpx"
	"personae.dev/internal/kind"
	"personae.dev/internal/library"
	"personae.dev/internal/llm"
	"personae.dev/internal/models"
	"personae.dev/internal/store"
	"personae.dev/internal/store/postgrestest"
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
	store   entity.Store
	path    string // of the database file
	log     *syncBuffer

	workspace, other account.Workspace
	owner            account.User
	// token and otherToken have the scope read.
	token, otherToken, writeToken, adminToken string
}

type option func(*config)

type config struct {
	http    httpx.Config
	library library.Config
	// database is the address of the database, and wrap what stands before it.
	database string
	wrap     func(entity.Store) entity.Store
	// model is asked by models and generator; nil for none.
	model  llm.Model
	models models.Config
	page   func(ctx context.Context, address string) (title, text string, err error)
}

// onPostgres is a database of its own on PostgreSQL.
func onPostgres(t testing.TB) option {
	t.Helper()
	address := postgrestest.New(t)
	return func(c *config) { c.database = address }
}

func withNow(now func() time.Time) option { return func(c *config) { c.library.Now = now } }

func setup(t testing.TB, options ...option) *server {
	t.Helper()
	ctx := context.Background()
	s := &server{log: &syncBuffer{}, path: filepath.Join(t.TempDir(), "personae.db")}
	cfg := config{
		http:     httpx.Config{Log: slog.New(slog.NewJSONHandler(s.log, nil))},
		library:  library.Config{Registry: kind.Registry(), CacheBytes: library.DefaultCacheBytes},
		database: "sqlite:" + s.path,
	}
	for _, o := range options {
		o(&cfg)
	}
	opened, err := store.Open(ctx, cfg.database, store.Options{Create: true})
	must(t, err)
	t.Cleanup(func() { must(t, opened.Close()) })
	s.store, cfg.library.Store = opened, opened
	if cfg.wrap != nil {
		cfg.library.Store = cfg.wrap(opened)
	}
	served := api.Config{Metrics: http.NotFoundHandler()}
	if cfg.model != nil {
		cfg.models.Model, cfg.models.Store = cfg.model, opened
		served.Models = models.New(cfg.models)
		cfg.library.Model = served.Models
	}
	s.library, err = library.New(cfg.library)
	must(t, err)
	served.Library = s.library
	if cfg.model != nil {
		served.Generator = &generate.Generator{Library: s.library, Model: served.Models, Page: cfg.page}
	}
	served.Ready = func(ctx context.Context) error {
		if err := s.library.Ping(ctx); err != nil {
			return errs.Unavailablef(err, "The database does not answer.")
		}
		return nil
	}
	a := api.New(served)
	cfg.http.Routes, cfg.http.NotFound, cfg.http.Authenticate = a.Routes(), a.NotFound, s.library.Authenticate
	s.handler = httpx.New(cfg.http)

	made, err := s.library.SetUp(ctx, library.SetUpOptions{})
	must(t, err)
	s.workspace, s.owner, s.adminToken = made.Workspace, made.Owner, made.Token
	other, err := s.library.CreateWorkspace(ctx, library.NewWorkspace{Name: "Other"})
	must(t, err)
	s.other = *other
	s.token = s.key(t, s.workspace, account.ScopeRead)
	s.otherToken = s.key(t, s.other, account.ScopeRead)
	s.writeToken = s.key(t, s.workspace, account.ScopeWrite)

	s.put(t, sampleRecord)
	s.importInto(t, s.other, s.owner, strings.Replace(sampleRecord, "VP of Sales", "Theirs", 1))
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *server) key(t testing.TB, w account.Workspace, scopes ...account.Scope) string {
	t.Helper()
	token, _, err := s.library.CreateKey(context.Background(), library.NewKey{Workspace: w, User: s.owner, Scopes: scopes})
	must(t, err)
	return token
}

// put writes records into the first workspace.
func (s *server) put(t testing.TB, records ...string) {
	t.Helper()
	s.importInto(t, s.workspace, s.owner, records...)
}

func (s *server) importInto(t testing.TB, w account.Workspace, author account.User, records ...string) {
	t.Helper()
	_, err := s.library.Import(context.Background(), library.ImportOptions{
		Workspace: w, Author: author,
		Invalid: func(line int, errors []errs.Field) { t.Errorf("%s: %v", records[line-1], errors) },
	},
		func(yield func(library.ImportLine, error) bool) {
			for i, record := range records {
				if !yield(library.ImportLine{Number: i + 1, Value: []byte(record)}, nil) {
					return
				}
			}
		})
	must(t, err)
}

// kind returns a kind of the library by its name.
func (s *server) kind(t testing.TB, name string) *entity.Kind {
	t.Helper()
	k, err := s.library.Registry().Kind(name)
	must(t, err)
	return k
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

// start serves s to a client that keeps connections open, and checks every
// exchange against the contract.
func (s *server) start(t *testing.T) *caller {
	t.Helper()
	srv := httptest.NewServer(s.handler)
	t.Cleanup(srv.Close)
	return &caller{
		url:    srv.URL,
		client: &http.Client{Transport: contracttest.Transport(t, srv.Client().Transport)},
	}
}

// Answers about personas.
type (
	personaPage     = apitype.List[apitype.Persona]
	personaResponse struct {
		Metadata apitype.Metadata `json:"_metadata"`
		Data     apitype.Persona  `json:"data"`
	}
	getPersona struct {
		Metadata apitype.Metadata `json:"_metadata"`
		apitype.Persona
	}
)

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

// value reads what is at a path in the answer, such as data[0].name.
func (a answer) value(t *testing.T, path string) any {
	t.Helper()
	var v any
	must(t, json.Unmarshal([]byte(a.body), &v))
	return lookup(v, path)
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

// sampleRecord is the persona of the published reference; where that has
// placeholders, it has values.
const sampleRecord = `{"oId":"p_1234","name":"VP of Sales","internalName":"Sally the Sales Leader","description":"<string>",
	"primaryResponsibilities":["Responsibility 1","Responsibility 2"],"painPoints":["Pain Point 1","Pain Point 2"],
	"keyConcerns":["Concern 1","Concern 2"],"keyObjectives":["Objective 1","Objective 2"],"commonJobTitles":["Job Title 1","Job Title 2"],
	"whyTheyMatterToUs":["Reason 1","Reason 2"],"whyWeMatterToThem":["Reason 1","Reason 2"],"customFields":[{"title":"<string>","value":["<string>"]}],
	"qualifyingQuestions":[{"oId":"qq_1","question":"<string>","rationale":"<string>","fitType":"GOOD","weight":"MEDIUM","archivedAt":"2021-01-01T01:00:00.000Z"}],
	"createdAt":"2021-01-01T00:00:00.000Z","updatedAt":"2021-01-01T02:00:00.000Z","archivedAt":"2021-01-01T01:00:00.000Z","deletedAt":"2021-01-01T01:00:00.000Z"}`
