// Package data makes what the contenders are given: the occupations of
// examples/onet, repeated under ids of their own until there are as many as
// wanted, as JSON lines or as a library with workspaces and keys.
//
// It writes libraries through the store, as an import would, with history and
// search index, and with as few commits as it can: it is no measure of writing.
package data

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"personae.dev/internal/persona"
	"personae.dev/internal/store"
	"personae.dev/internal/wire"
)

// Documents is what is repeated.
type Documents struct {
	lines    [][]byte
	codes    []string // what follows idPrefix in the ids
	personas []*persona.Persona
}

const idPrefix = "onet-"

// Read reads examples/onet below the root of the repository.
func Read(root string) (*Documents, error) {
	text, err := os.ReadFile(filepath.Join(root, "examples", "onet", "personas.jsonl"))
	if err != nil {
		return nil, err
	}
	d := &Documents{}
	for line, err := range wire.DecodeLines(bytes.NewReader(text)) {
		if err == nil && len(line.Faults) > 0 {
			err = fmt.Errorf("data: line %d: %s", line.Number, line.Faults[0])
		}
		if err != nil {
			return nil, err
		}
		d.personas = append(d.personas, line.Persona)
		d.codes = append(d.codes, line.Persona.OID[len(idPrefix):])
	}
	for line := range bytes.Lines(text) {
		d.lines = append(d.lines, line)
	}
	return d, nil
}

// Len is how many there are before one is repeated.
func (d *Documents) Len() int { return len(d.lines) }

// AppendID appends the id of the ith document.
func (d *Documents) AppendID(buf []byte, i int) []byte {
	buf = append(buf, "onet"...)
	buf = strconv.AppendInt(buf, int64(i/len(d.codes)), 10)
	buf = append(buf, '-')
	return append(buf, d.codes[i%len(d.codes)]...)
}

// WriteLines writes so many documents as JSON lines, each a body of
// persona/create with an id.
func (d *Documents) WriteLines(path string, count int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(file)
	for i := range count {
		line := d.lines[i%len(d.lines)]
		old := []byte(`"` + idPrefix + d.codes[i%len(d.codes)] + `"`)
		_, _ = w.Write(bytes.Replace(line, old, strconv.AppendQuote(nil, string(d.AppendID(nil, i))), 1)) // Flush tells
	}
	return errors.Join(w.Flush(), file.Close())
}

// Bodies returns the bodies of persona/create, without ids.
func (d *Documents) Bodies() ([][]byte, error) {
	bodies := make([][]byte, 0, len(d.lines))
	for _, line := range d.lines {
		var body map[string]json.RawMessage
		if err := json.Unmarshal(line, &body); err != nil {
			return nil, err
		}
		delete(body, "oId")
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, encoded)
	}
	return bodies, nil
}

// Library is a database with personas in it.
type Library struct {
	*Documents
	Database string
	// Personas is how many there are; each workspace has as many as the others.
	Personas int
	// Tokens has a key of each workspace, which may read and write.
	Tokens []string
}

// Persona returns where the ith persona of all is found.
func (l *Library) Persona(i int) (token string, document int) {
	return l.Tokens[i*len(l.Tokens)/l.Personas], i
}

// A commit has so many personas: it shall not be what takes the time.
const perCommit = 5000

// Fill makes a library of personas in so many workspaces, all of one
// organization. The database is made where it is missing.
func (d *Documents) Fill(ctx context.Context, database string, personas, workspaces int, progress func(done int)) (_ *Library, err error) {
	s, err := store.Open(ctx, database, store.Options{Create: true, Exclusive: true, Bulk: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()

	now := persona.Now()
	company := &persona.Organization{OID: persona.NewID(persona.OrganizationPrefix), Name: "Bench", Slug: "bench", CreatedAt: now}
	owner := &persona.User{
		OID: persona.NewID(persona.UserPrefix), OrganizationOID: company.OID, FirstName: "Bench", LastName: "Owner",
		Role: persona.RoleOwner, CreatedAt: now,
	}
	err = s.Write(ctx, func(tx persona.Tx) error {
		if err := tx.InsertOrganization(ctx, company); err != nil {
			return err
		}
		return tx.InsertUser(ctx, owner)
	})
	l := &Library{Documents: d, Database: database, Personas: personas}
	f := filler{Library: l, each: personas / workspaces, owner: owner, now: now}
	for done := 0; done < personas && err == nil; done += perCommit {
		progress(done)
		err = s.WriteAlone(ctx, func(tx persona.Tx) error { return f.add(ctx, tx, done, min(done+perCommit, personas)) })
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// filler fills a library.
type filler struct {
	*Library
	each      int // personas in a workspace
	owner     *persona.User
	now       time.Time
	workspace string
}

// add adds the personas [from, to).
func (f *filler) add(ctx context.Context, tx persona.Tx, from, to int) error {
	var added []*persona.Revision
	for i := from; i < to; i++ {
		if i%f.each == 0 {
			if err := f.open(ctx, tx, i/f.each); err != nil {
				return err
			}
		}
		p := *f.personas[i%len(f.personas)]
		p.WorkspaceOID, p.OID, p.Author = f.workspace, string(f.AppendID(nil, i)), *f.owner
		p.CreatedAt = f.now.Add(time.Duration(i) * time.Millisecond)
		p.UpdatedAt = p.CreatedAt
		added = append(added, &persona.Revision{
			OID: persona.NewID(persona.RevisionPrefix), PersonaOID: p.OID, Action: persona.ActionImported, At: p.CreatedAt,
			User: *f.owner, Persona: &p,
		})
	}
	return tx.InsertPersonas(ctx, added)
}

// open makes the nth workspace, with a key.
func (f *filler) open(ctx context.Context, tx persona.Tx, n int) error {
	f.workspace = persona.NewID(persona.WorkspacePrefix)
	err := tx.InsertWorkspace(ctx, &persona.Workspace{
		OID: f.workspace, OrganizationOID: f.owner.OrganizationOID, Name: fmt.Sprintf("Workspace %d", n+1), CreatedAt: f.now,
	})
	if err != nil {
		return err
	}
	token, digest := persona.NewToken()
	f.Tokens = append(f.Tokens, token.Reveal())
	return tx.InsertAPIKey(ctx, &persona.APIKey{
		OID: token.KeyOID(), WorkspaceOID: f.workspace, UserOID: f.owner.OID, Name: "bench",
		Scopes: persona.Scopes{persona.ScopeRead, persona.ScopeWrite}, Digest: digest, CreatedAt: f.now,
	})
}

// FillFile is Fill for an SQLite file, which a later run finds again.
func (d *Documents) FillFile(ctx context.Context, path string, personas, workspaces int, progress func(done int)) (*Library, error) {
	keys := path + ".keys.json"
	l := &Library{Documents: d, Database: "sqlite:" + path, Personas: personas}
	text, err := os.ReadFile(keys)
	if err == nil {
		return l, json.Unmarshal(text, &l.Tokens)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	// What is left of a fill that was broken off is of no use.
	for _, suffix := range []string{"", "-wal", "-shm", "-journal", ".lock"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	l, err = d.Fill(ctx, l.Database, personas, workspaces, progress)
	if err != nil {
		return nil, err
	}
	if text, err = json.Marshal(l.Tokens); err != nil {
		return nil, err
	}
	return l, os.WriteFile(keys, text, 0o600)
}
