//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"personae.dev/bench/data"
	"personae.dev/bench/report"
)

// create measures durable creates beside peers'.
func (b *bench) create(ctx context.Context, m *report.Measure) error {
	if err := b.besidePeers(ctx, m, func(c *contender) *call { return c.create }); err != nil {
		return err
	}
	m.Notes = append(m.Notes,
		"What we answered is on disk (`synchronous=FULL`), with its history and search index. PocketBase as it ships (`synchronous=NORMAL`) can lose what it answered when the power fails; json-server writes its whole file anew, without a sync.")
	b.ratio(m, "create, 16 clients, to PocketBase", sqliteName, pocketName, 6)
	b.ratio(m, "create, 16 clients, to json-server", sqliteName, jsonName, 0)
	return nil
}

// writable starts ours on a copy of a library.
func (b *bench) writable(ctx context.Context, l *data.Library) (*contender, error) {
	l, err := b.copied(l)
	if err != nil {
		return nil, err
	}
	return b.personae(ctx, sqliteName, l)
}

// groupCommit measures how much creates gain from coming at once.
func (b *bench) groupCommit(ctx context.Context, m *report.Measure) error {
	l, err := b.hot(ctx)
	if err != nil {
		return err
	}
	ours, err := b.writable(ctx, l)
	if err != nil {
		return err
	}
	var postgres *contender
	if theirs, err := b.onPostgres(ctx, b.sizes[0]); err != nil {
		return err
	} else if theirs != nil {
		if postgres, err = b.personae(ctx, postgresName, theirs); err != nil {
			return err
		}
	}
	const many, one = ", 64 clients", ", 1 client"
	all := slices.Concat(creates(1, ours), creates(64, ours), creates(1, postgres), creates(64, postgres))
	for _, t := range all {
		t.name += one
		if t.clients > 1 {
			t.name = t.contender.name + many
		}
	}
	if m.Series, err = b.alternate(ctx, all, b.each); err != nil {
		return err
	}
	m.Notes = append(m.Notes, "Each is on disk when it is answered. The gain is bounded by what a sync costs here beside all else that a create does.")
	b.ratio(m, "create, 64 clients, to 1 client", sqliteName+many, sqliteName+one, 5)
	b.ratio(m, "create on PostgreSQL, 64 clients, to 1 client", postgresName+many, postgresName+one, 0)
	return nil
}

// importing measures `personae import`, the whole command.
func (b *bench) importing(ctx context.Context, m *report.Measure) error {
	binary, err := b.ours(ctx)
	if err != nil {
		return err
	}
	lines, err := b.lines(b.imported)
	if err != nil {
		return err
	}
	row := report.Row{What: fmt.Sprintf("import of %s personas", report.Whole(b.imported)), Unit: "personas/s", AtLeast: 20_000}
	// A tenth for PostgreSQL, whose import has no aim, and takes long.
	fewer, err := b.lines(b.imported / 10)
	if err != nil {
		return err
	}
	postgres := report.Row{What: fmt.Sprintf("import of %s personas into PostgreSQL", report.Whole(b.imported/10)), Unit: row.Unit}
	for round := range b.rounds {
		path := filepath.Join(b.folder, "import.db")
		rate, err := b.importInto(ctx, binary, "sqlite:"+path, lines, b.imported)
		if err != nil {
			return err
		}
		row.Values = append(row.Values, rate)
		b.say("  round %d of %d: %.0f personas/s on SQLite", round+1, b.rounds, rate)
		for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
			_ = os.Remove(path + suffix) // or with the folder
		}
		if round > 0 {
			continue
		}
		address, err := b.newDatabase()
		if err != nil {
			return err
		}
		if address == "" {
			continue
		}
		if rate, err = b.importInto(ctx, binary, address, fewer, b.imported/10); err != nil {
			return err
		}
		postgres.Values = append(postgres.Values, rate)
		b.say("  round %d of %d: %.0f personas/s on PostgreSQL", round+1, b.rounds, rate)
	}
	if len(postgres.Values) == 0 {
		postgres.Missing = b.why(postgresName)
	}
	m.Rows = append(m.Rows, row, postgres)
	m.Notes = append(m.Notes, "examples/onet, repeated; the whole command on one file, from its start to its end, in one transaction, on all cores.")
	return nil
}

// importInto imports into a new database, and returns personas a second.
func (b *bench) importInto(ctx context.Context, binary, database, lines string, count int) (float64, error) {
	var took time.Duration
	for _, step := range [][]string{{"migrate"}, {"workspace", "create", "--new-organization", "Bench", "Bench"}, {"import", lines}} {
		began := time.Now()
		if out, err := exec.CommandContext(ctx, binary, append(step, "--database", database)...).CombinedOutput(); err != nil {
			return 0, fmt.Errorf("personae %s: %w: %s", strings.Join(step, " "), err, last(out, 500))
		}
		took = time.Since(began) // the last one's counts
	}
	return float64(count) / took.Seconds(), nil
}
