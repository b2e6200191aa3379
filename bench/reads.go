//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	"personae.dev/bench/data"
	"personae.dev/bench/report"
)

// hot is the library that fits into the cache, in one workspace.
func (b *bench) hot(ctx context.Context) (*data.Library, error) { return b.library(ctx, b.personas, 1) }

// get measures everybody at what the product is for.
func (b *bench) get(ctx context.Context, m *report.Measure) error {
	l, err := b.hot(ctx)
	if err != nil {
		return err
	}
	another, err := b.copied(l) // one server at a time has a file
	if err != nil {
		return err
	}
	ours, bare, given, err := b.pair(ctx, l, l.Personas)
	if err != nil {
		return err
	}
	lookUp, err := b.lookUp(ctx, given.bodies, l)
	if err != nil {
		return err
	}
	cold, err := b.personae(ctx, sqliteName+uncached, another, "--cache-mib", "0")
	if err != nil {
		return err
	}
	var postgres, coldPostgres *contender
	if theirs, err := b.onPostgres(ctx, b.personas); err != nil {
		return err
	} else if theirs != nil {
		if postgres, err = b.personae(ctx, postgresName, theirs); err != nil {
			return err
		}
		// Each once, so that all are in its cache, as they are in that of ours on SQLite by now.
		if _, _, err := answers(ctx, postgres, theirs, theirs.Personas); err != nil {
			return err
		}
		if coldPostgres, err = b.personae(ctx, postgresName+uncached, theirs, "--cache-mib", "0"); err != nil {
			return err
		}
	}
	pocket, mock, err := b.peers(ctx, l)
	if err != nil {
		return err
	}
	prism, err := b.prism(ctx, l)
	if err != nil {
		return err
	}
	m.Series, err = b.alternate(ctx, b.gets(bare, lookUp, ours, cold, postgres, coldPostgres, pocket, mock, prism), b.each)
	if err != nil {
		return err
	}
	m.Notes = append(m.Notes,
		fmt.Sprintf("%d personas in one workspace, %d connections. PocketBase syncs less often than we do (`synchronous=NORMAL`), json-server and Prism check no key, and Prism answers with one example.", l.Personas, b.clients),
		"The core of PostgreSQL's server is the one of ours; its time is not in the column.")
	b.ratio(m, "get, hot, to bare net/http", sqliteName, bareName, 0.90)
	p99, err := b.halfLoad(ctx, m, bare, ours)
	if err != nil {
		return err
	}
	m.Rows = append(m.Rows, report.Row{What: "get, hot, at half load: p99 to bare net/http's", Unit: "×", AtMost: 1.3, Values: p99})
	b.ratio(m, "get, hot, to net/http with a map and fresh `_metadata`", sqliteName, lookUpName, 0)
	b.ratio(m, "get on PostgreSQL, hot, to SQLite", postgresName, sqliteName, 0.85)
	b.ratio(m, "get to PocketBase", sqliteName, pocketName, 9)
	b.ratio(m, "get to json-server", sqliteName, jsonName, 0)
	return nil
}

// answered is what a server answered, in the order of its library.
type answered struct {
	bodies [][]byte
	etags  []string
}

// pair starts ours on a library, and the ceiling with a body as long as the first
// of ours, up to count, are on average.
func (b *bench) pair(ctx context.Context, l *data.Library, count int, args ...string) (ours, bare *contender, g answered, err error) {
	if ours, err = b.personae(ctx, sqliteName, l); err != nil {
		return nil, nil, g, err
	}
	if g.bodies, g.etags, err = answers(ctx, ours, l, count); err != nil {
		return nil, nil, g, err
	}
	bare, err = b.bare(ctx, g.bodies, l, args...)
	return ours, bare, g, err
}

// peers starts what others would run; those that cannot be had are nil.
func (b *bench) peers(ctx context.Context, l *data.Library) (pocket, mock *contender, err error) {
	if pocket, err = b.pocketBase(ctx, l.Personas); err != nil {
		b.leaveOut(pocketName, err)
		pocket = nil
	}
	mock, err = b.jsonServer(ctx, l.Personas)
	return pocket, mock, err
}

