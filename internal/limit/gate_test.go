package limit_test

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

	"personae.dev/internal/limit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestGate(t *testing.T) {
	t.Parallel()
	const wait = 100 * time.Millisecond
	t.Run("AdmitsUpToItsSize", func(t *testing.T) {
		t.Parallel()
		g := limit.NewGate(2, 0, wait)
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
	t.Run("WaitsForItsTurn", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			g := limit.NewGate(1, 2, wait)
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
	t.Run("ForgetsCallersThatLeave", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			g := limit.NewGate(1, 10, time.Hour)
			g.Enter(t.Context())
			ctx, cancel := context.WithCancel(t.Context())
			var group sync.WaitGroup
			for range 10 {
				group.Go(func() {
					if g.Enter(ctx) {
						t.Error("was admitted")
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

func TestListener(t *testing.T) {
	t.Parallel()
	inner, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{}, 10)
	l := limit.NewListener(inner, 2, 1, func() { closed <- struct{}{} })
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
	over := func(c net.Conn) bool { return limit.OverLimit(limit.ConnContext(t.Context(), c)) }
	var servers []net.Conn
	for i, want := range []bool{false, false, true} {
		dial()
		c := <-accepted
		servers = append(servers, c)
		if got := over(c); got != want {
			t.Errorf("connection %d: over the limit is %t", i, got)
		}
		if got := over(wrapped{wrapped{c}}); got != want {
			t.Errorf("connection %d inside another one: over the limit is %t", i, got)
		}
	}
	refused := dial()
	<-closed
	if _, err := refused.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the fourth connection: %v", err)
	}
	// A connection that is closed twice, as net/http does, counts once.
	_, _ = servers[0].Close(), servers[0].Close()
	_ = servers[1].Close()
	if l.Open() != 1 {
		t.Errorf("%d are open", l.Open())
	}
	dial()
	c := <-accepted
	if over(c) {
		t.Error("others have closed, and the next is over the limit")
	}
	_, _, _ = c.Close(), servers[2].Close(), l.Close()
	<-accepted
}

// wrapped is a connection inside another one, as TLS has it.
type wrapped struct{ net.Conn }

func (w wrapped) NetConn() net.Conn { return w.Conn }

func BenchmarkGate(b *testing.B) {
	g := limit.NewGate(64, 1024, time.Second)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if g.Enter(b.Context()) {
				g.Leave()
			}
		}
	})
}
