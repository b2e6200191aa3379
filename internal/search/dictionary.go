package search

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
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

// Number returns the number of a word, and whether it is new.
func (d *Dictionary) Number(word []byte) (number int, added bool) {
	if len(d.slots) == 0 {
		d.grow()
	}
	first, second := chunkOf(word), uint64(0)
	if len(word) > chunkSize {
		second = chunkOf(word[chunkSize:])
	}
	hash := d.mix(first, second)
	if len(word) > 2*chunkSize {
		hash = d.mixRest(hash, word)
	}
	mask := uint64(len(d.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		s := &d.slots[at]
		switch {
		case s.number == 0:
			*s = slot{first, second, uint32(len(word)), uint32(len(d.ends)) + 1}
			if end := len(d.text) + len(word); len(word) <= 2*chunkSize {
				d.text = binary.LittleEndian.AppendUint64(d.text, first)
				d.text = binary.LittleEndian.AppendUint64(d.text, second)[:end]
			} else {
				d.text = append(d.text, word...)
			}
			d.ends = append(d.ends, uint32(len(d.text)))
			number = len(d.ends) - 1
			if 2*len(d.ends) > len(d.slots) {
				d.grow()
			}
			return number, true
		case s.first != first || s.second != second || int(s.length) != len(word):
		case len(word) <= 2*chunkSize || bytes.Equal(d.Word(int(s.number-1)), word):
			return int(s.number - 1), false
		}
	}
}

// chunkOf returns the first bytes of a word as a number, with zeros behind them.
func chunkOf(word []byte) uint64 {
	switch {
	case len(word) >= chunkSize:
		return binary.LittleEndian.Uint64(word)
	case cap(word) >= chunkSize: // it is quicker to read what stands behind it too
		return binary.LittleEndian.Uint64(word[:chunkSize]) & (1<<(8*len(word)) - 1)
	default:
		var b [chunkSize]byte
		copy(b[:], word)
		return binary.LittleEndian.Uint64(b[:])
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
	for i := 2 * chunkSize; i < len(word); i += chunkSize {
		hash = d.mix(chunkOf(word[i:]), hash)
	}
	return hash
}

// grow makes room for twice as many words.
func (d *Dictionary) grow() {
	old, size := d.slots, max(firstSlots, 2*len(d.slots))
	if len(old) == 0 {
		d.key = [2]uint64{maphash.Bytes(maphash.MakeSeed(), nil), maphash.Bytes(maphash.MakeSeed(), nil)}
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
		if s.length > 2*chunkSize {
			at = d.mixRest(at, d.Word(int(s.number-1)))
		}
		for d.slots[at&uint64(size-1)].number != 0 {
			at++
		}
		d.slots[at&uint64(size-1)] = s
	}
}
