package account

import (
	"bytes"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func encodeBase62(id [16]byte) string { return string(appendBase62(nil, id)) }

func TestAppendBase62(t *testing.T) {
	t.Parallel()
	var zero, one, most [16]byte
	one[15] = 1
	for i := range most {
		most[i] = 0xff
	}
	if got := string(appendBase62([]byte("pe_"), one)); got != "pe_"+strings.Repeat("0", 21)+"1" {
		t.Errorf("appendBase62 to a prefix is %s", got)
	}
	for id, want := range map[[16]byte]string{
		zero: strings.Repeat("0", 22),
		one:  strings.Repeat("0", 21) + "1",
		most: "7n42DGM5Tflk9n8mt7Fhc7", // 2^128-1
	} {
		if got := encodeBase62(id); got != want {
			t.Errorf("encodeBase62(%x) = %s, want %s", id, got, want)
		}
	}
}

func TestAppendBase62Property(t *testing.T) {
	t.Parallel()
	anyID := rapid.Custom(func(t *rapid.T) (id [16]byte) {
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes"))
		return id
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyID.Draw(t, "a"), anyID.Draw(t, "b")
		// big.Int has the capitals after the small letters.
		number := new(big.Int)
		swapped := strings.Map(func(r rune) rune {
			switch {
			case r >= 'a' && r <= 'z':
				return r - 'a' + 'A'
			case r >= 'A' && r <= 'Z':
				return r - 'A' + 'a'
			}
			return r
		}, encodeBase62(a))
		if _, ok := number.SetString(swapped, 62); !ok || !bytes.Equal(number.FillBytes(make([]byte, 16)), a[:]) {
			t.Fatalf("encodeBase62(%x) = %s, which is %x", a, encodeBase62(a), number)
		}
		if bytes.Compare(a[:], b[:]) != strings.Compare(encodeBase62(a), encodeBase62(b)) {
			t.Fatalf("%x and %x sort otherwise than %s and %s", a, b, encodeBase62(a), encodeBase62(b))
		}
	})
}
