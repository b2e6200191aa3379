package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// lookup is a connection that reads.
type lookup struct {
	tls        *libc.TLS
	db         uintptr
	statements map[string]uintptr
	batch      []*asked // nobody, but room for those that are read together

	// Arguments are where SQLite reads them from.
	args     uintptr
	argsSize int
}

const (
	// lookupCacheKiB is what each of them keeps in memory of the file: the inner
	// pages of the indices of a million personas fit.
	lookupCacheKiB = 2 << 10

	keptForStatement = 0x01 // SQLITE_PREPARE_PERSISTENT
	argumentBytes    = 256  // more, and the memory grows
)

func openLookup(name string) (*lookup, error) {
	file, err := libc.CString(name)
	if err != nil {
		return nil, err
	}
	l := &lookup{tls: libc.NewTLS(), statements: map[string]uintptr{}}
	defer libc.Xfree(l.tls, file)
	if err := l.makeRoom(argumentBytes); err != nil {
		return nil, err
	}
	const flags = sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_NOMUTEX | sqlite3.SQLITE_OPEN_URI
	code := sqlite3.Xsqlite3_open_v2(l.tls, file, l.args, flags, 0)
	l.db = pointerAt(l.args)
	if code != sqlite3.SQLITE_OK {
		defer l.close()
		return nil, l.fault(code)
	}
	sqlite3.Xsqlite3_extended_result_codes(l.tls, l.db, 1)
	sqlite3.Xsqlite3_busy_timeout(l.tls, l.db, int32(busyTimeout.Milliseconds()))
	for _, text := range []string{"pragma query_only = 1", fmt.Sprintf("pragma cache_size = -%d", lookupCacheKiB)} {
		if err = l.do(text); err != nil {
			break
		}
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *lookup) close() {
	for _, statement := range l.statements {
		sqlite3.Xsqlite3_finalize(l.tls, statement)
	}
	sqlite3.Xsqlite3_close_v2(l.tls, l.db)
	libc.Xfree(l.tls, l.args)
	l.tls.Close()
}

// do runs a statement whose answer is of no interest.
func (l *lookup) do(text string) error {
	c, err := libc.CString(text)
	if err != nil {
		return err
	}
	defer libc.Xfree(l.tls, c)
	if code := sqlite3.Xsqlite3_exec(l.tls, l.db, c, 0, 0, 0); code != sqlite3.SQLITE_OK {
		return l.fault(code)
	}
	return nil
}

// readAll reads rows, all of one moment.
func (l *lookup) readAll(batch []*asked) {
	if len(batch) == 1 {
		batch[0].read(l)
		return
	}
	err := l.run("begin")
	for _, a := range batch {
		if a.err = err; err == nil {
			a.read(l)
		}
		if code, failed := codeOf(a.err); failed && code&0xff == sqlite3.SQLITE_BUSY {
			err = a.err // it has waited for all
		}
	}
	if l.run("commit") != nil {
		_ = l.run("rollback") // where SQLite has not done so by itself
	}
}

// run runs a statement without arguments, and keeps it.
func (l *lookup) run(text string) error {
	statement, err := l.statement(text)
	if err != nil {
		return err
	}
	defer sqlite3.Xsqlite3_reset(l.tls, statement)
	if code := sqlite3.Xsqlite3_step(l.tls, statement); code != sqlite3.SQLITE_DONE {
		return l.fault(code)
	}
	return nil
}

func (a *asked) read(l *lookup) { a.found, a.err = l.one(a.text, a.args, &a.row) }

// one reads a row.
func (l *lookup) one(text string, args []string, row *lookupRow) (found bool, err error) {
	statement, err := l.statement(text)
	if err != nil {
		return false, err
	}
	// This ends the reading of the file, too, where the row is read alone.
	defer sqlite3.Xsqlite3_reset(l.tls, statement)
	if err := l.bind(statement, args); err != nil {
		return false, err
	}
	switch code := sqlite3.Xsqlite3_step(l.tls, statement); code {
	case sqlite3.SQLITE_ROW:
		row.read(l.tls, statement)
		return true, nil
	case sqlite3.SQLITE_DONE:
		return false, nil
	default:
		return false, l.fault(code)
	}
}

func (l *lookup) statement(text string) (uintptr, error) {
	if statement, ok := l.statements[text]; ok {
		return statement, nil
	}
	c, err := libc.CString(text)
	if err != nil {
		return 0, err
	}
	defer libc.Xfree(l.tls, c)
	if code := sqlite3.Xsqlite3_prepare_v3(l.tls, l.db, c, -1, keptForStatement, l.args, 0); code != sqlite3.SQLITE_OK {
		return 0, l.fault(code)
	}
	statement := pointerAt(l.args)
	l.statements[text] = statement
	return statement, nil
}

// bind puts arguments where SQLite reads them until the next ones come.
func (l *lookup) bind(statement uintptr, args []string) error {
	size := 0
	for _, arg := range args {
		size += len(arg)
	}
	if size > l.argsSize {
		if err := l.makeRoom(size); err != nil {
			return err
		}
	}
	at := 0
	for i, arg := range args {
		copy(libc.GoBytes(l.args, l.argsSize)[at:], arg)
		const static = 0 // SQLite takes no copy
		code := sqlite3.Xsqlite3_bind_text(l.tls, statement, int32(i+1), l.args+uintptr(at), int32(len(arg)), static)
		if code != sqlite3.SQLITE_OK {
			return l.fault(code)
		}
		at += len(arg)
	}
	return nil
}

// makeRoom makes room for arguments of so many bytes.
func (l *lookup) makeRoom(size int) error {
	room, err := libc.CString(strings.Repeat("\x00", size))
	if err != nil {
		return err
	}
	libc.Xfree(l.tls, l.args)
	l.args, l.argsSize = room, size
	return nil
}

// fault is an error of SQLite's, as the driver's are.
type fault struct {
	code    int
	message string
}

func (f *fault) Error() string { return fmt.Sprintf("%s (%d)", f.message, f.code) }

func (l *lookup) fault(code int32) error {
	said := libc.GoString(sqlite3.Xsqlite3_errstr(l.tls, code))
	if more := libc.GoString(sqlite3.Xsqlite3_errmsg(l.tls, l.db)); l.db != 0 && more != said {
		said += ": " + more
	}
	return &fault{int(code), said}
}

// codeOf returns SQLite's code for an error of it, whoever made it.
func codeOf(err error) (code int, ok bool) {
	if f, ok := errors.AsType[*fault](err); ok {
		return f.code, true
	}
	if f, ok := errors.AsType[interface {
		error
		Code() int
	}](err); ok {
		return f.Code(), true
	}
	return 0, false
}

// pointerAt reads a pointer that C wrote.
func pointerAt(at uintptr) uintptr {
	b := libc.GoBytes(at, bits.UintSize/8)
	if bits.UintSize == 64 {
		return uintptr(binary.NativeEndian.Uint64(b))
	}
	return uintptr(binary.NativeEndian.Uint32(b))
}
