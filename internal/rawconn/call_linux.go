//go:build !race

package rawconn

import (
	"syscall"
	"unsafe"
)

// rawCall makes a call, of which the scheduler is not told.
func rawCall(number, fd uintptr, p []byte) (n int, fault syscall.Errno) {
	moved, _, fault := syscall.RawSyscall(number, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(moved), fault
}
