package server

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkGet compares a get that the cache answers with what a bare handler of
// net/http answers with the same bytes. Requests go over connections that are kept
// open, from a client that costs little; what it costs is in both figures.
func BenchmarkGet(b *testing.B) {
	cfg := testConfig(b)
	log, err := os.Create(filepath.Join(b.TempDir(), "log"))
	must(b, err)
	b.Cleanup(func() { log.Close() })
	cfg.Log = NewLog(log, slog.LevelInfo, true)
	s := start(b, cfg)
	texts := strings.TrimSuffix(strings.Repeat(`"`+strings.Repeat("x", 90)+`",`, 20), ",")
	s.put(b, fmt.Sprintf(`{"oId":"p","name":"VP of Sales","painPoints":[%s]}`, texts))
	response, body := ask(b, s.client, http.MethodGet, s.url+getPath+"p", http.NoBody, "api_key", s.setup.Token)
	if response.StatusCode != http.StatusOK {
		b.Fatalf("%s: %s", response.Status, body)
	}
	b.Run("Bare", func(b *testing.B) {
		bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			_, _ = io.WriteString(w, body)
		}))
		defer bare.Close()
		load(b, bare.URL, getPath+"p", "x")
	})
	b.Run("Shipped", func(b *testing.B) { load(b, s.url, getPath+"p", s.setup.Token) })
	b.Run("Handler", func(b *testing.B) {
		b.ReportAllocs()
		h := s.handler(context.Background())
		r := httptest.NewRequest(http.MethodGet, getPath+"p", http.NoBody)
		r.Header["Api_key"] = []string{s.setup.Token}
		w := &discard{header: http.Header{}}
		for b.Loop() {
			clear(w.header)
			h.ServeHTTP(w, r)
		}
	})
}

// discard is a client that takes no time.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

// load sends requests over connections of their own.
func load(b *testing.B, url, path, key string) {
	b.Helper()
	_, address, _ := strings.Cut(url, "://")
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\napi_key: %s\r\nUser-Agent: bench\r\n\r\n", path, address, key)
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		c, err := net.Dial("tcp", address)
		if err != nil {
			b.Error(err)
			return
		}
		defer c.Close()
		reader := bufio.NewReaderSize(c, 16<<10)
		for pb.Next() {
			if _, err := c.Write(request); err != nil {
				b.Error(err)
				return
			}
			if err := skipAnswer(reader); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// skipAnswer reads an answer with status 200 and a length.
func skipAnswer(r *bufio.Reader) error {
	length := -1
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		switch text, isLength := bytes.CutPrefix(line, []byte("Content-Length: ")); {
		case err != nil:
			return err
		case first && !bytes.Contains(line, []byte(" 200 ")):
			return fmt.Errorf("answer %q", line)
		case isLength:
			if length, err = strconv.Atoi(string(bytes.TrimSpace(text))); err != nil {
				return err
			}
		case len(line) <= len("\r\n"):
			_, err = r.Discard(length)
			return err
		}
	}
}
