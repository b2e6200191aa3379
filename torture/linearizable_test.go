package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"personae.dev/apitype"
)

// staleness is how old a read may be that another server's write made old, as
// docs/guarantees.md says.
const staleness = time.Second

// TestLinearizable shows that one server works on a persona as if all clients
// took turns.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, i *installation) {
		t.Helper()
		i.flags = impatient()
		servers := []*server{i.start(t)}
		record(t, i, servers, sized(8, 400), func(h *history) {
			h.check(t, 0)
		})
	})
}

// TestSeveralServers shows what is left of that with several servers: changes
// take turns as before, and a get may answer what was there up to a second ago,
// but nothing older than what the same server answered before.
func TestSeveralServers(t *testing.T) {
	t.Parallel()
	i := onPostgres(t)
	i.flags = impatient()
	servers := []*server{i.start(t), i.start(t), i.start(t)}
	record(t, i, servers, sized(4, 400), func(h *history) {
		h.check(t, staleness)
		for _, fault := range h.reads() {
			t.Error(fault)
		}
	})
}

// giveUp is how long a server waits for PostgreSQL. In the short form other tests
// take the processors meanwhile, and a statement may wait for seconds; one that
// was stopped refuses at once, whatever the timeout.
func giveUp() time.Duration { return sized(10*time.Second, 2*time.Second) }

// impatient makes a server give PostgreSQL up early.
func impatient() []string {
	return []string{"--database-connect-timeout", giveUp().String(), "--database-statement-timeout", giveUp().String()}
}

// record makes histories, some of them while PostgreSQL is stopped.
func record(t *testing.T, i *installation, servers []*server, histories int, check func(*history)) {
	t.Helper()
	const atOnce = 4
	var (
		callers          []*caller
		operations, open int
		longest          time.Duration
	)
	for _, s := range servers {
		callers = append(callers, s.caller(t))
	}
	for round := range histories / atOnce {
		var group sync.WaitGroup
		made := make([]*history, atOnce)
		for n := range made {
			made[n] = &history{start: time.Now(), value: fmt.Sprintf("h%dx%d", round, n)}
			group.Go(func() { made[n].record(t, callers) })
		}
		if i.postgres != nil && round%20 == 0 {
			i.postgres.Stop(t)
			i.postgres.Start(t)
		}
		group.Wait()
		for _, h := range made {
			began := time.Now()
			check(h)
			longest = max(longest, time.Since(began))
			operations += len(h.done)
			for _, o := range h.done {
				if o.out.unknown {
					open++
				}
			}
		}
	}
	figure(t, "%d histories of %d operations, %d of them of unknown end, through %d servers, are as promised; the longest check took %s",
		histories, operations, open, len(servers), longest.Round(time.Millisecond))
}

// history is what clients did with one persona, and were answered.
type history struct {
	start time.Time
	value string // begins all values

	mu   sync.Mutex
	done []operation
}

type operation struct {
	client, server int
	in             input
	out            output
	call, end      time.Duration // after start
}

// input is a request: create, get, update, delete or restore.
type input struct{ what, value, ifMatch string }

// output is its answer. Of an unknown one nobody knows whether it came true.
type output struct {
	unknown   bool
	status    int
	version   version
	replayed  bool
	updatedAt time.Time
}

// version is all that a register holds: no two versions have one tag.
type version struct {
	etag, value string
	deleted     bool
}

// record lets clients work on one persona.
func (h *history) record(t *testing.T, servers []*caller) {
	t.Helper()
	const clients, steps = 5, 30
	var group sync.WaitGroup
	for n := range clients {
		group.Go(func() {
			c := &client{t: t, history: h, servers: servers, number: n}
			// All create the same persona: one does, and the others hear of it.
			for c.oID == "" {
				if !c.do(input{what: "create", value: h.value}) {
					return
				}
			}
			for step := range steps {
				value, ifMatch := fmt.Sprintf("%sc%ds%d", h.value, n, step), ""
				if rand.IntN(2) == 0 {
					ifMatch = c.etag
				}
				in := input{what: "restore", ifMatch: ifMatch}
				switch choice := rand.IntN(100); {
				case choice < 45:
					in = input{what: "get"}
				case choice < 85:
					in = input{what: "update", value: value, ifMatch: ifMatch}
				case choice < 90:
					in.what = "delete"
				}
				if !c.do(in) {
					return
				}
			}
		})
	}
	group.Wait()
}

