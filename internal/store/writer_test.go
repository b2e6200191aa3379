package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/store"
)

// sqliteError is an error of SQLite's with a code.
type sqliteError int

func (e sqliteError) Error() string { return fmt.Sprintf("sqlite error %d", int(e)) }

func (e sqliteError) Code() int { return int(e) }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// writeTogether runs so many writers at once, of which each adds personas one after
// the other. It returns the ids that were acknowledged, and the errors of the
// others.
func writeTogether(t *testing.T, s *store.Store, writers, each int) (kept []string, refused map[string]error) {
	t.Helper()
	var mu sync.Mutex
	refused = map[string]error{}
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				oID := fmt.Sprintf("pe_%d_%d", w, i)
				err := s.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error { return add(ctx, tx, simple(oID)) })
				mu.Lock()
				if err == nil {
					kept = append(kept, oID)
				} else {
					refused[oID] = err
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return kept, refused
}

// wantThere fails the test unless exactly the personas are there that were
// acknowledged, and of those whose outcome is unknown any.
func wantThere(t *testing.T, s *store.Store, kept []string, refused map[string]error) {
	t.Helper()
	for _, oID := range kept {
		if _, err := row(t, s, oID); err != nil {
			t.Errorf("%s was acknowledged: %v", oID, err)
		}
	}
	for oID, refusal := range refused {
		_, err := row(t, s, oID)
		if errs.KindOf(err) != errs.NotFound && errs.CodeOf(refusal) != errs.CodeOutcomeUnknown {
			t.Errorf("%s was refused with %v, and is there: %v", oID, refusal, err)
		}
	}
	page, err := s.List(t.Context(), entity.Query{Workspace: "wa_1", Words: []string{"pe"}, Order: entity.OrderRank, Limit: 1})
	if n := count(t, s); err != nil || page.Total != n {
		t.Errorf("search finds %v of %d personas, %v", page, n, err)
	}
	if report, err := s.Check(t.Context(), store.CheckOptions{Derive: derive, Report: func(problem string) { t.Error(problem) }}); err != nil || report.Problems() > 0 {
		t.Errorf("Check = %+v, %v", report, err)
	}
}

// derive returns what simple makes of a row.
func derive(r *entity.Row) (*entity.Stored, error) {
	return simple(r.OID, func(s *entity.Stored) { s.Row = *r; s.Words.Names = nil }), nil
}

// TestWriterFails lets statements of the writer fail under 64 writers: each of them
// gets an answer, nothing acknowledged is lost, nothing refused is there, and
// afterwards everything works.
func TestWriterFails(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string // of the statement that fails
		code int
		want string // the code of the error
	}{
		"begin":                      {"begin immediate", sqlite3.SQLITE_IOERR_LOCK, errs.CodeUnavailable},
		"begin is busy":              {"begin immediate", sqlite3.SQLITE_BUSY, errs.CodeUnavailable},
		"savepoint":                  {"savepoint one", sqlite3.SQLITE_IOERR_WRITE, errs.CodeUnavailable},
		"release":                    {"release one", sqlite3.SQLITE_FULL, errs.CodeUnavailable},
		"commit on a full disk":      {"commit", sqlite3.SQLITE_FULL, errs.CodeUnavailable},
		"commit whose sync fails":    {"commit", sqlite3.SQLITE_IOERR_FSYNC, errs.CodeOutcomeUnknown},
		"commit that cannot write":   {"commit", sqlite3.SQLITE_IOERR_WRITE, errs.CodeUnavailable},
		"commit, and rollback, too":  {"commit rollback", sqlite3.SQLITE_IOERR_WRITE, errs.CodeUnavailable},
		"savepoint, and rollback":    {"savepoint one rollback", sqlite3.SQLITE_IOERR_WRITE, errs.CodeUnavailable},
		"commit, and nothing begins": {"commit rollback begin", sqlite3.SQLITE_IOERR_WRITE, errs.CodeUnavailable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, made(t), store.Options{})
			// Some times, in the middle of the work, and not for ever.
			var asked, failed atomic.Int64
			check(t, s.Fail(t.Context(), func(text string) error {
				first, others, _ := strings.Cut(test.text, " rollback")
				if text == first {
					if n := asked.Add(1); n > 2 && n%4 != 0 && failed.Load() < 6 {
						failed.Add(1)
						return sqliteError(test.code)
					}
					return nil
				}
				if first != test.text && failed.Load() < 6 && (text == "rollback" || text == "begin; rollback" && others != "") {
					return sqliteError(test.code)
				}
				return nil
			}))
			kept, refused := writeTogether(t, s, 64, 4)
			check(t, s.Fail(t.Context(), nil))
			if len(kept) == 0 || len(refused) == 0 || failed.Load() == 0 {
				t.Errorf("%d writes were kept, %d refused after %d failures: the test shows nothing", len(kept), len(refused), failed.Load())
			}
			for oID, err := range refused {
				if errs.KindOf(err) != errs.Unavailable || errs.CodeOf(err) != test.want {
					t.Errorf("%s: %v, want the code %s", oID, err, test.want)
				}
			}
			wantThere(t, s, kept, refused)
			insert(t, s, simple("pe_after"))
			if err := s.PingWrite(t.Context()); err != nil {
				t.Errorf("PingWrite: %v", err)
			}
		})
	}
}

