package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/engine"
)

const (
	// commitMost is how many writes share a commit at most, and commitAfter how
	// long the first of them waits for others to have their turns.
	commitMost  = 64
	commitAfter = 20 * time.Millisecond
	// laterMost is how many changes of the search index wait for one another,
	// which is as many as a segment of it has, and laterBytes about how much
	// memory they have.
	laterMost  = 4096
	laterBytes = 16 << 20
	// insertTogether is how many rows a statement adds, if there are so many.
	insertTogether = 32
	// keptStatements is how many statements the writing connection keeps.
	keptStatements = 100
)

// A write that is alone may change many pages. Those that the cache cannot hold
// go to the log before its end, and a page that is changed again goes there
// again: with largeCache, 64 MiB, it holds what an import changes again and again,
// the indexes. Memory is taken as it is needed, and given back at the end. Both
// take effect while SQLite prepares them, and so are no statements to keep.
const (
	largeCache = `pragma cache_size = -65536`
	usualCache = `pragma cache_size = -2000`
)

// writes are the writes that wait for the connection that writes. Those that
// come while others are made durable are made durable together after them
// (docs/adr/0021): what a write takes longest for is the disk.
type writes struct {
	db    *sql.DB
	watch *watch
	// prepareChanges prepares those of the search index.
	prepareChanges engine.Prepare
	// after is commitAfter, but in tests.
	after time.Duration

	mu      sync.Mutex
	waiting []*write
	leading bool
	closed  bool
	leaders sync.WaitGroup

	// The leader's, and that of the write which has the turn: statements of db,
	// and texts of which there is none yet.
	prepared map[string]*sql.Stmt
	unknown  []string
}

// write is one call of Write, which runs in the goroutine of its caller when
// the leader gives it the turn.
type write struct {
	alone bool
	turn  chan *transaction // unbuffered: who is given it takes it
	gone  chan struct{}     // closed by a caller that waits no longer
	ran   chan error        // what came of the turn
	ended chan error        // what came of the transaction
}

// transaction is one of SQLite's, which writes share.
type transaction struct {
	*sql.Tx
	writes     *writes
	statements map[string]*sql.Stmt
	// later are changes of the search index; the first applied of them are
	// written, and the others have so many bytes.
	later   []engine.Change
	applied int
	bytes   int
	// beside gives what writes changes that came before these, once they are
	// prepared; nil where there are none.
	beside chan prepared
}

// prepared writes changes of the search index that are prepared.
type prepared func(context.Context, engine.Runner) error

var errClosed, errPanicked = errors.New("sqlite: the database is closed"), errors.New("sqlite: a write panicked")

// Write implements engine.Engine. Writes take turns, those of other processes
// too, and may share a commit: none returns before its own is durable.
func (d *DB) Write(ctx context.Context, fn func(engine.Writer) error) error {
	return d.Translate(d.writes.do(ctx, fn, false))
}

// WriteAlone implements engine.Engine.
func (d *DB) WriteAlone(ctx context.Context, fn func(engine.Writer) error) error {
	return d.Translate(d.writes.do(ctx, fn, true))
}

func (q *writes) do(ctx context.Context, fn func(engine.Writer) error, alone bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &write{
		alone: alone, turn: make(chan *transaction), gone: make(chan struct{}),
		ran: make(chan error, 1), ended: make(chan error, 1),
	}
	if err := q.enqueue(ctx, w); err != nil {
		return err
	}
	var failed error
	select {
	case t := <-w.turn:
		failed = w.run(ctx, t, fn)
	case err := <-w.ended: // before its turn
		return err
	case <-ctx.Done():
		close(w.gone)
		return ctx.Err()
	}
	// Also where it failed: what it saw, and refused for, may be undone yet.
	if err := <-w.ended; err != nil {
		return err
	}
	return failed
}

// run is the turn of a write.
func (w *write) run(ctx context.Context, t *transaction, fn func(engine.Writer) error) (err error) {
	err = errPanicked
	defer func() { w.ran <- err }()
	if cancelled := ctx.Err(); cancelled != nil {
		err = cancelled
		return err
	}
	failed := fn(&writer{t, w.alone})
	if failed == nil {
		failed = ctx.Err() // fn may not have noticed
	}
	err = failed
	return err
}

