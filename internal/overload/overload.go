// Package overload keeps a server alive when more comes than it can do: a Gate
// bounds the work done at once, a Budget what is kept in memory for slow
// clients, and Limit the connections. What is over a bound is refused at once or
// after a short wait, and never queued without end.
//
// It knows no HTTP: what a refused client is told is not its business.
package overload

import (
	"context"
	"sync/atomic"
	"time"
)

// Gate lets a number of workers in at once. Some more wait for a short time. It
// is safe for concurrent use.
type Gate struct {
	inside  chan struct{}
	waiting atomic.Int64
	queue   int64
	wait    time.Duration
}

// NewGate returns a gate for so many workers inside, and so many that wait.
func NewGate(inside, queue int, wait time.Duration) *Gate {
	return &Gate{inside: make(chan struct{}, inside), queue: int64(queue), wait: wait}
}

// Enter tells whether the caller is let in, who must Leave then.
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

// Leave makes room for another one.
func (g *Gate) Leave() { <-g.inside }

// Inside is how many are in, and Waiting how many would like to.
func (g *Gate) Inside() int { return len(g.inside) }

// Waiting is how many wait before the gate.
func (g *Gate) Waiting() int { return int(g.waiting.Load()) }

// Budget is a number of bytes that are shared. It is safe for concurrent use.
type Budget struct {
	max  int64
	used atomic.Int64
}

// NewBudget returns a budget of max bytes.
func NewBudget(maxBytes int64) *Budget { return &Budget{max: maxBytes} }

// Take tells whether the caller has n bytes more, who must Give them back. One
// alone may have more than there are.
func (b *Budget) Take(n int64) bool {
	if used := b.used.Add(n); used > b.max && used != n {
		b.used.Add(-n)
		return false
	}
	return true
}

// Give returns bytes.
func (b *Budget) Give(n int64) { b.used.Add(-n) }

// Used is how many bytes are taken.
func (b *Budget) Used() int64 { return b.used.Load() }
