package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"personae.dev/apitype"
)

// TestServers puts a mixed load on three servers of one PostgreSQL database. One
// of them is killed and started again, keys come and go, and the database is
// stopped at once and started again.
func TestServers(t *testing.T) {
	t.Parallel()
	i := onPostgres(t)
	i.flags = impatient()
	m := &mixed{t: t, installation: i}
	callers, servers := threeServers(t, i)
	for n, s := range servers {
		m.slots[n].Store(&place{s, callers[n]})
	}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for range 6 {
		p := &tracked{}
		m.personas = append(m.personas, p, &tracked{}, &tracked{})
	}
	for n, p := range m.personas {
		p.create(t, m.slots[n%len(m.slots)].Load(), n)
	}
	for w := range 6 {
		group.Go(func() { m.write(ctx, m.personas[3*w:3*w+3]) })
		group.Go(func() { m.read(ctx) })
	}
	group.Go(func() { m.list(ctx) })
	group.Go(func() { m.revoke(ctx) })

	quarter := sized(80, 1000)
	m.goOn(quarter)
	victim := m.slots[1].Swap(nil)
	victim.server.kill()
	m.goOn(quarter / 2)
	s := i.start(t)
	m.slots[1].Store(&place{s, s.caller(t)})
	m.goOn(quarter / 2)
	m.restartDatabase()
	m.goOn(2 * quarter)
	until(t, patience, "a key that was revoked", func() bool { return m.revoked.Load() > 0 })
	cancel()
	group.Wait()
	m.checkEnd()
	m.tell()
}

// mixed is the load, and what came of it.
type mixed struct {
	*installation
	t        *testing.T
	slots    [3]atomic.Pointer[place] // nil while a server is dead
	personas []*tracked

	away                         atomic.Bool // the database is, or was a moment ago
	answered, unavailable, ended atomic.Int64
	written, revoked             atomic.Int64
	usual, whileAway             latencies // how long answers took

	mu       sync.Mutex
	stalest  time.Duration
	reads    int
	stale    int           // reads that were
	lastUsed time.Duration // after a revocation
}

// place is a server and its client.
type place struct {
	server *server
	caller *caller
}

// tracked is a persona with one writer, and the time of its every version.
type tracked struct {
	oID, etag string
	last      int // the version that is there for certain
	mu        sync.Mutex
	versions  []seen
}

// seen is a version that is in the database for certain since at.
type seen struct {
	version int
	at      time.Time
	by      *place
}

func (p *tracked) note(version int, by *place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.versions = append(p.versions, seen{version, time.Now(), by})
}

func (p *tracked) create(t *testing.T, by *place, n int) {
	t.Helper()
	a, err := by.caller.post(t.Context(), "persona/create", nil, map[string]string{"name": fmt.Sprintf("Tracked %d version 1", n)})
	must(t, err)
	var made struct{ Data apitype.Persona }
	must(t, json.Unmarshal(a.body, &made))
	p.oID, p.etag, p.last = made.Data.OID, a.header.Get("Etag"), 1
	p.note(1, by)
}

// place returns a server that is not known to be dead.
func (m *mixed) place() *place {
	for {
		if p := m.slots[rand.IntN(len(m.slots))].Load(); p != nil {
			return p
		}
	}
}

// goOn waits for so many more writes.
func (m *mixed) goOn(writes int) {
	m.t.Helper()
	wanted := m.written.Load() + int64(writes)
	until(m.t, 10*patience, fmt.Sprint(writes, " more writes"), func() bool { return m.written.Load() >= wanted })
}

func (m *mixed) alive(p *place) bool {
	for n := range m.slots {
		if now := m.slots[n].Load(); now != nil && now.server == p.server {
			return true
		}
	}
	return false
}

// ask makes a request. There is no answer (nil) where it was cut off by the end
// of its server or of the test, or refused as the database was away.
func (m *mixed) ask(ctx context.Context, p *place, method, path string, header map[string]string, body any) *answer {
	away, began := m.away.Load(), time.Now()
	a, err := p.caller.call(ctx, method, "/api/v2/"+path, header, body)
	took := time.Since(began)
	if ctx.Err() != nil {
		return nil
	}
	away = away || m.away.Load()
	if away {
		m.whileAway.add(took)
	} else {
		m.usual.add(took)
	}
	switch {
	case err != nil && !m.alive(p):
		m.ended.Add(1)
		return nil
	case err != nil:
		m.t.Errorf("%s %s: %v after %s", method, path, err, took)
		return nil
	case a.status == http.StatusServiceUnavailable:
		m.unavailable.Add(1)
		if !away {
			m.t.Errorf("%s %s: 503 while the database was there", method, path)
		}
		if a.header.Get("Retry-After") == "" {
			m.t.Errorf("%s %s: 503 without Retry-After", method, path)
		}
		<-time.After(20 * time.Millisecond) // a client would wait longer
		return nil
	}
	m.answered.Add(1)
	return a
}

