package overload

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
)

// Listener bounds the connections that are open at once. Some more than the
// limit are accepted, and Begin tells of them, so that somebody can tell their
// clients that they are too many; and those beyond are closed at once, as
// clients that are not accepted would hang.
//
// It also bounds what it has read of the heads of requests: before one is whole
// nobody else sees it, and in memory it is ten times as large.
type Listener struct {
	net.Listener
	limits Limits
	heads  *Budget
	open   atomic.Int64
}

// Limits are those of a Listener.
type Limits struct {
	// Connections are open at once, and Reserve more for refusals.
	Connections, Reserve int
	// Heads is how many bytes there are of all heads together, without the
	// first FreeHead of each. A connection that has more is closed.
	Heads, FreeHead int64
	// Closed is told of each connection that was closed, and why.
	Closed func(Closed)
}

// Closed is why a connection was closed without a word.
type Closed string

// The reasons.
const (
	ClosedConnections Closed = "closed" // there were too many
	ClosedHeads       Closed = "heads"  // there were too many bytes of heads
)

var errTooManyHeads = errors.New("overload: too many bytes of heads of requests")

// Limit returns a listener with limits.
func Limit(l net.Listener, limits Limits) *Listener {
	return &Listener{Listener: l, limits: limits, heads: NewBudget(limits.Heads)}
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
		n := int(l.open.Add(1))
		if n <= l.limits.Connections+l.limits.Reserve {
			return &conn{Conn: c, listener: l, over: n > l.limits.Connections}, nil
		}
		l.open.Add(-1)
		l.limits.Closed(ClosedConnections)
		_ = c.Close() // it is nobody's
	}
}

// conn is one of a Listener's.
type conn struct {
	net.Conn
	listener *Listener
	over     bool
	closed   atomic.Bool

	atWork atomic.Bool  // the head is whole, and the request has not ended
	head   atomic.Int64 // bytes of the head
	taken  atomic.Int64 // of them, from the budget
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n == 0 || c.atWork.Load() {
		return n, err
	}
	over := min(c.head.Add(int64(n))-c.listener.limits.FreeHead, int64(n))
	if over <= 0 {
		return n, err
	}
	if !c.listener.heads.Take(over) {
		c.listener.limits.Closed(ClosedHeads)
		return 0, errors.Join(errTooManyHeads, c.Close())
	}
	c.taken.Add(over)
	return n, err
}

// Close implements net.Conn.
func (c *conn) Close() error {
	if !c.closed.Swap(true) {
		c.listener.open.Add(-1)
		c.listener.heads.Give(c.taken.Swap(0))
	}
	return c.Conn.Close()
}

// CloseWrite is what http.Server does to a TCP connection before it closes it,
// so that a client that still sends reads the answer.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

type connKey struct{}

// known returns what a listener made of a connection, whatever has been put
// around it since: TLS, for one.
func known(c net.Conn) (*conn, bool) {
	for {
		if k, ok := c.(*conn); ok {
			return k, true
		}
		around, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return nil, false
		}
		c = around.NetConn()
	}
}

// ConnContext is for http.Server: it lets requests know their connection.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if k, ok := known(c); ok {
		return context.WithValue(ctx, connKey{}, k)
	}
	return ctx
}

// Begin is to be called when the head of a request is whole: what comes then is
// its body. It tells whether the connection is over the limit.
func Begin(ctx context.Context) (overLimit bool) {
	c, ok := ctx.Value(connKey{}).(*conn)
	if !ok {
		return false
	}
	c.atWork.Store(true)
	return c.over
}

// Idle is to be called when a request has ended and its body has been read: what
// comes then is the head of the next one.
func Idle(c net.Conn) {
	if k, ok := known(c); ok {
		k.head.Store(0)
		k.listener.heads.Give(k.taken.Swap(0))
		k.atWork.Store(false)
	}
}
