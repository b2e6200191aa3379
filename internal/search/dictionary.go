package search

import (
	"bytes"
	"hash/maphash"
)

// Dictionary numbers words in the order in which they come, from 0. It is not
// for concurrent use. The zero value is empty.
type Dictionary struct {
	seed  maphash.Seed
	text  []byte
	ends  []uint32 // of each word in text
	slots []slot   // a power of two, at most half of them in use
	round uint32   // of the slots that are in use
}

type slot struct {
	hash, round, number uint32
}

// firstSlots are enough for the words of a usual persona, about 200.
const firstSlots = 512

// Reset forgets all words, and keeps the memory for others.
func (d *Dictionary) Reset() {
	d.text, d.ends = d.text[:0], d.ends[:0]
	if d.round++; d.round == 0 { // after 4 thousand million times
		clear(d.slots)
		d.round = 1
	}
}

// Len is how many words there are.
func (d *Dictionary) Len() int { return len(d.ends) }

// Word returns a word by its number; it is valid until Reset.
func (d *Dictionary) Word(number int) []byte {
	start := uint32(0)
	if number > 0 {
		start = d.ends[number-1]
	}
	return d.text[start:d.ends[number]:d.ends[number]]
}

// Number returns the number of a word, and whether it is new.
func (d *Dictionary) Number(word []byte) (number int, added bool) {
	if 2*len(d.ends) >= len(d.slots) {
		d.grow()
	}
	hash := uint32(maphash.Bytes(d.seed, word))
	for at := hash; ; at++ {
		s := &d.slots[at&uint32(len(d.slots)-1)]
		if s.round != d.round {
			*s = slot{hash: hash, round: d.round, number: uint32(len(d.ends))}
			d.text = append(d.text, word...)
			d.ends = append(d.ends, uint32(len(d.text)))
			return len(d.ends) - 1, true
		}
		if s.hash == hash && bytes.Equal(d.Word(int(s.number)), word) {
			return int(s.number), false
		}
	}
}

// grow makes room for twice as many words.
func (d *Dictionary) grow() {
	if d.slots == nil {
		d.seed, d.round = maphash.MakeSeed(), 1
		d.slots = make([]slot, firstSlots)
		return
	}
	old := d.slots
	d.slots = make([]slot, 2*len(old))
	for _, s := range old {
		if s.round != d.round {
			continue
		}
		at := s.hash
		for d.slots[at&uint32(len(d.slots)-1)].round == d.round {
			at++
		}
		d.slots[at&uint32(len(d.slots)-1)] = s
	}
}
