package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"personae.dev/internal/parallel"
	"personae.dev/internal/persona"
)

// MaxLineBytes is how long a line of an import may be. Whatever persona may be
// kept fits into one (persona.MaxTextBytes).
const MaxLineBytes = 8 << 20

// Line is one line of an import.
type Line struct {
	// Number counts from 1, blank lines too.
	Number int
	// Size is how many bytes it has.
	Size    int
	Persona *persona.Persona
	// Unknown are the names of fields that are not known.
	Unknown []string
	// Faults are those of form.
	Faults []persona.Fault
}

// Lines are decoded together until they have chunkBytes, or until there are
// chunkLines: one after the other costs more than the work in it.
const (
	chunkBytes = 256 << 10
	chunkLines = 128
)

// rawLine is a line that is not decoded yet.
type rawLine struct {
	number  int
	text    string
	tooLong bool
}

// DecodeLines reads JSON lines, passing over blank ones. An error of r ends it.
// It decodes some lines ahead, on all processors, and reads where it is called.
func DecodeLines(r io.Reader) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		var end ending
		for lines := range parallel.InOrder(chunks(r, &end), decodeChunk) {
			for i := range lines {
				if !yield(lines[i], nil) {
					return
				}
			}
		}
		if end.err != nil {
			yield(Line{Number: end.line}, fmt.Errorf("wire: read line %d: %w", end.line, end.err))
		}
	}
}

// ending is the error that ends the lines, and the line in which it does.
type ending struct {
	line int
	err  error
}

// chunks cuts what r has into lines, and those into chunks. It sets end where an
// error ends them.
func chunks(r io.Reader, end *ending) iter.Seq[[]rawLine] {
	return func(yield func([]rawLine) bool) {
		reader := bufio.NewReaderSize(r, 64<<10)
		var long []byte
		var lines []rawLine
		size := 0
		for number := 1; ; number++ {
			text, tooLong, err := readLine(reader, &long)
			ended := err != nil
			if ended && !errors.Is(err, io.EOF) {
				*end = ending{number, err}
				text, tooLong = "", false
			}
			if number == 1 {
				text = strings.TrimPrefix(text, "\ufeff") // Windows programs write it
			}
			if tooLong || strings.TrimSpace(text) != "" {
				lines = append(lines, rawLine{number, text, tooLong})
				size += len(text)
			}
			if len(lines) > 0 && (ended || len(lines) == chunkLines || size >= chunkBytes) {
				if !yield(lines) {
					return
				}
				lines, size = nil, 0
			}
			if ended {
				return
			}
		}
	}
}

func decodeChunk(lines []rawLine) []Line {
	decoded := make([]Line, len(lines))
	for i, l := range lines {
		decoded[i] = decodeLine(l.number, l.text, l.tooLong)
	}
	return decoded
}

func decodeLine(number int, text string, tooLong bool) Line {
	line := Line{Number: number, Size: len(text), Persona: &persona.Persona{}}
	if tooLong {
		line.Faults = []persona.Fault{{Field: "body", Message: fmt.Sprintf("is longer than %d bytes: divide the persona", MaxLineBytes)}}
		return line
	}
	line.Persona, line.Unknown, line.Faults = decodeRecord(text)
	return line
}

// readLine returns the next line, without its end. Of a line that is too long
// it keeps nothing. long is memory for lines that reader cannot hold.
func readLine(reader *bufio.Reader, long *[]byte) (text string, tooLong bool, err error) {
	part, err := reader.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return string(bytes.TrimSuffix(part, []byte("\n"))), false, err
	}
	*long = append((*long)[:0], part...)
	for errors.Is(err, bufio.ErrBufferFull) {
		part, err = reader.ReadSlice('\n')
		if tooLong = tooLong || len(*long)+len(part) > MaxLineBytes; !tooLong {
			*long = append(*long, part...)
		}
	}
	if tooLong {
		return "", true, err
	}
	return string(bytes.TrimSuffix(*long, []byte("\n"))), false, err
}
