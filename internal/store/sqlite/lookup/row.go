package lookup

import (
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Row is a row that can be read.
type Row = interface{ Scan(dest ...any) error }

// row is a row that was read.
type row struct {
	columns []column
	texts   string // of all columns, one after the other
	viewed  bool   // the texts are in buffer, which is used again
	buffer  []byte
}

// maxViewed is how many bytes of texts a row has room for that is used again.
const maxViewed = 64 << 10

// column is a value that is a text, a number or NULL.
type column struct {
	kind   int32
	length int // of a text
	number int64
}

// Scan implements Row, for destinations that are texts, numbers, bools, and
// those that are nil or not Valid for NULL. All texts are parts of one, so that who keeps
// one of them keeps all.
func (r *row) Scan(dest ...any) error {
	if len(dest) != len(r.columns) {
		return fmt.Errorf("lookup: a row of %d columns is scanned into %d", len(r.columns), len(dest))
	}
	rest := r.texts
	for i, d := range dest {
		c := &r.columns[i]
		var err error
		switch c.kind {
		case sqlite3.SQLITE_TEXT, sqlite3.SQLITE_BLOB:
			text := rest[:c.length]
			rest = rest[c.length:]
			err = assign(i, d, text)
		case sqlite3.SQLITE_NULL:
			err = assignNull(i, d)
		default:
			err = assignNumber(i, d, c.number)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read reads the row that a statement stands at.
func (r *row) read(tls *libc.TLS, statement uintptr) {
	total := 0
	r.columns = r.columns[:0]
	for i := range sqlite3.Xsqlite3_column_count(tls, statement) {
		c := column{kind: sqlite3.Xsqlite3_column_type(tls, statement, i)}
		switch c.kind {
		case sqlite3.SQLITE_TEXT, sqlite3.SQLITE_BLOB:
			c.length = int(sqlite3.Xsqlite3_column_bytes(tls, statement, i))
			total += c.length
		case sqlite3.SQLITE_NULL:
		default:
			c.number = sqlite3.Xsqlite3_column_int64(tls, statement, i)
		}
		r.columns = append(r.columns, c)
	}
	all := r.memory(total)
	for i := range r.columns {
		if length := r.columns[i].length; length > 0 {
			// Not column_text, which first puts a zero at the end.
			all = append(all, libc.GoBytes(sqlite3.Xsqlite3_column_blob(tls, statement, int32(i)), length)...)
		}
	}
	r.texts = unsafe.String(unsafe.SliceData(all), len(all)) // nobody writes there while it is in use: see View
}

// memory returns what so many bytes can be appended to.
func (r *row) memory(size int) []byte {
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
			return fmt.Errorf("lookup: column %d is a text, and %T is not", column, dest)
		}
		v.Elem().SetString(text)
	}
	return nil
}

// assignNumber sets a destination to a number.
func assignNumber(column int, dest any, n int64) error {
	switch d := dest.(type) {
	case *int64:
		*d = n
	case *bool:
		*d = n != 0
	case *sql.Null[int64]:
		*d = sql.Null[int64]{V: n, Valid: true}
	default:
		return fmt.Errorf("lookup: column %d is no text, and %T is not for others", column, dest)
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
		return fmt.Errorf("lookup: column %d is NULL, and %T cannot be", column, dest)
	}
	return nil
}
