// Command bench measures the server against the ceiling: a bare net/http
// handler that writes the same bytes. Both are loaded in turn in one run, each
// on one core of its own where the machine has two, and what counts is their
// ratio.
//
//	make bench
//
// It builds the server, fills a library with examples/onet, and prints requests
// a second, memory, the size of the binary, and the time from start to first
// answer.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	var (
		rounds   = flag.Int("rounds", 5, "rounds, each server once in a round")
		each     = flag.Duration("each", 4*time.Second, "time of one measurement")
		clients  = flag.Int("clients", 64, "connections, each with one request at a time")
		bodies   = flag.String("ceiling", "", "serve the bodies in this file, and measure nothing")
		resource = flag.Bool("resource", false, "measure create, list and search against get instead")
		ceilFile = "bodies.json"
	)
	flag.Parse()
	ctx := context.Background()
	var err error
	switch {
	case *bodies != "":
		err = serveCeiling(ctx, *bodies)
	case *resource:
		err = runResource(ctx, *rounds, *each)
	default:
		err = run(ctx, *rounds, *each, *clients, ceilFile)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures in a folder of its own.
func run(ctx context.Context, rounds int, each time.Duration, clients int, ceilFile string) (err error) {
	folder, err := os.MkdirTemp("", "personae-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()

	binary, err := build(ctx, folder)
	if err != nil {
		return err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}

	database := "sqlite:" + filepath.Join(folder, "personae.db")
	key, err := prepare(ctx, binary, database, onet)
	if err != nil {
		return err
	}
	starts, err := measureStarts(ctx, binary, database, key)
	if err != nil {
		return err
	}

	server, err := startPersonae(ctx, binary, database, filepath.Join(folder, "log.jsonl"))
	if err != nil {
		return err
	}
	defer server.stop()
	idle, err := server.residentMiB()
	if err != nil {
		return err
	}
	requests, err := recordAnswers(ctx, server.address, key, filepath.Join(folder, ceilFile))
	if err != nil {
		return err
	}
	ceiling, err := startCeiling(ctx, filepath.Join(folder, ceilFile))
	if err != nil {
		return err
	}
	defer ceiling.stop()
	pinSelf()

	var ours, bare []measurement
	var ratios []float64
	for round := range rounds + 1 {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round, rounds)
		a, err := load(ctx, ceiling, requests, clients, each)
		if err != nil {
			return err
		}
		b, err := load(ctx, server, requests, clients, each)
		if err != nil {
			return err
		}
		if round == 0 {
			continue // warming up
		}
		bare, ours = append(bare, a), append(ours, b)
		ratios = append(ratios, b.perSecond/a.perSecond)
	}
	loaded, err := server.residentMiB()
	if err != nil {
		return err
	}

	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "%s, %s/%s, %d cores, %d connections, %d rounds of %s, %d personas\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), clients, rounds, each, len(requests))
	fmt.Fprintln(w, "\tmedian\tmin\tmax\tserver's core in use")
	row := func(name string, ms []measurement) {
		var rates, cores []float64
		for _, m := range ms {
			rates, cores = append(rates, m.perSecond), append(cores, m.cores)
		}
		fmt.Fprintf(w, "%s, requests/s\t%.0f\t%.0f\t%.0f\t%.0f %%\n", name, median(rates), slices.Min(rates), slices.Max(rates), 100*median(cores))
	}
	row("bare net/http", bare)
	row("persona/get", ours)
	fmt.Fprintf(w, "ratio\t%.2f\t%.2f\t%.2f\n", median(ratios), slices.Min(ratios), slices.Max(ratios))
	fmt.Fprintf(w, "start to first answer, ms\t%.0f\t%.0f\t%.0f\n", median(starts), slices.Min(starts), slices.Max(starts))
	fmt.Fprintf(w, "resident memory idle, MiB\t%.1f\n", idle)
	fmt.Fprintf(w, "resident memory after load, MiB\t%.1f\n", loaded)
	fmt.Fprintf(w, "binary, MiB\t%.1f\n", float64(info.Size())/(1<<20))
	return w.Flush()
}

// onet is the file of the 1,016 occupations.
const onet = "examples/onet/personas.jsonl"

// build builds the server as it is released.
func build(ctx context.Context, folder string) (binary string, err error) {
	fmt.Fprintln(os.Stderr, "building")
	binary = filepath.Join(folder, "personae")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/personae")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return binary, nil
}

// prepare makes a library with the personas of a file and returns a key.
func prepare(ctx context.Context, binary, database, file string) (key string, err error) {
	steps := [][]string{
		{"migrate"},
		{"workspace", "create", "--new-organization", "Bench", "Bench"},
		{"import", file},
		{"key", "create", "--scope", "read,write"},
	}
	for _, step := range steps {
		out, err := exec.CommandContext(ctx, binary, append(step, "--database", database)...).Output()
		if err != nil {
			return "", fmt.Errorf("personae %s: %w", strings.Join(step, " "), err)
		}
		key = strings.TrimSpace(string(out)) // the last one's counts
	}
	return key, nil
}

// measureStarts starts the server on the database and takes the time until it
// has answered a persona.
func measureStarts(ctx context.Context, binary, database, key string) (ms []float64, err error) {
	for range 7 {
		began := time.Now()
		server, err := startPersonae(ctx, binary, database, os.DevNull)
		if err != nil {
			return nil, err
		}
		_, err = fetch(ctx, server.address, key, "onet-11-1011.00")
		ms = append(ms, float64(time.Since(began).Microseconds())/1000)
		server.stop()
		if err != nil {
			return nil, err
		}
	}
	return ms, nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}
