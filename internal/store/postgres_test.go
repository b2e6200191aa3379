package store_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/store"
	"personae.dev/internal/store/postgrestest"
	"personae.dev/internal/store/storetest"
)

// madePostgres returns the address of what made makes.
func madePostgres(t testing.TB) string {
	t.Helper()
	url := postgrestest.New(t)
	s := storetest.OpenDatabase(t, url, store.Options{Create: true})
	setUp(t, s)
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	return url
}

func TestPostgresOpenAtOnce(t *testing.T) {
	t.Parallel()
	url := postgrestest.New(t)
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			s, err := store.Open(t.Context(), url, store.Options{Create: true, Exclusive: true})
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
	if got := postgrestest.Execute(t, url, "select count(*) from goose_db_version where version_id = (select max(version_id) from goose_db_version)"); got != "1" {
		t.Errorf("the last step was taken %s times", got)
	}
}

func TestPostgresOpenRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		url    func(t *testing.T) string
		create bool
		kind   errs.Kind
		words  []string
	}{
		"Empty": {url: func(t *testing.T) string { t.Helper(); return postgrestest.New(t) }, kind: errs.NotFound, words: []string{"is empty", "personae migrate"}},
		"Missing": {url: func(t *testing.T) string {
			t.Helper()
			return strings.Replace(postgrestest.New(t), ":///test", ":///missing", 1)
		}, create: true, kind: errs.Unavailable, words: []string{"missing", "does not exist", "createdb"}},
		"Newer": {url: func(t *testing.T) string {
			t.Helper()
			url := madePostgres(t)
			postgrestest.Execute(t, url, "insert into goose_db_version (version_id, is_applied) values (999, true)")
			return url
		}, create: true, kind: errs.Conflict, words: []string{"version 999", "versions up to " + newest(t)}},
		"Older": {url: func(t *testing.T) string {
			t.Helper()
			url := madePostgres(t)
			postgrestest.Execute(t, url, "delete from goose_db_version where version_id > 0")
			return url
		}, kind: errs.Conflict, words: []string{"version 0", "version " + newest(t), "personae migrate"}},
		"AnotherProgram": {url: func(t *testing.T) string {
			t.Helper()
			url := postgrestest.New(t)
			postgrestest.Execute(t, url, "create table contacts (name text)")
			return url
		}, create: true, kind: errs.Invalid, words: []string{"schema public", "another program", "search_path"}},
		"AnotherProgramWithGoose": {url: func(t *testing.T) string {
			t.Helper()
			url := postgrestest.New(t)
			postgrestest.Execute(t, url, "create table goose_db_version (id int, version_id bigint, is_applied bool, tstamp timestamp); create table personas (name text)")
			return url
		}, create: true, kind: errs.Invalid, words: []string{"another program"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := test.url(t)
			_, err := store.Open(t.Context(), url, store.Options{Create: test.create})
			wantError(t, err, test.kind, test.words...)
			if name == "AnotherProgram" {
				if got := postgrestest.Execute(t, url, "select count(*) from pg_tables where schemaname = 'public'"); got != "1" {
					t.Errorf("there are %s tables, want the one that was there", got)
				}
			}
		})
	}
}

func TestPostgresURL(t *testing.T) {
	t.Parallel()
	for url, word := range map[string]string{
		"postgres://user:hunter2@localhost":                                 "names no database",
		"postgres://user:hunter2@localhost:port/x":                          "cannot be read",
		"postgres://user:hunter%2@localhost/x":                              "cannot be read",
		"postgres://user:hunter2@localhost/x?sslmode=sometimes":             "sslmode",
		"postgresql://user@localhost/x?password=hunter2&sslmode=sometimes":  "sslmode",
		"postgres://user:hunter2@localhost/x?sslmode=verify-full&sslcert=x": "sslcert",
		"postgres://user:hunter2@127.0.0.1:1/x?connect_timeout=1":           "cannot be reached",
	} {
		_, openErr := store.Open(t.Context(), url, store.Options{Create: true})
		_, statusErr := store.Migrations(t.Context(), url, store.Options{})
		for _, err := range []error{openErr, statusErr} {
			if err == nil || !strings.Contains(err.Error(), word) || strings.Contains(err.Error(), "hunter") {
				t.Errorf("%s: error %v, want one that says %q and no password", url, err, word)
			}
		}
	}
	for url, want := range map[string]string{
		"postgres://user:hunter2@db.example/personae?sslmode=require": "postgres://db.example:5432/personae",
		"postgres:///personae?host=/run/pg&user=u&password=hunter2":   "postgres:///personae?host=/run/pg&port=5432",
		"postgres://user:hunter%2@db.example/personae":                "postgres://…",
		"sqlite:personae.db": "personae.db",
	} {
		if got := store.Name(url); got != want {
			t.Errorf("Name(%s) = %s, want %s", url, got, want)
		}
	}
}

