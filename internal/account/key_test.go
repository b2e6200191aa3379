package account_test

import (
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/account"
	"personae.dev/internal/errs"
)

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func TestToken(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^psk_[0-9A-Za-z]{50}$`)
	seen := map[string]bool{}
	for range 1000 {
		token, digest := account.NewToken()
		text := token.Reveal()
		if !form.MatchString(text) || len(text) != account.TokenLength {
			t.Fatalf("token %q has not the form that a secret scanner looks for", text)
		}
		if seen[token.Secret] || seen[token.KeyID] {
			t.Fatal("two tokens have the same id or secret")
		}
		seen[token.Secret], seen[token.KeyID] = true, true
		parsed, err := account.ParseToken(text)
		if err != nil || parsed != token {
			t.Fatalf("ParseToken(%q) = %+v, %v; want %+v", text, parsed, err, token)
		}
		if !strings.HasPrefix(token.KeyOID(), "ak_") || !strings.Contains(text, token.KeyID) {
			t.Fatalf("the id %s is no part of %s", token.KeyID, text)
		}
		if !digest.Matches(token.Secret) {
			t.Fatal("the digest does not match its secret")
		}
	}
}

func TestTokenTypingErrors(t *testing.T) {
	t.Parallel()
	for range 5 {
		token, _ := account.NewToken()
		text := token.Reveal()
		for i := range text {
			for _, c := range alphabet + "_" {
				wrong := text[:i] + string(c) + text[i+1:]
				if _, err := account.ParseToken(wrong); wrong != text && !refused(err) {
					t.Fatalf("ParseToken(%q) = %v, though character %d of %q was changed", wrong, err, i, text)
				}
			}
			if i+1 < len(text) {
				wrong := text[:i] + text[i+1:i+2] + text[i:i+1] + text[i+2:]
				if _, err := account.ParseToken(wrong); wrong != text && !refused(err) {
					t.Fatalf("ParseToken(%q) = %v, though characters %d and %d of %q were exchanged", wrong, err, i, i+1, text)
				}
			}
		}
	}
}

func refused(err error) bool {
	return errors.Is(err, account.ErrTokenForm) || errors.Is(err, account.ErrTokenChecksum)
}

func TestParseTokenRefuses(t *testing.T) {
	t.Parallel()
	token, _ := account.NewToken()
	text := token.Reveal()
	for _, wrong := range []string{
		"", "psk_", text[:len(text)-1], text + "0", text + "\n", " " + text[1:], text[4:] + "0000", "PSK_" + text[4:], "psk-" + text[4:],
		"ak_" + text[3:], strings.Repeat("0", len(text)),
		// The right length in bytes, and other characters.
		text[:10] + "-" + text[11:], text[:10] + "\x00" + text[11:], text[:10] + "é" + text[12:], text[:10] + "\xff" + text[11:],
		text[:10] + "/" + text[11:], text[:10] + ":" + text[11:], text[:10] + "@" + text[11:], text[:10] + "[" + text[11:],
		text[:10] + "`" + text[11:], text[:10] + "{" + text[11:],
	} {
		if got, err := account.ParseToken(wrong); !errors.Is(err, account.ErrTokenForm) || got != (account.Token{}) {
			t.Errorf("ParseToken(%q) = %+v, %v; want %v", wrong, got, err, account.ErrTokenForm)
		}
	}
	flipped := text[:len(text)-1] + "0"
	if flipped == text {
		flipped = text[:len(text)-1] + "1"
	}
	if got, err := account.ParseToken(flipped); !errors.Is(err, account.ErrTokenChecksum) || got != (account.Token{}) {
		t.Errorf("ParseToken(%q) = %+v, %v; want %v", flipped, got, err, account.ErrTokenChecksum)
	}
}

// TestTokenGolden keeps the form of tokens: those that users have must be read
// for ever.
func TestTokenGolden(t *testing.T) {
	t.Parallel()
	token := account.Token{KeyID: "0123456789ABCDEFGHIJkl", Secret: "abcdefghijklmnopqrstuv"}
	const want = "psk_0123456789ABCDEFGHIJklabcdefghijklmnopqrstuv2g5qvI"
	if got := token.Reveal(); got != want {
		t.Errorf("String() = %s, want %s", got, want)
	}
	if got, err := account.ParseToken(want); err != nil || got != token {
		t.Errorf("ParseToken = %+v, %v; want %+v", got, err, token)
	}
}

