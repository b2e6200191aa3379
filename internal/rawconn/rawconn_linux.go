package rawconn

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// mostAtOnce is how many bytes a call moves: for as long as that takes, about 20 µs, Go
// cannot do anything else on the processor.
const mostAtOnce = 64 << 10

// Listen returns a listener whose connections are read and written by raw calls.
func Listen(l *net.TCPListener) net.Listener { return listener{l} }

type listener struct{ *net.TCPListener }

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	tcp, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, tcp.Close())
	}
	c := &conn{stream: tcp, raw: raw}
	c.in.step, c.out.step = c.in.read, c.out.write
	return c, nil
}

// conn is a connection with a Read and a Write of its own.
type conn struct {
	stream
	raw     syscall.RawConn
	in, out transfer
}

// stream is what conn has of a net.TCPConn: not its ReadFrom and WriteTo, which would go
// past Read and Write.
type stream interface {
	net.Conn
	CloseWrite() error
}

// transfer is a Read or a Write. The net package calls step as often as the connection is
// ready, until it has done what there is to do.
type transfer struct {
	mu    sync.Mutex
	bytes []byte
	n     int // of them that were moved
	fault syscall.Errno
	step  func(fd uintptr) (done bool)
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return c.stream.Read(p)
	}
	t := &c.in
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begin(p[:min(len(p), mostAtOnce)])
	err := c.raw.Read(t.step)
	n, err := t.end("read", err)
	if err != nil {
		return 0, c.failed("read", err)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return c.stream.Write(p)
	}
	t := &c.out
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begin(p)
	err := c.raw.Write(t.step)
	n, err := t.end("write", err)
	if err == nil && n < len(p) {
		err = io.ErrUnexpectedEOF // as the net package says, where a call writes nothing
	}
	if err != nil {
		return n, c.failed("write", err)
	}
	return n, nil
}

func (t *transfer) begin(p []byte) { t.bytes, t.n, t.fault = p, 0, 0 }

// end returns what was moved, and why it was not more: err of the net package, or the
// fault of a call.
func (t *transfer) end(call string, err error) (int, error) {
	t.bytes = nil
	if err == nil && t.fault != 0 {
		err = os.NewSyscallError(call, t.fault)
	}
	return t.n, err
}

// read reads once.
func (t *transfer) read(fd uintptr) (done bool) {
	n, done := t.call(syscall.SYS_READ, fd, t.bytes)
	t.n = n
	return done
}

// write writes until all is written.
func (t *transfer) write(fd uintptr) (done bool) {
	for t.n < len(t.bytes) {
		n, done := t.call(syscall.SYS_WRITE, fd, t.bytes[t.n:min(len(t.bytes), t.n+mostAtOnce)])
		t.n += n
		if n == 0 {
			return done // it is not ready, or at fault
		}
	}
	return true
}

// call makes a call, of which the scheduler is not told. It is not done where the connection
// is not ready.
func (t *transfer) call(number, fd uintptr, p []byte) (n int, done bool) {
	for {
		moved, fault := rawCall(number, fd, p)
		switch fault {
		case 0:
			return moved, true
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, false
		default:
			t.fault = fault
			return 0, true
		}
	}
}

// failed is the error that a net.TCPConn has for it.
func (c *conn) failed(operation string, err error) error {
	if inner, ok := errors.AsType[*net.OpError](err); ok {
		err = inner.Err
	}
	return &net.OpError{Op: operation, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}
