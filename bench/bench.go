//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"personae.dev/bench/data"
	"personae.dev/internal/store/postgrestest"
)

// bench is one run: its folder, and what it has built, filled and started.
type bench struct {
	options
	root    string // of the repository
	folder  string // goes away at the end
	data    string // of the libraries
	machine string
	version string
	// serverCore and loadCore are where contenders and generator run; -1 where
	// there is only one core.
	serverCore, loadCore int

	documents *data.Documents
	binaries  map[string]string
	postgres  *postgrestest.Server
	databases int // of PostgreSQL
	running   []*process
	// missing says why a contender, by its name, is not there.
	missing map[string]string
}

func newBench(ctx context.Context, opts options, keep string) (_ *bench, err error) {
	b := &bench{options: opts, root: ".", binaries: map[string]string{}, missing: map[string]string{}, serverCore: -1, loadCore: -1}
	if b.documents, err = data.Read(b.root); err != nil {
		return nil, fmt.Errorf("run it from the root of the repository: %w", err)
	}
	if b.folder, err = os.MkdirTemp("", "personae-bench-"); err != nil {
		return nil, err
	}
	b.data = filepath.Join(b.folder, "data")
	if keep != "" {
		b.data = keep
	}
	if err := os.MkdirAll(b.data, 0o755); err != nil {
		return nil, errors.Join(err, b.close())
	}
	var cores unix.CPUSet
	if err := unix.SchedGetaffinity(0, &cores); err != nil {
		return nil, errors.Join(err, b.close())
	}
	var ours []int
	for core := range len(cores) * 64 {
		if cores.IsSet(core) {
			ours = append(ours, core)
		}
	}
	if len(ours) > 1 {
		b.serverCore, b.loadCore = ours[0], ours[1]
	} else {
		b.say("there is one core: contenders and generator share it, and ratios are nearer to 1 than they should be")
	}
	b.machine = fmt.Sprintf("%s, %d cores, %s/%s, %s", processor(), len(ours), runtime.GOOS, runtime.GOARCH, runtime.Version())
	b.version = "unknown"
	if out, err := exec.CommandContext(ctx, "git", "describe", "--tags", "--always", "--dirty").Output(); err == nil {
		b.version = strings.TrimSpace(string(out))
	}
	return b, nil
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // a name is all that is lost
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// close stops what runs and removes the folder.
func (b *bench) close() error {
	b.stopAll()
	if b.postgres != nil {
		b.postgres.Close()
	}
	return os.RemoveAll(b.folder)
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}

// leaveOut lets a contender that cannot be had be missing; the rows that need it
// say why.
func (b *bench) leaveOut(name string, why error) {
	b.say("%s is left out: %v", name, why)
	b.missing[name] = why.Error()
}

// build returns a command; flags are those of the go command.
func (b *bench) build(ctx context.Context, name, module, path string, flags ...string) (binary string, err error) {
	if binary := b.binaries[name]; binary != "" {
		return binary, nil
	}
	b.say("building %s", name)
	binary = filepath.Join(b.folder, name)
	args := append([]string{"-C", filepath.Join(b.root, module), "build", "-o", binary}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, path)...)
	if name == product {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	b.binaries[name] = binary
	return binary, nil
}

const product = "personae"

// ours returns the product, built as it is released.
func (b *bench) ours(ctx context.Context) (binary string, err error) {
	return b.build(ctx, product, ".", "./cmd/personae", "-trimpath", "-ldflags", "-s -w")
}

// library returns an SQLite file with so many personas in so many workspaces. It
// is there for all measures, and for later runs with -data: what creates personas
// takes a copy.
func (b *bench) library(ctx context.Context, personas, workspaces int) (*data.Library, error) {
	path := filepath.Join(b.data, fmt.Sprintf("personae-%d-%d.db", personas, workspaces))
	return b.documents.FillFile(ctx, path, personas, workspaces, b.filling("SQLite", personas))
}

func (b *bench) filling(engine string, personas int) func(int) {
	last := time.Now()
	b.say("a library of %d personas on %s", personas, engine)
	return func(done int) {
		if time.Since(last) > 10*time.Second {
			last = time.Now()
			b.say("  filling: %d of %d", done, personas)
		}
	}
}

// spread is a library of so many personas with ten in each workspace.
func (b *bench) spread(ctx context.Context, personas int) (*data.Library, error) {
	return b.library(ctx, personas, personas/10)
}

// copied returns a library as its own file, to write to.
func (b *bench) copied(l *data.Library) (*data.Library, error) {
	from := strings.TrimPrefix(l.Database, "sqlite:")
	to := filepath.Join(b.folder, fmt.Sprintf("copy-%d.db", time.Now().UnixNano()))
	// Closed by its last user, it is all in the one file.
	if err := copyFile(from, to); err != nil {
		return nil, err
	}
	another := *l
	another.Database = "sqlite:" + to
	return &another, nil
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = target.ReadFrom(source)
	return errors.Join(err, target.Close())
}

// onPostgres returns a library of one workspace on PostgreSQL, or nil where
// that is not installed. Its server is on the contenders' core, durable, with
// its settings as it ships them but for shared_buffers.
func (b *bench) onPostgres(ctx context.Context, personas int) (*data.Library, error) {
	database, err := b.newDatabase()
	if err != nil || database == "" {
		return nil, err
	}
	return b.documents.Fill(ctx, database, personas, 1, b.filling("PostgreSQL", personas))
}

// newDatabase returns the address of an empty database on PostgreSQL, "" where
// that is not installed.
func (b *bench) newDatabase() (address string, err error) {
	if b.postgres == nil {
		if !postgrestest.Installed() {
			b.leaveOut(postgresName, errors.New("PostgreSQL is not installed (scripts/test-deps says how to get it)"))
			return "", nil
		}
		err = b.onServerCore(func() error {
			b.postgres, err = postgrestest.Launch("shared_buffers = 256MB")
			return err
		})
		if err != nil {
			return "", err
		}
	}
	b.databases++
	return b.postgres.Create(fmt.Sprintf("bench%d", b.databases))
}
