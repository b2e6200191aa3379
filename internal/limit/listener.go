package limit

import (
	"context"
	"net"
	"sync/atomic"
)

// Listener bounds the connections that are open at once. Up to reserve
// connections over the limit are accepted too, so that the server can tell their
// clients to come back later: OverLimit knows them. Further ones are closed at
// once, because a client that is never accepted would hang.
type Listener struct {
	net.Listener
	limit, reserve int
	closed         func()
	open           atomic.Int64
}

// NewListener returns l with a limit. closed is called for every connection that
// was closed at once.
func NewListener(l net.Listener, limit, reserve int, closed func()) *Listener {
	return &Listener{Listener: l, limit: limit, reserve: reserve, closed: closed}
}

// Open returns how many connections are open.
func (l *Listener) Open() int { return int(l.open.Load()) }

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		n := int(l.open.Add(1))
		if n <= l.limit+l.reserve {
			return &conn{Conn: c, listener: l, over: n > l.limit}, nil
		}
		l.open.Add(-1)
		l.closed()
		_ = c.Close() // nothing was promised to it
	}
}

// conn is a connection of a Listener.
type conn struct {
	net.Conn
	listener *Listener
	over     bool
	closed   atomic.Bool
}

// Close implements net.Conn.
func (c *conn) Close() error {
	if !c.closed.Swap(true) {
		c.listener.open.Add(-1)
	}
	return c.Conn.Close()
}

// CloseWrite lets http.Server close its side first, so that a client that still
// sends can read the answer.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

type overKey struct{}

// ConnContext is for http.Server.ConnContext: it lets requests know whether their
// connection is over the limit.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	for {
		if own, ok := c.(*conn); ok {
			if own.over {
				return context.WithValue(ctx, overKey{}, true)
			}
			return ctx
		}
		wrapper, ok := c.(interface{ NetConn() net.Conn }) // such as *tls.Conn
		if !ok {
			return ctx
		}
		c = wrapper.NetConn()
	}
}

// OverLimit reports whether the request with ctx came on a connection over the
// limit.
func OverLimit(ctx context.Context) bool { return ctx.Value(overKey{}) != nil }
