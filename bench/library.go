//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
)

// lines is the occupations of examples/onet, which are repeated under ids and
// names of their own until there are as many as wanted.
type lines struct {
	text [][]byte
	oIDs []string
}

func readLines(path string) (*lines, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	l := &lines{}
	for line := range bytes.Lines(text) {
		var fields struct{ OID string }
		if err := json.Unmarshal(line, &fields); err != nil {
			return nil, err
		}
		l.text, l.oIDs = append(l.text, line), append(l.oIDs, fields.OID)
	}
	return l, nil
}

// count is how many there are before one is repeated.
func (l *lines) count() int { return len(l.text) }

// appendID appends the id of the nth persona.
func (l *lines) appendID(buf []byte, n int) []byte {
	buf = append(buf, l.oIDs[n%len(l.oIDs)]...)
	if round := n / len(l.oIDs); round > 0 {
		buf = strconv.AppendInt(append(buf, '-'), int64(round), 10)
	}
	return buf
}

// write writes so many personas as JSON lines.
func (l *lines) write(path string, personas int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(file)
	for n := range personas {
		old := strconv.AppendQuote(nil, l.oIDs[n%len(l.oIDs)])
		_, _ = w.Write(bytes.Replace(l.text[n%len(l.text)], old, strconv.AppendQuote(nil, string(l.appendID(nil, n))), 1)) // Flush says
	}
	return errors.Join(w.Flush(), file.Close())
}

// bodies returns the bodies of creates, for us or for PocketBase's collection.
func (l *lines) bodies(pocketBase bool) ([][]byte, error) {
	var bodies [][]byte
	for _, line := range l.text {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(line, &fields); err != nil {
			return nil, err
		}
		delete(fields, "oId")
		if pocketBase {
			record := map[string]json.RawMessage{"workspace": json.RawMessage(`"wa_bench"`)}
			for _, name := range []string{"name", "internalName", "description"} {
				record[name] = fields[name]
				delete(fields, name)
			}
			data, err := json.Marshal(fields)
			if err != nil {
				return nil, err
			}
			record["data"] = data
			fields = record
		}
		body, err := json.Marshal(fields)
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, body)
	}
	return bodies, nil
}

// draw gives the nth number below count, all equally often, without order.
func draw(n uint64, count int) int {
	n += 0x9e3779b97f4a7c15 // splitmix64
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return int((n ^ n>>31) % uint64(count))
}

// head ends a request line and gives the header fields.
func head(address, fields string) string {
	return " HTTP/1.1\r\nHost: " + address + "\r\n" + fields + "\r\n"
}

// getting asks for any of so many personas; path comes before the id.
func (l *lines) getting(name string, s *server, personas int, path, fields string) *target {
	start, end := "GET "+path, head(s.address, fields)
	return &target{
		name: name, server: s,
		request: func(buf []byte, n uint64) []byte {
			return append(l.appendID(append(buf, start...), draw(n, personas)), end...)
		},
		check: func(n uint64, body []byte) error {
			if id := l.appendID(nil, draw(n, personas)); !bytes.Contains(body, strconv.AppendQuote(nil, string(id))) {
				return fmt.Errorf("want %s", id)
			}
			return nil
		},
	}
}

// inTurn makes the same requests again and again.
func inTurn(name string, s *server, check func(uint64, []byte) error, requests ...string) *target {
	return &target{
		name: name, server: s, check: check,
		request: func(buf []byte, n uint64) []byte { return append(buf, requests[n%uint64(len(requests))]...) },
	}
}

// creating posts one persona after the other.
func creating(name string, s *server, bodies [][]byte, path, fields string) *target {
	requests := make([]string, len(bodies))
	for i, body := range bodies {
		more := fields + "Content-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n"
		requests[i] = "POST " + path + head(s.address, more) + string(body)
	}
	return inTurn(name, s, nil, requests...)
}

// rows checks that a list has so many rows, in an array of this name.
func rows(array string, want int) func(uint64, []byte) error {
	return func(_ uint64, body []byte) error {
		var answer map[string]json.RawMessage
		if err := json.Unmarshal(body, &answer); err != nil {
			return err
		}
		var found []json.RawMessage
		if err := json.Unmarshal(answer[array], &found); err != nil {
			return err
		}
		if len(found) != want {
			return fmt.Errorf("%d rows, want %d", len(found), want)
		}
		return nil
	}
}
