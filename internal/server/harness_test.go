package server

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"personae.dev/internal/library"
)

func TestMain(m *testing.M) {
	uuid.EnableRandPool() // as cmd/personae does
	goleak.VerifyTestMain(m)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// protocol is a way to speak to a server.
type protocol struct {
	name   string
	major  int
	config func(t testing.TB, cfg *Config)
	client func(*http.Protocols)
}

// protocols are all ways to speak to a server.
func protocols() []protocol {
	secure := func(t testing.TB, cfg *Config) {
		t.Helper()
		cfg.TLSCert, cfg.TLSKey = newCertificate(t, "first")
	}
	return []protocol{
		{"HTTP1", 1, func(testing.TB, *Config) {}, func(p *http.Protocols) { p.SetHTTP1(true) }},
		{"HTTP1OverTLS", 1, secure, func(p *http.Protocols) { p.SetHTTP1(true) }},
		{"HTTP2OverTLS", 2, secure, func(p *http.Protocols) { p.SetHTTP2(true) }},
		{"H2C", 2, func(_ testing.TB, cfg *Config) { cfg.H2C = true }, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }},
		{"HTTP1BesideH2C", 1, func(_ testing.TB, cfg *Config) { cfg.H2C = true }, func(p *http.Protocols) { p.SetHTTP1(true) }},
	}
}

// newClient returns a client that speaks one protocol and trusts any certificate.
func newClient(t testing.TB, speak func(*http.Protocols)) *http.Client {
	t.Helper()
	transport := &http.Transport{
		Protocols:       new(http.Protocols),
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // certificates of tests
	}
	speak(transport.Protocols)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// do sends a request and returns its answer, whose body the caller closes.
func do(t testing.TB, c *http.Client, method, url string, body io.Reader, header ...string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, body)
	must(t, err)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := c.Do(request)
	must(t, err)
	return response
}

// ask is do for an answer that is read whole.
func ask(t testing.TB, c *http.Client, method, url string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	response := do(t, c, method, url, body, header...)
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	must(t, err)
	return response, string(b)
}

func dial(t testing.TB, url string) (net.Conn, *bufio.Reader) {
	t.Helper()
	_, address, _ := strings.Cut(url, "://")
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c, bufio.NewReader(c)
}

// newCertificate writes a self-signed certificate and its key.
func newCertificate(t testing.TB, name string) (certFile, keyFile string) {
	t.Helper()
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, name, certFile, keyFile)
	return certFile, keyFile
}

func writeCertificate(t testing.TB, name, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	must(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600))
	must(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
}

// logBuffer is a log that is read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

// Write implements io.Writer.
func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// running is a server that runs until stop.
type running struct {
	*Server
	url    string
	setup  *library.Setup
	client *http.Client
	// stop ends it as a signal would, and returns what Run returned.
	stop func() error
}

// start runs a server until the end of the test.
func start(t testing.TB, cfg Config) *running {
	t.Helper()
	s, err := New(t.Context(), cfg)
	must(t, err)
	setup, err := s.Library.SetUp(t.Context(), library.SetUpOptions{})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	r := &running{Server: s, url: s.URL(), setup: setup, client: newClient(t, func(p *http.Protocols) {
		p.SetHTTP1(true)
		p.SetHTTP2(true)
	})}
	r.stop = sync.OnceValue(func() error {
		cancel()
		return <-ran
	})
	t.Cleanup(func() {
		r.client.CloseIdleConnections()
		must(t, r.stop())
	})
	return r
}

// get asks for a path with the key of the setup.
func (r *running) get(t testing.TB, path string) (status int, body string) {
	t.Helper()
	response, body := ask(t, r.client, http.MethodGet, r.url+path, http.NoBody, "api_key", r.setup.Token)
	return response.StatusCode, body
}

// put imports records into the workspace of the setup.
func (r *running) put(t testing.TB, records ...string) {
	t.Helper()
	_, err := r.Library.Import(t.Context(), library.ImportOptions{Workspace: r.setup.Workspace, Author: r.setup.Owner},
		func(yield func(library.ImportLine, error) bool) {
			for i, record := range records {
				if !yield(library.ImportLine{Number: i + 1, Value: []byte(record)}, nil) {
					return
				}
			}
		})
	must(t, err)
}

// testConfig is the settings of a server for tests.
func testConfig(t testing.TB) Config {
	t.Helper()
	return Config{
		Listen:     "127.0.0.1:0",
		Database:   "sqlite:" + filepath.Join(t.TempDir(), "personae.db"),
		CacheBytes: 8 << 20,
		Log:        slog.New(slog.DiscardHandler),
	}
}
