package postgres

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"personae.dev/internal/persona"
)

const (
	// proveEvery is the pause between two proofs that we would hear of a write,
	// and proofTakes how long one may take.
	proveEvery = 250 * time.Millisecond
	proofTakes = 600 * time.Millisecond
	// watchTrust is how long a proof is good for. It bounds how old a cached
	// answer can be: a change of another server is seen after watchTrust at the
	// latest, by the watch or by its absence.
	watchTrust = 900 * time.Millisecond
	// The pauses between tries to connect again grow from the one to the other.
	shortestPause = 100 * time.Millisecond
	longestPause  = time.Second
)

// watch hears what another server changes in the database. Every transaction
// tells of its changes on a channel, as a part of itself; the watch listens on a
// connection of its own. That connection may be dead without a word: so the
// watch asks something again and again, and an answer proves that all that was
// told before the question has come in, as PostgreSQL sends it first.
type watch struct {
	config *pgx.ConnConfig
	warn   func(string, ...any)
	start  time.Time
	cancel context.CancelFunc
	done   sync.WaitGroup

	// name is what our own writes tell: they are no news.
	name  atomic.Pointer[string]
	epoch atomic.Uint64
	// provenAt is when the last proof began, in nanoseconds after start.
	provenAt atomic.Int64

	mu   sync.Mutex
	told []func(persona.Change) // who hears of the changes of others
}

func newWatch(ctx context.Context, config *pgx.ConnConfig, warn func(string, ...any)) *watch {
	w := &watch{config: config.Copy(), warn: warn, start: time.Now()}
	w.provenAt.Store(int64(-watchTrust))
	w.rename()
	w.config.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) { w.hear(n.Payload) }
	// The watch outlives the opening, and ends with stop.
	ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	w.done.Go(func() { w.run(ctx) })
	return w
}

// rename takes a new name.
func (w *watch) rename() {
	name := persona.NewID("")
	w.name.Store(&name)
}

// tell has changed told of what others change from now on.
func (w *watch) tell(changed func(persona.Change)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, changed)
}

// hear takes in what a transaction told.
func (w *watch) hear(payload string) {
	by, changed := read(payload)
	switch {
	case by == *w.name.Load():
		return
	case len(changed) == 0:
		w.epoch.Add(1)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, tell := range w.told {
		for _, change := range changed {
			tell(change)
		}
	}
}

// doubt is called after a commit of which nobody knows whether it was done, or
// will be: then our own writes are as those of another.
func (w *watch) doubt() {
	w.rename()
	w.epoch.Add(1)
}

func (w *watch) run(ctx context.Context) {
	pause, warned := shortestPause, false
	for ctx.Err() == nil {
		before := w.provenAt.Load()
		err := w.listen(ctx)
		if ctx.Err() != nil {
			return
		}
		if w.provenAt.Load() != before {
			pause, warned = shortestPause, false
		}
		if !warned {
			w.warn("The database does not tell of changes by other servers at the moment: caches are passed by until it does.", "error", err)
			warned = true
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		pause = min(2*pause, longestPause)
	}
}

// listen listens until it cannot.
func (w *watch) listen(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, w.config)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), proofTakes)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	if err := ask(ctx, conn, "listen "+channel); err != nil {
		return err
	}
	w.epoch.Add(1) // for what was told before
	for {
		began := time.Since(w.start)
		if err := ask(ctx, conn, "select 1"); err != nil {
			return err
		}
		w.provenAt.Store(int64(began))
		for rest := proveEvery; rest > 0; rest = proveEvery - (time.Since(w.start) - began) {
			waiting, cancel := context.WithTimeout(ctx, rest)
			err := conn.PgConn().WaitForNotification(waiting)
			cancel()
			if err != nil && (ctx.Err() != nil || !pgconn.Timeout(err)) {
				return err
			}
		}
	}
}

// ask waits for an answer as long as a proof may take.
func ask(ctx context.Context, conn *pgx.Conn, text string) error {
	ctx, cancel := context.WithTimeout(ctx, proofTakes)
	defer cancel()
	_, err := conn.PgConn().Exec(ctx, text).ReadAll()
	return err
}

// now implements Epoch.
func (w *watch) now() (epoch uint64, ok bool) {
	// In this order: an epoch that was read first could be vouched for by a
	// later proof.
	age := time.Since(w.start) - time.Duration(w.provenAt.Load())
	return w.epoch.Load(), age < watchTrust
}

func (w *watch) stop() {
	w.cancel()
	w.done.Wait()
}
