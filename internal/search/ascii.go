package search

import "encoding/binary"

const (
	// chunkSize is how many bytes are looked at at once, as one number, and
	// blockSize how many have a bit each in another.
	chunkSize = 8
	twoChunks = 2 * chunkSize
	blockSize = 64

	// apart is how much ASCII may stand between words that are not, so that they are
	// folded together: that takes about as long for a few words as for one.
	apart = 64

	eachByte = 0x0101010101010101
	highBits = 0x80 * eachByte
)

// foldASCII makes the letters of the text small, and sets which bytes are of a
// word: all that are not ASCII may be. It tells whether there are none of those.
// Behind the text there are as many zeros as a block has.
func (c *Cutter) foldASCII() bool {
	blocks := (len(c.text) + blockSize - 1) / blockSize
	c.text = append(c.text, make([]byte, blockSize)...)
	c.inWord = c.inWord[:0]
	all := uint64(0)
	for i := range blocks {
		block := c.text[i*blockSize:][:blockSize]
		inWord := uint64(0)
		for at := 0; at < blockSize; at += chunkSize {
			x := binary.LittleEndian.Uint64(block[at:])
			folded, high := foldChunk(x)
			binary.LittleEndian.PutUint64(block[at:], folded)
			const gather = 0x0102040810204080 // the highest bits into the highest byte
			inWord |= high >> 7 * gather >> 56 << at
			all |= x
		}
		c.inWord = append(c.inWord, inWord)
	}
	return all&highBits == 0
}

// foldChunk makes letters small, and tells by their highest bits which bytes
// are of a word. What is added to a byte without its highest bit does not reach
// the next byte, but that bit, where it is as much as the first beyond a range.
func foldChunk(x uint64) (folded, inWord uint64) {
	ascii := x &^ highBits
	small := ascii | 0x20*eachByte
	letters := (small + (0x80-'a')*eachByte) &^ (small + (0x7f-'z')*eachByte) &^ x & highBits
	digits := (ascii + (0x80-'0')*eachByte) &^ (ascii + (0x7f-'9')*eachByte)
	return x | letters>>2, (letters | digits | x) & highBits
}

// others returns how much of a text has the next words that are not all ASCII, as
// long as these are not far apart.
func others(text []byte) (end int) {
	for i, c := range text {
		if c >= 0x80 {
			end = i + 1
		} else if i-end >= apart {
			break
		}
	}
	for end > 0 && end < len(text) && (text[end] >= 0x80 || isInWord(rune(text[end]))) { // to the end of the word
		end++
	}
	return end
}

// hasOther tells whether a word is not all ASCII.
func hasOther(word []byte) bool {
	for _, c := range word {
		if c >= 0x80 {
			return true
		}
	}
	return false
}
