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

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/store"
	"personae.dev/internal/store/storetest"
)

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

func setUp(t testing.TB, s entity.Store) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx entity.Tx) error {
		return errors.Join(
			tx.InsertOrganization(ctx, &account.Organization{OID: "og_1", Name: "Acme", Slug: "acme"}),
			tx.InsertWorkspace(ctx, &account.Workspace{OID: "wa_1", OrganizationOID: "og_1", Name: "Sales"}),
			tx.InsertUser(ctx, &account.User{OID: "u_1", OrganizationOID: "og_1", Role: account.RoleOwner}),
		)
	})
}

func write(t testing.TB, s entity.Store, fn func(context.Context, entity.Tx) error) {
	t.Helper()
	if err := s.Write(t.Context(), fn); err != nil {
		t.Fatalf("Write: %v", err)
	}
}

// add inserts entities with a revision each.
func add(ctx context.Context, tx entity.Tx, entities ...*entity.Stored) error {
	for _, s := range entities {
		rev := &entity.Revision{RevisionOID: account.NewID(account.RevisionPrefix), Action: entity.ActionCreated, Author: s.Author, Source: entity.SourceAPI, At: s.CreatedAt}
		if err := tx.Insert(ctx, s, rev); err != nil {
			return err
		}
	}
	return nil
}

func insert(t testing.TB, s entity.Store, entities ...*entity.Stored) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx entity.Tx) error { return add(ctx, tx, entities...) })
}

// simple returns a persona of what setUp makes.
func simple(oID string, edit ...func(*entity.Stored)) *entity.Stored {
	s := &entity.Stored{Row: entity.Row{
		Ref: entity.Ref{Workspace: "wa_1", Kind: "persona", OID: oID}, Author: account.Author{OID: "u_1"}, Name: oID,
		Shape: 1, CreatedAt: storetest.Day, UpdatedAt: storetest.Day,
	}}
	for _, edit := range edit {
		edit(s)
	}
	return storetest.Seal(s)
}

// row reads a persona.
func row(t testing.TB, s entity.Store, oID string) (*entity.Row, error) {
	t.Helper()
	return s.Row(t.Context(), simple(oID).Ref, nil)
}

func count(t testing.TB, s entity.Store) int {
	t.Helper()
	n, err := s.Count(t.Context(), "wa_1", "persona")
	if err != nil {
		t.Fatalf("Count: %v", err)
	}
	return n
}

