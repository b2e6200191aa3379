package format

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"personae.dev/internal/errs"
	"personae.dev/internal/files"
)

// CSV is a file with a header, to which a command adds columns.
type CSV struct {
	Header []string
	// Rows is how many there are below the header.
	Rows int

	in    io.ReadSeeker
	comma rune
	name  string
}

// OpenCSV reads the header of a file, or of stdin for "-". Close it.
func OpenCSV(ctx context.Context, stdio Stdio, name string) (*CSV, error) {
	c := &CSV{name: name}
	if name == "-" {
		text, err := stdio.Read(ctx, name)
		if err != nil {
			return nil, err
		}
		c.in, c.name = bytes.NewReader(text), "stdin"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return nil, errs.BadSettingf("The file cannot be read: %s.", err)
		}
		c.in = f
	}
	first, err := bufio.NewReader(c.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, c.failed(err)
	}
	c.comma = files.Separator(first)
	err = c.Each(func(int, []string) error { c.Rows++; return nil })
	if err == nil && len(c.Header) == 0 {
		err = errs.BadSettingf("%s is empty: it needs a row with the names of the columns.", c.name)
	}
	if err != nil {
		_ = c.Close() // the first error is the one to report
		return nil, err
	}
	return c, nil
}

// Close closes the file.
func (c *CSV) Close() error {
	if f, ok := c.in.(*os.File); ok {
		return f.Close()
	}
	return nil
}

func (c *CSV) failed(err error) error {
	if wrong, ok := errors.AsType[*csv.ParseError](err); ok {
		return errs.BadSettingf("%s, line %d, is no CSV: %s.", c.name, wrong.Line, wrong.Err)
	}
	return fmt.Errorf("read %s: %w", c.name, err)
}

// Each calls do for each row, which has as many cells as the header, from the
// first, which has the number 0.
func (c *CSV) Each(do func(i int, row []string) error) error {
	if _, err := c.in.Seek(0, io.SeekStart); err != nil {
		return c.failed(err)
	}
	b := bufio.NewReaderSize(c.in, 1<<16)
	if mark, err := b.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = b.Discard(len(mark))
	}
	r := csv.NewReader(b)
	r.Comma, r.FieldsPerRecord = c.comma, -1
	for i := -1; ; i++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return c.failed(err)
		}
		line, _ := r.FieldPos(0)
		if slices.ContainsFunc(row, func(cell string) bool { return !utf8.ValidString(cell) }) {
			return errs.BadSettingf("%s, line %d, is not UTF-8: save the file as CSV UTF-8.", c.name, line)
		}
		if i < 0 {
			c.Header = row
			continue
		}
		if len(row) > len(c.Header) {
			return errs.BadSettingf("%s, line %d, has %d cells, and the header has %d.", c.name, line, len(row), len(c.Header))
		}
		for len(row) < len(c.Header) {
			row = append(row, "")
		}
		if err := do(i, row); err != nil {
			return err
		}
	}
}

// Column returns the place of the column with one of some names, whatever their
// case, spaces and punctuation; -1 where there is none.
func (c *CSV) Column(names ...string) int {
	for _, name := range names {
		if i := slices.IndexFunc(c.Header, func(h string) bool { return letters(h) == letters(name) }); i >= 0 {
			return i
		}
	}
	return -1
}

// letters folds the name of a column.
func letters(s string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if strings.ContainsRune(" _-./", r) {
			return -1
		}
		return r
	}, s))
}

// CSVWriter writes the rows of a CSV with more columns.
type CSVWriter struct {
	// Done is how many rows were there already.
	Done int

	w   *csv.Writer
	out io.Closer
}

// Create makes the file for rows of c with more columns, or goes on after those
// rows that an earlier run of the same wrote to it; "-" is stdout.
func (c *CSV) Create(stdio Stdio, name string, columns ...string) (*CSVWriter, error) {
	header := append(slices.Clone(c.Header), columns...)
	if name == "-" {
		w := &CSVWriter{w: csv.NewWriter(stdio.Out), out: io.NopCloser(nil)}
		w.w.Comma = c.comma
		return w, w.Write(header)
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600) // it tells of people
	if err != nil {
		return nil, errs.BadSettingf("The file cannot be written: %s.", err)
	}
	w := &CSVWriter{w: csv.NewWriter(f), out: f}
	w.w.Comma = c.comma
	if err := w.resume(c, f, header); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return w, nil
}

