//go:build linux && (amd64 || arm64)

package rawfile

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// before are the calls that SQLite had. They are made still where ours do not succeed, so
// that each error is theirs.
//
//nolint:gochecknoglobals // set once, as what it is for is in SQLite
var before struct {
	pread func(tls *libc.TLS, file int32, to uintptr, size libc.Tsize_t, offset libc.Toff_t) libc.Tssize_t
	fcntl func(tls *libc.TLS, file, command int32, args uintptr) int32
}

// asked tells what became of asking what the system has of a file in its cache: nothing yet, it
// told, or it cannot. From then on all is done as before.
//
//nolint:gochecknoglobals // as before
var asked atomic.Int32

const told, cannot = 1, 2

//nolint:gochecknoinits // it must come before the first connection, whoever opens that
func init() {
	tls := libc.NewTLS()
	defer tls.Close()
	at := sqlite3.Xsqlite3_vfs_find(tls, 0)
	if at == 0 {
		return // SQLite has no memory, as it will say itself
	}
	vfs := *(**sqlite3.Tsqlite3_vfs)(unsafe.Pointer(&at))
	get := fromC[func(tls *libc.TLS, vfs, name uintptr) uintptr](vfs.FxGetSystemCall)
	set := fromC[func(tls *libc.TLS, vfs, name, call uintptr) int32](vfs.FxSetSystemCall)
	replace := func(name string, was unsafe.Pointer, by uintptr) {
		inC, err := libc.CString(name)
		if err != nil {
			return // no memory: all stays as it is
		}
		defer libc.Xfree(tls, inC)
		if call := get(tls, at, inC); call != 0 {
			*(*uintptr)(was) = call
			set(tls, at, inC, by)
		}
	}
	replace("pread", unsafe.Pointer(&before.pread), toC(pread))
	replace("fcntl", unsafe.Pointer(&before.fcntl), toC(fcntl))
}

// fromC and toC turn what stands for a function in C that was made Go into the function, and
// back. No function may be one that is made at run time: nobody would keep it.
func fromC[F any](f uintptr) F { return *(*F)(unsafe.Pointer(&f)) }
func toC[F any](f F) uintptr   { return *(*uintptr)(unsafe.Pointer(&f)) }

// pread reads what the system has in its cache, all or nothing, and lets the rest be read as
// before.
func pread(tls *libc.TLS, file int32, to uintptr, size libc.Tsize_t, offset libc.Toff_t) libc.Tssize_t {
	if state := asked.Load(); state != cannot {
		into := struct{ base, length uintptr }{to, uintptr(size)} // C's struct iovec
		n, _, fault := unix.RawSyscall6(unix.SYS_PREADV2, uintptr(file), uintptr(unsafe.Pointer(&into)), 1, uintptr(offset), 0, unix.RWF_NOWAIT)
		switch fault {
		case 0:
			if n == uintptr(size) {
				if state != told {
					asked.CompareAndSwap(state, told)
				}
				return libc.Tssize_t(n)
			}
		case unix.EOPNOTSUPP, unix.ENOSYS, unix.EINVAL, unix.EPERM: // the file system, the kernel, or a sandbox
			asked.Store(cannot)
		}
	}
	return before.pread(tls, file, to, size, offset)
}

// fcntl sets and looks for locks, where it need not wait, and lets the rest be done as before. Of
// a file system that does not tell what it has, which may be over a network, it may have to wait.
func fcntl(tls *libc.TLS, file, command int32, args uintptr) int32 {
	switch command {
	case unix.F_SETLK, unix.F_GETLK, unix.F_OFD_SETLK, unix.F_OFD_GETLK:
		if asked.Load() != told {
			break
		}
		lock := *(*uintptr)(fromC[unsafe.Pointer](args)) // the first of the arguments
		if n, _, fault := unix.RawSyscall(unix.SYS_FCNTL, uintptr(file), uintptr(command), lock); fault == 0 {
			return int32(n)
		}
	}
	return before.fcntl(tls, file, command, args)
}