// client does one thing after the other.
type client struct {
	t         *testing.T
	history   *history
	servers   []*caller
	number    int
	oID, etag string // what it was answered last
}

// do makes a request and notes it. After one of unknown end it waits until it
// is answered again, so that there are few of them, and tells whether it was.
func (c *client) do(in input) bool {
	o := operation{client: c.number, server: rand.IntN(len(c.servers)), in: in}
	ctx, cancel := c.t.Context(), context.CancelFunc(func() {})
	if in.what != "get" && rand.IntN(50) == 0 {
		ctx, cancel = context.WithTimeout(ctx, rand.N(5*time.Millisecond))
	}
	defer cancel()
	o.call = time.Since(c.history.start)
	a, err := c.send(ctx, c.servers[o.server], in)
	o.end = time.Since(c.history.start)
	o.out = c.read(in, a, err)
	if o.out.unknown {
		if !comes(patience, func() bool {
			a, err := c.servers[o.server].get(c.t.Context(), "persona/list?limit=1")
			return err == nil && a.status == http.StatusOK
		}) {
			c.t.Errorf("no answer for %s", patience)
			return false
		}
		if in.what == "get" {
			return true // says nothing
		}
	}
	c.history.mu.Lock()
	defer c.history.mu.Unlock()
	c.history.done = append(c.history.done, o)
	return true
}

func (c *client) send(ctx context.Context, server *caller, in input) (*answer, error) {
	header := map[string]string{}
	if in.ifMatch != "" {
		header["If-Match"] = in.ifMatch
	}
	body := map[string]any{"oId": c.oID}
	switch in.what {
	case "create":
		header["Idempotency-Key"] = in.value
		return server.post(ctx, "persona/create", header, map[string]any{"name": in.value})
	case "get":
		return server.get(ctx, "persona/get?oId="+c.oID)
	case "update":
		body["name"] = in.value
		return server.post(ctx, "persona/update", header, body)
	case "delete":
		return server.call(ctx, http.MethodDelete, "/api/v2/persona/delete?oId="+c.oID, header, nil)
	default:
		return server.post(ctx, "persona/restore", header, body)
	}
}

// read reads an answer, and notes what the client knows now.
func (c *client) read(in input, a *answer, err error) output {
	if err != nil || a.status == http.StatusServiceUnavailable {
		return output{unknown: true}
	}
	o := output{status: a.status, version: version{etag: a.header.Get("Etag")}, replayed: a.header.Get("Idempotency-Replayed") == "true"}
	switch a.status {
	case http.StatusOK:
		p := readPersona(c.t, in.what, a.body)
		c.oID = p.OID
		o.version.value, o.version.deleted, o.updatedAt = p.Name, p.DeletedAt != nil, p.UpdatedAt.Time
	case http.StatusPreconditionFailed, http.StatusConflict:
	default:
		c.t.Errorf("%+v was answered with %d %s", in, a.status, a.body)
	}
	if o.version.etag != "" {
		c.etag = o.version.etag
	}
	return o
}

// readPersona reads the persona in an answer, which is flat in two of them.
func readPersona(t *testing.T, what string, body []byte) (p apitype.Persona) {
	t.Helper()
	var wrapped struct{ Data apitype.Persona }
	err := json.Unmarshal(body, &p)
	if what != "get" && what != "delete" {
		err = json.Unmarshal(body, &wrapped)
		p = wrapped.Data
	}
	if err != nil {
		t.Errorf("%s: %v: %s", what, err, body)
	}
	return p
}

// register is the persona as one client after the other would see it.
type register struct {
	version
	exists bool
	first  string // the tag that the create was answered with
}

