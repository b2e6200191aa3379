package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"personae.dev/internal/httpx"
)

// These tests hold the promises of net/http, which handlers and middleware of
// others rely on, over the server as it ships.

// route is a public route of GET and of POST.
func routes(path string, h httpx.Handler) []httpx.Route {
	return []httpx.Route{
		{Method: "GET", Path: path, Handler: h},
		{Method: "POST", Path: path, BodyLimit: 1 << 20, Handler: h},
	}
}

// overAll runs test over every protocol, against a server with the routes.
func overAll(t *testing.T, extra func(t *testing.T) []httpx.Route, test func(t *testing.T, c *http.Client, url string, major int)) {
	t.Helper()
	for _, p := range protocols() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t)
			p.config(t, &cfg)
			cfg.extraRoutes = extra(t)
			test(t, newClient(t, p.client), start(t, cfg).url, p.major)
		})
	}
}

func TestRequestContextEnds(t *testing.T) {
	t.Parallel()
	for _, stream := range []bool{false, true} {
		t.Run(fmt.Sprintf("WhenTheClientLeaves/Stream=%t", stream), func(t *testing.T) {
			t.Parallel()
			for _, p := range protocols() {
				t.Run(p.name, func(t *testing.T) {
					t.Parallel()
					began, ended := make(chan struct{}, 1), make(chan struct{}, 1)
					cfg := testConfig(t)
					p.config(t, &cfg)
					cfg.extraRoutes = routes("/wait", func(_ http.ResponseWriter, r *http.Request) error {
						began <- struct{}{}
						<-r.Context().Done()
						ended <- struct{}{}
						return r.Context().Err()
					})
					for i := range cfg.extraRoutes {
						cfg.extraRoutes[i].Stream = stream
					}
					url := start(t, cfg).url
					for _, method := range []string{http.MethodGet, http.MethodPost} {
						ctx, leave := context.WithCancel(t.Context())
						request, err := http.NewRequestWithContext(ctx, method, url+"/wait", strings.NewReader(`{}`))
						must(t, err)
						failed := make(chan error)
						go func() {
							response, err := newClient(t, p.client).Do(request)
							if err == nil {
								_ = response.Body.Close()
							}
							failed <- err
						}()
						<-began
						leave()
						if err := <-failed; !errors.Is(err, context.Canceled) {
							t.Errorf("%s: %v", method, err)
						}
						<-ended
					}
				})
			}
		})
	}
	t.Run("WhenTheHandlerReturns", func(t *testing.T) {
		t.Parallel()
		ended := make(chan struct{}, 10)
		extra := func(*testing.T) []httpx.Route {
			return routes("/quick", func(_ http.ResponseWriter, r *http.Request) error {
				context.AfterFunc(r.Context(), func() { ended <- struct{}{} })
				return nil
			})
		}
		overAll(t, extra, func(t *testing.T, c *http.Client, url string, _ int) {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				ask(t, c, method, url+"/quick", http.NoBody)
				<-ended
			}
		})
	})
}

func TestFlushArrives(t *testing.T) {
	t.Parallel()
	var read sync.Map // by test: a channel that the client sends to for every event that it has read
	events := func(t *testing.T) []httpx.Route {
		t.Helper()
		next := make(chan struct{})
		read.Store(t.Name(), next)
		return []httpx.Route{{Method: "GET", Path: "/events", Stream: true, Class: httpx.ClassList, Handler: func(w http.ResponseWriter, r *http.Request) error {
			w.Header().Set("Content-Type", "text/event-stream")
			for i := range 3 {
				fmt.Fprintf(w, "data: %d\n\n", i)
				if i == 0 {
					w.(http.Flusher).Flush() // as older packages do
				} else if err := http.NewResponseController(w).Flush(); err != nil {
					return err
				}
				select {
				case <-next:
				case <-r.Context().Done():
					return r.Context().Err()
				}
			}
			return nil
		}}}
	}
	overAll(t, events, func(t *testing.T, c *http.Client, url string, _ int) {
		next, _ := read.Load(t.Name())
		response := do(t, c, http.MethodGet, url+"/events", http.NoBody)
		defer response.Body.Close()
		for i := range 3 {
			want := fmt.Sprintf("data: %d\n\n", i)
			got := make([]byte, len(want))
			if _, err := io.ReadFull(response.Body, got); err != nil || string(got) != want {
				t.Fatalf("%q, %v", got, err)
			}
			next.(chan struct{}) <- struct{}{}
		}
		if rest, err := io.ReadAll(response.Body); len(rest) > 0 || err != nil {
			t.Errorf("at the end: %q, %v", rest, err)
		}
	})
}

