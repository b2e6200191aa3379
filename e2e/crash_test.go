package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// onetPersonas is how many personas examples/onet has.
const onetPersonas = 1016

// newLibrary makes the database personae.db in a folder of its own, with a
// workspace and no persona.
func newLibrary(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	start(t, dir).stop(t)
	return dir
}

// running is a server of a test.
type running struct{ *server }

// start runs a server on personae.db in dir until the test ends.
func start(t *testing.T, dir string) running {
	t.Helper()
	s, err := startServer(dir, os.Environ(), "--listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.crash)
	return running{s}
}

func (r running) stop(t *testing.T) {
	t.Helper()
	if err := r.shutdown(); err != nil {
		t.Error(err)
	}
}

// personae returns a command of the binary in dir.
func personae(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Dir = dir
	return cmd
}

// export returns how many personas the library has, by what a user would run.
func export(t *testing.T, dir string) int {
	t.Helper()
	cmd := personae(dir, "export")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("export: %v\n%s", err, stderr.Bytes())
	}
	return bytes.Count(out, []byte("\n"))
}

// checkIntegrity is SQLite's own look at every page and index.
func checkIntegrity(t *testing.T, dir string) {
	t.Helper()
	got, err := query("sqlite", "file:"+filepath.Join(dir, "personae.db"), "pragma integrity_check")
	if err != nil || len(got) != 1 || got[0] != "ok" {
		t.Errorf("integrity_check: %q, %v", got, err)
	}
}

// An import that is killed has happened or has not. The moments are told by how
// much has come into the write-ahead log, which is where a transaction goes:
// nothing yet, more and more of it, and all of it just before the end.
func TestKillImport(t *testing.T) {
	t.Parallel()
	onet := examples(t, "onet/personas.jsonl")
	empty := newLibrary(t)
	// How large the log becomes, from an import that nobody disturbs. A reader
	// that stays keeps the log from being removed at the end.
	killImports(t, empty, onet, logSizeOfImport(t, empty, onet), 8)
}

// killImports kills imports of file at moments told by the size of the log,
// which is whole at the end.
func killImports(t *testing.T, empty, file string, whole int64, rounds int) {
	t.Helper()
	var killed, wholes atomic.Int64
	t.Cleanup(func() {
		t.Logf("of %d imports %d were killed before they ended, and %d libraries were whole", rounds, killed.Load(), wholes.Load())
		if killed.Load() < int64(rounds)/2 {
			t.Errorf("only %d of %d imports were killed before they ended", killed.Load(), rounds)
		}
	})
	for round := range rounds {
		t.Run(strconv.Itoa(round), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			copyFile(t, filepath.Join(empty, "personae.db"), filepath.Join(dir, "personae.db"))
			if killAt(t, personae(dir, "import", file), filepath.Join(dir, "personae.db-wal"), whole*int64(round)/int64(rounds-1)) {
				killed.Add(1)
			}
			s := start(t, dir)
			n := export(t, dir)
			if n != 0 && n != onetPersonas {
				t.Errorf("%d personas, want none or %d", n, onetPersonas)
			}
			if n == onetPersonas {
				wholes.Add(1)
			}
			s.stop(t)
			checkIntegrity(t, dir)
			// Nothing is in the way of another try.
			if out, err := personae(dir, "import", file).CombinedOutput(); err != nil {
				t.Fatalf("import again: %v\n%s", err, out)
			}
			if n := export(t, dir); n != onetPersonas {
				t.Errorf("%d personas after another import, want %d", n, onetPersonas)
			}
		})
	}
}

// logSizeOfImport returns how many bytes an import writes to the write-ahead
// log. It works on a copy of the library in empty.
func logSizeOfImport(t *testing.T, empty, file string) int64 {
	t.Helper()
	dir := t.TempDir()
	copyFile(t, filepath.Join(empty, "personae.db"), filepath.Join(dir, "personae.db"))
	s := start(t, dir)
	defer s.stop(t)
	if out, err := personae(dir, "import", file).CombinedOutput(); err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	info, err := os.Stat(filepath.Join(dir, "personae.db-wal"))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// killAt starts a command and kills it when a file, of which the pattern of its
// name is known, is there with so many bytes. It tells whether the command was
// still at work.
func killAt(t *testing.T, cmd *exec.Cmd, pattern string, size int64) bool {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("%s: %v", cmd.Args, err)
			}
			return false
		case <-tick.C:
			found, err := filepath.Glob(pattern)
			if err != nil || len(found) == 0 {
				continue
			}
			if info, err := os.Stat(found[0]); err != nil || info.Size() < size {
				continue
			}
			_ = cmd.Process.Kill()
			exit, ok := errors.AsType[*exec.ExitError](<-ended)
			return ok && !exit.Exited()
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A server that is killed while it answers serves the same after its next
// start, with the same key.
func TestKillServer(t *testing.T) {
	t.Parallel()
	const (
		rounds  = 3
		clients = 4
		answers = 200 // before the kill
		path    = "/api/v2/persona/get?oId=onet-11-1011.00"
	)
	dir := t.TempDir()
	s := start(t, dir)
	key := s.key
	if out, err := personae(dir, "import", examples(t, "onet/personas.jsonl")).CombinedOutput(); err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	want, etag, err := getPersona(http.DefaultClient, s.url+path, key)
	if err != nil {
		t.Fatal(err)
	}
	for range rounds {
		var count atomic.Int64
		done := make(chan error, clients)
		for range clients {
			go func() { done <- getUntilGone(s.url+path, key, etag, want, &count, answers, s.kill) }()
		}
		for range clients {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		<-s.ended
		s = start(t, dir)
		got, gotETag, err := getPersona(http.DefaultClient, s.url+path, key)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) || gotETag != etag {
			t.Errorf("after a restart the answer is %s with ETag %s, want %s with %s", got, gotETag, want, etag)
		}
	}
	s.stop(t)
	checkIntegrity(t, dir)
	if n := export(t, dir); n != onetPersonas {
		t.Errorf("%d personas, want %d", n, onetPersonas)
	}
}

// getUntilGone asks for a persona until the server does not answer any more,
// and kills it when all clients together have so many answers. What is answered
// is right until the end.
func getUntilGone(url, key, etag string, want []byte, count *atomic.Int64, answers int64, kill func()) error {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	for {
		got, gotETag, err := getPersona(client, url, key)
		switch {
		case err != nil && count.Load() >= answers:
			return nil
		case err != nil:
			return err
		case !bytes.Equal(got, want) || gotETag != etag:
			return fmt.Errorf("the answer is %s with ETag %s, want %s with %s", got, gotETag, want, etag)
		}
		if count.Add(1) == answers {
			kill()
		}
	}
}

// getPersona returns an answer without the value of "_metadata", and its ETag.
func getPersona(client *http.Client, url, key string) (body []byte, etag string, err error) {
	request, err := http.NewRequest(http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, "", err
	}
	request.Header.Set("Api_key", key)
	response, err := client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	if err != nil {
		return nil, "", err
	}
	if response.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("%s: %s", response.Status, body)
	}
	body, err = withoutMetadata(body)
	return body, response.Header.Get("Etag"), err
}

