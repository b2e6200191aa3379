package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
	"personae.dev/internal/limit"
)

const (
	getPath    = "/api/v2/persona/get?oId="
	createPath = "/api/v2/persona/create"
)

// TestShutdownFinishesAnswers stops a server while an answer is on its way, on a
// connection that had other requests before.
func TestShutdownFinishesAnswers(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t))
	// More than the kernel keeps for a client that does not read.
	large := fmt.Sprintf(`{"oId":"large","name":"Large","painPoints":[%s]}`,
		strings.TrimSuffix(strings.Repeat(`"`+strings.Repeat("x", 10_000)+`",`, 200), ","))
	s.put(t, large)

	conn, reader := dial(t, s.url)
	_, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	first, err := http.ReadResponse(reader, nil)
	must(t, err)
	_, err = io.Copy(io.Discard, first.Body)
	must(t, err)
	_, err = fmt.Fprintf(conn, "GET %slarge HTTP/1.1\r\nHost: x\r\napi_key: %s\r\n\r\n", getPath, s.setup.Token)
	must(t, err)
	_, err = reader.Peek(1) // the answer has begun
	must(t, err)

	stopped := make(chan error)
	go func() { stopped <- s.stop() }()
	// No new connection is accepted any more. The one that is busy is not cut off.
	for {
		other, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			break
		}
		_ = other.Close()
	}
	rest, err := io.ReadAll(reader)
	must(t, err)
	if !bytes.HasSuffix(rest, []byte("}}")) || len(rest) < 200*10_000 {
		t.Errorf("the answer was cut off after %d bytes", len(rest))
	}
	must(t, <-stopped)
}

