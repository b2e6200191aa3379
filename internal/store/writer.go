package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"personae.dev/internal/errs"
)

const (
	// batchMost is how many writes share a commit at most, and batchTime how long
	// others may join a batch.
	batchMost = 128
	batchTime = 20 * time.Millisecond
	// wordsMost is how many entities' words wait to be written at most.
	wordsMost = 1000
	// retryAfter is when a caller should try again, in seconds, that was refused
	// because of a long write.
	retryAfter = 5
)

var (
	errClosed = errs.Unavailablef(nil, "The database is closed. Try again when the server runs again.")
	errLong   = &errs.Error{
		Kind: errs.Unavailable, Code: errs.CodeUnavailable, RetryAfter: retryAfter,
		Message: "A long change holds the database, such as an import or a purge. Nothing of this change was kept; try again when it has ended.",
	}
)

// writer runs the writes of a file one after the other, on one goroutine and one
// connection. Writes that wait share a transaction, each in a savepoint of its
// own, and one commit: what a write takes longest for is the disk.
type writer struct {
	engine  *sqliteEngine
	session *session // nil after a failure
	queue   chan *job
	next    *job          // was taken from the queue, and begins the next batch
	stop    chan struct{} // closed to end the goroutine
	ended   chan struct{} // closed when it has ended
	// failing is set while the last commit failed.
	failing atomic.Bool
	// joinTime is batchTime, and fail nil, but in tests: fail is asked before each
	// statement of the goroutine.
	joinTime time.Duration
	fail     func(text string) error
}

// job is one call of write.
type job struct {
	fn   func(context.Context, *tx) error
	long bool
	// alone, if set, runs in place of fn, outside of a transaction.
	alone func(context.Context, *session) error
	err   error
	done  chan error
}

// batch is one transaction of writes.
type batch struct {
	*queries
	words   []wordsRow       // still to be written
	numbers map[string]int64 // of workspaces
	fatal   error            // the transaction is lost
}

func newWriter(ctx context.Context, e *sqliteEngine) (*writer, error) {
	w := &writer{engine: e, joinTime: batchTime, queue: make(chan *job), stop: make(chan struct{}), ended: make(chan struct{})}
	var err error
	if w.session, err = newSession(ctx, e.writes); err != nil {
		return nil, e.translate(err)
	}
	if e.path != memory {
		if e.files, err = newFiles(e.path); err != nil {
			_ = w.session.Close()
			return nil, err
		}
	}
	go w.run()
	return w, nil
}

// do runs a write, and returns when it is durable. It is given up with ctx as
// long as it waits; once it has begun, it ends with its batch.
func (w *writer) do(ctx context.Context, long bool, fn func(context.Context, *tx) error) error {
	return w.enqueue(ctx, &job{fn: fn, long: long})
}

func (w *writer) enqueue(ctx context.Context, j *job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j.done = make(chan error, 1)
	select {
	case w.queue <- j:
		return <-j.done
	case <-ctx.Done():
		return ctx.Err()
	case <-w.ended:
		return errClosed
	}
}

// close ends the goroutine after the batch that is under way.
func (w *writer) close() {
	close(w.stop)
	<-w.ended
	if w.session != nil {
		_ = w.session.Close()
	}
}

func (w *writer) run() {
	defer close(w.ended)
	for {
		first := w.next
		w.next = nil
		if first == nil {
			select {
			case first = <-w.queue:
			case <-w.stop:
				return
			}
		}
		if first.alone != nil {
			first.done <- w.outside(first)
			continue
		}
		jobs, err := w.transaction(first)
		for _, j := range jobs {
			if err != nil {
				j.err = err
			}
			j.done <- j.err
		}
	}
}

// transaction runs a batch, and returns all writes of it. An error is that of
// every one of them.
func (w *writer) transaction(first *job) (jobs []*job, err error) {
	ctx := context.Background()
	jobs = []*job{first}
	if err := w.begin(ctx); err != nil {
		// Those that wait would each wait as long as this one has.
		for j := w.dequeue(); j != nil; j = w.dequeue() {
			jobs = append(jobs, j)
		}
		return jobs, err
	}
	b := w.newBatch()
	began, kept := time.Now(), 0
	for j := first; ; jobs = append(jobs, j) {
		if err = w.one(ctx, b, j); err != nil {
			break
		}
		if j.err == nil {
			kept++
		}
		if j.long || len(jobs) == batchMost || time.Since(began) > w.joinTime {
			break
		}
		if j = w.joining(); j == nil {
			break
		}
	}
	if err == nil && kept > 0 {
		err = w.commit(ctx, b)
	}
	if err != nil || kept == 0 {
		w.rollback(ctx)
	}
	return jobs, err
}

// dequeue returns a write that waits, nil for none.
func (w *writer) dequeue() *job {
	select {
	case j := <-w.queue:
		return j
	default:
		return nil
	}
}

// joining returns a write that joins the batch, nil for none. It lets other
// goroutines run once, as some may be about to write.
func (w *writer) joining() *job {
	j := w.dequeue()
	if j == nil {
		runtime.Gosched()
		j = w.dequeue()
	}
	if j != nil && (j.long || j.alone != nil) {
		w.next = j
		return nil
	}
	return j
}

