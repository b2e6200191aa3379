package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/persona"
	"personae.dev/internal/search"
	"personae.dev/internal/store"
	"personae.dev/internal/store/postgrestest"
	"personae.dev/internal/store/storetest"
	"personae.dev/internal/wire"
)

func TestPostgres(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) persona.Store {
		t.Helper()
		return openURL(t, postgrestest.New(t), store.Options{Create: true})
	})
}

func TestPostgresTogether(t *testing.T) {
	t.Parallel()
	storetest.RunTogether(t, true, func(t *testing.T) (server, other persona.Store) {
		t.Helper()
		url := postgrestest.New(t)
		server = openURL(t, url, store.Options{Create: true})
		return server, openURL(t, url, store.Options{})
	})
}

// madePostgres returns the address of what made makes.
func madePostgres(t testing.TB) string {
	t.Helper()
	url := postgrestest.New(t)
	s := openURL(t, url, store.Options{Create: true})
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
		kind   persona.Kind
		words  []string
	}{
		"Empty": {url: func(t *testing.T) string { t.Helper(); return postgrestest.New(t) }, kind: persona.NotFound, words: []string{"is empty", "personae migrate"}},
		"Missing": {url: func(t *testing.T) string {
			t.Helper()
			return strings.Replace(postgrestest.New(t), ":///test", ":///missing", 1)
		}, create: true, kind: persona.Unavailable, words: []string{"missing", "does not exist", "createdb"}},
		"Newer": {url: func(t *testing.T) string {
			t.Helper()
			url := madePostgres(t)
			postgrestest.Execute(t, url, "insert into goose_db_version (version_id, is_applied) values (999, true)")
			return url
		}, create: true, kind: persona.Conflict, words: []string{"version 999", "versions up to " + newest(t)}},
		"Older": {url: func(t *testing.T) string {
			t.Helper()
			url := madePostgres(t)
			postgrestest.Execute(t, url, "delete from goose_db_version where version_id > 0")
			return url
		}, kind: persona.Conflict, words: []string{"version 0", "version " + newest(t), "personae migrate"}},
		"AnotherProgram": {url: func(t *testing.T) string {
			t.Helper()
			url := postgrestest.New(t)
			postgrestest.Execute(t, url, "create table contacts (name text)")
			return url
		}, create: true, kind: persona.Invalid, words: []string{"schema public", "another program", "search_path"}},
		"AnotherProgramWithGoose": {url: func(t *testing.T) string {
			t.Helper()
			url := postgrestest.New(t)
			postgrestest.Execute(t, url, "create table goose_db_version (id int, version_id bigint, is_applied bool, tstamp timestamp); create table personas (name text)")
			return url
		}, create: true, kind: persona.Invalid, words: []string{"another program"}},
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
		"sqlite:personae.db": "sqlite:personae.db",
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
			s := openURL(t, url+attributes, store.Options{})
			insert(t, s, simple("pe_"+name))
			if _, err := s.Persona(t.Context(), "wa_1", "pe_"+name); err != nil {
				t.Errorf("Persona: %v", err)
			}
			trusted(t, s)
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
	setUp(t, openURL(t, url, store.Options{Create: true}))
	database := strings.TrimPrefix(url, "postgres:///")
	database, _, _ = strings.Cut(database, "?")
	copied := standby.Address(database)
	until(t, "a copy", func() bool {
		_, err := store.Migrations(t.Context(), copied, store.Options{})
		return err == nil
	})
	_, err := store.Open(t.Context(), copied, store.Options{Create: true})
	wantError(t, err, persona.Unavailable, "read-only copy", "target_session_attrs=primary")
	// What is written from now on does not come to the standby.
	postgrestest.Execute(t, copied, "select pg_wal_replay_pause()")
	home := func(url string) string {
		_, home, _ := strings.Cut(url, "?host=")
		home, _, _ = strings.Cut(home, "&")
		return home
	}
	s := openURL(t, strings.Replace(url, home(url), home(copied)+","+home(url), 1), store.Options{Create: true})
	insert(t, s, simple("pe_1"))
	if _, err := s.Persona(t.Context(), "wa_1", "pe_1"); err != nil {
		t.Errorf("Persona: %v", err)
	}
	trusted(t, s) // the watch listens, which no standby lets
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
	s := openURL(t, strings.Replace(silent.URL, host(silent), host(silent)+","+host(good), 1),
		store.Options{Settings: store.Settings{StatementTimeout: 4 * time.Second, ConnectTimeout: 4 * time.Second}})
	write(t, s, func(persona.Tx) error {
		insert(t, s, simple("pe_1")) // over a connection that is made for it
		return nil
	})
	if _, err := s.Persona(t.Context(), "wa_1", "pe_1"); err != nil {
		t.Errorf("Persona: %v", err)
	}
}