func TestSecretIsUniform(t *testing.T) {
	t.Parallel()
	const tokens = 4000
	counts := map[rune]int{}
	perPlace := make([]map[byte]bool, 22)
	for range tokens {
		token, _ := account.NewToken()
		for i, c := range token.Secret {
			counts[c]++
			if perPlace[i] == nil {
				perPlace[i] = map[byte]bool{}
			}
			perPlace[i][token.Secret[i]] = true
		}
	}
	// Chi-squared with 61 degrees of freedom: mean 61, standard deviation 11.
	// 150 is eight of them away; a plain modulo of bytes gives far more.
	expected := float64(tokens*22) / 62
	chi := 0.0
	for _, c := range alphabet {
		chi += math.Pow(float64(counts[c])-expected, 2) / expected
	}
	if chi > 150 {
		t.Errorf("digits of secrets are not equally likely: chi-squared is %.0f", chi)
	}
	for i, seen := range perPlace {
		if len(seen) != 62 {
			t.Errorf("place %d of a secret has only %d digits", i, len(seen))
		}
	}
}

func TestDigestMatches(t *testing.T) {
	t.Parallel()
	token, digest := account.NewToken()
	other, _ := account.NewToken()
	for _, wrong := range []string{"", other.Secret, token.Secret[1:], token.Secret + "0", strings.ToLower(token.Secret) + "x", token.KeyOID(), token.Reveal()} {
		if digest.Matches(wrong) {
			t.Errorf("the digest matches %q", wrong)
		}
	}
	if (account.Digest{}).Matches("") {
		t.Error("an empty digest matches an empty secret")
	}
	if strings.Contains(string(digest[:]), token.Secret) {
		t.Error("the digest holds the secret")
	}
}

func TestNewScopes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		names []string
		want  account.Scopes
		text  string
	}{
		{[]string{"read"}, account.Scopes{account.ScopeRead}, "read"},
		{[]string{"admin", "write", "read", "write"}, account.Scopes{account.ScopeRead, account.ScopeWrite, account.ScopeAdmin}, "read,write,admin"},
		{[]string{"write", "read"}, account.Scopes{account.ScopeRead, account.ScopeWrite}, "read,write"},
	} {
		got, err := account.NewScopes(test.names...)
		if err != nil || cmp.Diff(test.want, got) != "" || got.String() != test.text {
			t.Errorf("NewScopes(%q) = %v, %v; want %v", test.names, got, err, test.want)
		}
	}
	for _, names := range [][]string{nil, {""}, {"Read"}, {"read", "delete"}, {"read,write"}, {"read "}} {
		got, err := account.NewScopes(names...)
		if errs.KindOf(err) != errs.Invalid || got != nil {
			t.Errorf("NewScopes(%q) = %v, %v; want an Invalid error", names, got, err)
		}
	}
}

func TestScopesAllow(t *testing.T) {
	t.Parallel()
	all := []account.Scope{account.ScopeRead, account.ScopeWrite, account.ScopeAdmin}
	for _, test := range []struct {
		scopes account.Scopes
		want   []account.Scope
	}{
		{nil, nil},
		{account.Scopes{account.ScopeRead}, []account.Scope{account.ScopeRead}},
		{account.Scopes{account.ScopeWrite}, []account.Scope{account.ScopeRead, account.ScopeWrite}},
		{account.Scopes{account.ScopeRead, account.ScopeWrite}, []account.Scope{account.ScopeRead, account.ScopeWrite}},
		{account.Scopes{account.ScopeAdmin}, all},
	} {
		var got []account.Scope
		for _, scope := range all {
			if test.scopes.Allow(scope) {
				got = append(got, scope)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s allows (-want +got):\n%s", test.scopes, diff)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	token, _ := account.NewToken()
	f.Add(token.Reveal())
	f.Add("psk_0123456789ABCDEFGHIJklabcdefghijklmnopqrstuv2g5qvI")
	f.Add("")
	f.Add("psk_" + strings.Repeat("z", 50))
	f.Fuzz(func(t *testing.T, s string) {
		token, err := account.ParseToken(s)
		switch {
		case err == nil && token.Reveal() != s:
			t.Errorf("%q is read as %+v, which is %q", s, token, token)
		case err != nil && !refused(err):
			t.Errorf("ParseToken(%q): %v", s, err)
		case err != nil && token != (account.Token{}):
			t.Errorf("ParseToken(%q) = %+v beside an error", s, token)
		}
	})
}
