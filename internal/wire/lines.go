package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	"personae.dev/internal/persona"
)

// MaxLineBytes is how long a line of an import may be. Whatever persona may be
// kept fits into one (persona.MaxTextBytes).
const MaxLineBytes = 8 << 20

// Line is one line of an import.
type Line struct {
	// Number counts from 1, blank lines too.
	Number  int
	Persona *persona.Persona
	// Unknown are the names of fields that are not known.
	Unknown []string
	// Faults are those of form.
	Faults []persona.Fault
}

// DecodeLines reads JSON lines, passing over blank ones. An error of r ends it.
func DecodeLines(r io.Reader) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		reader := bufio.NewReaderSize(r, 64<<10)
		var text []byte
		for number := 1; ; number++ {
			var tooLong bool
			var err error
			text, tooLong, err = readLine(reader, text[:0])
			if err != nil && !errors.Is(err, io.EOF) {
				yield(Line{Number: number}, fmt.Errorf("wire: read line %d: %w", number, err))
				return
			}
			if number == 1 {
				text = bytes.TrimPrefix(text, []byte("\ufeff")) // Windows programs write it
			}
			if tooLong || len(bytes.TrimSpace(text)) > 0 {
				if !yield(decodeLine(number, text, tooLong), nil) {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
}

func decodeLine(number int, text []byte, tooLong bool) Line {
	line := Line{Number: number, Persona: &persona.Persona{}}
	if tooLong {
		line.Faults = []persona.Fault{{Field: "body", Message: fmt.Sprintf("is longer than %d bytes: divide the persona", MaxLineBytes)}}
		return line
	}
	line.Persona, line.Unknown, line.Faults = DecodeRecord(text)
	return line
}

// readLine appends the next line to text, without its end. Of a line that is
// too long it keeps nothing.
func readLine(r *bufio.Reader, text []byte) (_ []byte, tooLong bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if tooLong = tooLong || len(text)+len(part) > MaxLineBytes; tooLong {
			text = text[:0]
		} else {
			text = append(text, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		return bytes.TrimSuffix(text, []byte("\n")), tooLong, err
	}
}
