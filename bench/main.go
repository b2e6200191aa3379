//go:build linux

// Command bench measures Personae against the ceiling, a bare net/http handler,
// and against what people would otherwise run: PocketBase, and mocks from npm.
// It builds and starts them all with the same data on this machine, loads them
// in turn, and writes tables, plots and all values into a folder.
//
//	make bench
//	make bench BENCH_FLAGS='-only get,not-modified'
//	make bench-quick
//
// docs/benchmarks.md says what is measured and how to read it. It measures and
// compares; whether the answers are right, the tests say.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"personae.dev/bench/report"
)

// options say how much is measured.
type options struct {
	quick   bool
	rounds  int           // that count; one more comes before them
	each    time.Duration // of one load in a round
	clients int           // of a load that is as fast as can be

	personas  int   // of the library that is hot
	resources []int // of the libraries that all calls are measured on
	sizes     []int // of libraries; the last is the large one
	searched  int   // personas of the library that is searched
	imported  int
	loaded    time.Duration // before memory is looked at
	idle      int           // connections
	starts    int
	brief     time.Duration // of one load where there are many
}

// full is what the aims ask for.
func full() options {
	return options{
		rounds: 5, each: 4 * time.Second, clients: 64,
		personas: 10_000, sizes: []int{1_000, 10_000, 100_000, 1_000_000}, searched: 100_000, imported: 101_600, resources: []int{1_016, 101_600},
		loaded: time.Minute, idle: 10_000, starts: 7, brief: 2 * time.Second,
	}
}

// quick is for a look in between.
func quick() options {
	return options{
		quick: true, rounds: 3, each: 400 * time.Millisecond, clients: 64,
		personas: 1_000, sizes: []int{1_000, 10_000}, searched: 5_000, imported: 5_080, resources: []int{1_016, 5_080},
		loaded: 3 * time.Second, idle: 1_000, starts: 3, brief: 200 * time.Millisecond,
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

func command(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	var (
		isQuick = flags.Bool("quick", false, "less data and time: for a look, not for a record")
		only    = flags.String("only", "", "measure only these, by id, with commas: "+strings.Join(ids(), ","))
		skip    = flags.String("skip", "", "measure all but these")
		out     = flags.String("out", "bench/results", "the folder for the results; what it has of other measures stays")
		page    = flags.String("readme", "", "a page to put the table of aims into as well")
		keep    = flags.String("data", "", "a folder where the libraries stay for the next run; otherwise they are made anew and removed")
		rounds  = flags.Int("rounds", 0, "rounds that count")
		each    = flags.Duration("each", 0, "time of one load")
		show    = flags.Bool("report", false, "measure nothing: write table and plots from results.json again")
	)
	_ = flags.Parse(args) // it exits
	opts := full()
	if *isQuick {
		opts = quick()
	}
	if *rounds > 0 {
		opts.rounds = *rounds
	}
	if *each > 0 {
		opts.each = *each
	}
	chosen, err := choose(*only, *skip)
	if err != nil {
		return err
	}
	if *show {
		chosen = nil
	}
	results, err := report.Load(filepath.Join(*out, "results.json"))
	if err != nil {
		return err
	}
	b, err := newBench(ctx, opts, *keep)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()

	var failed []error
	for _, m := range chosen {
		measured, err := b.measure(ctx, m)
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), errors.Join(failed...))
		}
		if err != nil { // the others may go well
			b.say("%s: FAILED: %v", m.id, err)
			failed = append(failed, fmt.Errorf("%s: %w", m.id, err))
			continue
		}
		results.Put(measured, ids())
		if err := results.Save(*out); err != nil {
			return err
		}
	}
	if *show {
		if err := results.Save(*out); err != nil {
			return err
		}
	}
	if *page != "" {
		failed = append(failed, results.Insert(*page, *out))
	}
	fmt.Print(results.Aims())
	b.say("results are in %s", *out)
	return errors.Join(failed...)
}

// choose returns the measures to take.
func choose(only, skip string) (chosen []measure, err error) {
	named := func(list string) []string {
		return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
	}
	for _, id := range slices.Concat(named(only), named(skip)) {
		if !slices.Contains(ids(), id) {
			return nil, fmt.Errorf("there is no measure %q: there are %s", id, strings.Join(ids(), ", "))
		}
	}
	for _, m := range measures() {
		if (only == "" || slices.Contains(named(only), m.id)) && !slices.Contains(named(skip), m.id) {
			chosen = append(chosen, m)
		}
	}
	return chosen, nil
}

// measure takes one measure and dates it.
func (b *bench) measure(ctx context.Context, m measure) (report.Measure, error) {
	b.say("%s: %s", m.id, m.title)
	measured := report.Measure{
		ID: m.id, Title: m.title, At: time.Now().UTC().Truncate(time.Second), Version: b.version, Machine: b.machine, Quick: b.quick,
	}
	defer b.stopAll()
	if err := m.take(b, ctx, &measured); err != nil {
		return measured, err
	}
	if err := measured.Check(); err != nil {
		return measured, err
	}
	for _, r := range measured.Rows {
		if r.Missing != "" {
			b.say("  %s: not measured: %s", r.What, r.Missing)
			continue
		}
		b.say("  %s: %.4g %s", r.What, report.Median(r.Values), r.Unit)
	}
	return measured, nil
}
