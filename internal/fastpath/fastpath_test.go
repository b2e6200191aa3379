package fastpath_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"personae.dev/internal/fastpath"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pipes is a listener of connections in memory.
type pipes struct {
	conns chan net.Conn
	end   sync.Once
	ended chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.end.Do(func() { close(p.ended) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// dial returns the client's end of a new connection.
func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

// running is a server on pipes, with a fast path or without.
type running struct {
	*pipes
	http *http.Server
	// left is how many connections net/http has served.
	left atomic.Int64
	end  func()
}

// serve starts a server. The fast path is left out where fast is false.
func serve(t *testing.T, fast bool, handler http.HandlerFunc) *running {
	t.Helper()
	s := &running{pipes: &pipes{conns: make(chan net.Conn), ended: make(chan struct{})}}
	s.http = &http.Server{
		Handler: handler, ReadHeaderTimeout: time.Second, IdleTimeout: time.Minute, WriteTimeout: 10 * time.Second,
		ErrorLog: log.New(io.Discard, "", 0),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				s.left.Add(1)
			}
		},
	}
	var listener net.Listener = s.pipes
	wait := func(context.Context) bool { return false }
	if fast {
		l := fastpath.Listen(s.pipes, s.http)
		listener, wait = l, l.Wait
	}
	served := make(chan error)
	go func() { served <- s.http.Serve(listener) }()
	s.end = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = s.http.Shutdown(ctx)
		wait(ctx)
		_ = s.http.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(s.end)
	return s
}

// exchange sends parts, each in a write of its own, and returns all that comes
// back until the server closes, or says nothing for a second.
func (s *running) exchange(t *testing.T, parts ...string) string {
	t.Helper()
	c := s.dial()
	var group sync.WaitGroup
	defer group.Wait()
	defer c.Close()
	group.Go(func() {
		for _, part := range parts {
			if _, err := io.WriteString(c, part); err != nil {
				return
			}
			time.Sleep(100 * time.Millisecond) //nolint:forbidigo // the bubble's time
		}
	})
	var got strings.Builder
	b := make([]byte, 64<<10)
	for {
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		n, err := c.Read(b)
		got.Write(b[:n])
		if err != nil {
			if errors.Is(err, io.EOF) {
				got.WriteString("<end>")
			}
			return got.String()
		}
	}
}

// echo answers with all that a handler can see of a request.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s %d %q %q %q %d %q %q %v %v\n", r.Method, r.RequestURI, r.Proto, r.ProtoMajor*10+r.ProtoMinor, r.Host, r.URL.String(), r.URL.Path,
		r.ContentLength, r.TransferEncoding, body, err, r.URL.Query())
	for _, key := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(w, "%s: %q\n", key, r.Header[key])
	}
}

