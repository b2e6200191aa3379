package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// modelServer speaks like OpenAI's. It answers some requests, and lets the others
// hang until it is told to go on.
type modelServer struct {
	*httptest.Server
	mu      sync.Mutex
	answers int            // that are left
	asked   map[string]int // by the number of the note
	hanging chan struct{}
	goOn    chan struct{}
}

var noteNumber = regexp.MustCompile(`note (\d+)`)

func newModelServer(t *testing.T, answers int, key string) *modelServer {
	t.Helper()
	m := &modelServer{answers: answers, asked: map[string]int{}, hanging: make(chan struct{}, 100), goOn: make(chan struct{})}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		note := string(noteNumber.FindSubmatch(body)[1])
		m.mu.Lock()
		m.asked[note]++
		m.answers--
		hang := m.answers < 0
		m.mu.Unlock()
		if r.Header.Get("Authorization") != "Bearer "+key {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if hang {
			m.hanging <- struct{}{}
			select {
			case <-m.goOn:
			case <-r.Context().Done():
				return
			}
		}
		answer := fmt.Sprintf(`{"name":"Persona %s","internalName":"","description":"","primaryResponsibilities":[],"painPoints":["One"],"keyConcerns":[],`+
			`"keyObjectives":[],"commonJobTitles":[],"whyTheyMatterToUs":[],"whyWeMatterToThem":[],"qualifyingQuestions":[]}`, note)
		_ = json.NewEncoder(w).Encode(map[string]any{
			"choices": []any{map[string]any{"message": map[string]any{"content": answer}, "finish_reason": "stop"}},
			"usage":   map[string]any{"prompt_tokens": 100, "completion_tokens": 20},
		})
	}))
	t.Cleanup(m.Close)
	return m
}

// requests returns how many there were, and how often the note that was asked for
// most often was.
func (m *modelServer) requests() (all, most int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range m.asked {
		all, most = all+n, max(most, n)
	}
	return all, most
}

// TestGenerateCrash kills the server during a generate of 20 items: none of them
// is there afterwards, and the same request with the same key makes all, and asks
// for no answer that had arrived.
func TestGenerateCrash(t *testing.T) {
	t.Parallel()
	const items, answered, atOnce, secret = 20, 7, 4, "sk-secret-of-the-model"
	dir := newLibrary(t)
	m := newModelServer(t, answered, secret)
	out, err := personae(dir, "key", "create", "--scope", "read,write").Output()
	if err != nil {
		t.Fatal(err)
	}
	key := strings.TrimSpace(string(out))
	serve := func() *server {
		s, err := startServer(dir, append(os.Environ(), "PERSONAE_LLM_KEY="+secret),
			"--listen", "127.0.0.1:0", "--llm", "openai", "--llm-url", m.URL+"/v1", "--llm-model", "m-1", "--log-level", "debug")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.crash)
		return s
	}
	var list []string
	for i := range items {
		list = append(list, fmt.Sprintf(`{"sources":[{"type":"TEXT","value":"note %d"}]}`, i))
	}
	generate := func(s *server) (status int, body string, err error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/api/v2/persona/generate", strings.NewReader(`{"personas":[`+strings.Join(list, ",")+`]}`))
		if err != nil {
			return 0, "", err
		}
		request.Header.Set("Authorization", "Bearer "+key)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Idempotency-Key", "twenty")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0, "", err
		}
		defer response.Body.Close()
		b, err := io.ReadAll(response.Body)
		return response.StatusCode, string(b), err
	}

	s := serve()
	ended := make(chan error, 1)
	go func() {
		_, _, err := generate(s)
		ended <- err
	}()
	for range atOnce { // all places are taken, so that what was answered is written down
		<-m.hanging
	}
	s.crash()
	if err := <-ended; err == nil {
		t.Error("a server that was killed has answered")
	}
	if n := export(t, dir); n != 0 {
		t.Errorf("%d personas are there after the crash", n)
	}
	close(m.goOn)

	s = serve()
	status, body, err := generate(s)
	var made struct {
		Data []struct {
			OID  string `json:"oId"`
			Name string `json:"name"`
		} `json:"data"`
	}
	if err != nil || status != http.StatusOK || json.Unmarshal([]byte(body), &made) != nil || len(made.Data) != items {
		t.Fatalf("%d %s, %v", status, body, err)
	}
	for i, p := range made.Data {
		if p.Name != fmt.Sprintf("Persona %d", i) {
			t.Errorf("item %d is %s", i, p.Name)
		}
	}
	if all, most := m.requests(); all != items+atOnce || most != 2 {
		t.Errorf("%d requests, and %d for one item", all, most)
	}
	_, again, err := generate(s)
	if all, _ := m.requests(); err != nil || all != items+atOnce || !strings.Contains(again, made.Data[0].OID) {
		t.Errorf("the same again: %d requests, %v, %s", all, err, again)
	}
	if err := s.shutdown(); err != nil {
		t.Error(err)
	}
	if n := export(t, dir); n != items {
		t.Errorf("%d personas are there", n)
	}
	for _, file := range []string{"server.log", "personae.db"} {
		content, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || bytes.Contains(content, []byte(secret)) {
			t.Errorf("%s has the key of the model, or cannot be read: %v", file, err)
		}
	}
	if strings.Contains(body+again, secret) {
		t.Error("an answer has the key of the model")
	}
}
