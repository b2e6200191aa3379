package lookup

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite" // the driver
	sqlite3 "modernc.org/sqlite/lib"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

// openPool opens a pool for a file with a table t.
func openPool(t *testing.T) *Pool {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plain.db")
	openPlain(t, path)("pragma journal_mode = wal")
	p := New("file:"+path, time.Second)
	t.Cleanup(p.Close)
	return p
}

func openConnection(t *testing.T, name string, lockWait time.Duration) *connection {
	t.Helper()
	c, err := open(name, lockWait)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

func TestOne(t *testing.T) {
	t.Parallel()
	p := openPool(t)
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
	for name, one := range map[string]func(context.Context, string, func(Row) error, ...string) (bool, error){"One": p.One, "View": p.View} {
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
	c := openConnection(t, openPool(t).name, time.Second)
	var row row
	var kept, first, second string
	for _, look := range []struct {
		viewed bool
		text   string
		into   *string
	}{{false, "kept", &kept}, {true, "first", &first}, {true, "other", &second}} {
		row.viewed = look.viewed
		found, err := c.one("select $1", []string{look.text}, &row)
		if err := errors.Join(err, row.Scan(look.into)); err != nil || !found {
			t.Fatal(found, err)
		}
	}
	if kept != "kept" || first != "other" || unsafe.StringData(first) != unsafe.StringData(second) {
		t.Errorf("%q is kept, and the rows that were viewed are %q and %q", kept, first, second)
	}
}

// paged is a file of many pages, which is read by row and written to.
type paged struct {
	path string
	do   func(text string)
}

const pagedRows = 2000 // of a page each

func newPaged(t *testing.T) paged {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plain.db")
	do := openPlain(t, path)
	do("pragma journal_mode = wal")
	do("insert into t with recursive n (i) as (select 1 union all select i + 1 from n where i < " + strconv.Itoa(pagedRows) + ") select hex(zeroblob(1500)) from n")
	return paged{path, do}
}

// read reads some rows one by one.
func (paged) read(t *testing.T, c *connection, count int) {
	t.Helper()
	for range count {
		a := &asked{text: "select a from t where rowid = $1", args: []string{strconv.Itoa(1 + rand.IntN(pagedRows))}}
		if c.readAll([]*asked{a}); !a.found || a.err != nil {
			t.Fatal(a.found, a.err)
		}
	}
}

func (paged) used(c *connection) int { return c.status(sqlite3.SQLITE_DBSTATUS_CACHE_USED) }

// TestKeepsPages: a connection that has forgotten its pages, as something was written,
// has some again soon, also where others took its share of what there may be.
func TestKeepsPages(t *testing.T) { //nolint:paralleltest // others would take pages, too
	file := newPaged(t)
	c := openConnection(t, "file:"+file.path, time.Second)
	for range 30 {
		file.read(t, c, 100)
		file.do("update t set a = hex(randomblob(1500)) where rowid = 1") // so that c forgets
		file.do("select sum(length(a)) from t")                           // and another takes what it can get
	}
	file.read(t, c, 4*lookAfter)
	if used := file.used(c); used < cacheKiB<<10/2 {
		t.Errorf("it has %d KiB of pages", used>>10)
	}
}

// TestKeepsOthersPages: one that forgets its pages again and again, as much is written,
// takes none of another.
func TestKeepsOthersPages(t *testing.T) { //nolint:paralleltest // others would take pages, too
	file := newPaged(t)
	c, other := openConnection(t, "file:"+file.path, time.Second), openConnection(t, "file:"+file.path, time.Second)
	file.read(t, other, lookAfter-1)
	before := file.used(other)
	for range 4 * lookAfter / 5 {
		file.do("update t set a = hex(randomblob(1500)) where rowid = 1")
		file.read(t, c, 5)
	}
	if after := file.used(other); after < before {
		t.Errorf("the other has %d KiB of pages, and had %d", after>>10, before>>10)
	}
}

// TestKeepsPagesOfLongRows: who reads more at once than it can keep lacks no room.
func TestKeepsPagesOfLongRows(t *testing.T) { //nolint:paralleltest // others would take pages, too
	file := newPaged(t)
	file.do("pragma wal_autocheckpoint = 0") // what is in the log is read by way of the pages that are kept
	file.do("update t set a = hex(zeroblob(200000)) where rowid <= " + strconv.Itoa(mostTogether))
	c := openConnection(t, "file:"+file.path, time.Second)
	for range lookAfter / mostTogether {
		var batch []*asked
		for i := range mostTogether {
			batch = append(batch, &asked{text: "select a from t where rowid = $1", args: []string{strconv.Itoa(1 + i)}})
		}
		c.readAll(batch)
		for _, a := range batch {
			if !a.found || a.err != nil {
				t.Fatal(a.found, a.err)
			}
		}
	}
	if used := file.used(c); used < cacheKiB<<10/2 {
		t.Errorf("it has %d KiB of pages", used>>10)
	}
}

func TestOneFails(t *testing.T) {
	t.Parallel()
	p := openPool(t)
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
		"Write":        {"delete from t returning a", into(&text), "readonly"},
	} {
		for range 2 { // an error leaves the connection as it was
			if _, err := p.One(t.Context(), c.text, c.scan); err == nil || !strings.Contains(chain(err), c.want) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
	}
	_, err := p.One(t.Context(), "delete from t returning a", into(&text))
	if f, failed := errors.AsType[interface {
		Code() int
		error
	}](err); !failed || f.Code() != sqlite3.SQLITE_READONLY {
		t.Errorf("an error of SQLite's is %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.One(cancelled, "select 1", into(&number)); !errors.Is(err, context.Canceled) {
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

// TestOneAtOnce: more read than there are connections.
func TestOneAtOnce(t *testing.T) {
	t.Parallel()
	p := openPool(t)
	var group sync.WaitGroup
	for range 4 * connections() {
		group.Go(func() {
			for range 100 {
				var n int64
				found, err := p.One(t.Context(), "select count(*) from t where a = $1", func(r Row) error { return r.Scan(&n) }, "x")
				if err != nil || !found {
					t.Errorf("One = %v, %v", found, err)
				}
			}
		})
	}
	group.Wait()
	if idle := len(p.idle); idle == 0 || idle > connections() {
		t.Errorf("%d connections are open", idle)
	}
}

// untilWait returns once so many wait.
func (p *Pool) untilWait(count int) {
	for wait := -1; wait != count; runtime.Gosched() {
		p.mu.Lock()
		wait = len(p.waiting)
		p.mu.Unlock()
	}
}

// TestCancel: who waits is not kept beyond its context, and one that was chosen to
// read does so all the same.
func TestCancel(t *testing.T) {
	t.Parallel()
	p := openPool(t)
	free := useAll(p)
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan error)
	ask := func() {
		_, err := p.One(ctx, "select 1", func(Row) error { return nil })
		told <- err
	}
	go ask()
	p.untilWait(1)
	cancel()
	if err := <-told; !errors.Is(err, context.Canceled) {
		t.Errorf("who waited was told %v", err)
	}
	p.untilWait(0)
	a := &asked{text: "select 1", told: make(chan struct{}, 1)}
	p.waiting = append(p.waiting, a)
	free()
	if !p.wait(ctx, a) || !a.leads {
		t.Fatal("one that was chosen to lead does not")
	}
	p.lead(a)
	if !a.found || a.err != nil || p.reading != 0 {
		t.Errorf("it has read %v, %v; %d read", a.found, a.err, p.reading)
	}
}

// TestClose: the end waits for those that read or wait, and nobody comes after it.
func TestClose(t *testing.T) {
	t.Parallel()
	p := openPool(t)
	free := useAll(p)
	asked, closed := make(chan error), make(chan struct{})
	go func() {
		_, err := p.One(t.Context(), "select 1", func(Row) error { return nil })
		asked <- err
	}()
	p.untilWait(1)
	go func() { defer close(closed); p.Close() }()
	for is := false; !is; runtime.Gosched() {
		p.mu.Lock()
		is = p.closed
		p.mu.Unlock()
	}
	if _, err := p.One(t.Context(), "select 1", func(Row) error { return nil }); !errors.Is(err, errClosed) {
		t.Errorf("after the end: %v", err)
	}
	select {
	case <-closed:
		t.Error("the end did not wait")
	default:
	}
	free()
	if err := <-asked; err != nil {
		t.Errorf("one that waited: %v", err)
	}
	<-closed
}

// TestPanic: a panic is that of who reads, and an error to the others, whom it does not
// leave waiting.
func TestPanic(t *testing.T) {
	t.Parallel()
	p := openPool(t)
	free := useAll(p)
	batch := []*asked{}
	for range 3 {
		batch = append(batch, &asked{text: "select 1", told: make(chan struct{}, 1)})
	}
	p.waiting = slices.Clone(batch)
	free()
	p.mu.Lock()
	p.idle = append(p.idle, &connection{}) // any use of it panics
	p.mu.Unlock()
	<-batch[0].told
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		p.lead(batch[0])
	}()
	for _, other := range batch[1:] {
		<-other.told
		if !errors.Is(other.err, errPanicked) {
			t.Errorf("another was told %v", other.err)
		}
	}
	if found, err := p.One(t.Context(), "select 1", func(Row) error { return nil }); !found || err != nil || p.reading != 0 {
		t.Errorf("after it One = %v, %v; %d read", found, err, p.reading)
	}
}

// TestGathered: so many come along, and the next one leads the rest.
func TestGathered(t *testing.T) {
	t.Parallel()
	p := New("", 0)
	p.reading, p.gathering = 1, true
	for range mostTogether + 1 {
		p.waiting = append(p.waiting, &asked{})
	}
	all := slices.Clone(p.waiting)
	first := &asked{}
	_, batch, next := p.gathered(first)
	if len(batch) != mostTogether || batch[0] != first || next != all[mostTogether-1] || !next.leads || len(p.waiting) != 1 || p.reading != 2 || !p.gathering {
		t.Errorf("%d come along, the next leads: %v, %d wait, %d read", len(batch), next != nil && next.leads, len(p.waiting), p.reading)
	}
}

// useAll makes p look as if all connections were in use, until free is called.
func useAll(p *Pool) (free func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reading = p.most
	return func() {
		for range p.most {
			p.finished(nil, nil).tell()
		}
	}
}

// TestTogether: of what is read together each gets its own, neither a fault nor the
// lack of a row is another's, and nothing stays open or waits.
func TestTogether(t *testing.T) {
	t.Parallel()
	p := openPool(t)
	free := useAll(p)
	var asking sync.WaitGroup
	const count = mostTogether + 2
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
			found, err := p.View(t.Context(), text, func(r Row) error { return r.Scan(&got) }, want)
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
	p.untilWait(count)
	free()
	asking.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 || p.reading != 0 || p.gathering || len(p.waiting) != 0 {
		t.Errorf("%d connections are open, %d read, %d wait, gathering: %v", len(p.idle), p.reading, len(p.waiting), p.gathering)
	}
	for _, c := range p.idle {
		if sqlite3.Xsqlite3_get_autocommit(c.tls, c.db) == 0 {
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
	c := openConnection(t, "file:"+path, time.Second)
	stop, stopped := make(chan struct{}), make(chan struct{})
	defer func() { close(stop); <-stopped }()
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
	seen := map[string]bool{}
	for n := 0; n < 1000 || len(seen) < 50; n++ {
		c.readAll([]*asked{first, second})
		if first.err != nil || second.err != nil || first.row.texts != second.row.texts {
			t.Fatalf("%q and %q, %v and %v", first.row.texts, second.row.texts, first.err, second.err)
		}
		seen[first.row.texts] = true
	}
}

// TestTogetherLocked: where another program locks the file, those that are read
// together wait for it once, and are all told so.
func TestTogetherLocked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plain.db")
	other := openPlain(t, path)
	c := openConnection(t, "file:"+path, time.Millisecond)
	batch := []*asked{{text: "select count(*) from t"}, {text: "select count(*) from t"}, {text: "select 1"}}
	for _, locked := range []bool{true, false} {
		if locked {
			other("begin exclusive")
		} else {
			other("commit")
		}
		c.readAll(batch)
		for i, a := range batch {
			if locked && a.err != batch[0].err || locked == (a.err == nil) { //nolint:errorlint // the very same
				t.Errorf("locked: %v, row %d: %v", locked, i, a.err)
			}
		}
	}
}

// TestOpensForItself: who waits for a file that another program locks keeps nobody
// else from giving a connection back.
func TestOpensForItself(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plain.db")
	do := openPlain(t, path)
	p := New("file:"+path, 5*time.Second)
	first, err := open(p.name, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	p.reading = 1 // first is in use
	do("begin exclusive")
	opened := make(chan error)
	go func() {
		_, err := p.One(t.Context(), "select count(*) from t", func(Row) error { return nil })
		opened <- err
	}()
	time.Sleep(50 * time.Millisecond) //nolint:forbidigo // until it waits in SQLite, which tells nobody; too short a time only shows less
	began := time.Now()
	p.finished(first, nil).tell()
	if took := time.Since(began); took > p.lockWait/5 {
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
	p.Close()
}
