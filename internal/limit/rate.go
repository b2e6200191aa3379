package limit

import (
	"math"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// sweepAt is how many buckets there are when full ones are dropped for the first
// time.
const sweepAt = 1024

// Rates allows each key a number of calls a minute, by a token bucket for each.
// It is safe for concurrent use.
type Rates struct {
	perMinute int

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
	sweep   int // how many buckets there are at the next sweep
}

// NewRates returns rates with a bucket of perMinute calls for each key, which
// fills again at perMinute a minute.
func NewRates(perMinute int) *Rates {
	return &Rates{perMinute: perMinute, buckets: map[string]*rate.Limiter{}, sweep: sweepAt}
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
		bucket = rate.NewLimiter(rate.Limit(float64(r.perMinute)/60), r.perMinute)
		r.buckets[strings.Clone(key)] = bucket // key may be part of a larger text
	}
	d := Decision{Allowed: bucket.AllowN(now, 1), Limit: r.perMinute}
	tokens := bucket.TokensAt(now)
	d.Remaining = max(int(tokens), 0)
	d.Reset = r.fillTime(float64(r.perMinute) - tokens)
	if !d.Allowed {
		d.RetryAfter = r.fillTime(1 - tokens)
	}
	return d
}

// fillTime is how long so many tokens take, rounded up to seconds.
func (r *Rates) fillTime(tokens float64) time.Duration {
	return time.Duration(math.Ceil(tokens*60/float64(r.perMinute))) * time.Second
}

// dropFull drops the buckets that are full, which is the same as having none,
// once there are twice as many as were left the last time.
func (r *Rates) dropFull(now time.Time) {
	if len(r.buckets) < r.sweep {
		return
	}
	for key, bucket := range r.buckets {
		if bucket.TokensAt(now) >= float64(r.perMinute) {
			delete(r.buckets, key)
		}
	}
	r.sweep = max(2*len(r.buckets), sweepAt)
}