// step tells what the register can be after an operation, if that can have
// happened to it. An empty tag is one that nobody was told.
func step(r register, in input, out output) []register {
	is := func(want, got string) bool { return want == "" || want == got }
	// Whether If-Match matches may be unknown, too.
	mayMatch := in.ifMatch == "" || is(r.etag, in.ifMatch)
	mayMiss := in.ifMatch != "" && in.ifMatch != r.etag
	next := r
	next.etag = out.version.etag
	switch in.what {
	case "create":
		next = register{version{out.version.etag, in.value, false}, true, out.version.etag}
		switch {
		case !r.exists:
			return only(!out.replayed, next)
		case out.unknown:
			return []register{r}
		case r.first == "":
			next = r
			next.first = out.version.etag
			return only(out.replayed, next)
		}
		return only(out.replayed && out.version.etag == r.first, r)
	case "get":
		next.version = out.version
		return only(r.exists && is(r.etag, out.version.etag) && r.value == out.version.value && r.deleted == out.version.deleted, next)
	case "update":
		next.value = in.value
	default:
		next.deleted = in.what == "delete"
		if next.deleted == r.deleted { // nothing to do
			if out.unknown {
				return []register{r}
			}
			if out.status == http.StatusOK {
				return only(mayMatch && is(r.etag, out.version.etag), next)
			}
		}
	}
	refused := in.what == "update" && r.deleted
	switch {
	case out.unknown:
		next.etag = ""
		return append(only(mayMatch && !refused, next), only(mayMiss || refused, r)...)
	case out.status == http.StatusPreconditionFailed:
		next.version = r.version
		next.etag = out.version.etag
		return only(mayMiss && is(r.etag, out.version.etag), next)
	case out.status == http.StatusConflict:
		return only(mayMatch && refused, r)
	}
	return only(mayMatch && !refused && next.version == out.version, next)
}

func only(possible bool, r register) []register {
	if possible {
		return []register{r}
	}
	return nil
}

var model = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{register{}} },
	Step: func(state, in, out any) (next []any) {
		for _, r := range step(state.(register), in.(input), out.(output)) {
			next = append(next, r)
		}
		return next
	},
	Equal:             func(a, b any) bool { return a == b },
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v → %+v", in, out) },
	DescribeState:     func(state any) string { return fmt.Sprintf("%+v", state) },
}).ToModel()

// operations are what porcupine looks at: each stands between its call and its
// end. If gets may be stale, there is one for each version that only gets have
// told of, as early as it may be; what the others answered, reads looks at:
// porcupine would not come to an end with so many at once.
func (h *history) operations(stale time.Duration) (all []porcupine.Operation) {
	told := map[string]bool{}
	for _, o := range h.done {
		if o.in.what != "get" {
			told[o.out.version.etag] = true
		}
	}
	for _, o := range h.done { // the first to end comes first
		call, end := o.call, o.end
		if o.in.what == "get" && stale > 0 {
			if told[o.out.version.etag] {
				continue
			}
			told[o.out.version.etag] = true
			call -= stale
		}
		if o.out.unknown {
			end = math.MaxInt64 // it may come true at any time, or never
		}
		o.out.updatedAt = time.Time{}
		all = append(all, porcupine.Operation{ClientId: o.client, Input: o.in, Output: o.out, Call: int64(call), Return: int64(end)})
	}
	return all
}

// check looks for an order of all operations that explains every answer.
func (h *history) check(t *testing.T, stale time.Duration) {
	t.Helper()
	result, info := porcupine.CheckOperationsVerbose(model, h.operations(stale), 2*time.Minute)
	if result == porcupine.Ok {
		return
	}
	path := filepath.Join(os.TempDir(), "personae-history-"+h.value+".html")
	_ = porcupine.VisualizePath(model, info, path)
	t.Errorf("the history %s of %d operations is %s: see %s", h.value, len(h.done), result, path)
}

// reads finds gets that answered what they must not through several servers:
// something older than the same server had answered before, or any server longer
// ago than staleness; a version before it was made; or one that is not as the
// change told which made it. updatedAt grows with every version.
func (h *history) reads() (faults []string) {
	for _, get := range h.done {
		if get.in.what != "get" {
			continue
		}
		for _, other := range h.done {
			if other.out.unknown || other.out.replayed || other.out.status != http.StatusOK {
				continue
			}
			bound := other.end
			if other.server != get.server {
				bound += staleness
			}
			switch {
			case bound < get.call && other.out.updatedAt.After(get.out.updatedAt):
				faults = append(faults, fmt.Sprintf("server %d answered %+v, after server %d had answered %+v", get.server, get, other.server, other))
			case other.out.version.etag != get.out.version.etag:
			case other.out.version != get.out.version:
				faults = append(faults, fmt.Sprintf("%+v and %+v have one tag", get, other))
			case other.in.what == "update" && get.end < other.call:
				faults = append(faults, fmt.Sprintf("%+v shows what was made later, by %+v", get, other))
			}
		}
	}
	return faults
}

