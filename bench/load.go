//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// target is a server and one kind of request to it. Requests go out as the bytes
// that they are, on connections that stay open: an HTTP client of Go's library
// costs more than the bare handler that it would measure.
type target struct {
	name string
	*server
	// request appends the nth request, counted from 0, to buf.
	request func(buf []byte, n uint64) []byte
	// check, if set, judges the body of the nth answer. It is called for the
	// first answer of each connection only.
	check func(n uint64, body []byte) error
	// next is the number of the next request, which later runs go on from.
	next atomic.Uint64
}

// result is what one load gave.
type result struct {
	perSecond float64
	took      []time.Duration // in ascending order
}

// quantile returns the time that a share of the answers did not exceed.
func (r result) quantile(share float64) time.Duration {
	if len(r.took) == 0 {
		return 0
	}
	return r.took[min(int(share*float64(len(r.took))), len(r.took)-1)]
}

// load keeps so many clients asking for a time. Every answer must be a 200.
func (t *target) load(ctx context.Context, clients int, lasts time.Duration) (result, error) {
	conns := make([]*conn, clients)
	defer func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
	}()
	for i := range conns {
		var err error
		if conns[i], err = dial(ctx, t.address); err != nil {
			return result{}, err
		}
	}
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		r     result
		errs  error
	)
	began := time.Now()
	end := began.Add(lasts)
	for _, c := range conns {
		group.Go(func() {
			took, err := t.ask(ctx, c, end)
			mu.Lock()
			defer mu.Unlock()
			r.took = append(r.took, took...)
			errs = errors.Join(errs, err)
		})
	}
	group.Wait()
	r.perSecond = float64(len(r.took)) / time.Since(began).Seconds()
	slices.Sort(r.took)
	if errs == nil {
		errs = ctx.Err()
	}
	return r, errs
}

// ask makes requests on one connection until end.
func (t *target) ask(ctx context.Context, c *conn, end time.Time) (took []time.Duration, err error) {
	var request []byte
	for now := time.Now(); now.Before(end) && ctx.Err() == nil; {
		n := t.next.Add(1) - 1
		request = t.request(request[:0], n)
		var body *bytes.Buffer
		if t.check != nil && len(took) == 0 {
			body = &bytes.Buffer{}
		}
		if err := c.roundTrip(request, body); err != nil {
			return took, fmt.Errorf("%s: %w", t.name, err)
		}
		if body != nil {
			if err := t.check(n, body.Bytes()); err != nil {
				return took, fmt.Errorf("%s: wrong answer: %w: %.300s", t.name, err, body)
			}
		}
		answered := time.Now()
		took = append(took, answered.Sub(now))
		now = answered
	}
	return took, nil
}

// conn is a connection that stays open.
type conn struct {
	net.Conn
	reader *bufio.Reader
}

// patience is how long an answer may take.
const patience = time.Minute

func dial(ctx context.Context, address string) (*conn, error) {
	c, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &conn{c, bufio.NewReaderSize(c, 32<<10)}, nil
}

// roundTrip makes a request and reads the answer, which must be a 200. It keeps
// the body in body, or nothing where that is nil.
func (c *conn) roundTrip(request []byte, body *bytes.Buffer) error {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := c.Write(request); err != nil {
		return err
	}
	status, err := c.reader.ReadSlice('\n')
	if err != nil {
		return err
	}
	ok := bytes.HasPrefix(status, []byte("HTTP/1.1 200 "))
	if !ok {
		status = bytes.Clone(status)
		body = &bytes.Buffer{}
	}
	length, err := c.readHead()
	if err != nil {
		return err
	}
	if length >= 0 {
		err = c.readBody(length, body)
	} else {
		err = c.readChunks(body)
	}
	if err == nil && !ok {
		err = fmt.Errorf("%s: %.500s", bytes.TrimSpace(status), body)
	}
	return err
}

// readHead reads header fields, and returns the length of the body, -1 for one
// in chunks.
func (c *conn) readHead() (length int, err error) {
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			return length, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			length = -1
		}
	}
}

func (c *conn) readBody(length int, body *bytes.Buffer) error {
	if body == nil {
		_, err := c.reader.Discard(length)
		return err
	}
	_, err := io.CopyN(body, c.reader, int64(length))
	return err
}

func (c *conn) readChunks(body *bytes.Buffer) error {
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return err
		}
		if err := c.readBody(int(size), body); err != nil {
			return err
		}
		if _, err := c.reader.Discard(len("\r\n")); err != nil || size == 0 {
			return err
		}
	}
}
