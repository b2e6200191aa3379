package torture

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"personae.dev/apitype"
	"personae.dev/internal/store/postgrestest"
)

// threeServers starts three servers on one database.
func threeServers(t *testing.T, i *installation) (callers [3]*caller, servers [3]*server) {
	t.Helper()
	for n := range servers {
		servers[n] = i.start(t)
		callers[n] = servers[n].caller(t)
	}
	return callers, servers
}

// TestIdempotencyOfServers sends the same create to three servers at once.
func TestIdempotencyOfServers(t *testing.T) {
	t.Parallel()
	i := onShared(t)
	callers, _ := threeServers(t, i)
	keys, each := sized(20, 500), 3
	for key := range keys {
		var (
			group sync.WaitGroup
			mu    sync.Mutex
			oIDs  = map[string]int{}
			made  int
		)
		for n := range each * len(callers) {
			group.Go(func() {
				a, err := callers[n%len(callers)].post(t.Context(), "persona/create", map[string]string{"Idempotency-Key": fmt.Sprint("key", key)}, map[string]string{"name": fmt.Sprint("Persona ", key)})
				var created struct{ Data apitype.Persona }
				if err != nil || a.status != http.StatusOK || json.Unmarshal(a.body, &created) != nil {
					t.Errorf("create: %+v, %v", a, err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				oIDs[created.Data.OID]++
				if a.header.Get("Idempotency-Replayed") != "true" {
					made++
				}
			})
		}
		group.Wait()
		if len(oIDs) != 1 || made != 1 {
			t.Errorf("%d creates with one key: %d were made, the answers name %v", each*len(callers), made, oIDs)
		}
	}
	if got := postgrestest.Execute(t, i.database, "select count(*) from entities"); got != fmt.Sprint(keys) {
		t.Errorf("there are %s personas, want %d", got, keys)
	}
	figure(t, "%d idempotency keys, each sent %d times to 3 servers at once: one persona for each", keys, each*len(callers))
}

// TestRateLimitOfServers uses a key up on three servers: each counts for itself,
// and so the limit holds within a factor of their number.
func TestRateLimitOfServers(t *testing.T) {
	t.Parallel()
	const perMinute = 1000 // api.ValidatePerMinute
	callers, _ := threeServers(t, onShared(t))
	var (
		group   sync.WaitGroup
		mu      sync.Mutex
		allowed int
	)
	began := time.Now()
	for _, c := range callers {
		for range 4 {
			group.Go(func() {
				for {
					a, err := c.get(t.Context(), "api-key/validate")
					switch {
					case err != nil:
						t.Error(err)
						return
					case a.status == http.StatusTooManyRequests:
						if a.header.Get("Retry-After") == "" {
							t.Error("429 without Retry-After")
						}
						return
					case a.status != http.StatusOK:
						t.Errorf("validate: %d %s", a.status, a.body)
						return
					}
					mu.Lock()
					allowed++
					mu.Unlock()
				}
			})
		}
	}
	group.Wait()
	took := time.Since(began)
	refilled := int(took.Minutes()*perMinute) + 1
	figure(t, "%d calls of api-key/validate with one key were answered by 3 servers in %s, before each refused", allowed, took.Round(time.Millisecond))
	if least, most := 3*perMinute, 3*(perMinute+refilled); allowed < least || allowed > most {
		t.Errorf("%d calls were answered, want %d to %d", allowed, least, most)
	}
}

// TestPurgeOfServers starts three servers that have much to purge: each
// persona is purged by one of them.
func TestPurgeOfServers(t *testing.T) {
	t.Parallel()
	i := onShared(t)
	s := i.start(t)
	personas := sized(1000, 10_000)
	var lines strings.Builder
	for n := range personas {
		fmt.Fprintf(&lines, `{"oId":"pe_%d","name":"Persona %d","deletedAt":"2024-01-01T00:00:00.000Z"}`+"\n", n, n)
	}
	must(t, os.WriteFile(filepath.Join(i.dir, "deleted.jsonl"), []byte(lines.String()), 0o600))
	_, err := i.command(t.Context(), "import", "deleted.jsonl")
	must(t, err)
	s.stop(t)
	i.flags = []string{"--retain-deleted", "30d"}
	_, servers := threeServers(t, i)
	until(t, 10*patience, "an end of all personas", func() bool {
		return postgrestest.Execute(t, i.database, "select count(*) from entities") == "0"
	})
	counts, sum := [len(servers)]int{}, 0
	until(t, patience, "a count of all personas", func() bool {
		sum = 0
		for n, s := range servers {
			counts[n] = int(s.metric(t, "personae_purged_total"))
			sum += counts[n]
		}
		return sum >= personas
	})
	figure(t, "%d deleted personas, purged by 3 servers at once: %v", personas, counts)
	if sum != personas {
		t.Errorf("%d personas were purged %d times", personas, sum)
	}
	if got := postgrestest.Execute(t, i.database, "select count(*) from revisions"); got != "0" {
		t.Errorf("%s revisions are left", got)
	}
}
