package lookup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// connection is a connection that reads.
type connection struct {
	tls        *libc.TLS
	db         uintptr
	statements map[string]uintptr
	batch      []*asked // nobody, but room for those that are read together
	reads      int      // since keepPages was called

	// Arguments are where SQLite reads them from.
	args     uintptr
	argsSize int
}

const (
	// cacheKiB is what each of them keeps in memory of the file: the inner pages of
	// the index of a million personas fit, and some of those of their table.
	cacheKiB = 2 << 10

	// lookAfter is how many rows are read before keepPages is called, and leastMissed how
	// many pages must have been read then for it to tell something.
	lookAfter, leastMissed = 256, 3

	keptForStatement = 0x01 // SQLITE_PREPARE_PERSISTENT
	argumentBytes    = 256  // more, and the memory grows
)

func open(name string, lockWait time.Duration) (*connection, error) {
	file, err := libc.CString(name)
	if err != nil {
		return nil, err
	}
	c := &connection{tls: libc.NewTLS(), statements: map[string]uintptr{}}
	defer libc.Xfree(c.tls, file)
	if err := c.makeRoom(argumentBytes); err != nil {
		return nil, err
	}
	const flags = sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_NOMUTEX | sqlite3.SQLITE_OPEN_URI
	code := sqlite3.Xsqlite3_open_v2(c.tls, file, c.args, flags, 0)
	c.db = pointerAt(c.args)
	if code != sqlite3.SQLITE_OK {
		defer c.close()
		return nil, c.fault(code)
	}
	sqlite3.Xsqlite3_extended_result_codes(c.tls, c.db, 1)
	sqlite3.Xsqlite3_busy_timeout(c.tls, c.db, int32(lockWait.Milliseconds()))
	for _, text := range []string{"pragma query_only = 1", fmt.Sprintf("pragma cache_size = -%d", cacheKiB)} {
		if err = c.do(text); err != nil {
			break
		}
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *connection) close() {
	for _, statement := range c.statements {
		sqlite3.Xsqlite3_finalize(c.tls, statement)
	}
	sqlite3.Xsqlite3_close_v2(c.tls, c.db)
	libc.Xfree(c.tls, c.args)
	c.tls.Close()
}

// do runs a statement whose answer is of no interest.
func (c *connection) do(text string) error {
	inC, err := libc.CString(text)
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, inC)
	if code := sqlite3.Xsqlite3_exec(c.tls, c.db, inC, 0, 0, 0); code != sqlite3.SQLITE_OK {
		return c.fault(code)
	}
	return nil
}

// readAll reads rows, all of one moment. It tells whether the connection can be used again.
func (c *connection) readAll(batch []*asked) (again bool) {
	if c.reads += len(batch); c.reads >= lookAfter {
		c.reads = 0
		c.status(sqlite3.SQLITE_DBSTATUS_CACHE_MISS) // which counts from here on
		defer c.keepPages()
	}
	if len(batch) == 1 {
		batch[0].read(c)
		return true
	}
	err := c.run("begin")
	for _, a := range batch {
		if a.err = err; err == nil {
			a.read(c)
		}
		if f, failed := errors.AsType[*fault](a.err); failed && f.code&0xff == sqlite3.SQLITE_BUSY {
			err = a.err // it has waited for all
		}
	}
	// It only read; and where SQLite has ended the transaction by itself, that fails.
	_ = c.run("commit")
	return sqlite3.Xsqlite3_get_autocommit(c.tls, c.db) != 0
}

// keepPages, called after some reads since which nothing else has counted pages, sees to
// it that c can keep pages. The driver builds SQLite so that all connections of the
// process have their pages in one place, as many as they may have together
// (SQLITE_ENABLE_MEMORY_MANAGEMENT). One that has its share takes the place of what was
// not used for longest, be it another's; and one that has less, as it forgets what it has
// read when something is written, gets what is free. Where others took its share
// meanwhile that is nothing, for ever: it reads all pages anew for each row, and what
// it has just read is gone. Then all are to begin again.
func (c *connection) keepPages() {
	const half = 4096 / 2 // of a page, as some may have been given up for others
	missed := c.status(sqlite3.SQLITE_DBSTATUS_CACHE_MISS)
	kept := min(missed*half, cacheKiB<<10/2) // at least: rows that are long have more pages than it keeps
	if missed >= leastMissed && c.status(sqlite3.SQLITE_DBSTATUS_CACHE_USED) < kept {
		sqlite3.Xsqlite3_db_release_memory(c.tls, c.db)
	}
}

