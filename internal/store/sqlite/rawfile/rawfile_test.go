//go:build linux && (amd64 || arm64)

package rawfile

import (
	"bytes"
	"database/sql"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	_ "modernc.org/sqlite"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// memory is memory as C has it.
func memory(t *testing.T, tls *libc.TLS, size int) (at uintptr, bytes []byte) {
	t.Helper()
	at = libc.Xmalloc(tls, libc.Tsize_t(size))
	if at == 0 {
		t.Fatal("no memory")
	}
	t.Cleanup(func() { libc.Xfree(tls, at) })
	return at, libc.GoBytes(at, size)
}

func newTLS(t *testing.T) *libc.TLS {
	t.Helper()
	tls := libc.NewTLS()
	t.Cleanup(tls.Close)
	return tls
}

// errno is the error of the last call that failed.
func errno(tls *libc.TLS) unix.Errno {
	at := libc.X__errno_location(tls)
	return unix.Errno(*(*int32)(fromC[unsafe.Pointer](at)))
}

// TestInstalled tells that SQLite calls ours, and that this takes nothing from it.
func TestInstalled(t *testing.T) {
	t.Parallel()
	tls := newTLS(t)
	vfs := sqlite3.Xsqlite3_vfs_find(tls, 0)
	get := fromC[func(tls *libc.TLS, vfs, name uintptr) uintptr]((*(**sqlite3.Tsqlite3_vfs)(unsafe.Pointer(&vfs))).FxGetSystemCall)
	for name, want := range map[string]uintptr{"pread": toC(pread), "fcntl": toC(fcntl)} {
		inC, err := libc.CString(name)
		must(t, err)
		defer libc.Xfree(tls, inC)
		if got := get(tls, vfs, inC); got != want {
			t.Errorf("%s is not ours", name)
		}
	}
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "a.db"))
	must(t, err)
	defer db.Close()
	db.SetMaxIdleConns(0) // each statement opens the file, locks it, and reads it
	for _, statement := range []string{"pragma journal_mode = wal", "create table t (a)", "with recursive n(a) as (select 1 union all select a + 1 from n where a < 10000) insert into t select a from n"} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	var sum int
	must(t, db.QueryRowContext(t.Context(), "select sum(a) from t").Scan(&sum))
	if sum != 10000*10001/2 {
		t.Errorf("the sum is %d", sum)
	}
}

func TestPread(t *testing.T) { //nolint:paralleltest // it sets what all share
	tls := newTLS(t)
	content := make([]byte, 1<<20)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	path := filepath.Join(t.TempDir(), "a")
	must(t, os.WriteFile(path, content, 0o600))
	file, err := os.Open(path)
	must(t, err)
	defer file.Close()
	must(t, unix.Fdatasync(int(file.Fd())))
	to, got := memory(t, tls, 8192)
	read := func(t *testing.T) {
		t.Helper()
		for _, at := range []int{0, 8192, len(content) - 8192, len(content) - 100, len(content), len(content) + 5} {
			clear(got)
			want := content[min(at, len(content)):min(at+len(got), len(content))]
			n := pread(tls, int32(file.Fd()), to, 8192, libc.Toff_t(at))
			if int(n) != len(want) || !bytes.Equal(got[:n], want) {
				t.Errorf("at %d: %d bytes of %d, or others", at, n, len(want))
			}
		}
	}
	t.Run("InCache", func(t *testing.T) {
		read(t)
		if asked.Load() != told {
			t.Skip("this file system does not tell what it has in its cache")
		}
		was := before.pread
		defer func() { before.pread = was }()
		before.pread = func(*libc.TLS, int32, uintptr, libc.Tsize_t, libc.Toff_t) libc.Tssize_t {
			t.Error("it was read as before")
			return -1
		}
		if n := pread(tls, int32(file.Fd()), to, 8192, 8192); n != 8192 || !bytes.Equal(got, content[8192:2*8192]) {
			t.Errorf("%d bytes, or others", n)
		}
	})
	t.Run("OnDisk", func(t *testing.T) {
		must(t, unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED))
		read(t)
	})
	t.Run("CannotAsk", func(t *testing.T) {
		defer asked.Store(asked.Swap(cannot))
		read(t)
	})
	t.Run("Pipe", func(t *testing.T) {
		in, out, err := os.Pipe()
		must(t, err)
		defer in.Close()
		defer out.Close()
		if n := pread(tls, int32(in.Fd()), to, 10, 0); n != -1 || errno(tls) != unix.ESPIPE {
			t.Errorf("%d, %v", n, errno(tls))
		}
	})
	t.Run("Closed", func(t *testing.T) {
		if n := pread(tls, -1, to, 10, 0); n != -1 || errno(tls) != unix.EBADF {
			t.Errorf("%d, %v", n, errno(tls))
		}
	})
}

