package torture

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// overBy is how much more than it can do a server is asked for.
const overBy = 4

// overloadMiB bounds the memory of a server that is asked for too much.
const overloadMiB = 256

// costlyPath is a list that no cache has the parts of.
const costlyPath = listPath + "&include=questionIds"

// TestOverload measures how many lists a second the server answers, and then
// asks for four times as many, however long the answers take: some are answered,
// the others are refused soon, and who asks for something else is served.
func TestOverload(t *testing.T) { //nolint:paralleltest // it measures
	// Who waits is refused after api.QueueTimeout, 1 s. The rest is for two
	// processors that server and clients share, and in the short form the tests
	// of other packages too.
	refusedWithin := sized(20*time.Second, 3*time.Second)
	lasts := sized(3*time.Second, *loadFor)
	s := start(t, t.TempDir(), "", "--max-in-flight", strconv.Itoa(*inFlight))
	s.fill(t)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4096, MaxConnsPerHost: 8192}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()

	var group sync.WaitGroup
	var answered atomic.Int64
	measured := lasts / 6
	calm := &latencies{}
	end := time.Now().Add(measured)
	for range *inFlight { // so that nobody waits
		group.Go(func() {
			for time.Now().Before(end) {
				began := time.Now()
				if status, err := s.statusOf(client, costlyPath); err != nil || status != http.StatusOK {
					t.Errorf("status %d: %v", status, err)
					return
				}
				calm.add(time.Since(began))
				answered.Add(1)
			}
		})
	}
	group.Wait()
	capacity := float64(answered.Load()) / measured.Seconds()
	figure(t, "capacity: %.0f lists of 100 with ids of questions a second with %d clients, p99 %s, %d MiB resident", capacity, *inFlight, calm.at(.99), s.residentMiB())

	stop := s.probe(t)
	accepted, refused := &latencies{}, &latencies{}
	var failed, skipped atomic.Int64
	var sent, most int
	// In the short form the generator shares two processors with other tests too.
	atWork := make(chan struct{}, sized(1280, 8192))
	began := time.Now()
	pace := time.NewTicker(5 * time.Millisecond)
	for now := range pace.C {
		// The capacity that a short look at a busy machine finds may be far too
		// small: then more and more is asked for.
		past := now.Sub(began)
		if past > lasts && (*torture || refused.count() > 0 || past > patience) {
			break
		}
		grown := max(1, past.Seconds()/lasts.Seconds())
		most = max(most, s.residentMiB())
		for ; float64(sent) < overBy*grown*capacity*past.Seconds(); sent++ {
			select {
			case atWork <- struct{}{}:
			default:
				skipped.Add(1) // the generator's own limit
				continue
			}
			group.Go(func() {
				defer func() { <-atWork }()
				began := time.Now()
				switch status, err := s.statusOf(client, costlyPath); {
				case err == nil && status == http.StatusOK:
					accepted.add(time.Since(began))
				case err == nil && status == http.StatusServiceUnavailable:
					refused.add(time.Since(began))
				default:
					failed.Add(1)
				}
			})
		}
	}
	pace.Stop()
	group.Wait()
	took := time.Since(began)
	checkProbe(t, stop(), floodBound)
	all := accepted.count() + refused.count() + int(failed.Load())
	figure(t, "%d× that for %s: %.0f %% answered, %.0f %% refused, %d failed, %d not sent; %d MiB resident at most", overBy, took.Round(time.Second/10),
		100*float64(accepted.count())/float64(all), 100*float64(refused.count())/float64(all), failed.Load(), skipped.Load(), most)
	figure(t, "answered: %s; %.0f a second", accepted, float64(accepted.count())/took.Seconds())
	figure(t, "refused: %s", refused)
	if failed.Load() > 0 {
		t.Errorf("%d requests had no answer", failed.Load())
	}
	if accepted.count() == 0 || refused.count() == 0 {
		t.Errorf("%d requests were answered and %d refused, want some of both", accepted.count(), refused.count())
	}
	if p99 := refused.at(.99); p99 > refusedWithin {
		t.Errorf("p99 of refusals is %s, want %s at most", p99, refusedWithin)
	}
	if most > overloadMiB {
		t.Errorf("%d MiB resident, want %d at most", most, overloadMiB)
	}
	until(t, 5*time.Second, "an answer to the next one", func() bool {
		status, err := s.statusOf(client, costlyPath)
		return err == nil && status == http.StatusOK
	})
}

// listsMiB bounds the memory of a server that is asked for many large lists.
const listsMiB = 400

// TestLargeLists lets 200 clients ask for lists of 28 MiB, again and again, and
// read them slowly or fast: some are answered, the others are refused, and who
// asks for something small is served.
func TestLargeLists(t *testing.T) { //nolint:paralleltest // it measures
	const clients, personas = 200, 1000
	lasts := sized(2*time.Second, *loadFor)
	i := &installation{dir: t.TempDir(), database: onSQLite}
	s := i.start(t)
	var lines strings.Builder
	for n := range personas {
		fmt.Fprintf(&lines, `{"oId":"large_%d","name":"Large %d","painPoints":[%q,%q,%q]}`+"\n", n, n,
			strings.Repeat("too slow ", 1050), strings.Repeat("too late ", 1050), strings.Repeat("too dear ", 1050))
	}
	must(t, os.WriteFile(filepath.Join(i.dir, "large.jsonl"), []byte(lines.String()), 0o600))
	_, err := i.command(t.Context(), "import", "large.jsonl")
	must(t, err)

	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	var group sync.WaitGroup
	var answered, refused, bytes atomic.Int64
	end := time.Now().Add(lasts)
	for range clients {
		group.Go(func() {
			for time.Now().Before(end) {
				response, err := s.send(client, http.MethodGet, "/api/v2/persona/list?limit=1000", "")
				if err != nil {
					t.Error(err)
					return
				}
				n, err := io.Copy(io.Discard, response.Body)
				response.Body.Close()
				switch {
				case err == nil && response.StatusCode == http.StatusOK:
					answered.Add(1)
					bytes.Store(n)
				case err == nil && response.StatusCode == http.StatusServiceUnavailable:
					refused.Add(1)
				default:
					t.Errorf("status %d: %v", response.StatusCode, err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	small, most := &latencies{}, 0
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for working := true; working; {
		select {
		case <-done:
			working = false
		case <-tick.C:
			most = max(most, s.residentMiB())
			began := time.Now()
			if status, err := s.statusOf(client, "/api/v2/persona/get?oId=large_1"); err != nil || status != http.StatusOK {
				t.Errorf("a get was answered with %d: %v", status, err)
			}
			small.add(time.Since(began))
		}
	}
	figure(t, "%d clients asking for lists of %.1f MiB: %d answered, %d refused; %d MiB resident at most; gets: %s",
		clients, float64(bytes.Load())/(1<<20), answered.Load(), refused.Load(), most, small)
	if answered.Load() == 0 || bytes.Load() < 27<<20 {
		t.Errorf("%d lists were answered, the last of %d bytes", answered.Load(), bytes.Load())
	}
	if most > listsMiB {
		t.Errorf("%d MiB resident, want %d at most", most, listsMiB)
	}
}
