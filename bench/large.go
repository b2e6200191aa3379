//go:build linux

package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver

	"personae.dev/internal/account"
)

// largeLibrary is an SQLite database with many workspaces of ten personas, each
// with a key of its own.
type largeLibrary struct {
	installation
	lines    *lines
	entities int
	keys     []string
}

const perWorkspace = 10

// getting asks for any persona, with the key of its workspace.
func (l *largeLibrary) getting(name string, s *server) *target {
	end := head(s.address, "")[len(" HTTP/1.1\r\n"):]
	return &target{
		name: name, server: s,
		request: func(buf []byte, n uint64) []byte {
			i := draw(n, l.entities)
			buf = l.lines.appendID(append(buf, "GET "+getPath...), i%l.lines.count())
			buf = append(buf, " HTTP/1.1\r\napi_key: "...)
			buf = append(buf, l.keys[i/perWorkspace]...)
			return append(append(buf, "\r\n"...), end...)
		},
	}
}

// makeLarge makes the library, or finds it in the folder of -data. It imports
// the personas into one workspace, and copies rows from there: without words
// and history, as nothing searches or changes this library.
func (b *bench) makeLarge(ctx context.Context) (_ *largeLibrary, err error) {
	folder := b.folder
	if b.data != "" {
		folder = b.data
	}
	path := filepath.Join(folder, fmt.Sprintf("large-%d.db", b.entities))
	l := &largeLibrary{installation: installation{database: "sqlite:" + path}, lines: b.lines, entities: b.entities}
	if text, err := os.ReadFile(path + ".keys"); err == nil {
		if err := json.Unmarshal(text, &l.keys); err != nil {
			return nil, err
		}
		l.key = l.keys[0]
		return l, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} { // of a run that was broken off
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	b.say("  making a library of %s entities", thousands(b.entities))
	if l.installation, _, err = b.install(ctx, l.database, b.lines.count()); err != nil {
		return nil, err
	}
	if err := l.fill(ctx, path, b.say); err != nil {
		return nil, fmt.Errorf("fill: %w", err)
	}
	text, err := json.Marshal(l.keys)
	if err != nil {
		return nil, err
	}
	l.key = l.keys[0]
	return l, os.WriteFile(path+".keys", text, 0o600)
}

// fill copies the personas of the first workspace into others.
func (l *largeLibrary) fill(ctx context.Context, path string, say func(string, ...any)) (err error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=synchronous(off)&_pragma=cache_size(-200000)&_time_format=sqlite")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	var first int
	if err := db.QueryRowContext(ctx, `select min(id) from entities`).Scan(&first); err != nil {
		return err
	}
	said := time.Now()
	const atOnce = 1000 // workspaces in a transaction
	for from := 0; from < l.entities/perWorkspace; from += atOnce {
		if time.Since(said) > 15*time.Second {
			said = time.Now()
			say("    %s of them", thousands(from*perWorkspace))
		}
		if err := l.fillWorkspaces(ctx, db, first, from, min(from+atOnce, l.entities/perWorkspace)); err != nil {
			return err
		}
	}
	_, err = db.ExecContext(ctx, `pragma wal_checkpoint(truncate)`)
	return err
}

func (l *largeLibrary) fillWorkspaces(ctx context.Context, db *sql.DB, first, from, to int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	for n := from; n < to; n++ {
		workspace := account.NewID(account.WorkspacePrefix)
		token, digest := account.NewToken()
		l.keys = append(l.keys, token.Reveal())
		for _, step := range []struct {
			statement string
			args      []any
		}{
			{
				`insert into workspaces (o_id, organization, name, created_at) select ?, o_id, ?, created_at from organizations`,
				[]any{workspace, fmt.Sprint("Workspace ", n)},
			},
			{
				`insert into api_keys (o_id, workspace, user_o_id, name, scopes, secret_digest, created_at)
				select ?, ?, user_o_id, 'bench', 'read,write', ?, created_at from api_keys limit 1`,
				[]any{token.KeyOID(), workspace, digest[:]},
			},
		} {
			if _, err := tx.ExecContext(ctx, step.statement, step.args...); err != nil {
				return err
			}
		}
		const copied = `insert into entities (workspace, kind, o_id, name, sort_name, author, shape, search, tag, created_at, updated_at, document, hidden)
			select ?, kind, o_id, name, sort_name, author, shape, search, tag, created_at, updated_at, document, hidden from entities where id between ? and ?`
		// The ten may go round the end of what is copied.
		start := n * perWorkspace % l.lines.count()
		for start, rest := start, perWorkspace; rest > 0; start = 0 {
			some := min(rest, l.lines.count()-start)
			if _, err := tx.ExecContext(ctx, copied, workspace, first+start, first+start+some-1); err != nil {
				return err
			}
			rest -= some
		}
	}
	return tx.Commit()
}
