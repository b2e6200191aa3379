package sqlite

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// watchEvery is the pause between two looks at the database.
	watchEvery = 200 * time.Millisecond
	// watchTrust is how long a look is good for. With watchEvery it bounds how
	// old a cached answer can be: a change made by another process is seen
	// after watchTrust at the latest, by the watch or by its absence.
	watchTrust = 900 * time.Millisecond
)

// watch sees whether another process changed the database. It looks at PRAGMA
// data_version through the writing connection, where the number changes with
// the commits of others and not with our own. The numbers of two connections
// cannot be compared, so that a new connection counts as a change.
type watch struct {
	db     *sql.DB
	made   *atomic.Int64 // how many connections db has made
	start  time.Time
	cancel context.CancelFunc
	done   sync.WaitGroup

	version    atomic.Int64
	connection atomic.Int64
	epoch      atomic.Uint64
	// lookedAt is when the last look began, in nanoseconds after start.
	lookedAt atomic.Int64
}

// querier is what *sql.DB and *sql.Tx can both do.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func newWatch(ctx context.Context, db *sql.DB, made *atomic.Int64) (*watch, error) {
	w := &watch{db: db, made: made, start: time.Now()}
	if err := w.check(ctx, db); err != nil {
		return nil, err
	}
	// The watch outlives the opening, and ends with stop.
	ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	w.done.Go(func() { w.run(ctx) })
	return w, nil
}

func (w *watch) run(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			// A failed look, like one that a long write holds up, needs no
			// word: trust runs out, and the caches are passed by.
			_ = w.check(ctx, w.db)
		}
	}
}

// check looks at the database through q, which must be on the writing
// connection. Looks that overtake each other cost a needless change of epoch,
// and never miss one.
func (w *watch) check(ctx context.Context, q querier) error {
	const query = `pragma data_version`
	began := time.Since(w.start)
	madeBefore := w.made.Load()
	var version int64
	if err := q.QueryRowContext(ctx, query).Scan(&version); err != nil {
		return err
	}
	// Whichever connection was asked, one that is new since the last look or
	// during this one has a number that says nothing.
	made := w.made.Load()
	newConnection, newVersion := w.connection.Swap(made) != made, w.version.Swap(version) != version
	if newConnection || newVersion || made != madeBefore {
		w.epoch.Add(1)
	}
	w.lookedAt.Store(int64(began))
	return nil
}

// now implements Epoch.
func (w *watch) now() (epoch uint64, ok bool) {
	// In this order: an epoch that was read first could be vouched for by a
	// later look.
	age := time.Since(w.start) - time.Duration(w.lookedAt.Load())
	return w.epoch.Load(), age < watchTrust
}

func (w *watch) stop() {
	w.cancel()
	w.done.Wait()
}
