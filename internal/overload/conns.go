package overload

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
)

// Listener bounds the connections that are open at once. Some more than the
// limit are accepted, marked with OverLimit, so that somebody can tell their
// clients that they are too many; and those beyond are closed at once, as
// clients that are not accepted would hang.
type Listener struct {
	net.Listener
	limit, reserve int64
	closed         func()
	open           atomic.Int64
}

// Limit returns a listener with limit connections at once and so many reserved
// for refusals. closed is told of each that is closed at once.
func Limit(l net.Listener, limit, reserve int, closed func()) *Listener {
	return &Listener{Listener: l, limit: int64(limit), reserve: int64(reserve), closed: closed}
}

// Open is how many connections there are.
func (l *Listener) Open() int { return int(l.open.Load()) }

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		n := l.open.Add(1)
		if n <= l.limit+l.reserve {
			return &conn{Conn: c, listener: l, over: n > l.limit}, nil
		}
		l.open.Add(-1)
		l.closed()
		_ = c.Close() // it is nobody's
	}
}

// conn is one of a Listener's.
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

// CloseWrite is what http.Server does to a TCP connection before it closes it,
// so that a client that still sends reads the answer.
func (c *conn) CloseWrite() error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		return tcp.CloseWrite()
	}
	return nil
}

type overLimitKey struct{}

// ConnContext is for http.Server: it marks what is over the limit.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if known, ok := c.(*conn); ok && known.over {
		return context.WithValue(ctx, overLimitKey{}, true)
	}
	return ctx
}

// OverLimit tells whether a request came on a connection over the limit.
func OverLimit(ctx context.Context) bool { return ctx.Value(overLimitKey{}) != nil }
