package store_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/persona"
	"personae.dev/internal/store"
)

// dbPath is where a test's database is to be.
func dbPath(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "personae.db")
}

// made returns the path of a database with an organization, a workspace and a
// user, which is closed.
func made(t testing.TB) string {
	t.Helper()
	path := dbPath(t)
	s, err := store.Open(t.Context(), "sqlite:"+path, store.Options{Create: true})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	setUp(t, s)
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	return path
}

func setUp(t testing.TB, s persona.Store) {
	t.Helper()
	write(t, s, func(tx persona.Tx) error {
		return errors.Join(
			tx.InsertOrganization(t.Context(), &persona.Organization{OID: "og_1", Name: "Acme", Slug: "acme"}),
			tx.InsertWorkspace(t.Context(), &persona.Workspace{OID: "wa_1", OrganizationOID: "og_1", Name: "Sales"}),
			tx.InsertUser(t.Context(), &persona.User{OID: "u_1", OrganizationOID: "og_1", Role: persona.RoleOwner}),
		)
	})
}

func write(t testing.TB, s persona.Store, fn func(persona.Tx) error) {
	t.Helper()
	if err := s.Write(t.Context(), fn); err != nil {
		t.Fatalf("Write: %v", err)
	}
}

func insert(t testing.TB, s persona.Store, p *persona.Persona) {
	t.Helper()
	write(t, s, func(tx persona.Tx) error { return tx.InsertPersona(t.Context(), p) })
}

// simple returns a persona of what setUp makes.
func simple(oID string) *persona.Persona {
	return &persona.Persona{WorkspaceOID: "wa_1", OID: oID, Author: persona.User{OID: "u_1"}, Name: oID, Active: true}
}

func count(t testing.TB, s persona.Store) int {
	t.Helper()
	n, err := s.CountPersonas(t.Context(), "wa_1")
	if err != nil {
		t.Fatalf("CountPersonas: %v", err)
	}
	return n
}

