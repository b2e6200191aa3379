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
	first, second, hash := d.hash(word)
	mask := uint64(len(d.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		s := &d.slots[at]
		switch {
		case s.number == 0:
			*s = slot{first, second, uint32(len(word)), uint32(len(d.ends)) + 1}
			d.text = append(d.text, word...)
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

// hash returns the first and the second chunk of a word, and a hash as that of
// wyhash: words come from users, who must not know which have the same one, and
// so they are mixed with a key of chance.
func (d *Dictionary) hash(word []byte) (first, second, hash uint64) {
	first = chunkOf(word)
	if len(word) > chunkSize {
		second = chunkOf(word[chunkSize:])
	}
	hash = mix(first^d.key[0], second^d.key[1])
	for i := 2 * chunkSize; i < len(word); i += chunkSize {
		hash = mix(chunkOf(word[i:])^d.key[0], hash^d.key[1])
	}
	return first, second, hash
}

func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

// grow makes room for twice as many words.
func (d *Dictionary) grow() {
	size := 2 * len(d.slots)
	if size == 0 {
		size = firstSlots
		for i := range d.key {
			d.key[i] = maphash.Bytes(maphash.MakeSeed(), nil)
		}
	}
	if size <= cap(d.slots) {
		d.slots = d.slots[:size]
		clear(d.slots)
	} else {
		d.slots = make([]slot, size)
	}
	for number := range d.Len() {
		word := d.Word(number)
		first, second, at := d.hash(word)
		for d.slots[at&uint64(size-1)].number != 0 {
			at++
		}
		d.slots[at&uint64(size-1)] = slot{first, second, uint32(len(word)), uint32(number) + 1}
	}
}
