package server

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"personae.dev/internal/errs"
	"personae.dev/internal/store/postgrestest"
)

func TestPrivateListen(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.PrivateListen = "127.0.0.1:0"
	s := start(t, cfg)
	private := s.PrivateURL()
	for url, want := range map[string]int{
		s.url + "/healthz":                      http.StatusOK,
		s.url + "/readyz":                       http.StatusOK,
		s.url + "/metrics":                      http.StatusNotFound,
		s.url + "/debug/pprof/":                 http.StatusNotFound,
		s.url + "/debug/pprof/heap":             http.StatusNotFound,
		private + "/healthz":                    http.StatusOK,
		private + "/readyz":                     http.StatusOK,
		private + "/metrics":                    http.StatusOK,
		private + "/debug/pprof/":               http.StatusOK,
		private + "/debug/pprof/heap":           http.StatusOK,
		private + "/debug/pprof/cmdline":        http.StatusOK,
		private + "/api/v2/api-key/validate":    http.StatusNotFound,
		private + "/docs":                       http.StatusNotFound,
		private + "/debug/pprof/trace?seconds=": http.StatusOK,
	} {
		response, body := ask(t, s.client, http.MethodGet, url, http.NoBody, "api_key", s.setup.Token)
		if response.StatusCode != want {
			t.Errorf("%s: %s, want %d: %.100s", strings.NewReplacer(s.url, "public", private, "private").Replace(url), response.Status, want, body)
		}
	}
	must(t, s.stop())
	if _, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(private, "http://")); err == nil {
		t.Error("it still listens for operators")
	}

	t.Run("WithoutIt", func(t *testing.T) {
		t.Parallel()
		s := start(t, testConfig(t))
		for path, want := range map[string]int{"/metrics": http.StatusOK, "/debug/pprof/": http.StatusNotFound, "/debug/pprof/heap": http.StatusNotFound} {
			if status, _ := s.get(t, path); status != want || s.PrivateURL() != "" {
				t.Errorf("%s: %d, want %d", path, status, want)
			}
		}
	})
	t.Run("AddressInUse", func(t *testing.T) {
		t.Parallel()
		cfg, other := testConfig(t), start(t, testConfig(t))
		cfg.PrivateListen = strings.TrimPrefix(other.url, "http://")
		_, err := New(t.Context(), cfg)
		if !errors.Is(err, ErrAddress) || !strings.Contains(err.Error(), "--private-listen") {
			t.Errorf("error %v", err)
		}
	})
}

// TestDrain stops a server that drains: it says so at once, and goes on serving
// meanwhile.
func TestDrain(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.PrivateListen = "127.0.0.1:0"
	cfg.Drain = 3 * time.Second // time for three requests on a busy machine
	s := start(t, cfg)
	s.put(t, `{"oId":"p","name":"P"}`)
	began := time.Now()
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	for !s.draining.Load() {
		if time.Since(began) > 10*time.Second {
			t.Fatal("it does not drain")
		}
	}
	for _, url := range []string{s.url, s.PrivateURL()} {
		response, body := ask(t, s.client, http.MethodGet, url+"/readyz", http.NoBody)
		if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "The server is shutting down.") || response.Header.Get("Retry-After") == "" {
			t.Errorf("/readyz: %s: %s", response.Status, body)
		}
	}
	// A new connection, which is not kept for further requests.
	response, body := ask(t, newClient(t, func(p *http.Protocols) { p.SetHTTP1(true) }), http.MethodGet, s.url+getPath+"p", http.NoBody, "api_key", s.setup.Token)
	if response.StatusCode != http.StatusOK || !response.Close {
		t.Errorf("a get: %s, close %t: %s", response.Status, response.Close, body)
	}
	must(t, <-stopped)
	if took := time.Since(began); took < cfg.Drain {
		t.Errorf("it stopped after %s", took)
	}
}

// TestDrainTime shows how long a drain is, by a clock of its own.
func TestDrainTime(t *testing.T) {
	t.Parallel()
	for _, want := range []time.Duration{0, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := &Server{cfg: Config{Drain: want, Log: slog.New(slog.DiscardHandler)}}
			began := time.Now()
			s.drain()
			if took := time.Since(began); took != want || !s.draining.Load() {
				t.Errorf("%s, want %s", took, want)
			}
		})
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	t.Run("FileIsGone", func(t *testing.T) {
		t.Parallel()
		cfg := testConfig(t)
		s := start(t, cfg)
		file := strings.TrimPrefix(cfg.Database, "sqlite:")
		must(t, os.Rename(file, file+".away"))
		status, body := s.get(t, "/readyz")
		if status != http.StatusServiceUnavailable || !strings.Contains(body, "was removed or replaced while the server had it open") || strings.Contains(body, filepath.Dir(file)) {
			t.Errorf("%d: %s", status, body)
		}
		must(t, os.Rename(file+".away", file))
		if status, body := s.get(t, "/readyz"); status != http.StatusOK {
			t.Errorf("back: %d: %s", status, body)
		}
	})
	t.Run("Standby", func(t *testing.T) {
		t.Parallel()
		cfg := testConfig(t)
		cfg.Database = postgrestest.New(t)
		s := start(t, cfg)
		if status, body := s.get(t, "/readyz"); status != http.StatusOK {
			t.Fatalf("%d: %s", status, body)
		}
		// As its connections find it after another server has become the primary.
		postgrestest.Execute(t, cfg.Database, `do $$ begin execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$`)
		postgrestest.Execute(t, cfg.Database, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`)
		var status int
		var body string
		for range 20 { // connections that were cut are found by their use
			if status, body = s.get(t, "/readyz"); strings.Contains(body, "read-only") {
				break
			}
		}
		if status != http.StatusServiceUnavailable || !strings.Contains(body, `"message":"The database is a read-only copy.`) || strings.Contains(body, "postgres://") {
			t.Errorf("%d: %s", status, body)
		}
	})
	t.Run("Errors", func(t *testing.T) {
		t.Parallel()
		err := notReady(io.EOF, "The database does not answer.")
		if errs.KindOf(err) != errs.Unavailable || !errors.Is(err, io.EOF) {
			t.Errorf("%v", err)
		}
	})
}

