// Package parallel runs one piece of work on all processors, and has ended all
// of it when it returns. It knows nothing of the work, and is not for waiting:
// what it runs shall keep a processor busy.
package parallel

import (
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	// share is how many pieces a goroutine takes at once: so many that taking
	// them costs nothing, and so few that all are busy until the end.
	share = 16
	// ahead is how many results InOrder may have that nobody has taken yet. They
	// are in memory; and who takes them does so in bursts.
	ahead = 8
)

// Each calls fn with every number from 0 to n-1, in any order.
func Each(n int, fn func(i int)) {
	var taken atomic.Int64
	work := func() {
		for {
			end := int(taken.Add(share))
			if end-share >= n {
				return
			}
			for i := end - share; i < min(end, n); i++ {
				fn(i)
			}
		}
	}
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (n+share-1)/share) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
}

// InOrder returns what fn makes of each of in, in their order. Who takes the
// results reads in, a few ahead; so a sequence that blocks keeps nobody else.
func InOrder[In, Out any](in iter.Seq[In], fn func(In) Out) iter.Seq[Out] {
	return func(yield func(Out) bool) {
		var working sync.WaitGroup
		defer working.Wait()
		results := make([]chan Out, 0, ahead+1)
		first := func() Out {
			result := <-results[0]
			results = append(results[:0], results[1:]...)
			return result
		}
		for value := range in {
			result := make(chan Out, 1) // nobody may take it
			results = append(results, result)
			working.Go(func() { result <- fn(value) })
			if len(results) > ahead && !yield(first()) {
				return
			}
		}
		for len(results) > 0 {
			if !yield(first()) {
				return
			}
		}
	}
}
