package backup_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/store"
	"personae.dev/internal/store/backup"
	"personae.dev/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// setup returns the path of a database with so many personas, and its store,
// which is open as a server's.
func setup(t testing.TB, personas int) (path string, s *store.Store) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "personae.db")
	s, err := store.Open(t.Context(), "sqlite:"+path, store.Options{Create: true, Exclusive: true})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	storetest.Fill(t, s)
	insert(t, s, "pe", personas)
	return path, s
}

// insert adds so many personas of 20 KB, and a revision.
func insert(t testing.TB, s *store.Store, prefix string, personas int) {
	t.Helper()
	insertSized(t, s, prefix, personas, 20_000)
}

func insertSized(t testing.TB, s *store.Store, prefix string, personas, size int) {
	t.Helper()
	must(t, s.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error {
		for n := range personas {
			p := storetest.Seal(&entity.Stored{Row: entity.Row{
				Ref: entity.Ref{Workspace: "wa_1", Kind: "persona", OID: fmt.Sprintf("%s_%d", prefix, n)}, Author: account.Author{OID: "u_1"}, Name: "VP",
				Document: []byte(strings.Repeat("x", size)), CreatedAt: storetest.Day, UpdatedAt: storetest.Day,
			}})
			rev := &entity.Revision{RevisionOID: "rv" + p.OID, Action: entity.ActionCreated, Author: p.Author, Source: entity.SourceAPI, At: storetest.Day}
			if err := tx.Insert(ctx, p, rev); err != nil {
				return err
			}
		}
		return nil
	}))
}

// saved returns a backup of a database with so many personas.
func saved(t testing.TB, personas int) (file string) {
	t.Helper()
	path, _ := setup(t, personas)
	file = filepath.Join(t.TempDir(), "backup.db")
	_, err := backup.Save(t.Context(), "sqlite:"+path, file, backup.Options{})
	must(t, err)
	return file
}

// personas counts what a file holds.
func personas(t testing.TB, path string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path}).String())
	must(t, err)
	defer db.Close()
	must(t, db.QueryRowContext(t.Context(), "select count(*) from entities").Scan(&n))
	return n
}

// names lists the files in the folder of path.
func names(t testing.TB, path string) (found []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	return found
}

// wantError fails the test unless err is of the kind and says all of words.
func wantError(t testing.TB, err error, kind errs.Kind, words ...string) {
	t.Helper()
	domain, ok := errors.AsType[*errs.Error](err)
	if !ok || domain.Kind != kind {
		t.Fatalf("error %v, want one of kind %s", err, kind)
	}
	for _, word := range words {
		if !strings.Contains(domain.Message, word) {
			t.Errorf("message %q does not say %q", domain.Message, word)
		}
	}
}

func TestSave(t *testing.T) {
	t.Parallel()
	path, s := setup(t, 100)
	file := filepath.Join(t.TempDir(), "with % ? # in it.db")
	var last int64
	contents, err := backup.Save(t.Context(), "sqlite:"+path, file, backup.Options{Progress: func(done, total int64) {
		if done < last || done > total {
			t.Errorf("%d of %d bytes are done, after %d", done, total, last)
		}
		last = done
	}})
	must(t, err)
	data, err := os.ReadFile(file)
	must(t, err)
	newest, err := store.NewestVersion()
	must(t, err)
	if contents.Rows["entities"] != 100 || contents.Rows["workspaces"] != 2 || contents.Version != newest || contents.Bytes != int64(len(data)) {
		t.Errorf("%+v, of %d bytes", contents, len(data))
	}
	if last == 0 {
		t.Error("no progress was told")
	}
	if info, _ := os.Stat(file); info.Mode() != 0o600 {
		t.Errorf("the mode is %s", info.Mode())
	}
	// The bytes of the header that say whether there is a log; 1 is no.
	if !bytes.Equal(data[18:20], []byte{1, 1}) {
		t.Errorf("the file needs a log: %v", data[18:20])
	}
	if found := names(t, file); len(found) != 1 {
		t.Errorf("the folder has %v", found)
	}
	// What comes later is not in it.
	insert(t, s, "later", 1)
	if n := personas(t, file); n != 100 {
		t.Errorf("the backup has %d personas", n)
	}
	// It is a database like any other.
	again, err := store.Open(t.Context(), "sqlite:"+file, store.Options{Create: true, Exclusive: true})
	must(t, err)
	must(t, again.Close())
}

