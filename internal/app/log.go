package app

import (
	"bufio"
	"context"
	"io"
	"log/slog"
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
		handler = slog.NewJSONHandler(lines, options)
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
