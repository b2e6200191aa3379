//go:build race

package rawconn

import "syscall"

// rawCall makes a call as the net package does: the race detector is told of it then, and knows
// what was read and written, and what came before what.
func rawCall(number, fd uintptr, p []byte) (n int, fault syscall.Errno) {
	move := syscall.Read
	if number == syscall.SYS_WRITE {
		move = syscall.Write
	}
	n, err := move(int(fd), p)
	fault, _ = err.(syscall.Errno) //nolint:errorlint // it always is one, or nil
	return max(n, 0), fault
}
