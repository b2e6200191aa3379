//go:build linux

// Package load keeps an HTTP/1.1 server busy and takes the time of its answers.
// Requests go out as the bytes that they are, over connections that stay open,
// from one thread that waits for all of them at once: the generator's core is
// not to be what limits a server on another.
//
// It is no HTTP client. It knows as much of an answer as it takes to find its
// end, and that its status is the one expected.
package load

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Source appends the nth request, counted from 0, to buf.
type Source func(buf []byte, n uint64) []byte

// Plan is what to ask, how and for how long.
type Plan struct {
	// Address is an IP address and a port.
	Address string
	Source  Source
	// First is the number of the first request, so that one plan can go on
	// where another ended.
	First uint64
	// Clients is how many connections there are. Each has one request at a time.
	Clients int
	Lasts   time.Duration
	// Rate is how many requests fall due in a second, evenly, whether or not
	// those before have been answered; a late one's time counts from when it was
	// due, and what fell due before the end is sent after it if it must be. 0 is
	// as many as the clients get answered.
	Rate float64
	// Status is what every answer must have that is no refusal (503); 0 stands for
	// 200.
	Status int
	// Core is where the generator runs; below 0 anywhere.
	Core int
}

// Result is what a plan gave.
type Result struct {
	// PerSecond is how many requests were answered in a second, of the time until
	// the last was.
	PerSecond float64
	// Sent is how many requests were sent, and Refused how many of them were
	// refused, which counts as no answer.
	Sent, Refused uint64
	// Cores is how much of its core the generator used. With a rate it does not
	// sleep, and uses all of it.
	Cores float64
	// took is how long answers took, in ascending order, in units.
	took []uint32
}

// unit is what times are kept in: a uint32 of them is seven minutes.
const unit = 100 * time.Nanosecond

// Quantile returns the time that a share of the answers did not exceed.
func (r Result) Quantile(share float64) time.Duration {
	if len(r.took) == 0 {
		return 0
	}
	return time.Duration(r.took[min(int(share*float64(len(r.took))), len(r.took)-1)]) * unit
}

// drain is how long the answers to the last requests may take to come.
const drain = 30 * time.Second

// Run carries a plan out. An answer with another status, or a connection that
// ends, ends it with an error.
func Run(ctx context.Context, plan Plan) (Result, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if plan.Core >= 0 {
		restore, err := Pin(plan.Core)
		if err != nil {
			return Result{}, err
		}
		defer restore()
	}
	g, err := newGenerator(plan)
	if err != nil {
		return Result{}, err
	}
	defer g.close()
	before := threadSeconds()
	err = g.run(ctx)
	cores := (threadSeconds() - before) / g.lasted.Seconds()
	slices.Sort(g.took)
	return Result{
		PerSecond: float64(len(g.took)) / g.lasted.Seconds(),
		Sent:      g.next - plan.First, Refused: g.refused, Cores: cores, took: g.took,
	}, err
}

// Pin moves the calling thread, which must be locked, to a core, until restore
// is called.
func Pin(core int) (restore func(), err error) {
	var before, only unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return nil, fmt.Errorf("load: cores: %w", err)
	}
	only.Set(core)
	if err := unix.SchedSetaffinity(0, &only); err != nil {
		return nil, fmt.Errorf("load: core %d: %w", core, err)
	}
	return func() { _ = unix.SchedSetaffinity(0, &before) }, nil
}

// generator is a plan under way.
type generator struct {
	Plan
	epoll   int
	clients []*client
	idle    []*client // a ring: who waited longest is next
	first   int       // of idle
	waiting int       // in idle
	request []byte
	input   []byte
	next    uint64
	began   time.Time
	end     time.Time // nothing falls due from then on
	took    []uint32
	refused uint64
	lasted  time.Duration
}

// client is one connection.
type client struct {
	fd     int
	due    time.Time // of the request that is not answered; zero for none
	answer answer
}

func newGenerator(plan Plan) (_ *generator, err error) {
	if plan.Status == 0 {
		plan.Status = 200
	}
	address, err := netip.ParseAddrPort(plan.Address)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	perSecond := 100_000 // more than one core can ask for
	if plan.Rate > 0 {
		perSecond = int(plan.Rate) + 1
	}
	g := &generator{
		Plan: plan, next: plan.First, idle: make([]*client, plan.Clients), input: make([]byte, 256<<10),
		// All of it before the clock starts.
		took: make([]uint32, 0, int((plan.Lasts.Seconds()+1)*float64(perSecond))),
	}
	if g.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	for i := range plan.Clients {
		fd, err := connect(address)
		if err != nil {
			return nil, errors.Join(err, g.close())
		}
		c := &client{fd: fd, answer: answer{wanted: plan.Status}}
		g.clients = append(g.clients, c)
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
		if err := unix.EpollCtl(g.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
			return nil, errors.Join(fmt.Errorf("load: %w", err), g.close())
		}
		g.rest(c)
	}
	return g, nil
}

// connect returns a connection that does not block.
func connect(address netip.AddrPort) (int, error) {
	family := unix.AF_INET
	var to unix.Sockaddr = &unix.SockaddrInet4{Port: int(address.Port()), Addr: to4(address.Addr())}
	if address.Addr().Is6() {
		family, to = unix.AF_INET6, &unix.SockaddrInet6{Port: int(address.Port()), Addr: address.Addr().As16()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("load: %w", err)
	}
	err = errors.Join(unix.Connect(fd, to), unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1), unix.SetNonblock(fd, true))
	if err != nil {
		return 0, errors.Join(fmt.Errorf("load: connect to %s: %w", address, err), unix.Close(fd))
	}
	return fd, nil
}