// open opens what must open, and closes it at the end.
func open(t testing.TB, path string, opts store.Options) *store.Store {
	t.Helper()
	return storetest.OpenDatabase(t, "sqlite:"+path, opts)
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

// listed maps the files in the folder of path to digests of their bytes.
func listed(t testing.TB, path string) map[string]string {
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
func wantError(t testing.TB, err error, kind errs.Kind, words ...string) {
	t.Helper()
	domain, ok := errors.AsType[*errs.Error](err)
	if !ok {
		t.Fatalf("error = %v, want a errs.Error", err)
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
		// prepare makes what is at path.
		prepare func(t *testing.T, path string)
		kind    errs.Kind
		words   []string
		// createMay: with Create it is fine.
		createMay bool
	}{
		{name: "Missing", prepare: func(*testing.T, string) {}, kind: errs.NotFound, words: []string{"does not exist", "personae serve", "--database"}, createMay: true},
		{name: "Empty", prepare: func(t *testing.T, path string) {
			t.Helper()
			put(t, path, "")
		}, kind: errs.Invalid, words: []string{"is empty", "personae migrate"}, createMay: true},
		{name: "Text", prepare: func(t *testing.T, path string) {
			t.Helper()
			put(t, path, text)
		}, kind: errs.Invalid, words: []string{"not an SQLite database", "left as it is", "--database"}},
		{name: "ShortText", prepare: func(t *testing.T, path string) {
			t.Helper()
			put(t, path, "x")
		}, kind: errs.Invalid, words: []string{"not an SQLite database", "--database"}},
		{name: "TextWithTheRightBeginning", prepare: func(t *testing.T, path string) {
			t.Helper()
			put(t, path, "SQLite format 3\x00"+text)
		}, kind: errs.Invalid, words: []string{"not an SQLite database", "--database"}},
		{name: "Folder", prepare: func(t *testing.T, path string) {
			t.Helper()
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, kind: errs.Invalid, words: []string{"is a folder", "name a file"}},
		{name: "AnotherProgram", prepare: func(t *testing.T, path string) {
			t.Helper()
			tables(t, path, "create table contacts (name)", "insert into contacts values ('Ada')")
		}, kind: errs.Invalid, words: []string{"another program", "left as it is", "--database"}},
		{name: "AnotherProgramInWALMode", prepare: func(t *testing.T, path string) {
			t.Helper()
			tables(t, path, "pragma journal_mode = wal", "create table contacts (name)")
		}, kind: errs.Invalid, words: []string{"another program"}},
		{name: "AnotherProgramWithAnID", prepare: func(t *testing.T, path string) {
			t.Helper()
			tables(t, path, "pragma application_id = 42", "create table contacts (name)")
		}, kind: errs.Invalid, words: []string{"another program"}},
		{name: "AnotherProgramWithGoose", prepare: func(t *testing.T, path string) {
			t.Helper()
			tables(t, path, gooseTable, "insert into goose_db_version (version_id, is_applied) values (0, 1), (1, 1)", "create table contacts (name)")
		}, kind: errs.Invalid, words: []string{"another program"}},
		{name: "Older", prepare: func(t *testing.T, path string) {
			t.Helper()
			tables(t, path, "pragma journal_mode = wal", gooseTable, "insert into goose_db_version (version_id, is_applied) values (0, 1)")
		}, kind: errs.Conflict, words: []string{"version 0", "version " + newest(t), "personae migrate", "backup"}, createMay: true},
		{name: "Newer", prepare: func(t *testing.T, path string) {
			t.Helper()
			move(t, made(t), path)
			tables(t, path, "insert into goose_db_version (version_id, is_applied) values (999, 1)")
		}, kind: errs.Conflict, words: []string{"version 999", "versions up to " + newest(t), "nothing was changed"}},
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
				before := listed(t, path)
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
				if diff := cmp.Diff(before, listed(t, path)); diff != "" {
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
	wantError(t, err, errs.NotFound, missing, "personae.db", "does not exist", "Make it")
	if _, err := os.Stat(missing); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
	// A file where a folder should be.
	put(t, missing, "x")
	_, err = store.Open(t.Context(), "sqlite:"+filepath.Join(missing, "personae.db"), store.Options{Create: true})
	wantError(t, err, errs.Unavailable, filepath.Join(missing, "personae.db"), "folder")
}

func TestOpenAddress(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "sqlite:", "sqlite:x/:memory:", "mysql://user:secret@localhost/personae", "SQLITE:x.db", "postgres:user:secret@localhost/x",
		"host=127.0.0.1 password=secret user=u", "user:secret@localhost/x", "password=secret",
	} {
		_, openErr := store.Open(t.Context(), url, store.Options{Create: true})
		_, statusErr := store.Migrations(t.Context(), url, store.Options{})
		for _, err := range []error{openErr, statusErr} {
			wantError(t, err, errs.Invalid, "such as personae.db")
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("%q shows a password", err)
			}
		}
		if name := store.Name(url); strings.Contains(name, "secret") {
			t.Errorf("the name %q shows a password", name)
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
	if got := listed(t, "./personae.db"); len(got) == 0 || got["personae.db"] == "" {
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
	// A command is run while a server starts for the first time.
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
	wantError(t, err, errs.Unavailable, path, "in use by another server", "Stop that one")
	insert(t, first, simple("pe_2")) // the first one works on
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
		// Those that wait for the same lock wait together, and not one after the other.
		began := time.Now()
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				err := s.Write(t.Context(), func(context.Context, entity.Tx) error {
					t.Error("fn was called")
					return nil
				})
				wantError(t, err, errs.Unavailable, path, "locked by another program", "try again")
			})
		}
		group.Wait()
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("ten writes waited %s", took)
		}
		wantError(t, <-opened, errs.Unavailable, path, "locked by another program")
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
			written <- s.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error { return add(ctx, tx, simple("pe_1")) })
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
		go func() { written <- s.Write(ctx, func(context.Context, entity.Tx) error { return nil }) }()
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
		before := listed(t, path)
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
		if diff := cmp.Diff(before, listed(t, path)); diff != "" {
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
		before := listed(t, path)
		_, err := store.Migrations(t.Context(), "sqlite:"+path, store.Options{})
		wantError(t, err, errs.Conflict, path, "version 999", "versions up to "+newest(t))
		if diff := cmp.Diff(before, listed(t, path)); diff != "" {
			t.Errorf("the folder has changed (-before +after):\n%s", diff)
		}
	})
	t.Run("Missing", func(t *testing.T) {
		t.Parallel()
		path := dbPath(t)
		_, err := store.Migrations(t.Context(), "sqlite:"+path, store.Options{})
		wantError(t, err, errs.NotFound, path)
		if files := listed(t, path); len(files) > 0 {
			t.Errorf("files were made: %v", files)
		}
	})
	t.Run("NotADatabase", func(t *testing.T) {
		t.Parallel()
		path := dbPath(t)
		put(t, path, strings.Repeat("text ", 1000))
		_, err := store.Migrations(t.Context(), "sqlite:"+path, store.Options{})
		wantError(t, err, errs.Invalid, path, "not an SQLite database")
	})
	t.Run("AnotherProgram", func(t *testing.T) {
		t.Parallel()
		path := dbPath(t)
		tables(t, path, "create table contacts (name)")
		_, err := store.Migrations(t.Context(), "sqlite:"+path, store.Options{})
		wantError(t, err, errs.Invalid, path, "another program")
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

func TestClose(t *testing.T) {
	t.Parallel()
	path := made(t)
	s := open(t, path, store.Options{Exclusive: true})
	for p, err := range s.All(t.Context(), "wa_1", "persona") {
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
	if err := s.Write(t.Context(), func(context.Context, entity.Tx) error { return nil }); err == nil {
		t.Error("Write succeeded after Close")
	}
	// All that was written is in the one file.
	for name := range listed(t, path) {
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
	write(t, s, func(ctx context.Context, tx entity.Tx) error { return tx.Replace(ctx, simple("pe_1"), nil) })
	for _, oID := range []string{"pe_1", "pe_2"} { // one that is there, one that is not
		_, _ = row(t, s, oID)
		_, _ = s.Principal(t.Context(), oID)
	}
	mu.Lock()
	defer mu.Unlock()
	want := map[string]int{"write": 2, "insert": 1, "replace": 1, "row": 2, "principal": 2}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}