// write writes one version after the other, each with the tag of the one
// before. One of unknown end is written again, with the same tag: that is
// refused if it had come true, and so each version comes true once.
func (m *mixed) write(ctx context.Context, mine []*tracked) {
	for ctx.Err() == nil {
		p, by := mine[rand.IntN(len(mine))], m.place()
		a := m.ask(ctx, by, http.MethodPost, "persona/update", map[string]string{"If-Match": p.etag},
			map[string]string{"oId": p.oID, "name": fmt.Sprintf("Tracked version %d", p.last+1)})
		switch {
		case a == nil:
		case a.status == http.StatusOK, a.status == http.StatusPreconditionFailed:
			p.last++
			p.note(p.last, by)
			p.etag = a.header.Get("Etag")
			m.written.Add(1)
		default:
			m.t.Errorf("an update was answered with %d %s", a.status, a.body)
		}
	}
}

// read reads, and compares with the times of writes.
func (m *mixed) read(ctx context.Context) {
	for ctx.Err() == nil {
		p, by := m.personas[rand.IntN(len(m.personas))], m.place()
		began := time.Now()
		a := m.ask(ctx, by, http.MethodGet, "persona/get?oId="+p.oID, nil, nil)
		if a == nil {
			continue
		}
		version, ok := readVersion(a)
		if !ok {
			m.t.Errorf("a get was answered with %d %s", a.status, a.body)
			continue
		}
		m.judge(p, version, began, by)
	}
}

func readVersion(a *answer) (version int, ok bool) {
	var got apitype.Persona
	if a.status != http.StatusOK || json.Unmarshal(a.body, &got) != nil || got.Name == "" {
		return 0, false
	}
	words := strings.Fields(got.Name)
	_, err := fmt.Sscan(words[len(words)-1], &version)
	return version, err == nil
}