// TestPostgresReadWrite: the one server that is written to is the one that is
// read, and connections that read may be read-only.
func TestPostgresReadWrite(t *testing.T) {
	t.Parallel()
	url := madePostgres(t)
	for name, attributes := range map[string]string{
		"ReadWrite": "&target_session_attrs=read-write", "Primary": "&target_session_attrs=primary",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storetest.OpenDatabase(t, url+attributes, store.Options{})
			insert(t, s, simple("pe_"+name))
			if _, err := s.Row(t.Context(), simple("pe_"+name).Ref, nil); err != nil {
				t.Errorf("Row: %v", err)
			}
			if steps, err := store.Migrations(t.Context(), url+attributes, store.Options{}); err != nil || len(steps) == 0 {
				t.Errorf("Migrations = %v, %v", steps, err)
			}
		})
	}
}

// TestPostgresStandby: a standby that is named first is not connected to.
func TestPostgresStandby(t *testing.T) {
	t.Parallel()
	primary := postgrestest.Start(t, false)
	standby := primary.Standby(t)
	url := primary.New(t)
	setUp(t, storetest.OpenDatabase(t, url, store.Options{Create: true}))
	database := strings.TrimPrefix(url, "postgres:///")
	database, _, _ = strings.Cut(database, "?")
	copied := standby.Address(database)
	until(t, "a copy", func() bool {
		_, err := store.Migrations(t.Context(), copied, store.Options{})
		return err == nil
	})
	_, err := store.Open(t.Context(), copied, store.Options{Create: true})
	wantError(t, err, errs.Unavailable, "read-only copy", "target_session_attrs=primary")
	// What is written from now on does not come to the standby.
	postgrestest.Execute(t, copied, "select pg_wal_replay_pause()")
	home := func(url string) string {
		_, home, _ := strings.Cut(url, "?host=")
		home, _, _ = strings.Cut(home, "&")
		return home
	}
	s := storetest.OpenDatabase(t, strings.Replace(url, home(url), home(copied)+","+home(url), 1), store.Options{Create: true})
	insert(t, s, simple("pe_1"))
	if _, err := s.Row(t.Context(), simple("pe_1").Ref, nil); err != nil {
		t.Errorf("Row: %v", err)
	}
}

// TestPostgresSilentHost: a host that says nothing leaves time for the next.
func TestPostgresSilentHost(t *testing.T) {
	t.Parallel()
	url := madePostgres(t)
	silent, good := postgrestest.NewProxy(t, url), postgrestest.NewProxy(t, url)
	silent.Freeze()
	host := func(p *postgrestest.Proxy) string {
		_, rest, _ := strings.Cut(p.URL, "@")
		host, _, _ := strings.Cut(rest, "/")
		return host
	}
	s := storetest.OpenDatabase(t, strings.Replace(silent.URL, host(silent), host(silent)+","+host(good), 1),
		store.Options{Settings: store.Settings{StatementTimeout: 4 * time.Second, ConnectTimeout: 4 * time.Second}})
	write(t, s, func(context.Context, entity.Tx) error {
		insert(t, s, simple("pe_1")) // over a connection that is made for it
		return nil
	})
	if _, err := s.Row(t.Context(), simple("pe_1").Ref, nil); err != nil {
		t.Errorf("Row: %v", err)
	}
}

