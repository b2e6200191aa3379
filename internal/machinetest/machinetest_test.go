package machinetest_test

import (
	"testing"

	"personae.dev/internal/machinetest"
)

// witness is a test that notes how it was ended.
type witness struct {
	testing.TB
	skipped, failed bool
}

func (w *witness) Helper()               {}
func (w *witness) Skipf(string, ...any)  { w.skipped = true }
func (w *witness) Fatalf(string, ...any) { w.failed = true; panic(w) }

func TestLacks(t *testing.T) { //nolint:paralleltest // it sets the environment
	for ci, want := range map[string]bool{"": false, "true": true} {
		t.Setenv("CI", ci)
		w := &witness{TB: t}
		func() {
			defer func() { _ = recover() }()
			machinetest.Lacks(w, "no %s", "moon")
		}()
		if w.failed != want || w.skipped == want {
			t.Errorf("CI=%s: failed %t, skipped %t", ci, w.failed, w.skipped)
		}
	}
}