func TestWriteDeadline(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 10)
	extra := func(*testing.T) []httpx.Route {
		return routes("/late", func(w http.ResponseWriter, _ *http.Request) error {
			control := http.NewResponseController(w)
			if err := control.SetWriteDeadline(time.Now().Add(-time.Second)); err != nil {
				failed <- err
				return nil //nolint:nilerr // the test is told
			}
			var err error
			for range 1000 { // HTTP/2 notices a moment later
				if _, err = w.Write(make([]byte, 64<<10)); err != nil {
					break
				}
			}
			failed <- err
			return nil //nolint:nilerr // the test is told
		})
	}
	overAll(t, extra, func(t *testing.T, c *http.Client, url string, _ int) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/late", http.NoBody)
		must(t, err)
		if response, err := c.Do(request); err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			if err == nil {
				t.Error("the answer is whole")
			}
		}
		if err := <-failed; err == nil || errors.Is(err, http.ErrNotSupported) {
			t.Errorf("the handler's error is %v", err)
		}
	})
}

func TestAnswerWithoutALength(t *testing.T) {
	t.Parallel()
	want := strings.Repeat("0123456789", 1000)
	extra := func(*testing.T) []httpx.Route {
		return routes("/long", func(w http.ResponseWriter, _ *http.Request) error {
			for i := 0; i < len(want); i += 100 {
				_, _ = io.WriteString(w, want[i:i+100])
			}
			return nil
		})
	}
	overAll(t, extra, func(t *testing.T, c *http.Client, url string, major int) {
		response, body := ask(t, c, http.MethodGet, url+"/long", http.NoBody)
		if body != want || response.ContentLength != -1 || response.ProtoMajor != major || response.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s, %d bytes of a length of %d, %s", response.Proto, len(body), response.ContentLength, response.Header.Get("Content-Type"))
		}
		if chunked := len(response.TransferEncoding) == 1 && response.TransferEncoding[0] == "chunked"; chunked != (major == 1) {
			t.Errorf("Transfer-Encoding: %v", response.TransferEncoding)
		}
	})
}

// TestHalfAnAnswer shows that an answer that fails in the middle does not look
// whole.
func TestHalfAnAnswer(t *testing.T) {
	t.Parallel()
	extra := func(*testing.T) []httpx.Route {
		return routes("/half", func(w http.ResponseWriter, _ *http.Request) error {
			_, _ = w.Write(make([]byte, 8<<10))
			return errors.New("failed")
		})
	}
	overAll(t, extra, func(t *testing.T, c *http.Client, url string, _ int) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/half", http.NoBody)
		must(t, err)
		response, err := c.Do(request)
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
		if err == nil {
			t.Error("the client cannot tell that it is not whole")
		}
	})
}

func TestContextKeys(t *testing.T) {
	t.Parallel()
	extra := func(*testing.T) []httpx.Route {
		return routes("/keys", func(w http.ResponseWriter, r *http.Request) error {
			address, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
			server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
			fmt.Fprintf(w, "%v %t", address, server != nil)
			return nil
		})
	}
	overAll(t, extra, func(t *testing.T, c *http.Client, url string, _ int) {
		_, address, _ := strings.Cut(url, "://")
		if _, body := ask(t, c, http.MethodGet, url+"/keys", http.NoBody); body != address+" true" {
			t.Errorf("%q", body)
		}
	})
}

