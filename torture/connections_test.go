package torture

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"personae.dev/internal/machinetest"
)

// probeBound is what 99 of 100 answers to a client must be within, whatever
// others do. It leaves room for a machine that the tests share. A flood of heads
// takes the processor too, to read them and to clean up.
const probeBound, floodBound = 250 * time.Millisecond, 2 * time.Second

func checkProbe(t *testing.T, l *latencies, bound time.Duration) {
	t.Helper()
	figure(t, "probe: %s", l)
	if *torture && l.at(.99) > bound {
		t.Errorf("p99 is %s, want %s at most", l.at(.99), bound)
	}
}

// slowOnes is how many clients send slowly.
const slowOnes = 1000

// idleMiB bounds the memory of a server with 10,000 idle connections, slowMiB of
// one with slowOnes.
const idleMiB, slowMiB = 300, 128

// nothingLeft returns a check that the server has about as many goroutines again
// as it has now.
func nothingLeft(t *testing.T, s *server) (check func()) {
	t.Helper()
	const name = "go_goroutines"
	before := s.metric(t, name)
	return func() {
		t.Helper()
		until(t, 10*time.Second, "as few goroutines as before", func() bool { return s.metric(t, name) < before+20 })
		figure(t, "goroutines: %.0f before, %.0f after", before, s.metric(t, name))
	}
}

// TestIdleConnections opens many connections, each with one request, and lets
// them be.
func TestIdleConnections(t *testing.T) { //nolint:paralleltest // it measures
	idle := sized(1000, 10_000)
	s := start(t, t.TempDir(), "", "--max-connections", "12000")
	s.fill(t)
	check := nothingLeft(t, s)
	stop := s.probe(t)
	tick := time.NewTimer(time.Second)
	<-tick.C
	before := s.residentMiB()
	conns := make([]net.Conn, 0, idle)
	closeAll := func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}
	defer closeAll()
	for i := range idle {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			machinetest.Lacks(t, "only %d connections can be opened here (ulimit -n): %v", i, err)
		}
		conns = append(conns, c)
		_, err = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\napi_key: %s\r\n\r\n", onePath, s.key)
		must(t, err)
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		must(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		must(t, err)
		if response.StatusCode != http.StatusOK {
			t.Fatalf("connection %d: %s", i, response.Status)
		}
	}
	after := s.residentMiB()
	figure(t, "%d idle connections: resident memory from %d to %d MiB, %.1f KiB a connection", idle, before, after, float64(after-before)*1024/float64(idle))
	tick.Reset(sized(time.Second, *loadFor/3))
	<-tick.C
	checkProbe(t, stop(), probeBound)
	if limit := sized(96, idleMiB); after > limit {
		t.Errorf("%d MiB resident, want %d at most", after, limit)
	}
	closeAll()
	check()
}

// TestSlowLoris lets many clients send a byte a second, half of them heads and
// half of them bodies, and counts when they are cut off.
func TestSlowLoris(t *testing.T) { //nolint:paralleltest // it measures
	long(t, "TestSlowClients in internal/server")
	s := start(t, t.TempDir(), "")
	s.fill(t)
	check := nothingLeft(t, s)
	for _, kind := range []struct {
		name, head string
		within     time.Duration
	}{
		{"heads", "GET / HTTP/1.1\r\nHost: x\r\n", 10 * time.Second},
		{"bodies", "POST /api/v2/persona/create HTTP/1.1\r\nHost: x\r\napi_key: " + s.key + "\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n", 30 * time.Second},
	} {
		stop := s.probe(t)
		var group sync.WaitGroup
		var longest atomic.Int64
		for range slowOnes {
			group.Go(func() {
				began := time.Now()
				c, err := net.Dial("tcp", s.address)
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				gone := make(chan struct{})
				go func() {
					defer close(gone)
					_, _ = io.Copy(io.Discard, c)
				}()
				_, _ = io.WriteString(c, kind.head)
				second := time.NewTicker(time.Second)
				defer second.Stop()
				for {
					select {
					case <-gone:
						for took := int64(time.Since(began)); ; {
							if old := longest.Load(); old >= took || longest.CompareAndSwap(old, took) {
								return
							}
						}
					case <-second.C:
						_, _ = c.Write([]byte("x"))
					}
				}
			})
		}
		group.Wait()
		took, resident := time.Duration(longest.Load()).Round(time.Millisecond), s.residentMiB()
		figure(t, "%d clients with slow %s: the last was cut off after %s; %d MiB resident", slowOnes, kind.name, took, resident)
		if resident > slowMiB {
			t.Errorf("%d MiB resident, want %d at most", resident, slowMiB)
		}
		if took > kind.within+5*time.Second {
			t.Errorf("slow %s were cut off after %s, want %s", kind.name, took, kind.within)
		}
		checkProbe(t, stop(), probeBound)
	}
	until(t, 5*time.Second, "few connections", func() bool { return s.metric(t, "personae_connections") < 5 })
	check()
}

// TestHeaderFlood sends heads nearly as large as they may be, of many small
// header fields, that never end.
func TestHeaderFlood(t *testing.T) { //nolint:paralleltest // it measures
	long(t, "TestHeadTooLarge in internal/server")
	s := start(t, t.TempDir(), "")
	s.fill(t)
	check := nothingLeft(t, s)
	stop := s.probe(t)
	before, most := s.residentMiB(), 0
	var b strings.Builder
	b.WriteString("GET / HTTP/1.1\r\nHost: x\r\n")
	for i := 0; b.Len() < 15<<10; i++ {
		fmt.Fprintf(&b, "X-%d: y\r\n", i)
	}
	conns := make([]net.Conn, slowOnes)
	for i := range conns {
		c, err := net.Dial("tcp", s.address)
		must(t, err)
		defer c.Close()
		conns[i] = c
		_, err = io.WriteString(c, b.String())
		must(t, err)
		most = max(most, s.residentMiB())
	}
	for _, c := range conns {
		_, _ = io.Copy(io.Discard, c) // until it is cut off
		most = max(most, s.residentMiB())
	}
	figure(t, "%d heads of 15 KiB that do not end: resident memory from %d to %d MiB", slowOnes, before, most)
	if limit := before + 192; most > limit {
		t.Errorf("%d MiB resident, want %d at most", most, limit)
	}
	checkProbe(t, stop(), floodBound)
	check()
}