// halfLoad gives the ceiling and ours half the rate that ours reached, and
// returns the ratios of their p99.
func (b *bench) halfLoad(ctx context.Context, m *report.Measure, bare, ours *contender) ([]float64, error) {
	half := b.gets(bare, ours)
	for _, t := range half {
		t.rate = report.Median(of(m.Series, ours.name).PerSecond) / 2
		t.name += ", half load"
	}
	series, err := b.alternate(ctx, half, b.each)
	if err != nil {
		return nil, err
	}
	m.Series = append(m.Series, series...)
	m.Notes = append(m.Notes, "*Half load* is half the rate that we reached, for both; requests fall due evenly, and a late one's time counts from when it was due. The generator then waits without sleeping.")
	return report.Over(series[1].P99, series[0].P99), nil
}

// notModified measures answers without a body.
func (b *bench) notModified(ctx context.Context, m *report.Measure) error {
	l, err := b.hot(ctx)
	if err != nil {
		return err
	}
	ours, bare, given, err := b.pair(ctx, l, l.Personas, "-not-modified")
	if err != nil {
		return err
	}
	all := b.gets(bare, bare, ours)
	for _, t := range all[1:] {
		t.call = *drawing(l, getting(l, t.address, given.etags), nil)
		t.status = http.StatusNotModified
		t.name += ", 304"
	}
	if m.Series, err = b.alternate(ctx, all, b.each); err != nil {
		return err
	}
	b.ratio(m, "get with `If-None-Match` (304), hot, to bare net/http with a body", sqliteName+", 304", bareName, 0.95)
	b.ratio(m, "the same, to bare net/http that answers 304", sqliteName+", 304", bareName+", 304", 0)
	return nil
}

// large measures a library that is far larger than the cache.
func (b *bench) large(ctx context.Context, m *report.Measure) error {
	l, err := b.spread(ctx, b.sizes[len(b.sizes)-1])
	if err != nil {
		return err
	}
	ours, bare, _, err := b.pair(ctx, l, b.documents.Len())
	if err != nil {
		return err
	}
	if err := cached(l); err != nil {
		return err
	}
	all := b.gets(bare, ours)
	// Until it has the keys, each of which is asked for once in a while.
	b.say("  load for %s, until the cache is as it stays", b.loaded)
	if _, _, err := b.load(ctx, all[1], b.loaded); err != nil {
		return err
	}
	if m.Series, err = b.alternate(ctx, all, b.each); err != nil {
		return err
	}
	m.Notes = append(m.Notes, fmt.Sprintf("%d personas over %d workspaces, each with a key of its own; cache of 64 MiB. The file was read once before, so that it is in the system's cache where that has room for it: else the disk is what is measured. %s of load came before the rounds, so that the cache had filled.", l.Personas, len(l.Tokens), b.loaded))
	what := fmt.Sprintf("get, %s personas over %s workspaces", report.Whole(l.Personas), report.Whole(len(l.Tokens)))
	b.ratio(m, what+", to bare net/http", sqliteName, bareName, 0.40)
	p99, err := b.halfLoad(ctx, m, bare, ours)
	if err != nil {
		return err
	}
	m.Rows = append(m.Rows, report.Row{What: what + ", at half load: p99 to bare net/http's", Unit: "×", AtMost: 2, Values: p99})
	return nil
}

// cached reads the file of a library, so that the system has it in its cache.
func cached(l *data.Library) error {
	file, err := os.Open(strings.TrimPrefix(l.Database, "sqlite:"))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, file)
	return errors.Join(err, file.Close())
}

