package account

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"time"

	"personae.dev/internal/errs"
)

// APIKey is the right to call the API on behalf of a user in one workspace. The
// secret itself is shown once, when the key is made, and kept nowhere.
type APIKey struct {
	// OID is the public id of the key, which is also part of the token.
	OID          string
	WorkspaceOID string
	UserOID      string
	Name         string
	Scopes       Scopes
	// Digest is the SHA-256 of the secret. The secret has 130 random bits, so
	// that a slow hash would add nothing.
	Digest    Digest
	CreatedAt time.Time
	// ExpiresAt is nil for a key that does not expire.
	ExpiresAt *time.Time
	// RevokedAt is set on a revoked key.
	RevokedAt *time.Time
	// LastUsedAt is nil until first use. It is written about once a minute.
	LastUsedAt *time.Time
}

// Digest is the SHA-256 of a random secret.
type Digest [sha256.Size]byte

// Matches tells in constant time whether secret is the one of d.
func (d Digest) Matches(secret string) bool {
	other := DigestOf(secret)
	return subtle.ConstantTimeCompare(d[:], other[:]) == 1
}

// Scope is something that a key may do.
type Scope string

// The scopes. ScopeAdmin includes the other two, and ScopeWrite includes
// ScopeRead: a change answers the whole entity.
const (
	ScopeRead  Scope = "read"
	ScopeWrite Scope = "write"
	ScopeAdmin Scope = "admin"
)

// Scopes is a set of scopes, in the order read, write, admin.
type Scopes []Scope

// NewScopes returns the set of the named scopes, or an Invalid error for an
// empty set or an unknown name.
func NewScopes(names ...string) (Scopes, error) {
	var scopes Scopes
	for _, known := range []Scope{ScopeRead, ScopeWrite, ScopeAdmin} {
		if slices.Contains(names, string(known)) {
			scopes = append(scopes, known)
		}
	}
	for _, name := range names {
		if !slices.Contains(scopes, Scope(name)) {
			return nil, errs.Invalidf("The scope %q does not exist: use read, write or admin.", name)
		}
	}
	if len(scopes) == 0 {
		return nil, errs.Invalidf("A key needs a scope: read, write or admin.")
	}
	return scopes, nil
}

// Allow tells whether a key with these scopes may do what needs wanted.
func (s Scopes) Allow(wanted Scope) bool {
	return slices.Contains(s, wanted) || slices.Contains(s, ScopeAdmin) ||
		wanted == ScopeRead && slices.Contains(s, ScopeWrite)
}

// String lists the scopes with commas.
func (s Scopes) String() string {
	names := make([]string, len(s))
	for i, scope := range s {
		names[i] = string(scope)
	}
	return strings.Join(names, ",")
}

// A token is what a client sends: TokenPrefix, the id of the key without its
// prefix, the secret, and a checksum over all of these. All are letters and
// digits, so that a secret scanner finds it with psk_[0-9A-Za-z]{50}.
const (
	TokenPrefix = "psk_"

	secretLength   = 22 // base-62 digits: 130.99 bits
	checksumLength = 6  // base-62 digits: hold the 32 bits of a CRC-32
	// TokenLength is the length of every token, in bytes.
	TokenLength = len(TokenPrefix) + idLength + secretLength + checksumLength
)

// Errors of a token, for the log: a caller is never told which.
var (
	ErrTokenForm     = errors.New("api key does not have the form of a key")
	ErrTokenChecksum = errors.New("api key has a typing error: its checksum is wrong")
)

// Token is a parsed token.
type Token struct {
	// KeyID is the public id of the key without its prefix.
	KeyID string
	// Secret is compared with APIKey.Digest.
	Secret string
}

// NewToken returns a new random token and the digest of its secret.
func NewToken() (Token, Digest) {
	token := Token{KeyID: NewID(""), Secret: randomBase62(secretLength)}
	return token, DigestOf(token.Secret)
}

// Digest is the digest of the secret.
func (t Token) Digest() Digest { return DigestOf(t.Secret) }

// String hides the secret, for a log.
func (t Token) String() string { return TokenPrefix + "***" }

// GoString hides the secret too.
func (t Token) GoString() string { return t.String() }

// KeyOID is the public id of the key.
func (t Token) KeyOID() string { return APIKeyPrefix + t.KeyID }

// Reveal returns the token as a client sends it.
func (t Token) Reveal() string {
	head := TokenPrefix + t.KeyID + t.Secret
	sum := checksum(head)
	return head + string(sum[:])
}

// ParseToken reads a token. Its errors are ErrTokenForm and ErrTokenChecksum.
func ParseToken(s string) (Token, error) {
	if len(s) != TokenLength || !strings.HasPrefix(s, TokenPrefix) {
		return Token{}, ErrTokenForm
	}
	for i := len(TokenPrefix); i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return Token{}, ErrTokenForm
		}
	}
	head, sum := s[:TokenLength-checksumLength], s[TokenLength-checksumLength:]
	if want := checksum(head); string(want[:]) != sum {
		return Token{}, ErrTokenChecksum
	}
	secretAt := len(TokenPrefix) + idLength
	return Token{KeyID: head[len(TokenPrefix):secretAt], Secret: head[secretAt:]}, nil
}

// MaskTokens returns s without the tokens in it, for a log.
func MaskTokens(s string) string {
	if !strings.Contains(s, TokenPrefix) {
		return s
	}
	var masked strings.Builder
	for {
		before, token, found := strings.Cut(s, TokenPrefix)
		masked.WriteString(before)
		if !found {
			return masked.String()
		}
		masked.WriteString("***")
		s = strings.TrimLeft(token, base62)
	}
}

func checksum(s string) (digits [checksumLength]byte) {
	sum := crc32.ChecksumIEEE([]byte(s))
	for i := checksumLength - 1; i >= 0; i-- {
		digits[i] = base62[sum%62]
		sum /= 62
	}
	return digits
}

// randomBase62 returns n random base-62 digits, all equally likely.
func randomBase62(n int) string {
	const fair = 256 - 256%62 // bytes from here on would favour the low digits
	digits := make([]byte, 0, n)
	var pool [64]byte
	for {
		rand.Read(pool[:]) // never fails: see crypto/rand
		for _, b := range pool {
			if b >= fair {
				continue
			}
			if digits = append(digits, base62[b%62]); len(digits) == n {
				return string(digits)
			}
		}
	}
}
