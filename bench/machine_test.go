//go:build linux

package main

import (
	"slices"
	"testing"
)

// TestProbe: each line of the memory is read before one is read again.
func TestProbe(t *testing.T) {
	t.Parallel()
	const lines = 1000
	p := newProbe(lines * 4 * lineWords)
	seen := map[uint32]bool{}
	for at := uint32(0); !seen[at]; at = p.next[at] {
		seen[at] = true
	}
	if len(seen) != lines {
		t.Errorf("%d lines are read, want %d", len(seen), lines)
	}
	if step, read := p.compute(), p.read(); step <= 0 || read <= 0 {
		t.Errorf("a step takes %v ns, and a read %v", step, read)
	}
}

func TestOverLeast(t *testing.T) {
	t.Parallel()
	even, uneven := make([]float64, 100), make([]float64, 100)
	for i := range even {
		even[i], uneven[i] = 2, float64(2*(i+1))
	}
	slices.Reverse(uneven)
	rows := overLeast("x", [][]float64{even, uneven})
	if got := [][]float64{rows[0].Values, rows[1].Values}; !slices.EqualFunc(got, [][]float64{{1, 51}, {1, 100}}, slices.Equal) {
		t.Errorf("median and p99 to the least are %v", got)
	}
}
