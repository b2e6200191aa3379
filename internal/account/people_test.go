package account_test

import (
	"strings"
	"testing"

	"personae.dev/internal/account"
)

func TestPassword(t *testing.T) {
	t.Parallel()
	hash := account.HashPassword("correct horse battery")
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || hash == account.HashPassword("correct horse battery") {
		t.Errorf("HashPassword = %s", hash)
	}
	for password, want := range map[string]bool{"correct horse battery": true, "correct horse batterY": false, "": false} {
		if got := account.PasswordMatches(hash, password); got != want {
			t.Errorf("PasswordMatches(%q) = %v", password, got)
		}
	}
	// What others wrote, with other costs; from the tests of the reference implementation.
	if !account.PasswordMatches("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password") {
		t.Error("a hash of the reference implementation does not match")
	}
	for _, damaged := range []string{"", "$argon2id$", "$argon2id$v=19$m=1,t=0,p=1$c2FsdA$c3Vt", "$argon2id$v=19$m=256,t=2,p=1$*$c3Vt", "$argon2id$v=19$m=256,t=2,p=1$c2FsdA$"} {
		if account.PasswordMatches(damaged, "") {
			t.Errorf("the hash %q matches", damaged)
		}
	}
}

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	for password, want := range map[string]bool{
		"elf zeichen": false, "zwölf zeich.": true, strings.Repeat("ä", 1000): true, strings.Repeat("a", 1001): false, "with a control\x00": false,
	} {
		if got := account.CheckPassword("password", password); (len(got) == 0) != want {
			t.Errorf("CheckPassword(%.20q) = %v", password, got)
		}
	}
}

func TestMemberRole(t *testing.T) {
	t.Parallel()
	for role, want := range map[account.MemberRole]string{account.Viewer: "read", account.Editor: "read,write", account.Admin: "read,write,admin", "owner": ""} {
		if got := role.Scopes().String(); got != want {
			t.Errorf("the scopes of %s are %q", role, got)
		}
	}
}