// enqueue lets w wait, and sees to it that somebody leads.
func (q *writes) enqueue(ctx context.Context, w *write) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return errClosed
	}
	q.waiting = append(q.waiting, w)
	if !q.leading {
		q.leading = true
		ctx = context.WithoutCancel(ctx) // it leads others too
		q.leaders.Go(func() { q.lead(ctx) })
	}
	return nil
}

// close waits for the writes that are there, and refuses more.
func (q *writes) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.leaders.Wait()
}

// lead has the writes made that wait, until none is left.
func (q *writes) lead(ctx context.Context) {
	for w := q.next(nil); w != nil; w = q.next(nil) {
		q.together(ctx, w)
		q.prepare(ctx)
	}
}

// next takes the write that waits longest, if it may share a transaction with
// beside, which is nil for none. Who is told that none waits leads no longer.
func (q *writes) next(beside *write) *write {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.leading = beside != nil
		return nil
	}
	w := q.waiting[0]
	if beside != nil && (beside.alone || w.alone) {
		return nil
	}
	q.waiting[0] = nil
	q.waiting = q.waiting[1:]
	return w
}

// another is next after giving way once: on few cores, who is about to write
// comes no further while the leader runs.
func (q *writes) another(beside *write) *write {
	if w := q.next(beside); w != nil || beside.alone {
		return w
	}
	runtime.Gosched()
	return q.next(beside)
}

// together makes first, and the writes that wait behind it, in one transaction.
func (q *writes) together(ctx context.Context, first *write) {
	t, err := q.begin(ctx, first.alone)
	if err != nil {
		first.ended <- err
		return
	}
	var members []*write
	changed := false
	began := time.Now()
	for w := first; w != nil && err == nil; w = q.another(w) {
		var took, kept bool
		took, kept, err = t.give(ctx, w)
		if took {
			members = append(members, w)
		}
		changed = changed || kept
		if len(members) == commitMost || time.Since(began) > q.after {
			break
		}
	}
	if err == nil && changed {
		err = t.end(ctx)
	}
	if t.beside != nil { // after an error
		<-t.beside
	}
	// Nothing is left to roll back after a commit, nor where SQLite did it.
	if rollback := t.Rollback(); rollback != nil && !errors.Is(rollback, sql.ErrTxDone) {
		err = errors.Join(err, rollback)
	}
	if first.alone {
		// What it did is done: a cache that stays large is no reason to say otherwise.
		_, _ = q.db.ExecContext(ctx, usualCache)
	}
	for _, w := range members {
		w.ended <- err
	}
}

func (q *writes) begin(ctx context.Context, alone bool) (*transaction, error) {
	sqlTx, err := q.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	// From here to the commit nobody else can change the database.
	if err := q.watch.check(ctx, sqlTx); err != nil {
		return nil, errors.Join(err, sqlTx.Rollback())
	}
	if alone {
		if _, err := sqlTx.ExecContext(ctx, largeCache); err != nil {
			return nil, errors.Join(err, sqlTx.Rollback())
		}
	}
	return &transaction{Tx: sqlTx, writes: q, statements: map[string]*sql.Stmt{}}, nil
}

// give gives a write its turn, if its caller waits still: took. What it changed
// is kept whole, or undone whole. An error ends the transaction for all.
func (t *transaction) give(ctx context.Context, w *write) (took, kept bool, err error) {
	const savepoint, release, undo = "savepoint turn", "release turn", "rollback to turn"
	if !w.alone { // else all is undone
		if err := t.do(ctx, savepoint); err != nil {
			return false, false, err
		}
	}
	later, applied, bytes := len(t.later), t.applied, t.bytes
	failed := errClosed
	select {
	case w.turn <- t:
		took = true
		failed = <-w.ran
	case <-w.gone:
	}
	switch {
	case w.alone:
		return took, failed == nil, failed
	case failed != nil:
		// What was applied in the turn, of others too, is undone, and so is to
		// be applied again.
		t.later, t.applied, t.bytes = t.later[:later], applied, bytes
		if err := t.do(ctx, undo); err != nil {
			// SQLite rolled back already, for a full disk.
			return took, false, errors.Join(failed, err)
		}
	}
	return took, failed == nil, t.do(ctx, release)
}

// end commits.
func (t *transaction) end(ctx context.Context) error {
	if err := t.flush(ctx); err != nil {
		return err
	}
	return t.Commit()
}

