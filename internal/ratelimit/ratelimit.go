// Package ratelimit bounds how often each caller may call, by a token bucket a
// key. It knows neither HTTP nor what a call is for.
package ratelimit

import (
	"math"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// sweepAt is how many buckets there are when the full ones are dropped for the
// first time.
const sweepAt = 1024

// Limiter allows each key a number of calls a minute. It is safe for concurrent
// use.
type Limiter struct {
	perMinute int

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
	sweep   int // how many buckets there are when it sweeps next
}

// New returns a limiter with a bucket of perMinute calls for each key, which
// fills again at perMinute a minute.
func New(perMinute int) *Limiter {
	return &Limiter{perMinute: perMinute, buckets: map[string]*rate.Limiter{}, sweep: sweepAt}
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
func (l *Limiter) Allow(key string, now time.Time) Decision {
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket := l.buckets[key]
	if bucket == nil {
		l.makeRoom(now)
		bucket = rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.perMinute)
		l.buckets[strings.Clone(key)] = bucket // it may be part of a larger text
	}
	d := Decision{Allowed: bucket.AllowN(now, 1), Limit: l.perMinute}
	tokens := bucket.TokensAt(now)
	d.Remaining = max(int(tokens), 0)
	d.Reset = l.fillTime(float64(l.perMinute) - tokens)
	if !d.Allowed {
		d.RetryAfter = l.fillTime(1 - tokens)
	}
	return d
}

// fillTime is how long so many tokens take, rounded up to seconds.
func (l *Limiter) fillTime(tokens float64) time.Duration {
	return time.Duration(math.Ceil(tokens*60/float64(l.perMinute))) * time.Second
}

// makeRoom drops the buckets that are full, which is the same as having none,
// when there are twice as many as were left the last time.
func (l *Limiter) makeRoom(now time.Time) {
	if len(l.buckets) < l.sweep {
		return
	}
	for key, bucket := range l.buckets {
		if bucket.TokensAt(now) >= float64(l.perMinute) {
			delete(l.buckets, key)
		}
	}
	l.sweep = max(2*len(l.buckets), sweepAt)
}