func TestSaveReplaces(t *testing.T) {
	t.Parallel()
	path, s := setup(t, 1)
	file := saved(t, 3)
	link := filepath.Join(t.TempDir(), "latest.db")
	must(t, os.Symlink(file, link))
	_, err := backup.Save(t.Context(), "sqlite:"+path, link, backup.Options{})
	wantError(t, err, errs.Conflict, link, "--force")
	_, err = backup.Save(t.Context(), "sqlite:"+path, link, backup.Options{Force: true})
	must(t, err)
	if n := personas(t, file); n != 1 {
		t.Errorf("where the link leads, there are %d personas", n)
	}
	insert(t, s, "more", 1)
}

func TestSaveRefusals(t *testing.T) {
	t.Parallel()
	path, _ := setup(t, 1)
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.WriteFile(in("words"), []byte("These are words, and no database."), 0o600))
	must(t, os.Link(path, in("hard link")))
	execute(t, in("other.db"), "create table people (name text)")
	newer := saved(t, 1)
	execute(t, newer, "insert into goose_db_version (version_id, is_applied) values (9999, 1)")
	tests := map[string]struct {
		database, file string
		kind           errs.Kind
		words          []string
	}{
		"Stdout":         {"sqlite:" + path, "-", errs.Invalid, []string{"stdout", "Name a file"}},
		"Folder":         {"sqlite:" + path, dir, errs.Invalid, []string{"is a folder"}},
		"Device":         {"sqlite:" + path, os.DevNull, errs.Invalid, []string{"device"}},
		"NoFolder":       {"sqlite:" + path, in("nowhere/b.db"), errs.Unavailable, []string{"no such file"}},
		"Itself":         {"sqlite:" + path, path, errs.Invalid, []string{"the database itself"}},
		"ItsLog":         {"sqlite:" + path, path + "-wal", errs.Invalid, []string{"the database itself"}},
		"ItsLock":        {"sqlite:" + path, path + ".lock", errs.Invalid, []string{"the database itself"}},
		"ItselfLinked":   {"sqlite:" + path, in("hard link"), errs.Invalid, []string{"the database itself"}},
		"NoDatabase":     {"sqlite:" + in("nothing.db"), in("b.db"), errs.NotFound, []string{"does not exist"}},
		"Words":          {"sqlite:" + in("words"), in("b.db"), errs.Invalid, []string{"not an SQLite database"}},
		"AnotherProgram": {"sqlite:" + in("other.db"), in("b.db"), errs.Invalid, []string{"not a database of Personae"}},
		"Newer":          {"sqlite:" + newer, in("b.db"), errs.Conflict, []string{"9999"}},
		"PostgreSQL":     {"postgres://u:secret@h/p", in("b.db"), errs.Invalid, []string{"pg_dump"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := backup.Save(t.Context(), test.database, test.file, backup.Options{Force: true})
			wantError(t, err, test.kind, test.words...)
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("it tells a password: %v", err)
			}
		})
	}
	t.Cleanup(func() {
		if found := names(t, in("x")); !slices.Equal(found, []string{"hard link", "other.db", "words"}) {
			t.Errorf("the folder has %v", found)
		}
	})
}

func execute(t testing.TB, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	must(t, err)
	_, err = db.ExecContext(t.Context(), statement)
	must(t, errors.Join(err, db.Close()))
}

