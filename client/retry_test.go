package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"personae.dev/apitype"
)

// reply answers one request.
type reply func(*http.Request) (*http.Response, error)

// script is a server that gives its answers in turn, the last one again and again.
// It uses no network, so that synctest controls the time.
type script struct {
	answers []reply
	at      []time.Duration // when the requests came, after the first
	began   time.Time
}

// RoundTrip implements http.RoundTripper.
func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	if len(s.at) == 0 {
		s.began = time.Now()
	}
	s.at = append(s.at, time.Since(s.began))
	return s.answers[min(len(s.at), len(s.answers))-1](r)
}

// status answers with a status and a header, such as "Retry-After: 1".
func status(code int, headers ...string) reply { return coded(code, "later", headers...) }

// coded answers with a status and a code of the API.
func coded(code int, name string, headers ...string) reply {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{"Content-Type": {"application/json"}}
		for _, header := range headers {
			name, value, _ := strings.Cut(header, ": ")
			h.Set(name, value)
		}
		body := `{"message":"Not now.","error":{"code":"` + name + `"}}`
		if code == http.StatusOK {
			body = `{"oId":"p_1"}`
		}
		return &http.Response{StatusCode: code, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

// broken fails as a connection does.
func broken(err error) reply {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// cut breaks off in the middle of an answer.
func cut(r *http.Request) (*http.Response, error) {
	response, err := status(http.StatusOK)(r)
	response.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"oId"`), failing{}))
	return response, err
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// hang answers when the request is given up.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func (s *script) client(t *testing.T) *Client {
	t.Helper()
	c, err := New(Config{BaseURL: "http://server.example", APIKey: "psk_x", HTTPClient: &http.Client{Transport: s, Timeout: Timeout}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRetries(t *testing.T) {
	t.Parallel()
	refused := broken(&net.OpError{Op: "dial", Err: errors.New("connection refused")})
	type span struct{ from, to time.Duration }
	const ms = time.Millisecond
	first, second, third := span{100 * ms, 200 * ms}, span{200 * ms, 400 * ms}, span{400 * ms, 800 * ms}
	after := func(wait time.Duration, s span) span { return span{wait + s.from, wait + s.to} }
	tests := []struct {
		name    string
		answers []reply
		unsafe  bool   // the call is not idempotent
		pauses  []span // before each further attempt
		fails   bool
	}{
		{name: "AtOnce", answers: []reply{status(200)}},
		{name: "AfterUnavailable", answers: []reply{status(503), status(503), status(200)}, pauses: []span{first, second}},
		{name: "AfterTooMany", answers: []reply{status(429), status(200)}, pauses: []span{first}},
		{name: "NeverForEver", answers: []reply{status(503)}, pauses: []span{first, second, third}, fails: true},
		{name: "RetryAfterSeconds", answers: []reply{status(429, "Retry-After: 7"), status(200)}, pauses: []span{after(7*time.Second, first)}},
		{name: "RetryAfterDate", answers: []reply{inTenSeconds, status(200)}, pauses: []span{after(10*time.Second, first)}},
		{name: "RetryAfterPast", answers: []reply{status(503, "Retry-After: Fri, 31 Dec 1999 23:59:50 GMT"), status(200)}, pauses: []span{first}},
		{name: "RetryAfterNonsense", answers: []reply{status(503, "Retry-After: soon"), status(200)}, pauses: []span{first}},
		{name: "RetryAfterLongest", answers: []reply{status(503, "Retry-After: 30"), status(200)}, pauses: []span{after(MaxWait, first)}},
		{name: "RetryAfterTooLong", answers: []reply{status(503, "Retry-After: 31"), status(200)}, fails: true},
		{name: "AfterRefusedConnection", answers: []reply{refused, status(200)}, pauses: []span{first}},
		{name: "AfterCutAnswer", answers: []reply{cut, status(200)}, pauses: []span{first}},
		{name: "AfterTimeout", answers: []reply{hang, status(200)}, pauses: []span{after(Timeout, first)}},
		{name: "UnsafeAfterUnavailable", answers: []reply{coded(503, "unavailable"), status(200)}, unsafe: true, pauses: []span{first}},
		{name: "UnsafeAfterUnknownOutcome", answers: []reply{coded(503, "outcome_unknown"), status(200)}, unsafe: true, fails: true},
		{name: "UnsafeAfterAnswerOfAProxy", answers: []reply{coded(503, ""), status(200)}, unsafe: true, fails: true},
		{name: "WhileTheFirstIsAtWork", answers: []reply{cut, coded(409, "idempotency_in_progress", "Retry-After: 1"), status(200)}, pauses: []span{first, after(time.Second, second)}},
		{name: "UnsafeConflict", answers: []reply{coded(409, "idempotency_in_progress"), status(200)}, unsafe: true, fails: true},
		{name: "NotForAConflict", answers: []reply{coded(409, "persona_deleted"), status(200)}, fails: true},
		{name: "AfterUnknownOutcome", answers: []reply{coded(503, "outcome_unknown"), status(200)}, pauses: []span{first}},
		{name: "UnsafeAfterRefusedConnection", answers: []reply{refused, status(200)}, unsafe: true, fails: true},
		{name: "UnsafeAfterCutAnswer", answers: []reply{cut, status(200)}, unsafe: true, fails: true},
		{name: "NotForAnInvalidRequest", answers: []reply{status(400), status(200)}, fails: true},
		{name: "NotForAServerError", answers: []reply{status(500), status(200)}, fails: true},
		{name: "NotForAnUnknownHost", answers: []reply{broken(&net.DNSError{IsNotFound: true}), status(200)}, fails: true},
		{name: "NotForPlainHTTP", answers: []reply{broken(http.ErrSchemeMismatch), status(200)}, fails: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: test.answers}
				var out apitype.Persona
				_, err := s.client(t).do(t.Context(), call{method: http.MethodGet, path: "/x", idempotent: !test.unsafe}, &out)
				if (err != nil) != test.fails {
					t.Fatalf("the error is %v", err)
				}
				if err == nil && out.OID != "p_1" {
					t.Errorf("the answer is %+v", out)
				}
				if len(s.at) != len(test.pauses)+1 {
					t.Fatalf("%d attempts, want %d", len(s.at), len(test.pauses)+1)
				}
				for i, want := range test.pauses {
					if got := s.at[i+1] - s.at[i]; got < want.from || got > want.to {
						t.Errorf("pause %d took %s, want %s to %s", i+1, got, want.from, want.to)
					}
				}
			})
		})
	}
}

// inTenSeconds names a date in Retry-After.
func inTenSeconds(r *http.Request) (*http.Response, error) {
	return status(503, "Retry-After: "+time.Now().Add(10*time.Second).UTC().Format(http.TimeFormat))(r)
}

func TestRetriesEndWithTheContext(t *testing.T) {
	t.Parallel()
	t.Run("CancelledInAnAttempt", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := &script{answers: []reply{hang}}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			_, err := s.client(t).Personas.Get(ctx, "p_1")
			if !errors.Is(err, context.Canceled) || len(s.at) != 1 {
				t.Errorf("%d attempts, and the error %v", len(s.at), err)
			}
		})
	})
	t.Run("CancelledInAPause", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := &script{answers: []reply{status(503, "Retry-After: 5")}}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			_, err := s.client(t).Personas.Get(ctx, "p_1")
			if !errors.Is(err, context.Canceled) || len(s.at) != 1 || time.Since(s.began) != time.Second {
				t.Errorf("%d attempts in %s, and the error %v", len(s.at), time.Since(s.began), err)
			}
			// The error also has the answer that made it wait.
			if refused, ok := errors.AsType[*Error](err); !ok || refused.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("the error is %v", err)
			}
		})
	})
	// The context ends before the server would take the call.
	t.Run("NoTimeLeft", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := &script{answers: []reply{status(503, "Retry-After: 5")}}
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			_, err := s.client(t).Personas.Get(ctx, "p_1")
			if refused, ok := errors.AsType[*Error](err); !ok || refused.RetryAfter != 5*time.Second {
				t.Errorf("the error is %v", err)
			}
			if len(s.at) != 1 || time.Since(s.began) != 0 {
				t.Errorf("%d attempts in %s", len(s.at), time.Since(s.began))
			}
		})
	})
}

// TestModelTimeout shows that a call that may ask a model has the time that a model
// takes.
func TestModelTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []reply{hang}}
		if _, err := s.client(t).QualifyPerson(t.Context(), apitype.QualifyRequest{}); err == nil || len(s.at) != 1 || time.Since(s.began) != GenerateTimeout {
			t.Errorf("%d attempts in %s, and the error %v", len(s.at), time.Since(s.began), err)
		}
	})
}

// TestRetriesOfWrites shows what is sent again after a connection that failed, and
// that it is sent unchanged.
func TestRetriesOfWrites(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		call func(context.Context, *Client) error
		want int // attempts
	}{
		{"Create", func(ctx context.Context, c *Client) error {
			_, err := c.Personas.Create(ctx, apitype.PersonaInput{Name: "VP"})
			return err
		}, 2},
		{"CreateWithKey", func(ctx context.Context, c *Client) error {
			_, err := c.Personas.Create(ctx, apitype.PersonaInput{Name: "VP"}, IdempotencyKey("k"))
			return err
		}, 2},
		{"Update", func(ctx context.Context, c *Client) error {
			_, err := c.Personas.Update(ctx, "p_1", apitype.PersonaInput{Name: "VP"})
			return err
		}, 1},
		// Only a create has an idempotency key.
		{"UpdateWithKey", func(ctx context.Context, c *Client) error {
			_, err := c.Personas.Update(ctx, "p_1", apitype.PersonaInput{Name: "VP"}, IdempotencyKey("k"))
			return err
		}, 1},
		{"Delete", func(ctx context.Context, c *Client) error {
			_, err := c.Personas.Delete(ctx, "p_1")
			return err
		}, 2},
		// The second attempt may be refused because of the first.
		{"DeleteIfMatch", func(ctx context.Context, c *Client) error {
			_, err := c.Personas.Delete(ctx, "p_1", IfMatch(`"v1"`))
			return err
		}, 1},
		{"Archive", func(ctx context.Context, c *Client) error {
			_, err := c.Personas.Archive(ctx, "p_1")
			return err
		}, 1},
		// A model that was asked may have been paid.
		{"Qualify", func(ctx context.Context, c *Client) error {
			_, err := c.QualifyPerson(ctx, apitype.QualifyRequest{})
			return err
		}, 1},
		{"QualifyWithoutModel", func(ctx context.Context, c *Client) error {
			_, err := c.QualifyPerson(ctx, apitype.QualifyRequest{WithoutModel: true})
			return err
		}, 2},
		{"List", func(ctx context.Context, c *Client) error {
			_, err := c.Personas.List(ctx, ListOptions{})
			return err
		}, 2},
	}
	for _, test := range tests {
		for _, failure := range []struct {
			name   string
			answer reply
			want   int
		}{{"BrokenConnection", cut, test.want}, {"Unavailable", coded(503, "unavailable"), 2}, {"OutcomeUnknown", coded(503, "outcome_unknown"), test.want}} {
			t.Run(test.name+"/"+failure.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var bodies []string
					note := func(answer reply) reply {
						return func(r *http.Request) (*http.Response, error) {
							b, err := io.ReadAll(r.Body)
							if err != nil {
								t.Error(err)
							}
							bodies = append(bodies, string(b))
							return answer(r)
						}
					}
					s := &script{answers: []reply{note(failure.answer), note(status(200))}}
					err := test.call(t.Context(), s.client(t))
					if len(bodies) != failure.want || (err == nil) != (failure.want == 2) {
						t.Fatalf("%d attempts, want %d; the error is %v", len(bodies), failure.want, err)
					}
					if bodies[0] != bodies[len(bodies)-1] {
						t.Errorf("the bodies differ: %q", bodies)
					}
				})
			})
		}
	}
}
