package torture

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // a driver
	_ "modernc.org/sqlite"             // a driver

	"personae.dev/internal/store/postgrestest"
)

// folder is where the SQLite files of a test are. Databases are named as in a
// command; source is the one to copy.
type folder string

const source = "sqlite:personae.db"

// A whole installation goes through every way between the engines, and is the
// same at the end of each.
func TestCopy(t *testing.T) {
	t.Parallel()
	personas := sized(300, 100_000)
	dir := newSource(t, personas)
	n, exported := dir.export(t, source)
	if n != personas {
		t.Fatalf("the source has %d personas, want %d", n, personas)
	}
	history := dir.history(t, source)
	first, second := postgrestest.New(t), postgrestest.New(t)
	for _, way := range []struct{ name, from, to string }{
		{"SQLite to PostgreSQL", source, first},
		{"PostgreSQL to PostgreSQL", first, second},
		{"PostgreSQL to SQLite", second, "sqlite:third.db"},
		{"SQLite to SQLite", "sqlite:third.db", "sqlite:fourth.db"},
		{"with nothing left to do", source, first},
	} {
		began := time.Now()
		copying := dir.personae("copy", "--from", way.from, "--to", way.to)
		out, err := copying.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", way.name, err, out)
		}
		state := copying.ProcessState
		figure(t, "%s, %d personas with 2 revisions each: %s, of it %s on a processor",
			way.name, n, time.Since(began).Round(time.Second/10), (state.UserTime() + state.SystemTime()).Round(time.Second/10))
		if _, got := dir.export(t, way.to); got != exported {
			t.Errorf("%s: the export is another", way.name)
		}
		if dir.history(t, way.to) != history {
			t.Errorf("%s: the history is another", way.name)
		}
	}
}

// A copy that is killed again and again goes on where it was.
func TestKillCopy(t *testing.T) {
	t.Parallel()
	made := newSource(t, sized(800, 10_000))
	_, exported := made.export(t, source)
	for name, to := range map[string]string{"SQLite": "sqlite:copy.db", "PostgreSQL": postgrestest.New(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t.TempDir())
			content, err := os.ReadFile(filepath.Join(string(made), "personae.db"))
			must(t, err)
			must(t, os.WriteFile(filepath.Join(string(dir), "personae.db"), content, 0o600))
			killed, rows := 0, 0
			for {
				ended, grown := dir.killCopyBeyond(t, to, rows)
				if ended {
					break
				}
				killed, rows = killed+1, grown
			}
			figure(t, "killed %d times, the last time with %d rows", killed, rows)
			// On a busy machine a short copy may end before it is looked at again.
			if least := sized(1, 2); killed < least {
				t.Errorf("killed %d times, want %d at least", killed, least)
			}
			if _, got := dir.export(t, to); got != exported {
				t.Error("the export is another")
			}
			out, err := dir.personae("copy", "--from", source, "--to", to).CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte(": 0 rows, after ")) {
				t.Errorf("copy again: %v\n%s", err, out)
			}
		})
	}
}

// newSource makes an installation whose personas have two revisions each.
func newSource(t *testing.T, personas int) folder {
	t.Helper()
	dir := folder(t.TempDir())
	run := func(stdin io.Reader, args ...string) {
		t.Helper()
		cmd := dir.personae(args...)
		cmd.Stdin = stdin
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", args, err, out)
		}
	}
	run(nil, "migrate")
	run(nil, "workspace", "create", "--new-organization", "Example", "Sales")
	run(nil, "key", "create")
	lines, err := os.ReadFile(filepath.Join("..", "examples", "onet", "personas.jsonl"))
	must(t, err)
	onet := bytes.Split(bytes.TrimSpace(lines), []byte("\n"))
	for _, name := range []string{"", "New "} {
		var input bytes.Buffer
		for i := range personas {
			line := bytes.Replace(onet[i%len(onet)], []byte(`"oId":"`), fmt.Appendf(nil, `"oId":"%d-`, i/len(onet)), 1)
			input.Write(bytes.Replace(line, []byte(`"name":"`), []byte(`"name":"`+name), 1))
			input.WriteByte('\n')
		}
		run(&input, "import", "-")
	}
	return dir
}

// personae is a command of the binary.
func (dir folder) personae(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Dir = string(dir)
	return cmd
}

// killCopyBeyond starts a copy, and kills it when the target has more than so
// many rows. It tells how many those are, or that the copy came to its end.
func (dir folder) killCopyBeyond(t *testing.T, to string, rows int) (ended bool, grown int) {
	t.Helper()
	killed := killWhen(t, dir.personae("copy", "--from", source, "--to", to), func() bool {
		grown = dir.rows(to)
		return grown > rows
	})
	return !killed, grown
}

// export returns how many personas a library has, and a checksum of its export.
func (dir folder) export(t *testing.T, database string) (personas int, sum string) {
	t.Helper()
	cmd := dir.personae("export", "--database", database)
	lines, hash := &lineCounter{}, sha256.New()
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(lines, hash), &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("export: %v\n%s", err, stderr.Bytes())
	}
	return lines.n, hex.EncodeToString(hash.Sum(nil))
}

type lineCounter struct{ n int }

// Write implements io.Writer.
func (c *lineCounter) Write(text []byte) (int, error) {
	c.n += bytes.Count(text, []byte("\n"))
	return len(text), nil
}

// history is a checksum of all revisions, which no export has.
func (dir folder) history(t *testing.T, database string) string {
	t.Helper()
	db, err := dir.open(database)
	must(t, err)
	defer db.Close()
	rows, err := db.Query(`
		select o_id, entity_id, number, action, author, api_key, source, created_at, fields, document, hidden
		from revisions order by id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	hash := sha256.New()
	for rows.Next() {
		var values [11]string
		var dest []any
		for i := range values {
			dest = append(dest, &values[i])
		}
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(hash, "%q\n", values)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// rows tells how many personas and revisions a database has, none while it is
// not there.
func (dir folder) rows(database string) (n int) {
	db, err := dir.open(database)
	if err != nil {
		return 0
	}
	defer db.Close()
	_ = db.QueryRow(`select (select count(*) from entities) + (select count(*) from revisions)`).Scan(&n)
	return n
}

// open opens a database to read it.
func (dir folder) open(database string) (*sql.DB, error) {
	if path, isSQLite := strings.CutPrefix(database, "sqlite:"); isSQLite {
		return sql.Open("sqlite", "file:"+filepath.Join(string(dir), path)+"?mode=ro&_pragma=busy_timeout(5000)")
	}
	return sql.Open("pgx", database)
}