// plain opens the file as another program would.
func plain(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatalf("sql.Open: %v", err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

func execute(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, text := range statements {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

// tables does that in a file of another program, and closes it.
func tables(t testing.TB, path string, statements ...string) {
	t.Helper()
	db := plain(t, path)
	execute(t, db, statements...)
	if err := db.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func checkIntegrity(t testing.TB, path string) {
	t.Helper()
	var result string
	if err := plain(t, path).QueryRowContext(t.Context(), "pragma integrity_check").Scan(&result); err != nil || result != "ok" {
		t.Errorf("integrity_check = %q, %v", result, err)
	}
}

// folder maps the files in the folder of path to digests of their bytes.
func folder(t testing.TB, path string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatalf("ReadDir: %v", err)
	}
	for _, e := range entries {
		if e.IsDir() {
			files[e.Name()] = "a folder"
			continue
		}
		content, err := os.ReadFile(filepath.Join(filepath.Dir(path), e.Name()))
		if err != nil {
			t.Fatalf("ReadFile: %v", err)
		}
		sum := sha256.Sum256(content)
		files[e.Name()] = hex.EncodeToString(sum[:])
	}
	return files
}

// wantError fails the test unless err is of the kind and says all of words.
func wantError(t testing.TB, err error, kind persona.Kind, words ...string) {
	t.Helper()
	domain, ok := errors.AsType[*persona.Error](err)
	if !ok {
		t.Fatalf("error = %v, want a persona.Error", err)
	}
	if domain.Kind != kind {
		t.Errorf("error %q is of kind %s, want %s", err, domain.Kind, kind)
	}
	for _, word := range words {
		if !strings.Contains(domain.Message, word) {
			t.Errorf("message %q does not say %q", domain.Message, word)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	const text = "Dear diary, this is no database, and shall stay as it is.\n"
	tests := []struct {
		name string
		// prepare makes what stands at path.
		prepare func(t *testing.T, path string)
		kind    persona.Kind
		words   []string
		// createMay: with Create it is fine.
		createMay bool
	}{
		{name: "Missing", prepare: func(*testing.T, string) {}, kind: persona.NotFound, words: []string{"does not exist", "personae serve", "--database"}, createMay: true},
		{name: "Empty", prepare: func(t *testing.T, path string) {
			t.Helper()
			put(t, path, "")
		}, kind: persona.Invalid, words: []string{"is empty", "personae migrate"}, createMay: true},
		{name: "Text", prepare: func(t *testing.T, path string) {
			t.Helper()
			put(t, path, text)
		}, kind: persona.Invalid, words: []string{"not an SQLite database", "left as it is", "--database"}},
		{name: "ShortText", prepare: func(t *testing.T, path string) {
			t.Helper()
			put(t, path, "x")
		}, kind: persona.Invalid, words: []string{"not an SQLite database", "--database"}},
		{name: "TextWithTheRightBeginning", prepare: func(t *testing.T, path string) {
			t.Helper()
			put(t, path, "SQLite format 3\x00"+text)
		}, kind: persona.Invalid, words: []string{"not an SQLite database", "--database"}},
		{name: "Folder", prepare: func(t *testing.T, path string) {
			t.Helper()
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, kind: persona.Invalid, words: []string{"is a folder", "name a file"}},
		{name: "AnotherProgram", prepare: func(t *testing.T, path string) {
			t.Helper()
			tables(t, path, "create table contacts (name)", "insert into contacts values ('Ada')")
		}, kind: persona.Invalid, words: []string{"another program", "left as it is", "--database"}},
		{name: "AnotherProgramInWALMode", prepare: func(t *testing.T, path string) {
			t.Helper()
			tables(t, path, "pragma journal_mode = wal", "create table contacts (name)")
		}, kind: persona.Invalid, words: []string{"another program"}},
		{name: "AnotherProgramWithAnID", prepare: func(t *testing.T, path string) {
			t.Helper()
			tables(t, path, "pragma application_id = 42", "create table contacts (name)")
		}, kind: persona.Invalid, words: []string{"another program"}},
		{name: "AnotherProgramWithGoose", prepare: func(t *testing.T, path string) {
			t.Helper()
			tables(t, path, gooseTable, "insert into goose_db_version (version_id, is_applied) values (0, 1), (1, 1)", "create table contacts (name)")
		}, kind: persona.Invalid, words: []string{"another program"}},
		{name: "Older", prepare: func(t *testing.T, path string) {
			t.Helper()
			tables(t, path, "pragma journal_mode = wal", gooseTable, "insert into goose_db_version (version_id, is_applied) values (0, 1)")
		}, kind: persona.Conflict, words: []string{"version 0", "version " + newest(t), "personae migrate", "backup"}, createMay: true},
		{name: "Newer", prepare: func(t *testing.T, path string) {
			t.Helper()
			move(t, made(t), path)
			tables(t, path, "insert into goose_db_version (version_id, is_applied) values (999, 1)")
		}, kind: persona.Conflict, words: []string{"version 999", "versions up to " + newest(t), "nothing was changed"}},
	}
	for _, test := range tests {
		for _, create := range []bool{false, true} {
			name := test.name
			if create {
				name += "Create"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				path := dbPath(t)
				test.prepare(t, path)
				before := folder(t, path)
				s, err := store.Open(t.Context(), "sqlite:"+path, store.Options{Create: create})
				if create && test.createMay {
					if err != nil {
						t.Fatalf("Open: %v", err)
					}
					setUp(t, s)
					if err := s.Close(); err != nil {
						t.Errorf("Close: %v", err)
					}
					return
				}
				if err == nil {
					t.Fatal("Open succeeded")
				}
				wantError(t, err, test.kind, append(test.words, path)...)
				if diff := cmp.Diff(before, folder(t, path)); diff != "" {
					t.Errorf("the folder has changed (-before +after):\n%s", diff)
				}
			})
		}
	}
}

// newest is the version that this program brings a database to.
func newest(t *testing.T) string {
	t.Helper()
	steps, err := store.Migrations(t.Context(), "sqlite:"+made(t), store.Options{})
	if err != nil {
		t.Fatalf("Migrations: %v", err)
	}
	return strconv.FormatInt(steps[len(steps)-1].Version, 10)
}

const gooseTable = `create table goose_db_version (
	id integer primary key autoincrement, version_id integer not null, is_applied integer not null, tstamp timestamp default (datetime('now')))`

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatalf("WriteFile: %v", err)
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatalf("Rename: %v", err)
	}
}

func TestOpenFolderMissing(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing")
	_, err := store.Open(t.Context(), "sqlite:"+filepath.Join(missing, "personae.db"), store.Options{Create: true, Exclusive: true})
	wantError(t, err, persona.NotFound, missing, "personae.db", "does not exist", "Make it")
	if _, err := os.Stat(missing); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
	// A file where a folder should be.
	put(t, missing, "x")
	_, err = store.Open(t.Context(), "sqlite:"+filepath.Join(missing, "personae.db"), store.Options{Create: true})
	wantError(t, err, persona.Unavailable, filepath.Join(missing, "personae.db"), "folder")
}

func TestOpenURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "personae.db", "sqlite:", "sqlite::memory:", "mysql://user:secret@localhost/personae", "SQLITE:x.db",
	} {
		_, openErr := store.Open(t.Context(), url, store.Options{Create: true})
		_, statusErr := store.Migrations(t.Context(), url, store.Options{})
		scheme, _, _ := strings.Cut(url, ":")
		for _, err := range []error{openErr, statusErr} {
			wantError(t, err, persona.Invalid, `"`+scheme, "such as sqlite:personae.db")
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("%q tells a password", err)
			}
		}
	}
}

func TestOpenPath(t *testing.T) {
	t.Parallel()
	names := []string{
		"with space.db", "per%cent%20.db", "quest?mode=memory.db", "ha#sh.db", "a&b=c.db", "ünïcödé 😀.db",
		"e\u0301.db", "quote'\".db", "back\\slash.db", "new\nline.db", "no extension", ".hidden", "file:x.db", "~.db", "-x.db",
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(t.TempDir(), name) // the folder's name is as good as the file's
			if err := os.Mkdir(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(folder, name)
			s := open(t, path, store.Options{Create: true, Exclusive: true})
			setUp(t, s)
			if err := s.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}
			var got []string
			entries, err := os.ReadDir(folder)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				got = append(got, e.Name())
			}
			if diff := cmp.Diff([]string{name, name + ".lock"}, got); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if users, err := open(t, path, store.Options{}).Users(t.Context()); err != nil || len(users) != 1 {
				t.Errorf("Users = %v, %v; want what was written before", users, err)
			}
		})
	}
	t.Run("SlashesLikeInAURL", func(t *testing.T) {
		t.Parallel()
		path := made(t)
		for _, slashes := range []string{"/", "//"} {
			if users, err := open(t, slashes+path, store.Options{}).Users(t.Context()); err != nil || len(users) != 1 {
				t.Errorf("Users by %s%s = %v, %v; want what was written before", slashes, path, users, err)
			}
		}
	})
}

