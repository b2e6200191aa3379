// Package machinetest gives tests what they need of the machine that they run
// on: a small disk to fill, or a reason why there is none. CI lets no test out.
//
// It is for tests only, and knows nothing of what they show.
package machinetest

import (
	"fmt"
	"os"
	"testing"
)

// Lacks ends a test for which the machine lacks something: it is skipped, or in
// CI, whose machine must have all, failed. scripts/test-deps tells beforehand.
func Lacks(t testing.TB, format string, args ...any) {
	t.Helper()
	what := fmt.Sprintf(format, args...)
	if os.Getenv("CI") == "true" {
		t.Fatalf("CI=true, so nothing may be skipped: %s", what)
	}
	t.Skipf("SKIPPED: %s", what)
}
