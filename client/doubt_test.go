package client_test

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"

	"personae.dev/apitype"
	"personae.dev/client"
)

// creator is a server that makes an entity for each idempotency key. It spoils
// its first answer, after the entity was made.
type creator struct {
	spoil func(w http.ResponseWriter, body string)

	mu       sync.Mutex
	made     map[string]string // answers by key
	requests int
}

func (s *creator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	key := r.Header.Get("Idempotency-Key")
	if key == "" {
		key = fmt.Sprintf("request %d", s.requests) // each request makes one
	}
	if s.made[key] == "" {
		s.made[key] = fmt.Sprintf(`{"data":{"oId":"p_%d"}}`, len(s.made)+1)
	}
	if s.requests == 1 {
		s.spoil(w, s.made[key])
		return
	}
	answer(http.StatusOK, "application/json", s.made[key])(w, nil)
}

// hijacked takes over the connection, writes text and ends it: with RST if reset.
func hijacked(text string, reset bool) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, _ string) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = conn.Write([]byte(text))
		if reset {
			_ = conn.(*net.TCPConn).SetLinger(0)
		}
		_ = conn.Close()
	}
}

// TestCreateInDoubt shows that a create whose answer gets lost makes one entity,
// and returns it, whatever the caller does with idempotency keys.
func TestCreateInDoubt(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(http.ResponseWriter, string){
		"FIN":            hijacked("", false),
		"RST":            hijacked("", true),
		"HalfHead":       hijacked("HTTP/1.1 200 OK\r\nContent-Ty", false),
		"HalfBody":       hijacked("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n{\"data\":", false),
		"HalfBodyRST":    hijacked("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n{\"data\":", true),
		"Unavailable":    func(w http.ResponseWriter, _ string) { refuse(w, 503, "unavailable") },
		"OutcomeUnknown": func(w http.ResponseWriter, _ string) { refuse(w, 503, "outcome_unknown") },
		"StillAtWork":    func(w http.ResponseWriter, _ string) { refuse(w, 409, "idempotency_in_progress") },
		"OfAProxy":       func(w http.ResponseWriter, _ string) { refuse(w, 503, "") },
	} {
		for keyName, options := range map[string][]client.Option{"NoKey": nil, "OwnKey": {client.IdempotencyKey("mine")}} {
			t.Run(name+"/"+keyName, func(t *testing.T) {
				t.Parallel()
				server := &creator{spoil: spoil, made: map[string]string{}}
				c := setup(t, server.ServeHTTP)
				created, err := c.Personas.Create(t.Context(), apitype.PersonaInput{Name: "VP"}, options...)
				if err != nil {
					t.Fatal(err)
				}
				if server.requests != 2 || len(server.made) != 1 || created.Entity.OID != "p_1" {
					t.Errorf("%d requests made %d entities; the answer is %s", server.requests, len(server.made), created.Entity.OID)
				}
			})
		}
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	answer(status, "application/json", refusal(code, "Not now."))(w, nil)
}

// TestCreatesDiffer shows that each call of Create has a key of its own.
func TestCreatesDiffer(t *testing.T) {
	t.Parallel()
	server := &creator{spoil: func(w http.ResponseWriter, body string) { answer(http.StatusOK, "application/json", body)(w, nil) }, made: map[string]string{}}
	c := setup(t, server.ServeHTTP)
	for range 2 {
		if _, err := c.Personas.Create(t.Context(), apitype.PersonaInput{Name: "VP"}); err != nil {
			t.Fatal(err)
		}
	}
	if len(server.made) != 2 {
		t.Errorf("two creates made %d entities", len(server.made))
	}
}

// TestUpdateInDoubt shows that a change without If-Match or key is not repeated
// when its answer gets lost.
func TestUpdateInDoubt(t *testing.T) {
	t.Parallel()
	server := &creator{spoil: hijacked("", false), made: map[string]string{}}
	c := setup(t, server.ServeHTTP)
	if _, err := c.Personas.Update(t.Context(), "p_1", apitype.PersonaInput{Name: "VP"}); err == nil || server.requests != 1 {
		t.Errorf("%d requests, and the error %v", server.requests, err)
	}
}