// size measures what a get costs as libraries grow, with the cache off.
func (b *bench) size(ctx context.Context, m *report.Measure) error {
	var contenders []*contender
	for _, personas := range b.sizes {
		l, err := b.spread(ctx, personas)
		if err != nil {
			return err
		}
		if err := cached(l); err != nil {
			return err
		}
		c, err := b.personae(ctx, report.Whole(personas)+" personas"+uncached, l, "--cache-mib", "0")
		if err != nil {
			return err
		}
		contenders = append(contenders, c)
	}
	var err error
	if m.Series, err = b.alternate(ctx, b.gets(contenders...), b.each); err != nil {
		return err
	}
	curve := report.Curve{Name: "get, cache off"}
	slowest := slices.Clone(m.Series[0].PerSecond)
	for i, s := range m.Series {
		curve.Points = append(curve.Points, report.Point{X: float64(b.sizes[i]), PerSecond: report.Median(s.PerSecond)})
		for round, value := range s.PerSecond {
			slowest[round] = min(slowest[round], value)
		}
	}
	m.Curves = append(m.Curves, curve)
	m.Notes = append(m.Notes, "Ten personas in each workspace; personas are drawn uniformly, with the keys of their workspaces.")
	m.Rows = append(m.Rows, report.Row{
		What: fmt.Sprintf("cost of a get, cache off, up to %s personas, to %s", report.Whole(b.sizes[len(b.sizes)-1]), report.Whole(b.sizes[0])),
		Unit: "×", AtMost: 1.3, Values: report.Over(m.Series[0].PerSecond, slowest),
	})
	return nil
}

// latency measures times at rates from a tenth to nine tenths of what each
// contender can do.
func (b *bench) latency(ctx context.Context, m *report.Measure) error {
	l, err := b.hot(ctx)
	if err != nil {
		return err
	}
	ours, bare, _, err := b.pair(ctx, l, b.documents.Len())
	if err != nil {
		return err
	}
	pocket, err := b.pocketBase(ctx, l.Personas)
	if err != nil {
		b.leaveOut(pocketName, err)
		pocket = nil
	}
	all := b.gets(bare, ours, pocket)
	fastest, err := b.alternate(ctx, all, b.brief)
	if err != nil {
		return err
	}
	m.Curves = make([]report.Curve, len(all))
	for tenths := 1; tenths <= 9; tenths++ {
		for i, t := range all {
			t.rate = report.Median(fastest[i].PerSecond) * float64(tenths) / 10
		}
		series, err := b.alternate(ctx, all, b.brief)
		if err != nil {
			return err
		}
		for i, s := range series {
			m.Curves[i].Name = s.Name
			m.Curves[i].Points = append(m.Curves[i].Points, report.Point{
				X: all[i].rate, PerSecond: report.Median(s.PerSecond), P50: report.Median(s.P50), P99: report.Median(s.P99),
			})
		}
	}
	m.Notes = append(m.Notes, "Each at 10 to 90 % of the rate that it reached just before; times count from when a request was due.")
	return nil
}

// list measures the page that a client shows first.
func (b *bench) list(ctx context.Context, m *report.Measure) error {
	if err := b.besidePeers(ctx, m, func(c *contender) *call { return c.list }); err != nil {
		return err
	}
	b.ratio(m, "list of 50 to PocketBase", sqliteName, pocketName, 50)
	b.ratio(m, "list of 50 to json-server", sqliteName, jsonName, 0)
	return nil
}

// search measures the search for words.
func (b *bench) search(ctx context.Context, m *report.Measure) error {
	if err := b.besidePeers(ctx, m, func(c *contender) *call { return c.search }); err != nil {
		return err
	}
	m.Notes = append(m.Notes, fmt.Sprintf("%s, %d found at a time. We look words up in an index and rank; the others look for the letters anywhere (PocketBase: each word in any of four columns).", mix(), shown))
	b.ratio(m, "search to PocketBase", sqliteName, pocketName, 1)
	b.ratio(m, "search to json-server", sqliteName, jsonName, 0)
	return nil
}

// sixteen clients are what a company's tools may be.
const sixteen = 16

// besidePeers measures a call of ours beside those of others, 16 clients each, on
// a library that may be written to.
func (b *bench) besidePeers(ctx context.Context, m *report.Measure, of func(*contender) *call) error {
	l, err := b.hot(ctx)
	if err != nil {
		return err
	}
	ours, err := b.writable(ctx, l)
	if err != nil {
		return err
	}
	pocket, mock, err := b.peers(ctx, l)
	if err != nil {
		return err
	}
	all := turns(sixteen, of, ours, pocket, mock)
	m.Notes = append(m.Notes, fmt.Sprintf("%d clients, %d personas in one workspace.", sixteen, l.Personas))
	m.Series, err = b.alternate(ctx, all, b.each)
	return err
}
