package store_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/store"
)

// TestOrphanedLog: no database is made where the log of another one is.
func TestOrphanedLog(t *testing.T) {
	t.Parallel()
	path := made(t)
	s := open(t, path, store.Options{Exclusive: true})
	insert(t, s, simple("pe_1"))
	// What a crash leaves, of which the file is then moved away.
	crashed := dbPath(t)
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		check(t, err)
		put(t, crashed+suffix, string(content))
	}
	move(t, crashed, crashed+".elsewhere")
	for name, prepare := range map[string]func(){
		"no file":       func() {},
		"an empty file": func() { put(t, crashed, "") },
	} {
		prepare()
		before := listed(t, crashed)
		_, err := store.Open(t.Context(), "sqlite:"+crashed, store.Options{Create: true, Exclusive: true})
		wantError(t, err, errs.Conflict, "its log", crashed+"-wal", "Put the database file back")
		if after := listed(t, crashed); len(after) != len(before) || after["personae.db-wal"] != before["personae.db-wal"] {
			t.Errorf("%s: the folder has %v, had %v", name, after, before)
		}
	}
	// With the file in its place nothing is lost.
	check(t, os.Remove(crashed))
	move(t, crashed+".elsewhere", crashed)
	if n := count(t, open(t, crashed, store.Options{Create: true, Exclusive: true})); n != 1 {
		t.Errorf("there are %d personas, want 1", n)
	}
}

// TestHardLink: a file with two names would have a log for each.
func TestHardLink(t *testing.T) {
	t.Parallel()
	path := made(t)
	other := filepath.Join(t.TempDir(), "other.db")
	check(t, os.Link(path, other))
	for _, name := range []string{path, other} {
		_, err := store.Open(t.Context(), "sqlite:"+name, store.Options{Create: true, Exclusive: true})
		wantError(t, err, errs.Invalid, name, "2 names", "Remove the other names")
	}
	check(t, os.Remove(other))
	open(t, path, store.Options{Exclusive: true})
}

// TestSymbolicLink: a link to the file is the file.
func TestSymbolicLink(t *testing.T) {
	t.Parallel()
	path := made(t)
	link := filepath.Join(t.TempDir(), "link.db")
	check(t, os.Symlink(path, link))
	s := open(t, link, store.Options{Exclusive: true})
	insert(t, s, simple("pe_1"))
	_, err := store.Open(t.Context(), "sqlite:"+path, store.Options{Exclusive: true})
	wantError(t, err, errs.Unavailable, "in use by another server")
	if n := count(t, open(t, path, store.Options{})); n != 1 {
		t.Errorf("there are %d personas, want 1", n)
	}
}

// TestFilesReplaced removes or replaces files under a server: it refuses writes
// until they are back.
func TestFilesReplaced(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		suffix  string
		replace bool
	}{
		"file removed": {"", false}, "file replaced": {"", true}, "log removed": {"-wal", false}, "log replaced": {"-wal", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := made(t)
			s := open(t, path, store.Options{Exclusive: true})
			insert(t, s, simple("pe_1"))
			file := path + test.suffix
			content, err := os.ReadFile(file)
			check(t, err)
			move(t, file, file+".away")
			if test.replace {
				put(t, file, string(content))
			}
			err = s.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error { return add(ctx, tx, simple("pe_2")) })
			wantError(t, err, errs.Unavailable, file, "removed or replaced", "Nothing of this change was kept")
			wantError(t, s.PingWrite(t.Context()), errs.Unavailable, file)
			wantError(t, s.Ping(t.Context()), errs.Unavailable, file)
			if _, err := row(t, s, "pe_1"); err != nil && errs.KindOf(err) != errs.Unavailable {
				t.Errorf("a read: %v", err)
			}
			if test.suffix == "" && test.replace { // a command would write into the other file
				_, err := store.Open(t.Context(), "sqlite:"+path, store.Options{})
				wantError(t, err, errs.Unavailable, "was replaced while a server had it open")
			}
			move(t, file+".away", file)
			insert(t, s, simple("pe_3"))
			check(t, s.PingWrite(t.Context()))
			check(t, s.Close())
			if n := count(t, open(t, path, store.Options{})); n != 2 {
				t.Errorf("there are %d personas, want 2", n)
			}
		})
	}
}

// TestDamage changes a byte of a document in the file: the row is refused, named in
// the log, found by a check, and never answered.
func TestDamage(t *testing.T) {
	t.Parallel()
	path := made(t)
	var warned []string
	s := open(t, path, store.Options{Warn: func(message string, args ...any) {
		warned = append(warned, message)
		for _, arg := range args {
			warned = append(warned, arg.(string))
		}
	}})
	damaged := simple("pe_1", func(s *entity.Stored) { s.Document = []byte(`{"name":"ORIGINALTEXT"}`) })
	insert(t, s, damaged, simple("pe_2"))
	execute(t, plain(t, path), "update entities set document = replace(document, 'ORIGINAL', '0RIGINAL')")
	_, err := row(t, s, "pe_1")
	wantError(t, err, errs.Unavailable, "pe_1", "damaged", "personae check")
	if text := strings.Join(warned, " "); !strings.Contains(text, "pe_1") || !strings.Contains(text, "wa_1") || !strings.Contains(text, "backup") {
		t.Errorf("the log says %q", text)
	}
	_, err = s.List(t.Context(), entity.Query{Workspace: "wa_1", Limit: 10})
	wantError(t, err, errs.Unavailable, "pe_1")
	err = s.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error {
		_, err := tx.Row(ctx, damaged.Ref, nil)
		return err
	})
	wantError(t, err, errs.Unavailable, "pe_1")
	if _, err := row(t, s, "pe_2"); err != nil {
		t.Errorf("another row: %v", err)
	}
	var problems []string
	report, err := s.Check(t.Context(), store.CheckOptions{Derive: derive, Repair: true, Report: func(problem string) { problems = append(problems, problem) }})
	if err != nil || report.Damaged != 1 || report.Entities != 2 || report.Problems() != 1 || len(problems) != 1 || !strings.Contains(problems[0], "persona pe_1") {
		t.Errorf("Check = %+v, %v: %v", report, err, problems)
	}
}