func TestFcntl(t *testing.T) { //nolint:paralleltest // it sets what all share
	for name, state := range map[string]int32{"AsBefore": cannot, "Raw": told} {
		t.Run(name, func(t *testing.T) {
			defer asked.Store(asked.Swap(state))
			testFcntl(t, state == told)
		})
	}
}

func testFcntl(t *testing.T, raw bool) {
	t.Helper()
	tls := newTLS(t)
	path := filepath.Join(t.TempDir(), "a")
	mine, err := os.Create(path)
	must(t, err)
	defer mine.Close()
	other, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer other.Close()
	at, room := memory(t, tls, int(unsafe.Sizeof(unix.Flock_t{})))
	args, arg := memory(t, tls, 8)
	*(*uintptr)(unsafe.Pointer(&arg[0])) = at
	lock := (*unix.Flock_t)(unsafe.Pointer(&room[0]))
	call := func(command int32, kind int16) int32 {
		*lock = unix.Flock_t{Type: kind, Whence: io.SeekStart, Start: 5, Len: 1}
		return fcntl(tls, int32(mine.Fd()), command, args)
	}
	was := before.fcntl
	defer func() { before.fcntl = was }()
	for _, set := range []int32{unix.F_SETLK, unix.F_OFD_SETLK} {
		asBefore := 0
		before.fcntl = func(tls *libc.TLS, file, command int32, args uintptr) int32 {
			asBefore++
			return was(tls, file, command, args)
		}
		if got := call(set, unix.F_WRLCK); got != 0 || (asBefore == 0) != raw {
			t.Fatalf("%d: %d, %v, %d times as before", set, got, errno(tls), asBefore)
		}
		theirs := &unix.Flock_t{Type: unix.F_RDLCK, Whence: io.SeekStart, Start: 5, Len: 1}
		if err := unix.FcntlFlock(other.Fd(), unix.F_OFD_SETLK, theirs); err == nil {
			t.Errorf("%d: nothing is locked", set)
		}
		if got := call(set, unix.F_UNLCK); got != 0 {
			t.Errorf("%d: %d, %v", set, got, errno(tls))
		}
		must(t, unix.FcntlFlock(other.Fd(), unix.F_OFD_SETLK, theirs))
		if got := call(set, unix.F_WRLCK); got != -1 || errno(tls) != unix.EAGAIN {
			t.Errorf("%d, which another has: %d, %v", set, got, errno(tls))
		}
		if got := call(unix.F_GETLK, unix.F_WRLCK); got != 0 || lock.Type != unix.F_RDLCK {
			t.Errorf("%d: the lock of another is not seen: %d, %d", set, got, lock.Type)
		}
		theirs.Type = unix.F_UNLCK
		must(t, unix.FcntlFlock(other.Fd(), unix.F_OFD_SETLK, theirs))
	}
	if flags := fcntl(tls, int32(mine.Fd()), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("another command: %d", flags)
	}
}
