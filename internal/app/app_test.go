package app_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"personae.dev/internal/app"
	"personae.dev/internal/library"
	"personae.dev/internal/persona"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// server is one that runs until stop.
type server struct {
	*app.Server
	setup  *library.Setup
	client *http.Client
	// stop ends it as a signal would, and returns what Run returned.
	stop func() error
}

func config(t *testing.T) app.Config {
	t.Helper()
	return app.Config{
		Listen:     "127.0.0.1:0",
		Database:   "sqlite:" + filepath.Join(t.TempDir(), "personae.db"),
		CacheBytes: library.DefaultCacheBytes,
		Log:        slog.New(slog.DiscardHandler),
	}
}

func start(t *testing.T, cfg app.Config) *server {
	t.Helper()
	s := &server{}
	var err error
	s.Server, err = app.New(t.Context(), cfg)
	must(t, err)
	s.setup, err = s.Library.SetUp(t.Context())
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	stopped := false
	s.stop = func() error {
		stopped = true
		cancel()
		return <-ran
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	s.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if !stopped {
			must(t, s.stop())
		}
	})
	return s
}

func (s *server) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+path, http.NoBody)
	must(t, err)
	request.Header.Set("api_key", s.setup.Token)
	response, err := s.client.Do(request)
	must(t, err)
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	must(t, err)
	return response.StatusCode, string(b)
}

func (s *server) put(t *testing.T, p *persona.Persona) {
	t.Helper()
	_, err := s.Library.Import(t.Context(), library.ImportOptions{Workspace: s.setup.Workspace, Author: s.setup.Owner},
		func(yield func(library.ImportLine, error) bool) {
			yield(library.ImportLine{Number: 1, Persona: p}, nil)
		})
	must(t, err)
}

// TestShutdownFinishesRequests stops a server while an answer is on its way.
func TestShutdownFinishesRequests(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	// More than the kernel keeps for a client that does not read.
	large := &persona.Persona{OID: "large", Name: "Large", Active: true}
	for range 200 {
		large.PainPoints = append(large.PainPoints, strings.Repeat("x", persona.MaxListItemLength))
	}
	s.put(t, large)

	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL(), "http://"))
	must(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "GET /api/v2/persona/get?oId=large HTTP/1.1\r\nHost: x\r\napi_key: %s\r\nConnection: close\r\n\r\n", s.setup.Token)
	must(t, err)
	var first [1]byte
	_, err = io.ReadFull(conn, first[:]) // the answer has begun
	must(t, err)

	stopped := make(chan error)
	go func() { stopped <- s.stop() }()
	// No new connection is taken any more. The one that runs is not cut off.
	for {
		other, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL(), "http://"))
		if err != nil {
			break
		}
		_ = other.Close()
	}
	rest, err := io.ReadAll(conn)
	must(t, err)
	if !bytes.HasSuffix(rest, []byte("}}")) || len(rest) < 200*persona.MaxListItemLength {
		t.Errorf("the answer was cut off after %d bytes", len(rest))
	}
	must(t, <-stopped)
}

