package library

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/go-json-experiment/json/jsontext"

	"personae.dev/internal/errs"
)

// MaxLineBytes is how long a line of an import may be, or a file that is one
// indented value. The largest answer of a list fits.
const MaxLineBytes = 64 << 20

// ImportLine is one JSON value of an import: the record of an export, or an
// answer of get or list.
type ImportLine struct {
	// Number is the line where the value begins, from 1.
	Number int
	Value  []byte
	// Errors are those of a line that is not a value.
	Errors []errs.Field
}

// ReadLines returns the JSON values of r: one on each line, or, where the first
// line is a bracket alone, values that are indented over several lines. Blank
// lines are passed over. An error of r ends it.
func ReadLines(r io.Reader) iter.Seq2[ImportLine, error] {
	return func(yield func(ImportLine, error) bool) {
		reader := bufio.NewReaderSize(r, 64<<10)
		first := true
		for number := 1; ; number++ {
			text, tooLong, err := readLine(reader)
			if err != nil && !errors.Is(err, io.EOF) {
				yield(ImportLine{Number: number}, fmt.Errorf("library: read line %d: %w", number, err))
				return
			}
			text = bytes.TrimSpace(text)
			if number == 1 {
				text = bytes.TrimPrefix(text, []byte("\ufeff")) // Windows programs write it
			}
			if first && len(text) == 1 && (text[0] == '{' || text[0] == '[') {
				readIndented(number, io.MultiReader(bytes.NewReader(append(text, '\n')), reader), yield)
				return
			}
			line := ImportLine{Number: number, Value: text}
			if tooLong {
				line = ImportLine{Number: number, Errors: tooLongErrors()}
			}
			if len(text) > 0 || tooLong {
				first = false
				if !yield(line, nil) {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
}

// readLine returns the next line. Of one that is too long it keeps nothing.
func readLine(reader *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		part, err := reader.ReadSlice('\n')
		if tooLong = tooLong || len(line)+len(part) > MaxLineBytes; tooLong {
			line = nil
		} else {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, tooLong, err
		}
	}
}

// readIndented yields values that span lines; the first line has a number.
func readIndented(number int, r io.Reader, yield func(ImportLine, error) bool) {
	text, err := io.ReadAll(io.LimitReader(r, MaxLineBytes+1))
	if err != nil {
		yield(ImportLine{Number: number}, fmt.Errorf("library: read line %d: %w", number, err))
		return
	}
	if len(text) > MaxLineBytes {
		yield(ImportLine{Number: number, Errors: tooLongErrors()}, nil)
		return
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) // decoding tells
	for d.PeekKind() != 0 {
		value, err := d.ReadValue()
		end := int(d.InputOffset())
		line := ImportLine{Number: number + bytes.Count(text[:end-len(value)], []byte("\n")), Value: bytes.Clone(value)}
		if err != nil {
			line.Value, line.Errors = nil, []errs.Field{{Path: "body", Message: fmt.Sprintf("is not valid JSON: %s", err)}}
		}
		if !yield(line, nil) || err != nil {
			return
		}
	}
	if rest := bytes.TrimSpace(text[d.InputOffset():]); len(rest) > 0 {
		at := number + bytes.Count(text[:d.InputOffset()], []byte("\n"))
		yield(ImportLine{Number: at, Errors: []errs.Field{{Path: "body", Message: "is not valid JSON: a value is expected"}}}, nil)
	}
}

func tooLongErrors() []errs.Field {
	return []errs.Field{{Path: "body", Message: fmt.Sprintf("is longer than %d MiB: write one record on a line", MaxLineBytes>>20)}}
}
