package library

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"personae.dev/internal/errs"
)

// counted is a cache whose loads are counted.
type counted struct {
	*cache[string, string]
	loads, hits atomic.Int32
}

func newCounted(t *testing.T, maxBytes int64) *counted {
	t.Helper()
	c := &counted{}
	var err error
	c.cache, err = newCache(maxBytes, func(k, v string) int { return len(k) + len(v) }, func(hit bool) {
		if hit {
			c.hits.Add(1)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// load returns a load that takes a while and returns what value is at its
// beginning.
func (c *counted) load(while time.Duration, value func() (string, error)) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		c.loads.Add(1)
		v, err := value()
		select {
		case <-time.After(while):
			return v, err
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

func says(v string) func() (string, error) { return func() (string, error) { return v, nil } }

func (c *counted) want(t *testing.T, want string, loads int32, while time.Duration, value func() (string, error)) {
	t.Helper()
	got, err := c.get(t.Context(), "key", c.load(while, value))
	if err != nil || got != want {
		t.Errorf("get = %q, %v; want %q", got, err, want)
	}
	if n := c.loads.Load(); n != loads {
		t.Errorf("%d loads; want %d", n, loads)
	}
}

func TestCache(t *testing.T) {
	t.Parallel()
	const big = 1 << 20
	t.Run("counts an entry's time from before its query", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newCounted(t, big)
			c.want(t, "old", 1, 500*time.Millisecond, says("old"))
			elapse(399 * time.Millisecond)
			c.want(t, "old", 1, 0, says("new"))
			elapse(2 * time.Millisecond)
			c.want(t, "new", 2, 0, says("new"))
		})
	})
	t.Run("asks once for many", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newCounted(t, big)
			var group sync.WaitGroup
			for range 50 {
				group.Go(func() { c.want(t, "x", 1, 100*time.Millisecond, says("x")) })
			}
			group.Wait()
			if hits := c.hits.Load(); hits != 49 {
				t.Errorf("%d hits; want 49", hits)
			}
		})
	})
	t.Run("does not keep what a change overtook", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newCounted(t, big)
			var value atomic.Value
			value.Store("old")
			now := func() (string, error) { return value.Load().(string), nil }
			go func() {
				elapse(50 * time.Millisecond)
				value.Store("new")
				c.drop("key")
			}()
			c.want(t, "new", 2, 100*time.Millisecond, now) // the load that was overtaken is made again
			c.want(t, "new", 2, 0, now)
		})
	})
	t.Run("does not keep what an import overtook", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newCounted(t, big)
			go func() { _, _ = c.get(t.Context(), "key", c.load(100*time.Millisecond, says("old"))) }()
			elapse(50 * time.Millisecond)
			c.dropAll()
			c.want(t, "new", 2, 0, says("new")) // though the load of the other request is under way
			elapse(100 * time.Millisecond)
			c.want(t, "new", 2, 0, says("new"))
		})
	})
	t.Run("does not take the old load of another request", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newCounted(t, big)
			go func() { _, _ = c.get(t.Context(), "key", c.load(2*time.Second, says("old"))) }()
			elapse(time.Second)
			c.want(t, "new", 2, 0, says("new"))
			elapse(2 * time.Second)
		})
	})
	t.Run("keeps no absence", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newCounted(t, big)
			absent := func() (string, error) { return "", errs.NotFoundf("x_not_found", "not there") }
			go func() {
				if _, err := c.get(t.Context(), "key", c.load(time.Second, absent)); errs.KindOf(err) != errs.NotFound {
					t.Errorf("get = %v; want not found", err)
				}
			}()
			elapse(500 * time.Millisecond)
			c.want(t, "there", 2, 0, says("there")) // though it waited for one that found nothing
			c.want(t, "there", 3, 0, says("there"))
			c.want(t, "there", 3, 0, says("there"))
		})
	})
	t.Run("does not fail for a first caller that leaves", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newCounted(t, big)
			ctx, leave := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer leave()
			go func() {
				if _, err := c.get(ctx, "key", c.load(time.Second, says("x"))); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("get = %v; want the context's error", err)
				}
			}()
			elapse(50 * time.Millisecond)
			c.want(t, "x", 2, time.Second, says("x"))
		})
	})
	t.Run("is bounded by bytes", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			const entries = 50
			c := newCounted(t, entries*(entryBytes+1000))
			for i := range 100 * entries {
				key := fmt.Sprintf("%08d", i)
				if _, err := c.get(t.Context(), key, func(context.Context) (string, error) { return string(make([]byte, 1000-len(key))), nil }); err != nil {
					t.Fatal(err)
				}
			}
			c.entries.CleanUp()
			if n := c.entries.EstimatedSize(); n == 0 || n > entries {
				t.Errorf("%d entries; want 1 to %d", n, entries)
			}
		})
	})
	t.Run("can be off", func(t *testing.T) {
		t.Parallel()
		c := newCounted(t, 0)
		c.want(t, "a", 1, 0, says("a"))
		c.want(t, "b", 2, 0, says("b"))
		c.drop("key")
		c.dropAll()
	})
}

// TestCacheAfterASlowLoad shows that a load which takes longer than an entry lives
// leaves no entry that is passed over for ever.
func TestCacheAfterASlowLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCounted(t, 1<<20)
		c.want(t, "a", 1, 2*cacheFor, says("a"))
		elapse(time.Millisecond)
		c.want(t, "b", 2, 0, says("b"))
		c.want(t, "b", 2, 0, says("c"))
	})
}

// elapse lets time pass in a synctest bubble.
func elapse(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // the time is that of a bubble