// TestSaveInterrupted ends the copy in the middle.
func TestSaveInterrupted(t *testing.T) {
	t.Parallel()
	path, _ := setup(t, 20)
	file := filepath.Join(t.TempDir(), "backup.db")
	ctx, cancel := context.WithCancel(t.Context())
	_, err := backup.Save(ctx, "sqlite:"+path, file, backup.Options{Progress: func(int64, int64) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if found := names(t, file); len(found) != 0 {
		t.Errorf("it left %v", found)
	}
}

func TestRestore(t *testing.T) {
	t.Parallel()
	restore := func(t *testing.T, file, path string, force bool) (*backup.Restored, error) {
		t.Helper()
		return backup.Restore(t.Context(), file, "sqlite:"+path, backup.Options{Force: force})
	}
	t.Run("WhereNoneWas", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "personae.db")
		// What a removed database left would be taken for the new one's, and may be
		// all that is left of it.
		for suffix, left := range map[string]string{"-wal": "log", "-journal": "journal", "-shm": "index"} {
			must(t, os.WriteFile(path+suffix, []byte(left), 0o600))
		}
		done, err := restore(t, saved(t, 3), path, false)
		must(t, err)
		if done.Aside != "" || done.Rows["entities"] != 3 || personas(t, path) != 3 {
			t.Errorf("%+v", done)
		}
		var kept []string
		for i, want := range []string{"log", "journal"} {
			if len(done.Logs) != 2 {
				t.Fatalf("the logs %q are kept", done.Logs)
			}
			if got, err := os.ReadFile(done.Logs[i]); string(got) != want {
				t.Errorf("%s has %q: %v", done.Logs[i], got, err)
			}
			kept = append(kept, filepath.Base(done.Logs[i]))
		}
		slices.Sort(kept)
		if diff := cmp.Diff(append([]string{"personae.db", "personae.db.lock"}, kept...), names(t, path)); diff != "" {
			t.Error(diff)
		}
		if info, _ := os.Stat(path); info.Mode() != 0o600 {
			t.Errorf("the mode is %s", info.Mode())
		}
	})
	t.Run("Replaces", func(t *testing.T) {
		t.Parallel()
		path, s := setup(t, 5)
		file := saved(t, 3)
		_, err := restore(t, file, path, true)
		wantError(t, err, errs.Unavailable, "in use by another server")
		must(t, s.Close())
		_, err = restore(t, file, path, false)
		wantError(t, err, errs.Conflict, path, "--force")
		link := filepath.Join(t.TempDir(), "link.db")
		must(t, os.Symlink(path, link))
		done, err := restore(t, file, link, true)
		must(t, err)
		if personas(t, path) != 3 || personas(t, done.Aside) != 5 {
			t.Errorf("%+v: %d, and %d aside", done, personas(t, path), personas(t, done.Aside))
		}
		if _, err := os.Readlink(link); err != nil {
			t.Error("the link is gone")
		}
	})
	t.Run("WhatAKilledServerLeft", func(t *testing.T) {
		t.Parallel()
		path, s := setup(t, 5)
		dead := filepath.Join(t.TempDir(), "personae.db")
		for _, suffix := range []string{"", "-wal"} {
			data, err := os.ReadFile(path + suffix)
			must(t, err)
			must(t, os.WriteFile(dead+suffix, data, 0o600))
		}
		must(t, s.Close())
		done, err := restore(t, saved(t, 3), dead, true)
		must(t, err)
		// What was in the log only is in the file that was kept.
		if personas(t, dead) != 3 || personas(t, done.Aside) != 5 {
			t.Errorf("%d, and %d aside", personas(t, dead), personas(t, done.Aside))
		}
	})
	t.Run("OpenInAnotherProgram", func(t *testing.T) {
		t.Parallel()
		path, s := setup(t, 5)
		must(t, s.Close())
		command, err := store.Open(t.Context(), "sqlite:"+path, store.Options{})
		must(t, err)
		defer command.Close()
		_, err = restore(t, saved(t, 3), path, true)
		wantError(t, err, errs.Unavailable, path, "open in another program")
		insert(t, command, "more", 1)
		if n := personas(t, path); n != 6 {
			t.Errorf("%d personas", n)
		}
	})
	t.Run("OverOneThatCannotBeRead", func(t *testing.T) {
		t.Parallel()
		path, s := setup(t, 5)
		must(t, s.Close())
		must(t, os.Mkdir(path+"-wal", 0o700)) // no log can be opened there
		before := names(t, path)
		_, err := restore(t, saved(t, 3), path, true)
		wantError(t, err, errs.Unavailable, path, "cannot be read", "nothing was changed")
		if diff := cmp.Diff(before, names(t, path)); diff != "" {
			t.Error(diff)
		}
		must(t, os.Remove(path+"-wal"))
		if n := personas(t, path); n != 5 {
			t.Errorf("%d personas", n)
		}
	})
	t.Run("OverADamagedOne", func(t *testing.T) {
		t.Parallel()
		for name, damage := range map[string]func([]byte) []byte{
			"Overwritten": func(data []byte) []byte { return append(data[:4096:4096], make([]byte, len(data)-4096)...) },
			"NoHeader":    func(data []byte) []byte { return bytes.Repeat([]byte{1}, len(data)) },
			"CutOff":      func(data []byte) []byte { return data[:len(data)/2] },
			"CutOffEarly": func(data []byte) []byte { return data[:50] },
		} {
			path, s := setup(t, 5)
			must(t, s.Close())
			data, err := os.ReadFile(path)
			must(t, err)
			data = damage(data)
			must(t, os.WriteFile(path, data, 0o600))
			must(t, os.WriteFile(path+"-wal", []byte("what was written last"), 0o600))
			done, err := restore(t, saved(t, 3), path, true)
			must(t, err)
			kept, _ := os.ReadFile(done.Aside)
			if personas(t, path) != 3 || len(kept) == 0 {
				t.Errorf("%s: %d personas, %d bytes aside", name, personas(t, path), len(kept))
			}
			if name == "NoHeader" {
				if diff := cmp.Diff([]string{done.Aside + "-wal"}, done.Logs); diff != "" {
					t.Error(diff)
				}
				if log, err := os.ReadFile(done.Aside + "-wal"); !bytes.Equal(kept, data) || string(log) != "what was written last" {
					t.Errorf("%s: aside is another file, with the log %q: %v", name, log, err)
				}
			}
		}
	})
}