// connect opens a connection, if the last one was given up.
func (w *writer) connect(ctx context.Context) (err error) {
	if w.session == nil {
		w.session, err = newSession(ctx, w.engine.writes)
	}
	return w.engine.translate(err)
}

func (w *writer) begin(ctx context.Context) error {
	if err := w.connect(ctx); err != nil {
		return err
	}
	return w.exec(ctx, "begin immediate")
}

func (w *writer) exec(ctx context.Context, text string) error {
	var err error
	if w.fail != nil {
		err = w.fail(text)
	}
	if err == nil {
		_, err = w.session.ExecContext(ctx, text)
	}
	return w.engine.translate(err)
}

// newBatch returns a batch for the transaction that has begun.
func (w *writer) newBatch() *batch {
	b := &batch{numbers: map[string]int64{}}
	options := *w.engine.options
	options.translate = b.translate(options.translate)
	b.queries = queries{engineOptions: &options, writing: true}.on(batchRunner{w.session, b})
	return b
}

// one runs a write in a savepoint. Its own error is in j.err; the error that is
// returned is that of the whole batch.
func (w *writer) one(ctx context.Context, b *batch, j *job) error {
	if j.long {
		return w.alone(ctx, b, j)
	}
	if err := w.exec(ctx, "savepoint one"); err != nil {
		return err
	}
	words := b.words[:len(b.words):len(b.words)]
	j.err = w.call(j, func() error { return j.fn(ctx, &tx{queries: *b.queries, batch: b}) })
	if b.fatal != nil {
		return b.fatal
	}
	if j.err != nil {
		b.words = words
		clear(b.numbers) // it may have that of a workspace that is gone again
		if err := w.exec(ctx, "rollback to one"); err != nil {
			return err
		}
	}
	return w.exec(ctx, "release one")
}

// alone runs a long write, which is the only one of its batch. It needs no
// savepoint, in which SQLite would keep what it changes, and look through it with
// each statement.
func (w *writer) alone(ctx context.Context, b *batch, j *job) error {
	j.err = w.call(j, func() error { return j.fn(ctx, &tx{queries: *b.queries, batch: b}) })
	return b.fatal
}

// call runs the function of a write on a goroutine of its own, so that nothing it
// does ends this one. A panic is its error. While a long one runs, others are
// refused.
func (w *writer) call(j *job, fn func() error) error {
	result := make(chan error, 1)
	go func() {
		err := errors.New("store: the function of a write ended its goroutine")
		defer func() { result <- err }()
		err = protect(fn)
	}()
	if !j.long && j.alone == nil {
		return <-result
	}
	for {
		select {
		case err := <-result:
			return err
		case other := <-w.queue:
			other.done <- errLong
		}
	}
}

// protect runs a function, and makes an error of a panic.
func protect(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &errs.Error{
				Kind: errs.Internal, Code: errs.CodeInternal, Message: "The change failed because of an error in the program. Nothing of it was kept.",
				Err: fmt.Errorf("panic: %v\n%s", r, debug.Stack()),
			}
		}
	}()
	return fn()
}

// commit writes the words of all, and makes the batch durable.
func (w *writer) commit(ctx context.Context, b *batch) error {
	err := b.flush(ctx)
	if err == nil {
		err = w.engine.files.check()
	}
	if err == nil {
		err = w.exec(ctx, "commit")
	}
	w.failing.Store(err != nil)
	return err
}

// rollback ends the transaction. SQLite may have ended it already, after an
// error of the disk; a connection that does neither is given up.
func (w *writer) rollback(ctx context.Context) {
	if err := w.exec(ctx, "rollback"); err == nil {
		return
	}
	if w.exec(ctx, "begin; rollback") != nil {
		w.session.discard()
		w.session = nil
	}
}

// outside runs what needs to be alone, and outside of a transaction.
func (w *writer) outside(j *job) error {
	ctx := context.Background()
	if err := w.connect(ctx); err != nil {
		return err
	}
	return w.engine.translate(w.call(j, func() error { return j.alone(ctx, w.session) }))
}

// ping tells whether the file can be written. After a failed commit it tries.
func (w *writer) ping(ctx context.Context) error {
	const write = `insert into meta (key, value) values ('written', $1) on conflict (key) do update set value = excluded.value`
	if err := w.engine.files.check(); err != nil {
		return err
	}
	if !w.failing.Load() {
		return nil
	}
	err := w.do(ctx, false, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, write, time.Now().UTC().Format(time.RFC3339))
		return err
	})
	if errors.Is(err, errLong) {
		err = nil
	}
	return err
}

// flush writes the words that wait.
func (b *batch) flush(ctx context.Context) error {
	rows := b.words
	b.words = nil
	return b.writeWords(ctx, rows)
}

// translate also notes an error after which SQLite may have rolled back the
// whole transaction: what follows would be in none.
func (b *batch) translate(translate func(error) error) func(error) error {
	return func(err error) error {
		code, ok := sqliteCode(err)
		err = translate(err)
		const primary = 0xff
		if ok {
			switch code & primary {
			case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_CORRUPT:
				b.fatal = err
			}
		}
		return err
	}
}
