package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

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
	d := openForLookups(t)
	var kept, first, second string
	for _, look := range []struct {
		with func(context.Context, string, func(Row) error, ...string) (bool, error)
		text string
		into *string
	}{{d.One, "kept", &kept}, {d.View, "first", &first}, {d.View, "other", &second}} {
		if found, err := look.with(t.Context(), "select $1", func(r Row) error { return r.Scan(look.into) }, look.text); err != nil || !found {
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
	// With every turn taken, who waits is not kept beyond its context.
	for range lookupConnections() {
		d.lookups.turns <- struct{}{}
	}
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
	for range lookupConnections() {
		<-d.lookups.turns
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.One(t.Context(), "select 1", func(Row) error { return nil }); !errors.Is(err, errClosed) {
		t.Errorf("after the end: %v", err)
	}
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
	path := filepath.Join(t.TempDir(), "plain.db") // without a log, so that it can be locked as a whole
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	other.SetMaxOpenConns(1)
	do := func(text string) {
		t.Helper()
		if _, err := other.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	do("create table t (a text)")
	ls := &lookups{name: dsn(path, nil), turns: make(chan struct{}, lookupConnections())}
	first, err := ls.take()
	if err != nil {
		t.Fatal(err)
	}
	do("begin exclusive")
	opened := make(chan error)
	go func() {
		_, err := ls.one(t.Context(), "select count(*) from t", func(Row) error { return nil }, nil, false)
		opened <- err
	}()
	time.Sleep(50 * time.Millisecond) //nolint:forbidigo // until it waits in SQLite, which tells nobody; too short a time only shows less
	began := time.Now()
	ls.put(first)
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
	if err := other.Close(); err != nil {
		t.Error(err)
	}
}