func TestRestoreRefusals(t *testing.T) { //nolint:tparallel // each subtest locks the same database
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	good, err := os.ReadFile(saved(t, 30))
	must(t, err)
	flipped := slices.Clone(good)
	copy(flipped[len(flipped)/2:], bytes.Repeat([]byte{0xa5}, 8192))
	for name, data := range map[string][]byte{
		"empty": nil, "words": []byte("These are words, and no database."), "header only": good[:100],
		"cut off": good[:len(good)/2], "flipped": flipped, "has log": good, "has log-wal": []byte("last"), "newer": good, "other": nil,
	} {
		must(t, os.WriteFile(in(name), data, 0o600))
	}
	execute(t, in("newer"), "insert into goose_db_version (version_id, is_applied) values (9999, 1)")
	execute(t, in("other"), "create table people (name text)")
	path, s := setup(t, 5)
	must(t, s.Close())
	tests := map[string]struct {
		file  string
		kind  errs.Kind
		words []string
	}{
		"Stdin":          {"-", errs.Invalid, []string{"stdin"}},
		"Missing":        {in("nothing"), errs.NotFound, []string{"cannot be found"}},
		"Empty":          {in("empty"), errs.Invalid, []string{"is empty"}},
		"Folder":         {dir, errs.Invalid, []string{"is no file"}},
		"Device":         {os.DevNull, errs.Invalid, []string{"is no file"}},
		"Words":          {in("words"), errs.Invalid, []string{"not an SQLite database"}},
		"HeaderOnly":     {in("header only"), errs.Invalid, []string{"not an SQLite database"}},
		"CutOff":         {in("cut off"), errs.Unavailable, []string{"damaged"}},
		"Flipped":        {in("flipped"), errs.Unavailable, []string{"damaged"}},
		"NotWhole":       {in("has log"), errs.Invalid, []string{"not whole", "has log-wal"}},
		"Newer":          {in("newer"), errs.Conflict, []string{"9999", "nothing was changed"}},
		"AnotherProgram": {in("other"), errs.Invalid, []string{"not a database of Personae"}},
		"Itself":         {path, errs.Invalid, []string{"the database itself"}},
	}
	before := names(t, path)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := backup.Restore(t.Context(), test.file, "sqlite:"+path, backup.Options{Force: true})
			wantError(t, err, test.kind, test.words...)
			if test.file != "-" && !slices.Contains(test.words, "the database itself") && !strings.Contains(err.Error(), test.file) {
				t.Errorf("%q does not name the file", err)
			}
			if diff := cmp.Diff(before, names(t, path)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if n := personas(t, path); n != 5 {
		t.Errorf("%d personas", n)
	}
}

// TestDamaged: a backup says which entities are not what was written, and has them
// as they are.
func TestDamaged(t *testing.T) {
	t.Parallel()
	path, s := setup(t, 3)
	must(t, s.Close())
	execute(t, path, "update entities set document = 'y' || substr(document, 2) where o_id = 'pe_1'")
	file := filepath.Join(t.TempDir(), "backup.db")
	contents, err := backup.Save(t.Context(), "sqlite:"+path, file, backup.Options{})
	must(t, err)
	if diff := cmp.Diff([]string{"wa_1 persona pe_1"}, contents.Damaged); diff != "" {
		t.Error(diff)
	}
	if n := personas(t, file); n != 3 {
		t.Errorf("the backup has %d entities", n)
	}
}

// TestEarlierBuild: a file of a build with another structure is refused in words.
func TestEarlierBuild(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "old.db")
	execute(t, file, "pragma application_id = 1346720339; create table goose_db_version (id integer primary key, version_id integer, is_applied integer); create table personas (id integer)")
	_, err := backup.Restore(t.Context(), file, "sqlite:"+filepath.Join(t.TempDir(), "new.db"), backup.Options{})
	wantError(t, err, errs.Conflict, "an earlier build", "personae export", "personae import")
	_, err = backup.Save(t.Context(), "sqlite:"+file, filepath.Join(t.TempDir(), "backup.db"), backup.Options{})
	wantError(t, err, errs.Conflict, "an earlier build")
}
