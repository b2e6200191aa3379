package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/engine"
	"personae.dev/internal/store/sqlite/lookup"
)

const addOrganization = `insert into organizations (o_id, name, slug, created_at) values ($1, $1, $1, 0)`

// later is a change of the index, which here adds an organization.
type later string

func (later) Size() int { return laterBytes / 4 }

// addAll applies changes. One that is applied twice is a conflict.
func addAll(changes []engine.Change) func(context.Context, engine.Runner) error {
	for _, c := range changes {
		if c == later("panics at once") {
			panic("on purpose")
		}
	}
	return func(ctx context.Context, r engine.Runner) error {
		for _, c := range changes {
			if c == later("panics") {
				panic("on purpose")
			}
			if _, err := r.ExecContext(ctx, addOrganization, string(c.(later))); err != nil {
				return err
			}
		}
		return nil
	}
}

// add adds an organization.
func add(t *testing.T, oID string) func(engine.Writer) error {
	t.Helper()
	return func(w engine.Writer) error {
		_, err := w.ExecContext(t.Context(), addOrganization, oID)
		return err
	}
}

func organizations(t *testing.T, d *DB) (oIDs []string) {
	t.Helper()
	rows, err := d.readers.QueryContext(t.Context(), `select o_id from organizations order by o_id`)
	if err != nil {
		t.Fatalf("organizations: %v", err)
	}
	defer rows.Close()
	for rows.Next() {
		var oID string
		if err := rows.Scan(&oID); err != nil {
			t.Fatalf("organizations: %v", err)
		}
		oIDs = append(oIDs, oID)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("organizations: %v", err)
	}
	return oIDs
}

// waitFor returns when n writes wait for their turn.
func (d *DB) waitFor(n int) {
	for waiting := -1; waiting != n; runtime.Gosched() {
		d.writes.mu.Lock()
		waiting = len(d.writes.waiting)
		d.writes.mu.Unlock()
	}
}

// behind runs first, which adds "first", while the writes fns wait behind it in
// their order, and returns what came of it, and of them.
func behind(t *testing.T, d *DB, fns ...func(engine.Writer) error) (others []error, first error) {
	t.Helper()
	d.writes.after = time.Minute
	began, release := make(chan struct{}), make(chan struct{})
	others = make([]error, len(fns))
	var group sync.WaitGroup
	group.Go(func() {
		first = d.Write(t.Context(), func(w engine.Writer) error {
			close(began)
			<-release
			return add(t, "first")(w)
		})
	})
	<-began
	for i, fn := range fns {
		group.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					others[i] = errPanicked
				}
			}()
			others[i] = d.Write(t.Context(), fn)
		})
		d.waitFor(i + 1)
	}
	close(release)
	group.Wait()
	return others, first
}

func TestWritesShareACommit(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	t.Run("EachForItself", func(t *testing.T) {
		t.Parallel()
		d, _ := setup(t)
		others, first := behind(t, d,
			func(w engine.Writer) error {
				return errors.Join(add(t, "refused")(w), w.Later(t.Context(), later("refused later")), refused)
			},
			func(w engine.Writer) error {
				return errors.Join(add(t, "second")(w), w.Later(t.Context(), later("second later")))
			},
			func(w engine.Writer) error {
				if err := add(t, "panicked")(w); err != nil {
					return err
				}
				panic("on purpose")
			},
			func(w engine.Writer) error {
				// What is later is there for who asks for it, and undone with the write.
				err := errors.Join(w.Later(t.Context(), later("flushed")), w.Flush(t.Context()))
				rows, queryErr := w.QueryContext(t.Context(), `select o_id from organizations where o_id in ('flushed', 'second later')`)
				if queryErr != nil {
					return queryErr
				}
				defer rows.Close()
				for range 2 {
					if !rows.Next() {
						t.Error("Flush did not let the write see what is later")
					}
				}
				return errors.Join(err, rows.Err(), refused)
			},
			add(t, "third"),
		)
		if first != nil || !errors.Is(others[0], refused) || others[1] != nil || !errors.Is(others[2], errPanicked) || !errors.Is(others[3], refused) || others[4] != nil {
			t.Errorf("the writes gave %v and %v", first, others)
		}
		if diff := cmp.Diff([]string{"first", "second", "second later", "third"}, organizations(t, d)); diff != "" {
			t.Errorf("what is kept (-want +got):\n%s", diff)
		}
	})
	t.Run("Together", func(t *testing.T) {
		t.Parallel()
		d, _ := setup(t)
		// The commit fails for what one did, and none is told that it was kept, nor
		// refused for what it saw of another.
		others, first := behind(t, d,
			add(t, "second"),
			func(w engine.Writer) error {
				for _, text := range []string{
					`pragma defer_foreign_keys = on`,
					`insert into users (o_id, organization_o_id, first_name, last_name, role, created_at) values ('us_1', 'missing', '', '', 'owner', 0)`,
				} {
					if _, err := w.ExecContext(t.Context(), text); err != nil {
						return err
					}
				}
				return nil
			},
			func(engine.Writer) error { return refused },
		)
		for _, err := range append(others, first) {
			if err == nil || errors.Is(err, refused) {
				t.Errorf("a write whose commit failed gave %v", err)
			}
		}
		if kept := organizations(t, d); kept != nil {
			t.Errorf("of a commit that failed are kept: %v", kept)
		}
		if err := d.Write(t.Context(), add(t, "next")); err != nil {
			t.Errorf("the next write: %v", err)
		}
	})
	t.Run("BeforeTheFirstIsAnswered", func(t *testing.T) {
		t.Parallel()
		d, _ := setup(t)
		d.writes.after = time.Minute
		var answered atomic.Bool
		began, release := make(chan struct{}), make(chan struct{})
		var group sync.WaitGroup
		group.Go(func() {
			err := d.Write(t.Context(), func(engine.Writer) error {
				close(began)
				<-release
				return nil
			})
			if err != nil {
				t.Errorf("Write: %v", err)
			}
			answered.Store(true)
		})
		<-began
		gone, leave := context.WithCancel(t.Context())
		group.Go(func() {
			if err := d.Write(gone, add(t, "gone")); !errors.Is(err, context.Canceled) {
				t.Errorf("a write whose context ended while it waited = %v", err)
			}
		})
		d.waitFor(1)
		group.Go(func() {
			err := d.Write(t.Context(), func(engine.Writer) error {
				if answered.Load() {
					t.Error("a write that waited had a transaction of its own")
				}
				return nil
			})
			if err != nil {
				t.Errorf("Write: %v", err)
			}
		})
		d.waitFor(2)
		group.Go(func() {
			err := d.WriteAlone(t.Context(), func(engine.Writer) error {
				for !answered.Load() { // or else for ever
					runtime.Gosched()
				}
				return nil
			})
			if err != nil {
				t.Errorf("WriteAlone: %v", err)
			}
		})
		d.waitFor(3)
		leave()
		close(release)
		group.Wait()
		if kept := organizations(t, d); kept != nil {
			t.Errorf("kept: %v", kept)
		}
	})
}

