package machinetest

import (
	"syscall"
	"testing"
)

// Disk returns a folder on a file system of its own, of a size like "4m". It is
// unmounted at the end of t.
func Disk(t testing.TB, size string) string {
	t.Helper()
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size="+size); err != nil {
		Lacks(t, "no small disk can be mounted (that takes root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Errorf("Unmount: %v", err)
		}
	})
	return disk
}
