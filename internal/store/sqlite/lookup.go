package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Row is a row that can be read.
type Row = interface{ Scan(dest ...any) error }

// lookups read single rows by keys. That takes SQLite a few microseconds, and
// database/sql and its driver ten times as long: a goroutine for the context,
// name and type of each column as texts, each value in memory of its own. So
// they are not used here, but SQLite itself, on connections of its own
// (docs/adr/0024).
type lookups struct {
	name string // of the file, as a DSN
	// turns has room for as many as may read at once.
	turns chan struct{}

	mu     sync.Mutex
	idle   []*lookup // the last one used comes first: its pages are those in memory
	closed bool
}

// lookup is a connection that reads, for one at a time.
type lookup struct {
	tls        *libc.TLS
	db         uintptr
	statements map[string]uintptr

	// Arguments are where SQLite reads them from.
	args     uintptr
	argsSize int

	row lookupRow
}

const (
	// lookupCacheKiB is what each of them keeps in memory of the file: the inner
	// pages of the indices of a million personas fit.
	lookupCacheKiB = 2 << 10

	// leastLookups and mostLookups bound how many rows are looked up at once; more
	// wait.
	leastLookups, mostLookups = 2, 8

	keptForStatement = 0x01 // SQLITE_PREPARE_PERSISTENT
	argumentBytes    = 256  // more, and the memory grows

	// maxViewed is how many bytes of texts View keeps room for, on each connection.
	maxViewed = 64 << 10
)

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

func (ls *lookups) one(ctx context.Context, text string, scan func(Row) error, args []string, viewed bool) (found bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	select {
	case ls.turns <- struct{}{}:
	default:
		select {
		case ls.turns <- struct{}{}:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	defer func() { <-ls.turns }()
	l, err := ls.take()
	if err != nil {
		return false, err
	}
	defer ls.put(l)
	l.row.viewed = viewed
	return l.one(text, scan, args)
}

// take returns a connection, which is made if none is idle: not under the mutex,
// as that may take as long as another program locks the file. Who has a turn keeps
// close out.
func (ls *lookups) take() (*lookup, error) {
	l, err := ls.takeIdle()
	if l != nil || err != nil {
		return l, err
	}
	return openLookup(ls.name)
}

// takeIdle returns nil if no connection is idle.
func (ls *lookups) takeIdle() (*lookup, error) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.closed {
		return nil, errClosed
	}
	last := len(ls.idle) - 1
	if last < 0 {
		return nil, nil //nolint:nilnil // none is idle
	}
	l := ls.idle[last]
	ls.idle = ls.idle[:last]
	return l, nil
}

func (ls *lookups) put(l *lookup) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.idle = append(ls.idle, l)
}

// close waits for those that read, and refuses more. It must be called once at a
// time, as it takes all turns.
func (ls *lookups) close() {
	for range cap(ls.turns) {
		ls.turns <- struct{}{}
	}
	ls.mu.Lock()
	for _, l := range ls.idle {
		l.close()
	}
	ls.idle = nil
	ls.closed = true
	ls.mu.Unlock()
	for range cap(ls.turns) {
		<-ls.turns
	}
}

