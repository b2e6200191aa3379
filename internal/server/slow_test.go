package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"personae.dev/internal/httpx"
)

// pipes is a listener whose connections have no buffer: what one side does not
// read, the other cannot write.
type pipes struct {
	t     *testing.T // the bubble's
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

// slowly serves the routes, with the connections and timeouts of a Server, to
// clients in a bubble, where time passes at once. A goroutine that is left at its
// end fails the test.
func slowly(t *testing.T, routes []httpx.Route, clients func(p *pipes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{t, make(chan net.Conn), make(chan struct{})}
		log := slog.New(slog.DiscardHandler)
		limited := limitConnections(p, 0, log, func() { t.Error("a connection was closed") })
		f := newFrontend(limited, nil, false, defaultTimeouts(), log, func(stopping context.Context) http.Handler {
			return httpx.New(httpx.Config{Routes: routes, Log: log, Stopping: stopping})
		})
		served := make(chan error)
		go func() { served <- f.serve() }()
		clients(p)
		synctest.Wait()
		if err := errors.Join(f.stop(t.Context()), <-served); err != nil {
			t.Error(err)
		}
		if open := limited.Open(); open != 0 {
			t.Errorf("%d connections are left", open)
		}
	})
}

// dribble writes a byte a second until it is cut off, and returns when that was.
func dribble(c net.Conn, text string) time.Duration {
	began := time.Now()
	for _, b := range []byte(text) {
		if _, err := c.Write([]byte{b}); err != nil {
			break
		}
		time.Sleep(time.Second) //nolint:forbidigo // the bubble's time
	}
	return time.Since(began)
}

// wantCutOff allows for the second between two bytes, and for the half second
// that net/http lingers.
func wantCutOff(t *testing.T, after, want time.Duration) {
	t.Helper()
	if after < want || after > want+2*time.Second {
		t.Errorf("was cut off after %s, want %s", after, want)
	}
}

func answerOK(w http.ResponseWriter, _ *http.Request) error {
	_, _ = io.WriteString(w, "ok")
	return nil
}

func answerLarge(size int) httpx.Handler {
	return func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = w.Write(make([]byte, size))
		return nil
	}
}

func TestSlowClients(t *testing.T) {
	t.Parallel()
	t.Run("Head", func(t *testing.T) {
		t.Parallel()
		slowly(t, routes("/", answerOK), func(p *pipes) {
			c := p.dial()
			go func() { _, _ = io.Copy(io.Discard, c) }()
			wantCutOff(p.t, dribble(c, "GET / HTTP/1.1\r\nHost: x\r\nX-Long: "+strings.Repeat("x", 100)), ReadHeaderTimeout)
		})
	})
	t.Run("LateHead", func(t *testing.T) {
		t.Parallel()
		slowly(t, routes("/", answerOK), func(p *pipes) {
			c, began := p.dial(), time.Now()
			time.Sleep(ReadHeaderTimeout - time.Second) //nolint:forbidigo // the bubble's time
			_, _ = io.WriteString(c, "G")
			_, _ = io.Copy(io.Discard, c)
			wantCutOff(p.t, time.Since(began), ReadHeaderTimeout)
		})
	})
	t.Run("NothingAtAll", func(t *testing.T) {
		t.Parallel()
		slowly(t, routes("/", answerOK), func(p *pipes) {
			c, began := p.dial(), time.Now()
			_, _ = io.Copy(io.Discard, c)
			wantCutOff(p.t, time.Since(began), ReadHeaderTimeout)
		})
	})
	t.Run("Body", func(t *testing.T) {
		t.Parallel()
		slowly(t, routes("/", answerOK), func(p *pipes) {
			c := p.dial()
			go func() { _, _ = io.Copy(io.Discard, c) }()
			_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
			wantCutOff(p.t, dribble(c, strings.Repeat("x", 100)), ReadTimeout)
		})
	})
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		t.Run("ReaderOf"+method, func(t *testing.T) {
			t.Parallel()
			slowly(t, routes("/", answerLarge(1<<20)), func(p *pipes) {
				c, began := p.dial(), time.Now()
				_, _ = fmt.Fprintf(c, "%s / HTTP/1.1\r\nHost: x\r\n\r\n", method)
				for err := error(nil); !errors.Is(err, io.ErrClosedPipe); _, err = c.Write([]byte("x")) {
					_ = c.SetWriteDeadline(time.Now().Add(time.Second))
					time.Sleep(time.Second) //nolint:forbidigo // the bubble's time
				}
				wantCutOff(p.t, time.Since(began), WriteTimeout)
			})
		})
	}
	t.Run("LargeAnswerInTime", func(t *testing.T) {
		t.Parallel()
		const size = 16 << 20
		slowly(t, routes("/", answerLarge(size)), func(p *pipes) {
			c := p.dial()
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			response, err := http.ReadResponse(bufio.NewReader(slow{c}), nil)
			if err != nil {
				p.t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, response.Body); n != size || err != nil {
				p.t.Errorf("%d bytes at 300 KiB a second: %v", n, err)
			}
		})
	})
	t.Run("Idle", func(t *testing.T) {
		t.Parallel()
		slowly(t, routes("/", answerOK), func(p *pipes) {
			c := p.dial()
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
				p.t.Fatal(err)
			}
			began := time.Now()
			_, _ = io.Copy(io.Discard, c)
			wantCutOff(p.t, time.Since(began), IdleTimeout)
		})
	})
}