func TestStartErrors(t *testing.T) {
	t.Parallel()
	t.Run("AddressInUse", func(t *testing.T) {
		t.Parallel()
		s := start(t, config(t))
		cfg := config(t)
		cfg.Listen = strings.TrimPrefix(s.URL(), "http://")
		_, err := app.New(t.Context(), cfg)
		if !errors.Is(err, app.ErrAddress) || !strings.Contains(err.Error(), cfg.Listen) || !strings.Contains(err.Error(), "--listen") {
			t.Errorf("error %v", err)
		}
		if _, err := os.Stat(strings.TrimPrefix(cfg.Database, "sqlite:")); err == nil {
			t.Error("a database was made")
		}
	})
	t.Run("BadAddress", func(t *testing.T) {
		t.Parallel()
		cfg := config(t)
		cfg.Listen = "nonsense"
		if _, err := app.New(t.Context(), cfg); !errors.Is(err, app.ErrAddress) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("SecondServer", func(t *testing.T) {
		t.Parallel()
		cfg := config(t)
		start(t, cfg)
		_, err := app.New(t.Context(), cfg)
		if persona.KindOf(err) != persona.Unavailable || !strings.Contains(err.Error(), "another server") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("HalfOfTLS", func(t *testing.T) {
		t.Parallel()
		cfg := config(t)
		cfg.TLSCert = "cert.pem"
		if _, err := app.New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "--tls-key") {
			t.Errorf("error %v", err)
		}
	})
}

func TestTLS(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	cfg.TLSCert, cfg.TLSKey = certificate(t)
	s := start(t, cfg)
	if !strings.HasPrefix(s.URL(), "https://") || s.Exposed() {
		t.Errorf("URL %s, exposed %t", s.URL(), s.Exposed())
	}
	if status, body := s.get(t, "/api/v2/api-key/validate"); status != http.StatusOK {
		t.Errorf("status %d: %s", status, body)
	}
}

// certificate writes a self-signed certificate and its key.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	certFile, keyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	must(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600))
	must(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	return certFile, keyFile
}

func TestExposed(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	cfg.Listen = "0.0.0.0:0"
	s := start(t, cfg)
	if !s.Exposed() || !strings.HasPrefix(s.URL(), "http://127.0.0.1:") {
		t.Errorf("exposed %t, URL %s", s.Exposed(), s.URL())
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	s.put(t, &persona.Persona{OID: "p", Name: "P"})
	for range 3 {
		if status, body := s.get(t, "/api/v2/persona/get?oId=p"); status != http.StatusOK {
			t.Fatalf("status %d: %s", status, body)
		}
	}
	s.get(t, "/nowhere")
	_, body := s.get(t, "/metrics")
	for _, want := range []string{
		`personae_http_requests_total{route="GET /api/v2/persona/get",status="200"} 3`,
		`personae_http_requests_total{route="",status="404"} 1`,
		`personae_http_request_duration_seconds_count{route="GET /api/v2/persona/get"} 3`,
		`personae_store_operation_duration_seconds_count{operation="persona"}`,
		`personae_build_info{`, `go_goroutines `, `process_resident_memory_bytes `,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	// On a machine that stands still for a second the cache is passed by.
	looks := 0
	for _, count := range regexp.MustCompile(`personae_cache_lookups_total\{cache="personas",result="(?:hit|miss|bypass)"\} (\d+)`).FindAllStringSubmatch(body, -1) {
		n, err := strconv.Atoi(count[1])
		if err != nil {
			t.Fatalf("Atoi: %v", err)
		}
		looks += n
	}
	if looks != 3 {
		t.Errorf("/metrics has %d looks into the cache of personas, want 3:\n%s", looks, body)
	}
	if strings.Contains(body, s.setup.Token) || strings.Contains(body, s.setup.Workspace.OID) {
		t.Error("/metrics shows a key or a workspace")
	}
}

// TestHeadTooLarge shows the limit of a request's head, and that below it
// every request gets through.
func TestHeadTooLarge(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	if status, _ := s.get(t, "/api/v2/persona/get?oId="+strings.Repeat("x", app.MaxHeaderBytes-1024)); status != http.StatusNotFound {
		t.Errorf("status %d", status)
	}
	// 10,000 characters to search for, each of them 12 bytes in an address.
	if status, body := s.get(t, "/api/v2/persona/list?text="+url.QueryEscape(strings.Repeat("\U0001f600", 10_000))); status != http.StatusOK {
		t.Errorf("status %d: %s", status, body)
	}
	// net/http allows 4 KiB more than it is told.
	if status, _ := s.get(t, "/api/v2/persona/get?oId="+strings.Repeat("x", app.MaxHeaderBytes+8<<10)); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", status)
	}
}

// TestUsageIsWrittenAtTheEnd shows that the time of a key's last use is not
// lost when the server stops.
func TestUsageIsWrittenAtTheEnd(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	s := start(t, cfg)
	before := persona.Now()
	s.get(t, "/api/v2/api-key/validate")
	must(t, s.stop())
	l, store, err := app.Open(t.Context(), cfg.Database, app.DatabaseSettings{}, false)
	must(t, err)
	defer func() { must(t, store.Close()) }()
	keys, err := l.Keys(t.Context(), s.setup.Workspace)
	must(t, err)
	if used := keys[0].LastUsedAt; used == nil || used.Before(before) {
		t.Errorf("last used at %v, was used after %v", used, before)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	t.Run("WaitsForAMoment", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := &syncBuffer{}
			log, flush := app.NewLog(w, slog.LevelInfo, true)
			log.Debug("not shown")
			log.Info("first")
			if w.String() != "" {
				t.Errorf("was written at once: %s", w)
			}
			time.Sleep(time.Second) //nolint:forbidigo // the bubble's time
			synctest.Wait()
			if strings.Count(w.String(), "\n") != 1 || !strings.Contains(w.String(), `"msg":"first"`) {
				t.Errorf("after a second: %q", w)
			}
			log.Info("second")
			log.Warn("third")
			if strings.Count(w.String(), "\n") != 3 {
				t.Errorf("a warning waits: %q", w)
			}
			log.With("a", 1).WithGroup("g").Info("fourth", "b", 2)
			flush()
			if !strings.Contains(w.String(), `"msg":"fourth","a":1,"g":{"b":2}`) {
				t.Errorf("after flush: %q", w)
			}
		})
	})
	t.Run("GoesOnAfterAnError", func(t *testing.T) {
		t.Parallel()
		w := &brokenOnce{}
		log, flush := app.NewLog(w, slog.LevelInfo, false)
		log.Warn("lost")
		log.Warn("kept")
		flush()
		if !strings.Contains(w.String(), "kept") {
			t.Errorf("%q", w)
		}
	})
}

// syncBuffer is read while the log's timer may write it.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// brokenOnce fails the first time.
type brokenOnce struct {
	bytes.Buffer
	failed bool
}

func (b *brokenOnce) Write(p []byte) (int, error) {
	if !b.failed {
		b.failed = true
		return 0, io.ErrShortWrite
	}
	return b.Buffer.Write(p)
}