func TestOpenRelativePath(t *testing.T) {
	t.Chdir(t.TempDir()) // not parallel, as the folder is of the whole process
	for _, path := range []string{"personae.db", "./personae.db", "../" + filepath.Base(must(os.Getwd())) + "/personae.db"} {
		open(t, path, store.Options{Create: true})
	}
	if got := folder(t, "./personae.db"); len(got) == 0 || got["personae.db"] == "" {
		t.Errorf("files are %v", got)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	// A command that is run while a server starts for the first time.
	path := dbPath(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			s, err := store.Open(t.Context(), "sqlite:"+path, store.Options{Create: true})
			if err != nil {
				t.Errorf("Open: %v", err)
				return
			}
			defer s.Close()
			if _, err := s.Users(t.Context()); err != nil {
				t.Errorf("Users: %v", err)
			}
		})
	}
	group.Wait()
	checkIntegrity(t, path)
}

func TestExclusive(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	first := open(t, path, store.Options{Create: true, Exclusive: true})
	setUp(t, first)

	beside := open(t, path, store.Options{}) // a command
	insert(t, beside, simple("pe_1"))
	if n := count(t, first); n != 1 {
		t.Errorf("the server sees %d personas, want the command's", n)
	}
	_, err := store.Open(t.Context(), "sqlite:"+path, store.Options{Exclusive: true})
	wantError(t, err, persona.Unavailable, path, "in use by another server", "Stop that one")
	insert(t, first, simple("pe_2")) // which took no harm
	if err := first.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	second := open(t, path, store.Options{Exclusive: true})
	insert(t, second, simple("pe_3"))
	if n := count(t, beside); n != 3 {
		t.Errorf("there are %d personas, want 3", n)
	}
}

func TestExclusiveHandover(t *testing.T) {
	t.Parallel()
	// A server that starts while another stops waits for it.
	path := made(t)
	first := open(t, path, store.Options{Exclusive: true})
	opened := make(chan error)
	go func() {
		second, err := store.Open(t.Context(), "sqlite:"+path, store.Options{Exclusive: true})
		if err == nil {
			err = second.Close()
		}
		opened <- err
	}()
	if err := first.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-opened; err != nil {
		t.Errorf("Open: %v", err)
	}
}

