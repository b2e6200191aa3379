package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"personae.dev/internal/machinetest"
)

// TestReadme runs the commands of the README's quick start, and its curl lines, as
// one session. What the README shows of the server's greeting, and of what the
// commands print, is there.
func TestReadme(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		machinetest.Lacks(t, "no curl, so that the README is not tried")
	}
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s, err := startServer(dir, os.Environ(), "--demo", "--database", "personae.db", "--listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.crash)

	var session, shown []string
	for _, block := range regexp.MustCompile("(?ms)^```(sh|console)\n(.*?)^```").FindAllStringSubmatch(string(text), -1) {
		greeting := false
		for line := range strings.Lines(block[2]) {
			line = strings.TrimRight(line, "\n")
			command, isCommand := strings.CutPrefix(line, "$ ")
			switch {
			case strings.HasPrefix(command, "make run"):
				greeting = true
			case isCommand || strings.HasPrefix(line, "curl "):
				session = append(session, strings.ReplaceAll(command, "http://127.0.0.1:7070", s.url))
			case greeting && !strings.Contains(line, "…") && !strings.Contains(s.greeting, line):
				t.Errorf("the greeting has no line %q:\n%s", line, s.greeting)
			case !greeting && block[1] == "console" && !strings.Contains(line, "…"):
				shown = append(shown, line)
			}
		}
	}
	if len(session) < 6 {
		t.Fatalf("the README has only the commands %q", session)
	}
	shell := exec.CommandContext(t.Context(), "sh", "-exc", strings.Join(session, "\n"))
	shell.Dir = dir
	shell.Env = append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"), "PERSONAE_SERVER="+s.url)
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(shown) < 6 {
		t.Errorf("the README shows only %q of what the commands print", shown)
	}
	for _, want := range shown {
		if !strings.Contains(string(out), want) {
			t.Errorf("the session does not show %q:\n%s", want, out)
		}
	}
}