// flush writes the search index.
func (t *transaction) flush(ctx context.Context) error {
	if err := t.flushBeside(ctx); err != nil || t.applied == len(t.later) {
		return err
	}
	if err := t.write(ctx, t.prepare(t.later[t.applied:])); err != nil {
		return err
	}
	t.applied, t.bytes = len(t.later), 0
	return nil
}

// flushBeside writes what was prepared beside.
func (t *transaction) flushBeside(ctx context.Context) error {
	if t.beside == nil {
		return nil
	}
	ready := <-t.beside
	t.beside = nil
	return t.write(ctx, ready)
}

// prepareBeside has the changes of later prepared while others come. It is for
// a write that is alone: nobody else loses them with it.
func (t *transaction) prepareBeside() {
	changes, beside := t.later, make(chan prepared, 1)
	t.later, t.applied, t.bytes, t.beside = nil, 0, 0, beside
	go func() { beside <- t.prepare(changes) }()
}

func (t *transaction) prepare(changes []engine.Change) (ready prepared) {
	err := recovered(func() error {
		ready = t.writes.prepareChanges(changes)
		return nil
	})
	if err != nil {
		return func(context.Context, engine.Runner) error { return err }
	}
	return ready
}

func (t *transaction) write(ctx context.Context, ready prepared) error {
	return recovered(func() error { return ready(ctx, &writer{transaction: t}) })
}

// recovered makes an error of a panic in fn, which would end the process: no
// request's goroutine is there to recover it.
func recovered(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanicked, r, debug.Stack())
		}
	}()
	return fn()
}

func (t *transaction) do(ctx context.Context, text string, args ...any) error {
	stmt, err := t.statement(ctx, text) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return err
	}
	_, err = stmt.ExecContext(ctx, args...)
	return err
}

// statement returns that of text, which was prepared before if it ran before.
func (t *transaction) statement(ctx context.Context, text string) (_ *sql.Stmt, err error) {
	stmt := t.statements[text]
	if stmt != nil {
		return stmt, nil
	}
	if known := t.writes.prepared[text]; known != nil {
		stmt = t.StmtContext(ctx, known)
	} else {
		if stmt, err = t.PrepareContext(ctx, text); err != nil {
			return nil, err
		}
		t.writes.unknown = append(t.writes.unknown, text)
	}
	t.statements[text] = stmt
	return stmt, nil
}

// prepare prepares what the last transaction had to prepare for itself. During
// one there is no connection to do it on.
func (q *writes) prepare(ctx context.Context) {
	for _, text := range q.unknown {
		if len(q.prepared) == keptStatements {
			break
		}
		if stmt, err := q.db.PrepareContext(ctx, text); err == nil {
			q.prepared[text] = stmt
		}
	}
	q.unknown = nil
}

// writer is a transaction for one write. A statement is not given up when its
// context ends, as SQLite would roll back all that it is in, others' too: the
// next one is not begun.
type writer struct {
	*transaction
	alone bool
}

// QueryContext implements engine.Runner.
func (w *writer) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	stmt, err := w.statement(ctx, text) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// ExecContext implements engine.Runner.
func (w *writer) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	stmt, err := w.statement(ctx, text) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

// InsertMany implements engine.Writer.
func (w *writer) InsertMany(ctx context.Context, into string, rows [][]any) error {
	row := "(" + strings.Repeat("?, ", len(rows[0])-1) + "?)"
	for len(rows) > 0 {
		n := 1
		if len(rows) >= insertTogether {
			n = insertTogether
		}
		text := "insert into " + into + " values " + strings.Repeat(row+", ", n-1) + row
		if _, err := w.ExecContext(ctx, text, slices.Concat(rows[:n]...)...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// Later implements engine.Writer. What the changes of many personas cost
// together is a part of what they cost one by one; so they follow after the last
// one, or together with some others.
func (w *writer) Later(ctx context.Context, change engine.Change) error {
	w.later = append(w.later, change)
	w.bytes += change.Size()
	if len(w.later)-w.applied < laterMost && w.bytes < laterBytes {
		return nil
	}
	if !w.alone {
		return w.Flush(ctx)
	}
	if err := w.flushBeside(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	w.prepareBeside()
	return nil
}

// Changed implements engine.Writer: SQLite itself tells other processes.
func (w *writer) Changed(persona.Change) {}

// Flush implements engine.Writer. The changes are kept: those of others would
// be lost with this write.
func (w *writer) Flush(ctx context.Context) error {
	return w.flush(context.WithoutCancel(ctx))
}
