package ci

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"personae.dev/internal/machinetest"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run puts the binary into the PATH, where the examples expect it.
func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "personae-ci-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, "ci:", err)
		return 1
	}
	defer os.RemoveAll(folder)
	name := "personae"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	binary, err := machinetest.Build(folder)
	if err == nil && filepath.Dir(binary) != folder {
		err = os.Symlink(binary, filepath.Join(folder, name))
	}
	if err == nil {
		err = os.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	if err == nil {
		err = os.Unsetenv("PERSONAE_SERVER")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ci:", err)
		return 1
	}
	return m.Run()
}

// example runs one of the other languages, or skips the test where the machine does
// not have it.
func example(t *testing.T, env []string, program string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		machinetest.Lacks(t, "no %s, so that this example is not tried", program)
	}
	command := exec.CommandContext(t.Context(), program, args...)
	command.Env = append(os.Environ(), env...)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", program, err, out)
	}
	t.Logf("%s", out)
}

func TestNode(t *testing.T) {
	t.Parallel()
	example(t, nil, "node", "--test", "personae.test.mjs")
}

func TestShell(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: no shell on Windows")
	}
	if _, err := exec.LookPath("curl"); err != nil {
		machinetest.Lacks(t, "no curl, so that the example of the shell is not tried")
	}
	example(t, nil, "sh", "personae_test.sh")
}

// TestWorkflow starts the server as the workflow does, with the variables of the
// Dockerfile, and runs the shell example against it.
func TestWorkflow(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("workflow.yml")
	if err != nil {
		t.Fatal(err)
	}
	var workflow struct {
		Jobs map[string]struct {
			Services map[string]struct {
				Image string
				Env   map[string]string
				Ports []string
			}
			Env   map[string]string
			Steps []struct{ Run string }
		}
	}
	if err := yaml.Unmarshal(text, &workflow); err != nil {
		t.Fatal(err)
	}
	job := workflow.Jobs["test"]
	service := job.Services["personae"]
	if job.Env["PERSONAE_API_KEY"] != personaeKey || service.Env["PERSONAE_KEY"] != personaeKey {
		t.Errorf("the keys are %q and %q", job.Env["PERSONAE_API_KEY"], service.Env["PERSONAE_KEY"])
	}
	for _, step := range job.Steps {
		for _, word := range strings.Fields(step.Run) {
			if strings.HasPrefix(word, "personae") {
				if _, err := os.Stat(word); err != nil {
					t.Errorf("%s: %v", step.Run, err)
				}
			}
		}
	}
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"ENV PERSONAE_LISTEN=0.0.0.0:7070 PERSONAE_DATABASE=/data/personae.db", `CMD ["personae", "healthcheck"]`, `CMD ["serve"]`,
	} {
		if !strings.Contains(string(dockerfile), line) {
			t.Errorf("the Dockerfile lacks %s", line)
		}
	}

	server := exec.CommandContext(t.Context(), "personae", "serve", "--listen", "127.0.0.1:0") // another test may have port 7070
	server.Dir = t.TempDir()
	server.Env = append(os.Environ(), "PERSONAE_DATABASE=/data/personae.db")
	for name, value := range service.Env {
		server.Env = append(server.Env, name+"="+value)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	url := ""
	for lines := bufio.NewScanner(out); url == "" && lines.Scan(); {
		if rest, found := strings.CutPrefix(lines.Text(), "Serving "); found {
			url, _, _ = strings.Cut(rest, ",")
		}
	}
	example(t, []string{"PERSONAE_LISTEN=" + strings.TrimPrefix(url, "http://")}, "personae", "healthcheck")
	if runtime.GOOS != "windows" {
		example(t, []string{"PERSONAE_SERVER=" + url}, "sh", "personae_test.sh")
	}
}
