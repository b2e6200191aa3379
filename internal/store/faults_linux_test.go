package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/machinetest"
	"personae.dev/internal/store"
)

const nobody = 65534

// openAsNobody opens a database in another process, which is not root's: no
// permission binds root.
func openAsNobody(t *testing.T, path, role string) opened {
	t.Helper()
	child := exec.CommandContext(t.Context(), "/proc/self/exe") // this binary's folder may be closed
	// The race detector would let it wait for a second at its end.
	child.Env = append(os.Environ(), childRole+"="+role, childPath+"="+path, "GORACE=atexit_sleep_ms=0")
	child.Stderr = os.Stderr
	if os.Geteuid() == 0 {
		child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	out, err := child.Output()
	if err != nil {
		t.Fatalf("child: %v", err)
	}
	var told opened
	if err := json.Unmarshal(out, &told); err != nil {
		t.Fatalf("child said %q: %v", out, err)
	}
	return told
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatalf("Chmod: %v", err)
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		file, folder os.FileMode // file 0: there is none
		role         string
		words        []string
	}{
		{"ReadOnlyFile", 0o444, 0o777, "open", []string{"read-only", "writable"}},
		{"ReadOnlyFileCreate", 0o444, 0o777, "create", []string{"read-only", "writable"}},
		{"ReadOnlyFolder", 0o666, 0o555, "open", []string{"folder", "writable"}},
		{"ReadOnlyBoth", 0o444, 0o555, "open", []string{"folder", "writable"}},
		{"ReadOnlyFolderExclusive", 0o666, 0o555, "exclusive", []string{".lock", "folder writable"}},
		{"UnreadableFile", 0o200, 0o777, "open", []string{"cannot be read", "permissions"}},
		{"ClosedFolder", 0o666, 0o000, "open", []string{"cannot be looked at", "folder"}},
		{"ClosedFolderCreate", 0, 0o000, "create", []string{"cannot be looked at", "folder"}},
		{"ReadOnlyFolderCreate", 0, 0o555, "create", []string{"cannot be made", "folder writable"}},
		{"ReadOnlyFolderCreateExclusive", 0, 0o555, "create exclusive", []string{"folder writable"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := dbPath(t)
			if test.file != 0 {
				path = made(t)
			}
			before := listed(t, path)
			if test.file != 0 {
				chmod(t, path, test.file)
			}
			chmod(t, filepath.Dir(filepath.Dir(path)), 0o755)
			chmod(t, filepath.Dir(path), test.folder)
			told := openAsNobody(t, path, test.role)
			chmod(t, filepath.Dir(path), 0o700)
			if test.file != 0 {
				chmod(t, path, 0o600) // or it could not be compared
			}
			if told.Kind != errs.Unavailable {
				t.Errorf("error is %+v, want one of kind %s", told, errs.Unavailable)
			}
			for _, word := range append(test.words, path) {
				if !strings.Contains(told.Message, word) {
					t.Errorf("message %q does not say %q", told.Message, word)
				}
			}
			if diff := cmp.Diff(before, listed(t, path)); diff != "" {
				t.Errorf("the folder has changed (-before +after):\n%s", diff)
			}
		})
	}
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		// The others fail for the reason that they name, and not for another.
		path := dbPath(t)
		chmod(t, filepath.Dir(filepath.Dir(path)), 0o755)
		chmod(t, filepath.Dir(path), 0o777)
		for _, role := range []string{"create", "open", "exclusive"} {
			if told := openAsNobody(t, path, role); told != (opened{}) {
				t.Errorf("%s: %+v", role, told)
			}
		}
	})
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	disk := machinetest.Disk(t, "4m")
	path, ballast := filepath.Join(disk, "personae.db"), filepath.Join(disk, "ballast")
	put(t, ballast, strings.Repeat("x", 2<<20))
	s := open(t, path, store.Options{Create: true, Exclusive: true})
	setUp(t, s)
	insert(t, s, simple("pe_kept"))

	fill := func(perWrite int) (whole int, err error) {
		for n := 0; ; n++ {
			err := s.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error {
				for i := range perWrite {
					p := bulky(0)
					p.OID = fmt.Sprintf("pe_%d_%d_%d", perWrite, n, i)
					if err := add(ctx, tx, p); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return n, err
			}
			if n > 10_000 {
				return n, errors.New("the disk is never full")
			}
		}
	}
	want := 1
	// The disk gets full in the middle of a large transaction, and with the
	// commit of a small one.
	for _, perWrite := range []int{10_000, 1} {
		whole, err := fill(perWrite)
		wantError(t, err, errs.Unavailable, path, "full", "free some space")
		want += whole * perWrite
		if n := count(t, s); n != want {
			t.Errorf("after writes of %d there are %d personas, want %d", perWrite, n, want)
		}
		if _, err := row(t, s, "pe_kept"); err != nil {
			t.Errorf("what was there before: %v", err)
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	insert(t, s, simple("pe_after"))
	if n := count(t, s); n != want+1 {
		t.Errorf("with space again there are %d personas, want %d", n, want+1)
	}
	checkIntegrity(t, path)
}

// TestFullDiskTogether fills a small disk with 64 writers at once, whose writes
// are larger than the cache: none of them waits for ever, what was acknowledged is
// there, and what was refused is not.
func TestFullDiskTogether(t *testing.T) {
	t.Parallel()
	disk := machinetest.Disk(t, "24m")
	path, ballast := filepath.Join(disk, "personae.db"), filepath.Join(disk, "ballast")
	put(t, ballast, strings.Repeat("x", 12<<20))
	s := open(t, path, store.Options{Create: true, Exclusive: true})
	setUp(t, s)
	var mu sync.Mutex
	var kept []string
	refused := map[string]error{}
	var group sync.WaitGroup
	for w := range 64 {
		group.Go(func() {
			for i := range 6 {
				oID := fmt.Sprintf("pe_%d_%d", w, i)
				large := simple(oID, func(s *entity.Stored) { s.Document = []byte(strings.Repeat("x", 100_000)) })
				err := s.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error { return add(ctx, tx, large) })
				mu.Lock()
				if err == nil {
					kept = append(kept, oID)
				} else {
					refused[oID] = err
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if len(kept) == 0 || len(refused) == 0 {
		t.Errorf("%d were kept, %d refused: the test shows nothing", len(kept), len(refused))
	}
	for _, err := range refused {
		wantError(t, err, errs.Unavailable, path, "full", "free some space")
	}
	// Smaller writes take what the large ones left, in the log, too.
	for size := 20_000; size > 0; {
		oID := fmt.Sprintf("pe_left_%d", len(kept))
		left := simple(oID, func(s *entity.Stored) { s.Document = []byte(strings.Repeat("x", size)) })
		err := s.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error { return add(ctx, tx, left) })
		if err == nil {
			kept = append(kept, oID)
		} else {
			size /= 3
		}
	}
	wantError(t, s.PingWrite(t.Context()), errs.Unavailable, "full")
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	until(t, "a database that can be written", func() bool { return s.PingWrite(t.Context()) == nil })
	wantThere(t, s, kept, refused)
	insert(t, s, simple("pe_after"))
	checkIntegrity(t, path)
}