// TestIndexPanics: a fault in the search index fails the writes of the commit, and
// no more.
func TestIndexPanics(t *testing.T) {
	t.Parallel()
	d, _ := setup(t)
	err := d.Write(t.Context(), func(w engine.Writer) error {
		return errors.Join(add(t, "first")(w), w.Later(t.Context(), later("panics")))
	})
	if !errors.Is(err, errPanicked) {
		t.Errorf("Write = %v, want that it panicked", err)
	}
	if err := d.Write(t.Context(), add(t, "second")); err != nil {
		t.Errorf("the next write: %v", err)
	}
	if diff := cmp.Diff([]string{"second"}, organizations(t, d)); diff != "" {
		t.Errorf("what is kept (-want +got):\n%s", diff)
	}
}

// TestManyLater: changes of a write that is alone are prepared beside it, and
// written in their order; a fault in that is the write's.
func TestManyLater(t *testing.T) {
	t.Parallel()
	d, _ := setup(t)
	const enough = 9 // of which four are as much as waits
	addMany := func(fault string) error {
		return d.WriteAlone(t.Context(), func(w engine.Writer) error {
			for i := range enough {
				change := later(fmt.Sprint("og_", i))
				if i == 2 && fault != "" {
					change = later(fault)
				}
				if err := w.Later(t.Context(), change); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for _, fault := range []string{"panics at once", "panics"} {
		if err := addMany(fault); !errors.Is(err, errPanicked) {
			t.Errorf("with a change that %s: %v", fault, err)
		}
	}
	err := d.WriteAlone(t.Context(), func(w engine.Writer) error {
		for range 4 {
			if err := w.Later(t.Context(), later("panics")); err != nil {
				return err
			}
		}
		return errors.ErrUnsupported // before they are written
	})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("WriteAlone = %v", err)
	}
	if kept := organizations(t, d); kept != nil {
		t.Errorf("kept: %v", kept)
	}
	if err := addMany(""); err != nil {
		t.Errorf("WriteAlone: %v", err)
	}
	if kept := organizations(t, d); len(kept) != enough {
		t.Errorf("kept: %v", kept)
	}
}

func TestClosedDatabase(t *testing.T) {
	t.Parallel()
	d, _ := setup(t)
	if err := d.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if err := d.Write(t.Context(), add(t, "late")); err == nil {
		t.Error("Write succeeded after Close")
	}
}

// TestOneAndView: a row is that of this file, however it is called, and an error
// is one of the domain's.
func TestOneAndView(t *testing.T) {
	t.Parallel()
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "a ?#%.db"), engine.Options{Create: true}.WithDefaults(), addAll)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.writer.ExecContext(t.Context(), addOrganization, "og_1"); err != nil {
		t.Fatal(err)
	}
	for name, one := range map[string]func(context.Context, string, func(lookup.Row) error, ...string) (bool, error){"One": d.One, "View": d.View} {
		var oID string
		scan := func(r lookup.Row) error {
			var text string
			err := r.Scan(&text)
			oID = strings.Clone(text)
			return err
		}
		if found, err := one(t.Context(), "select o_id from organizations where o_id = $1", scan, "og_1"); !found || err != nil || oID != "og_1" {
			t.Errorf("%s = %v, %v and %q", name, found, err, oID)
		}
		if _, err := one(t.Context(), "delete from organizations returning o_id", scan); persona.KindOf(err) != persona.Unavailable {
			t.Errorf("%s: a write through a connection that only reads: %v", name, err)
		}
	}
}

// TestCloseAtOnce: two that close wait for one another.
func TestCloseAtOnce(t *testing.T) {
	t.Parallel()
	for range 10 {
		d, err := Open(t.Context(), filepath.Join(t.TempDir(), "plain.db"), engine.Options{Create: true}.WithDefaults(), addAll)
		if err != nil {
			t.Fatal(err)
		}
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
