package sqlite

import (
	"context"
	"runtime"
	"slices"
	"sync"
)

// lookups read single rows by keys. That takes SQLite a few microseconds, and
// database/sql and its driver ten times as long: a goroutine for the context,
// name and type of each column as texts, each value in memory of its own. So
// they are not used here, but SQLite itself, on connections of its own
// (docs/adr/0024).
//
// Rows that are asked for at the same time are read together, by one of those who ask, in a
// transaction that begins after the last of them has asked (docs/adr/0030).
type lookups struct {
	name string // of the file, as a DSN
	most int    // how many connections there may be

	mu      sync.Mutex
	idle    []*lookup // the last one used comes first: its pages are those in memory
	reading int       // how many connections are in use, or are to be
	// gathering tells that somebody is about to read, and will take along who waits
	// then.
	gathering bool
	waiting   []*asked
	closed    bool
	ended     sync.Cond // nobody reads
}

// asked is a row that is asked for.
type asked struct {
	text string
	args []string
	// row is what was found, if found, and good until the next use of this asked.
	row      lookupRow
	found    bool
	err      error
	together bool // it was read with others

	// told is sent to once: when it was read, or when it is to lead.
	told  chan struct{}
	leads bool
}

// lookupsTogether is how many rows are read together.
const lookupsTogether = 64

// leastLookups and mostLookups bound how many connections read at once; more wait.
const leastLookups, mostLookups = 2, 8

// lookupConnections is how many connections read at once: as many as there are
// processors, as a lookup mostly keeps one busy, and two at the least, for one may
// wait for the disk.
func lookupConnections() int { return min(max(runtime.GOMAXPROCS(0), leastLookups), mostLookups) }

func newLookups(name string) *lookups {
	ls := &lookups{name: name, most: lookupConnections()}
	ls.ended.L = &ls.mu
	return ls
}

// One runs a query that has one row at most, all of whose arguments are texts,
// and gives the row to scan. It is not broken off in the middle: ctx bounds the
// wait for a turn. Where another program locks the whole file, a lookup waits for
// it, too, for busyTimeout at most.
func (d *DB) One(ctx context.Context, text string, scan func(Row) error, args ...string) (found bool, err error) {
	found, err = d.lookups.one(ctx, text, scan, args, false)
	return found, d.Translate(err)
}

// View is One for a scan that leaves nothing behind of the texts of the row: it
// scans them into memory that is used again when it returns.
func (d *DB) View(ctx context.Context, text string, scan func(Row) error, args ...string) (found bool, err error) {
	found, err = d.lookups.one(ctx, text, scan, args, true)
	return found, d.Translate(err)
}

var askedBefore = sync.Pool{New: func() any { return &asked{told: make(chan struct{}, 1)} }}

func (ls *lookups) one(ctx context.Context, text string, scan func(Row) error, args []string, viewed bool) (found bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	a := askedBefore.Get().(*asked)
	a.text, a.args, a.row.viewed = text, args, viewed
	err = ls.read(ctx, a)
	found = a.found && err == nil
	if found {
		err = scan(&a.row)
	}
	together := a.together
	a.done()
	if together {
		// The others are scanned too before any of them goes on, and then all go on:
		// the same code for many runs in a part of the time.
		runtime.Gosched()
	}
	return found, err
}

// done makes room for another use.
func (a *asked) done() {
	*a = asked{row: lookupRow{columns: a.row.columns, buffer: a.row.buffer}, told: a.told}
	askedBefore.Put(a)
}

// read reads a row, with those that others ask for.
func (ls *lookups) read(ctx context.Context, a *asked) error {
	ls.mu.Lock()
	switch {
	case ls.closed:
		ls.mu.Unlock()
		return errClosed
	case ls.gathering || ls.reading == ls.most:
		ls.waiting = append(ls.waiting, a)
		ls.mu.Unlock()
		if !ls.wait(ctx, a) {
			return ctx.Err()
		}
		if !a.leads {
			return a.err
		}
	default:
		ls.reading++
		ls.gathering = true
		ls.mu.Unlock()
	}
	runtime.Gosched() // whoever is about to ask does
	ls.lead(a)
	return a.err
}

// wait waits until a is told something, unless ctx ends before anybody reads it.
func (ls *lookups) wait(ctx context.Context, a *asked) bool {
	select {
	case <-a.told:
		return true
	case <-ctx.Done():
	}
	ls.mu.Lock()
	i := slices.Index(ls.waiting, a)
	if i >= 0 {
		ls.waiting = slices.Delete(ls.waiting, i, i+1)
	}
	ls.mu.Unlock()
	if i < 0 {
		<-a.told
	}
	return i < 0
}

// lead reads a and some of those that wait, and has another one lead after it, or
// beside it where more wait.
func (ls *lookups) lead(a *asked) {
	l, batch, next := ls.gathered(a)
	next.tell()
	var err error
	if l == nil {
		// Not under the mutex: that may take as long as another program locks the file.
		l, err = openLookup(ls.name)
	}
	if err == nil {
		l.readAll(batch)
	} else {
		for _, one := range batch {
			one.err = err
		}
	}
	for _, other := range batch[1:] {
		other.tell()
	}
	clear(batch)
	ls.finished(l, batch).tell()
}

// gathered ends the time to come along, and returns an idle connection, if there is one,
// what is to be read with it, and who is to lead meanwhile, if anybody.
func (ls *lookups) gathered(a *asked) (l *lookup, batch []*asked, next *asked) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if last := len(ls.idle) - 1; last >= 0 {
		l, ls.idle = ls.idle[last], ls.idle[:last]
		batch = l.batch[:0]
	}
	n := min(len(ls.waiting), lookupsTogether-1)
	batch = append(append(batch, a), ls.waiting[:n]...)
	ls.waiting = slices.Delete(ls.waiting, 0, n)
	for _, one := range batch {
		one.together = n > 0
	}
	ls.gathering = false
	if ls.reading < ls.most {
		if next = ls.next(); next != nil {
			ls.reading++
		}
	}
	return l, batch, next
}

// finished gives a connection back, if it could be opened, and returns who is to
// lead then, if anybody.
func (ls *lookups) finished(l *lookup, batch []*asked) (next *asked) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l != nil {
		l.batch = batch
		ls.idle = append(ls.idle, l)
	}
	if next = ls.next(); next == nil {
		if ls.reading--; ls.reading == 0 {
			ls.ended.Broadcast()
		}
	}
	return next
}

// next is the first of those that wait, which is to lead, unless somebody does who will take
// them along.
func (ls *lookups) next() *asked {
	if ls.gathering || len(ls.waiting) == 0 {
		return nil
	}
	next := ls.waiting[0]
	ls.waiting = slices.Delete(ls.waiting, 0, 1)
	next.leads, ls.gathering = true, true
	return next
}

// tell tells a, which may be nil, that it was read or is to lead.
func (a *asked) tell() {
	if a != nil {
		a.told <- struct{}{}
	}
}

// close waits for those that read or wait, and refuses more.
func (ls *lookups) close() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.closed = true
	for ls.reading > 0 {
		ls.ended.Wait()
	}
	for _, l := range ls.idle {
		l.close()
	}
	ls.idle = nil
}