// resume counts the rows that f has already, and puts the end after the last
// whole one.
func (w *CSVWriter) resume(c *CSV, f *os.File, header []string) error {
	different := errs.BadSettingf("%s exists, and is not the beginning of this result: remove it, or name another file with -o.", f.Name())
	r := csv.NewReader(f)
	r.Comma, r.FieldsPerRecord = w.w.Comma, -1
	end := int64(0)
	next := func() []string {
		row, err := r.Read()
		last := make([]byte, 1)
		if err != nil || len(row) != len(header) {
			return nil
		}
		if _, err := f.ReadAt(last, r.InputOffset()-1); err != nil || last[0] != '\n' {
			return nil // the run before ended within the row
		}
		end = r.InputOffset()
		return row
	}
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Name(), err)
	}
	if info.Size() > 0 {
		if !slices.Equal(next(), files.Harmless(header)) {
			return different
		}
		stop := errors.New("no more")
		err := c.Each(func(i int, row []string) error {
			done := next()
			if done == nil {
				return stop
			}
			if !slices.Equal(done[:len(row)], files.Harmless(row)) {
				return different
			}
			w.Done = i + 1
			return nil
		})
		if err != nil && !errors.Is(err, stop) {
			return err
		}
	}
	if err := f.Truncate(end); err != nil {
		return fmt.Errorf("write %s: %w", f.Name(), err)
	}
	if _, err := f.Seek(end, io.SeekStart); err != nil {
		return fmt.Errorf("write %s: %w", f.Name(), err)
	}
	if end == 0 {
		return w.Write(header)
	}
	return nil
}

// Write writes a row, so that it is there if the program is killed. Cells that a
// spreadsheet would run as formulas are made harmless.
func (w *CSVWriter) Write(row []string) error {
	if err := w.w.Write(files.Harmless(row)); err != nil {
		return fmt.Errorf("write a row: %w", err)
	}
	w.w.Flush()
	if err := w.w.Error(); err != nil {
		return fmt.Errorf("write a row: %w", err)
	}
	return nil
}

// Close closes the file.
func (w *CSVWriter) Close() error { return w.out.Close() }

// Fill writes the rows of c that w does not have, each with the cells that do
// returns for it. It works on some rows at once, and writes them in their order;
// written is told of the cells of each.
func (c *CSV) Fill(ctx context.Context, stdio Stdio, w *CSVWriter, workers int, do func(ctx context.Context, row []string) ([]string, error), written func(cells []string)) error {
	type result struct {
		cells []string
		err   error
	}
	type filling struct {
		row  []string
		done chan result
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan filling, workers)
	var read error // set before queue is closed
	go func() {
		defer close(queue)
		read = c.Each(func(i int, row []string) error {
			if i < w.Done {
				return nil
			}
			f := filling{row, make(chan result, 1)}
			select {
			case queue <- f: // waits while workers rows are at work
			case <-ctx.Done():
				return ctx.Err()
			}
			go func() {
				cells, err := do(ctx, row)
				f.done <- result{cells, err}
			}()
			return nil
		})
	}()
	bar := Count(stdio.Err, int64(c.Rows), "rows")
	_ = bar.Add(w.Done) // the bar is not worth an error
	defer func() { _ = bar.Finish() }()
	var failed error
	for f := range queue {
		if failed != nil {
			continue // the reader ends with ctx
		}
		r := <-f.done
		if failed = r.err; failed == nil {
			written(r.cells)
			failed = w.Write(append(f.row, r.cells...))
		}
		if failed != nil {
			cancel()
		}
		_ = bar.Add(1)
	}
	if failed != nil {
		return failed
	}
	return read
}
