package store_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/persona"
	"personae.dev/internal/store"
	"personae.dev/internal/store/postgrestest"
	"personae.dev/internal/store/storetest"
)

// emptyOf returns a function that makes databases as a program of the version
// that a folder is named after left them, without a row.
func emptyOf(folder string) func(t *testing.T) (url string) {
	return func(t *testing.T) string {
		t.Helper()
		empty := unpacked(t, filepath.Join(folder, "empty.gz"))
		if strings.HasPrefix(filepath.Base(folder), "postgres-") {
			url := postgrestest.New(t)
			postgrestest.Execute(t, url, string(empty))
			return url
		}
		path := dbPath(t)
		if err := os.WriteFile(path, empty, 0o600); err != nil {
			t.Fatal(err)
		}
		return "sqlite:" + path
	}
}

// unpacked reads a file that gzip wrote.
func unpacked(t *testing.T, path string) []byte {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestVersions brings databases that programs of every version have made up to
// date: they are as one that is made today.
func TestVersions(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("testdata/versions/*-*")
	if err != nil || len(folders) < 4 {
		t.Fatalf("there are the databases %q, %v", folders, err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			old := emptyOf(folder)(t)
			fresh := "sqlite:" + dbPath(t)
			if !strings.HasPrefix(old, "sqlite:") {
				fresh = postgrestest.New(t)
			}
			for _, url := range []string{old, fresh} {
				if err := openURL(t, url, store.Options{Create: true}).Close(); err != nil {
					t.Fatalf("Close: %v", err)
				}
			}
			if diff := cmp.Diff(structure(t, fresh), structure(t, old)); diff != "" {
				t.Errorf("brought up to date, it differs from one made today (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOldestVersion runs the suite on databases that went through every step one
// after the other, in the files of the first program.
func TestOldestVersion(t *testing.T) {
	t.Parallel()
	oldest := emptyOf("testdata/versions/sqlite-1")
	storetest.Run(t, func(t *testing.T) persona.Store {
		t.Helper()
		return openURL(t, oldest(t), store.Options{Create: true})
	})
}

// structure tells what a database is made of.
func structure(t *testing.T, url string) (lines []string) {
	t.Helper()
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		rows, err := plain(t, path).QueryContext(t.Context(), `
			select type || ' ' || name || ' ' || coalesce(sql, '') from sqlite_master
			union all select 'application ' || application_id from pragma_application_id
			union all select 'version ' || max(version_id) from goose_db_version
			order by 1`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, line)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return lines
	}
	return strings.Split(postgrestest.Execute(t, url, `
		select table_name || ' ' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(collation_name, '') || ' ' || coalesce(column_default, '')
			from information_schema.columns where table_schema = 'public'
		union all select indexdef from pg_indexes where schemaname = 'public'
		union all select conrelid::regclass || ' ' || pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace
		union all select 'version ' || max(version_id) from goose_db_version
		order by 1`), "\n")
}
