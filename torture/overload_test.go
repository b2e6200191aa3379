package torture

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// overBy is how much more than it can do a server is asked for.
const overBy = 4

// overloadMiB bounds the memory of a server that is asked for too much. It had
// 89 MiB.
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
