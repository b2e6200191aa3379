package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"personae.dev/internal/entity"
	"personae.dev/internal/httpx"
)

// TestTooMuchToDo holds up every read that may be in work, and asks for more.
func TestTooMuchToDo(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	refused := map[httpx.Refusal]int{}
	s := setup(t, func(c *config) {
		c.http.MaxInFlight = 1 // and httpx.ShortInFlight gets, and changes
		c.http.Refused = func(r httpx.Refusal) {
			mu.Lock()
			defer mu.Unlock()
			refused[r]++
		}
	})
	c := s.start(t)
	// A change that waits for another's holds up changes, and no read.
	held, release := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		_ = s.store.Write(t.Context(), func(context.Context, entity.Tx) error {
			close(held)
			<-release
			return nil
		})
	})
	<-held
	create := func() answer {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/api/v2/persona/create", strings.NewReader(`{"name":"VP"}`))
		must(t, err)
		request.Header.Set("api_key", s.writeToken)
		request.Header.Set("Content-Type", "application/json")
		return c.do(t, request)
	}
	const most = httpx.ShortInFlight
	answers := make(chan answer, most+1)
	for range most + 1 {
		group.Go(func() { answers <- create() })
	}
	got := <-answers // of the one that is refused: the others wait
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "1" ||
		!strings.Contains(got.body, `"code":"unavailable"`) || !strings.Contains(got.body, "more to do than it can") {
		t.Errorf("%d %v: %s", got.status, got.header, got.body)
	}
	for _, path := range []string{getPath + "p_1234", "/healthz", "/readyz"} {
		if got := c.get(t, path, "api_key", s.token); got.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	close(release)
	for range most {
		if got := <-answers; got.status != http.StatusOK {
			t.Errorf("one that waited: %d %s", got.status, got.body)
		}
	}
	group.Wait()
	if refused[httpx.RefusedWork] != 1 || len(refused) != 1 {
		t.Errorf("refused: %v", refused)
	}
	// Refusals may be many: a line each, and not one of them an error.
	if log := s.log.String(); !strings.Contains(log, `"status":503`) || strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("the log: %s", log)
	}
}

// heldGets is a store that shows no entity until release is closed.
type heldGets struct {
	entity.Store
	came    chan struct{}
	release chan struct{}
}

// Row implements entity.Reader.
func (s *heldGets) Row(ctx context.Context, ref entity.Ref, joins []entity.Join) (*entity.Row, error) {
	s.came <- struct{}{}
	<-s.release
	return s.Store.Row(ctx, ref, joins)
}

// TestTooManyGets: httpx.ShortInFlight gets are in work for each list, and one more is
// refused.
func TestTooManyGets(t *testing.T) {
	t.Parallel()
	const most = httpx.ShortInFlight
	held := &heldGets{came: make(chan struct{}, most+1), release: make(chan struct{})}
	s := setup(t, func(c *config) {
		c.http.MaxInFlight = 1
		c.wrap = func(s entity.Store) entity.Store {
			held.Store = s
			return held
		}
	})
	c := s.start(t)
	// Past the cache, which would ask the store once.
	get := func() answer { return c.get(t, getPath+"p_1234", "api_key", s.token, "Cache-Control", "no-cache") }
	var group sync.WaitGroup
	for range most {
		group.Go(func() {
			if got := get(); got.status != http.StatusOK {
				t.Errorf("one that was in work: %d %s", got.status, got.body)
				held.came <- struct{}{} // or it would be waited for
			}
		})
	}
	for range most {
		<-held.came
	}
	if got := get(); got.status != http.StatusServiceUnavailable {
		t.Errorf("one more: %d %s", got.status, got.body)
	}
	close(held.release)
	group.Wait()
}

// stuck is a client that reads nothing of an answer that is a success.
type stuck struct {
	*httptest.ResponseRecorder
	began   chan<- struct{}
	release <-chan struct{}
}

func (s stuck) Write(b []byte) (int, error) {
	if s.Code == http.StatusOK {
		select {
		case s.began <- struct{}{}:
			<-s.release
		case <-s.release:
		}
	}
	return s.ResponseRecorder.Write(b)
}

// TestTooManyBytesOfAnswers: the answer that is refused is no version of the
// persona.
func TestTooManyBytesOfAnswers(t *testing.T) {
	t.Parallel()
	s := setup(t)
	large, err := json.Marshal(map[string]any{"oId": "large", "name": "Large", "painPoints": slices.Repeat([]string{strings.Repeat("x", 10_000)}, 200)})
	must(t, err)
	s.put(t, string(large))
	began, release, refused := make(chan struct{}), make(chan struct{}), make(chan *httptest.ResponseRecorder)
	var group sync.WaitGroup
	defer group.Wait()
	defer close(release)
	for range 200 {
		group.Go(func() {
			w := stuck{httptest.NewRecorder(), began, release}
			s.handler.ServeHTTP(w, s.request(t, http.MethodGet, getPath+"large", s.token))
			if w.Code != http.StatusOK {
				refused <- w.ResponseRecorder
			}
		})
		select {
		case <-began:
		case got := <-refused:
			if got.Code != http.StatusServiceUnavailable || got.Header().Get("ETag") != "" || got.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%d %v", got.Code, got.Header())
			}
			return
		}
	}
	t.Error("all were answered")
}