func TestEarlyHints(t *testing.T) {
	t.Parallel()
	extra := func(*testing.T) []httpx.Route {
		return routes("/hints", func(w http.ResponseWriter, r *http.Request) error {
			w.Header().Set("Link", "</x>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			return httpx.WriteFlat(w, r, "OK", []byte(`{"a":1}`))
		})
	}
	overAll(t, extra, func(t *testing.T, c *http.Client, url string, _ int) {
		hints := 0
		request, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
				if code == http.StatusEarlyHints {
					hints++
				}
				return nil
			},
		}), http.MethodGet, url+"/hints", http.NoBody)
		must(t, err)
		response, err := c.Do(request)
		must(t, err)
		_ = response.Body.Close()
		if hints != 1 || response.StatusCode != http.StatusOK {
			t.Errorf("%d hints, then %s", hints, response.Status)
		}
	})
}

// TestKeepAlive mixes methods and errors on one connection.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	extra := func(*testing.T) []httpx.Route {
		return routes("/echo", func(w http.ResponseWriter, r *http.Request) error {
			_, _ = io.WriteString(w, r.Method+string(httpx.Body(r)))
			return nil
		})
	}
	overAll(t, extra, func(t *testing.T, c *http.Client, url string, _ int) {
		connections := 0
		for i := range 10 {
			body := fmt.Sprint(i)
			for _, step := range []struct{ method, path, body, want string }{
				{http.MethodGet, "/echo", "", "GET"},
				{http.MethodPost, "/echo", body, "POST" + body},
				{http.MethodPost, "/echo", strings.Repeat(body, 100_000), "POST" + strings.Repeat(body, 100_000)},
				{http.MethodPost, "/api/v2/persona/create", "{}", ""}, // 401, its body is not read
				{http.MethodDelete, "/echo", "", ""},                  // 405
				{http.MethodGet, "/nowhere", "", ""},                  // 404
				{http.MethodHead, "/echo", "", ""},
				{http.MethodGet, "/echo", "", "GET"},
			} {
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
					if !info.Reused {
						connections++
					}
				}})
				request, err := http.NewRequestWithContext(ctx, step.method, url+step.path, strings.NewReader(step.body))
				must(t, err)
				response, err := c.Do(request)
				must(t, err)
				got, err := io.ReadAll(response.Body)
				must(t, err)
				_ = response.Body.Close()
				if step.want != "" && string(got) != step.want {
					t.Errorf("%s %s: %s, %.50s", step.method, step.path, response.Status, got)
				}
			}
		}
		if connections != 1 {
			t.Errorf("%d connections", connections)
		}
	})
}

// TestLateWrites keeps a ResponseWriter after the handler has returned.
func TestLateWrites(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	kept := map[string][]http.ResponseWriter{}
	extra := func(*testing.T) []httpx.Route {
		return routes("/kept", func(w http.ResponseWriter, r *http.Request) error {
			mu.Lock()
			defer mu.Unlock()
			for _, late := range kept[r.Host] {
				if _, err := io.WriteString(late, "another's"); err == nil {
					t.Error("a late write has no error")
				}
				if err := http.NewResponseController(late).Flush(); err == nil {
					t.Error("a late flush has no error")
				}
			}
			kept[r.Host] = append(kept[r.Host], w)
			_, _ = io.WriteString(w, "own")
			return nil
		})
	}
	overAll(t, extra, func(t *testing.T, c *http.Client, url string, _ int) {
		for range 5 {
			if _, body := ask(t, c, http.MethodGet, url+"/kept", http.NoBody); body != "own" {
				t.Errorf("%q", body)
			}
		}
	})
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	t.Run("ManyAtOnceOnOneConnection", func(t *testing.T) {
		t.Parallel()
		const streams = 50
		together := make(chan struct{})
		var arrived sync.WaitGroup
		arrived.Add(streams)
		cfg := testConfig(t)
		cfg.TLSCert, cfg.TLSKey = newCertificate(t, "x")
		cfg.extraRoutes = routes("/together", func(http.ResponseWriter, *http.Request) error {
			arrived.Done()
			<-together
			return nil
		})
		s := start(t, cfg)
		c := newClient(t, func(p *http.Protocols) { p.SetHTTP2(true) })
		ask(t, c, http.MethodGet, s.url+"/healthz", http.NoBody) // opens the connection
		var group sync.WaitGroup
		for range streams {
			group.Go(func() {
				response, _ := ask(t, c, http.MethodGet, s.url+"/together", http.NoBody)
				if response.ProtoMajor != 2 {
					t.Errorf("%s", response.Proto)
				}
			})
		}
		arrived.Wait()
		if _, metrics := ask(t, c, http.MethodGet, s.url+"/metrics", http.NoBody); !strings.Contains(metrics, "\npersonae_connections 1\n") {
			t.Error("there is more than one connection")
		}
		close(together)
		group.Wait()
	})
	t.Run("NotInClearTextUnlessAskedFor", func(t *testing.T) {
		t.Parallel()
		s := start(t, testConfig(t))
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/healthz", http.NoBody)
		must(t, err)
		response, err := newClient(t, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }).Do(request)
		if err == nil {
			_ = response.Body.Close()
			t.Errorf("%s %s", response.Proto, response.Status)
		}
	})
}

