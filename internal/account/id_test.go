package account_test

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"personae.dev/internal/account"
)

func TestNewID(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[0-9A-Za-z]{22}$`)
	for _, prefix := range []string{
		account.RevisionPrefix, account.UserPrefix, account.WorkspacePrefix, account.OrganizationPrefix,
		account.APIKeyPrefix, account.RequestPrefix,
	} {
		id := account.NewID(prefix)
		if rest, ok := strings.CutPrefix(id, prefix); !ok || !form.MatchString(rest) {
			t.Errorf("NewID(%q) = %q", prefix, id)
		}
		if !account.ValidID(id) {
			t.Errorf("NewID(%q) = %q, which is not valid", prefix, id)
		}
	}
}

func TestNewIDAscends(t *testing.T) {
	t.Parallel()
	// Also those that are made in the same millisecond.
	ids := make([]string, 10_000)
	for i := range ids {
		ids[i] = account.NewID("")
	}
	for i := range ids[1:] {
		if ids[i] >= ids[i+1] {
			t.Fatalf("%s came before %s", ids[i], ids[i+1])
		}
	}
}

func TestNewIDAtOnce(t *testing.T) {
	t.Parallel()
	made := make([][]string, 8)
	var group sync.WaitGroup
	for i := range made {
		group.Go(func() {
			for range 1000 {
				made[i] = append(made[i], account.NewID(account.RevisionPrefix))
			}
		})
	}
	group.Wait()
	all := slices.Sorted(slices.Values(slices.Concat(made...)))
	if unique := slices.Compact(slices.Clone(all)); len(unique) != len(all) {
		t.Errorf("of %d ids only %d are unique", len(all), len(unique))
	}
}

func TestSequence(t *testing.T) {
	t.Parallel()
	first, second := account.Sequence(), account.Sequence()
	var last string
	for range 100 {
		for _, prefix := range []string{"pe_", "rv_"} {
			id := first(prefix)
			if other := second(prefix); other != id || !account.Made(id, prefix) {
				t.Fatalf("%q and %q", id, other)
			}
		}
		id := first("x_")
		if id <= last || account.NewID("x_") <= id {
			t.Fatalf("%q does not lie between %q and those of today", id, last)
		}
		last = id
	}
	if a, b := account.Sequence()("pe_"), account.Sequence()("rv_"); strings.TrimPrefix(a, "pe_") != strings.TrimPrefix(b, "rv_") {
		t.Errorf("a prefix depends on another one: %s, %s", a, b)
	}
}