func TestLockedByAnotherProgram(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) (*store.Store, string, *sql.DB) {
		t.Helper()
		path := made(t)
		s := open(t, path, store.Options{})
		other := plain(t, path)
		execute(t, other, "begin immediate", "update users set first_name = 'other'")
		return s, path, other
	}
	t.Run("TooLong", func(t *testing.T) {
		t.Parallel()
		s, path, other := setup(t)
		opened := make(chan error)
		go func() {
			_, err := store.Open(t.Context(), "sqlite:"+path, store.Options{Create: true})
			opened <- err
		}()
		// A command that may only read does not wait.
		open(t, path, store.Options{})
		err := s.Write(t.Context(), func(persona.Tx) error {
			t.Error("fn was called")
			return nil
		})
		wantError(t, err, persona.Unavailable, path, "locked by another program", "try again")
		wantError(t, <-opened, persona.Unavailable, path, "locked by another program")
		if users, err := s.Users(t.Context()); err != nil || users[0].FirstName != "" {
			t.Errorf("a reader has %v, %v; want what was committed before", users, err)
		}
		execute(t, other, "commit")
		insert(t, s, simple("pe_1"))
	})
	t.Run("WriteAfterShortWait", func(t *testing.T) {
		t.Parallel()
		s, _, other := setup(t)
		written := make(chan error)
		go func() {
			written <- s.Write(t.Context(), func(tx persona.Tx) error { return tx.InsertPersona(t.Context(), simple("pe_1")) })
		}()
		execute(t, other, "commit")
		if err := <-written; err != nil {
			t.Errorf("Write: %v", err)
		}
	})
	t.Run("WriteCancelled", func(t *testing.T) {
		t.Parallel()
		s, _, other := setup(t)
		ctx, cancel := context.WithCancel(t.Context())
		written := make(chan error)
		go func() { written <- s.Write(ctx, func(persona.Tx) error { return nil }) }()
		cancel()
		if err := <-written; !errors.Is(err, ctx.Err()) {
			t.Errorf("Write = %v, want %v", err, ctx.Err())
		}
		execute(t, other, "commit")
		insert(t, s, simple("pe_1"))
	})
}

func TestMigrations(t *testing.T) {
	t.Parallel()
	want := func(t *testing.T, path string, applied bool) {
		t.Helper()
		before := folder(t, path)
		steps, err := store.Migrations(t.Context(), "sqlite:"+path, store.Options{})
		if err != nil {
			t.Fatalf("Migrations: %v", err)
		}
		if len(steps) == 0 || steps[0].Version != 1 || steps[0].File == "" {
			t.Fatalf("steps are %+v", steps)
		}
		for _, step := range steps {
			if step.Applied != applied {
				t.Errorf("step %d: applied is %t, want %t", step.Version, step.Applied, applied)
			}
		}
		if diff := cmp.Diff(before, folder(t, path)); diff != "" {
			t.Errorf("the folder has changed (-before +after):\n%s", diff)
		}
	}
	t.Run("UpToDate", func(t *testing.T) {
		t.Parallel()
		want(t, made(t), true)
	})
	t.Run("Older", func(t *testing.T) {
		t.Parallel()
		path := dbPath(t)
		tables(t, path, gooseTable, "insert into goose_db_version (version_id, is_applied) values (0, 1)")
		want(t, path, false)
	})
	t.Run("InUse", func(t *testing.T) {
		t.Parallel()
		path := made(t)
		s := open(t, path, store.Options{Exclusive: true})
		insert(t, s, simple("pe_1"))
		if _, err := store.Migrations(t.Context(), "sqlite:"+path, store.Options{}); err != nil {
			t.Errorf("Migrations: %v", err)
		}
		insert(t, s, simple("pe_2"))
	})
	t.Run("Newer", func(t *testing.T) {
		t.Parallel()
		path := made(t)
		tables(t, path, "insert into goose_db_version (version_id, is_applied) values (999, 1)")
		before := folder(t, path)
		_, err := store.Migrations(t.Context(), "sqlite:"+path, store.Options{})
		wantError(t, err, persona.Conflict, path, "version 999", "versions up to "+newest(t))
		if diff := cmp.Diff(before, folder(t, path)); diff != "" {
			t.Errorf("the folder has changed (-before +after):\n%s", diff)
		}
	})
	t.Run("Missing", func(t *testing.T) {
		t.Parallel()
		path := dbPath(t)
		_, err := store.Migrations(t.Context(), "sqlite:"+path, store.Options{})
		wantError(t, err, persona.NotFound, path)
		if files := folder(t, path); len(files) > 0 {
			t.Errorf("files were made: %v", files)
		}
	})
	t.Run("NotADatabase", func(t *testing.T) {
		t.Parallel()
		path := dbPath(t)
		put(t, path, strings.Repeat("text ", 1000))
		_, err := store.Migrations(t.Context(), "sqlite:"+path, store.Options{})
		wantError(t, err, persona.Invalid, path, "not an SQLite database")
	})
	t.Run("AnotherProgram", func(t *testing.T) {
		t.Parallel()
		path := dbPath(t)
		tables(t, path, "create table contacts (name)")
		_, err := store.Migrations(t.Context(), "sqlite:"+path, store.Options{})
		wantError(t, err, persona.Invalid, path, "another program")
	})
}