// status is a number of SQLite's about c; one that counts begins again.
func (c *connection) status(of int32) int {
	const reset = 1
	room := c.args // for two numbers, of which the second is the highest that there was
	if sqlite3.Xsqlite3_db_status(c.tls, c.db, of, room, room+4, reset) != sqlite3.SQLITE_OK {
		return 0
	}
	return int(int32(binary.NativeEndian.Uint32(libc.GoBytes(room, 4))))
}

// run runs a statement without arguments, and keeps it.
func (c *connection) run(text string) error {
	statement, err := c.statement(text)
	if err != nil {
		return err
	}
	defer sqlite3.Xsqlite3_reset(c.tls, statement)
	if code := sqlite3.Xsqlite3_step(c.tls, statement); code != sqlite3.SQLITE_DONE {
		return c.fault(code)
	}
	return nil
}

func (a *asked) read(c *connection) { a.found, a.err = c.one(a.text, a.args, &a.row) }

// one reads a row.
func (c *connection) one(text string, args []string, row *row) (found bool, err error) {
	statement, err := c.statement(text)
	if err != nil {
		return false, err
	}
	// This ends the reading of the file, too, where the row is read alone.
	defer sqlite3.Xsqlite3_reset(c.tls, statement)
	if err := c.bind(statement, args); err != nil {
		return false, err
	}
	switch code := sqlite3.Xsqlite3_step(c.tls, statement); code {
	case sqlite3.SQLITE_ROW:
		row.read(c.tls, statement)
		return true, nil
	case sqlite3.SQLITE_DONE:
		return false, nil
	default:
		return false, c.fault(code)
	}
}

func (c *connection) statement(text string) (uintptr, error) {
	if statement, ok := c.statements[text]; ok {
		return statement, nil
	}
	inC, err := libc.CString(text)
	if err != nil {
		return 0, err
	}
	defer libc.Xfree(c.tls, inC)
	if code := sqlite3.Xsqlite3_prepare_v3(c.tls, c.db, inC, -1, keptForStatement, c.args, 0); code != sqlite3.SQLITE_OK {
		return 0, c.fault(code)
	}
	statement := pointerAt(c.args)
	c.statements[text] = statement
	return statement, nil
}

// bind puts arguments where SQLite reads them until the next ones come.
func (c *connection) bind(statement uintptr, args []string) error {
	size := 0
	for _, arg := range args {
		size += len(arg)
	}
	if size > c.argsSize {
		if err := c.makeRoom(size); err != nil {
			return err
		}
	}
	at := 0
	for i, arg := range args {
		copy(libc.GoBytes(c.args, c.argsSize)[at:], arg)
		const static = 0 // SQLite takes no copy
		code := sqlite3.Xsqlite3_bind_text(c.tls, statement, int32(i+1), c.args+uintptr(at), int32(len(arg)), static)
		if code != sqlite3.SQLITE_OK {
			return c.fault(code)
		}
		at += len(arg)
	}
	return nil
}

// makeRoom makes room for arguments of so many bytes.
func (c *connection) makeRoom(size int) error {
	room, err := libc.CString(strings.Repeat("\x00", size))
	if err != nil {
		return err
	}
	libc.Xfree(c.tls, c.args)
	c.args, c.argsSize = room, size
	return nil
}

// fault is an error of SQLite's, as the driver's are.
type fault struct {
	code    int
	message string
}

// Code is SQLite's, as that of the driver's errors.
func (f *fault) Code() int { return f.code }

func (f *fault) Error() string { return fmt.Sprintf("%s (%d)", f.message, f.code) }

func (c *connection) fault(code int32) error {
	said := libc.GoString(sqlite3.Xsqlite3_errstr(c.tls, code))
	if more := libc.GoString(sqlite3.Xsqlite3_errmsg(c.tls, c.db)); c.db != 0 && more != said {
		said += ": " + more
	}
	return &fault{int(code), said}
}

// pointerAt reads a pointer that C wrote.
func pointerAt(at uintptr) uintptr {
	b := libc.GoBytes(at, bits.UintSize/8)
	if bits.UintSize == 64 {
		return uintptr(binary.NativeEndian.Uint64(b))
	}
	return uintptr(binary.NativeEndian.Uint32(b))
}
