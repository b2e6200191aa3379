package e2e

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"personae.dev/internal/machinetest"
)

// TestUnit lets systemd read deploy/personae.service.
func TestUnit(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		machinetest.Lacks(t, "no systemd-analyze, so that deploy/personae.service is not checked")
	}
	unit := deployed(t, "personae.service", "/usr/local/bin/personae", binary)
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", unit).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

// deployed copies a file of deploy/ into a new folder, with replacements.
func deployed(t *testing.T, name string, replacements ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(strings.NewReplacer(replacements...).Replace(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestProxy runs nginx with deploy/nginx.conf in front of a server. A client has
// another address than nginx.
func TestProxy(t *testing.T) {
	t.Parallel()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		machinetest.Lacks(t, "no nginx, so that deploy/nginx.conf is not tried")
	}
	folder := t.TempDir()
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	if _, err := makeCertificate(cert, key); err != nil {
		t.Fatal(err)
	}
	const token = "psk_0000000000000000000keyforTestsWithNoSecret003Hwyko"
	s, err := startServer(folder, os.Environ(), "--ephemeral", "--demo", "--key", token, "--listen", "127.0.0.1:0",
		"--trusted-proxies", "127.0.0.1", "--public-url", "https://personae.example.com")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.crash)
	address := freeAddress(t)
	site := deployed(t, "nginx.conf", "listen 443", "listen "+address, "127.0.0.1:7070", strings.TrimPrefix(s.url, "http://"),
		"/etc/letsencrypt/live/personae.example.com/fullchain.pem", cert, "/etc/letsencrypt/live/personae.example.com/privkey.pem", key)
	config := filepath.Join(folder, "nginx.conf")
	text := fmt.Sprintf("daemon off; pid %[1]s/pid; error_log stderr; worker_processes 1; events {}\nhttp { access_log off; "+
		"client_body_buffer_size 2m; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s; include %[2]s; }\n", folder, site)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// Not with the context of t, whose end would kill nginx and leave its worker.
	proxy := exec.Command(nginx, "-c", config, "-p", folder, "-e", "stderr")
	proxy.WaitDelay = patience
	var log strings.Builder
	proxy.Stderr = &log
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = proxy.Process.Signal(os.Interrupt)
		_ = proxy.Wait()
		if t.Failed() {
			t.Logf("nginx: %s", &log)
		}
	})

	local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}
	for version, http2 := range map[int]bool{1: false, 2: true} {
		transport := &http.Transport{
			DialContext:       (&net.Dialer{LocalAddr: local, Timeout: patience}).DialContext,
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // a certificate of the test
			ForceAttemptHTTP2: http2,
			Protocols:         new(http.Protocols),
		}
		transport.Protocols.SetHTTP1(!http2)
		transport.Protocols.SetHTTP2(http2)
		t.Cleanup(transport.CloseIdleConnections)
		client := &http.Client{Transport: transport}
		ask := func(method, path, content string) (*http.Response, string, error) {
			request, err := http.NewRequestWithContext(t.Context(), method, "https://"+address+path, strings.NewReader(content))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("api_key", token)
			request.Header.Set("X-Forwarded-For", "192.0.2.66") // which is not believed
			response, err := client.Do(request)
			if err != nil {
				return nil, "", err
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			return response, string(body), err
		}
		deadline := time.Now().Add(patience)
		response, body, err := ask(http.MethodGet, "/api/v2/api-key/validate", "")
		for err != nil && time.Now().Before(deadline) { // until nginx listens
			response, body, err = ask(http.MethodGet, "/api/v2/api-key/validate", "")
		}
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != http.StatusOK || response.ProtoMajor != version || !strings.Contains(body, `"mcpUrl":"https://personae.example.com/mcp"`) {
			t.Errorf("HTTP/%d: %s %s: %s", version, response.Proto, response.Status, body)
		}
		if response, _, err := ask(http.MethodGet, "/metrics", ""); err != nil || response.StatusCode != http.StatusNotFound {
			t.Errorf("/metrics: %v, %v", response, err)
		}
		// nginx lets larger bodies through, for the console: limits are the server's.
		response, body, err = ask(http.MethodPost, "/api/v2/persona/create", strings.Repeat(" ", 1<<20+1))
		if err != nil || response.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(body, `"code":"body_too_large"`) {
			t.Errorf("a large body: %v, %v: %s", response, err, body)
		}
	}
	if err := s.shutdown(); err != nil {
		t.Error(err)
	}
	requests := 0
	lines, err := os.ReadFile(filepath.Join(folder, "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		var entry struct{ Msg, Remote string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if entry.Msg == "request" {
			requests++
			if entry.Remote != local.IP.String() {
				t.Errorf("the address of the client is missing: %s", line)
			}
		}
	}
	if requests != 4 {
		t.Errorf("%d requests are logged, want 4: %s", requests, lines)
	}
}

// freeAddress returns an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