// TestPostgresHalfOpen freezes the network: nothing comes back, and nothing says
// so.
func TestPostgresHalfOpen(t *testing.T) {
	t.Parallel()
	p := postgrestest.NewProxy(t, madePostgres(t))
	s := storetest.OpenDatabase(t, p.URL, store.Options{Settings: store.Settings{StatementTimeout: time.Second, ConnectTimeout: time.Second}})
	insert(t, s, simple("pe_1"))
	p.Freeze()
	began := time.Now()
	_, err := row(t, s, "pe_1")
	wantError(t, err, errs.Unavailable, "did not answer in time")
	err = s.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error { return add(ctx, tx, simple("pe_2")) })
	wantError(t, err, errs.Unavailable, "did not answer in time")
	if took := time.Since(began); took > 20*time.Second { // two timeouts of two steps each, and a slow machine
		t.Errorf("the failures took %s", took)
	}
	p.Thaw()
	until(t, "a store that works again", func() bool { return s.Ping(t.Context()) == nil })
	insert(t, s, simple("pe_3"))
}

// TestPostgresCommitInDoubt cuts the connection in place of the answer to a commit:
// nobody knows what became of it, and the caller is told that.
func TestPostgresCommitInDoubt(t *testing.T) {
	t.Parallel()
	p := postgrestest.NewProxy(t, madePostgres(t))
	s := storetest.OpenDatabase(t, p.URL, store.Options{Settings: store.Settings{StatementTimeout: time.Second, ConnectTimeout: 5 * time.Second}})
	for i, how := range []postgrestest.Cut{postgrestest.FIN, postgrestest.RST, postgrestest.Half, postgrestest.Silence} {
		replaced, purged, created := fmt.Sprintf("pe_r%d", i), fmt.Sprintf("pe_p%d", i), fmt.Sprintf("pe_c%d", i)
		insert(t, s, simple(replaced), simple(purged))
		for what, change := range map[string]func(context.Context, entity.Tx) error{
			"create": func(ctx context.Context, tx entity.Tx) error { return add(ctx, tx, simple(created)) },
			"replace": func(ctx context.Context, tx entity.Tx) error {
				return tx.Replace(ctx, simple(replaced, func(s *entity.Stored) { s.Name = "after" }), nil)
			},
			"purge": func(ctx context.Context, tx entity.Tx) error { return tx.Purge(ctx, simple(purged).Ref) },
		} {
			err := s.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error {
				p.CutCommit(how)
				return change(ctx, tx)
			})
			wantError(t, err, errs.Unavailable, "did not tell whether the change was kept")
			if code := errs.CodeOf(err); code != errs.CodeOutcomeUnknown {
				t.Errorf("%s, %s: the code is %s", what, how, code)
			}
		}
		// The commits had been passed on.
		until(t, "what was committed", func() bool {
			_, err := row(t, s, created)
			r, replacedErr := row(t, s, replaced)
			_, purgedErr := row(t, s, purged)
			return err == nil && replacedErr == nil && r.Name == "after" && errs.KindOf(purgedErr) == errs.NotFound
		})
	}
	// A connection that was lost before the commit was sent leaves nothing in doubt.
	err := s.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error {
		err := add(ctx, tx, simple("pe_lost"))
		p.Close()
		return err
	})
	if code := errs.CodeOf(err); err == nil || code != errs.CodeUnavailable && code != errs.CodeOutcomeUnknown {
		t.Errorf("a write over a connection that was lost = %v", err)
	}
	until(t, "an answer that it is not there", func() bool {
		_, err := row(t, s, "pe_lost")
		return errs.KindOf(err) == errs.NotFound
	})
}

// TestPostgresDurable turns synchronous_commit off once there are connections: a
// commit waits for the disk all the same.
func TestPostgresDurable(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t, true)
	url := server.New(t)
	s := storetest.OpenDatabase(t, url, store.Options{Create: true})
	setUp(t, s)
	setting := func() (value string) {
		t.Helper()
		write(t, s, func(ctx context.Context, tx entity.Tx) error {
			value = store.QueryText(ctx, tx, "select current_setting('synchronous_commit')")
			return nil
		})
		return value
	}
	for _, test := range []struct{ set, want string }{{"off", "on"}, {"on", "on"}, {"remote_apply", "remote_apply"}, {"local", "local"}} {
		postgrestest.Execute(t, url, "alter system set synchronous_commit = "+test.set)
		postgrestest.Execute(t, url, "select pg_reload_conf()")
		until(t, "the new setting", func() bool { return postgrestest.Execute(t, url, "show synchronous_commit") == test.set })
		until(t, "the new setting of the store", func() bool { return setting() == test.want })
	}
}

