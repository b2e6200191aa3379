package httpx_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/errs"
	"personae.dev/internal/httpx"
	"personae.dev/internal/limit"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestBody(t *testing.T) {
	t.Parallel()
	const bodyLimit = 10
	text := func(n int) io.Reader { return strings.NewReader(strings.Repeat("x", n)) }
	// httptest knows no length of a reader of another type: it comes in chunks.
	chunked := func(r io.Reader) io.Reader { return struct{ io.Reader }{r} }
	broken := chunked(iotest.ErrReader(io.ErrUnexpectedEOF))
	for name, test := range map[string]struct {
		limit  int64
		body   io.Reader
		status int
	}{
		"None":                      {bodyLimit, http.NoBody, 200},
		"Whole":                     {bodyLimit, text(bodyLimit), 200},
		"InChunks":                  {bodyLimit, chunked(text(bodyLimit)), 200},
		"OneTooMany":                {bodyLimit, text(bodyLimit + 1), 413},
		"OneTooManyInChunks":        {bodyLimit, chunked(text(bodyLimit + 1)), 413},
		"Broken":                    {bodyLimit, broken, 400},
		"Ignored":                   {0, text(httpx.MaxIgnoredBody), 200},
		"IgnoredInChunks":           {0, chunked(text(httpx.MaxIgnoredBody)), 200},
		"IgnoredOneTooMany":         {0, text(httpx.MaxIgnoredBody + 1), 413},
		"IgnoredOneTooManyInChunks": {0, chunked(text(httpx.MaxIgnoredBody + 1)), 413},
		"IgnoredBroken":             {0, broken, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := serve(t, httpx.Route{BodyLimit: test.limit, Handler: func(_ http.ResponseWriter, r *http.Request) error {
				again, err := io.ReadAll(r.Body)
				if err != nil || string(again) != string(httpx.Body(r)) || test.limit == 0 && again != nil && len(again) > 0 {
					t.Errorf("the body is %q, and read again %q: %v", httpx.Body(r), again, err)
				}
				if want := bodyLimit; test.limit > 0 && test.body != http.NoBody && len(again) != want {
					t.Errorf("%d bytes", len(again))
				}
				return nil
			}}, request(t, http.MethodPost, "/", test.body))
			if w.Code != test.status {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
		})
	}
	t.Run("IsNotReadWithoutAKey", func(t *testing.T) {
		t.Parallel()
		body := chunked(readerFunc(func([]byte) (int, error) {
			t.Error("the body was read")
			return 0, io.EOF
		}))
		w := serve(t, httpx.Route{BodyLimit: bodyLimit, Scope: account.ScopeRead}, request(t, http.MethodPost, "/", body))
		if w.Code != http.StatusUnauthorized {
			t.Errorf("status %d", w.Code)
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestJSONBody(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string]int{
		"": 200, "application/json": 200, "application/json; charset=utf-8": 200, "application/merge-patch+json": 200,
		"text/plain": 415, "application/x-www-form-urlencoded": 415, "nonsense;": 415,
	} {
		w := serve(t, httpx.Route{BodyLimit: 10, Handler: func(w http.ResponseWriter, r *http.Request) error {
			body, err := httpx.JSONBody(r)
			if err == nil {
				_, _ = w.Write(body)
			}
			return err
		}}, request(t, http.MethodPost, "/", strings.NewReader("{}"), "Content-Type", contentType))
		if w.Code != want || want == 200 && w.Body.String() != "{}" {
			t.Errorf("%q: %d %s", contentType, w.Code, w.Body)
		}
	}
}

// held is a route whose handler waits, and what was refused.
type held struct {
	http.Handler
	entered chan struct{}
	release chan struct{}

	mu      sync.Mutex
	refused map[httpx.Refusal]int
}

// newHeld returns a transport with MaxInFlight 1, whose /held waits and whose
// /list and /write answer at once.
func newHeld(class httpx.Class) *held {
	h := &held{entered: make(chan struct{}), release: make(chan struct{}), refused: map[httpx.Refusal]int{}}
	h.Handler = handler(func(c *httpx.Config) {
		c.MaxInFlight = 1
		c.Refused = func(why httpx.Refusal) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.refused[why]++
		}
	},
		httpx.Route{Method: "GET", Path: "/held", Class: class, Handler: func(http.ResponseWriter, *http.Request) error {
			h.entered <- struct{}{}
			<-h.release
			return nil
		}},
		httpx.Route{Method: "GET", Path: "/get", Class: httpx.ClassGet, Handler: text("got")},
		httpx.Route{Method: "GET", Path: "/list", Class: httpx.ClassList, Scope: account.ScopeRead, Handler: text("listed")},
		httpx.Route{Method: "POST", Path: "/write", Class: httpx.ClassWrite, BodyLimit: 100, Handler: text("written")},
		httpx.Route{Method: "GET", Path: "/free", Handler: text("free")},
	)
	return h
}

func (h *held) ask(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// fill enters n held requests.
func (h *held) fill(t *testing.T, n int) {
	t.Helper()
	for range n {
		go h.ask(get(t, "/held"))
		<-h.entered
	}
}

func TestGates(t *testing.T) {
	t.Parallel()
	t.Run("RefuseAfterASecond", func(t *testing.T) {
		t.Parallel()
		for class, size := range map[httpx.Class]int{httpx.ClassGet: httpx.ShortInFlight, httpx.ClassList: 1, httpx.ClassWrite: httpx.ShortInFlight} {
			synctest.Test(t, func(t *testing.T) {
				h := newHeld(class)
				h.fill(t, size)
				began := time.Now()
				for path, of := range map[string]httpx.Class{"/get": httpx.ClassGet, "/list": httpx.ClassList, "/free": httpx.ClassNone} {
					w := h.ask(get(t, path, "api_key", goodToken))
					if refused := w.Code == http.StatusServiceUnavailable; refused != (of == class) || !refused && w.Code != http.StatusOK {
						t.Errorf("%s: %d while gate %d is full", path, w.Code, class)
					}
				}
				if took := time.Since(began); class != httpx.ClassWrite && took != httpx.QueueTimeout || h.refused[httpx.RefusedWork] > 1 {
					t.Errorf("gate %d: %s; %v", class, took, h.refused)
				}
				close(h.release)
			})
		}
	})
	// A request whose key is not valid takes no place from one whose key is.
	t.Run("OnlyValidKeysEnter", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			h := newHeld(httpx.ClassList)
			h.fill(t, 1)
			began := time.Now()
			if w := h.ask(get(t, "/list", "api_key", "bad")); w.Code != http.StatusUnauthorized || time.Since(began) != 0 {
				t.Errorf("status %d after %s", w.Code, time.Since(began))
			}
			close(h.release)
		})
	})
	// A body that comes slowly takes no place, and its request waits at the gate
	// once.
	t.Run("AfterTheBody", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			h := newHeld(httpx.ClassWrite)
			h.fill(t, httpx.ShortInFlight-1)
			body, writer := io.Pipe()
			slow := make(chan *httptest.ResponseRecorder)
			go func() { slow <- h.ask(request(t, http.MethodPost, "/write", body)) }()
			_, _ = io.WriteString(writer, "half of it")
			if w := h.ask(request(t, http.MethodPost, "/write", strings.NewReader("{}"))); w.Code != http.StatusOK {
				t.Errorf("beside a slow body: %d", w.Code)
			}
			h.fill(t, 1)
			time.Sleep(time.Minute) //nolint:forbidigo // the bubble's time
			began := time.Now()
			_ = writer.Close()
			if w := <-slow; w.Code != http.StatusServiceUnavailable || time.Since(began) != httpx.QueueTimeout {
				t.Errorf("%d, %s after its body had come", w.Code, time.Since(began))
			}
			close(h.release)
		})
	})
	t.Run("ClientLeaves", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			h := newHeld(httpx.ClassList)
			h.fill(t, 1)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			h.ask(get(t, "/list", "api_key", goodToken).WithContext(ctx))
			if len(h.refused) != 0 {
				t.Errorf("refused: %v", h.refused)
			}
			close(h.release)
		})
	})
	// An answer that is on its way takes no place.
	for name, begin := range map[string]func(http.ResponseWriter){
		"LeftAtTheFirstByte": func(w http.ResponseWriter) { _, _ = io.WriteString(w, "x") },
		"LeftAtTheHeader":    func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) },
		"LeftAtAFlush":       func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"LeftByAController":  func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				h := handler(func(c *httpx.Config) { c.MaxInFlight = 1 },
					httpx.Route{Method: "GET", Path: "/stream", Class: httpx.ClassList, Stream: true, Handler: func(w http.ResponseWriter, _ *http.Request) error {
						begin(w)
						<-release
						return nil
					}})
				for range 3 {
					go h.ServeHTTP(httptest.NewRecorder(), get(t, "/stream"))
				}
				synctest.Wait()
				w := httptest.NewRecorder()
				go h.ServeHTTP(w, get(t, "/stream"))
				synctest.Wait()
				if w.Code != http.StatusOK || !w.Flushed && strings.Contains(name, "Flush") {
					t.Errorf("status %d, flushed %t", w.Code, w.Flushed)
				}
				close(release)
			})
		})
	}
	t.Run("LeftByAPanic", func(t *testing.T) {
		t.Parallel()
		h := handler(func(c *httpx.Config) { c.MaxInFlight = 1 },
			httpx.Route{Method: "GET", Path: "/", Class: httpx.ClassList, Handler: func(http.ResponseWriter, *http.Request) error { panic("boom") }})
		for range 3 {
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, get(t, "/")); w.Code != http.StatusInternalServerError {
				t.Errorf("status %d", w.Code)
			}
		}
	})
}

