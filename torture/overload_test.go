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

// TestOverload measures how many lists a second the server answers, and then
// asks for four times as many, however long the answers take.
func TestOverload(t *testing.T) { //nolint:paralleltest // it measures
	long(t, "TestTooMuchToDo in internal/api")
	s := start(t, t.TempDir(), "", "--max-in-flight", strconv.Itoa(*inFlight))
	s.fill(t)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4096, MaxConnsPerHost: 8192}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()

	var group sync.WaitGroup
	var answered atomic.Int64
	measured := *loadFor / 6
	calm := &latencies{}
	end := time.Now().Add(measured)
	for range *inFlight { // so that nobody waits
		group.Go(func() {
			for time.Now().Before(end) {
				began := time.Now()
				if status, _, err := s.ask(client, http.MethodGet, listPath, ""); err != nil || status != http.StatusOK {
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
	figure(t, "capacity: %.0f lists of 100 a second with %d clients, p99 %s, %d MiB resident", capacity, *inFlight, calm.at(.99), s.residentMiB())

	stop := s.probe(t)
	accepted, refused := &latencies{}, &latencies{}
	var failed, skipped atomic.Int64
	var sent, most int
	atWork := make(chan struct{}, 8192)
	began := time.Now()
	pace := time.NewTicker(5 * time.Millisecond)
	for now := range pace.C {
		if now.Sub(began) > *loadFor {
			break
		}
		most = max(most, s.residentMiB())
		for ; float64(sent) < overBy*capacity*now.Sub(began).Seconds(); sent++ {
			select {
			case atWork <- struct{}{}:
			default:
				skipped.Add(1) // the generator's own limit
				continue
			}
			group.Go(func() {
				defer func() { <-atWork }()
				began := time.Now()
				switch status, _, err := s.ask(client, http.MethodGet, listPath, ""); {
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
	figure(t, "a client that gets a persona meanwhile: %s", stop())
	all := len(accepted.took) + len(refused.took) + int(failed.Load())
	figure(t, "%d× that for %s: %.0f %% answered, %.0f %% refused, %d failed, %d not sent; %d MiB resident at most", overBy, *loadFor,
		100*float64(len(accepted.took))/float64(all), 100*float64(len(refused.took))/float64(all), failed.Load(), skipped.Load(), most)
	figure(t, "answered: %s; %.0f a second", accepted, float64(len(accepted.took))/loadFor.Seconds())
	figure(t, "refused: %s", refused)
	if failed.Load() > 0 {
		t.Errorf("%d requests had no answer", failed.Load())
	}
	until(t, 5*time.Second, "an answer to the next one", func() bool {
		status, _, err := s.ask(client, http.MethodGet, listPath, "")
		return err == nil && status == http.StatusOK
	})
}
