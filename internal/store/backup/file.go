package backup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"personae.dev/internal/errs"
)

// followed is where the links of a path lead; a path that leads nowhere stays.
func followed(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	return path
}

// makeTemporary makes an empty file beside target, which its owner alone can
// read. A process that is killed leaves it behind.
func makeTemporary(target string) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+"-*.tmp")
	if err != nil {
		return "", errs.Unavailablef(nil, "Nothing can be written into the folder of %s: %s.", target, reason(err))
	}
	return f.Name(), f.Close()
}

func removeUnlessRenamed(temporary string, err *error) {
	if *err != nil {
		for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
			_ = os.Remove(temporary + suffix)
		}
	}
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncFolder makes the names in the folder of path durable.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // it does so by itself, and opens no folder
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return diskError(err, path)
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return diskError(err, path)
	}
	return nil
}

func diskError(err error, path string) error {
	return errs.Unavailablef(nil, "The file %s cannot be written: %s.", path, reason(err))
}

// reason is what the system says, without the name of a temporary file.
func reason(err error) string {
	if known, ok := errors.AsType[*fs.PathError](err); ok {
		return known.Err.Error()
	}
	if known, ok := errors.AsType[*os.LinkError](err); ok {
		return known.Err.Error()
	}
	return err.Error()
}
