package limit

import (
	"math"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// sweepAt is how many buckets there are when full ones are dropped for the
	// first time.
	sweepAt = 1024
	// MaxBuckets is how many keys may have a bucket that is not full; calls of
	// others are refused.
	MaxBuckets = 100_000
)

// Rates allows each key a number of calls in a time, by a token bucket for each.
// It is safe for concurrent use.
type Rates struct {
	calls int
	per   time.Duration

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
	sweep   int // how many buckets there are at the next sweep
}

// NewRates returns rates with a bucket of so many calls for each key, which fills
// again within a time.
func NewRates(calls int, per time.Duration) *Rates {
	return &Rates{calls: calls, per: per, buckets: map[string]*rate.Limiter{}, sweep: sweepAt}
}

// Decision is the answer to one call.
type Decision struct {
	Allowed bool
	// Limit is the size of the bucket, and Remaining how many calls it still
	// allows now.
	Limit, Remaining int
	// Reset is how long until the bucket is full again, in whole seconds.
	Reset time.Duration
	// RetryAfter is how long until the next call is allowed, in whole seconds;
	// 0 where Allowed.
	RetryAfter time.Duration
}

// Allow decides on a call of key at the time now.
func (r *Rates) Allow(key string, now time.Time) Decision {
	r.mu.Lock()
	defer r.mu.Unlock()
	bucket := r.buckets[key]
	if bucket == nil {
		r.dropFull(now)
		if len(r.buckets) == MaxBuckets {
			return Decision{Limit: r.calls, Reset: r.per, RetryAfter: r.per}
		}
		bucket = rate.NewLimiter(rate.Limit(float64(r.calls)/r.per.Seconds()), r.calls)
		r.buckets[strings.Clone(key)] = bucket // key may be part of a larger text
	}
	d := Decision{Allowed: bucket.AllowN(now, 1), Limit: r.calls}
	tokens := bucket.TokensAt(now)
	d.Remaining = max(int(tokens), 0)
	d.Reset = r.fillTime(float64(r.calls) - tokens)
	if !d.Allowed {
		d.RetryAfter = r.fillTime(1 - tokens)
	}
	return d
}

// fillTime is how long so many tokens take, rounded up to seconds.
func (r *Rates) fillTime(tokens float64) time.Duration {
	return time.Duration(math.Ceil(tokens*r.per.Seconds()/float64(r.calls))) * time.Second
}

// dropFull drops the buckets that are full, which is the same as having none,
// once there are twice as many as were left the last time.
func (r *Rates) dropFull(now time.Time) {
	if len(r.buckets) < r.sweep {
		return
	}
	for key, bucket := range r.buckets {
		if bucket.TokensAt(now) >= float64(r.calls) {
			delete(r.buckets, key)
		}
	}
	r.sweep = min(max(2*len(r.buckets), sweepAt), MaxBuckets)
}
