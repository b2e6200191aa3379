// Package usage notes when API keys were last used, without a write for each
// request.
package usage

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"personae.dev/internal/persona"
)

const (
	// early is how many keys are used before they are written down at once, and
	// not within a minute: the longer it takes, the more uses are one write.
	early = 150_000
	// atMost is how many are noted while the database cannot be written to. A
	// use of others is forgotten.
	atMost = 200_000
	// perWrite is how many are written down in one transaction: others wait for
	// that.
	perWrite = 5_000
	// perGentleWrite is that where requests come first, which wait for it, too, where
	// they share its processor: less than a millisecond. One begins each maxTurn, or as
	// often as it needs for all to be written within the time that there is; the pause
	// after it is pauses times as long as it took at least, but maxPause at most.
	perGentleWrite = 40
	maxTurn        = 100 * time.Millisecond
	pauses         = 9
	maxPause       = time.Second
)

// Times knows which keys were used since they were last written down.
type Times struct {
	mu    sync.Mutex
	noted map[string]*Use // by key
	many  chan struct{}
}

// Use is where uses of a key are noted. There may be several of a key, which
// count as one.
type Use struct {
	last  atomic.Int64 // UTC microseconds
	noted atomic.Bool  // it is in Times
}

// New returns Times without any.
func New() *Times { return &Times{noted: map[string]*Use{}, many: make(chan struct{}, 1)} }

// Many tells, once, when there is so much to write down that it should be done
// at once.
func (u *Times) Many() <-chan struct{} { return u.many }

// At notes that the key was used now.
func (u *Times) At(use *Use, keyOID string, now time.Time) {
	use.last.Store(now.UnixMicro())
	if !use.noted.Load() && use.noted.CompareAndSwap(false, true) {
		u.note(keyOID, use)
	}
}

// atLeast sets the time of the last use to one that is later.
func (u *Use) atLeast(last int64) {
	for {
		own := u.last.Load()
		if own >= last || u.last.CompareAndSwap(own, last) {
			return
		}
	}
}

func (u *Times) note(keyOID string, use *Use) {
	u.mu.Lock()
	defer u.mu.Unlock()
	other, known := u.noted[keyOID]
	switch {
	case known:
		// The new one takes its place: a key that is read anew is used there
		// from now on. Whoever uses the other notes it again.
		other.noted.Store(false)
		use.atLeast(other.last.Load())
	case len(u.noted) >= atMost:
		use.noted.Store(false)
		return
	}
	u.noted[keyOID] = use
	if len(u.noted) >= early {
		u.tellMany()
	}
}

func (u *Times) tellMany() {
	select {
	case u.many <- struct{}{}:
	default:
	}
}

// Flush writes down what is new. What could not be written is kept for the next
// time. A server at work gives it time, over which it spreads what there is to write,
// and takes a tenth of it at most: the rest is for requests, until there are Many again.
// With none it writes all at once.
func (u *Times) Flush(ctx context.Context, store persona.Store, over time.Duration) error {
	u.mu.Lock()
	noted := u.noted
	u.noted = map[string]*Use{}
	u.mu.Unlock()
	for _, use := range noted {
		use.noted.Store(false) // what is used from here on is noted again
	}
	// Neighbours are written together, as they stand together in the database.
	keyOIDs := slices.Sorted(maps.Keys(noted))
	gently, turn := over > 0, min(over*perGentleWrite/time.Duration(max(len(keyOIDs), 1)), maxTurn)
	for len(keyOIDs) > 0 {
		most, began := perWrite, time.Now()
		if gently {
			most = perGentleWrite
		}
		some := keyOIDs[:min(most, len(keyOIDs))]
		lastUsed := make(map[string]time.Time, len(some))
		for _, keyOID := range some {
			lastUsed[keyOID] = time.UnixMicro(noted[keyOID].last.Load()).UTC()
		}
		// Not under the lock: the database may be another's for seconds, and
		// requests wait for note.
		if err := store.Write(ctx, func(tx persona.Tx) error { return tx.TouchAPIKeys(ctx, lastUsed) }); err != nil {
			for _, keyOID := range keyOIDs {
				u.again(keyOID, noted[keyOID])
			}
			return err
		}
		for _, keyOID := range some {
			delete(noted, keyOID) // or it would be in memory until the last one is written
		}
		keyOIDs = keyOIDs[len(some):]
		if gently && len(keyOIDs) > 0 {
			took := time.Since(began)
			gently = u.pause(ctx, min(max(turn-took, pauses*took), maxPause))
		}
	}
	return nil
}

// pause tells whether to go on gently, after a while.
func (u *Times) pause(ctx context.Context, while time.Duration) bool {
	select {
	case <-time.After(while):
		return true
	case <-u.many:
		u.tellMany() // who waits for it shall know, too
	case <-ctx.Done():
	}
	return false
}

// again notes a use that could not be written down.
func (u *Times) again(keyOID string, use *Use) {
	if use.noted.CompareAndSwap(false, true) {
		u.note(keyOID, use)
	}
}