// A create with an idempotency key makes one persona, however often it is tried,
// also when the server is killed between two tries or in the midst of the first.
func TestKillBetweenTries(t *testing.T) {
	t.Parallel()
	const (
		rounds  = 3
		clients = 4
		answers = 20 // before the kill
	)
	dir := t.TempDir()
	s := start(t, dir)
	key := s.key
	made := 0
	for round := range rounds {
		var count atomic.Int64
		tries := make(chan []try, clients)
		for client := range clients {
			go func() {
				tries <- createUntilGone(s.url, key, fmt.Sprintf("%d/%d", round, client), func() {
					if count.Add(1) == answers {
						s.kill()
					}
				})
			}()
		}
		var all []try
		for range clients {
			all = append(all, <-tries...)
		}
		<-s.ended
		if count.Load() < answers {
			t.Fatalf("only %d creates were answered before the kill", count.Load())
		}
		s = start(t, dir)
		for _, first := range all {
			again := create(s.url, key, first.idempotencyKey, first.body)
			switch {
			case again.err != nil || again.status != http.StatusOK:
				t.Fatalf("%s again: status %d, %v: %s", first.idempotencyKey, again.status, again.err, again.answer)
			case first.err == nil && (!again.replayed || again.etag != first.etag || !bytes.Equal(again.answer, first.answer)):
				t.Errorf("%s: replayed %t:\n%s\nand was\n%s", first.idempotencyKey, again.replayed, again.answer, first.answer)
			}
			third := create(s.url, key, first.idempotencyKey, first.body)
			if third.err != nil || !third.replayed || !bytes.Equal(third.answer, again.answer) {
				t.Errorf("%s a third time: replayed %t, %v:\n%s\nand was\n%s", first.idempotencyKey, third.replayed, third.err, third.answer, again.answer)
			}
			other := create(s.url, key, first.idempotencyKey, `{"name":"Other"}`)
			if other.err != nil || other.status != http.StatusConflict {
				t.Errorf("%s with another body: status %d, %v", first.idempotencyKey, other.status, other.err)
			}
		}
		made += len(all)
	}
	s.stop(t)
	checkIntegrity(t, dir)
	if n := export(t, dir); n != made {
		t.Errorf("%d personas, want %d: one for each idempotency key", n, made)
	}
}

// try is a create, and how it ended.
type try struct {
	idempotencyKey, body string

	status   int
	answer   []byte // without the value of "_metadata"
	etag     string
	replayed bool
	err      error // there was no answer
}

// createUntilGone creates personas until the server does not answer any more.
// The last try has no answer.
func createUntilGone(url, key, name string, answered func()) (tries []try) {
	for i := 0; ; i++ {
		last := create(url, key, fmt.Sprintf("%s/%d", name, i), fmt.Sprintf(`{"name":"%s/%d"}`, name, i))
		tries = append(tries, last)
		if last.err != nil {
			return tries
		}
		answered()
	}
}

func create(url, key, idempotencyKey, body string) (t try) {
	t = try{idempotencyKey: idempotencyKey, body: body}
	request, err := http.NewRequest(http.MethodPost, url+"/api/v2/persona/create", strings.NewReader(body))
	if err != nil {
		t.err = err
		return t
	}
	request.GetBody = nil // net/http would try again on its own
	request.Header.Set("Api_key", key)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", idempotencyKey)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.err = err
		return t
	}
	defer response.Body.Close()
	t.status, t.etag, t.replayed = response.StatusCode, response.Header.Get("Etag"), response.Header.Get("Idempotency-Replayed") == "true"
	if t.answer, t.err = io.ReadAll(response.Body); t.err == nil {
		t.answer, t.err = withoutMetadata(t.answer)
	}
	return t
}
