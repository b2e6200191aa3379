// Package limit keeps a server alive when more comes in than it can do: a Gate
// bounds the work that is done at once, a Listener the connections, and Rates
// how often each caller may call. What is over a bound is refused at once or
// after a short wait, and never queued without end.
//
// It knows no HTTP: the transport decides how a refusal is answered.
package limit

import (
	"context"
	"sync/atomic"
	"time"
)

// Gate admits a number of callers at once. Some more wait for a short time. It
// is safe for concurrent use.
type Gate struct {
	inside  chan struct{}
	waiting atomic.Int64
	queue   int64
	wait    time.Duration
}

// NewGate returns a gate that admits inside callers at once. Up to queue more
// wait for their turn, each for wait at most.
func NewGate(inside, queue int, wait time.Duration) *Gate {
	return &Gate{inside: make(chan struct{}, inside), queue: int64(queue), wait: wait}
}

// Enter reports whether the caller is admitted. One that is must call Leave.
func (g *Gate) Enter(ctx context.Context) bool {
	select {
	case g.inside <- struct{}{}:
		return true
	default:
	}
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > g.queue {
		return false
	}
	timer := time.NewTimer(g.wait)
	defer timer.Stop()
	select {
	case g.inside <- struct{}{}:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// Leave ends what Enter began.
func (g *Gate) Leave() { <-g.inside }

// Inside returns how many callers are admitted now.
func (g *Gate) Inside() int { return len(g.inside) }

// Waiting returns how many callers wait now.
func (g *Gate) Waiting() int { return int(g.waiting.Load()) }
