//go:build unix

package dbfile

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"personae.dev/internal/errs"
)

// links is how many names a file has.
func links(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Nlink) //nolint:unconvert // its type differs between systems
	}
	return 1
}

// identity names a file by device and inode.
func identity(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}

// CheckAccess finds a file that may only be read: SQLite would open it all the
// same, and leave a log beside it that nobody can write.
func CheckAccess(path string) error {
	if err := unix.Access(path, unix.R_OK); err != nil {
		return errs.Unavailablef(err, "The database file %s cannot be read by this user. Check its permissions.", path)
	}
	if err := unix.Access(path, unix.W_OK); err != nil {
		return errs.Unavailablef(err, "The database file %s is read-only. Make the file and its folder writable for this user, and try again.", path)
	}
	return nil
}
