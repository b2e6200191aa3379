package torture

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"personae.dev/internal/store/postgrestest"
)

// patience is how long anything may take before a test gives up.
const patience = 30 * time.Second

// installation is a database with its servers.
type installation struct {
	dir      string
	database string
	key      string               // of the first server's greeting
	postgres *postgrestest.Server // one that it may stop, or nil
	flags    []string             // for every server
}

// onSQLite is a database in an installation's folder.
const onSQLite = "sqlite:personae.db"

// onEngines runs a test on each engine. The PostgreSQL is one that it may stop.
func onEngines(t *testing.T, test func(t *testing.T, i *installation)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, &installation{dir: t.TempDir(), database: onSQLite})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, onPostgres(t))
	})
}

func onPostgres(t *testing.T) *installation {
	t.Helper()
	p := postgrestest.Start(t, true)
	return &installation{dir: t.TempDir(), database: p.New(t), postgres: p}
}

// onShared is an installation on a PostgreSQL that others use too.
func onShared(t *testing.T) *installation {
	t.Helper()
	return &installation{dir: t.TempDir(), database: postgrestest.New(t)}
}

// start runs a server on the database.
func (i *installation) start(t *testing.T) *server {
	t.Helper()
	s := start(t, i.dir, i.key, append([]string{"--database", i.database}, i.flags...)...)
	i.key = s.key
	return s
}

// checkIntegrity is SQLite's own look at every page and index.
func (i *installation) checkIntegrity(t *testing.T) {
	t.Helper()
	if i.database != onSQLite {
		return
	}
	db := i.openSQLite(t)
	defer db.Close()
	var got string
	if err := db.QueryRowContext(t.Context(), "pragma integrity_check").Scan(&got); err != nil || got != "ok" {
		t.Errorf("integrity_check: %q, %v", got, err)
	}
}

func (i *installation) openSQLite(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(i.dir, "personae.db")+"?_pragma=busy_timeout(20000)") // a killed command leaves a log to recover
	must(t, err)
	return db
}

// settle waits until what a killed server had sent to PostgreSQL is done.
func (i *installation) settle(t *testing.T) {
	t.Helper()
	const query = `select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`
	if i.postgres != nil {
		until(t, patience, "an end of all connections", func() bool { return postgrestest.Execute(t, i.database, query) == "0" })
	}
}

// command runs the binary on the database, and returns what it prints.
func (i *installation) command(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, binary, append(args, "--database", i.database, "--database-connect-timeout", giveUp().String())...)
	cmd.Dir = i.dir
	out, err := cmd.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("personae %s: %w: %s", args, err, failed.Stderr)
	}
	return string(out), err
}

// caller is a client that tries nothing twice, so that it is known what became
// of each request, unless it is patient.
type caller struct {
	url, key string
	http     *http.Client
	// patient asks again after a 503, for what must be answered.
	patient bool
}

func (s *server) caller(t *testing.T) *caller {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &caller{url: s.url, key: s.key, http: &http.Client{Transport: transport, Timeout: patience}}
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

// call makes a request; an error says that there was no answer, or not all of it.
func (c *caller) call(ctx context.Context, method, path string, header map[string]string, body any) (*answer, error) {
	for deadline := time.Now().Add(patience); ; {
		a, err := c.once(ctx, method, path, header, body)
		if !c.patient || err != nil || a.status != http.StatusServiceUnavailable || time.Now().After(deadline) {
			return a, err
		}
		<-time.After(50 * time.Millisecond)
	}
}

func (c *caller) once(ctx context.Context, method, path string, header map[string]string, body any) (*answer, error) {
	var sent io.Reader = http.NoBody
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		sent = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, sent)
	if err != nil {
		return nil, err
	}
	request.Header["api_key"] = []string{c.key}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	a := &answer{status: response.StatusCode, header: response.Header}
	a.body, err = io.ReadAll(response.Body)
	return a, err
}

func (c *caller) get(ctx context.Context, path string) (*answer, error) {
	return c.call(ctx, http.MethodGet, "/api/v2/"+path, nil, nil)
}

func (c *caller) post(ctx context.Context, path string, header map[string]string, body any) (*answer, error) {
	return c.call(ctx, http.MethodPost, "/api/v2/"+path, header, body)
}

// read gets what must be there.
func read[T any](ctx context.Context, c *caller, path string) (*T, http.Header, error) {
	a, err := c.get(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	if a.status != http.StatusOK {
		return nil, nil, fmt.Errorf("%s: %d %s", path, a.status, a.body)
	}
	value := new(T)
	return value, a.header, json.Unmarshal(a.body, value)
}
