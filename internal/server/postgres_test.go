package server

import (
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"personae.dev/internal/store/postgrestest"
)

// TestDatabaseAway stops PostgreSQL under two servers, and starts it again.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	database := postgrestest.Start(t, true)
	cfg := testConfig(t)
	cfg.Database = database.New(t)
	first, second := start(t, cfg), start(t, cfg)
	second.setup = first.setup // the second found the library as it was set up
	first.put(t, `{"oId":"pe_1","name":"Kept"}`)
	const path = "/api/v2/persona/get?oId=pe_1"
	until := func(s *running, what, path string, want int) {
		t.Helper()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(time.Minute); ; <-tick.C {
			status, body := s.get(t, path)
			if status == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: still %d: %s", what, status, body)
			}
		}
	}
	for _, s := range []*running{first, second} {
		until(s, "at first", path, http.StatusOK)
	}
	database.Stop(t)
	for _, s := range []*running{first, second} {
		until(s, "away", "/readyz", http.StatusServiceUnavailable)
		// Keys and personas in the cache are trusted for less than a second.
		until(s, "away", path, http.StatusServiceUnavailable)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, http.NoBody)
		must(t, err)
		request.Header.Set("api_key", s.setup.Token)
		response, err := s.client.Do(request)
		must(t, err)
		must(t, response.Body.Close())
		if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
			t.Errorf("answer %s, Retry-After %q", response.Status, response.Header.Get("Retry-After"))
		}
	}
	database.Start(t)
	for _, s := range []*running{first, second} {
		until(s, "back", "/readyz", http.StatusOK)
		if status, body := s.get(t, path); status != http.StatusOK || !strings.Contains(body, "Kept") {
			t.Errorf("back: %d: %s", status, body)
		}
	}
}

// TestDatabaseSilent freezes the network between a server and PostgreSQL, while
// more is asked for than fits into its pools. Every request is answered within
// its timeouts, by 503, and all is well as soon as the network is back.
func TestDatabaseSilent(t *testing.T) {
	t.Parallel()
	proxy := postgrestest.NewProxy(t, postgrestest.New(t))
	cfg := testConfig(t)
	cfg.Database = proxy.URL
	cfg.Settings = DatabaseSettings{StatementTimeout: time.Second, ConnectTimeout: time.Second}
	s := start(t, cfg)
	s.put(t, `{"oId":"pe_1","name":"Kept"}`)
	if status, body := s.get(t, "/readyz"); status != http.StatusOK {
		t.Fatalf("at first: %d: %s", status, body)
	}
	proxy.Freeze()
	frozen := time.Now()
	var group sync.WaitGroup
	var mu sync.Mutex
	var longest time.Duration
	ask := func(method, path, body string) {
		began := time.Now()
		request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
		request.Header.Set("api_key", s.setup.Token)
		request.Header.Set("Content-Type", "application/json")
		response, err := s.client.Do(request)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
		_ = response.Body.Close()
		// What a cache has is good for less than a second.
		fresh := response.StatusCode == http.StatusOK && method == http.MethodGet && began.Sub(frozen) < time.Second
		if !fresh && (response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "") {
			t.Errorf("%s: %s, Retry-After %q", path, response.Status, response.Header.Get("Retry-After"))
		}
		mu.Lock()
		defer mu.Unlock()
		longest = max(longest, time.Since(began))
	}
	for range 60 {
		for _, path := range []string{"/api/v2/persona/get?oId=pe_1", "/api/v2/persona/list", "/readyz"} {
			group.Go(func() { ask(http.MethodGet, path, "") })
		}
		group.Go(func() { ask(http.MethodPost, "/api/v2/persona/create", `{"name":"VP"}`) })
	}
	group.Wait()
	// A second before the gate, and two each for key, connection and statement.
	t.Logf("the longest took %s", longest)
	if longest > 15*time.Second {
		t.Errorf("a request took %s", longest)
	}
	proxy.Thaw()
	for deadline := time.Now().Add(time.Minute); ; {
		status, body := s.get(t, "/readyz")
		if status == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("back: still %d: %s", status, body)
		}
	}
	t.Logf("ready %s after it was silent", time.Since(frozen))
	for range 20 { // more than a pool has
		if status, body := s.get(t, "/api/v2/persona/get?oId=pe_1"); status != http.StatusOK {
			t.Errorf("back: %d: %s", status, body)
		}
	}
}

// TestImpossibleIDs asks for what PostgreSQL cannot even compare.
func TestImpossibleIDs(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Database = postgrestest.New(t)
	s := start(t, cfg)
	cursor := base64.RawURLEncoding.EncodeToString([]byte(`{"o":"name","a":{"Name":"\u0000","OID":"\u0000"}}`))
	for path, want := range map[string]int{
		"persona/get?oId=%00":                           http.StatusNotFound,
		"persona/get?oId=%ff":                           http.StatusBadRequest,
		"persona/list?productOId=%00":                   http.StatusOK,
		"persona/list?playbookOId=%00":                  http.StatusOK,
		"persona/list?text=%00":                         http.StatusOK,
		"persona/list?orderField=name&cursor=" + cursor: http.StatusBadRequest,
		"revision/list?entityOIds=%00":                  http.StatusOK,
		"revision/get?revisionOId=%00":                  http.StatusNotFound,
	} {
		if status, body := s.get(t, "/api/v2/"+path); status != want {
			t.Errorf("%s: %d, want %d: %s", path, status, want, body)
		}
	}
}
