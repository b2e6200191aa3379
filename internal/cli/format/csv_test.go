package format_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"personae.dev/internal/cli/format"
)

func TestCSV(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.csv"), filepath.Join(dir, "out.csv")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const header = "\ufeffJob Title;Note\r\n"
	write(in, header+"\"VP;\nSales\";=1+1\r\nCFO\r\n-5;+49 170\r\n")
	// run writes at most rows rows.
	run := func(rows int) (string, int, error) {
		t.Helper()
		c, err := format.OpenCSV(t.Context(), format.Stdio{}, in)
		if err != nil {
			return "", 0, err
		}
		defer func() { _ = c.Close() }()
		if c.Rows != 3 || c.Column("title", "jobTitle") != 0 || c.Column("email") != -1 {
			t.Errorf("%d rows, header %q", c.Rows, c.Header)
		}
		w, err := c.Create(format.Stdio{}, out, "persona")
		if err != nil {
			return "", 0, err
		}
		defer func() { _ = w.Close() }()
		written := 0
		err = c.Each(func(i int, row []string) error {
			if i < w.Done || written == rows {
				return nil
			}
			written++
			return w.Write(append(row, "@"+row[0]))
		})
		text, _ := os.ReadFile(out)
		return string(text), w.Done, err
	}
	whole, _, err := run(9)
	const want = "Job Title;Note;persona\n\"VP;\nSales\";'=1+1;\"'@VP;\nSales\"\nCFO;;'@CFO\n-5;'+49 170;'@-5\n"
	if err != nil || whole != want {
		t.Fatalf("got %q, %v", whole, err)
	}
	for _, end := range []int{0, 23, 40, 41, len(whole) - 4, len(whole) - 1, len(whole)} { // a run that was killed
		write(out, whole[:end])
		again, done, err := run(9)
		if err != nil || again != whole {
			t.Errorf("after %d bytes, %d rows: %q, %v", end, done, again, err)
		}
	}
	if err := os.Remove(out); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, done, err := run(1); done != i || err != nil {
			t.Errorf("%d rows were there, want %d; %v", done, i, err)
		}
	}
	for name, text := range map[string]string{"another file": "name,age\nAda,1\n", "another row": strings.Replace(whole, "CFO", "CEO", 1)} {
		write(out, text)
		if _, _, err := run(9); err == nil || !strings.Contains(err.Error(), "is not the beginning of this result") {
			t.Errorf("%s: %v", name, err)
		}
		if kept, _ := os.ReadFile(out); string(kept) != text {
			t.Errorf("%s was changed to %q", name, kept)
		}
	}
	for text, words := range map[string]string{
		"": "is empty", "a,b\n1,2,3\n": "line 2, has 3 cells", "a\n\"x\ny\n": "is no CSV", "a\nM\xfcller\n": "is not UTF-8",
	} {
		write(in, text)
		if _, err := format.OpenCSV(t.Context(), format.Stdio{}, in); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v", text, err)
		}
	}
	var stdout bytes.Buffer
	stdio := format.Stdio{In: io.Reader(strings.NewReader("a\tb\n1\t2\n")), Out: &stdout}
	c, err := format.OpenCSV(t.Context(), stdio, "-")
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Create(stdio, "-", "c")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Each(func(_ int, row []string) error { return w.Write(append(row, "3")) }); err != nil || stdout.String() != "a\tb\tc\n1\t2\t3\n" {
		t.Errorf("%q, %v", stdout.String(), err)
	}
}