// TestOverLimit asks on a connection that is over the limit of connections.
func TestOverLimit(t *testing.T) {
	t.Parallel()
	h := newHeld(httpx.ClassGet)
	over := overLimit(t)
	for path, status := range map[string]int{"/get": http.StatusServiceUnavailable, "/free": http.StatusOK, "/nowhere": http.StatusNotFound} {
		w := h.ask(get(t, path).WithContext(over))
		if w.Code != status || w.Header().Get("Connection") != "close" {
			t.Errorf("%s: %d, Connection: %s", path, w.Code, w.Header().Get("Connection"))
		}
	}
	if h.refused[httpx.RefusedConnection] != 1 {
		t.Errorf("refused: %v", h.refused)
	}
}

// overLimit returns the context of a connection over a limit of none.
func overLimit(t *testing.T) context.Context {
	t.Helper()
	l := limit.NewListener(pipeListener{}, 0, 1, func() {})
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return limit.ConnContext(t.Context(), c)
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	wait := func(_ http.ResponseWriter, r *http.Request) error {
		<-r.Context().Done()
		return r.Context().Err()
	}
	t.Run("IsAnswered", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			w := serve(t, httpx.Route{Timeout: time.Minute, Handler: wait}, get(t, "/"))
			if got := answered(t, w); w.Code != http.StatusServiceUnavailable || !strings.Contains(got.Message, "longer than 1m0s") || time.Since(began) != time.Minute {
				t.Errorf("%d after %s: %s", w.Code, time.Since(began), w.Body)
			}
		})
	})
	t.Run("OfAnotherOneIsInternal", func(t *testing.T) {
		t.Parallel()
		w := serve(t, httpx.Route{Timeout: time.Minute, Handler: func(http.ResponseWriter, *http.Request) error { return context.DeadlineExceeded }}, get(t, "/"))
		if w.Code != http.StatusInternalServerError {
			t.Errorf("status %d", w.Code)
		}
	})
	t.Run("StreamEndsWhenTheServerStops", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			stopping, stop := context.WithCancel(t.Context())
			h := handler(func(c *httpx.Config) { c.Stopping = stopping },
				httpx.Route{Method: "GET", Path: "/", Stream: true, Handler: func(w http.ResponseWriter, r *http.Request) error {
					_, _ = io.WriteString(w, "event")
					<-r.Context().Done()
					return nil
				}})
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				h.ServeHTTP(httptest.NewRecorder(), get(t, "/"))
			}()
			synctest.Wait()
			stop()
			<-ended
		})
	})
}

