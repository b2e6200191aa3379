package store_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"personae.dev/internal/entity"
	"personae.dev/internal/store"
)

// killedRows of bulky are more than any cache holds back, so that the kill
// finds half a transaction on the disk.
const killedRows = 600

func bulky(n int) *entity.Stored {
	return simple(fmt.Sprintf("pe_%d", n), func(s *entity.Stored) { s.Document = []byte(strings.Repeat("x", 8000)) })
}

func TestKilled(t *testing.T) {
	t.Parallel()
	tests := []struct {
		// after is what the child says before it is killed.
		name, after string
		// want holds the numbers of personas that may be there.
		want []int
	}{
		{"HalfWay", "400", []int{0}},
		{"NearTheEnd", strconv.Itoa(killedRows - 100), []int{0, killedRows}},
		{"AtCommit", strconv.Itoa(killedRows), []int{0, killedRows}}, // before, in or after it
		{"AfterCommit", "committed", []int{killedRows}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := made(t)
			kept := simple("pe_kept")
			s := open(t, path, store.Options{})
			insert(t, s, kept)
			if err := s.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}

			child := exec.CommandContext(t.Context(), os.Args[0])
			child.Env = append(os.Environ(), childRole+"=write", childPath+"="+path)
			child.Stderr = os.Stderr
			// It ends when it is killed, or at the end of its input.
			in, out := pipes(t, child)
			defer in.Close()
			if err := child.Start(); err != nil {
				t.Fatalf("Start: %v", err)
			}
			lines := bufio.NewScanner(out)
			for lines.Scan() && lines.Text() != test.after {
			}
			if err := child.Process.Kill(); err != nil {
				t.Errorf("Kill: %v", err)
			}
			_ = child.Wait()
			if lines.Text() != test.after {
				t.Fatalf("the child ended before it said %s: %v", test.after, lines.Err())
			}

			s = open(t, path, store.Options{})
			n := count(t, s) - 1
			ok := false
			for _, want := range test.want {
				ok = ok || n == want
			}
			if !ok {
				t.Errorf("%d personas of the killed write are there, want %v", n, test.want)
			}
			if _, err := row(t, s, kept.OID); err != nil {
				t.Errorf("what was there before: %v", err)
			}
			checkIntegrity(t, path)
			insert(t, s, simple("pe_after"))
		})
	}
}

func pipes(t *testing.T, child *exec.Cmd) (io.WriteCloser, io.Reader) {
	t.Helper()
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatalf("StdinPipe: %v", err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatalf("StdoutPipe: %v", err)
	}
	return in, out
}
