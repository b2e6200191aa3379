//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"personae.dev/bench/report"
)

const (
	// stepsAtOnce of arithmetic take 0.1 ms or so, and as many readsAtOnce of far memory.
	stepsAtOnce, readsAtOnce = 100_000, 500
	// farMemory is more than a processor has near.
	farMemory = 256 << 20
)

// probe does work that takes a processor to itself the same time always.
type probe struct {
	values [6]uint64 // of the arithmetic
	next   []uint32  // of each line of the memory, the one to read after it
	at     uint32
}

// lineWords is how many words a processor reads at once.
const lineWords = 16

func newProbe(bytes int) *probe {
	lines := bytes / (4 * lineWords)
	p := &probe{next: make([]uint32, lines*lineWords)}
	order := rand.Perm(lines) //nolint:gosec // it is no secret
	for i, line := range order {
		p.next[line*lineWords] = uint32(order[(i+1)%lines] * lineWords)
	}
	return p
}

// compute returns the time of one step, in nanoseconds. It reads no memory, and no value
// waits for another, so that it takes all that the core can do at once: where a neighbour
// has a part of that, it is slower.
func (p *probe) compute() float64 {
	a, b, c, d, e, f := p.values[0], p.values[1], p.values[2], p.values[3], p.values[4], p.values[5]
	began := time.Now()
	for i := range uint64(stepsAtOnce) {
		a = (a ^ i) + 1
		b = (b ^ i) + 3
		c = (c ^ i) + 5
		d = (d ^ i) + 7
		e = (e ^ i) + 9
		f = (f ^ i) + 11
	}
	took := time.Since(began)
	p.values = [6]uint64{a, b, c, d, e, f}
	return float64(took.Nanoseconds()) / stepsAtOnce
}

// read returns the time of one read, in nanoseconds. Where the next one is, only the
// last one tells.
func (p *probe) read() float64 {
	at, began := p.at, time.Now()
	for range readsAtOnce {
		at = p.next[at]
	}
	took := time.Since(began)
	p.at = at
	return float64(took.Nanoseconds()) / readsAtOnce
}

// alone measures the contenders' core while nothing is on it, or any one where there is
// only one: what is not even here is the machine's, but for what Go's scheduler takes.
func (b *bench) alone(ctx context.Context, m *report.Measure) error {
	return b.onServerCore(func() error {
		p := newProbe(farMemory)
		runtime.GC() // not while it is timed
		steps, reads := make([][]float64, b.rounds), make([][]float64, b.rounds)
		for round := range b.rounds {
			for began := time.Now(); ; {
				runtime.Gosched() // here, and not within what is timed
				steps[round] = append(steps[round], p.compute())
				reads[round] = append(reads[round], p.read())
				if err := ctx.Err(); err != nil {
					return err
				}
				if time.Since(began) >= b.each {
					break
				}
			}
		}
		m.Rows = append(m.Rows, overLeast("arithmetic alone on the core", steps)...)
		m.Rows = append(m.Rows, overLeast("a read of far memory, alone on the core", reads)...)
		m.Notes = append(m.Notes, fmt.Sprintf("Each value is the time of %d steps or %d reads, to the least time of all rounds. Where arithmetic is not at 1, the core is shared with others, whom nobody sees from here, or changes its speed.", stepsAtOnce, readsAtOnce))
		return nil
	})
}

// overLeast is how far times are from the least of all rounds.
func overLeast(what string, rounds [][]float64) []report.Row {
	least := slices.Min(slices.Concat(rounds...))
	median, p99 := report.Row{What: what + ": median to the least", Unit: "×"}, report.Row{What: what + ": p99 to the least", Unit: "×"}
	for _, times := range rounds {
		slices.Sort(times)
		median.Values = append(median.Values, at(times, 0.50)/least)
		p99.Values = append(p99.Values, at(times, 0.99)/least)
	}
	return []report.Row{median, p99}
}
