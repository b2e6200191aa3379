//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
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
	all := turns(1, func(c *contender) *call { return c.search }, ours)
	if m.Series, err = b.alternate(ctx, all, b.each); err != nil {
		return err
	}
	ours.stop() // so that the log is whole
	took, err := serverTimes(ours.log, "/api/v2/persona/list")
	if err != nil {
		return err
	}
	asked := all[0]
	if want := asked.kinds + int(asked.next); len(took) != want {
		return fmt.Errorf("the access log has %d searches, and %d were asked for", len(took), want)
	}
	took = took[asked.kinds:] // what was looked at before the rounds
	what := fmt.Sprintf("search over %s personas, ", report.Whole(l.Personas))
	all50, all99 := quantiles(asked.ends, took, func(int) bool { return true })
	m.Rows = append(m.Rows,
		report.Row{What: what + "p50 in the server", Unit: "ms", AtMost: 3, Values: all50},
		report.Row{What: what + "p99 in the server", Unit: "ms", AtMost: 15, Values: all99})
	for class, one := range searches {
		p50, p99 := quantiles(asked.ends, took, func(other int) bool { return other == class })
		m.Rows = append(m.Rows,
			report.Row{What: what + one.class + ", p50 in the server", Unit: "ms", Values: p50},
			report.Row{What: what + one.class + ", p99 in the server", Unit: "ms", Values: p99})
	}
	m.Notes = append(m.Notes, fmt.Sprintf("%s; %d found at a time, one after the other. The times of the rows are those of the access log (`tookUs`).", mix(), shown))
	return nil
}

// quantiles returns p50 and p99 of the searches of some classes, for each round
// that counts: ends has the number of searches up to the end of each, and took
// their times. A round without one has no number.
func quantiles(ends []uint64, took []float64, of func(class int) bool) (p50, p99 []float64) {
	for round := 1; round < len(ends); round++ {
		var times []float64
		for n := ends[round-1]; n < ends[round]; n++ {
			if of(classOf(n)) {
				times = append(times, took[n])
			}
		}
		slices.Sort(times)
		p50, p99 = append(p50, at(times, 0.50)), append(p99, at(times, 0.99))
	}
	return p50, p99
}

// at is the value that a share of the sorted ones does not exceed.
func at(sorted []float64, share float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
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

// startOnce asks as soon as the server says where it is; what there is to prepare
// is prepared before.
func (b *bench) startOnce(ctx context.Context, l *data.Library) (float64, error) {
	if _, err := b.ours(ctx); err != nil {
		return 0, err
	}
	began := time.Now()
	p, err := b.serve(ctx, l)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	a, err := dial(ctx, p.address)
	if err != nil {
		return 0, err
	}
	defer a.Close()
	if _, _, err := a.ask(getting(l, p.address, nil)(nil, 0), http.StatusOK); err != nil {
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
	done, err := load.Idle(ctx, idle.address, idle.get.source, b.idle)
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

// allocated finds what a benchmark says.
var allocated = regexp.MustCompile(`(?m)^BenchmarkGetPersona/(\w+).* (\d+) allocs/op`)

// allocations runs the benchmark of the hot path in the product itself.
func (b *bench) allocations(ctx context.Context, m *report.Measure) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkGetPersona$", "-count", strconv.Itoa(b.rounds), "-benchtime", "20000x", "./internal/api")
	cmd.Dir = b.root
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("go test: %w: %s", err, last(out, 2000))
	}
	values := map[string][]float64{}
	for _, found := range allocated.FindAllSubmatch(out, -1) {
		value, err := strconv.ParseFloat(string(found[2]), 64)
		if err != nil {
			return err
		}
		values[string(found[1])] = append(values[string(found[1])], value)
	}
	m.Rows = append(m.Rows,
		report.Row{What: "allocations of a hot get, the handler alone", AtMost: 3, Values: values["Handler"]},
		report.Row{What: "allocations of a hot get, the whole way: the handler, and our loop in net/http's place", Values: values["Connection"]},
		report.Row{What: "allocations of a hot get, the same handler over net/http's own server", Values: values["NetHTTP"]})
	m.Notes = append(m.Notes,
		"`go test -run '^$' -bench GetPersona ./internal/api`; a test there holds the budgets of the first two.",
		"The aim leaves net/http's own part aside. For plain gets [internal/fastpath](../../internal/fastpath) stands in its place, reads requests and writes answers, so it is left out of the first row as well; what the second has more is its part, what the third has more is net/http's for the same work.")
	return nil
}
