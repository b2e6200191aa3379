package search

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// Dictionary numbers words in the order in which they come, from 0. It is not
// for concurrent use. The zero value is empty.
type Dictionary struct {
	key   [2]uint64 // of the hash
	text  []byte
	ends  []uint32 // of each word in text
	slots []slot   // a power of two, at most half of them in use
	spare []slot   // memory for others
}

// slot has a word by its first bytes, which mostly are all.
type slot struct {
	first, second  uint64
	length, number uint32 // number is 1 more, so that 0 is a slot that is free
}

// firstSlots are enough for the words of a usual persona, about 200.
const firstSlots = 512

// Reset forgets all words, and keeps the memory for others.
func (d *Dictionary) Reset() {
	d.text, d.ends = d.text[:0], d.ends[:0]
	d.slots = d.slots[:min(firstSlots, len(d.slots))] // it grows again without cost
	clear(d.slots)
}

// Len is how many words there are.
func (d *Dictionary) Len() int { return len(d.ends) }

// Word returns a word by its number; it is valid until Reset, and not to be
// changed.
func (d *Dictionary) Word(number int) []byte {
	start := uint32(0)
	if number > 0 {
		start = d.ends[number-1]
	}
	return d.text[start:d.ends[number]]
}

// Number returns the number of a word, which may be new.
func (d *Dictionary) Number(word []byte) int {
	if len(d.slots) == 0 {
		d.grow()
	}
	length := len(word)
	if cap(word) < twoChunks {
		word = append(make([]byte, 0, twoChunks), word...)
	}
	// What stands behind the word is read too, and masked: that is quicker than to
	// ask how long it is.
	chunks := word[:twoChunks]
	first := binary.LittleEndian.Uint64(chunks) & (1<<(8*min(length, chunkSize)) - 1)
	second := binary.LittleEndian.Uint64(chunks[chunkSize:]) & (1<<(8*(max(length, chunkSize)-chunkSize)) - 1)
	hash := d.mix(first, second)
	if length > twoChunks {
		hash = d.mixRest(hash, word)
	}
	mask := uint64(len(d.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		s := &d.slots[at]
		switch {
		case s.number == 0:
			*s = slot{first, second, uint32(length), uint32(len(d.ends)) + 1}
			if end := len(d.text) + length; length <= twoChunks {
				d.text = binary.LittleEndian.AppendUint64(d.text, first)
				d.text = binary.LittleEndian.AppendUint64(d.text, second)[:end]
			} else {
				d.text = append(d.text, word...)
			}
			d.ends = append(d.ends, uint32(len(d.text)))
			if 2*len(d.ends) > len(d.slots) {
				d.grow()
			}
			return len(d.ends) - 1
		case s.first != first || s.second != second || int(s.length) != length:
		case length <= twoChunks || bytes.Equal(d.Word(int(s.number-1)), word):
			return int(s.number - 1)
		}
	}
}

// mix makes a hash of the first chunks of a word, as wyhash does. Words come
// from users, who must not know which have the same one: hence the key of chance.
func (d *Dictionary) mix(first, second uint64) uint64 {
	high, low := bits.Mul64(first^d.key[0], second^d.key[1])
	return high ^ low
}

// mixRest adds the other chunks.
func (d *Dictionary) mixRest(hash uint64, word []byte) uint64 {
	for i := twoChunks; i < len(word); i += chunkSize {
		hash = d.mix(binary.LittleEndian.Uint64(word[min(i, len(word)-chunkSize):]), hash)
	}
	return hash
}

// grow makes room for twice as many words.
func (d *Dictionary) grow() {
	old, size := d.slots, max(firstSlots, 2*len(d.slots))
	if len(old) == 0 {
		d.key = [2]uint64{rand.Uint64(), rand.Uint64()} //nolint:gosec // nobody can tell it from outside
	}
	if cap(d.spare) < size {
		d.spare = make([]slot, size)
	}
	d.slots, d.spare = d.spare[:size], old
	clear(d.slots)
	for _, s := range old {
		if s.number == 0 {
			continue
		}
		at := d.mix(s.first, s.second)
		if s.length > twoChunks {
			at = d.mixRest(at, d.Word(int(s.number-1)))
		}
		for d.slots[at&uint64(size-1)].number != 0 {
			at++
		}
		d.slots[at&uint64(size-1)] = s
	}
}
