package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestBackupUnderLoad backs up a server that writes as fast as it can. Each
// backup has every persona that was acknowledged before it began, no half of
// one, and history and index that agree.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	const writers, rounds = 4, 3
	dir := t.TempDir()
	s := start(t, dir)
	var made [writers]atomic.Int64
	var stop atomic.Bool
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for n := int64(0); !stop.Load(); n++ {
				if err := createPersona(s.url, s.key, fmt.Sprintf("%d %d", writer, n)); err != nil {
					t.Errorf("create: %v", err)
					return
				}
				made[writer].Store(n + 1)
			}
		})
	}
	ended := func() {
		stop.Store(true)
		group.Wait()
	}
	defer ended()
	for round := range rounds {
		var before [writers]int64
		for writer := range writers {
			before[writer] = made[writer].Load()
		}
		began := time.Now()
		file := fmt.Sprintf("backup %d.db", round)
		if out, err := personae(dir, "backup", file).CombinedOutput(); err != nil {
			t.Fatalf("backup: %v\n%s", err, out)
		}
		total := int64(0)
		for writer := range writers {
			total += made[writer].Load() - before[writer]
		}
		t.Logf("backup %d took %s, while %d personas were made", round, time.Since(began).Round(time.Millisecond), total)
		checkPrefix(t, filepath.Join(dir, file), before[:])
	}
	ended()
	s.stop(t)
}

// checkPrefix looks at a backup that must have at least so many personas of
// each writer, without gaps.
func checkPrefix(t *testing.T, path string, atLeast []int64) {
	t.Helper()
	number := func(query string) int64 {
		t.Helper()
		values, err := column(path, query)
		if err != nil || len(values) != 1 {
			t.Fatalf("%s: %v, %v", query, values, err)
		}
		n, err := strconv.ParseInt(values[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	all := int64(0)
	for writer, want := range atLeast {
		// Names are "WRITER NUMBER".
		n := number(fmt.Sprintf(`select count(*) from entities where name like '%d %%'`, writer))
		if n < want {
			t.Errorf("%d personas of writer %d, and %d were acknowledged before", n, writer, want)
		}
		if last := number(fmt.Sprintf(`select coalesce(max(cast(substr(name, 3) as integer)) + 1, 0) from entities where name like '%d %%'`, writer)); last != n {
			t.Errorf("%d personas of writer %d, and the last is number %d", n, writer, last)
		}
		all += n
	}
	for _, query := range []string{
		`select count(*) from entities`,
		`select count(*) from revisions r join entities e on e.id = r.entity_id and e.document = r.document where r.number = 1`,
		`select count(*) from words`,
	} {
		if n := number(query); n != all {
			t.Errorf("%s: %d, want %d", query, n, all)
		}
	}
}

// column is query, for a file whose name may hold a space.
func column(path, statement string) ([]string, error) {
	return query("sqlite", "file:"+strings.ReplaceAll(path, " ", "%20"), statement)
}

func createPersona(url, key, name string) error {
	body := fmt.Sprintf(`{"name":%q,"painPoints":[%q]}`, name, strings.Repeat("too slow ", 100))
	request, err := http.NewRequest(http.MethodPost, url+"/api/v2/persona/create", strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Api_key", key)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, answer)
	}
	if err == nil && !json.Valid(answer) {
		err = fmt.Errorf("not JSON: %s", answer)
	}
	return err
}

// TestKillRestore kills restores at events from their beginning to their end:
// the database is the old one or the new one, whole, and a next try works.
func TestKillRestore(t *testing.T) {
	t.Parallel()
	const rounds = 6
	dir := newLibrary(t)
	if out, err := personae(dir, "import", examples(t, "onet/personas.jsonl")).CombinedOutput(); err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	if out, err := personae(dir, "backup", "full.db").CombinedOutput(); err != nil {
		t.Fatalf("backup: %v\n%s", err, out)
	}
	empty := newLibrary(t)
	full, err := os.Stat(filepath.Join(dir, "full.db"))
	if err != nil {
		t.Fatal(err)
	}

	var old, fresh, killed int
	for round := range rounds {
		work := copyOf(t, empty)
		// The copy grows, is verified, and takes the place of the old one, which is
		// kept aside just before.
		event, size := filepath.Join(work, ".personae.db-*.tmp"), full.Size()*int64(round)/(rounds-2)
		if round == rounds-1 {
			event, size = filepath.Join(work, "personae.db.replaced-*"), 0
		}
		if killAt(t, personae(work, "restore", "--force", filepath.Join(dir, "full.db")), event, size) {
			killed++
		}
		switch n := export(t, work); n {
		case 0:
			old++
		case onetPersonas:
			fresh++
		default:
			t.Errorf("%d personas, want none or %d", n, onetPersonas)
		}
		checkIntegrity(t, work)
		restore(t, filepath.Join(dir, "full.db"), work)
	}
	t.Logf("of %d restores %d were killed; %d databases were the old one, %d the new one", rounds, killed, old, fresh)
	if killed < rounds/3 {
		t.Errorf("only %d of %d restores were killed", killed, rounds)
	}
}

// copyOf copies a library to a folder of its own.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	work := t.TempDir()
	copyFile(t, filepath.Join(dir, "personae.db"), filepath.Join(work, "personae.db"))
	return work
}

// restore replaces the database in dir, and looks at it.
func restore(t *testing.T, file, dir string) {
	t.Helper()
	if out, err := personae(dir, "restore", "--force", file).CombinedOutput(); err != nil {
		t.Fatalf("restore: %v\n%s", err, out)
	}
	if n := export(t, dir); n != onetPersonas {
		t.Errorf("%d personas after a restore, want %d", n, onetPersonas)
	}
	aside, err := filepath.Glob(filepath.Join(dir, "personae.db.replaced-*"))
	if err != nil || len(aside) == 0 {
		t.Errorf("what was there before is gone: %v", err)
	}
	for _, name := range aside {
		_ = os.Remove(name)
	}
}