func TestPostgresEpoch(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) (server, other *store.Store, url string) {
		t.Helper()
		url = madePostgres(t)
		return openURL(t, url, store.Options{}), openURL(t, url, store.Options{}), url
	}
	t.Run("ForeignWrite", func(t *testing.T) {
		t.Parallel()
		server, other, _ := setup(t)
		for i := range 5 {
			before := trusted(t, server)
			write(t, other, func(tx persona.Tx) error {
				return tx.InsertUser(t.Context(), &persona.User{OID: fmt.Sprintf("u_new_%d", i), OrganizationOID: "og_1", Role: persona.RoleMember})
			})
			written := time.Now()
			until(t, "a new epoch", func() bool {
				late := time.Since(written) > time.Second // looked up before the epoch, to be fair
				epoch, ok := server.Epoch()
				if epoch == before && ok && late {
					t.Fatalf("%s after a foreign change the old epoch is vouched for", time.Since(written))
				}
				return epoch != before
			})
			t.Logf("seen after %s", time.Since(written))
		}
	})
	t.Run("Undone", func(t *testing.T) {
		t.Parallel()
		server, other, _ := setup(t)
		before := trusted(t, server)
		for range 10 {
			_ = other.Write(t.Context(), func(tx persona.Tx) error {
				return fmt.Errorf("undo: %w", tx.InsertUser(t.Context(), &persona.User{OID: "u_new", OrganizationOID: "og_1", Role: persona.RoleMember}))
			})
			write(t, other, func(tx persona.Tx) error { // nothing is written
				_, err := tx.Revision(t.Context(), "wa_1", "rv_none")
				if persona.KindOf(err) == persona.NotFound {
					err = nil
				}
				return err
			})
		}
		if epoch := trusted(t, server); epoch != before {
			t.Errorf("epoch went from %d to %d, though nothing was written", before, epoch)
		}
	})
	t.Run("ConnectionLost", func(t *testing.T) {
		t.Parallel()
		server, _, url := setup(t)
		before := trusted(t, server)
		// What is told while nobody listens is not missed.
		postgrestest.Execute(t, url, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query = 'select 1'")
		until(t, "a new epoch", func() bool {
			epoch, _ := server.Epoch()
			return epoch != before
		})
		if after := trusted(t, server); after == before {
			t.Errorf("the epoch is %d again", after)
		}
	})
}

// TestPostgresHalfOpen freezes the network: nothing comes back, and nothing says
// so.
func TestPostgresHalfOpen(t *testing.T) {
	t.Parallel()
	p := postgrestest.NewProxy(t, madePostgres(t))
	s := openURL(t, p.URL, store.Options{Settings: store.Settings{StatementTimeout: time.Second, ConnectTimeout: time.Second}})
	insert(t, s, simple("pe_1"))
	trusted(t, s)
	p.Freeze()
	frozen := time.Now()
	until(t, "an epoch that is not ok", func() bool {
		late := time.Since(frozen) > time.Second
		_, ok := s.Epoch()
		if ok && late {
			t.Fatalf("%s after the last answer the epoch is vouched for", time.Since(frozen))
		}
		return !ok
	})
	began := time.Now()
	_, err := s.Persona(t.Context(), "wa_1", "pe_1")
	wantError(t, err, persona.Unavailable, "did not answer in time")
	err = s.Write(t.Context(), func(tx persona.Tx) error { return tx.InsertPersona(t.Context(), simple("pe_2")) })
	wantError(t, err, persona.Unavailable, "did not answer in time")
	if took := time.Since(began); took > 20*time.Second { // two timeouts of two steps each, and a slow machine
		t.Errorf("the failures took %s", took)
	}
	p.Thaw()
	until(t, "a store that works again", func() bool { return s.Ping(t.Context()) == nil })
	trusted(t, s)
	insert(t, s, simple("pe_3"))
}

