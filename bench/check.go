//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"personae.dev/bench/load"
)

// call is what a contender is asked, and how its answers are known to be right.
type call struct {
	source load.Source
	status int // of every answer
	// kinds is how many of the first requests are asked once before the rounds.
	kinds int
	// right looks at the body of the nth answer; nil where there is none to be
	// known.
	right func(n uint64, body []byte) error
}

// check asks for each kind of a call once, as the generator will, and returns how
// long the bodies were on average. Who answers with less than was asked for is
// compared with nobody.
func (c call) check(ctx context.Context, address string) (bytes float64, err error) {
	a, err := dial(ctx, address)
	if err != nil {
		return 0, err
	}
	defer a.Close()
	total := 0
	for n := range uint64(c.kinds) {
		request := c.source(nil, n)
		body, _, err := a.ask(request, c.status)
		if err == nil && c.right != nil {
			err = c.right(n, body)
		}
		if err != nil {
			return 0, fmt.Errorf("a wrong answer: %w; asked %.300q, got %.300q", err, request, body)
		}
		total += len(body)
	}
	return float64(total) / float64(c.kinds), nil
}

// shape says where the answers of a contender have what is checked: the member of
// a list with the personas, that of a create with the persona, "" being the answer
// itself as it is of every get; and the member of a persona with its id.
type shape struct{ many, created, id string }

// member returns a member of a JSON object.
func member(text json.RawMessage, name string) (json.RawMessage, error) {
	if name == "" {
		return text, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	if members[name] == nil {
		return nil, fmt.Errorf("no %q", name)
	}
	return members[name], nil
}

// made tells whether the answer to a create has a persona with an id.
func (s shape) made(_ uint64, body []byte) error {
	one, err := member(body, s.created)
	if err != nil {
		return err
	}
	id, err := s.idOf(one)
	if err == nil && id == "" {
		err = errors.New("an empty id")
	}
	return err
}

func (s shape) idOf(persona json.RawMessage) (id string, err error) {
	text, err := member(persona, s.id)
	if err != nil {
		return "", err
	}
	err = json.Unmarshal(text, &id)
	return id, err
}

// is returns what tells whether an answer has the persona that was asked for.
func (s shape) is(wanted func(n uint64) []byte) func(uint64, []byte) error {
	return func(n uint64, body []byte) error {
		id, err := s.idOf(body)
		if want := string(wanted(n)); err == nil && id != want {
			err = fmt.Errorf("persona %q, want %q", id, want)
		}
		return err
	}
}

// has returns what tells whether an answer has so many personas.
func (s shape) has(least, most int) func(uint64, []byte) error {
	return func(_ uint64, body []byte) error {
		many, err := member(body, s.many)
		if err != nil {
			return err
		}
		var all []json.RawMessage
		if err := json.Unmarshal(many, &all); err != nil {
			return err
		}
		if len(all) < least || len(all) > most {
			return fmt.Errorf("%d personas, want %d to %d", len(all), least, most)
		}
		return nil
	}
}

// asker asks one thing after the other on a connection, and keeps the answers.
type asker struct {
	net.Conn
	in *bufio.Reader
}

func dial(ctx context.Context, address string) (*asker, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &asker{conn, bufio.NewReader(conn)}, nil
}

// ask sends a request as it is, and returns its answer.
func (a *asker) ask(request []byte, status int) (body []byte, header http.Header, err error) {
	if err := a.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return nil, nil, err
	}
	if _, err := a.Write(request); err != nil {
		return nil, nil, err
	}
	response, err := http.ReadResponse(a.in, nil)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	if err == nil && response.StatusCode != status {
		err = fmt.Errorf("%s, want status %d", response.Status, status)
	}
	return body, response.Header, err
}