// TestHeadLimit shows how large a head may be: every search that is allowed fits,
// and what is larger is answered with 431.
func TestHeadLimit(t *testing.T) {
	t.Parallel()
	overAll(t, func(*testing.T) []httpx.Route { return nil }, func(t *testing.T, c *http.Client, url string, _ int) {
		// 1,000 characters of 12 bytes each in an address, and a kilobyte of headers.
		text := strings.Repeat("%F0%9F%98%80", 1000)
		response, body := ask(t, c, http.MethodGet, url+"/healthz?text="+text, http.NoBody, "Cookie", strings.Repeat("x", 1000))
		if response.StatusCode != http.StatusOK {
			t.Errorf("a long search: %s, %s", response.Status, body)
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/healthz?"+strings.Repeat("x", MaxHeaderBytes+9<<10), http.NoBody)
		must(t, err)
		response, err = c.Do(request)
		if err != nil {
			return // HTTP/2 may refuse it by closing the stream
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("too large: %s", response.Status)
		}
	})
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	stops := func(t *testing.T, s *running) chan error {
		t.Helper()
		stopped := make(chan error, 1)
		go func() { stopped <- s.stop() }()
		for { // until it listens no more
			c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.SplitN(s.url, "://", 2)[1])
			if err != nil {
				return stopped
			}
			_ = c.Close()
		}
	}
	for _, p := range protocols() {
		t.Run("FinishesRequests/"+p.name, func(t *testing.T) {
			t.Parallel()
			began, release := make(chan struct{}), make(chan struct{})
			cfg := testConfig(t)
			p.config(t, &cfg)
			cfg.extraRoutes = routes("/slow", func(w http.ResponseWriter, r *http.Request) error {
				close(began)
				select {
				case <-release:
				case <-r.Context().Done():
				}
				_, err := fmt.Fprint(w, "finished ", r.Context().Err())
				return err
			})
			s := start(t, cfg)
			answered := make(chan string)
			go func() {
				_, body := ask(t, newClient(t, p.client), http.MethodGet, s.url+"/slow", http.NoBody)
				answered <- body
			}()
			<-began
			stopped := stops(t, s)
			close(release)
			if got := <-answered; got != "finished <nil>" {
				t.Errorf("%q", got)
			}
			must(t, <-stopped)
		})
		t.Run("EndsStreams/"+p.name, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t)
			p.config(t, &cfg)
			cfg.extraRoutes = []httpx.Route{{Method: "GET", Path: "/events", Stream: true, Handler: func(w http.ResponseWriter, r *http.Request) error {
				_, _ = io.WriteString(w, "event")
				if err := http.NewResponseController(w).Flush(); err != nil {
					return err
				}
				<-r.Context().Done()
				_, err := io.WriteString(w, " bye")
				return err
			}}}
			s := start(t, cfg)
			response := do(t, newClient(t, p.client), http.MethodGet, s.url+"/events", http.NoBody)
			defer response.Body.Close()
			_, err := io.ReadFull(response.Body, make([]byte, len("event")))
			must(t, err)
			began := time.Now()
			must(t, s.stop())
			if took := time.Since(began); took > ShutdownTimeout/2 {
				t.Errorf("it took %s", took)
			}
			if rest, err := io.ReadAll(response.Body); string(rest) != " bye" || err != nil {
				t.Errorf("%q, %v", rest, err)
			}
		})
		t.Run("LeavesStuckHandlers/"+p.name, func(t *testing.T) {
			t.Parallel()
			began, release, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
			log := &logBuffer{}
			cfg := testConfig(t)
			p.config(t, &cfg)
			cfg.Log = NewLog(log, 0, true)
			short := defaultTimeouts()
			short.shutdown = 50 * time.Millisecond
			cfg.timeouts = &short
			cfg.extraRoutes = routes("/stuck", func(_ http.ResponseWriter, r *http.Request) error {
				defer close(left)
				close(began)
				<-release
				if r.Context().Err() == nil {
					t.Error("its context has not ended")
				}
				return nil
			})
			s := start(t, cfg)
			failed := make(chan error, 1)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/stuck", http.NoBody)
			must(t, err)
			go func() {
				response, err := newClient(t, p.client).Do(request)
				if err == nil {
					_ = response.Body.Close()
				}
				failed <- err
			}()
			<-began
			must(t, s.stop()) // returns though the handler does not
			if err := <-failed; err == nil {
				t.Error("the request was answered")
			}
			if !strings.Contains(log.String(), "cut off") {
				t.Errorf("the log: %s", log)
			}
			close(release)
			<-left
		})
	}
}