// TestLargeAnswers fills the budget of answers with clients that read nothing.
func TestLargeAnswers(t *testing.T) {
	t.Parallel()
	const answers = 1 << 20
	large := []byte(`{"a":"` + strings.Repeat("x", answers-200<<10) + `"}`)
	small := []byte(`{"a":"` + strings.Repeat("x", 100<<10) + `"}`)
	answer := func(w http.ResponseWriter, r *http.Request) error { return httpx.WriteFlat(w, r, "OK", large) }
	h := handler(func(c *httpx.Config) { c.AnswersBytes = answers },
		httpx.Route{Method: "GET", Path: "/get", Class: httpx.ClassGet, Handler: func(w http.ResponseWriter, r *http.Request) error {
			w.Header().Set("ETag", `"e"`)
			return answer(w, r)
		}},
		httpx.Route{Method: "GET", Path: "/small", Class: httpx.ClassGet, Handler: func(w http.ResponseWriter, r *http.Request) error {
			return httpx.WriteFlat(w, r, "OK", small)
		}},
		httpx.Route{Method: "POST", Path: "/write", Class: httpx.ClassWrite, Handler: answer},
	)
	first := &stuck{ResponseRecorder: httptest.NewRecorder(), began: make(chan struct{}), release: make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.ServeHTTP(first, get(t, "/get"))
	}()
	<-first.began
	second := httptest.NewRecorder()
	h.ServeHTTP(second, get(t, "/get"))
	if got := answered(t, second); second.Code != http.StatusServiceUnavailable || got.Error.Code != errs.CodeUnavailable || second.Header().Get("ETag") != "" {
		t.Errorf("a second one: %d %v", second.Code, second.Header())
	}
	// A large answer that is refused takes nothing from a small one beside it.
	var group sync.WaitGroup
	group.Go(func() {
		for range 200 {
			h.ServeHTTP(httptest.NewRecorder(), get(t, "/get"))
		}
	})
	for range 200 {
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, get(t, "/small")); w.Code != http.StatusOK {
			t.Fatalf("a small one: %d", w.Code)
		}
	}
	group.Wait()
	// A change is made, and its answer is sent in any case.
	change := httptest.NewRecorder()
	h.ServeHTTP(change, request(t, http.MethodPost, "/write", http.NoBody))
	if change.Code != http.StatusOK {
		t.Errorf("a change: %d", change.Code)
	}
	close(first.release)
	<-ended
	third := httptest.NewRecorder()
	if h.ServeHTTP(third, get(t, "/get")); third.Code != http.StatusOK {
		t.Errorf("afterwards: %d", third.Code)
	}
}