// TestPostgresCommitInDoubt loses the answer to a commit: whoever waits for it is
// told that nobody knows what came of it.
func TestPostgresCommitInDoubt(t *testing.T) {
	t.Parallel()
	p := postgrestest.NewProxy(t, madePostgres(t))
	s := openURL(t, p.URL, store.Options{Settings: store.Settings{StatementTimeout: time.Second, ConnectTimeout: time.Second}})
	before := trusted(t, s)
	err := s.Write(t.Context(), func(tx persona.Tx) error {
		defer p.Freeze()
		return tx.InsertPersona(t.Context(), simple("pe_1"))
	})
	wantError(t, err, persona.Unavailable, "did not tell whether the change was kept")
	if told, ok := errors.AsType[*persona.Error](err); !ok || told.Code != persona.CodeOutcomeUnknown {
		t.Errorf("the error is %#v", err)
	}
	if epoch, _ := s.Epoch(); epoch == before {
		t.Error("the epoch is as before: caches keep what the change may have changed")
	}
}

// TestPostgresCrash stops the server at once while there are writes, again and
// again: what was answered is there.
func TestPostgresCrash(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t, true)
	url := server.New(t)
	s := openURL(t, url, store.Options{Create: true})
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
				err := s.Write(t.Context(), func(tx persona.Tx) error { return tx.InsertPersona(t.Context(), simple(oID)) })
				if err == nil {
					kept[oID] = true
					continue
				}
				if persona.KindOf(err) != persona.Unavailable {
					t.Errorf("Write: %v", err)
				}
				return
			}
		}()
		before, _ := s.Epoch()
		until(t, "some writes", func() bool {
			got, err := s.CountPersonas(t.Context(), "wa_1")
			return err == nil && got > 20*(round+1)
		})
		server.Stop(t)
		<-done
		if err := s.Ping(t.Context()); persona.KindOf(err) != persona.Unavailable {
			t.Errorf("Ping = %v, want %s", err, persona.Unavailable)
		}
		server.Start(t)
		until(t, "a store that works again", func() bool { return s.Ping(t.Context()) == nil })
		until(t, "a new epoch", func() bool {
			epoch, ok := s.Epoch()
			return ok && epoch != before
		})
	}
	for oID := range kept {
		if _, err := s.Persona(t.Context(), "wa_1", oID); err != nil {
			t.Errorf("Persona(%s), which was answered: %v", oID, err)
		}
	}
	t.Logf("%d writes kept of %d", len(kept), n)
}

// TestPostgresPlansOfMany: personas that are added in one transaction to an empty
// database are found by their ids, and not by a walk through all of them.
func TestPostgresPlansOfMany(t *testing.T) {
	t.Parallel()
	url := madePostgres(t)
	s := openURL(t, url, store.Options{})
	const personas = 2000
	write(t, s, func(tx persona.Tx) error {
		for n := range personas {
			p := simple(fmt.Sprintf("pe_%d", n))
			if _, err := tx.Persona(t.Context(), p.WorkspaceOID, p.OID); persona.KindOf(err) != persona.NotFound {
				return fmt.Errorf("Persona: %w", err)
			}
			if err := tx.InsertPersona(t.Context(), p); err != nil {
				return err
			}
		}
		return nil
	})
	walks := ""
	until(t, "a count of the scans", func() bool {
		if postgrestest.Execute(t, url, "select n_tup_ins from pg_stat_user_tables where relname = 'personas'") != fmt.Sprint(personas) {
			return false
		}
		walks = postgrestest.Execute(t, url, "select sum(idx_scan) < 1500 from pg_stat_user_indexes where relname = 'personas' and indexrelname in ('personas_by_age', 'personas_listed', 'personas_deleted')")
		return true
	})
	if walks != "t" {
		t.Error("personas were looked for among all of their workspace")
	}
}

