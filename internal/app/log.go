package app

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"
)

const (
	// logDelay is how long a line of the log may wait for others, to be written
	// with them. A server that is killed loses these lines.
	logDelay = 100 * time.Millisecond
	// logBuffer is how many bytes wait at most.
	logBuffer = 64 << 10
)

// NewLog returns a log that writes JSON lines, or text. Lines below a warning
// may wait for a moment; call flush at the end.
func NewLog(w io.Writer, level slog.Level, json bool) (log *slog.Logger, flush func()) {
	lines := &delayed{to: w, w: bufio.NewWriterSize(w, logBuffer)}
	lines.timer = time.AfterFunc(logDelay, lines.flush)
	lines.timer.Stop()
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewTextHandler(lines, options)
	if json {
		handler = plainJSON{slog.NewJSONHandler(lines, options), lines}
	}
	return slog.New(prompt{handler, lines.flush}), lines.flush
}

// delayed writes what it is given together, logDelay after the first at the
// latest.
type delayed struct {
	to    io.Writer
	mu    sync.Mutex
	w     *bufio.Writer
	timer *time.Timer
}

// Write implements io.Writer.
func (d *delayed) Write(line []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.w.Buffered() == 0 {
		d.timer.Reset(logDelay)
	}
	n, err := d.w.Write(line)
	d.goOn(err)
	return n, err
}

func (d *delayed) flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.goOn(d.w.Flush())
}

// goOn drops what could not be written: there is no other place to say so, and
// the disk may have room again for the next lines.
func (d *delayed) goOn(err error) {
	if err != nil {
		d.w.Reset(d.to)
	}
}

// prompt writes warnings and errors at once.
type prompt struct {
	slog.Handler
	flush func()
}

// Handle implements slog.Handler.
func (p prompt) Handle(ctx context.Context, record slog.Record) error {
	err := p.Handler.Handle(ctx, record)
	if record.Level >= slog.LevelWarn {
		p.flush()
	}
	return err
}

// WithAttrs implements slog.Handler.
func (p prompt) WithAttrs(attrs []slog.Attr) slog.Handler {
	return prompt{p.Handler.WithAttrs(attrs), p.flush}
}

// WithGroup implements slog.Handler.
func (p prompt) WithGroup(name string) slog.Handler {
	return prompt{p.Handler.WithGroup(name), p.flush}
}

// plainJSON writes what slog's handler of JSON does, byte for byte. A record of
// plain texts and whole numbers, as every line of the access log is, it writes
// itself: that is a tenth of what a hot get costs (docs/adr/0026). All others
// are slog's.
type plainJSON struct {
	slog.Handler
	to io.Writer
}

// lines are for plainJSON.
var lines = sync.Pool{New: func() any { return new([]byte) }}

// Handle implements slog.Handler.
func (h plainJSON) Handle(ctx context.Context, record slog.Record) error {
	line := lines.Get().(*[]byte)
	defer lines.Put(line)
	b, plain := appendPlain((*line)[:0], record)
	*line = b
	if !plain {
		return h.Handler.Handle(ctx, record)
	}
	_, err := h.to.Write(b)
	return err
}

// appendPlain appends the line of a record, if it is plain.
func appendPlain(b []byte, record slog.Record) (_ []byte, plain bool) {
	if year := record.Time.Year(); record.Time.IsZero() || year < 0 || year > 9999 {
		return b, false
	}
	b = append(b, `{"time":"`...)
	b = record.Time.Round(0).AppendFormat(b, time.RFC3339Nano)
	b = append(append(b, `","level":"`...), record.Level.String()...)
	b = append(b, '"')
	if b, plain = appendText(b, slog.MessageKey, record.Message); !plain {
		return b, false
	}
	record.Attrs(func(a slog.Attr) bool {
		b, plain = appendAttr(b, a)
		return plain
	})
	return append(b, "}\n"...), plain
}

func appendAttr(b []byte, a slog.Attr) (_ []byte, plain bool) {
	switch a.Value.Kind() {
	case slog.KindString:
		return appendText(b, a.Key, a.Value.String())
	case slog.KindInt64:
		if !isPlain(a.Key) {
			return b, false
		}
		b = append(append(append(b, `,"`...), a.Key...), `":`...)
		return strconv.AppendInt(b, a.Value.Int64(), 10), true
	case slog.KindGroup:
		plain = a.Key == "" // else it is an object of its own
		for _, member := range a.Value.Group() {
			if plain {
				b, plain = appendAttr(b, member)
			}
		}
		return b, plain
	default:
		return b, false
	}
}

func appendText(b []byte, key, value string) (_ []byte, plain bool) {
	if !isPlain(key) || !isPlain(value) {
		return b, false
	}
	b = append(append(append(b, `,"`...), key...), `":"`...)
	return append(append(b, value...), '"'), true
}

// isPlain tells whether a text stands for itself in JSON. An empty one is left to
// slog, which knows what to leave out.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}
