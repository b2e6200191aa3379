//go:build linux

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"personae.dev/bench/load"
	"personae.dev/bench/report"
)

// measure is one thing to measure, with contenders of its own.
type measure struct {
	id, title string
	take      func(*bench, context.Context, *report.Measure) error
}

// measures are all there are, in the order of the report.
func measures() []measure {
	return []measure{
		{"machine", "The machine alone", (*bench).alone},
		{report.Throughput, "Get, hot", (*bench).get},
		{"not-modified", "Get with If-None-Match, hot", (*bench).notModified},
		{"large", "Get from a large library, drawn uniformly", (*bench).large},
		{report.Size, "Cost of a get over the size of the library", (*bench).size},
		{report.Latency, "Latency of a get over the rate", (*bench).latency},
		{"list", "List of 50", (*bench).list},
		{"search", "Search", (*bench).search},
		{"create", "Create, 16 clients", (*bench).create},
		{"group-commit", "Create, 64 clients and 1", (*bench).groupCommit},
		{"resource", "List, search and create, to get of the same server", (*bench).resource},
		{"search-large", "Search in a large workspace, one client", (*bench).searchLarge},
		{"import", "Import", (*bench).importing},
		{"start", "Start to first answer", (*bench).startup},
		{"memory", "Resident memory", (*bench).memory},
		{"allocations", "Allocations of a hot get", (*bench).allocations},
	}
}

func ids() []string {
	var all []string
	for _, m := range measures() {
		all = append(all, m.id)
	}
	return all
}

// turn is what one contender does in each round.
type turn struct {
	*contender
	call
	clients int
	rate    float64 // 0: as fast as can be
	name    string  // in the table, if it is not the contender's
	next    uint64  // request
	// ends has the next request after each round, the warm-up's first.
	ends []uint64
}

// gets is a turn of gets as fast as can be for each contender but nil ones.
func (b *bench) gets(contenders ...*contender) []*turn {
	return turns(b.clients, func(c *contender) *call { return c.get }, contenders...)
}

// creates is a turn of creates.
func creates(clients int, contenders ...*contender) []*turn {
	return turns(clients, func(c *contender) *call { return c.create }, contenders...)
}

// turns is a turn for each contender that there is and that can do it.
func turns(clients int, of func(*contender) *call, contenders ...*contender) []*turn {
	var all []*turn
	for _, c := range contenders {
		if c != nil && of(c) != nil {
			all = append(all, &turn{contender: c, call: *of(c), clients: clients, name: c.name})
		}
	}
	return all
}

// alternate lets everybody have their turn, round by round, once their answers
// have been looked at. The first round warms up and does not count.
func (b *bench) alternate(ctx context.Context, all []*turn, each time.Duration) ([]report.Series, error) {
	series := make([]report.Series, len(all))
	for i, t := range all {
		bytes, err := t.check(ctx, t.address)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
		series[i].Name, series[i].Rate, series[i].Bytes = t.name, t.rate, bytes
	}
	for round := range b.rounds + 1 {
		for i, t := range all {
			result, server, err := b.load(ctx, t, each)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			t.ends = append(t.ends, t.next)
			b.say("  round %d of %d: %-28s %8.0f/s  p50 %7.2f ms  p99 %7.2f ms  server %3.0f %%  generator %3.0f %%", round, b.rounds, t.name,
				result.PerSecond, ms(result.Quantile(0.5)), ms(result.Quantile(0.99)), 100*server, 100*result.Cores)
			if round == 0 {
				continue
			}
			s := &series[i]
			s.Refused += result.Refused
			s.PerSecond = append(s.PerSecond, result.PerSecond)
			s.P50 = append(s.P50, ms(result.Quantile(0.5)))
			s.P99 = append(s.P99, ms(result.Quantile(0.99)))
			s.Server = append(s.Server, server)
			s.Generator = append(s.Generator, result.Cores)
		}
	}
	return series, nil
}

// leadIn is how long a load at a rate goes on before it counts: until then the
// processor has in its caches what another contender left there.
const leadIn = 250 * time.Millisecond

// load is one turn, and how much of a core its server used.
func (b *bench) load(ctx context.Context, t *turn, each time.Duration) (result load.Result, server float64, err error) {
	if t.rate > 0 {
		if _, err := b.run(ctx, t, leadIn); err != nil {
			return result, 0, err
		}
	}
	before, err := t.cpuSeconds()
	if err != nil {
		return result, 0, err
	}
	began := time.Now()
	if result, err = b.run(ctx, t, each); err != nil {
		return result, 0, err
	}
	seconds := time.Since(began).Seconds()
	after, err := t.cpuSeconds()
	return result, (after - before) / seconds, err
}

// run sends what is next of a turn for some time.
func (b *bench) run(ctx context.Context, t *turn, lasts time.Duration) (load.Result, error) {
	result, err := load.Run(ctx, load.Plan{
		Address: t.address, Source: t.source, First: t.next, Clients: t.clients, Lasts: lasts, Rate: t.rate, Status: t.status, Core: b.loadCore,
	})
	t.next += result.Sent
	return result, err
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// of finds a contender's series.
func of(series []report.Series, name string) *report.Series {
	at := slices.IndexFunc(series, func(s report.Series) bool { return s.Name == name })
	if at < 0 {
		return nil
	}
	return &series[at]
}

// ratio adds a row with one contender's rate over another's, or with why one of
// them is missing.
func (b *bench) ratio(m *report.Measure, what, name, to string, atLeast float64) {
	row := report.Row{What: what, Unit: "×", AtLeast: atLeast}
	one, other := of(m.Series, name), of(m.Series, to)
	switch {
	case one == nil:
		row.Missing = b.why(name)
	case other == nil:
		row.Missing = b.why(to)
	default:
		row.Values = report.Over(one.PerSecond, other.PerSecond)
	}
	m.Rows = append(m.Rows, row)
}

// why says why there is no series of a name, which begins with a contender's.
func (b *bench) why(series string) string {
	for name, why := range b.missing {
		if strings.HasPrefix(series, name) {
			return why
		}
	}
	return series + " was not there"
}