// TestPostgresReadOnly makes a database read-only under a server.
func TestPostgresReadOnly(t *testing.T) {
	t.Parallel()
	primary := postgrestest.Start(t, false)
	url := primary.New(t)
	setUp(t, storetest.OpenDatabase(t, url, store.Options{Create: true}))
	standby := primary.Standby(t)
	database, _, _ := strings.Cut(strings.TrimPrefix(url, "postgres:///"), "?")
	s := storetest.OpenDatabase(t, standby.Address(database), store.Options{})
	err := s.Write(t.Context(), func(context.Context, entity.Tx) error {
		t.Error("fn was called")
		return nil
	})
	wantError(t, err, errs.Unavailable, "read-only copy")
	wantError(t, s.PingWrite(t.Context()), errs.Unavailable, "read-only copy")
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
	if users, err := s.Users(t.Context()); err != nil || len(users) != 1 {
		t.Errorf("Users = %v, %v", users, err)
	}
}

// TestPostgresLostTables drops a table under a server.
func TestPostgresLostTables(t *testing.T) {
	t.Parallel()
	url := madePostgres(t)
	s := storetest.OpenDatabase(t, url, store.Options{})
	postgrestest.Execute(t, url, "drop table organizations cascade")
	wantError(t, s.Ping(t.Context()), errs.Unavailable, "lost tables")
}

// TestPostgresSwallowedError: a statement has failed, and the write passes over its
// error; PostgreSQL has undone everything, so that it is no success.
func TestPostgresSwallowedError(t *testing.T) {
	t.Parallel()
	s := storetest.OpenDatabase(t, madePostgres(t), store.Options{})
	err := s.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error {
		if err := add(ctx, tx, simple("pe_1")); err != nil {
			return err
		}
		_ = add(ctx, tx, simple("pe_2", func(s *entity.Stored) { s.Author.OID = "u_none" }))
		return nil
	})
	wantError(t, err, errs.Unavailable, "Nothing of it was kept")
	if n := count(t, s); n != 0 {
		t.Errorf("there are %d personas, want none", n)
	}
}

// TestPostgresCrash stops the server at once while there are writes, again and
// again: what was answered is there.
func TestPostgresCrash(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t, true)
	url := server.New(t)
	s := storetest.OpenDatabase(t, url, store.Options{Create: true})
	setUp(t, s)
	kept := map[string]bool{}
	n := 0
	for round := range 3 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				oID := fmt.Sprintf("pe_%d", n)
				n++
				err := s.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error { return add(ctx, tx, simple(oID)) })
				if err == nil {
					kept[oID] = true
					continue
				}
				if errs.KindOf(err) != errs.Unavailable {
					t.Errorf("Write: %v", err)
				}
				return
			}
		}()
		until(t, "some writes", func() bool {
			got, err := s.Count(t.Context(), "wa_1", "persona")
			return err == nil && got > 20*(round+1)
		})
		server.Stop(t)
		<-done
		if err := s.Ping(t.Context()); errs.KindOf(err) != errs.Unavailable {
			t.Errorf("Ping = %v, want %s", err, errs.Unavailable)
		}
		server.Start(t)
		until(t, "a store that works again", func() bool { return s.Ping(t.Context()) == nil })
	}
	for oID := range kept {
		if _, err := s.Row(t.Context(), simple(oID).Ref, nil); err != nil {
			t.Errorf("Row(%s), which was answered: %v", oID, err)
		}
	}
	t.Logf("%d writes kept of %d", len(kept), n)
}

