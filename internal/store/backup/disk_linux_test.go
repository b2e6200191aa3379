package backup_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/errs"
	"personae.dev/internal/machinetest"
	"personae.dev/internal/store/backup"
)

func TestFullDisk(t *testing.T) {
	t.Parallel()
	t.Run("Save", func(t *testing.T) {
		t.Parallel()
		path, _ := setup(t, 150) // 6 MB
		file := filepath.Join(machinetest.Disk(t, "4m"), "backup.db")
		must(t, os.WriteFile(file, []byte("the backup of yesterday"), 0o600))
		_, err := backup.Save(t.Context(), "sqlite:"+path, file, backup.Options{Force: true})
		wantError(t, err, errs.Unavailable, "full", "Nothing is left of it")
		if diff := cmp.Diff([]string{"backup.db"}, names(t, file)); diff != "" {
			t.Error(diff)
		}
		if old, _ := os.ReadFile(file); string(old) != "the backup of yesterday" {
			t.Error("the backup of yesterday is gone")
		}
	})
	t.Run("Restore", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(machinetest.Disk(t, "4m"), "personae.db")
		_, err := backup.Restore(t.Context(), saved(t, 2), "sqlite:"+path, backup.Options{})
		must(t, err)
		before := names(t, path)
		_, err = backup.Restore(t.Context(), saved(t, 150), "sqlite:"+path, backup.Options{Force: true})
		wantError(t, err, errs.Unavailable, "no space left", "Nothing was changed")
		if diff := cmp.Diff(before, names(t, path)); diff != "" || personas(t, path) != 2 {
			t.Errorf("%d personas; %s", personas(t, path), diff)
		}
	})
}