func TestPostgresWritesAtOnce(t *testing.T) {
	t.Parallel()
	settings := store.Settings{StatementTimeout: 4 * time.Second, ConnectTimeout: 3 * time.Second, Writers: 2}
	setup := func(t *testing.T) *store.Store {
		t.Helper()
		s := openURL(t, madePostgres(t), store.Options{Settings: settings})
		insert(t, s, simple("pe_1"))
		insert(t, s, simple("pe_2"))
		return s
	}
	rename := func(ctx context.Context, tx persona.Tx, oID, name string) error {
		p, err := tx.Persona(ctx, "wa_1", oID)
		if err != nil {
			return err
		}
		p.Name += name
		return tx.ReplacePersona(ctx, p)
	}
	t.Run("OtherPersona", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		write(t, s, func(tx persona.Tx) error {
			write(t, s, func(other persona.Tx) error { return rename(t.Context(), other, "pe_2", "x") })
			return rename(t.Context(), tx, "pe_1", "x")
		})
	})
	t.Run("SamePersona", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		write(t, s, func(tx persona.Tx) error {
			if err := rename(t.Context(), tx, "pe_1", "y"); err != nil {
				return err
			}
			err := s.Write(t.Context(), func(other persona.Tx) error { return rename(t.Context(), other, "pe_1", "x") })
			wantError(t, err, persona.Unavailable, "stood in the way", "try again")
			return nil
		})
		if p, err := s.Persona(t.Context(), "wa_1", "pe_1"); err != nil || p.Name != "pe_1y" {
			t.Errorf("Persona = %v, %v", p, err)
		}
	})
	t.Run("ManyOfTheSamePersona", func(t *testing.T) {
		t.Parallel()
		// Those who wait leave a connection to others in time.
		url := madePostgres(t)
		holder, s := openURL(t, url, store.Options{}), openURL(t, url, store.Options{Settings: settings})
		insert(t, s, simple("pe_1"))
		insert(t, s, simple("pe_2"))
		write(t, holder, func(tx persona.Tx) error {
			if err := rename(t.Context(), tx, "pe_1", "y"); err != nil {
				return err
			}
			var group sync.WaitGroup
			defer group.Wait()
			for range settings.Writers {
				group.Go(func() {
					err := s.Write(t.Context(), func(other persona.Tx) error { return rename(t.Context(), other, "pe_1", "x") })
					// Who waits for one that waits may run out of the time of a statement.
					wantError(t, err, persona.Unavailable, "ry again")
				})
			}
			until(t, "writers that wait", func() bool {
				return postgrestest.Execute(t, url, "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'") == "2"
			})
			write(t, s, func(other persona.Tx) error { return rename(t.Context(), other, "pe_2", "x") })
			return nil
		})
	})
	t.Run("SlowRead", func(t *testing.T) {
		t.Parallel()
		url := madePostgres(t)
		s := openURL(t, url, store.Options{Settings: store.Settings{StatementTimeout: time.Second}})
		var group sync.WaitGroup
		defer group.Wait()
		group.Go(func() {
			postgrestest.Execute(t, url, "begin; lock table users in access exclusive mode; select pg_sleep(5)")
		})
		until(t, "a table that is locked", func() bool {
			return postgrestest.Execute(t, url, "select count(*) from pg_locks where relation = 'users'::regclass and mode = 'AccessExclusiveLock' and granted") == "1"
		})
		_, err := s.Users(t.Context())
		wantError(t, err, persona.Unavailable, "--database-statement-timeout")
	})
	t.Run("NoConnectionFree", func(t *testing.T) {
		t.Parallel()
		s := setup(t)
		write(t, s, func(persona.Tx) error {
			write(t, s, func(persona.Tx) error {
				err := s.Write(t.Context(), func(persona.Tx) error { return nil })
				wantError(t, err, persona.Unavailable, "all connections to it were in use")
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
		errs := make([]error, 2)
		var group sync.WaitGroup
		for i, oIDs := range [][]string{{"pe_1", "pe_2"}, {"pe_2", "pe_1"}} {
			group.Go(func() {
				errs[i] = s.Write(t.Context(), func(tx persona.Tx) error {
					if err := rename(t.Context(), tx, oIDs[0], "x"); err != nil {
						return err
					}
					both.Done()
					both.Wait()
					return rename(t.Context(), tx, oIDs[1], "x")
				})
			})
		}
		group.Wait()
		failed := slices.IndexFunc(errs, func(err error) bool { return err != nil })
		if failed < 0 || errs[1-failed] != nil {
			t.Fatalf("errors are %v, want one", errs)
		}
		wantError(t, errs[failed], persona.Unavailable, "stood in the way", "try again")
		for _, oID := range []string{"pe_1", "pe_2"} {
			if p, err := s.Persona(t.Context(), "wa_1", oID); err != nil || p.Name != oID+"x" {
				t.Errorf("Persona = %v, %v; want what the other left", p, err)
			}
		}
	})
	t.Run("UsesOfKeys", func(t *testing.T) {
		t.Parallel()
		// Servers write down at the same time when the same keys were used.
		s := setup(t)
		used := map[string]time.Time{}
		write(t, s, func(tx persona.Tx) error {
			for i := range 100 {
				k := &persona.APIKey{OID: fmt.Sprintf("ak_%d", i), WorkspaceOID: "wa_1", UserOID: "u_1", CreatedAt: time.Unix(0, 0)}
				used[k.OID] = time.Time{}
				if err := tx.InsertAPIKey(t.Context(), k); err != nil {
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
					if err := s.Write(t.Context(), func(tx persona.Tx) error { return tx.TouchAPIKeys(t.Context(), mine) }); err != nil {
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
				err := s.Write(t.Context(), func(tx persona.Tx) error {
					_, err := tx.FirstAnswer(t.Context(), "wa_1", "key")
					if persona.KindOf(err) != persona.NotFound {
						return err
					}
					mu.Lock()
					first++
					mu.Unlock()
					return tx.PutFirstAnswer(t.Context(), &persona.FirstAnswer{WorkspaceOID: "wa_1", Key: "key", PersonaOID: "pe_1", At: time.Now()})
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
		s := openURL(t, postgrestest.New(t), store.Options{Create: true})
		var group sync.WaitGroup
		for i := range 4 {
			group.Go(func() {
				err := s.Write(t.Context(), func(tx persona.Tx) error {
					organizations, err := tx.Organizations(t.Context())
					if err != nil || len(organizations) > 0 {
						return err
					}
					name := fmt.Sprintf("o%d", i)
					return tx.InsertOrganization(t.Context(), &persona.Organization{OID: name, Name: name, Slug: name})
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
		s := openURL(t, madePostgres(t), store.Options{})
		var group sync.WaitGroup
		for i := range 4 {
			group.Go(func() {
				err := s.Write(t.Context(), func(tx persona.Tx) error {
					n, err := tx.CountPersonas(t.Context(), "wa_1")
					if err != nil || n > 0 {
						return err
					}
					return tx.InsertPersona(t.Context(), simple(fmt.Sprintf("pe_%d", i)))
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
		write(t, s, func(tx persona.Tx) error {
			p := simple("pe_1")
			p.DeletedAt = new(time.Unix(0, 0))
			return tx.ReplacePersona(t.Context(), p)
		})
		write(t, s, func(tx persona.Tx) error {
			mine, err := tx.Deleted(t.Context(), time.Now(), 10)
			if err != nil || len(mine) != 1 {
				t.Errorf("Deleted = %v, %v; want one", mine, err)
			}
			write(t, s, func(other persona.Tx) error {
				if theirs, err := other.Deleted(t.Context(), time.Now(), 10); err != nil || len(theirs) != 0 {
					t.Errorf("Deleted in another transaction = %v, %v; want none", theirs, err)
				}
				return nil
			})
			return nil
		})
	})
}

// TestPostgresHistoryHolds: what a transaction reads of a persona's history is of
// one moment, also where another changes or purges the persona meanwhile.
func TestPostgresHistoryHolds(t *testing.T) {
	t.Parallel()
	revision := func(oID, name string) *persona.Revision {
		p := simple("pe_1")
		p.Name = name
		return &persona.Revision{OID: oID, Persona: p, User: p.Author, Action: persona.ActionUpdated, At: time.Unix(0, 0)}
	}
	changes := map[string]func(tx persona.Tx) error{
		"Update": func(tx persona.Tx) error {
			r := revision("pr_2", "second")
			return errors.Join(tx.ReplacePersona(t.Context(), r.Persona), tx.InsertRevision(t.Context(), r))
		},
		"Purge": func(tx persona.Tx) error { return tx.PurgePersona(t.Context(), "wa_1", "pe_1") },
	}
	reads := map[string]func(tx persona.Tx) (string, error){
		"Revisions": func(tx persona.Tx) (string, error) {
			page, err := tx.Revisions(t.Context(), "wa_1", "pe_1", persona.RevisionQuery{Limit: 5})
			if err != nil {
				return "", err
			}
			told := fmt.Sprint(page.Total)
			for _, r := range page.Revisions {
				told += fmt.Sprintf(" %s %s", r.OID, r.Persona.Name)
			}
			return told, nil
		},
		"Revision": func(tx persona.Tx) (string, error) {
			r, err := tx.Revision(t.Context(), "wa_1", "pr_1")
			if e, ok := errors.AsType[*persona.Error](err); ok && e.Code == persona.CodeRevisionNotFound {
				return "gone", nil
			}
			if err != nil {
				return "", err
			}
			return r.Persona.Name, nil
		},
	}
	want := map[string]string{
		"Update/Revisions": "2 pr_2 second pr_1 first", "Update/Revision": "first",
		"Purge/Revisions": "0", "Purge/Revision": "gone",
	}
	for name, change := range changes {
		for what, read := range reads {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				url := madePostgres(t)
				s := openURL(t, url, store.Options{})
				write(t, s, func(tx persona.Tx) error {
					return tx.InsertPersonas(t.Context(), []*persona.Revision{revision("pr_1", "first")})
				})
				var group sync.WaitGroup
				write(t, s, func(tx persona.Tx) error {
					if err := change(tx); err != nil {
						return err
					}
					group.Go(func() {
						err := s.Write(t.Context(), func(tx persona.Tx) error {
							got, err := read(tx)
							if err == nil && got != want[name+"/"+what] {
								t.Errorf("the history is %q, want %q", got, want[name+"/"+what])
							}
							return err
						})
						if err != nil {
							t.Errorf("Write: %v", err)
						}
					})
					until(t, "a reader that waits", func() bool {
						return postgrestest.Execute(t, url, "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'") == "1"
					})
					return nil
				})
				group.Wait()
			})
		}
	}
}

// TestEnginesFindTheSame holds both engines against each other, on a library of
// real size.
func TestEnginesFindTheSame(t *testing.T) {
	t.Parallel()
	lines, err := os.ReadFile("../../examples/onet/personas.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	stores := []*store.Store{open(t, made(t), store.Options{}), openURL(t, madePostgres(t), store.Options{})}
	var personas []*persona.Persona
	for line, err := range wire.DecodeLines(bytes.NewReader(lines)) {
		if err != nil {
			t.Fatal(err)
		}
		p := line.Persona
		p.WorkspaceOID, p.Author = "wa_1", persona.User{OID: "u_1"}
		personas = append(personas, p)
	}
	for _, s := range stores {
		write(t, s, func(tx persona.Tx) error {
			for _, p := range personas {
				if err := tx.InsertPersona(t.Context(), p); err != nil {
					return err
				}
			}
			return nil
		})
	}
	found := 0
	for i := 0; i < len(personas); i += 40 {
		words := search.Words(personas[i].Name)
		for _, text := range []string{personas[i].Name, words[0], words[len(words)-1][:2], words[0][:1] + " " + words[len(words)-1][:1]} {
			query := persona.Query{Words: search.Words(text), Order: persona.ByRank, Limit: 200}
			var pages [2][]string
			var totals [2]int
			for j, s := range stores {
				page, err := s.List(t.Context(), "wa_1", query)
				if err != nil {
					t.Fatalf("List(%q): %v", text, err)
				}
				for _, p := range page.Personas {
					pages[j] = append(pages[j], p.OID)
				}
				totals[j] = page.Total
				found += page.Total
			}
			if totals[0] != totals[1] || totals[0] == 0 {
				t.Errorf("%q: totals are %v", text, totals)
			}
			if diff := cmp.Diff(pages[0], pages[1]); diff != "" {
				t.Errorf("%q (-SQLite +PostgreSQL):\n%s", text, diff)
			}
		}
	}
	t.Logf("%d matches are the same", found/2)
}
