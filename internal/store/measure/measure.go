// Package measure bounds what is read into memory for one page of a list. It knows
// no table.
package measure

import "personae.dev/internal/persona"

// Row is a row that can be read.
type Row = interface{ Scan(dest ...any) error }

// Within bounds what is read at once: the bytes of all JSON columns together,
// if limit is not 0.
func Within[T any](limit int, scan func(Row) (T, error)) func(Row) (T, error) {
	if limit == 0 {
		return scan
	}
	left := limit
	return func(r Row) (T, error) { return scan(measured{r, &left, limit}) }
}

type measured struct {
	Row
	left  *int
	limit int
}

// Scan implements Row.
func (m measured) Scan(dest ...any) error {
	err := m.Row.Scan(dest...)
	for _, d := range dest {
		if text, ok := d.(*[]byte); ok {
			*m.left -= len(*text)
		}
	}
	if err == nil && *m.left < 0 {
		return persona.PageTooLarge(m.limit)
	}
	return err
}
