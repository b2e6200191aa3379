package fastpath

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// maxBuffered is how much of an answer is kept to be sent at once.
const maxBuffered = 64 << 10

// answer is what a connection's answers are written to, one after the other. It
// sends what net/http does, and all of a small answer at once; but an answer
// whose length was not declared is collected, and not sent in chunks.
type answer struct {
	conn    net.Conn
	closing <-chan struct{} // closed when no connection goes on after its answer
	dates   *dates
	header  http.Header
	keys    []string // of the header that is sent

	status int
	// length is what the handler has declared, -1 where it has not.
	length int64
	body   int64 // bytes of the body so far
	// late is the header as it was when the status was set, where the head has
	// still to be written.
	late   http.Header
	buffer *[]byte
	out    []byte // in buffer, or larger
	close  bool
	err    error // of the connection
}

func newAnswer(c net.Conn, closing <-chan struct{}, dates *dates) *answer {
	return &answer{conn: c, closing: closing, dates: dates, header: http.Header{}}
}

// reset makes a ready for the next answer.
func (a *answer) reset() {
	clear(a.header)
	*a = answer{conn: a.conn, closing: a.closing, dates: a.dates, header: a.header, keys: a.keys[:0]}
}

// buffers are what answers are put together in, from their status on until they are
// sent.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// release gives the buffer back.
func (a *answer) release() {
	if a.buffer != nil && cap(a.out) <= maxBuffered {
		*a.buffer = a.out[:0]
		buffers.Put(a.buffer)
	}
	a.buffer, a.out = nil, nil
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status != 0 {
		return // as net/http does, which complains in the log
	}
	a.status, a.length = status, -1
	a.buffer = buffers.Get().(*[]byte)
	a.out = (*a.buffer)[:0]
	if declared := a.header["Content-Length"]; len(declared) == 1 {
		if n, err := strconv.ParseInt(declared[0], 10, 64); err == nil && n >= 0 {
			a.length = n
		}
	}
	if !a.hasBody() || a.length >= 0 && a.header["Content-Type"] != nil {
		a.writeHead(a.header, nil)
	} else {
		a.late = a.header.Clone()
	}
}

// hasBody tells whether an answer of this status may have a body.
func (a *answer) hasBody() bool {
	return a.status != http.StatusNoContent && a.status != http.StatusNotModified
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	switch {
	case !a.hasBody():
		return 0, http.ErrBodyNotAllowed
	case a.length >= 0 && a.body+int64(len(b)) > a.length:
		return 0, http.ErrContentLength
	}
	a.body += int64(len(b))
	if a.length >= 0 {
		if a.late != nil {
			a.writeHead(a.late, b)
		}
		if len(a.out)+len(b) > maxBuffered {
			a.send(a.out)
			a.out = a.out[:0]
			a.send(b)
			return len(b), a.err
		}
	}
	a.out = append(a.out, b...)
	return len(b), a.err
}

func (a *answer) send(b []byte) {
	if len(b) > 0 && a.err == nil {
		_, a.err = a.conn.Write(b)
	}
}

// finish sends what was not sent. It tells whether the connection can be used
// for another request.
func (a *answer) finish() (again bool) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	short := a.hasBody() && a.body < a.length
	if a.late != nil {
		body := a.out
		a.out = nil
		if a.length < 0 {
			a.late["Content-Length"] = nil
			a.length = a.body
		}
		a.writeHead(a.late, body)
		a.send(a.out)
		a.out = body
	}
	a.send(a.out)
	return a.err == nil && !a.close && !short
}

// writeHead appends the head of an answer whose body begins with the bytes of
// body.
func (a *answer) writeHead(header http.Header, body []byte) {
	a.late = nil
	closing := a.isClosing()
	for key, values := range header {
		if len(values) > 0 && a.mayHave(key) && (!closing || key != "Connection") {
			a.keys = append(a.keys, key)
		}
	}
	slices.Sort(a.keys)
	b := a.out
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(a.status), 10)
	b = append(b, ' ')
	if text := http.StatusText(a.status); text != "" {
		b = append(b, text...)
	} else {
		b = strconv.AppendInt(append(b, "status code "...), int64(a.status), 10)
	}
	b = append(b, "\r\n"...)
	for _, key := range a.keys {
		for _, value := range header[key] {
			b = appendHeader(b, key, value)
		}
		if key == "Connection" {
			a.close = strings.EqualFold(header[key][0], "close")
		}
	}
	if header["Date"] == nil {
		b = a.dates.append(b)
	}
	if a.hasBody() {
		if len(header["Content-Length"]) == 0 {
			b = append(b, "Content-Length: "...)
			b = strconv.AppendInt(b, a.length, 10)
			b = append(b, "\r\n"...)
		}
		if header["Content-Type"] == nil && header["Content-Encoding"] == nil && len(body) > 0 {
			b = appendHeader(b, "Content-Type", http.DetectContentType(body))
		}
	}
	if closing { // the client is told, so that it sends no other request in vain
		b = append(b, "Connection: close\r\n"...)
		a.close = true
	}
	b = append(b, "\r\n"...)
	a.out = b
}

func (a *answer) isClosing() bool {
	select {
	case <-a.closing:
		return true
	default:
		return false
	}
}

// mayHave tells whether an answer of this status may have a header.
func (a *answer) mayHave(key string) bool {
	switch key {
	case "Content-Length":
		return a.hasBody()
	case "Content-Type":
		return a.status != http.StatusNotModified
	}
	return true
}

// appendHeader appends a line. No value can begin another.
func appendHeader(b []byte, key, value string) []byte {
	b = append(append(b, key...), ": "...)
	if strings.IndexByte(value, '\r') >= 0 || strings.IndexByte(value, '\n') >= 0 {
		value = strings.NewReplacer("\r", " ", "\n", " ").Replace(value)
	}
	return append(append(b, value...), "\r\n"...)
}

// dates makes the header Date once a second, for all answers.
type dates struct{ last atomic.Pointer[date] }

type date struct {
	second int64
	line   []byte
}

func (d *dates) append(b []byte) []byte {
	now := time.Now()
	last := d.last.Load()
	if last == nil || last.second != now.Unix() {
		line := append(now.UTC().AppendFormat([]byte("Date: "), http.TimeFormat), "\r\n"...)
		last = &date{now.Unix(), line}
		d.last.Store(last)
	}
	return append(b, last.line...)
}