func TestHome(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/", http.NoBody)
	must(t, err)
	request.Header.Set("Accept", "text/html,*/*;q=0.8")
	response, err := s.client.Transport.RoundTrip(request)
	must(t, err)
	must(t, response.Body.Close())
	if response.StatusCode != http.StatusFound || response.Header.Get("Location") != "/console" || response.Header.Get("Vary") != "Accept" {
		t.Errorf("%s %v", response.Status, response.Header)
	}
	for _, accept := range []string{"", "*/*", "application/json"} {
		response, body := ask(t, s.client, http.MethodGet, s.url+"/", http.NoBody, "Accept", accept)
		if response.StatusCode != http.StatusNotFound || !strings.Contains(body, errs.CodePathNotFound) {
			t.Errorf("Accept %q: %s %s", accept, response.Status, body)
		}
	}
}

func TestRefusesCookies(t *testing.T) {
	t.Parallel()
	for publicURL, want := range map[string]bool{
		"": false, "http://localhost:7070": false, "http://127.0.0.1:7070": false, "http://personae.example.com": true, "https://personae.example.com": false,
	} {
		cfg := testConfig(t)
		cfg.PublicURL = publicURL
		if got := start(t, cfg).RefusesCookies(); got != want {
			t.Errorf("%s: %v", publicURL, got)
		}
	}
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.PublicURL = "https://personae.example.com/"
	s := start(t, cfg)
	if status, body := s.get(t, "/api/v2/api-key/validate"); status != http.StatusOK || !strings.Contains(body, `"mcpUrl":"https://personae.example.com/mcp"`) {
		t.Errorf("%d: %s", status, body)
	}
	if link := s.ConsoleURL("x"); link != "https://personae.example.com/console/open?link=x" {
		t.Errorf("a link: %s", link)
	}
	if status, body := start(t, testConfig(t)).get(t, "/api/v2/api-key/validate"); status != http.StatusOK || !strings.Contains(body, `"mcpUrl":null`) {
		t.Errorf("without it: %d: %s", status, body)
	}
}

func TestNetworkSettings(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Config){
		"--public-url":      func(c *Config) { c.PublicURL = "personae.example.com" },
		"without a path":    func(c *Config) { c.PublicURL = "https://example.com/personae" },
		"--trusted-proxies": func(c *Config) { c.TrustedProxies = []string{"proxy"} },
		"--cors-origin":     func(c *Config) { c.CORSOrigins = []string{"app"} },
	} {
		cfg := testConfig(t)
		change(&cfg)
		_, err := New(t.Context(), cfg)
		if errs.CodeOf(err) != errs.CodeBadSetting || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestOtherOriginsAndProxies shows that the server passes on what it was told.
func TestOtherOriginsAndProxies(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	cfg := testConfig(t)
	cfg.Log = NewLog(log, slog.LevelInfo, true)
	cfg.CORSOrigins, cfg.TrustedProxies = []string{"https://app.example.com"}, []string{"127.0.0.0/8"}
	s := start(t, cfg)
	response, _ := ask(t, s.client, http.MethodOptions, s.url+createPath, http.NoBody,
		"Origin", "https://app.example.com", "Access-Control-Request-Method", "POST", "X-Forwarded-For", "192.0.2.1, 203.0.113.9")
	if response.StatusCode != http.StatusNoContent || response.Header.Get("Access-Control-Allow-Origin") != "https://app.example.com" {
		t.Errorf("%s %v", response.Status, response.Header)
	}
	must(t, s.stop())
	if !strings.Contains(log.String(), `"remote":"203.0.113.9"`) {
		t.Errorf("the log: %s", log)
	}
}

func TestFixedClockAndIDs(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	at := time.Date(2025, 1, 2, 3, 4, 5, 678e6, time.UTC)
	cfg.Now = func() time.Time { return at }
	cfg.NewID = func(prefix string) string { return prefix + "fixed" }
	s := start(t, cfg)
	if status, body := s.get(t, "/api/v2/api-key/validate"); status != http.StatusOK || !strings.Contains(body, `"requestId":"req_fixed"`) || !strings.Contains(body, `"timestamp":"2025-01-02T03:04:05.678Z"`) {
		t.Errorf("%d: %s", status, body)
	}
}
