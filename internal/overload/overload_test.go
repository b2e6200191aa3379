package overload_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"personae.dev/internal/overload"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestGate(t *testing.T) {
	t.Parallel()
	const wait = 100 * time.Millisecond
	t.Run("LetsInAndOut", func(t *testing.T) {
		t.Parallel()
		g := overload.NewGate(2, 0, wait)
		for i, want := range []bool{true, true, false, false} {
			if got := g.Enter(t.Context()); got != want {
				t.Errorf("%d: %t, want %t", i, got, want)
			}
		}
		g.Leave()
		if !g.Enter(t.Context()) || g.Inside() != 2 || g.Waiting() != 0 {
			t.Errorf("%d inside, %d waiting", g.Inside(), g.Waiting())
		}
	})
	t.Run("WaitsForAMoment", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			g := overload.NewGate(1, 2, wait)
			g.Enter(t.Context())
			var group sync.WaitGroup
			var mu sync.Mutex
			got := map[bool]time.Duration{}
			began := time.Now()
			for range 2 {
				group.Go(func() {
					in := g.Enter(t.Context())
					mu.Lock()
					defer mu.Unlock()
					got[in] = time.Since(began)
				})
			}
			synctest.Wait()
			if g.Waiting() != 2 || g.Enter(t.Context()) || time.Since(began) != 0 {
				t.Errorf("%d wait, and a third was not refused at once", g.Waiting())
			}
			time.Sleep(wait / 2) //nolint:forbidigo // the bubble's time
			g.Leave()
			group.Wait()
			if got[true] != wait/2 || got[false] != wait {
				t.Errorf("waits: %v", got)
			}
		})
	})
	t.Run("ForgetsWhoIsGone", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			g := overload.NewGate(1, 10, time.Hour)
			g.Enter(t.Context())
			ctx, cancel := context.WithCancel(t.Context())
			var group sync.WaitGroup
			for range 10 {
				group.Go(func() {
					if g.Enter(ctx) {
						t.Error("was let in")
					}
				})
			}
			synctest.Wait()
			cancel()
			group.Wait()
			if g.Waiting() != 0 || g.Inside() != 1 {
				t.Errorf("%d inside, %d waiting", g.Inside(), g.Waiting())
			}
		})
	})
}

func TestBudget(t *testing.T) {
	t.Parallel()
	b := overload.NewBudget(10)
	for i, step := range []struct {
		take int64
		want bool
		used int64
	}{{6, true, 6}, {5, false, 6}, {4, true, 10}, {1, false, 10}, {0, true, 10}} {
		if got := b.Take(step.take); got != step.want || b.Used() != step.used {
			t.Errorf("step %d: %t, %d used", i, got, b.Used())
		}
	}
	b.Give(10)
	// Something larger than all must be possible at all.
	if !b.Take(50) || b.Take(1) {
		t.Error("one alone cannot have more, or two can")
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	inner, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dropped := make(chan struct{}, 10)
	l := overload.Limit(inner, overload.Limits{Connections: 2, Reserve: 1, Closed: func(overload.Closed) { dropped <- struct{}{} }})
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	var servers []net.Conn
	for i, over := range []bool{false, false, true} {
		dial()
		c := <-accepted
		servers = append(servers, c)
		if got := overload.Begin(overload.ConnContext(t.Context(), c)); got != over {
			t.Errorf("connection %d: over the limit is %t", i, got)
		}
	}
	refused := dial()
	<-dropped
	if _, err := refused.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the fourth connection: %v", err)
	}
	// Closing twice, as net/http does, makes room once.
	_, _ = servers[0].Close(), servers[0].Close()
	_ = servers[1].Close()
	if l.Open() != 1 {
		t.Errorf("%d are open", l.Open())
	}
	dial()
	c := <-accepted
	if overload.Begin(overload.ConnContext(t.Context(), c)) {
		t.Error("there is room again, and the next is over the limit")
	}
	_, _, _ = c.Close(), servers[2].Close(), l.Close()
	<-accepted
}

// TestHeads: what is read before a head is whole counts, beside a part that is
// free, until the request has ended or the connection is closed.
func TestHeads(t *testing.T) {
	t.Parallel()
	inner := &pipes{conns: make(chan net.Conn, 1)}
	closed := 0
	l := overload.Limit(inner, overload.Limits{Connections: 10, Heads: 100, FreeHead: 10, Closed: func(why overload.Closed) {
		if closed++; why != overload.ClosedHeads {
			t.Errorf("closed for %s", why)
		}
	}})
	dial := func() (send func(bytes int) error, server net.Conn) {
		client, far := net.Pipe()
		inner.conns <- far
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close(); server.Close() })
		return func(bytes int) error {
			go func() { _, _ = client.Write(make([]byte, bytes)) }()
			_, err := io.ReadFull(server, make([]byte, bytes))
			return err
		}, server
	}
	var busy []net.Conn
	for range 2 {
		send, server := dial()
		for _, bytes := range []int{4, 16, 40} { // 50 over
			if err := send(bytes); err != nil {
				t.Fatal(err)
			}
		}
		busy = append(busy, server)
	}
	small, _ := dial()
	large, server := dial()
	if err := errors.Join(small(10), large(10)); err != nil {
		t.Errorf("what is free: %v", err)
	}
	if err := large(1); err == nil || closed != 1 {
		t.Errorf("the budget is used up: %v, %d closed", err, closed)
	}
	_ = server.Close()
	overload.Begin(overload.ConnContext(t.Context(), busy[0]))
	again, _ := dial()
	if err := again(11); err == nil {
		t.Error("a request at work gives its head back")
	}
	overload.Idle(busy[0])
	again, _ = dial()
	if err := again(60); err != nil {
		t.Errorf("another has ended: %v", err)
	}
	_ = busy[1].Close()
	again, server = dial()
	overload.Begin(overload.ConnContext(t.Context(), server))
	if err := again(1000); err != nil {
		t.Errorf("a body is no head: %v", err)
	}
	overload.Idle(server)
	if err := again(60); err != nil {
		t.Errorf("another is closed: %v", err)
	}
}

// pipes is a listener of what is put into it.
type pipes struct{ conns chan net.Conn }

func (p *pipes) Accept() (net.Conn, error) { return <-p.conns, nil }
func (p *pipes) Close() error              { return nil }
func (p *pipes) Addr() net.Addr            { return nil }

func BenchmarkGate(b *testing.B) {
	g := overload.NewGate(64, 1024, time.Second)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if g.Enter(b.Context()) {
				g.Leave()
			}
		}
	})
}
