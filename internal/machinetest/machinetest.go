// Package machinetest gives tests what they need of the machine that they run
// on: the binary as it is shipped, a browser, a small disk to fill, or a reason
// why there is none.
//
// It is for tests only.
package machinetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Lacks ends a test for which the machine lacks something: the test is
// skipped, or fails with CI=true. scripts/test-deps says so beforehand.
func Lacks(t testing.TB, format string, args ...any) {
	t.Helper()
	what := fmt.Sprintf(format, args...)
	if os.Getenv("CI") == "true" {
		t.Fatalf("CI=true, so nothing may be skipped: %s", what)
	}
	t.Skipf("SKIPPED: %s", what)
}

// Build builds the binary into a folder with the settings of `make build`, so
// that packages are compiled once for both, and returns its path. PERSONAE_BINARY
// may name one that is built already.
func Build(folder string) (string, error) {
	if binary := os.Getenv("PERSONAE_BINARY"); binary != "" {
		return filepath.Abs(binary)
	}
	binary := filepath.Join(folder, "personae")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "personae.dev/cmd/personae")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return binary, nil
}

// Chromium returns the path of the browser to test with: the one that
// PERSONAE_CHROMIUM names, else the first that is installed.
func Chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{os.Getenv("PERSONAE_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	Lacks(t, "no Chromium: scripts/test-deps says how to get one")
	return ""
}
