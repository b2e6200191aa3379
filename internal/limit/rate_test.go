package limit

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// start is any time: Rates knows only the times that it is given.
var start = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

func TestRates(t *testing.T) {
	t.Parallel()
	l := NewRates(1000, time.Minute)
	for i := range 1000 {
		// The bucket fills at 16.67 a second.
		want := Decision{Allowed: true, Limit: 1000, Remaining: 999 - i, Reset: time.Duration((i+1)*60+999) / 1000 * time.Second}
		if diff := cmp.Diff(want, l.Allow("k", start)); diff != "" {
			t.Fatalf("call %d (-want +got):\n%s", i+1, diff)
		}
	}
	empty := Decision{Limit: 1000, Reset: time.Minute, RetryAfter: time.Second}
	steps := []struct {
		after time.Duration
		want  Decision
	}{
		{0, empty},
		{0, empty}, // what is refused costs nothing
		{59 * time.Millisecond, empty},
		{60 * time.Millisecond, Decision{Allowed: true, Limit: 1000, Reset: time.Minute}},
		{60 * time.Millisecond, empty},
		// 15.7 tokens later.
		{1001 * time.Millisecond, Decision{Allowed: true, Limit: 1000, Remaining: 14, Reset: time.Minute}},
		{30 * time.Second, Decision{Allowed: true, Limit: 1000, Remaining: 497, Reset: 31 * time.Second}},
		{time.Hour, Decision{Allowed: true, Limit: 1000, Remaining: 999, Reset: time.Second}},
		// A clock that goes back gives nothing, and takes nothing.
		{0, Decision{Allowed: true, Limit: 1000, Remaining: 998, Reset: time.Second}},
	}
	for i, step := range steps {
		if diff := cmp.Diff(step.want, l.Allow("k", start.Add(step.after))); diff != "" {
			t.Errorf("step %d, after %s (-want +got):\n%s", i, step.after, diff)
		}
	}
}

func TestKeysAreIndependent(t *testing.T) {
	t.Parallel()
	l := NewRates(2, time.Minute)
	for _, key := range []string{"a", "b", ""} {
		for i, want := range []bool{true, true, false} {
			if d := l.Allow(key, start); d.Allowed != want {
				t.Errorf("call %d of %q: %+v", i+1, key, d)
			}
		}
	}
}

// TestRetryAfter: a caller that waits for RetryAfter is allowed, and after Reset
// nothing is known of earlier calls.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		perMinute := rapid.IntRange(1, 5000).Draw(t, "perMinute")
		l, now := NewRates(perMinute, time.Minute), start
		for range rapid.IntRange(1, 200).Draw(t, "calls") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "pause")))
			for range rapid.IntRange(1, 50).Draw(t, "burst") {
				d := l.Allow("k", now)
				if d.Limit != perMinute || d.Remaining < 0 || d.Remaining > perMinute || d.Reset < 0 || d.Reset > time.Minute {
					t.Fatalf("%+v of %d a minute", d, perMinute)
				}
				if d.Allowed == (d.RetryAfter > 0) || d.RetryAfter%time.Second != 0 || d.Reset%time.Second != 0 {
					t.Fatalf("%+v of %d a minute", d, perMinute)
				}
				if d.Allowed {
					continue
				}
				now = now.Add(d.RetryAfter)
				if d := l.Allow("k", now); !d.Allowed {
					t.Fatalf("after the wait: %+v of %d a minute", d, perMinute)
				}
			}
		}
		reset := l.Allow("k", now).Reset
		if d := l.Allow("k", now.Add(reset)); d.Remaining != perMinute-1 {
			t.Fatalf("after the reset: %+v of %d a minute", d, perMinute)
		}
	})
}

// TestLongRun: over any time, no more calls pass than the rate and one bucket.
func TestRatesLongRun(t *testing.T) {
	t.Parallel()
	const perMinute, minutes = 60, 10
	l, allowed := NewRates(perMinute, time.Minute), 0
	for ms := 0; ms < minutes*60_000; ms += 100 {
		if l.Allow("k", start.Add(time.Duration(ms)*time.Millisecond)).Allowed {
			allowed++
		}
	}
	if want := perMinute*minutes + perMinute - 1; allowed < want-1 || allowed > want+1 {
		t.Errorf("%d calls passed in %d minutes, want about %d", allowed, minutes, want)
	}
}

func TestIdleKeysAreForgotten(t *testing.T) {
	t.Parallel()
	l, now, most := NewRates(1000, time.Minute), start, 0
	for i := range 100 * sweepAt {
		l.Allow(strconv.Itoa(i), now)
		now = now.Add(time.Millisecond) // a bucket is full again after 60 of them
		most = max(most, len(l.buckets))
	}
	if most > sweepAt {
		t.Errorf("there were %d buckets at once, want %d at most", most, sweepAt)
	}
}

func TestBusyKeysAreKept(t *testing.T) {
	t.Parallel()
	// However many there are, a caller that used up its bucket gets no new one.
	const keys = 5 * sweepAt
	l := NewRates(1, time.Minute)
	for i := range keys {
		if d := l.Allow(strconv.Itoa(i), start); !d.Allowed {
			t.Fatalf("first call of %d: %+v", i, d)
		}
	}
	for i := range keys {
		if d := l.Allow(strconv.Itoa(i), start.Add(time.Second)); d.Allowed || d.RetryAfter != 59*time.Second {
			t.Fatalf("second call of %d: %+v", i, d)
		}
	}
	// When all are idle, the memory is given back.
	later := start.Add(time.Hour)
	for i := range keys {
		l.Allow(fmt.Sprint("new ", i), later.Add(time.Duration(i)*time.Minute))
	}
	if len(l.buckets) > sweepAt {
		t.Errorf("%d buckets are left, want %d at most", len(l.buckets), sweepAt)
	}
}

func TestRatesAtOnce(t *testing.T) {
	t.Parallel()
	l := NewRates(100, time.Minute)
	var group sync.WaitGroup
	var allowed atomic.Int64
	for i := range 8 {
		group.Go(func() {
			for n := range 500 {
				if l.Allow("shared", start).Allowed {
					allowed.Add(1)
				}
				l.Allow(fmt.Sprint(i, n), start)
			}
		})
	}
	group.Wait()
	if n := allowed.Load(); n != 100 {
		t.Errorf("%d calls passed at once, want 100", n)
	}
}

// TestRatesAreBounded shows that whoever sends ever new keys takes no more memory,
// and gets no more calls.
func TestRatesAreBounded(t *testing.T) {
	t.Parallel()
	rates, now := NewRates(1, time.Minute), start
	for i := range MaxBuckets {
		if !rates.Allow(strconv.Itoa(i), now).Allowed {
			t.Fatalf("key %d is refused", i)
		}
	}
	if d := rates.Allow("one more", now); d.Allowed || d.RetryAfter != time.Minute {
		t.Errorf("one key too many: %+v", d)
	}
	if d := rates.Allow("one more", now.Add(time.Minute)); !d.Allowed {
		t.Errorf("after a minute: %+v", d)
	}
}
