// Package fastpath serves the requests that the product exists for, reads, with
// less than net/http does for them: it serves a GET of HTTP/1.1 whose head is
// plain, and comes at once, with one read, one write and no other goroutine.
//
// It knows as little of HTTP as that takes. With the first request that is
// anything else it hands its connection to net/http, with every byte that was
// read of it, and never sees the connection again. The handler is the same, and
// so is every byte of an answer.
//
// Unlike net/http it does not notice that a client has gone before it sends the
// answer: the context of a request does not end with its connection.
package fastpath

import (
	"context"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// maxHead is how long a plain head may be. Each connection has as much
	// memory while it waits.
	maxHead = 2 << 10
	// renewEvery is how exact the timeouts of a busy connection are: to set one
	// costs as much as to read a request.
	renewEvery = time.Second
)

// Listener is a listener whose Accept returns the connections that are left to
// net/http.
type Listener struct {
	net.Listener
	server  *http.Server
	ctx     context.Context //nolint:containedctx // of every request, as http.Server's
	cancel  context.CancelFunc
	handed  chan net.Conn
	failed  chan error
	closing chan struct{}
	serving sync.WaitGroup
	dates   dates

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]struct{} // that are served here
}

// Listen returns a listener that serves what is plain, with the handler, the
// hooks and the timeouts of a server, which is to Serve it. Close ends it, as
// the server's Shutdown does, and Wait waits until it has ended.
func Listen(inner net.Listener, server *http.Server) *Listener {
	l := &Listener{
		Listener: inner, server: server,
		handed: make(chan net.Conn), failed: make(chan error), closing: make(chan struct{}),
		conns: map[net.Conn]struct{}{},
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.serving.Go(l.accept)
	return l
}

func (l *Listener) accept() {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			select {
			case l.failed <- err: // some pass: net/http knows which, and comes again
				continue
			case <-l.closing:
				return
			}
		}
		if !l.keep(c) {
			_ = c.Close() // it is nobody's any more
			continue
		}
		l.serving.Go(func() { l.serve(c) })
	}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.handed:
		return c, nil
	case err := <-l.failed:
		return nil, err
	case <-l.closing:
		return nil, net.ErrClosed
	}
}

// Close ends the listener. Connections that wait are closed, and those at work
// after their answer, which says so.
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	close(l.closing)
	for c := range l.conns {
		_ = c.SetReadDeadline(time.Unix(1, 0)) // has passed
	}
	return l.Listener.Close()
}

// Wait waits after Close until everything has ended. When ctx ends it cuts off
// what is still at work.
func (l *Listener) Wait(ctx context.Context) (cutOff bool) {
	_ = l.Close() // a server that never began to serve does not know of it
	stop := context.AfterFunc(ctx, func() {
		l.cancel()
		l.mu.Lock()
		defer l.mu.Unlock()
		for c := range l.conns {
			_ = c.Close()
		}
	})
	l.serving.Wait()
	l.cancel()
	return !stop()
}

// keep counts a connection as served here, unless the listener has ended.
func (l *Listener) keep(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.conns[c] = struct{}{}
	}
	return !l.closed
}

func (l *Listener) forget(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

// serve serves what it can, and closes the connection or leaves it to net/http.
func (l *Listener) serve(c net.Conn) {
	unread, ended := l.serveAll(c)
	l.forget(c)
	if !ended {
		_ = c.SetDeadline(time.Time{}) // net/http sets its own
		select {
		case l.handed <- &handed{Conn: c, unread: unread}:
			return
		case <-l.closing:
		}
	}
	_ = c.Close() // what there was to say has been said
}

// serveAll serves requests until the connection has ended or one is not plain:
// then it returns what was read of that one.
func (l *Listener) serveAll(c net.Conn) (unread []byte, ended bool) {
	if !l.renew(func() { _ = c.SetReadDeadline(time.Now().Add(l.server.ReadHeaderTimeout)) }) {
		return nil, true
	}
	ctx := l.ctx
	if l.server.ConnContext != nil {
		ctx = l.server.ConnContext(ctx, c)
	}
	template := (&http.Request{
		Method: http.MethodGet, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody, RemoteAddr: c.RemoteAddr().String(),
	}).WithContext(ctx)
	r, a := newRequest(), newAnswer(c, l.closing, &l.dates)
	head := make([]byte, maxHead)
	for renewed, closed := (time.Time{}), false; !closed; {
		n, err := c.Read(head)
		if n == 0 && err != nil {
			return nil, true
		}
		if !r.read(string(head[:n]), template) {
			return head[:n], false
		}
		if now := time.Now(); now.Sub(renewed) > renewEvery {
			renewed = now
			closed = !l.renew(func() { _ = c.SetReadDeadline(now.Add(l.server.IdleTimeout)) })
			// What has come is answered still.
			_ = c.SetWriteDeadline(now.Add(l.server.WriteTimeout + renewEvery))
		}
		if !l.serveOne(a, r) {
			return nil, true
		}
		if l.server.ConnState != nil {
			l.server.ConnState(c, http.StateIdle)
		}
	}
	return nil, true
}

// renew sets the read deadline, unless Close has set the last one.
func (l *Listener) renew(set func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		set()
	}
	return !l.closed
}

// serveOne answers a request. It tells whether the connection can be used for
// another one.
func (l *Listener) serveOne(a *answer, r *request) (again bool) {
	a.reset()
	defer func() {
		if p := recover(); p != nil {
			again = false
			l.panicked(p)
		}
		a.release()
	}()
	l.server.Handler.ServeHTTP(a, &r.Request)
	return a.finish()
}

// panicked does what net/http does with a panic: it costs the connection.
func (l *Listener) panicked(p any) {
	if p != http.ErrAbortHandler { //nolint:errorlint // it is passed as it is
		l.server.ErrorLog.Printf("fastpath: panic: %v\n%s", p, debug.Stack())
	}
}

// handed is a connection that is left to net/http.
type handed struct {
	net.Conn
	unread []byte
}

// Read implements net.Conn.
func (h *handed) Read(p []byte) (int, error) {
	if len(h.unread) == 0 {
		return h.Conn.Read(p)
	}
	n := copy(p, h.unread)
	if h.unread = h.unread[n:]; len(h.unread) == 0 {
		h.unread = nil // and its memory
	}
	return n, nil
}

// NetConn returns the connection below, as that of tls.Conn does.
func (h *handed) NetConn() net.Conn { return h.Conn }

// CloseWrite is what net/http does before it closes a connection, so that a
// client that still sends reads the answer.
func (h *handed) CloseWrite() error {
	if c, ok := h.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}
