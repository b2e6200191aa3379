// Package lookup reads single rows of an SQLite file by keys. That takes SQLite a few
// microseconds, and database/sql and its driver ten times as long: a goroutine for the
// context, name and type of each column as texts, each value in memory of its own.
// So they are not used here, but SQLite itself (docs/adr/0024).
package lookup

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Pool reads single rows on connections of its own. It is safe for concurrent use.
//
// Rows that are asked for at the same time are read together, by one of those who ask, in a
// transaction that begins after the last of them has asked (docs/adr/0030).
type Pool struct {
	name     string        // of the file, as a DSN
	lockWait time.Duration // for a file that another program locks as a whole
	most     int           // how many connections there may be

	mu      sync.Mutex
	idle    []*connection // the last one is taken first: its pages are those in the processor's cache
	reading int           // how many connections are in use, or are to be
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
	row      row
	found    bool
	err      error
	together bool // it was read with others

	// told is sent to once: when it was read, or when it is to lead.
	told  chan struct{}
	leads bool
}

// mostTogether is how many rows are read together.
const mostTogether = 64

// leastConnections and mostConnections bound how many connections read at once.
const leastConnections, mostConnections = 2, 8

// connections is how many connections read at once: as many as there are
// processors, as a lookup mostly keeps one busy, and two at the least, for one may
// wait for the disk.
func connections() int { return min(max(runtime.GOMAXPROCS(0), leastConnections), mostConnections) }

// New returns a pool for the file with a DSN. A lookup waits so long where another program
// locks the whole file.
func New(name string, wait time.Duration) *Pool {
	p := &Pool{name: name, lockWait: wait, most: connections()}
	p.ended.L = &p.mu
	return p
}

// errClosed is the error of a lookup after Close, and errPanicked that of those whose rows
// somebody else has read and panicked at.
var errClosed, errPanicked = errors.New("lookup: the database is closed"), errors.New("lookup: a read panicked")

var askedBefore = sync.Pool{New: func() any { return &asked{told: make(chan struct{}, 1)} }}

// One runs a query that has one row at most, all of whose arguments are texts,
// and gives the row to scan. It is not broken off in the middle: ctx bounds the
// wait for a turn.
func (p *Pool) One(ctx context.Context, text string, scan func(Row) error, args ...string) (found bool, err error) {
	return p.one(ctx, text, scan, args, false)
}

// View is One for a scan that leaves nothing behind of the texts of the row: it
// scans them into memory that is used again when it returns.
func (p *Pool) View(ctx context.Context, text string, scan func(Row) error, args ...string) (found bool, err error) {
	return p.one(ctx, text, scan, args, true)
}

func (p *Pool) one(ctx context.Context, text string, scan func(Row) error, args []string, viewed bool) (found bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	a := askedBefore.Get().(*asked)
	a.text, a.args, a.row.viewed = text, args, viewed
	err = p.read(ctx, a)
	found = a.found && err == nil
	if found {
		err = scan(&a.row)
	}
	together := a.together
	a.done()
	if together {
		// So that, mostly, all are scanned before any of them goes on, and then all go
		// on: the same code for many runs in a part of the time.
		runtime.Gosched()
	}
	return found, err
}

// done makes room for another use.
func (a *asked) done() {
	*a = asked{row: row{columns: a.row.columns, buffer: a.row.buffer}, told: a.told}
	askedBefore.Put(a)
}

// read reads a row, with those that others ask for.
func (p *Pool) read(ctx context.Context, a *asked) error {
	p.mu.Lock()
	switch {
	case p.closed:
		p.mu.Unlock()
		return errClosed
	case p.gathering || p.reading == p.most:
		p.waiting = append(p.waiting, a)
		p.mu.Unlock()
		if !p.wait(ctx, a) {
			return ctx.Err()
		}
		if !a.leads {
			return a.err
		}
	default:
		p.reading++
		p.gathering = true
		p.mu.Unlock()
	}
	runtime.Gosched() // whoever is about to ask does
	p.lead(a)
	return a.err
}

// wait waits until a is told something, unless ctx ends before anybody reads it.
func (p *Pool) wait(ctx context.Context, a *asked) bool {
	select {
	case <-a.told:
		return true
	case <-ctx.Done():
	}
	p.mu.Lock()
	i := slices.Index(p.waiting, a)
	if i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
	p.mu.Unlock()
	if i < 0 {
		<-a.told
	}
	return i < 0
}

// lead reads a and some of those that wait, and has another one lead after it, or
// beside it where more wait.
func (p *Pool) lead(a *asked) {
	c, batch, next := p.gathered(a)
	next.tell()
	err := errPanicked // unless this comes to its end
	defer func() {
		if err != nil {
			for _, one := range batch {
				one.found, one.err = false, err
			}
			c = nil // it is of no more use
		}
		for _, other := range batch[1:] {
			other.tell()
		}
		clear(batch)
		p.finished(c, batch).tell()
	}()
	if c == nil {
		// Not under the mutex: that may take as long as another program locks the file.
		opened, failed := open(p.name, p.lockWait)
		if failed != nil {
			err = failed
			return
		}
		c = opened
	}
	if !c.readAll(batch) {
		c.close()
		c = nil
	}
	err = nil
}

// gathered ends the time to come along, and returns an idle connection, if there is one,
// what is to be read with it, and who is to lead meanwhile, if anybody.
func (p *Pool) gathered(a *asked) (c *connection, batch []*asked, next *asked) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.idle) - 1; last >= 0 {
		c, p.idle = p.idle[last], p.idle[:last]
		batch = c.batch[:0]
	}
	n := min(len(p.waiting), mostTogether-1)
	batch = append(append(batch, a), p.waiting[:n]...)
	p.waiting = slices.Delete(p.waiting, 0, n)
	for _, one := range batch {
		one.together = n > 0
	}
	p.gathering = false
	if p.reading < p.most {
		if next = p.next(); next != nil {
			p.reading++
		}
	}
	return c, batch, next
}

// finished gives a connection back, if it is of more use, and returns who is to
// lead then, if anybody.
func (p *Pool) finished(c *connection, batch []*asked) (next *asked) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c != nil {
		c.batch = batch
		p.idle = append(p.idle, c)
	}
	if next = p.next(); next == nil {
		if p.reading--; p.reading == 0 {
			p.ended.Broadcast()
		}
	}
	return next
}

// next is the first of those that wait, which is to lead, unless somebody does who will take
// them along.
func (p *Pool) next() *asked {
	if p.gathering || len(p.waiting) == 0 {
		return nil
	}
	next := p.waiting[0]
	p.waiting = slices.Delete(p.waiting, 0, 1)
	next.leads, p.gathering = true, true
	return next
}

// tell tells a, which may be nil, that it was read or is to lead.
func (a *asked) tell() {
	if a != nil {
		a.told <- struct{}{}
	}
}

// Close waits for those that read or wait, and refuses more. A second time does no harm.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for p.reading > 0 {
		p.ended.Wait()
	}
	for _, c := range p.idle {
		c.close()
	}
	p.idle = nil
}