// TestSameAsNetHTTP sends requests of all kinds to the same handler with and
// without the fast path: not a byte of the answers differs.
func TestSameAsNetHTTP(t *testing.T) {
	t.Parallel()
	const plain = "GET /a?oId=x HTTP/1.1\r\nHost: h\r\n\r\n"
	for name, test := range map[string]struct {
		fast  bool // it must not come to net/http
		parts []string
	}{
		"Plain":              {true, []string{plain}},
		"Several":            {true, []string{plain, "GET /b HTTP/1.1\r\nHost: other:80\r\napi_key: k\r\n\r\n", plain}},
		"ManyHeaders":        {true, []string{"GET / HTTP/1.1\r\nHOST:h\r\nAPI_key: 1\r\napi_key:\t2 \r\nUser-Agent: a b;c\r\nconnection: Keep-Alive\r\nIf-None-Match: \"x\", W/\"y\"\r\nX-Empty:\r\ncookie: a=b\r\n\r\n"}},
		"Query":              {true, []string{"GET /a?b=%20c+d&e=1:2,3&oId= HTTP/1.1\r\nHost: h\r\n\r\n"}},
		"TwoAtOnce":          {false, []string{plain + plain}},
		"InTwoParts":         {false, []string{plain[:10], plain[10:]}},
		"EndInTwoParts":      {false, []string{plain[:len(plain)-2], plain[len(plain)-2:]}},
		"Nothing":            {false, []string{"\r\n"}},
		"EmptyLineFirst":     {false, []string{"\r\n" + plain}},
		"NoHost":             {false, []string{"GET / HTTP/1.1\r\n\r\n"}},
		"TwoHosts":           {false, []string{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"}},
		"HostMalformed":      {false, []string{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"}},
		"HTTP10":             {false, []string{"GET / HTTP/1.0\r\nHost: h\r\n\r\n"}},
		"Close":              {false, []string{"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"}},
		"Head":               {false, []string{"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"}},
		"Post":               {false, []string{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"}},
		"GetWithBody":        {false, []string{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"}},
		"GetWithBodyLater":   {false, []string{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n", "abc"}},
		"GetWithChunks":      {false, []string{"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"}},
		"SmuggledInName":     {false, []string{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length : 3\r\n\r\nabc"}},
		"Folded":             {false, []string{"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n"}},
		"BareLF":             {false, []string{"GET / HTTP/1.1\nHost: h\n\n"}},
		"BareCRInValue":      {false, []string{"GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n"}},
		"NULInValue":         {false, []string{"GET / HTTP/1.1\r\nHost: h\r\nA: b\x00c\r\n\r\n"}},
		"NotASCII":           {false, []string{"GET / HTTP/1.1\r\nHost: h\r\nA: ä\r\n\r\n"}},
		"NoColon":            {false, []string{"GET / HTTP/1.1\r\nHost: h\r\nA\r\n\r\n"}},
		"NoName":             {false, []string{"GET / HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n"}},
		"Expect":             {false, []string{"GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n"}},
		"Upgrade":            {false, []string{"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"}},
		"Pragma":             {false, []string{"GET / HTTP/1.1\r\nHost: h\r\nPragma: no-cache\r\n\r\n"}},
		"AbsoluteForm":       {false, []string{"GET http://x/a HTTP/1.1\r\nHost: h\r\n\r\n"}},
		"Asterisk":           {false, []string{"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"}},
		"TwoSlashes":         {false, []string{"GET //a/b HTTP/1.1\r\nHost: h\r\n\r\n"}},
		"EncodedPath":        {false, []string{"GET /%61 HTTP/1.1\r\nHost: h\r\n\r\n"}},
		"QuestionMarkAlone":  {false, []string{"GET /a? HTTP/1.1\r\nHost: h\r\n\r\n"}},
		"TwoQuestionMarks":   {false, []string{"GET /a?b?c HTTP/1.1\r\nHost: h\r\n\r\n"}},
		"Fragment":           {false, []string{"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"}},
		"SpaceInTarget":      {false, []string{"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"}},
		"HTTP2Preface":       {false, []string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}},
		"LongHead":           {false, []string{"GET / HTTP/1.1\r\nHost: h\r\nA: " + strings.Repeat("x", 5_000) + "\r\n\r\n"}},
		"MoreHeadersThanAre": {false, []string{"GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("A: b\r\n", 40) + "\r\n"}},
		"ThenAnother":        {false, []string{plain, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", plain}},
		"ThenHalf":           {false, []string{plain, plain[:20]}},
		"ThenGarbage":        {false, []string{plain, "\x16\x03\x01 what"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				want, server := serve(t, false, echo), serve(t, true, echo)
				same(t, want.exchange(t, test.parts...), server.exchange(t, test.parts...))
				if got := server.left.Load() == 0; got != test.fast {
					t.Errorf("the fast path had all of it: %t", got)
				}
				want.end()
				server.end()
			})
		})
	}
}

var date = regexp.MustCompile(`Date: [^\r]*`)

func same(t *testing.T, want, got string) {
	t.Helper()
	if !strings.HasPrefix(want, "HTTP/1.") && want != "<end>" {
		t.Errorf("net/http answers %.200q", want)
	}
	if diff := cmp.Diff(date.ReplaceAllString(want, "Date"), date.ReplaceAllString(got, "Date")); diff != "" {
		t.Errorf("not as net/http:\n%s", diff)
	}
}

// TestAnswersSameAsNetHTTP does the same with all that handlers do.
func TestAnswersSameAsNetHTTP(t *testing.T) {
	t.Parallel()
	const twice = 2 // requests on a connection: whether it goes on is part of the answer
	for name, handler := range map[string]http.HandlerFunc{
		"Nothing": func(http.ResponseWriter, *http.Request) {},
		"Length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Etag"] = []string{`"x"`}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "7")
			_, _ = io.WriteString(w, `{"a":1}`)
		},
		"InParts": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "6")
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, "abc")
			_, _ = io.WriteString(w, "def")
		},
		"NoLength":      func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>hello") },
		"Error":         func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) },
		"UnknownStatus": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(599) },
		"NotModified": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Etag"] = []string{`"x"`}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "7")
			w.WriteHeader(http.StatusNotModified)
		},
		"NoContent": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNoContent)
			if _, err := io.WriteString(w, "x"); !errors.Is(err, http.ErrBodyNotAllowed) {
				panic(err)
			}
		},
		"HeaderTooLate": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("A", "1")
			w.WriteHeader(http.StatusOK)
			w.Header().Set("A", "2")
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, "x")
		},
		"SeveralValues": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["B"] = []string{"1", "2"}
			w.Header()["A"] = nil
			w.Header().Set("Date", "today")
			_, _ = io.WriteString(w, "x")
		},
		"LinesInValue": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("A", "1\r\nB: 2")
			_, _ = io.WriteString(w, "x")
		},
		"Close": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			_, _ = io.WriteString(w, "x")
		},
		"TooShort": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			_, _ = io.WriteString(w, "x")
		},
		"TooLong": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1")
			if _, err := io.WriteString(w, "xy"); !errors.Is(err, http.ErrContentLength) {
				panic(err)
			}
		},
		"Large": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", strconv.Itoa(100_000+1_000_000+3))
			_, _ = io.WriteString(w, strings.Repeat("x", 100_000))
			_, _ = io.WriteString(w, strings.Repeat("y", 1_000_000))
			_, _ = io.WriteString(w, "end")
		},
		"Aborts": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"Panics": func(http.ResponseWriter, *http.Request) { panic("boom") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				want, server := serve(t, false, handler), serve(t, true, handler)
				requests := slices.Repeat([]string{"GET / HTTP/1.1\r\nHost: h\r\n\r\n"}, twice)
				same(t, want.exchange(t, requests...), server.exchange(t, requests...))
				if server.left.Load() != 0 {
					t.Error("net/http has answered")
				}
				want.end()
				server.end()
			})
		})
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	// closed is after how long the server closes a connection.
	closed := func(c net.Conn) time.Duration {
		began := time.Now()
		_, _ = io.Copy(io.Discard, c)
		return time.Since(began)
	}
	for name, show := range map[string]func(*testing.T, *running){
		"First": func(t *testing.T, s *running) {
			t.Helper()
			if got := closed(s.dial()); got != s.http.ReadHeaderTimeout {
				t.Errorf("closed after %s", got)
			}
		},
		"Idle": func(t *testing.T, s *running) {
			t.Helper()
			c := s.dial()
			answers := bufio.NewReader(c)
			for range 3 { // longer in all than IdleTimeout
				ask(t, c, answers)
				time.Sleep(s.http.IdleTimeout - 2*time.Second) //nolint:forbidigo // the bubble's time
			}
			ask(t, c, answers)
			if got := closed(c); got > s.http.IdleTimeout || got < s.http.IdleTimeout-2*time.Second {
				t.Errorf("closed after %s", got)
			}
		},
		"Write": func(t *testing.T, s *running) {
			t.Helper()
			c := s.dial()
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
			time.Sleep(s.http.WriteTimeout + 2*time.Second) //nolint:forbidigo // the bubble's time
			if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
				t.Errorf("%d bytes and %v of an answer that nobody read in time", n, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, true, echo)
				show(t, s)
				s.end()
			})
		})
	}
}