// TestWriterRollbackToFails: the rollback of one write in a batch fails, so that
// none of the batch is kept.
func TestWriterRollbackToFails(t *testing.T) {
	t.Parallel()
	s := open(t, made(t), store.Options{})
	check(t, s.Fail(t.Context(), func(text string) error {
		if text == "rollback to one" {
			return sqliteError(sqlite3.SQLITE_IOERR_READ)
		}
		return nil
	}))
	results := s.Together(t.Context(),
		func(ctx context.Context, tx entity.Tx) error { return add(ctx, tx, simple("pe_1")) },
		func(ctx context.Context, tx entity.Tx) error {
			return errors.Join(add(ctx, tx, simple("pe_2")), errors.New("undo"))
		},
		func(ctx context.Context, tx entity.Tx) error { return add(ctx, tx, simple("pe_3")) },
	)
	wantError(t, results[0], errs.Unavailable, "did not work")
	wantError(t, results[1], errs.Unavailable, "did not work")
	if n := count(t, s); n > 0 {
		t.Errorf("there are %d personas, want none of the batch", n)
	}
	check(t, s.Fail(t.Context(), nil))
	insert(t, s, simple("pe_after"))
}

// TestWriterLosesTransaction: SQLite has ended the transaction in the middle of a
// batch, as it does on a full disk. The write that goes on does so in none, and
// nobody of the batch is told of success.
func TestWriterLosesTransaction(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(ctx context.Context, tx entity.Tx) error{
		"and the write fails": func(ctx context.Context, tx entity.Tx) error {
			return errors.Join(store.ExecText(ctx, tx, "rollback"), errors.New("full"))
		},
		"and the write goes on": func(ctx context.Context, tx entity.Tx) error {
			return store.ExecText(ctx, tx, "rollback")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, made(t), store.Options{})
			results := s.Together(t.Context(),
				func(ctx context.Context, tx entity.Tx) error { return add(ctx, tx, simple("pe_1")) },
				lose,
				func(ctx context.Context, tx entity.Tx) error { return add(ctx, tx, simple("pe_2")) },
			)
			if results[0] == nil || results[1] == nil {
				t.Errorf("errors are %v", results)
			}
			if _, err := row(t, s, "pe_1"); errs.KindOf(err) != errs.NotFound {
				t.Errorf("pe_1 was refused, and is there: %v", err)
			}
			insert(t, s, simple("pe_after"))
		})
	}
}

// TestWriterPanics: a panic, and a goroutine that ends, under 64 writers concern the
// one write alone.
func TestWriterPanics(t *testing.T) {
	t.Parallel()
	s := open(t, made(t), store.Options{})
	var group sync.WaitGroup
	for w := range 64 {
		group.Go(func() {
			oID := fmt.Sprintf("pe_%d", w)
			err := s.Write(t.Context(), func(ctx context.Context, tx entity.Tx) error {
				err := add(ctx, tx, simple(oID))
				switch w % 4 {
				case 1:
					panic("on purpose")
				case 2:
					runtime.Goexit()
				}
				return err
			})
			if failed := w%4 == 1 || w%4 == 2; (err != nil) != failed || failed && errs.KindOf(err) != errs.Internal {
				t.Errorf("write %d = %v", w, err)
			}
			if known, ok := errors.AsType[*errs.Error](err); ok && strings.Contains(known.Message, "on purpose") {
				t.Error("the panic is in the message")
			}
		})
	}
	group.Wait()
	if n := count(t, s); n != 32 {
		t.Errorf("there are %d personas, want 32", n)
	}
}

// TestWriterBatches: writes that wait share a commit.
func TestWriterBatches(t *testing.T) {
	t.Parallel()
	s := open(t, made(t), store.Options{})
	var commits atomic.Int64
	check(t, s.Fail(t.Context(), func(text string) error {
		if text == "commit" {
			commits.Add(1)
		}
		return nil
	}))
	kept, refused := writeTogether(t, s, 64, 4)
	if len(kept) != 256 || len(refused) > 0 {
		t.Errorf("%d writes were kept, %d refused", len(kept), len(refused))
	}
	if n := commits.Load(); n > 128 {
		t.Errorf("256 writes took %d commits", n)
	}
}

// TestWriteLongRefusesOthers: while a long write runs others are told so at once,
// and reads go on.
func TestWriteLongRefusesOthers(t *testing.T) {
	t.Parallel()
	s := open(t, made(t), store.Options{})
	err := s.WriteLong(t.Context(), func(ctx context.Context, tx entity.Tx) error {
		for range 3 {
			err := s.Write(ctx, func(context.Context, entity.Tx) error {
				t.Error("fn was called")
				return nil
			})
			wantError(t, err, errs.Unavailable, "import", "try again")
			if known, _ := errors.AsType[*errs.Error](err); known.RetryAfter == 0 {
				t.Error("nothing says when to try again")
			}
		}
		if err := errors.Join(s.Ping(ctx), s.PingWrite(ctx)); err != nil {
			t.Errorf("Ping: %v", err)
		}
		return add(ctx, tx, simple("pe_1"))
	})
	if err != nil {
		t.Errorf("WriteLong: %v", err)
	}
	insert(t, s, simple("pe_2"))
}

// TestWriteWaits: a queued write is given up with its context, and only with that.
func TestWriteWaits(t *testing.T) {
	t.Parallel()
	s := open(t, made(t), store.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	began, queued := make(chan struct{}), make(chan error)
	go func() {
		<-began
		queued <- s.Write(ctx, func(context.Context, entity.Tx) error {
			t.Error("fn was called")
			return nil
		})
	}()
	write(t, s, func(ctx context.Context, tx entity.Tx) error {
		close(began)
		cancel()
		if err := <-queued; !errors.Is(err, context.Canceled) {
			t.Errorf("a queued write = %v, want %v", err, context.Canceled)
		}
		return nil
	})
}
