package account

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"personae.dev/internal/errs"
)

// Lengths of passwords, in characters.
const (
	MinPasswordLength = 12
	MaxPasswordLength = 1000
)

// The costs of a hash, as OWASP advises: 19 MiB, two passes, one thread.
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2
	argonThreads = 1
)

// CheckPassword returns what is wrong with a password that is to be.
func CheckPassword(path, password string) []errs.Field {
	var list errs.List
	if n := len([]rune(password)); n < MinPasswordLength {
		list.Add(path, "has %d characters: use %d or more", n, MinPasswordLength)
	}
	list.Text(path, password, 0, MaxPasswordLength)
	return list.Fields()
}

// HashPassword returns the argon2id hash of a password, with a new salt and the
// costs, in the usual form. It takes about 30 ms and 19 MiB.
func HashPassword(password string) string {
	salt := make([]byte, 16)
	rand.Read(salt) // never fails: see crypto/rand
	sum := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, 32)
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads, encode(salt), encode(sum))
}

// PasswordMatches tells whether a hash is of the password. With a text that is not
// a hash it takes as long, and is false.
func PasswordMatches(hash, password string) bool {
	var version, memory, passes, threads uint32
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		HashPassword(password)
		return false
	}
	_, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes, &threads)
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	want, sumErr := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || saltErr != nil || sumErr != nil || version != argon2.Version || passes == 0 || threads == 0 || threads > 255 || len(want) == 0 {
		return false
	}
	sum := argon2.IDKey([]byte(password), salt, passes, memory, uint8(threads), uint32(len(want)))
	return subtle.ConstantTimeCompare(sum, want) == 1
}
