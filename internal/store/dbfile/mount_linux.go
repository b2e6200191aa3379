package dbfile

import "golang.org/x/sys/unix"

// isMount tells whether a file is mounted by itself, apart from its folder.
func isMount(path string) bool {
	var stat unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_BASIC_STATS, &stat); err != nil {
		return false
	}
	return stat.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 && stat.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}
