package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"personae.dev/internal/cli/format"
)

// TestExportFile shows that a file is replaced as a whole, and keeps its
// permissions.
func TestExportFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(file, text string, failing error) error {
		return exportCmd{Output: file}.write(format.Stdio{}, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return errors.Join(err, failing)
		})
	}
	check := func(file, text string, mode os.FileMode) {
		t.Helper()
		b, err := os.ReadFile(file)
		if err != nil || string(b) != text {
			t.Errorf("%s has %q, %v; want %q", file, b, err, text)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v; want mode %o", file, info.Mode(), err, mode)
		}
	}
	file := filepath.Join(dir, "library.jsonl")
	if err := write(file, "first", nil); err != nil {
		t.Fatal(err)
	}
	check(file, "first", 0o600)
	for _, mode := range []os.FileMode{0o644, 0o640, 0o600} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if err := write(file, "again", nil); err != nil {
			t.Fatal(err)
		}
		check(file, "again", mode)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if err := write(link, "through a link", nil); err != nil {
		t.Fatal(err)
	}
	check(file, "through a link", 0o600)
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	if err := write(file, "half", errors.New("disk full")); err == nil {
		t.Error("no error")
	}
	check(file, "through a link", 0o600)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
