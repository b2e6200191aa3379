package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"personae.dev/internal/machinetest"
	"personae.dev/internal/store/postgrestest"
)

// binary is the program under test, as it is shipped: without cgo, and without
// the race detector.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if runtime.GOOS == "windows" {
		fmt.Fprintln(os.Stderr, "e2e: nothing to run on Windows")
		return 0
	}
	dir, err := os.MkdirTemp("", "personae-e2e-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binary, err = machinetest.Build(dir); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return m.Run()
}

// examples returns the path of a file in examples/.
func examples(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestScripts(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func() string{
		"SQLite":     func() string { return "sqlite:personae.db" },
		"PostgreSQL": func() string { return postgrestest.New(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runScripts(t, strings.ToLower(name), database)
		})
	}
}

// runScripts runs those that are for an engine; each has a database of its own.
func runScripts(t *testing.T, engine string, database func() string) {
	t.Helper()
	onet := examples(t, "onet/personas.jsonl")
	fixtures, err := filepath.Abs("testdata/fixtures")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Condition: func(condition string) (bool, error) {
			if condition != "sqlite" && condition != "postgresql" {
				return false, fmt.Errorf("unknown condition %s", condition)
			}
			return condition == engine, nil
		},
		Cmds:                commands,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(binary)+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("ONET", onet)
			env.Setenv("FIXTURES", fixtures)
			env.Setenv("DATABASE", database())
			if engine != "sqlite" { // which is the default
				env.Setenv("PERSONAE_DATABASE", env.Getenv("DATABASE"))
			}
			state := &state{client: &http.Client{}}
			env.Values[stateKey{}] = state
			env.Defer(func() {
				state.hangUp()
				if state.server != nil {
					state.server.crash()
				}
			})
			return nil
		},
	})
}