// ask sends a request, and reads the answer.
func ask(t *testing.T, c net.Conn, answers *bufio.Reader) {
	t.Helper()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	response, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
}

// TestEnd shows what happens to connections when the server ends: those that
// wait are closed, and one at work gets its answer.
func TestEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		s := serve(t, true, func(w http.ResponseWriter, _ *http.Request) {
			<-goOn
			_, _ = io.WriteString(w, "whole")
		})
		waits, works := s.dial(), s.dial()
		_, _ = io.WriteString(works, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		ended := make(chan struct{})
		go func() {
			s.end()
			close(ended)
		}()
		synctest.Wait()
		if _, err := waits.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("a connection that waits: %v", err)
		}
		select {
		case <-ended:
			t.Error("ended before the answer was there")
		default:
		}
		close(goOn)
		if got, err := io.ReadAll(works); err != nil || !strings.HasSuffix(string(got), "whole") {
			t.Errorf("%q, %v", got, err)
		}
		<-ended
	})
}

// TestEndIsTold: an answer while the server ends says that the connection ends
// with it, in the words of net/http.
func TestEndIsTold(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"Length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", "5")
			_, _ = io.WriteString(w, "whole")
		},
		"NoLength":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "whole") },
		"NotModified": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) },
		"SaysSoItself": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			w.Header().Set("X-After", "1")
			_, _ = io.WriteString(w, "whole")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				answer := func(fast bool) string {
					goOn := make(chan struct{})
					s := serve(t, fast, func(w http.ResponseWriter, r *http.Request) {
						<-goOn
						handler(w, r)
					})
					c := s.dial()
					_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
					synctest.Wait() // for the handler: net/http leaves what it has only read
					var group sync.WaitGroup
					group.Go(s.end)
					synctest.Wait()
					close(goOn)
					got, err := io.ReadAll(c)
					if err != nil {
						t.Error(err)
					}
					group.Wait()
					return string(got)
				}
				want := answer(false)
				same(t, want, answer(true))
				if !strings.Contains(want, "\r\nConnection: close\r\n") {
					t.Errorf("net/http answers %q", want)
				}
			})
		})
	}
}

