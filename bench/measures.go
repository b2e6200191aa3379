//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"time"
)

const (
	getPath    = "/api/v2/persona/get?oId="
	listPath   = "/api/v2/persona/list?limit=50"
	createPath = "/api/v2/persona/create"

	// PocketBase's.
	recordsPath = "/api/collections/personas/records"
)

func apiKey(key string) string        { return "api_key: " + key + "\r\n" }
func authorization(key string) string { return "Authorization: " + key + "\r\n" }

// contender is a target with its number of clients, and what its rounds gave.
type contender struct {
	*target
	clients   int
	perSecond []float64
	p50, p99  []float64 // ms
	cpu       []float64 // of the server, µs a request
}

// alternate loads contenders in turn, again and again. A first round, which does not
// count, fills caches.
func (b *bench) alternate(ctx context.Context, contenders ...*contender) error {
	for round := range b.rounds + 1 {
		for _, c := range contenders {
			before, err := c.server.cpu()
			if err != nil {
				return err
			}
			r, err := c.load(ctx, c.clients, b.each)
			if err != nil {
				return err
			}
			after, err := c.server.cpu()
			if err != nil {
				return err
			}
			if round > 0 {
				c.cpu = append(c.cpu, float64((after-before).Microseconds())/float64(max(1, len(r.took))))
				c.perSecond = append(c.perSecond, r.perSecond)
				c.p50 = append(c.p50, ms(r.quantile(.50)))
				c.p99 = append(c.p99, ms(r.quantile(.99)))
			}
		}
	}
	for _, c := range contenders {
		b.say("  %s: %.0f/s, p50 %.2f ms, p99 %.2f ms, %.0f µs of a processor", c.name, median(c.perSecond), median(c.p50), median(c.p99), median(c.cpu))
		b.contenders = append(b.contenders, c)
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (b *bench) atLeast(aim float64, what string, a, over *contender) {
	b.rows = append(b.rows, row{what: what, unit: "×", atLeast: aim, values: ratios(a.perSecond, over.perSecond)})
}

// small makes an SQLite database with the personas as they are, once.
func (b *bench) small(ctx context.Context) (installation, error) {
	i, _, err := b.install(ctx, b.sqlite(fmt.Sprint("small", time.Now().UnixNano())), b.lines.count())
	return i, err
}

// size asks for so many answers, one after the other, and returns how long their
// bodies are on average.
func (t *target) size(ctx context.Context, asked int) (int, error) {
	c, err := dial(ctx, t.address)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	var body bytes.Buffer
	bytes := 0
	for n := range asked {
		body.Reset()
		if err := c.roundTrip(t.request(nil, uint64(n)), &body); err != nil {
			return 0, err
		}
		bytes += body.Len()
	}
	return bytes / asked, nil
}

// get measures a hot get, on 32 connections.
func (b *bench) get(ctx context.Context) error {
	const clients = 32
	i, err := b.small(ctx)
	if err != nil {
		return err
	}
	s, err := b.personae(ctx, i)
	if err != nil {
		return err
	}
	pocket, err := b.pocketBase(ctx)
	if err != nil {
		return err
	}
	hot := b.lines.getting("get: personae", s, b.lines.count(), getPath, apiKey(s.key))
	size, err := hot.size(ctx, 8*b.lines.count()) // until the cache has all of them
	if err != nil {
		return err
	}
	bare, err := b.bare(ctx, size)
	if err != nil {
		return err
	}
	ours := &contender{target: hot, clients: clients}
	ceiling := &contender{target: inTurn("get: bare net/http", bare, nil, "GET "+getPath+"x"+head(bare.address, apiKey(s.key))), clients: clients}
	peer := &contender{target: b.lines.getting("get: PocketBase", pocket, b.lines.count(), recordsPath+"/", authorization(pocket.key)), clients: clients}
	if err := b.alternate(ctx, ceiling, ours, peer); err != nil {
		return err
	}
	b.atLeast(0.55, "get, hot, to bare net/http", ours, ceiling)
	b.atLeast(9, "get, hot, to PocketBase", ours, peer)
	return nil
}

// large measures gets all over a library that is far larger than the cache.
func (b *bench) large(ctx context.Context) error {
	const clients = 32
	l, err := b.makeLarge(ctx)
	if err != nil {
		return err
	}
	s, err := b.personae(ctx, l.installation, "--cache-mib", "64")
	if err != nil {
		return err
	}
	spread := l.getting("large: personae", s)
	size, err := spread.size(ctx, 200)
	if err != nil {
		return err
	}
	bare, err := b.bare(ctx, size)
	if err != nil {
		return err
	}
	ours := &contender{target: spread, clients: clients}
	ceiling := &contender{target: inTurn("large: bare net/http", bare, nil, "GET "+getPath+"x"+head(bare.address, apiKey(l.key))), clients: clients}
	b.say("  load for %s, until the cache is full", 5*b.each)
	if _, err := spread.load(ctx, clients, 5*b.each); err != nil {
		return err
	}
	if err := b.alternate(ctx, ceiling, ours); err != nil {
		return err
	}
	b.atLeast(0.20, fmt.Sprintf("get, %s entities over %s workspaces, 64 MiB cache, to bare net/http", thousands(l.entities), thousands(len(l.keys))), ours, ceiling)
	return nil
}

// list measures the first page of 50, for 16 clients.
func (b *bench) list(ctx context.Context) error {
	const clients = 16
	i, err := b.small(ctx)
	if err != nil {
		return err
	}
	s, err := b.personae(ctx, i)
	if err != nil {
		return err
	}
	pocket, err := b.pocketBase(ctx)
	if err != nil {
		return err
	}
	ours := &contender{clients: clients, target: inTurn("list of 50: personae", s, rows("data", 50),
		"GET "+listPath+head(s.address, apiKey(s.key)))}
	peer := &contender{clients: clients, target: inTurn("list of 50: PocketBase", pocket, rows("items", 50),
		"GET "+recordsPath+"?sort=-created,id&perPage=50"+head(pocket.address, authorization(pocket.key)))}
	if err := b.alternate(ctx, ours, peer); err != nil {
		return err
	}
	b.atLeast(100, "list of 50 to PocketBase", ours, peer)
	return nil
}

// importing measures the whole command `personae import`.
func (b *bench) importing(ctx context.Context) error {
	for _, engine := range []string{"SQLite", "PostgreSQL"} {
		database, err := b.sqlite("imported"), error(nil)
		if engine == "PostgreSQL" {
			database, err = b.postgres("imported")
		}
		if err != nil {
			return err
		}
		i, took, err := b.install(ctx, database, b.imported)
		if err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
		if engine == "SQLite" {
			b.searched[b.imported] = i
		}
		rate := float64(b.imported) / took.Seconds()
		b.say("  %s: %.0f/s", engine, rate)
		b.rows = append(b.rows, row{what: fmt.Sprintf("import of %s into %s", thousands(b.imported), engine), unit: "/s", atLeast: 1000, values: []float64{rate}})
	}
	return nil
}

// searches are what people look for: job titles, words, and what a page sends
// while they type.
var searches = []string{
	"Sales Managers", "nurse", "sales manager", "a", "ma", "dat", "manag",
	"Registered Nurses", "engineer", "project manager", "m", "en", "sal", "engin",
	"Software Developers", "teacher", "software engineer", "s", "vp", "mar", "techn",
	"Chief Executives", "accountant", "data analyst", "p", "it", "dir", "analy",
}

// search measures one client after the other, in libraries of three sizes.
func (b *bench) search(ctx context.Context) error {
	for _, size := range []struct {
		personas int
		p50, p99 float64
	}{{1_016, 2, 6}, {10_160, 5, 20}, {101_600, 20, 80}} {
		if size.personas > b.imported {
			continue
		}
		i, ok := b.searched[size.personas]
		if !ok {
			var err error
			if i, _, err = b.install(ctx, b.sqlite(fmt.Sprint("searched", size.personas)), size.personas); err != nil {
				return err
			}
		}
		s, err := b.personae(ctx, i)
		if err != nil {
			return err
		}
		var requests []string
		for _, text := range searches {
			requests = append(requests, "GET "+listPath+"&text="+url.QueryEscape(text)+head(s.address, apiKey(s.key)))
		}
		c := &contender{clients: 1, target: inTurn(fmt.Sprintf("search in %s: personae", thousands(size.personas)), s, nil, requests...)}
		if err := b.alternate(ctx, c); err != nil {
			return err
		}
		what := "search with total and 50 rows, " + thousands(size.personas) + " personas, "
		b.rows = append(b.rows,
			row{what: what + "p50", unit: "ms", atMost: size.p50, values: c.p50},
			row{what: what + "p99", unit: "ms", atMost: size.p99, values: c.p99})
		s.stop()
	}
	return nil
}

// create measures durable creates of 1, 16 and 64 clients.
func (b *bench) create(ctx context.Context) error {
	bodies, err := b.lines.bodies(false)
	if err != nil {
		return err
	}
	theirs, err := b.lines.bodies(true)
	if err != nil {
		return err
	}
	database, err := b.postgres("created")
	if err != nil {
		return err
	}
	onPostgres, _, err := b.install(ctx, database, b.lines.count())
	if err != nil {
		return err
	}
	onSQLite, err := b.small(ctx)
	if err != nil {
		return err
	}
	var contenders []*contender
	for _, engine := range []struct {
		name  string
		start func() (*server, error)
	}{
		{"SQLite", func() (*server, error) { return b.personae(ctx, onSQLite) }},
		{"PostgreSQL", func() (*server, error) { return b.personae(ctx, onPostgres) }},
		{"PocketBase", func() (*server, error) { return b.pocketBase(ctx) }},
	} {
		s, err := engine.start()
		if err != nil {
			return err
		}
		for _, clients := range []int{1, 16, 64} {
			name := fmt.Sprintf("create: %s, %d clients", engine.name, clients)
			t := creating(name, s, bodies, createPath, apiKey(s.key))
			if engine.name == "PocketBase" {
				t = creating(name, s, theirs, recordsPath, authorization(s.key))
			}
			contenders = append(contenders, &contender{target: t, clients: clients})
		}
	}
	if err := b.alternate(ctx, contenders...); err != nil {
		return err
	}
	b.atLeast(1, "create, 16 clients, SQLite to PocketBase", contenders[1], contenders[7])
	b.atLeast(1.5, "create, SQLite, 64 clients to 1", contenders[2], contenders[0])
	b.atLeast(4, "create, PostgreSQL, 64 clients to 1", contenders[5], contenders[3])
	return nil
}

// starting measures from the start of the command to its first answer.
func (b *bench) starting(ctx context.Context) error {
	l, err := b.makeLarge(ctx)
	if err != nil {
		return err
	}
	r := row{what: fmt.Sprintf("start to first answer, %s entities in the file", thousands(l.entities)), unit: "ms", atMost: 150}
	for range b.rounds {
		began := time.Now()
		s, err := b.personae(ctx, l.installation)
		if err != nil {
			return err
		}
		if _, err := l.getting("start", s).size(ctx, 1); err != nil {
			return err
		}
		r.values = append(r.values, ms(time.Since(began)))
		s.stop()
	}
	b.say("  %.0f ms", median(r.values))
	b.rows = append(b.rows, r)
	return nil
}

// memory measures what of the server is in memory.
func (b *bench) memory(ctx context.Context) error {
	i, err := b.small(ctx)
	if err != nil {
		return err
	}
	s, err := b.personae(ctx, i, "--max-connections", "12000")
	if err != nil {
		return err
	}
	get := b.lines.getting("memory", s, b.lines.count(), getPath, apiKey(s.key))
	c, err := dial(ctx, s.address)
	if err != nil {
		return err
	}
	conns := []*conn{c}
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	if err := c.roundTrip(get.request(nil, 0), nil); err != nil {
		return err
	}
	if err := b.resident(ctx, s, "resident memory, idle", 40); err != nil {
		return err
	}
	for n := range b.connections {
		c, err := dial(ctx, s.address)
		if err != nil {
			return fmt.Errorf("%d connections are open: %w", n, err)
		}
		conns = append(conns, c)
		if err := c.roundTrip(get.request(nil, uint64(n)), nil); err != nil {
			return fmt.Errorf("%d connections are open: %w", n, err)
		}
	}
	return b.resident(ctx, s, fmt.Sprintf("resident memory with %s idle connections", thousands(b.connections)), 300)
}

// resident adds a row of five looks in five seconds.
func (b *bench) resident(ctx context.Context, s *server, what string, atMost float64) error {
	r := row{what: what, unit: "MiB", atMost: atMost}
	for range 5 {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
		mib, err := s.residentMiB()
		if err != nil {
			return err
		}
		r.values = append(r.values, mib)
	}
	b.say("  %s: %.0f MiB", what, median(r.values))
	b.rows = append(b.rows, r)
	return nil
}
