package torture

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"personae.dev/internal/store/postgrestest"
)

// onEachDatabase runs a test on SQLite and on a PostgreSQL that others use too.
func onEachDatabase(t *testing.T, test func(t *testing.T, i *installation)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, &installation{dir: t.TempDir(), database: onSQLite})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, onShared(t))
	})
}

// killWhen starts a command and kills it when something holds. It reports
// whether the command was killed before it ended by itself.
func killWhen(t *testing.T, cmd *exec.Cmd, holds func() bool) (killed bool) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	must(t, cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("%s: %v\n%s", cmd.Args, err, out.Bytes())
			}
			return false
		case <-tick.C:
			if !holds() {
				continue
			}
			_ = cmd.Process.Kill()
			exit, ok := errors.AsType[*exec.ExitError](<-done)
			return ok && !exit.Exited()
		}
	}
}

// personae is a command of the binary on the database.
func (i *installation) personae(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, append(args, "--database", i.database)...)
	cmd.Dir = i.dir
	return cmd
}

// lines is how many lines a command prints.
func (i *installation) lines(t *testing.T, args ...string) int {
	t.Helper()
	out, err := i.command(t.Context(), args...)
	must(t, err)
	return strings.Count(out, "\n")
}

// TestKillImport kills imports at times from their beginning to their end. Each
// has happened or has not, and a next one works.
func TestKillImport(t *testing.T) {
	t.Parallel()
	const personas = 1016
	rounds := sized(3, 100)
	onet, err := filepath.Abs("../examples/onet/personas.jsonl")
	must(t, err)
	onEachDatabase(t, func(t *testing.T, i *installation) {
		t.Helper()
		i.start(t).stop(t)
		var took time.Duration
		killed, whole := 0, 0
		for round := range rounds + 1 {
			workspace := fmt.Sprint("Workspace ", round)
			_, err := i.command(t.Context(), "workspace", "create", workspace)
			must(t, err)
			imports := func() *exec.Cmd { return i.personae("import", "--workspace", workspace, onet) }
			began := time.Now()
			if round == 0 { // one that nobody disturbs
				killWhen(t, imports(), func() bool { return false })
				took = time.Since(began)
				continue
			}
			after := took * time.Duration(round) / time.Duration(rounds)
			if killWhen(t, imports(), func() bool { return time.Since(began) > after }) {
				killed++
			}
			switch n := i.lines(t, "export", "--workspace", workspace); n {
			case 0:
			case personas:
				whole++
			default:
				t.Fatalf("%d personas after a kill, want none or %d", n, personas)
			}
			killWhen(t, imports(), func() bool { return false })
			if n := i.lines(t, "export", "--workspace", workspace); n != personas {
				t.Fatalf("%d personas after another import, want %d", n, personas)
			}
		}
		figure(t, "%d imports, %d of them killed; %d had happened", rounds, killed, whole)
		if killed < max(1, rounds/3) {
			t.Errorf("only %d of %d imports were killed", killed, rounds)
		}
		i.checkIntegrity(t)
	})
}

// TestKillPurge kills purges while they work, also at their end, where SQLite's
// file is rebuilt. The next one goes on, and what was not deleted stays.
func TestKillPurge(t *testing.T) {
	t.Parallel()
	deleted, kept := sized(600, 20_000), 100
	onEachDatabase(t, func(t *testing.T, i *installation) {
		t.Helper()
		i.start(t).stop(t)
		var lines strings.Builder
		for n := range deleted + kept {
			fmt.Fprintf(&lines, `{"oId":"pe_%d","name":"Persona %d","painPoints":[%q]`, n, n, strings.Repeat("too slow ", 100))
			if n < deleted {
				lines.WriteString(`,"createdAt":"2023-01-01T00:00:00.000Z","deletedAt":"2024-01-01T00:00:00.000Z"`)
			}
			lines.WriteString("}\n")
		}
		must(t, os.WriteFile(filepath.Join(i.dir, "deleted.jsonl"), []byte(lines.String()), 0o600))
		_, err := i.command(t.Context(), "import", "deleted.jsonl")
		must(t, err)
		exported, err := i.command(t.Context(), "export")
		must(t, err)
		want := exported[strings.Index(exported, fmt.Sprintf(`{"oId":"pe_%d"`, deleted)):]

		killed, rows := 0, deleted+kept
		for {
			left := rows
			if !killWhen(t, i.personae("purge"), func() bool {
				rows = i.entities(t)
				return rows < left || left == kept && rows == kept
			}) {
				break
			}
			killed++
			if left == kept { // killed with nothing left to purge, too
				killWhen(t, i.personae("purge"), func() bool { return false })
				break
			}
		}
		figure(t, "%d purges were killed", killed)
		if got, err := i.command(t.Context(), "export"); err != nil || got != want {
			t.Errorf("what was not deleted is not as it was: %v", err)
		}
		i.checkIntegrity(t)
		for _, table := range []string{"revisions", "links"} {
			if n := i.count(t, "select count(*) from "+table+" where entity_id not in (select id from entities)"); n != 0 {
				t.Errorf("%d %s of purged entities are left", n, table)
			}
		}
		if out, err := i.command(t.Context(), "check"); err != nil {
			t.Errorf("check: %v\n%s", err, out)
		}
	})
}

func (i *installation) entities(t *testing.T) int {
	t.Helper()
	return i.count(t, "select count(*) from entities")
}

// count answers a query for a number.
func (i *installation) count(t *testing.T, query string) (n int) {
	t.Helper()
	if i.database != onSQLite {
		_, err := fmt.Sscan(postgrestest.Execute(t, i.database, query), &n)
		must(t, err)
		return n
	}
	db := i.openSQLite(t)
	defer db.Close()
	must(t, db.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}