// stuck is a client that reads nothing until release is closed.
type stuck struct {
	*httptest.ResponseRecorder
	once    sync.Once
	began   chan struct{}
	release chan struct{}
}

// Write implements http.ResponseWriter.
func (s *stuck) Write(b []byte) (int, error) {
	s.once.Do(func() { close(s.began) })
	<-s.release
	return len(b), nil
}

// TestManyBodies fills the budget of bodies.
func TestManyBodies(t *testing.T) {
	t.Parallel()
	const bodies = 4 << 20
	release, entered := make(chan struct{}), make(chan struct{})
	h := handler(func(c *httpx.Config) { c.BodiesBytes = bodies }, httpx.Route{Method: "POST", Path: "/", BodyLimit: bodies, Handler: func(_ http.ResponseWriter, r *http.Request) error {
		if len(httpx.Body(r)) > 1<<20 {
			entered <- struct{}{}
			<-release
		}
		return nil
	}})
	post := func(size int) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(t, http.MethodPost, "/", strings.NewReader(strings.Repeat("x", size))))
		return w
	}
	var group, refused sync.WaitGroup
	group.Go(func() {
		if w := post(bodies - 1<<20); w.Code != http.StatusOK {
			t.Errorf("the first: %d", w.Code)
		}
	})
	<-entered
	for range 8 {
		refused.Go(func() {
			if w := post(2 << 20); w.Code != http.StatusServiceUnavailable {
				t.Errorf("more than there is: %d", w.Code)
			}
		})
	}
	refused.Wait()
	close(release)
	group.Wait()
	go func() { <-entered }()
	if w := post(2 << 20); w.Code != http.StatusOK {
		t.Errorf("afterwards: %d", w.Code)
	}
}

// pipeListener accepts connections that lead nowhere.
type pipeListener struct{}

func (pipeListener) Accept() (net.Conn, error) {
	c, _ := net.Pipe()
	return c, nil
}
func (pipeListener) Close() error   { return nil }
func (pipeListener) Addr() net.Addr { return nil }