func TestStartErrors(t *testing.T) {
	t.Parallel()
	t.Run("AddressInUse", func(t *testing.T) {
		t.Parallel()
		s := start(t, testConfig(t))
		cfg := testConfig(t)
		cfg.Listen = strings.TrimPrefix(s.url, "http://")
		_, err := New(t.Context(), cfg)
		if !errors.Is(err, ErrAddress) || !strings.Contains(err.Error(), cfg.Listen) || !strings.Contains(err.Error(), "--listen") {
			t.Errorf("error %v", err)
		}
		if _, err := os.Stat(strings.TrimPrefix(cfg.Database, "sqlite:")); err == nil {
			t.Error("a database was made")
		}
	})
	t.Run("BadAddress", func(t *testing.T) {
		t.Parallel()
		cfg := testConfig(t)
		cfg.Listen = "nonsense"
		if _, err := New(t.Context(), cfg); !errors.Is(err, ErrAddress) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("SecondServer", func(t *testing.T) {
		t.Parallel()
		cfg := testConfig(t)
		start(t, cfg)
		_, err := New(t.Context(), cfg)
		if errs.KindOf(err) != errs.Unavailable || !strings.Contains(err.Error(), "another server") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("HalfOfTLS", func(t *testing.T) {
		t.Parallel()
		cfg := testConfig(t)
		cfg.TLSCert = "cert.pem"
		if _, err := New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "--tls-key") {
			t.Errorf("error %v", err)
		}
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	for range 2 { // the address and the database are free again
		s, err := New(t.Context(), cfg)
		must(t, err)
		cfg.Listen = strings.TrimPrefix(s.URL(), "http://")
		must(t, s.Close())
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.TLSCert, cfg.TLSKey = newCertificate(t, "x")
	s := start(t, cfg)
	if !strings.HasPrefix(s.url, "https://") || s.Exposed() {
		t.Errorf("URL %s, exposed %t", s.url, s.Exposed())
	}
	if status, body := s.get(t, "/api/v2/api-key/validate"); status != http.StatusOK {
		t.Errorf("status %d: %s", status, body)
	}
}

func TestExposed(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Listen = "0.0.0.0:0"
	s := start(t, cfg)
	if !s.Exposed() || !strings.HasPrefix(s.url, "http://127.0.0.1:") {
		t.Errorf("exposed %t, URL %s", s.Exposed(), s.url)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t))
	s.put(t, `{"oId":"p","name":"P"}`)
	for range 3 {
		if status, body := s.get(t, getPath+"p"); status != http.StatusOK {
			t.Fatalf("status %d: %s", status, body)
		}
	}
	s.get(t, getPath+"unknown")
	s.get(t, "/nowhere")
	_, body := s.get(t, "/metrics")
	for _, want := range []string{
		`personae_http_requests_total{route="GET /api/v2/persona/get",status="200"} 3`,
		`personae_http_requests_total{route="GET /api/v2/persona/get",status="404"} 1`,
		`personae_http_requests_total{route="",status="404"} 1`,
		`personae_http_request_duration_seconds_count{route="GET /api/v2/persona/get"} 4`,
		`personae_store_operation_duration_seconds_count{operation="`,
		`personae_refused_total{reason="key_lookups"} 0`,
		`personae_connections 1`,
		`personae_build_info{`, `go_goroutines `, `process_resident_memory_bytes `,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	lookups := 0
	for _, count := range regexp.MustCompile(`personae_cache_lookups_total\{cache="documents",result="(?:hit|miss)"\} (\d+)`).FindAllStringSubmatch(body, -1) {
		n, err := strconv.Atoi(count[1])
		must(t, err)
		lookups += n
	}
	if lookups != 4 {
		t.Errorf("/metrics has %d lookups in the cache of documents, want 4:\n%s", lookups, body)
	}
	if strings.Contains(body, s.setup.Token) || strings.Contains(body, s.setup.Workspace.OID) {
		t.Error("/metrics shows a key or a workspace")
	}
}

// TestUsageIsWrittenAtTheEnd shows that the time of a key's last use is not lost
// when the server stops.
func TestUsageIsWrittenAtTheEnd(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	s := start(t, cfg)
	before := account.Now()
	s.get(t, "/api/v2/api-key/validate")
	must(t, s.stop())
	l, store, err := Open(t.Context(), cfg.Database, DatabaseSettings{})
	must(t, err)
	defer func() { must(t, store.Close()) }()
	keys, err := l.Keys(t.Context(), s.setup.Workspace)
	must(t, err)
	if used := keys[0].LastUsedAt; used == nil || used.Before(before) {
		t.Errorf("last used at %v, was used after %v", used, before)
	}
}

// TestMaxConnections shows that clients over the limit are told so, that /healthz,
// /readyz and /metrics answer there, and that connections beyond the reserve are
// closed. When others go, the next ones are served again.
func TestMaxConnections(t *testing.T) {
	t.Parallel()
	const most = 3
	cfg := testConfig(t)
	cfg.MaxConnections = most
	s := start(t, cfg)
	s.put(t, `{"oId":"p","name":"P"}`)
	s.client.Transport.(*http.Transport).DisableKeepAlives = true
	type connection struct {
		net.Conn
		reader interface{ Read([]byte) (int, error) }
		ask    func(path string) (*http.Response, string)
	}
	open := func() connection {
		t.Helper()
		c, reader := dial(t, s.url)
		return connection{c, reader, func(path string) (*http.Response, string) {
			t.Helper()
			_, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\napi_key: %s\r\n\r\n", path, s.setup.Token)
			must(t, err)
			response, err := http.ReadResponse(reader, nil)
			must(t, err)
			body, err := io.ReadAll(response.Body)
			must(t, err)
			return response, string(body)
		}}
	}
	var within []connection
	for range most {
		c := open()
		if response, body := c.ask(getPath + "p"); response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", response.Status, body)
		}
		within = append(within, c)
	}

	response, body := open().ask(getPath + "p")
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") != "1" || !response.Close ||
		!strings.Contains(body, `"code":"unavailable"`) || !strings.Contains(body, "more to do than it can") {
		t.Errorf("over the limit: %s, %v: %s", response.Status, response.Header, body)
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if response, body := open().ask(path); response.StatusCode != http.StatusOK || !response.Close {
			t.Errorf("%s: %s, %v: %s", path, response.Status, response.Header, body)
		}
	}
	// Beyond the reserve.
	var idle []connection
	for range ReservedConnections {
		idle = append(idle, open())
	}
	for last := false; !last; { // those that were closed above may still count
		_, err := open().Read(make([]byte, 1))
		last = err != nil
	}
	for _, c := range idle {
		_ = c.Close()
	}
	// The connections within the limit are served all the time.
	for _, c := range within {
		if response, body := c.ask(getPath + "p"); response.StatusCode != http.StatusOK {
			t.Errorf("within the limit: %s: %s", response.Status, body)
		}
		_ = c.Close()
	}
	for { // until the server has seen them go
		if status, _ := s.get(t, getPath+"p"); status == http.StatusOK {
			break
		}
	}
	_, metrics := s.get(t, "/metrics")
	for _, want := range []string{`personae_refused_total{reason="connections"} `, `personae_refused_total{reason="closed"} `, "personae_connections "} {
		if !strings.Contains(metrics, want) || strings.Contains(metrics, want+"0\n") {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

// TestOverLimitByTLS shows that the limit of connections holds for HTTPS and
// HTTP/2, too.
func TestOverLimitByTLS(t *testing.T) {
	t.Parallel()
	for _, p := range protocols() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t)
			p.config(t, &cfg)
			cfg.MaxConnections = 1
			s := start(t, cfg)
			within, over := newClient(t, p.client), newClient(t, p.client)
			for i, c := range []*http.Client{within, over, within} {
				response, _ := ask(t, c, http.MethodGet, s.url+"/api/v2/api-key/validate", http.NoBody, "api_key", s.setup.Token)
				if want := []int{200, 503, 200}[i]; response.StatusCode != want || response.ProtoMajor != p.major {
					t.Errorf("request %d: %s %s", i, response.Proto, response.Status)
				}
			}
		})
	}
}

// TestTooManyChanges holds up every change that is made at once, and asks for
// more.
func TestTooManyChanges(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	cfg := testConfig(t)
	cfg.Log = NewLog(log, 0, true)
	cfg.MaxInFlight = 1 // and httpx.ShortInFlight changes
	s := start(t, cfg)
	s.put(t, `{"oId":"p","name":"P"}`)
	held, release := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		_ = s.store.Write(t.Context(), func(context.Context, entity.Tx) error {
			close(held)
			<-release
			return nil
		})
	})
	<-held
	type result struct {
		response *http.Response
		body     string
	}
	answers := make(chan result, httpx.ShortInFlight+1)
	for range httpx.ShortInFlight + 1 {
		group.Go(func() {
			response, body := ask(t, s.client, http.MethodPost, s.url+createPath, strings.NewReader(`{"name":"VP"}`), "api_key", s.setup.Token)
			answers <- result{response, body}
		})
	}
	got := <-answers // of the one that is refused: the others wait
	if got.response.StatusCode != http.StatusServiceUnavailable || got.response.Header.Get("Retry-After") != "1" || !strings.Contains(got.body, "more to do than it can") {
		t.Errorf("%s %v: %s", got.response.Status, got.response.Header, got.body)
	}
	for _, path := range []string{getPath + "p", "/api/v2/persona/list", "/healthz", "/readyz"} {
		if status, body := s.get(t, path); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	close(release)
	for range httpx.ShortInFlight {
		if got := <-answers; got.response.StatusCode != http.StatusOK {
			t.Errorf("one that waited: %s: %s", got.response.Status, got.body)
		}
	}
	group.Wait()
	// Refusals may be many: a line each, and not one of them an error.
	if !strings.Contains(log.String(), `"status":503`) || strings.Contains(log.String(), `"level":"ERROR","msg":"request"`) {
		t.Errorf("the log: %s", log)
	}
}

// slowKeys is a store whose look-ups of keys wait.
type slowKeys struct {
	entity.Store
	entered chan struct{}
	release chan struct{}
}

// Principal implements entity.Reader.
func (s slowKeys) Principal(context.Context, string) (*account.Principal, error) {
	s.entered <- struct{}{}
	<-s.release
	return nil, errs.NotFoundf("key_not_found", "There is no such key.")
}

// TestKeyLookups fills the gate of the look-ups of keys that reach the database.
func TestKeyLookups(t *testing.T) {
	t.Parallel()
	slow := slowKeys{entered: make(chan struct{}), release: make(chan struct{})}
	refused := 0
	s := gatedKeys{slow, limit.NewGate(keyLookups, 0, time.Second), func(httpx.Refusal) { refused++ }}
	var group sync.WaitGroup
	for range keyLookups {
		group.Go(func() {
			if _, err := s.Principal(t.Context(), "ak_1"); errs.KindOf(err) != errs.NotFound {
				t.Errorf("one that is looked up: %v", err)
			}
		})
		<-slow.entered
	}
	if _, err := s.Principal(t.Context(), "ak_2"); !errors.Is(err, httpx.ErrBusy) || refused != 1 {
		t.Errorf("one more: %v, %d refused", err, refused)
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	if _, err := s.Principal(left, "ak_3"); !errors.Is(err, context.Canceled) || refused != 1 {
		t.Errorf("one whose client has left: %v, %d refused", err, refused)
	}
	close(slow.release)
	group.Wait()
}

// TestUnknownKeysTakeNoPlace asks for lists with unknown keys while the only
// place for a list is free, and while it is taken.
func TestUnknownKeysTakeNoPlace(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.MaxInFlight = 1
	entered, release := make(chan struct{}), make(chan struct{})
	cfg.extraRoutes = []httpx.Route{{Method: "GET", Path: "/held", Class: httpx.ClassList, Handler: func(http.ResponseWriter, *http.Request) error {
		close(entered)
		<-release
		return nil
	}}}
	s := start(t, cfg)
	var group sync.WaitGroup
	group.Go(func() { s.get(t, "/held") })
	<-entered
	for range 100 {
		unknown, _ := account.NewToken()
		response, _ := ask(t, s.client, http.MethodGet, s.url+"/api/v2/persona/list", http.NoBody, "api_key", unknown.Reveal())
		if response.StatusCode != http.StatusUnauthorized {
			t.Fatalf("%s", response.Status)
		}
	}
	close(release)
	group.Wait()
}

// TestKeysAreNotLogged sends a key wherever a client may put one.
func TestKeysAreNotLogged(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	cfg := testConfig(t)
	cfg.Log = NewLog(log, 0, true)
	s := start(t, cfg)
	key := s.setup.Token
	for _, head := range []string{
		"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /?%s HTTP/1.1\r\nHost: x\r\n\r\n",
		"%s / HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n",
		"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-Source: %s\r\n\r\n",
		"GET /healthz HTTP/1.1\r\nHost: x\r\nX-External-Request-Id: %s\r\n\r\n",
		"GET /healthz HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n",
		"GET /healthz HTTP/%s\r\nHost: x\r\n\r\n",
		"%s\r\n\r\n",
	} {
		c, reader := dial(t, s.url)
		_, err := fmt.Fprintf(c, head, key)
		must(t, err)
		if _, err := http.ReadResponse(reader, nil); err != nil {
			t.Errorf("%q: %v", head, err)
		}
		_ = c.Close()
	}
	must(t, s.stop())
	if !strings.Contains(log.String(), `"method":"other"`) || strings.Contains(log.String(), key[len(account.TokenPrefix):]) {
		t.Errorf("the log: %s", log)
	}
	for line := range strings.Lines(log.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no line of JSON: %s", line)
		}
	}
}

// TestOpen shows that commands work beside a server, and on nothing that is not
// there.
func TestOpen(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	if _, _, err := Open(t.Context(), cfg.Database, DatabaseSettings{}); err == nil {
		t.Error("a database that is not there was opened")
	}
	must(t, Migrate(t.Context(), cfg.Database, DatabaseSettings{}))
	steps, err := Migrations(t.Context(), cfg.Database, DatabaseSettings{})
	if err != nil || len(steps) == 0 {
		t.Errorf("%v, %v", steps, err)
	}
	s := start(t, cfg)
	l, store, err := Open(t.Context(), cfg.Database, DatabaseSettings{})
	must(t, err)
	defer func() { must(t, store.Close()) }()
	token, _, err := l.CreateKey(t.Context(), library.NewKey{
		Workspace: s.setup.Workspace, User: s.setup.Owner, Scopes: account.Scopes{account.ScopeRead},
	})
	must(t, err)
	response, body := ask(t, s.client, http.MethodGet, s.url+"/api/v2/api-key/validate", http.NoBody, "api_key", token)
	if response.StatusCode != http.StatusOK {
		t.Errorf("%s: %s", response.Status, body)
	}
}
