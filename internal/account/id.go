package account

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"personae.dev/internal/errs"
)

// Prefixes of the ids that are not of an entity; those stand with their kind.
// An id is its prefix and 22 letters and digits, a UUIDv7 in base 62: ids sort,
// as bytes, by the time they were made.
const (
	UserPrefix         = "u_"
	WorkspacePrefix    = "wa_"
	OrganizationPrefix = "og_"
	APIKeyPrefix       = "ak_"
	RequestPrefix      = "req_"
	QuestionPrefix     = "qq_"
	RevisionPrefix     = "rv_"
	AgentPrefix        = "ca_"
)

// MaxIDLength is how many characters an id may have.
const MaxIDLength = 255

// idLength is how many base-62 digits hold 128 bits.
const idLength = 22

// base62 is in the order of its bytes, so that what sorts as a number sorts as
// a text.
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// NewID returns a new id with the prefix. Ids of one process are made in
// ascending order. It panics where the system has no randomness.
func NewID(prefix string) string {
	b := make([]byte, 0, 32)
	b = append(b, prefix...)
	return string(appendBase62(b, uuid.Must(uuid.NewV7())))
}

// Sequence returns a function that makes ids in the place of NewID: the same ones
// in every process, for tests. Each prefix has a row of its own. It is safe for
// concurrent use.
func Sequence() func(prefix string) string {
	var mu sync.Mutex
	made := map[string]uint64{}
	return func(prefix string) string {
		mu.Lock()
		made[prefix]++
		n := made[prefix]
		mu.Unlock()
		var id uuid.UUID // a UUIDv7 of 2024-01-01 whose random bits are the number
		const millis = 1_704_067_200_000
		binary.BigEndian.PutUint64(id[:8], millis<<16|7<<12)
		binary.BigEndian.PutUint64(id[8:], 1<<63|n)
		return string(appendBase62([]byte(prefix), id))
	}
}

// appendBase62 appends the idLength digits of id.
func appendBase62(b []byte, id [16]byte) []byte {
	// Ten digits at a time: one long division instead of ten.
	const tenDigits = 62 * 62 * 62 * 62 * 62 * 62 * 62 * 62 * 62 * 62
	hi, lo := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	var digits [idLength]byte
	for end := idLength; end > 0; end -= 10 {
		var rest uint64
		hi, rest = hi/tenDigits, hi%tenDigits
		lo, rest = bits.Div64(rest, lo, tenDigits)
		for i := end - 1; i >= max(end-10, 0); i-- {
			digits[i] = base62[rest%62]
			rest /= 62
		}
	}
	return append(b, digits[:]...)
}

// Made tells whether an id has the form of those that NewID returns for a prefix.
func Made(oID, prefix string) bool {
	digits, ok := strings.CutPrefix(oID, prefix)
	return ok && len(digits) == idLength && strings.Trim(digits, base62) == ""
}

// ValidID tells whether something can have this id.
func ValidID(oID string) bool { return len(errs.CheckText("oId", oID, 1, MaxIDLength)) == 0 }

// Now returns the present as the product keeps it: UTC, to the millisecond.
func Now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
