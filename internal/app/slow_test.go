package app

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

	"personae.dev/internal/fastpath"
	"personae.dev/internal/overload"
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

// slowly serves handler, as Run does, to clients in a bubble, where time passes
// at once. A
// goroutine that is left at its end fails the test.
func slowly(t *testing.T, handler http.HandlerFunc, clients func(p *pipes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{t, make(chan net.Conn), make(chan struct{})}
		server := newHTTPServer(slog.New(slog.DiscardHandler), handler)
		reads := fastpath.Listen(overload.Limit(p, overload.Limits{
			Connections: DefaultMaxConnections, Reserve: ReservedConnections,
			Heads: MaxHeadsBytes, FreeHead: freeHeadBytes, Closed: func(reason overload.Closed) { t.Errorf("closed: %s", reason) },
		}), server)
		served := make(chan error)
		go func() { served <- server.Serve(reads) }()
		clients(p)
		synctest.Wait()
		if err := server.Shutdown(context.Background()); err != nil || reads.Wait(context.Background()) {
			t.Errorf("not all requests came to an end: %v", err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
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

func ok(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	fmt.Fprint(w, "ok")
}

func TestSlowClients(t *testing.T) {
	t.Parallel()
	t.Run("Head", func(t *testing.T) {
		t.Parallel()
		slowly(t, ok, func(p *pipes) {
			c := p.dial()
			go func() { _, _ = io.Copy(io.Discard, c) }()
			wantCutOff(p.t, dribble(c, "GET / HTTP/1.1\r\nHost: x\r\nX-Long: "+strings.Repeat("x", 100)), ReadHeaderTimeout)
		})
	})
	t.Run("NothingAtAll", func(t *testing.T) {
		t.Parallel()
		slowly(t, ok, func(p *pipes) {
			c, began := p.dial(), time.Now()
			_, _ = io.Copy(io.Discard, c)
			wantCutOff(p.t, time.Since(began), ReadHeaderTimeout)
		})
	})
	t.Run("Body", func(t *testing.T) {
		t.Parallel()
		slowly(t, ok, func(p *pipes) {
			c := p.dial()
			go func() { _, _ = io.Copy(io.Discard, c) }()
			_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
			wantCutOff(p.t, dribble(c, strings.Repeat("x", 100)), ReadTimeout)
		})
	})
	for _, method := range []string{http.MethodGet, http.MethodDelete} { // of which one is plain
		t.Run("ReaderOf"+method, func(t *testing.T) {
			t.Parallel()
			large := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) }
			slowly(t, large, func(p *pipes) {
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
		large := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, size)) }
		slowly(t, large, func(p *pipes) {
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
		slowly(t, ok, func(p *pipes) {
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

// TestVanishedClients: whoever goes away leaves nothing behind, and is not
// waited for.
func TestVanishedClients(t *testing.T) {
	t.Parallel()
	requests := map[string]string{
		"InTheHead": "GET / HTTP/1.1\r\nHost:",
		"InTheBody": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nxyz",
		"AtWork":    "DELETE / HTTP/1.1\r\nHost: x\r\n\r\n",
		"PlainGet":  "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	}
	for name, request := range requests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ended atomic.Int64
			work := func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if name != "PlainGet" { // which goes on until it is answered
					<-r.Context().Done()
				}
				ended.Add(1)
			}
			slowly(t, work, func(p *pipes) {
				began := time.Now()
				for range 100 {
					c := p.dial()
					_, _ = io.WriteString(c, request)
					_ = c.Close()
				}
				synctest.Wait()
				if n := ended.Load(); name != "InTheHead" && n != 100 || time.Since(began) > time.Second {
					p.t.Errorf("%d ended after %s", n, time.Since(began))
				}
			})
		})
	}
	t.Run("InTheAnswer", func(t *testing.T) {
		t.Parallel()
		large := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) }
		slowly(t, large, func(p *pipes) {
			for range 100 {
				c := p.dial()
				_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				_, _ = io.ReadFull(c, make([]byte, 100))
				_ = c.Close()
			}
		})
	})
}