// judge notes how old a version was that was read.
func (m *mixed) judge(p *tracked, version int, asked time.Time, by *place) {
	age, err := p.judge(version, asked, by)
	if err != nil {
		m.t.Error(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	if age > 0 {
		m.stale++
		m.stalest = max(m.stalest, age)
	}
}

// judge tells how long ago a version that was read had been replaced, when it
// was asked for, and whether it may have been. It is more if writes took effect
// before their answers came.
func (p *tracked) judge(version int, asked time.Time, by *place) (age time.Duration, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, later := range p.versions {
		if later.version <= version || !later.at.Before(asked) {
			continue
		}
		since := asked.Sub(later.at)
		age = max(age, since)
		switch {
		case since > staleness:
			return age, fmt.Errorf("version %d was read %s after version %d had been answered", version, since, later.version)
		case later.by == by:
			return age, fmt.Errorf("version %d was read through the server that had answered version %d %s before", version, later.version, since)
		}
	}
	return age, nil
}

func (m *mixed) list(ctx context.Context) {
	for ctx.Err() == nil {
		a := m.ask(ctx, m.place(), http.MethodGet, "persona/list?limit=20&text=tracked", nil, nil)
		if a != nil && a.status != http.StatusOK {
			m.t.Errorf("a list was answered with %d %s", a.status, a.body)
		}
	}
}

// revoke makes keys, uses each with every server, revokes it, and uses it
// further.
func (m *mixed) revoke(ctx context.Context) {
	for ctx.Err() == nil {
		out, err := m.whenThere(ctx, "key", "create")
		if err != nil {
			continue
		}
		key := strings.TrimSpace(out)
		for n := range m.slots {
			if p := m.slots[n].Load(); p != nil {
				m.try(ctx, p, key)
			}
		}
		if _, err := m.whenThere(ctx, "key", "revoke", key); err != nil {
			continue
		}
		m.useRevoked(ctx, key)
	}
}

// useRevoked uses a key that was just revoked until it must be refused
// everywhere.
func (m *mixed) useRevoked(ctx context.Context, key string) {
	for revoked := time.Now(); time.Since(revoked) < staleness+200*time.Millisecond; {
		for n := range m.slots {
			p := m.slots[n].Load()
			if p == nil {
				continue
			}
			asked := time.Since(revoked)
			if m.try(ctx, p, key) != http.StatusOK {
				continue
			}
			m.mu.Lock()
			m.lastUsed = max(m.lastUsed, asked)
			m.mu.Unlock()
			if asked > staleness {
				m.t.Errorf("a key was good %s after it had been revoked", asked)
			}
		}
	}
	if ctx.Err() == nil {
		m.revoked.Add(1)
	}
}

// try uses a key, and returns 0 where it was not answered.
func (m *mixed) try(ctx context.Context, p *place, key string) int {
	other := *p.caller
	other.key = key
	a := m.ask(ctx, &place{p.server, &other}, http.MethodGet, "persona/get?oId="+m.personas[0].oID, nil, nil)
	if a == nil {
		return 0
	}
	return a.status
}

// whenThere runs the binary on the database, and may fail while that is away.
func (m *mixed) whenThere(ctx context.Context, args ...string) (string, error) {
	away := m.away.Load()
	out, err := m.command(ctx, args...)
	if err != nil && ctx.Err() == nil && !away && !m.away.Load() {
		m.t.Error(err)
	}
	return out, err
}

// restartDatabase stops the database at once, and starts it when every server
// has seen it.
func (m *mixed) restartDatabase() {
	m.away.Store(true)
	m.postgres.Stop(m.t)
	began := time.Now()
	for n := range m.slots {
		s := m.slots[n].Load().server
		until(m.t, patience, "a server that is not ready", func() bool { return !s.ready() })
	}
	unready := time.Since(began)
	enough := m.unavailable.Load() + sized[int64](50, 1000)
	until(m.t, 10*patience, "many requests while the database is away", func() bool { return m.unavailable.Load() >= enough })
	m.postgres.Start(m.t)
	began = time.Now()
	for n := range m.slots {
		until(m.t, patience, "a server that is ready again", m.slots[n].Load().server.ready)
	}
	figure(m.t, "all three not ready within %s of the database's end, and ready again %s after its start", unready.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	// A connection that was good a second ago is used without a question.
	<-time.After(sized(time.Second, 5*time.Second))
	m.away.Store(false)
}

// checkEnd shows that in the end every server has every persona as it was last
// written, with all of its history.
func (m *mixed) checkEnd() {
	ctx := m.t.Context()
	<-time.After(staleness)
	for _, p := range m.personas {
		last := p.last
		for n := range m.slots {
			a, err := m.slots[n].Load().caller.get(ctx, "persona/get?oId="+p.oID)
			must(m.t, err)
			// The writer may have been stopped before it heard of one more.
			version, ok := readVersion(a)
			if n == 0 && version == p.last+1 {
				last = version
			}
			if !ok || version != last {
				m.t.Errorf("in the end server %d has version %d, want %d", n, version, last)
			}
		}
		history, _, err := read[struct{ Data apitype.RevisionPage }](ctx, m.slots[0].Load().caller, "revision/list?limit=1&entityOIds[]="+p.oID)
		must(m.t, err)
		if history.Data.Total != last {
			m.t.Errorf("there are %d revisions, want %d", history.Data.Total, last)
		}
	}
	bound := 2*giveUp() + 6*time.Second // two timeouts and their grace, and a busy machine
	if longest := max(m.usual.at(1), m.whileAway.at(1)); longest > bound {
		m.t.Errorf("a request took %s", longest)
	}
}

func (m *mixed) tell() {
	versions := 0
	for _, p := range m.personas {
		versions += p.last
	}
	all := m.answered.Load() + m.unavailable.Load() + m.ended.Load()
	figure(m.t, "%d requests, %d writes among them; %.2f %% answered with 503 and Retry-After while the database was away, %d cut off by the kill, none else failed",
		all, versions, 100*float64(m.unavailable.Load())/float64(all), m.ended.Load())
	figure(m.t, "waits: %s; while the database was away: %s", &m.usual, &m.whileAway)
	lastUsed := "none of them good when its revocation was told"
	if m.lastUsed > 0 {
		lastUsed = fmt.Sprintf("the last use of one %s after that was told", m.lastUsed)
	}
	figure(m.t, "%d reads, %d of them old, the oldest by %s; %d keys revoked, %s",
		m.reads, m.stale, m.stalest.Round(time.Millisecond), m.revoked.Load(), lastUsed)
}

// TestTracked shows that the judge of reads finds what it is for.
func TestTracked(t *testing.T) {
	t.Parallel()
	here, there := &place{}, &place{server: &server{}}
	at := time.Now()
	p := &tracked{versions: []seen{{1, at, here}, {2, at.Add(time.Second), here}, {3, at.Add(2 * time.Second), there}}}
	tests := map[string]struct {
		version int
		asked   time.Duration
		by      *place
		age     time.Duration
		bad     bool
	}{
		"Newest":         {3, 5 * time.Second, here, 0, false},
		"NotYetAnswered": {4, 5 * time.Second, here, 0, false},
		"AskedBefore":    {1, time.Second, here, 0, false},
		"WithinBound":    {2, 2900 * time.Millisecond, here, 900 * time.Millisecond, false},
		"BeyondBound":    {2, 3100 * time.Millisecond, here, 1100 * time.Millisecond, true},
		"TwoBehind":      {1, 2500 * time.Millisecond, there, 1500 * time.Millisecond, true},
		"OwnWrite":       {1, 1100 * time.Millisecond, here, 100 * time.Millisecond, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			age, err := p.judge(test.version, at.Add(test.asked), test.by)
			if age != test.age || (err != nil) != test.bad {
				t.Errorf("judge = %s, %v; want %s, an error: %t", age, err, test.age, test.bad)
			}
		})
	}
}