// until waits until done, which it asks again and again.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(15 * time.Second)
	for !done() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("waited 15 s for this: %s", what)
		}
	}
}

// trusted waits for an epoch that can be trusted.
func trusted(t testing.TB, s persona.Store) (epoch uint64) {
	t.Helper()
	until(t, "an epoch that is ok", func() (ok bool) {
		epoch, ok = s.Epoch()
		return ok
	})
	return epoch
}

func TestEpoch(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) (server, command *store.Store) {
		t.Helper()
		path := made(t)
		return open(t, path, store.Options{Exclusive: true}), open(t, path, store.Options{})
	}
	t.Run("ForeignWrite", func(t *testing.T) {
		t.Parallel()
		server, command := setup(t)
		for _, oID := range []string{"pe_1", "pe_2", "pe_3"} {
			before := trusted(t, server)
			insert(t, command, simple(oID))
			written := time.Now()
			until(t, "a new epoch", func() bool {
				late := time.Since(written) > time.Second // looked up before the epoch, to be fair
				epoch, ok := server.Epoch()
				if epoch == before && ok && late {
					t.Fatalf("%s after a foreign change the old epoch is vouched for", time.Since(written))
				}
				return epoch != before
			})
		}
	})
	t.Run("ForeignWriteBeforeOwn", func(t *testing.T) {
		t.Parallel()
		// Our own write must not hide the foreign one before it.
		server, command := setup(t)
		before := trusted(t, server)
		insert(t, command, simple("pe_1"))
		insert(t, server, simple("pe_2"))
		if epoch, _ := server.Epoch(); epoch == before {
			t.Error("the epoch has not changed")
		}
	})
	t.Run("LongWrite", func(t *testing.T) {
		t.Parallel()
		server, command := setup(t)
		before := trusted(t, server)
		write(t, server, func(persona.Tx) error {
			until(t, "an epoch that is not ok", func() bool {
				_, ok := server.Epoch()
				return !ok
			})
			return nil
		})
		if epoch := trusted(t, server); epoch != before {
			t.Errorf("epoch went from %d to %d with a write of its own", before, epoch)
		}
		insert(t, command, simple("pe_1"))
		until(t, "a new epoch", func() bool {
			epoch, _ := server.Epoch()
			return epoch != before
		})
	})
	t.Run("ForeignReads", func(t *testing.T) {
		t.Parallel()
		server, command := setup(t)
		before := trusted(t, server)
		for range 50 {
			count(t, command)
		}
		if epoch := trusted(t, server); epoch != before {
			t.Errorf("epoch went from %d to %d, though nothing was written", before, epoch)
		}
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	path := made(t)
	s := open(t, path, store.Options{Exclusive: true})
	for p, err := range s.Personas(t.Context(), "wa_1") {
		t.Errorf("there is a persona: %v, %v", p, err)
	}
	for range 2 { // a second time does no harm
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if _, err := s.Users(t.Context()); err == nil {
		t.Error("Users succeeded after Close")
	}
	if err := s.Write(t.Context(), func(persona.Tx) error { return nil }); err == nil {
		t.Error("Write succeeded after Close")
	}
	// All that was written is in the one file.
	for name := range folder(t, path) {
		if strings.HasSuffix(name, "-wal") || strings.HasSuffix(name, "-shm") || strings.HasSuffix(name, "-journal") {
			t.Errorf("%s was left", name)
		}
	}
}

func TestObserve(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]int{}
	s := open(t, made(t), store.Options{Observe: func(operation string, took time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		seen[operation]++
		if took < 0 {
			t.Errorf("%s took %s", operation, took)
		}
	}})
	insert(t, s, simple("pe_1"))
	write(t, s, func(tx persona.Tx) error { return tx.ReplacePersona(t.Context(), simple("pe_1")) })
	for _, oID := range []string{"pe_1", "pe_2"} { // one that is there, one that is not
		_, _ = s.Persona(t.Context(), "wa_1", oID)
		_, _ = s.Credential(t.Context(), oID)
	}
	mu.Lock()
	defer mu.Unlock()
	want := map[string]int{"write": 2, "insert_persona": 1, "replace_persona": 1, "persona": 3, "credential": 2}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}
