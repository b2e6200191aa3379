//go:build race

package api_test

// dropped is what the race detector makes of a sync.Pool in allocations: it
// drops some of what is put there, to show faults.
const dropped = 3
