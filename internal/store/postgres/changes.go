package postgres

import (
	"encoding/json"
	"fmt"
	"strings"

	"personae.dev/internal/persona"
)

const (
	// channel is where transactions tell of their changes.
	channel = "personae"
	// A transaction that changed more than mostNamed things, or whose names have
	// more bytes than a notification, names none. PostgreSQL's limit is 8,000.
	mostNamed   = 200
	mostPayload = 7_999
)

// changes are those of one transaction that caches must hear of.
type changes struct {
	anything bool // more than named
	named    []persona.Change
}

func (c *changes) add(change persona.Change) {
	if change == (persona.Change{}) || len(c.named) == mostNamed {
		c.anything, c.named = true, nil
	}
	if !c.anything {
		c.named = append(c.named, change)
	}
}

// payload is what a transaction tells. There is nothing secret in it, as whoever
// may connect to the database may listen.
type payload struct {
	// By is the name of the server.
	By string `json:"by"`
	// Changed has the id of a key, or those of a workspace and a persona, for
	// each thing that changed. Where it is missing, anything may have.
	Changed [][]string `json:"changed,omitempty"`
}

// telling is the statement by which a transaction tells of its changes, "" where
// it has none.
func (w *watch) telling(c changes) string {
	if !c.anything && len(c.named) == 0 {
		return ""
	}
	told := payload{By: *w.name.Load()}
	for _, change := range c.named {
		ids := []string{change.WorkspaceOID, change.PersonaOID}
		if change.KeyOID != "" {
			ids = []string{change.KeyOID}
		}
		told.Changed = append(told.Changed, ids)
	}
	text := told.text()
	if len(text) > mostPayload {
		told.Changed = nil
		text = told.text()
	}
	return fmt.Sprintf("select pg_notify('%s', E'%s'); ", channel, strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text))
}

func (p payload) text() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // texts can always be written
	}
	return string(text)
}

// read returns what the server named by told that it changed: nothing where that
// may be anything. Other versions of Personae may tell in other ways.
func read(text string) (by string, changed []persona.Change) {
	var told payload
	if err := json.Unmarshal([]byte(text), &told); err != nil {
		return "", nil
	}
	for _, ids := range told.Changed {
		switch len(ids) {
		case 1:
			changed = append(changed, persona.Change{KeyOID: ids[0]})
		case 2:
			changed = append(changed, persona.Change{WorkspaceOID: ids[0], PersonaOID: ids[1]})
		default:
			return told.By, nil
		}
	}
	return told.By, changed
}
