package parallel_test

import (
	"iter"
	"slices"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"personae.dev/internal/parallel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEach(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 15, 16, 17, 1000} {
		calls := make([]atomic.Int32, n)
		parallel.Each(n, func(i int) { calls[i].Add(1) })
		for i := range calls {
			if got := calls[i].Load(); got != 1 {
				t.Errorf("of %d, number %d was called %d times", n, i, got)
			}
		}
	}
}

func numbers(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func TestInOrder(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 5, 1000} {
		got := slices.Collect(parallel.InOrder(numbers(n), func(i int) int { return 2 * i }))
		if len(got) != n {
			t.Fatalf("of %d there are %d", n, len(got))
		}
		for i, value := range got {
			if value != 2*i {
				t.Fatalf("at %d stands %d", i, value)
			}
		}
	}
}

// TestInOrderEndsEarly stops before the end: goleak tells whether all ended.
func TestInOrderEndsEarly(t *testing.T) {
	t.Parallel()
	var taken int
	for value := range parallel.InOrder(numbers(1000), func(i int) int { return i }) {
		if taken++; value == 10 {
			break
		}
	}
	if taken != 11 {
		t.Errorf("taken: %d", taken)
	}
}