// TestRenewal replaces a certificate while the server runs.
func TestRenewal(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	cfg := testConfig(t)
	cfg.Log = NewLog(log, 0, true)
	cfg.TLSCert, cfg.TLSKey = newCertificate(t, "first")
	s := start(t, cfg)
	served := func() string {
		t.Helper()
		c := newClient(t, func(p *http.Protocols) { p.SetHTTP1(true) })
		response, _ := ask(t, c, http.MethodGet, s.url+"/healthz", http.NoBody)
		return response.TLS.PeerCertificates[0].DNSNames[0]
	}
	if got := served(); got != "first" {
		t.Errorf("at first: %s", got)
	}
	otherCert, otherKey := newCertificate(t, "second")
	replace := func(name, by string) {
		t.Helper()
		content, err := os.ReadFile(by)
		must(t, err)
		must(t, os.WriteFile(name, content, 0o600))
		past := time.Now().Add(-time.Hour) // a renewal is noticed whatever time the files have
		must(t, os.Chtimes(name, past, past))
	}
	replace(cfg.TLSCert, otherCert)
	if got := served(); got != "first" || !strings.Contains(log.String(), "cannot be used") {
		t.Errorf("with half of the new pair: %s; the log: %s", got, log)
	}
	replace(cfg.TLSKey, otherKey)
	if got := served(); got != "second" || !strings.Contains(log.String(), "was renewed") {
		t.Errorf("with the new pair: %s; the log: %s", got, log)
	}
	must(t, os.Remove(cfg.TLSCert))
	if got := served(); got != "second" {
		t.Errorf("without a file: %s", got)
	}
}

// TestHalfCloses sends a request and closes its own side of the connection: net/http
// takes it for a client that leaves. The answer says nothing of the database.
func TestHalfCloses(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	cfg := testConfig(t)
	cfg.Log = NewLog(log, 0, true)
	cfg.extraRoutes = routes("/wait", func(_ http.ResponseWriter, r *http.Request) error {
		<-r.Context().Done()
		return fmt.Errorf("the database: %w", r.Context().Err())
	})
	s := start(t, cfg)
	c, reader := dial(t, s.url)
	_, err := io.WriteString(c, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	must(t, c.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(reader)
	must(t, err)
	if !bytes.Contains(answer, []byte("503 Service Unavailable")) || !bytes.Contains(answer, []byte("its connection was closed")) || bytes.Contains(answer, []byte("database")) {
		t.Errorf("%s", answer)
	}
	must(t, s.stop())
	if !strings.Contains(log.String(), `"status":499`) {
		t.Errorf("the log: %s", log)
	}
}
