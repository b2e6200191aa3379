package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	sqlite3 "modernc.org/sqlite/lib"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/engine"
)

func openForLookups(t *testing.T) *DB {
	t.Helper()
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "a ?#%.db"), engine.Options{Create: true}.WithDefaults(), addAll)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestOne(t *testing.T) {
	t.Parallel()
	d := openForLookups(t)
	type mode string
	type values struct {
		Text     string
		Bytes    []byte
		Number   int64
		True     bool
		Optional *string
		None     *string
		Is, Not  sql.Null[string]
		Mode     mode
		Some, No sql.Null[int64]
	}
	const query = `select $1 || $2, x'00ff', 7, 1, '', null, 'is', null, 'ALL', -5, null where $1 <> 'nobody'`
	var got values
	scan := func(r Row) error {
		return r.Scan(&got.Text, &got.Bytes, &got.Number, &got.True, &got.Optional, &got.None, &got.Is, &got.Not, &got.Mode, &got.Some, &got.No)
	}
	long := strings.Repeat("é", 1000) + "\x00" // longer than what is there for arguments at first
	longest := strings.Repeat("x", maxViewed)  // and than what stays there for texts
	for name, one := range map[string]func(context.Context, string, func(Row) error, ...string) (bool, error){"One": d.One, "View": d.View} {
		for _, arg := range []string{"", "x", long, "y", longest, "z"} {
			found, err := one(t.Context(), query, func(r Row) error {
				if err := scan(r); err != nil {
					return err
				}
				want := values{
					Text: arg + "z", Bytes: []byte{0, 0xff}, Number: 7, True: true, Optional: new(""), Mode: "ALL", Some: sql.Null[int64]{V: -5, Valid: true},
					Is: sql.Null[string]{V: "is", Valid: true},
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: row (-want +got):\n%s", name, diff)
				}
				return nil
			}, arg, "z")
			if err != nil || !found {
				t.Fatalf("%s = %v, %v", name, found, err)
			}
		}
		if found, err := one(t.Context(), query, scan, "nobody", ""); found || err != nil {
			t.Errorf("without a row %s = %v, %v", name, found, err)
		}
	}
}

// TestViewUsesMemoryAgain: a row that is viewed is where the last one was; one that is
// not is left alone.
func TestViewUsesMemoryAgain(t *testing.T) {
	t.Parallel()
	l, err := openLookup(openForLookups(t).lookups.name)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	var row lookupRow
	var kept, first, second string
	for _, look := range []struct {
		viewed bool
		text   string
		into   *string
	}{{false, "kept", &kept}, {true, "first", &first}, {true, "other", &second}} {
		row.viewed = look.viewed
		found, err := l.one("select $1", []string{look.text}, &row)
		if err := errors.Join(err, row.Scan(look.into)); err != nil || !found {
			t.Fatal(found, err)
		}
	}
	if kept != "kept" || first != "other" || unsafe.StringData(first) != unsafe.StringData(second) {
		t.Errorf("%q is kept, and the rows that were viewed are %q and %q", kept, first, second)
	}
}

func TestOneFails(t *testing.T) {
	t.Parallel()
	d := openForLookups(t)
	var text string
	var number int64
	into := func(dest any) func(Row) error { return func(r Row) error { return r.Scan(dest) } }
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		text string
		scan func(Row) error
		want string
	}{
		"Syntax":       {"selec", into(&text), "syntax error"},
		"Null":         {"select null", into(&text), "NULL"},
		"NullNumber":   {"select null", into(&number), "NULL"},
		"TextAsNumber": {"select 'x'", into(&number), "is a text"},
		"NumberAsText": {"select 1", into(&text), "no text"},
		"Scan":         {"select 1", func(Row) error { return broken }, "broken"},
		"Columns":      {"select 'x', 1", into(&text), "2 columns is scanned into 1"},
		"Write":        {"delete from users returning o_id", into(&text), "readonly"},
	} {
		for range 2 { // an error leaves the connection as it was
			if _, err := d.One(t.Context(), c.text, c.scan); err == nil || !strings.Contains(chain(err), c.want) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
	}
	_, err := d.One(t.Context(), "delete from users returning o_id", into(&text))
	if persona.KindOf(err) != persona.Unavailable {
		t.Errorf("an error of SQLite's has the kind %v", persona.KindOf(err))
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.One(cancelled, "select 1", into(&number)); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

// chain is what an error says with its causes.
func chain(err error) (all string) {
	for ; err != nil; err = errors.Unwrap(err) {
		all += err.Error() + "\n"
	}
	return all
}

// TestOneAtOnce: more read than there are connections, and the end waits for
// them.
func TestOneAtOnce(t *testing.T) {
	t.Parallel()
	d := openForLookups(t)
	var group sync.WaitGroup
	for range 4 * lookupConnections() {
		group.Go(func() {
			for range 100 {
				var n int64
				found, err := d.One(t.Context(), "select count(*) from users where o_id = $1", func(r Row) error { return r.Scan(&n) }, "u_1")
				if err != nil || !found {
					t.Errorf("One = %v, %v", found, err)
				}
			}
		})
	}
	group.Wait()
	if idle := len(d.lookups.idle); idle == 0 || idle > lookupConnections() {
		t.Errorf("%d connections are open", idle)
	}
	// With every connection in use, who waits is not kept beyond its context.
	free := useAll(d.lookups)
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error)
	go func() {
		_, err := d.One(ctx, "select 1", func(Row) error { return nil })
		waited <- err
	}()
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Errorf("who waited was told %v", err)
	}
	free()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.One(t.Context(), "select 1", func(Row) error { return nil }); !errors.Is(err, errClosed) {
		t.Errorf("after the end: %v", err)
	}
}

