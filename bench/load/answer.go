//go:build linux

package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// answer finds the end of one answer after the other in what comes in. It keeps
// no body.
type answer struct {
	// wanted is the status that an answer must have; refused may come instead.
	wanted int
	// refused tells that the answer is a refusal.
	refused bool
	// line is a part of a head or of a chunk's length, of which the rest is to come.
	line []byte
	// state is what the next byte belongs to.
	state state
	// left is how much of a body or chunk is to come.
	left int
}

type state int

const (
	inHead    state = iota
	inBody          // of a known length
	inLength        // of a chunk
	inChunk         // with the line break after it
	inTrailer       // the line break after the last chunk
)

// refused is the status of a server that has too much to do.
const refused = 503

// longestHead is far above what a server sends.
const longestHead = 32 << 10

// add takes what has come, and tells whether the answer is whole with it.
// Nothing may follow a whole answer: its client asks one thing at a time.
func (a *answer) add(input []byte) (whole bool, err error) {
	for {
		switch a.state {
		case inHead:
			head, rest, found := a.cut(input, "\r\n\r\n")
			if !found {
				return false, a.bounded()
			}
			if err := a.readHead(head); err != nil {
				return false, err
			}
			input = rest
		case inBody, inChunk:
			n := min(a.left, len(input))
			a.left, input = a.left-n, input[n:]
			if a.left > 0 {
				return false, nil
			}
			if a.state == inChunk {
				a.state = inLength
				continue
			}
			a.state = inHead
			if len(input) > 0 {
				return false, errors.New("load: something follows an answer")
			}
			return true, nil
		case inLength:
			digits, rest, found := a.cut(input, "\r\n")
			if !found {
				return false, a.bounded()
			}
			length, err := strconv.ParseUint(string(digits), 16, 31)
			if err != nil {
				return false, fmt.Errorf("load: length of a chunk: %w", err)
			}
			a.state, a.left, input = inChunk, int(length)+len("\r\n"), rest
			if length == 0 {
				a.state = inTrailer
			}
		case inTrailer: // without fields, it is as long as a line break
			a.state = inBody
		}
	}
}

// cut returns what stands before sep, with what was kept of earlier input, and
// the rest. Where sep is not there, it keeps the input.
func (a *answer) cut(input []byte, sep string) (before, rest []byte, found bool) {
	if len(a.line) == 0 {
		if before, rest, found = bytes.Cut(input, []byte(sep)); found {
			return before, rest, true
		}
		a.line = append(a.line, input...)
		return nil, nil, false
	}
	kept := len(a.line)
	a.line = append(a.line, input...)
	at := bytes.Index(a.line, []byte(sep))
	if at < 0 {
		return nil, nil, false
	}
	before, rest = a.line[:at], input[at+len(sep)-kept:]
	a.line = a.line[:0]
	return before, rest, true
}

func (a *answer) bounded() error {
	if len(a.line) > longestHead {
		return fmt.Errorf("load: the head of an answer is longer than %d bytes", longestHead)
	}
	return nil
}

// readHead reads the status and what says how long the body is.
func (a *answer) readHead(head []byte) error {
	first, fields, _ := bytes.Cut(head, []byte("\r\n"))
	const protocol = "HTTP/1.1 "
	if len(first) < len(protocol)+3 || string(first[:len(protocol)]) != protocol {
		return fmt.Errorf("load: answer %q", first)
	}
	status, err := strconv.Atoi(string(first[len(protocol) : len(protocol)+3]))
	a.refused = err == nil && status == refused && a.wanted != refused
	if err != nil || status != a.wanted && !a.refused {
		return fmt.Errorf("load: answer %q, want status %d", first, a.wanted)
	}
	a.state, a.left = inBody, -1
	if status == 304 {
		a.left = 0
		return nil
	}
	for len(fields) > 0 {
		var line []byte
		line, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case len(name) == len("Content-Length") && bytes.EqualFold(name, []byte("Content-Length")):
			if a.left, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return fmt.Errorf("load: length of an answer: %w", err)
			}
		case len(name) == len("Transfer-Encoding") && bytes.EqualFold(name, []byte("Transfer-Encoding")):
			a.state, a.left = inLength, 0
		}
	}
	if a.left < 0 {
		return fmt.Errorf("load: an answer without a length: %q", first)
	}
	return nil
}
