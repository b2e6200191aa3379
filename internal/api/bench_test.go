package api_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"personae.dev/internal/app"
	"personae.dev/internal/fastpath"
	"personae.dev/internal/overload"
)

// discard is the cheapest http.ResponseWriter there can be.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// hot is a server with what the hot path answers: a cached key, a cached
// persona, the access log as it ships.
func hot(t testing.TB) *server {
	t.Helper()
	log, flush := app.NewLog(io.Discard, slog.LevelInfo, true)
	t.Cleanup(flush)
	return setup(t, withLog(log))
}

// hotHandler returns a hot get of the handler alone: neither net/http has a part
// in it nor what stands in its place.
func hotHandler(t testing.TB) (get func()) {
	t.Helper()
	s := hot(t)
	request := s.request(t, http.MethodGet, "/api/v2/persona/get?oId="+s.persona.OID, s.token)
	request.Header.Set("User-Agent", "bench")
	w := &discard{header: http.Header{}}
	return func() {
		clear(w.header)
		s.handler.ServeHTTP(w, request)
	}
}

// hotConnection returns a hot get over a connection that stays open, from the
// bytes of the request to those of the answer. The client's part allocates
// nothing. With fast the server is ours, as it ships, and without net/http's.
func hotConnection(t testing.TB, fast bool) (get func()) {
	t.Helper()
	s := hot(t)
	inner, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	must(t, err)
	server := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: time.Minute, IdleTimeout: time.Minute, WriteTimeout: time.Minute,
		ConnContext: overload.ConnContext, ConnState: func(c net.Conn, state http.ConnState) {
			if state == http.StateIdle {
				overload.Idle(c)
			}
		},
	}
	listener, wait := inner, func(context.Context) bool { return false }
	if fast {
		l := fastpath.Listen(inner, server)
		listener, wait = l, l.Wait
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // until it is closed
	}()
	client, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", inner.Addr().String())
	must(t, err)
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Close()
		_ = wait(context.Background())
		<-served
	})
	must(t, client.SetDeadline(time.Now().Add(time.Minute)))

	request := []byte("GET /api/v2/persona/get?oId=" + s.persona.OID + " HTTP/1.1\r\nHost: " + inner.Addr().String() +
		"\r\napi_key: " + s.token + "\r\nUser-Agent: bench\r\n\r\n")
	answer := make([]byte, 64<<10)
	_, err = client.Write(request)
	must(t, err)
	length, err := client.Read(answer) // it is sent at once, and all are as long as the first
	must(t, err)
	return func() {
		if _, err := client.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(client, answer[:length]); err != nil {
			t.Fatal(err)
		}
	}
}

// hotFast is the whole way as it ships.
func hotFast(t testing.TB) (get func()) {
	t.Helper()
	return hotConnection(t, true)
}

// hotNetHTTP is the same over net/http's own server, to compare.
func hotNetHTTP(t testing.TB) (get func()) {
	t.Helper()
	return hotConnection(t, false)
}

// TestGetPersonaAllocates keeps the hot path from growing unseen. In the handler
// it is two texts (the request's id, the length) and what holds the values of
// headers; the loop before it makes a text of the head. net/http's own server
// makes more than a dozen for the loop's work, which BenchmarkGetPersona shows.
func TestGetPersonaAllocates(t *testing.T) { //nolint:paralleltest // what others allocate would count
	for _, c := range []struct {
		name        string
		get         func(testing.TB) func()
		most, pools float64
	}{
		{"Handler", hotHandler, 3, 1},
		{"Connection", hotFast, 4, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := testing.AllocsPerRun(1000, c.get(t)); got > c.most+c.pools*dropped {
				t.Errorf("%.0f allocations, and %.0f are allowed", got, c.most)
			}
		})
	}
}

// BenchmarkGetPersona is the hot path: the handler without net/http's part, the
// whole way over a connection as it ships, and the same over net/http's server,
// to compare.
func BenchmarkGetPersona(b *testing.B) {
	for _, c := range []struct {
		name string
		get  func(testing.TB) func()
	}{
		{"Handler", hotHandler},
		{"Connection", hotFast},
		{"NetHTTP", hotNetHTTP},
	} {
		b.Run(c.name, func(b *testing.B) {
			get := c.get(b)
			b.ReportAllocs()
			for b.Loop() {
				get()
			}
		})
	}
}