func to4(address netip.Addr) (bytes [4]byte) {
	if address.Is4() {
		bytes = address.As4()
	}
	return bytes
}

func (g *generator) close() error {
	for _, c := range g.clients {
		_ = unix.Close(c.fd)
	}
	return unix.Close(g.epoll)
}

// rest puts a client at the end of those who have nothing to do.
func (g *generator) rest(c *client) {
	g.idle[(g.first+g.waiting)%len(g.idle)] = c
	g.waiting++
}

func (g *generator) run(ctx context.Context) error {
	g.began = time.Now()
	g.end = g.began.Add(g.Lasts)
	events := make([]unix.EpollEvent, 128)
	for ctx.Err() == nil {
		now := time.Now()
		if err := g.send(now); err != nil {
			return err
		}
		if !now.Before(g.end) && g.waiting == len(g.clients) {
			g.lasted = now.Sub(g.began)
			return nil
		}
		if now.After(g.end.Add(drain)) {
			return fmt.Errorf("load: %d answers had not come %s after the end, and no client was free for what was due then", len(g.clients)-g.waiting, drain)
		}
		wait := 1 // millisecond: for the end, and for ctx
		if g.Rate > 0 && now.Before(g.end) {
			wait = 0 // to send on time
		}
		n, err := unix.EpollWait(g.epoll, events, wait)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("load: %w", err)
		}
		for i := range max(n, 0) {
			if err := g.receive(g.clients[events[i].Fd]); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// send sends what is due, as far as there are clients for it.
func (g *generator) send(now time.Time) error {
	for g.waiting > 0 {
		due := now
		if g.Rate > 0 {
			due = g.began.Add(time.Duration(float64(g.next-g.First) / g.Rate * float64(time.Second)))
		}
		if due.After(now) || !due.Before(g.end) {
			return nil
		}
		c := g.idle[g.first]
		g.first = (g.first + 1) % len(g.idle)
		g.waiting--
		c.due = due
		g.request = g.Source(g.request[:0], g.next)
		g.next++
		if err := write(c.fd, g.request); err != nil {
			return err
		}
	}
	return nil
}

// write writes all of it. It may wait, which with requests of this size it
// hardly ever does.
func write(fd int, request []byte) error {
	for len(request) > 0 {
		n, err := unix.Write(fd, request)
		switch {
		case errors.Is(err, unix.EAGAIN):
			_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, int(drain.Milliseconds()))
			if err != nil && !errors.Is(err, unix.EINTR) {
				return fmt.Errorf("load: send: %w", err)
			}
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("load: send: %w", err)
		default:
			request = request[n:]
		}
	}
	return nil
}

// receive reads what has come for c; in a closed loop its next request follows
// at once.
func (g *generator) receive(c *client) error {
	whole, err := c.read(g.input)
	if err != nil || !whole {
		return err
	}
	if c.due.IsZero() {
		return errors.New("load: an answer that nobody asked for")
	}
	now := time.Now()
	if c.answer.refused {
		g.refused++
	} else {
		g.took = append(g.took, uint32(min(now.Sub(c.due)/unit, 1<<32-1)))
	}
	c.due = time.Time{}
	g.rest(c)
	if g.Rate == 0 {
		return g.send(now)
	}
	return nil
}

// read reads what has come into input, and tells whether the answer is whole.
func (c *client) read(input []byte) (whole bool, err error) {
	n, err := unix.Read(c.fd, input)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("load: receive: %w", err)
	case n == 0:
		return false, errors.New("load: the server ended the connection")
	}
	return c.answer.add(input[:n])
}

// threadSeconds is the processor time of the calling thread.
func threadSeconds() float64 {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &usage); err != nil {
		return 0
	}
	return float64(unix.TimevalToNsec(usage.Utime)+unix.TimevalToNsec(usage.Stime)) / 1e9
}

// Idle opens connections, one after the other, asks one thing on each and leaves
// it open, until done is called. A refusal is an error: its connection would not
// be one of a client that was served.
func Idle(ctx context.Context, address string, source Source, connections int) (done func(), err error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	var open []int
	done = func() {
		for _, fd := range open {
			_ = unix.Close(fd)
		}
	}
	input := make([]byte, 64<<10)
	for n := range connections {
		fd, err := connect(to)
		if err == nil {
			open = append(open, fd)
			err = once(ctx, fd, source(nil, uint64(n)), input)
		}
		if err != nil {
			done()
			return nil, fmt.Errorf("%w; %d idle connections were open", err, n)
		}
	}
	return done, nil
}

// once asks one thing on a connection, and waits for the whole answer.
func once(ctx context.Context, fd int, request, input []byte) error {
	c := &client{fd: fd, answer: answer{wanted: 200}}
	if err := write(fd, request); err != nil {
		return err
	}
	for until := time.Now().Add(drain); time.Now().Before(until); {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 100)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("load: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		whole, err := c.read(input)
		if whole && c.answer.refused {
			err = errors.New("load: the server refused a request")
		}
		if whole || err != nil {
			return err
		}
	}
	return fmt.Errorf("load: no answer in %s", drain)
}
