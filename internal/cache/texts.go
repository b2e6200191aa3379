package cache

import (
	"encoding/binary"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Texts keeps values that are texts, one after the other in large pieces of memory:
// the garbage collector follows no pointer to any of them. The oldest make room for
// others, but for those that were used since they came or were last spared. Who keeps
// a part of a value for long keeps the piece that it is in.
type Texts[K comparable, V ~string] struct {
	// Of tells whether a value is that of a key: keys are kept as hashes.
	Of func(V, K) bool
}

const (
	// shards are parts of which each has its own lock.
	shards = 16
	// maxChunk is how much memory is taken at once at most, and chunksAtLeast how many
	// times: a small cache takes less. A text that needs more has its own.
	maxChunk      = 32 << 10
	chunksAtLeast = 8
	// mostSpared is of how many chunks, when room is made for one text, those are spared
	// that were used: what waits for it is not to wait for all to be written anew.
	mostSpared = 8
	// placeBytes is about what a text takes beside its chunk: its place in the table.
	placeBytes = 26
)

func (t Texts[K, V]) entries(maxBytes int64) (entries[K, V], error) { //nolint:unparam // Objects have errors
	all := &allTexts[K, V]{Texts: t, seed: maphash.MakeSeed()}
	all.resize(maxBytes)
	return all, nil
}

// allTexts are entries by the hash of their keys. Of two keys with one hash only one
// is kept.
type allTexts[K comparable, V ~string] struct {
	Texts[K, V]
	seed   maphash.Seed
	shards [shards]shard
}

func (a *allTexts[K, V]) shard(key K) (s *shard, hash uint64) {
	hash = maphash.Comparable(a.seed, key)
	return &a.shards[hash%shards], hash
}

func (a *allTexts[K, V]) get(key K) (e entry[V], ok bool) {
	s, hash := a.shard(key)
	text, epoch, ok := s.get(hash)
	if value := V(text); ok && a.Of(value, key) {
		return entry[V]{value, epoch}, true
	}
	return e, false
}

func (a *allTexts[K, V]) fits(key K, value V, _ int64) bool {
	s, hash := a.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, old := s.places[hash] // in whose place it comes
	return old || s.bytes.Load()+placeBytes+int64(s.more(headBytes+len(value))) <= s.max
}

func (a *allTexts[K, V]) set(key K, e entry[V], allowed func() bool) {
	s, hash := a.shard(key)
	s.set(hash, e.epoch, string(e.value), allowed)
}

func (a *allTexts[K, V]) remove(key K) {
	s, hash := a.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(hash)
}

func (a *allTexts[K, V]) removeAll() {
	for i := range a.shards {
		s := &a.shards[i]
		s.mu.Lock()
		s.removeAll()
		s.mu.Unlock()
	}
}

func (a *allTexts[K, V]) bytes() (total int64) {
	for i := range a.shards {
		total += a.shards[i].bytes.Load()
	}
	return total
}

func (a *allTexts[K, V]) resize(maxBytes int64) {
	for i := range a.shards {
		s := &a.shards[i]
		s.mu.Lock()
		s.max = maxBytes / shards
		s.makeRoom(0)
		s.mu.Unlock()
	}
}

// shard is a part of the texts, a log: what comes is written at its end, and at its
// beginning is thrown away what nobody needs.
type shard struct {
	bytes atomic.Int64 // that it takes; set under the lock

	mu     sync.Mutex
	max    int64
	places map[uint64]place // by hash
	chunks []chunk
	first  uint32 // the number of the first
	size   int64  // of the chunks
	dead   int64  // how much of that are texts that have no place any more
}

// place is where a text with its head is.
type place struct{ chunk, at uint32 }

// chunk is a piece of memory. Its texts are never written over: readers have parts of
// it for as long as they like.
type chunk []byte

// A head stands before each text: its hash, its epoch, its length, and whether it was
// used.
const (
	epochAt   = 8
	lengthAt  = 16
	usedAt    = 20
	headBytes = 24
)

// at returns the head of a place and its text.
func (c chunk) at(at uint32) (head []byte, text string) {
	head = c[at : at+headBytes : at+headBytes]
	body := c[at+headBytes:][:binary.LittleEndian.Uint32(head[lengthAt:])]
	return head, unsafe.String(unsafe.SliceData(body), len(body))
}

func (s *shard) get(hash uint64) (text string, epoch uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.places[hash]
	if !ok {
		return "", 0, false
	}
	head, text := s.chunks[p.chunk-s.first].at(p.at)
	if head[usedAt] == 0 {
		head[usedAt] = 1
	}
	return text, binary.LittleEndian.Uint64(head[epochAt:]), true
}

func (s *shard) set(hash, epoch uint64, text string, allowed func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !allowed() {
		return
	}
	s.remove(hash)
	if s.makeRoom(headBytes + len(text)) {
		s.append(hash, epoch, text)
	}
	s.count()
}

// more is how large a chunk is needed for so many bytes at the end, 0 if the last one
// has room.
func (s *shard) more(needed int) int {
	if n := len(s.chunks); n > 0 && cap(s.chunks[n-1])-len(s.chunks[n-1]) >= needed {
		return 0
	}
	return max(needed, int(min(s.max/chunksAtLeast, maxChunk)))
}

// append writes a text at the end.
func (s *shard) append(hash, epoch uint64, text string) {
	needed := headBytes + len(text)
	if size := s.more(needed); size > 0 {
		s.chunks, s.size = append(s.chunks, make(chunk, 0, size)), s.size+int64(size)
	}
	if s.places == nil {
		s.places = map[uint64]place{}
	}
	last := len(s.chunks) - 1
	c := s.chunks[last]
	s.places[hash] = place{s.first + uint32(last), uint32(len(c))}
	c = binary.LittleEndian.AppendUint64(c, hash)
	c = binary.LittleEndian.AppendUint64(c, epoch)
	c = binary.LittleEndian.AppendUint32(c, uint32(len(text)))
	s.chunks[last] = append(append(c, 0, 0, 0, 0), text...)
}

// remove takes a text's place.
func (s *shard) remove(hash uint64) {
	if p, ok := s.places[hash]; ok {
		_, text := s.chunks[p.chunk-s.first].at(p.at)
		s.dead += int64(headBytes + len(text))
		delete(s.places, hash)
		s.count()
	}
}

func (s *shard) removeAll() {
	s.places, s.chunks, s.first, s.size, s.dead = nil, nil, 0, 0, 0
	s.count()
}

// makeRoom throws away the oldest chunks while there is no room for so many bytes more,
// or while more than half is dead. It tells whether there is room.
func (s *shard) makeRoom(needed int) bool {
	if int64(needed)+placeBytes > s.max && needed > 0 {
		return false // though all others went
	}
	for spared := 0; ; {
		s.count()
		full := s.bytes.Load()+placeBytes+int64(s.more(needed)) > s.max
		switch {
		case len(s.chunks) == 0, !full && (s.dead <= s.size/2 || s.dead <= 2*maxChunk):
			return !full
		case !full, s.dead > s.size/4: // enough goes that nobody needs
			s.dropFirst(func(bool) bool { return true })
		default:
			spared++
			s.dropFirst(func(used bool) bool { return used && spared <= mostSpared })
		}
	}
}

func (s *shard) count() { s.bytes.Store(s.size + int64(len(s.places))*placeBytes) }

// dropFirst throws the first chunk away. What is still in its place there, and is to
// stay, is written at the end anew.
func (s *shard) dropFirst(stays func(used bool) bool) {
	c, number := s.chunks[0], s.first
	s.chunks[0] = nil
	s.chunks, s.first, s.size = s.chunks[1:], s.first+1, s.size-int64(cap(c))
	for at := uint32(0); int(at) < len(c); {
		head, text := c.at(at)
		hash := binary.LittleEndian.Uint64(head)
		switch p, ok := s.places[hash]; {
		case !ok || p != place{number, at}:
			s.dead -= int64(headBytes + len(text))
		case stays(head[usedAt] != 0):
			s.append(hash, binary.LittleEndian.Uint64(head[epochAt:]), text)
		default:
			delete(s.places, hash)
		}
		at += headBytes + uint32(len(text))
	}
}
