package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/cli/format"
	"personae.dev/internal/errs"
	"personae.dev/internal/files"
)

// TestReadValues shows which files an import reads, and what is said of others.
func TestReadValues(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want []string // "LINE VALUE", or a part of the error
	}{
		"Lines":        {"{\"name\":\"A\"}\n\n{\"name\":\"B\"}\n", []string{`1 {"name":"A"}`, `3 {"name":"B"}`}},
		"BOM":          {"\ufeff{\"name\":\"A\"}", []string{`1 {"name":"A"}`}},
		"Array":        {"[{\"name\":\"A\"},\n{\"name\":\"B\"}]", []string{"1 [{\"name\":\"A\"},\n{\"name\":\"B\"}]"}},
		"YAML":         {"name: A\n---\nname: B", []string{`1 {"name":"A"}`, `3 {"name":"B"}`}},
		"YAMLList":     {"# personas\n- name: A\n- name: B\n", []string{`2 [{"name":"A"},{"name":"B"}]`}},
		"YAMLWithMark": {"---\nname: A\n", []string{`2 {"name":"A"}`}},
		"Empty":        {"", nil},
		"Blank":        {"\n \n", nil},
		"CSV":          {"name,pain points,job titles\nVP,\"Ramp, slow\",VP of Sales\n", []string{"This looks like CSV."}},
		"CSVQuoted":    {"\"name\";\"pain points\"\r\n\"VP\";\"Ramp\"\r\n", []string{"This looks like CSV."}},
		"TSV":          {"name\tpain points\nVP\tRamp\n", []string{"This looks like a table with tabs (TSV)."}},
		"HTML":         {"<html><body>Sign in</body></html>", []string{"This looks like HTML or XML."}},
		"Spreadsheet":  {"PK\x03\x04\x00\x00", []string{"This looks like a spreadsheet"}},
		"Words":        {"just some words", []string{"is neither JSON nor YAML with entities"}},
		"BrokenYAML":   {"a: [", []string{"is neither YAML nor JSON"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines, err := files.Values(strings.NewReader(test.text))
			if err != nil {
				if len(test.want) != 1 || !strings.Contains(err.Error(), test.want[0]) {
					t.Errorf("the error is %v, want %q", err, test.want)
				}
				return
			}
			var got []string
			for line, err := range lines {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprintf("%d %s", line.Number, line.Value))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

// TestInterruptedInput shows that the copy of stdin is closed and removed when the
// command is interrupted while stdin has not ended.
func TestInterruptedInput(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	stdin, writer := io.Pipe()
	defer writer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = writer.Write([]byte(`{"name":"A"}`)) // returns when it was read
		cancel()
	}()
	in, err := openInput(ctx, format.Stdio{In: stdin, Err: io.Discard}, "-")
	if !errors.Is(err, context.Canceled) || in != nil {
		t.Fatalf("%v, %v", in, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	descriptors, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("open files are not listed here")
	}
	for _, d := range descriptors {
		if target, err := os.Readlink("/proc/self/fd/" + d.Name()); err == nil && strings.HasPrefix(target, dir) {
			t.Errorf("%s is still open", target)
		}
	}
}

// TestInput shows what of stdin, files and folders is read.
func TestInput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "a.jsonl")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, "-"} {
		in, err := openInput(t.Context(), format.Stdio{In: strings.NewReader("text"), Err: io.Discard}, name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if string(text) != "text" || err != nil || in.size != 4 {
			t.Errorf("%s: %q of %d bytes, %v", name, text, in.size, err)
		}
		in.close()
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the file itself is gone: %v", err)
	}
	for _, name := range []string{dir, filepath.Join(dir, "nothing")} {
		if _, err := openInput(t.Context(), format.Stdio{}, name); errs.CodeOf(err) != errs.CodeBadSetting {
			t.Errorf("%s: %v", name, err)
		}
	}
}