// hooked runs do after a read that brought something.
type hooked struct {
	net.Conn
	do func()
}

func (h *hooked) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	if n > 0 {
		h.do()
	}
	return n, err
}

// TestEndAfterAWait: a request that comes after a wait, at the moment in which
// the server ends, has as long for its answer as any.
func TestEndAfterAWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, true, echo)
		reads := 0
		client, server := net.Pipe()
		s.conns <- &hooked{server, func() {
			if reads++; reads == 2 {
				_ = s.http.Shutdown(t.Context())
			}
		}}
		answers := bufio.NewReader(client)
		ask(t, client, answers)
		time.Sleep(s.http.IdleTimeout - 2*time.Second) //nolint:forbidigo // the bubble's time
		ask(t, client, answers)
		s.end()
	})
}

// TestEndCutsOff: what does not end in time is cut off, and its context ends.
func TestEndCutsOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, true, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		c := s.dial()
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		began := time.Now()
		s.end()
		if got := time.Since(began); got != 5*time.Second {
			t.Errorf("ended after %s", got)
		}
	})
}

// TestManyAtOnce has many clients, plain and not, on connections of their own.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := serve(t, true, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", r.URL.Query().Get("n"), r.Header.Get("Api_key"))
	})
	var group sync.WaitGroup
	for client := range 16 {
		group.Go(func() {
			c := s.dial()
			defer c.Close()
			answers := bufio.NewReader(c)
			for n := range 200 {
				method := http.MethodGet
				if n >= 100 && client%2 == 0 {
					method = http.MethodPost
				}
				fmt.Fprintf(c, "%s /?n=%d HTTP/1.1\r\nHost: h\r\napi_key: %d\r\n\r\n", method, n, client)
				response, err := http.ReadResponse(answers, nil)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if want := fmt.Sprintf("%d %d", n, client); string(body) != want || err != nil {
					t.Errorf("%q, %v, want %q", body, err, want)
				}
			}
		})
	}
	group.Wait()
	if got := s.left.Load(); got != 8 {
		t.Errorf("net/http has served %d connections, want 8", got)
	}
}