func TestPostgresWritesAtOnce(t *testing.T) {
	t.Parallel()
	settings := store.Settings{StatementTimeout: 4 * time.Second, ConnectTimeout: 3 * time.Second, Writers: 2}
	setup := func(t *testing.T) *store.Store {
		t.Helper()
		s := storetest.OpenDatabase(t, madePostgres(t), store.Options{Settings: settings})
		insert(t, s, simple("pe_1"))
		insert(t, s, simple("pe_2"))
		return s
	}
	rename := func(ctx context.Context, tx entity.Tx, oID, name string) error {
		r, err := tx.Row(ctx, simple(oID).Ref, nil)
		if err != nil {
			return err
		}
		return tx.Replace(ctx, simple(oID, func(s *entity.Stored) { s.Name = r.Name + name }), nil)
	}
	t.Run("OtherPersona", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		write(t, s, func(ctx context.Context, tx entity.Tx) error {
			write(t, s, func(ctx context.Context, other entity.Tx) error { return rename(ctx, other, "pe_2", "x") })
			return rename(ctx, tx, "pe_1", "x")
		})
	})
	t.Run("SamePersona", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		write(t, s, func(ctx context.Context, tx entity.Tx) error {
			if err := rename(ctx, tx, "pe_1", "y"); err != nil {
				return err
			}
			err := s.Write(t.Context(), func(ctx context.Context, other entity.Tx) error { return rename(ctx, other, "pe_1", "x") })
			wantError(t, err, errs.Unavailable, "Another change of the same", "try again")
			return nil
		})
		if p, err := s.Row(t.Context(), simple("pe_1").Ref, nil); err != nil || p.Name != "pe_1y" {
			t.Errorf("Row = %v, %v", p, err)
		}
	})
	t.Run("ManyOfTheSamePersona", func(t *testing.T) {
		t.Parallel()
		// Those who wait leave a connection to others in time.
		url := madePostgres(t)
		holder, s := storetest.OpenDatabase(t, url, store.Options{}), storetest.OpenDatabase(t, url, store.Options{Settings: settings})
		insert(t, s, simple("pe_1"))
		insert(t, s, simple("pe_2"))
		write(t, holder, func(ctx context.Context, tx entity.Tx) error {
			if err := rename(ctx, tx, "pe_1", "y"); err != nil {
				return err
			}
			var group sync.WaitGroup
			defer group.Wait()
			for range settings.Writers {
				group.Go(func() {
					err := s.Write(t.Context(), func(ctx context.Context, other entity.Tx) error { return rename(ctx, other, "pe_1", "x") })
					// Who waits for one that waits may run out of the time of a statement.
					wantError(t, err, errs.Unavailable, "ry again")
				})
			}
			until(t, "writers that wait", func() bool {
				return postgrestest.Execute(t, url, "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'") == "2"
			})
			write(t, s, func(ctx context.Context, other entity.Tx) error { return rename(ctx, other, "pe_2", "x") })
			return nil
		})
	})
	t.Run("SlowRead", func(t *testing.T) {
		t.Parallel()
		url := madePostgres(t)
		s := storetest.OpenDatabase(t, url, store.Options{Settings: store.Settings{StatementTimeout: time.Second}})
		var group sync.WaitGroup
		defer group.Wait()
		group.Go(func() {
			postgrestest.Execute(t, url, "begin; lock table users in access exclusive mode; select pg_sleep(5)")
		})
		until(t, "a table that is locked", func() bool {
			return postgrestest.Execute(t, url, "select count(*) from pg_locks where relation = 'users'::regclass and mode = 'AccessExclusiveLock' and granted") == "1"
		})
		_, err := s.Users(t.Context())
		wantError(t, err, errs.Unavailable, "did not answer in time")
	})
	t.Run("NoConnectionFree", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		write(t, s, func(context.Context, entity.Tx) error {
			write(t, s, func(context.Context, entity.Tx) error {
				err := s.Write(t.Context(), func(context.Context, entity.Tx) error { return nil })
				wantError(t, err, errs.Unavailable, "all connections to it were in use")
				return nil
			})
			return nil
		})
		insert(t, s, simple("pe_3"))
	})
	t.Run("Crosswise", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		var both sync.WaitGroup
		both.Add(2)
		results := make([]error, 2)
		var group sync.WaitGroup
		for i, oIDs := range [][]string{{"pe_1", "pe_2"}, {"pe_2", "pe_1"}} {
			group.Go(func() {
				results[i] = s.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error {
					if err := rename(ctx, tx, oIDs[0], "x"); err != nil {
						return err
					}
					both.Done()
					both.Wait()
					return rename(ctx, tx, oIDs[1], "x")
				})
			})
		}
		group.Wait()
		failed := slices.IndexFunc(results, func(err error) bool { return err != nil })
		if failed < 0 || results[1-failed] != nil {
			t.Fatalf("errors are %v, want one", results)
		}
		wantError(t, results[failed], errs.Unavailable, "Another change of the same", "try again")
		for _, oID := range []string{"pe_1", "pe_2"} {
			if p, err := s.Row(t.Context(), simple(oID).Ref, nil); err != nil || p.Name != oID+"x" {
				t.Errorf("Row = %v, %v; want what the other left", p, err)
			}
		}
	})
	t.Run("UsesOfKeys", func(t *testing.T) {
		t.Parallel()
		// Servers write down at the same time when the same keys were used.
		s := setup(t)
		used := map[string]time.Time{}
		write(t, s, func(ctx context.Context, tx entity.Tx) error {
			for i := range 100 {
				k := &account.APIKey{OID: fmt.Sprintf("ak_%d", i), WorkspaceOID: "wa_1", UserOID: "u_1", CreatedAt: time.Unix(0, 0)}
				used[k.OID] = time.Time{}
				if err := tx.InsertAPIKey(ctx, k); err != nil {
					return err
				}
			}
			return nil
		})
		var group sync.WaitGroup
		for server := range 2 {
			group.Go(func() {
				mine := maps.Clone(used)
				for round := range 10 {
					for oID := range mine {
						mine[oID] = time.Unix(int64(1+2*round+server), 0)
					}
					if err := s.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error { return tx.TouchAPIKeys(ctx, mine) }); err != nil {
						t.Errorf("Write: %v", err)
					}
				}
			})
		}
		group.Wait()
	})
	t.Run("SameKey", func(t *testing.T) {
		t.Parallel()
		// One of two creates with an idempotency key is the first.
		s := setup(t)
		var group sync.WaitGroup
		var mu sync.Mutex
		first := 0
		for range 2 * 4 {
			group.Go(func() {
				err := s.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error {
					_, err := tx.Idempotency(ctx, "wa_1", "key")
					if errs.KindOf(err) != errs.NotFound {
						return err
					}
					mu.Lock()
					first++
					mu.Unlock()
					return tx.PutIdempotency(ctx, &entity.Idempotency{Workspace: "wa_1", Key: "key", At: storetest.Day})
				})
				if err != nil {
					t.Errorf("Write: %v", err)
				}
			})
		}
		group.Wait()
		if first != 1 {
			t.Errorf("%d were the first", first)
		}
	})
	t.Run("SetUpAtOnce", func(t *testing.T) {
		t.Parallel()
		s := storetest.OpenDatabase(t, postgrestest.New(t), store.Options{Create: true})
		var group sync.WaitGroup
		for i := range 4 {
			group.Go(func() {
				err := s.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error {
					organizations, err := tx.Organizations(ctx)
					if err != nil || len(organizations) > 0 {
						return err
					}
					name := fmt.Sprintf("o%d", i)
					return tx.InsertOrganization(ctx, &account.Organization{OID: name, Name: name, Slug: name})
				})
				if err != nil {
					t.Errorf("Write: %v", err)
				}
			})
		}
		group.Wait()
		if got, err := s.Organizations(t.Context()); err != nil || len(got) != 1 {
			t.Errorf("Organizations = %v, %v; want one", got, err)
		}
	})
	t.Run("FillAtOnce", func(t *testing.T) {
		t.Parallel()
		// Only an empty workspace is filled, and only once.
		s := storetest.OpenDatabase(t, madePostgres(t), store.Options{})
		var group sync.WaitGroup
		for i := range 4 {
			group.Go(func() {
				err := s.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error {
					n, err := tx.Count(ctx, "wa_1", "persona")
					if err != nil || n > 0 {
						return err
					}
					return add(ctx, tx, simple(fmt.Sprintf("pe_%d", i)))
				})
				if err != nil {
					t.Errorf("Write: %v", err)
				}
			})
		}
		group.Wait()
		if n := count(t, s); n != 1 {
			t.Errorf("there are %d personas, want 1", n)
		}
	})
	t.Run("PurgeAtOnce", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		write(t, s, func(ctx context.Context, tx entity.Tx) error {
			return tx.Replace(ctx, simple("pe_1", func(s *entity.Stored) { s.DeletedAt = new(time.Unix(0, 0)) }), nil)
		})
		write(t, s, func(ctx context.Context, tx entity.Tx) error {
			mine, err := tx.Deleted(ctx, time.Now(), 10)
			if err != nil || len(mine) != 1 {
				t.Errorf("Deleted = %v, %v; want one", mine, err)
			}
			write(t, s, func(ctx context.Context, other entity.Tx) error {
				if theirs, err := other.Deleted(ctx, time.Now(), 10); err != nil || len(theirs) != 0 {
					t.Errorf("Deleted in another transaction = %v, %v; want none", theirs, err)
				}
				return nil
			})
			return nil
		})
	})
}