// slow reads 300 KiB a second.
type slow struct{ io.Reader }

func (s slow) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	time.Sleep(time.Duration(n) * time.Second / (300 << 10)) //nolint:forbidigo // the bubble's time
	return n, err
}

// TestLongAnswers shows that routes may take longer than the timeouts of the
// server, and that the next request of the connection has those again.
func TestLongAnswers(t *testing.T) {
	t.Parallel()
	const events = 10
	stream := func(w http.ResponseWriter, r *http.Request) error {
		for i := range events {
			fmt.Fprintf(w, "%d\n", i)
			if err := http.NewResponseController(w).Flush(); err != nil {
				return err
			}
			select {
			case <-time.After(WriteTimeout / 2):
			case <-r.Context().Done():
				return r.Context().Err()
			}
		}
		return nil
	}
	patient := func(w http.ResponseWriter, r *http.Request) error {
		select {
		case <-time.After(3 * WriteTimeout):
			return answerOK(w, r)
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}
	all := append(routes("/ok", answerOK),
		httpx.Route{Method: "GET", Path: "/stream", Stream: true, Handler: stream},
		httpx.Route{Method: "POST", Path: "/stream", Stream: true, BodyLimit: 100, Handler: stream},
		httpx.Route{Method: "POST", Path: "/patient", Timeout: 4 * WriteTimeout, BodyLimit: 100, Handler: patient},
		httpx.Route{Method: "POST", Path: "/impatient", Timeout: 2 * WriteTimeout, BodyLimit: 100, Handler: patient},
	)
	slowly(t, all, func(p *pipes) {
		c := p.dial()
		reader := bufio.NewReader(c)
		for _, step := range []struct {
			method, path string
			status       int
			body         string
		}{
			{"GET", "/stream", 200, "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"},
			{"GET", "/ok", 200, "ok"},
			{"POST", "/stream", 200, "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"},
			{"POST", "/patient", 200, "ok"},
			{"POST", "/ok", 200, "ok"},
			{"POST", "/impatient", 503, ""},
			{"GET", "/ok", 200, "ok"},
		} {
			_, _ = fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", step.method, step.path)
			response, err := http.ReadResponse(reader, nil)
			if err != nil {
				p.t.Fatalf("%s: %v", step.path, err)
			}
			body, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != step.status || step.body != "" && string(body) != step.body {
				p.t.Errorf("%s %s: %s %q, %v", step.method, step.path, response.Status, body, err)
			}
		}
		go func() { _, _ = io.Copy(io.Discard, c) }()
		if took := dribble(c, "GET / HTTP/1.1\r\nHost: x\r\nX-Long: "+strings.Repeat("x", 100)); took > 2*ReadHeaderTimeout {
			p.t.Errorf("a slow head is cut off after %s", took)
		}
	})
}

// TestVanishedClients: whoever leaves leaves nothing behind, and is not waited
// for.
func TestVanishedClients(t *testing.T) {
	t.Parallel()
	requests := map[string]string{
		"InTheHead": "GET / HTTP/1.1\r\nHost:",
		"InTheBody": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nxyz",
		"AtAPost":   "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
		"AtAGet":    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	}
	for name, request := range requests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ended atomic.Int64
			work := func(_ http.ResponseWriter, r *http.Request) error {
				<-r.Context().Done()
				ended.Add(1)
				return r.Context().Err()
			}
			slowly(t, routes("/", work), func(p *pipes) {
				began := time.Now()
				for range 100 {
					c := p.dial()
					_, _ = io.WriteString(c, request)
					_ = c.Close()
				}
				synctest.Wait()
				if n := ended.Load(); strings.HasPrefix(name, "At") && n != 100 || time.Since(began) > time.Second {
					p.t.Errorf("%d ended after %s", n, time.Since(began))
				}
			})
		})
	}
	t.Run("InTheAnswer", func(t *testing.T) {
		t.Parallel()
		slowly(t, routes("/", answerLarge(1<<20)), func(p *pipes) {
			for range 100 {
				c := p.dial()
				_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				_, _ = io.ReadFull(c, make([]byte, 100))
				_ = c.Close()
			}
		})
	})
}
