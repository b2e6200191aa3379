package machinetest_test

import (
	"testing"

	"personae.dev/internal/machinetest"
)

// recorder is a test that records how it was ended.
type recorder struct {
	testing.TB
	skipped, failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Skipf(string, ...any)  { r.skipped = true }
func (r *recorder) Fatalf(string, ...any) { r.failed = true; panic(r) }

func TestLacks(t *testing.T) { //nolint:paralleltest // it sets the environment
	for ci, wantFailed := range map[string]bool{"": false, "true": true} {
		t.Setenv("CI", ci)
		r := &recorder{TB: t}
		func() {
			defer func() { _ = recover() }()
			machinetest.Lacks(r, "no %s", "moon")
		}()
		if r.failed != wantFailed || r.skipped == wantFailed {
			t.Errorf("CI=%s: failed %t, skipped %t", ci, r.failed, r.skipped)
		}
	}
}
