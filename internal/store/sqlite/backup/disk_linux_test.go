package backup_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/sqlite/backup"
)

// smallDisk is a folder on a disk of its own with 4 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("no small disk to fill can be mounted (that takes root): %v", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(disk, 0)) })
	return disk
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	t.Run("Save", func(t *testing.T) {
		t.Parallel()
		path, _ := setup(t, 150) // 6 MB
		file := filepath.Join(smallDisk(t), "backup.db")
		must(t, os.WriteFile(file, []byte("the backup of yesterday"), 0o600))
		_, err := backup.Save(t.Context(), "sqlite:"+path, file, backup.Options{Force: true})
		wantError(t, err, persona.Unavailable, "full", "Nothing is left of it")
		if diff := cmp.Diff([]string{"backup.db"}, names(t, file)); diff != "" {
			t.Error(diff)
		}
		if old, _ := os.ReadFile(file); string(old) != "the backup of yesterday" {
			t.Error("the backup of yesterday is gone")
		}
	})
	t.Run("Restore", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(smallDisk(t), "personae.db")
		_, err := backup.Restore(t.Context(), saved(t, 2), "sqlite:"+path, backup.Options{})
		must(t, err)
		before := names(t, path)
		_, err = backup.Restore(t.Context(), saved(t, 150), "sqlite:"+path, backup.Options{Force: true})
		wantError(t, err, persona.Unavailable, "no space left", "Nothing was changed")
		if diff := cmp.Diff(before, names(t, path)); diff != "" || personas(t, path) != 2 {
			t.Errorf("%d personas; %s", personas(t, path), diff)
		}
	})
}
