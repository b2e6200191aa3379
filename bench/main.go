//go:build linux

// Command bench measures the shipped binary over HTTP, beside a bare net/http
// handler and PocketBase, all in one run, and writes a table of ratios and times.
//
//	make bench
//	make bench BENCH_FLAGS='-only get,list -rounds 3'
//	make bench-quick
//
// Servers run on one core and the load generator on another. Ratios are taken
// round by round, as the machine is not the same from one minute to the next.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"personae.dev/internal/store/postgrestest"
)

// options are the flags.
type options struct {
	only, out, data string
	quick           bool
	rounds          int
	each            time.Duration
	entities        int
	connections     int
	imported        int
}

// measure is one part of the run.
type measure struct {
	name string
	run  func(*bench, context.Context) error
}

// measures is every part, in the order of the table. Importing comes before
// what searches in the databases that it leaves.
var measures = []measure{
	{"get", (*bench).get},
	{"large", (*bench).large},
	{"list", (*bench).list},
	{"import", (*bench).importing},
	{"search", (*bench).search},
	{"create", (*bench).create},
	{"start", (*bench).starting},
	{"memory", (*bench).memory},
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "bare" {
		exit(serveBare(os.Args[2]))
	}
	var names []string
	for _, m := range measures {
		names = append(names, m.name)
	}
	var o options
	flag.StringVar(&o.only, "only", "", "comma-separated `names` of what to measure: "+strings.Join(names, ", "))
	flag.BoolVar(&o.quick, "quick", false, "less data and fewer rounds; prints, and writes no file unless -out is given")
	flag.StringVar(&o.out, "out", "", "`file` for the table; default results/latest.md, none with -quick or -only")
	flag.StringVar(&o.data, "data", "", "`folder` that keeps the large database for later runs")
	flag.IntVar(&o.rounds, "rounds", 0, "rounds of each measure; default 7, or 3 with -quick")
	flag.DurationVar(&o.each, "each", 0, "how long each contender is loaded in a round; default 3s, or 1s with -quick")
	flag.IntVar(&o.entities, "entities", 0, "entities of the large database; default 1000000, or 20000 with -quick")
	flag.IntVar(&o.connections, "connections", 0, "idle connections; default 10000, or 500 with -quick")
	flag.Parse()
	o = o.withDefaults()
	for name := range strings.SplitSeq(o.only, ",") {
		if name != "" && !slices.Contains(names, name) {
			exit(fmt.Errorf("-only %s: there are %s", name, strings.Join(names, ", ")))
		}
	}
	if err := pin(); err != nil {
		exit(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	exit(err)
}

func (o options) withDefaults() options {
	choose := func(value *int, usual, quick int) {
		if *value == 0 && o.quick {
			*value = quick
		} else if *value == 0 {
			*value = usual
		}
	}
	choose(&o.rounds, 7, 3)
	choose(&o.entities, 1_000_000, 20_000)
	choose(&o.connections, 10_000, 500)
	choose(&o.imported, 101_600, 10_160)
	if o.each == 0 {
		o.each = 3 * time.Second
		if o.quick {
			o.each = time.Second
		}
	}
	if o.out == "" && !o.quick && o.only == "" {
		o.out = filepath.Join("results", "latest.md")
	}
	return o
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// pinned is set for the process that is on the generator's core.
const pinned = "PERSONAE_BENCH_PINNED"

// Cores for taskset. Whatever is on no list may use all cores.
const (
	serverCore    = "0"
	generatorCore = "1"
)

// pin starts this process again on the generator's core, where there are two.
func pin() error {
	if os.Getenv(pinned) != "" || runtime.NumCPU() < 2 {
		return nil
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return fmt.Errorf("taskset is needed, of util-linux: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := append([]string{"taskset", "-c", generatorCore, self}, os.Args[1:]...)
	return syscall.Exec(taskset, args, append(os.Environ(), pinned+"="+strconv.Itoa(runtime.NumCPU())))
}

// bench is one run.
type bench struct {
	options
	report
	root    string // of the repository
	folder  string // removed at the end
	binary  string // the product
	lines   *lines
	servers []*server
	cluster *postgrestest.Server
	// searched has the databases of the search, by their number of personas.
	searched map[int]installation
}

func run(ctx context.Context, o options) (err error) {
	b := &bench{options: o, root: "..", searched: map[int]installation{}}
	if b.lines, err = readLines(filepath.Join(b.root, "examples", "onet", "personas.jsonl")); err != nil {
		return fmt.Errorf("run it in the folder bench: %w", err)
	}
	if b.folder, err = os.MkdirTemp("", "personae-bench-"); err != nil {
		return err
	}
	defer b.close()
	b.say("building the product")
	b.binary = filepath.Join(b.folder, "personae")
	if err := b.build(ctx, b.root, b.binary, "./cmd/personae"); err != nil {
		return err
	}
	version := "unknown"
	if out, err := exec.CommandContext(ctx, "git", "describe", "--tags", "--always", "--dirty").Output(); err == nil {
		version = strings.TrimSpace(string(out))
	}
	b.head = fmt.Sprintf("Version %s, %s, %s/%s, %s cores, %s.", version, processor(), runtime.GOOS, runtime.GOARCH, cores(), runtime.Version())
	for _, m := range measures {
		if b.only != "" && !slices.Contains(strings.Split(b.only, ","), m.name) {
			continue
		}
		b.say("%s", m.name)
		if err := m.run(b, ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			b.say("%s failed: %v", m.name, err)
			b.failed = append(b.failed, fmt.Sprintf("%s: %v", m.name, err))
		}
		b.stopServers()
	}
	fmt.Print(b.markdown())
	if b.out != "" {
		if err := os.MkdirAll(filepath.Dir(b.out), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(b.out, []byte(b.markdown()), 0o644); err != nil {
			return err
		}
	}
	if len(b.failed) > 0 {
		return fmt.Errorf("%d measures failed", len(b.failed))
	}
	return nil
}

func (b *bench) close() {
	b.stopServers()
	if b.cluster != nil {
		b.cluster.Close()
	}
	_ = os.RemoveAll(b.folder)
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// build builds a command as it is released.
func (b *bench) build(ctx context.Context, module, binary, path string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-C", module, "-trimpath", "-ldflags", "-s -w", "-o", binary, path)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := everywhere(cmd).CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", path, err, out)
	}
	return nil
}

func cores() string {
	if n := os.Getenv(pinned); n != "" {
		return n
	}
	return strconv.Itoa(runtime.NumCPU())
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // without it a name is missing
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