// useAll makes ls look as if all connections were in use, until free is called.
func useAll(ls *lookups) (free func()) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.reading = ls.most
	return func() {
		for range ls.most {
			ls.finished(nil, nil).tell()
		}
	}
}

// TestTogether: what waits is read together, by one of those who ask, on one
// connection, and neither a fault nor the lack of a row is another's.
func TestTogether(t *testing.T) {
	t.Parallel()
	d := openForLookups(t)
	ls := d.lookups
	free := useAll(ls)
	var asking sync.WaitGroup
	const count = lookupsTogether + 2
	for i := range count {
		asking.Go(func() {
			text, want := "select $1", strconv.Itoa(i)
			switch i % 8 {
			case 6:
				text = "select $1 where false"
			case 7:
				text = "select $1 from nowhere"
			}
			var got string
			found, err := d.View(t.Context(), text, func(r Row) error { return r.Scan(&got) }, want)
			switch {
			case i%8 == 6 && (found || err != nil):
				t.Errorf("%d: without a row View = %v, %v", i, found, err)
			case i%8 == 7 && (err == nil || !strings.Contains(chain(err), "no such table")):
				t.Errorf("%d: with a fault View = %v, %v", i, found, err)
			case i%8 < 6 && (!found || err != nil || got != want):
				t.Errorf("%d: View = %v, %v and %q", i, found, err, got)
			}
		})
	}
	for waiting := 0; waiting < count; runtime.Gosched() {
		ls.mu.Lock()
		waiting = len(ls.waiting)
		ls.mu.Unlock()
	}
	free()
	asking.Wait()
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if len(ls.idle) == 0 || len(ls.idle) > 2 || ls.reading != 0 || ls.gathering || len(ls.waiting) != 0 {
		t.Errorf("%d connections are open, %d read, %d wait, gathering: %v", len(ls.idle), ls.reading, len(ls.waiting), ls.gathering)
	}
	for _, l := range ls.idle {
		if sqlite3.Xsqlite3_get_autocommit(l.tls, l.db) == 0 {
			t.Error("a transaction has not ended")
		}
	}
}

// TestTogetherOfOneMoment: rows that are read together show what was there at one
// moment.
func TestTogetherOfOneMoment(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plain.db")
	do := openPlain(t, path)
	do("pragma journal_mode = wal")
	do("insert into t values (0), (0)")
	l, err := openLookup(dsn(path, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				do("update t set a = a + 1")
			}
		}
	}()
	first, second := &asked{text: "select a from t where rowid = 1"}, &asked{text: "select a from t where rowid = 2"}
	for n := 0; n < 1000 || first.row.texts == "0"; n++ {
		l.readAll([]*asked{first, second})
		if first.err != nil || second.err != nil || first.row.texts != second.row.texts {
			t.Fatalf("%q and %q, %v and %v", first.row.texts, second.row.texts, first.err, second.err)
		}
	}
	close(stop)
	<-stopped
}

// TestTogetherLocked: where another program locks the file, those that are read
// together wait for it once, and are all told so.
func TestTogetherLocked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plain.db")
	other := openPlain(t, path)
	l, err := openLookup(dsn(path, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	if err := l.do("pragma busy_timeout = 1"); err != nil {
		t.Fatal(err)
	}
	batch := []*asked{{text: "select count(*) from t"}, {text: "select count(*) from t"}, {text: "select 1"}}
	for _, locked := range []bool{true, false} {
		if locked {
			other("begin exclusive")
		} else {
			other("commit")
		}
		l.readAll(batch)
		for i, a := range batch {
			if locked && a.err != batch[0].err || locked == (a.err == nil) { //nolint:errorlint // the very same
				t.Errorf("locked: %v, row %d: %v", locked, i, a.err)
			}
		}
	}
}

// openPlain makes a file without a log, so that it can be locked as a whole, and returns
// what runs statements in it.
func openPlain(t *testing.T, path string) (do func(text string)) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	do = func(text string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Error(err)
		}
	}
	do("create table t (a text)")
	return do
}

// TestCloseAtOnce: two that close wait for one another.
func TestCloseAtOnce(t *testing.T) {
	t.Parallel()
	for range 10 {
		d := openForLookups(t)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				if err := d.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
}

// TestOpensForItself: who waits for a file that another program locks keeps nobody
// else from giving a connection back.
func TestOpensForItself(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plain.db")
	do := openPlain(t, path)
	ls := newLookups(dsn(path, nil))
	first, err := openLookup(ls.name)
	if err != nil {
		t.Fatal(err)
	}
	ls.reading = 1 // first is in use
	do("begin exclusive")
	opened := make(chan error)
	go func() {
		_, err := ls.one(t.Context(), "select count(*) from t", func(Row) error { return nil }, nil, false)
		opened <- err
	}()
	time.Sleep(50 * time.Millisecond) //nolint:forbidigo // until it waits in SQLite, which tells nobody; too short a time only shows less
	began := time.Now()
	ls.finished(first, nil).tell()
	if took := time.Since(began); took > busyTimeout/5 {
		t.Errorf("to give a connection back took %v", took)
	}
	select {
	case err := <-opened:
		t.Fatalf("a locked file was read: %v", err)
	default:
	}
	do("commit")
	if err := <-opened; err != nil {
		t.Error(err)
	}
	ls.close()
}