// TestHistory shows that the checks find what they are for.
func TestHistory(t *testing.T) {
	t.Parallel()
	ok := func(etag, value string) output {
		updatedAt := time.UnixMilli(int64(len(value))) // longer is newer
		return output{status: http.StatusOK, version: version{etag: etag, value: value}, updatedAt: updatedAt}
	}
	const s = time.Second
	create := operation{in: input{what: "create", value: "a"}, out: ok("1", "a"), call: 0, end: s}
	update := input{what: "update", value: "aa"}
	tests := map[string]struct {
		done []operation
		one  bool // it can have happened through one server,
		many bool // and through several
	}{
		"OK": {[]operation{
			{in: input{what: "update", value: "aa", ifMatch: "1"}, out: ok("2", "aa"), call: 2 * s, end: 5 * s},
			{in: input{what: "get"}, out: ok("2", "aa"), call: 3 * s, end: 4 * s},
		}, true, true},
		"StaleRead": {[]operation{
			{in: update, out: ok("2", "aa"), call: 2 * s, end: 3 * s},
			{in: input{what: "get"}, out: ok("1", "a"), call: 5 * s, end: 6 * s, server: 1},
		}, false, false},
		"StaleReadWithinBound": {[]operation{
			{in: update, out: ok("2", "aa"), call: 2 * s, end: 3 * s},
			{in: input{what: "get"}, out: ok("1", "a"), call: 3*s + s/2, end: 4 * s, server: 1},
		}, false, true},
		"StaleReadOfOwnWrite": {[]operation{
			{in: update, out: ok("2", "aa"), call: 2 * s, end: 3 * s},
			{in: input{what: "get"}, out: ok("1", "a"), call: 3*s + s/2, end: 4 * s},
		}, false, false},
		"NewThenOld": {[]operation{
			{in: update, out: ok("2", "aa"), call: 2 * s, end: 9 * s},
			{in: input{what: "get"}, out: ok("2", "aa"), call: 3 * s, end: 4 * s, server: 1},
			{in: input{what: "get"}, out: ok("1", "a"), call: 4*s + s/2, end: 6 * s, server: 1},
		}, false, false},
		"FromTheFuture": {[]operation{
			{in: input{what: "get"}, out: ok("2", "aa"), call: 3 * s, end: 4 * s, server: 1},
			{in: update, out: ok("2", "aa"), call: 5 * s, end: 6 * s},
		}, false, false},
		"HalfWritten": {[]operation{
			{in: update, out: ok("2", "aa"), call: 2 * s, end: 3 * s},
			{in: input{what: "get"}, out: ok("2", "a"), call: 4 * s, end: 5 * s},
		}, false, false},
		"LostUpdate": {[]operation{
			{in: input{what: "update", value: "aa", ifMatch: "1"}, out: ok("2", "aa"), call: 2 * s, end: 5 * s},
			{in: input{what: "update", value: "aaa", ifMatch: "1"}, out: ok("3", "aaa"), call: 2 * s, end: 5 * s},
		}, false, false},
		"UnknownCameTrueLate": {[]operation{
			{in: update, out: output{unknown: true}, call: 2 * s, end: 3 * s},
			{in: input{what: "get"}, out: ok("1", "a"), call: 4 * s, end: 5 * s},
			{in: input{what: "get"}, out: ok("2", "aa"), call: 6 * s, end: 7 * s},
		}, true, true},
		"UnknownWasRefused": {[]operation{
			{in: input{what: "update", value: "aa", ifMatch: "0"}, out: output{unknown: true}, call: 2 * s, end: 3 * s},
			{in: input{what: "get"}, out: ok("2", "aa"), call: 6 * s, end: 7 * s},
		}, false, false},
		"RefusedForNothing": {[]operation{
			{in: input{what: "update", value: "aa", ifMatch: "1"}, out: output{status: http.StatusPreconditionFailed, version: version{etag: "1"}}, call: 2 * s, end: 3 * s},
		}, false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &history{done: append([]operation{create}, test.done...)}
			if got := porcupine.CheckOperations(model, h.operations(0)); got != test.one {
				t.Errorf("it can have happened through one server: %t, want %t", got, test.one)
			}
			if got := porcupine.CheckOperations(model, h.operations(staleness)) && h.reads() == nil; got != test.many {
				t.Errorf("it can have happened through several servers: %t, want %t", got, test.many)
			}
		})
	}
}
