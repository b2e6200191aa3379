// Package usage notes when API keys were last used, without a write for each
// request.
package usage

import (
	"bytes"
	"context"
	"runtime"
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
	// they share its processor: half a millisecond. One begins each gentleTurn, or later:
	// the pause after it is pauses times as long as it took at least, but maxPause at most.
	perGentleWrite = 40
	gentleTurn     = 100 * time.Millisecond
	pauses         = 9
	maxPause       = time.Second
	// comparedAtOnce is how often ids are compared, in some 50 µs, before others may go on.
	comparedAtOnce = 1024
)

// Times knows when keys were used since that was last written down. It has no
// pointers, which the garbage collector would follow for every key.
type Times struct {
	noted [shards]shard
	count atomic.Int64 // of all that are noted
	many  chan struct{}
}

// shards are parts of the keys of which each has its own lock.
const shards = 16

type shard struct {
	mu   sync.Mutex
	last map[id]int64 // UTC microseconds
}

// id is the id of a key that has a token.
type id [persona.KeyOIDLength]byte

// New returns Times without any.
func New() *Times { return &Times{many: make(chan struct{}, 1)} }

// Many tells, once, when there is so much to write down that it should be done
// at once.
func (u *Times) Many() <-chan struct{} { return u.many }

// At notes that a key was used now. It is the key of a token: others have no uses.
func (u *Times) At(keyOID string, now time.Time) {
	if len(keyOID) == persona.KeyOIDLength {
		u.note(id([]byte(keyOID)), now.UnixMicro())
	}
}

func (u *Times) shard(i id) *shard { return &u.noted[i[len(i)-1]%shards] } // ids end at random

func (u *Times) note(i id, at int64) {
	s := u.shard(i)
	s.mu.Lock()
	defer s.mu.Unlock()
	last, known := s.last[i]
	switch {
	case known && last >= at:
		return
	case !known && u.count.Load() >= atMost:
		return
	case s.last == nil:
		s.last = map[id]int64{}
	}
	s.last[i] = at
	if !known && u.count.Add(1) >= early {
		u.tellMany()
	}
}

// take returns what is noted, in the order of the ids, and forgets it. To put many in
// order takes a while, in which it lets others have the processor.
func (u *Times) take() []use {
	all := make([]use, 0, u.count.Load())
	for n := range u.noted {
		s := &u.noted[n]
		s.mu.Lock()
		last := s.last
		s.last = nil
		u.count.Add(-int64(len(last)))
		s.mu.Unlock()
		for i, at := range last {
			all = append(all, use{i, at})
		}
		runtime.Gosched()
	}
	compared := 0
	slices.SortFunc(all, func(a, b use) int {
		if compared++; compared%comparedAtOnce == 0 {
			runtime.Gosched()
		}
		return bytes.Compare(a.key[:], b.key[:])
	})
	return all
}

// use is when a key was last used.
type use struct {
	key id
	at  int64
}

// renew sets the times of uses to those that were noted since they were taken, and
// forgets these.
func (u *Times) renew(uses []use) {
	for n := range uses {
		s := u.shard(uses[n].key)
		s.mu.Lock()
		if last, known := s.last[uses[n].key]; known {
			uses[n].at = last
			delete(s.last, uses[n].key)
			u.count.Add(-1)
		}
		s.mu.Unlock()
	}
}

func (u *Times) tellMany() {
	select {
	case u.many <- struct{}{}:
	default:
	}
}

// Flush writes down what is new. What could not be written is kept for the next
// time. A server at work does it gently, 400 keys a second, and takes a tenth of the time
// at most: the rest is for requests, until there are Many again.
func (u *Times) Flush(ctx context.Context, store persona.Store, gently bool) error {
	uses := u.take() // neighbours are written together, as they stand together in the database
	for len(uses) > 0 {
		most, began := perWrite, time.Now()
		if gently {
			most = perGentleWrite
		}
		some := uses[:min(most, len(uses))]
		u.renew(some)
		lastUsed := make(map[string]time.Time, len(some))
		for _, use := range some {
			lastUsed[string(use.key[:])] = time.UnixMicro(use.at).UTC()
		}
		// Not under a lock: the database may be another's for seconds, and
		// requests wait for note.
		if err := store.Write(ctx, func(tx persona.Tx) error { return tx.TouchAPIKeys(ctx, lastUsed) }); err != nil {
			for _, use := range uses {
				u.note(use.key, use.at)
			}
			return err
		}
		uses = uses[len(some):]
		if gently && len(uses) > 0 {
			took := time.Since(began)
			gently = u.pause(ctx, min(max(gentleTurn-took, pauses*took), maxPause))
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