func openLookup(name string) (*lookup, error) {
	file, err := libc.CString(name)
	if err != nil {
		return nil, err
	}
	l := &lookup{tls: libc.NewTLS(), statements: map[string]uintptr{}}
	l.row.lookup = l
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

func (l *lookup) one(text string, scan func(Row) error, args []string) (found bool, err error) {
	statement, err := l.statement(text)
	if err != nil {
		return false, err
	}
	// This ends the reading of the file, too.
	defer sqlite3.Xsqlite3_reset(l.tls, statement)
	if err := l.bind(statement, args); err != nil {
		return false, err
	}
	switch code := sqlite3.Xsqlite3_step(l.tls, statement); code {
	case sqlite3.SQLITE_ROW:
		l.row.statement = statement
		return true, scan(&l.row)
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

// lookupRow is the row that a statement stands at.
type lookupRow struct {
	lookup    *lookup
	statement uintptr
	lengths   []int // of each column that is a text; -1 for others
	viewed    bool  // until the statement goes on
	buffer    []byte
}

// Scan implements Row, for destinations that are texts, numbers, bools, and
// those that are nil or not Valid for NULL. All texts are parts of one, so that who keeps
// one of them keeps all.
func (r *lookupRow) Scan(dest ...any) error {
	rest := r.texts(len(dest))
	for i, d := range dest {
		length := r.lengths[i]
		if length < 0 {
			if err := r.scanOther(i, d); err != nil {
				return err
			}
			continue
		}
		text := rest[:length]
		rest = rest[length:]
		if err := assign(i, d, text); err != nil {
			return err
		}
	}
	return nil
}

// texts reads the texts of the first n columns, one after the other.
func (r *lookupRow) texts(n int) string {
	tls, total := r.lookup.tls, 0
	r.lengths = r.lengths[:0]
	for i := range int32(n) {
		length := -1
		switch sqlite3.Xsqlite3_column_type(tls, r.statement, i) {
		case sqlite3.SQLITE_TEXT, sqlite3.SQLITE_BLOB:
			length = int(sqlite3.Xsqlite3_column_bytes(tls, r.statement, i))
			total += length
		}
		r.lengths = append(r.lengths, length)
	}
	all := r.memory(total)
	for i, length := range r.lengths {
		if length > 0 {
			// Not column_text, which first puts a zero at the end.
			all = append(all, libc.GoBytes(sqlite3.Xsqlite3_column_blob(tls, r.statement, int32(i)), length)...)
		}
	}
	return unsafe.String(unsafe.SliceData(all), len(all)) // nobody writes there while it is in use: see View
}

// memory returns what so many bytes can be appended to.
func (r *lookupRow) memory(size int) []byte {
	if !r.viewed || size > maxViewed {
		return make([]byte, 0, size)
	}
	r.buffer = slices.Grow(r.buffer[:0], size)
	return r.buffer
}

// assign sets a destination to a text or to bytes.
func assign(column int, dest any, text string) error {
	switch d := dest.(type) {
	case *string:
		*d = text
	case *sql.Null[string]:
		*d = sql.Null[string]{V: text, Valid: true}
	case **string:
		own := text // or every text would be in memory of its own
		*d = &own
	case *[]byte:
		*d = []byte(text)
	default:
		v := reflect.ValueOf(dest)
		if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.String {
			return fmt.Errorf("sqlite: column %d is a text, and %T is not", column, dest)
		}
		v.Elem().SetString(text)
	}
	return nil
}

// scanOther sets a destination to a number or to NULL.
func (r *lookupRow) scanOther(column int, dest any) error {
	if sqlite3.Xsqlite3_column_type(r.lookup.tls, r.statement, int32(column)) == sqlite3.SQLITE_NULL {
		return assignNull(column, dest)
	}
	n := sqlite3.Xsqlite3_column_int64(r.lookup.tls, r.statement, int32(column))
	switch d := dest.(type) {
	case *int64:
		*d = n
	case *bool:
		*d = n != 0
	case *sql.Null[int64]:
		*d = sql.Null[int64]{V: n, Valid: true}
	default:
		return fmt.Errorf("sqlite: column %d is no text, and %T is not for others", column, dest)
	}
	return nil
}

// assignNull sets a destination to NULL.
func assignNull(column int, dest any) error {
	switch d := dest.(type) {
	case **string:
		*d = nil
	case *sql.Null[string]:
		*d = sql.Null[string]{}
	case *sql.Null[int64]:
		*d = sql.Null[int64]{}
	default:
		return fmt.Errorf("sqlite: column %d is NULL, and %T cannot be", column, dest)
	}
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

// lookupConnections is how many rows are looked up at once: as many as there are
// processors, as a lookup mostly keeps one busy, and two at the least, for one may
// wait for the disk.
func lookupConnections() int { return min(max(runtime.GOMAXPROCS(0), leastLookups), mostLookups) }
