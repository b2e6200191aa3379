//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"time"

	"personae.dev/bench/data"
	"personae.dev/bench/load"
	"personae.dev/bench/report"
)

// searchLarge measures search where there is much to find, in the time that the
// server itself says it took.
func (b *bench) searchLarge(ctx context.Context, m *report.Measure) error {
	l, err := b.library(ctx, b.searched, 1)
	if err != nil {
		return err
	}
	ours, err := b.personae(ctx, sqliteName, l)
	if err != nil {
		return err
	}
	all := turns(1, func(c *contender) load.Source { return c.search }, ours)
	if m.Series, err = b.alternate(ctx, all, b.each); err != nil {
		return err
	}
	ours.stop() // so that the log is whole
	took, err := serverTimes(ours.log, "/api/v2/persona/list")
	if err != nil {
		return err
	}
	what := fmt.Sprintf("search over %s personas, ", report.Whole(l.Personas))
	p50, p99 := report.Row{What: what + "p50 in the server", Unit: "ms", AtMost: 3}, report.Row{What: what + "p99 in the server", Unit: "ms", AtMost: 15}
	each := len(took) / (b.rounds + 1)
	for round := 1; round <= b.rounds; round++ {
		times := slices.Sorted(slices.Values(took[round*each : (round+1)*each]))
		p50.Values = append(p50.Values, times[len(times)/2])
		p99.Values = append(p99.Values, times[len(times)*99/100])
	}
	m.Rows = append(m.Rows, p50, p99)
	m.Notes = append(m.Notes, fmt.Sprintf("%q in turn, %d found at a time, one after the other. The times of the rows are those of the access log (`tookUs`).", searches, shown))
	return nil
}

// serverTimes reads from an access log how long requests of a path took, in
// milliseconds, in order.
func serverTimes(log, path string) (took []float64, err error) {
	file, err := os.Open(log)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := json.NewDecoder(file)
	for lines.More() {
		var line struct {
			Path   string
			TookUs float64
		}
		if err := lines.Decode(&line); err != nil {
			return nil, err
		}
		if line.Path == path {
			took = append(took, line.TookUs/1000)
		}
	}
	return took, nil
}

// startup measures from the start of the command to its first answer.
func (b *bench) startup(ctx context.Context, m *report.Measure) error {
	l, err := b.spread(ctx, b.sizes[len(b.sizes)-1])
	if err != nil {
		return err
	}
	row := report.Row{What: fmt.Sprintf("start to first answer, %s personas in the file", report.Whole(l.Personas)), Unit: "ms", AtMost: 150}
	for round := range b.starts {
		took, err := b.startOnce(ctx, l)
		if err != nil {
			return err
		}
		b.say("  round %d of %d: %.0f ms", round+1, b.starts, took)
		row.Values = append(row.Values, took)
	}
	m.Rows = append(m.Rows, row)
	m.Notes = append(m.Notes, "The file is in the system's cache, as after a restart of the server alone.")
	return nil
}

func (b *bench) startOnce(ctx context.Context, l *data.Library) (float64, error) {
	if _, err := b.ours(ctx); err != nil {
		return 0, err
	}
	began := time.Now()
	c, err := b.personae(ctx, sqliteName, l)
	if err != nil {
		return 0, err
	}
	defer c.stop()
	if _, _, err = answers(ctx, c, l, 1); err != nil {
		return 0, err
	}
	return ms(time.Since(began)), nil
}

// memory measures what of the server is in RAM.
func (b *bench) memory(ctx context.Context, m *report.Measure) error {
	l, err := b.hot(ctx)
	if err != nil {
		return err
	}
	idle, err := b.personae(ctx, sqliteName, l)
	if err != nil {
		return err
	}
	if _, _, err := answers(ctx, idle, l, 1); err != nil {
		return err
	}
	b.say("  idle")
	if err := b.resident(ctx, m, idle, "resident memory, idle", 30); err != nil {
		return err
	}
	b.say("  %d idle connections", b.idle)
	done, err := load.Idle(ctx, idle.address, idle.get, b.idle)
	if err != nil {
		return err
	}
	err = b.resident(ctx, m, idle, fmt.Sprintf("resident memory with %s idle connections", report.Whole(b.idle)), 250)
	done()
	if err != nil {
		return err
	}
	idle.stop()

	large, err := b.spread(ctx, b.sizes[len(b.sizes)-1])
	if err != nil {
		return err
	}
	busy, err := b.personae(ctx, sqliteName, large)
	if err != nil {
		return err
	}
	b.say("  load for %s", b.loaded)
	if _, _, err := b.load(ctx, b.gets(busy)[0], b.loaded); err != nil {
		return err
	}
	m.Notes = append(m.Notes,
		fmt.Sprintf("Idle: %d personas in the file, one answered. Load: as fast as can be, on %d connections, from a library of %d personas, so that the cache of 64 MiB is full. Looked at ten times in two seconds.", l.Personas, b.clients, large.Personas))
	return b.resident(ctx, m, busy, fmt.Sprintf("resident memory after %s of load", b.loaded), 160)
}

// resident adds a row with what is in RAM, looked at ten times.
func (b *bench) resident(ctx context.Context, m *report.Measure, c *contender, what string, atMost float64) error {
	row := report.Row{What: what, Unit: "MiB", AtMost: atMost}
	for range 10 {
		mib, err := c.residentMiB()
		if err != nil {
			return err
		}
		row.Values = append(row.Values, mib)
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	m.Rows = append(m.Rows, row)
	return nil
}

// allocated finds what the benchmark says.
var allocated = regexp.MustCompile(`(\d+) allocs/op`)

// allocations runs the benchmark of the hot path in the product itself, where
// net/http has no part.
func (b *bench) allocations(ctx context.Context, m *report.Measure) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkGetPersona$", "-count", strconv.Itoa(b.rounds), "-benchtime", "20000x", "./internal/api")
	cmd.Dir = b.root
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("go test: %w: %s", err, last(out, 2000))
	}
	row := report.Row{What: "allocations of a hot get in our own code", AtMost: 3}
	for _, found := range allocated.FindAllSubmatch(out, -1) {
		value, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			return err
		}
		row.Values = append(row.Values, value)
	}
	if len(row.Values) == 0 {
		return fmt.Errorf("go test told of no allocations: %s", last(out, 2000))
	}
	m.Rows = append(m.Rows, row)
	m.Notes = append(m.Notes, "`go test -run '^$' -bench GetPersona ./internal/api`; a test there holds the budget.")
	return nil
}
