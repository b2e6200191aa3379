package httpx_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"personae.dev/internal/httpx"
	"personae.dev/internal/overload"
)

// bounded is a gate of one, and what was refused.
type bounded struct {
	gate    *overload.Gate
	bounds  *httpx.Bounds
	refused []httpx.Refusal
}

func newBounded(bodies, answers int64) *bounded {
	b := &bounded{gate: overload.NewGate(1, 0, time.Second)}
	b.bounds = &httpx.Bounds{
		Bodies: overload.NewBudget(bodies), Answers: overload.NewBudget(answers),
		Refused: func(r httpx.Refusal) { b.refused = append(b.refused, r) },
	}
	return b
}

// serve returns the error that the request came to.
func (b *bounded) serve(t *testing.T, w http.ResponseWriter, r *http.Request, h httpx.Handler) (failed error) {
	t.Helper()
	httpx.Adapt(httpx.Chain(httpx.Admit(b.gate, h), httpx.Bound(b.bounds),
		httpx.Errors(func(_ *httpx.ResponseWriter, _ *http.Request, err error) { failed = err }))).ServeHTTP(w, r)
	if b.gate.Inside() != 0 || b.bounds.Bodies.Used() != 0 || b.bounds.Answers.Used() != 0 {
		t.Errorf("after it %d are inside, with %d bytes of bodies and %d of answers", b.gate.Inside(), b.bounds.Bodies.Used(), b.bounds.Answers.Used())
	}
	return failed
}

func post(body io.Reader) *http.Request { return httptest.NewRequest(http.MethodPost, "/", body) }

// told runs do once, when it is read from for the first time.
type told struct {
	do   func()
	text string
}

func (d *told) Read(p []byte) (int, error) {
	if d.do != nil {
		d.do()
		d.do = nil
	}
	if d.text == "" {
		return 0, io.EOF
	}
	n := copy(p, d.text)
	d.text = d.text[n:]
	return n, nil
}

// telling runs do when the answer is written.
type telling struct {
	http.ResponseWriter
	do func()
}

func (w telling) Write(b []byte) (int, error) {
	w.do()
	return w.ResponseWriter.Write(b)
}

func TestAdmit(t *testing.T) {
	t.Parallel()
	t.Run("InsideOnlyAtWork", func(t *testing.T) {
		t.Parallel()
		b := newBounded(1<<20, 1<<20)
		var inside []int
		note := func() { inside = append(inside, b.gate.Inside()) }
		w := telling{httptest.NewRecorder(), note}
		err := b.serve(t, w, post(&told{note, "a body"}), func(w *httpx.ResponseWriter, r *http.Request) error {
			note()
			body, err := io.ReadAll(r.Body)
			note()
			if string(body) != "a body" || b.bounds.Bodies.Used() != 6 {
				t.Errorf("%q, of %d bytes", body, b.bounds.Bodies.Used())
			}
			return errors.Join(err, httpx.WriteFlat(w, "OK", []byte(`{"a":1}`)))
		})
		// At the start, while the body comes in, at work, while the answer goes out.
		if want := []int{1, 0, 1, 0}; err != nil || len(inside) != 4 || [4]int(inside) != [4]int(want) {
			t.Errorf("inside: %v, want %v; %v", inside, want, err)
		}
	})
	t.Run("Full", func(t *testing.T) {
		t.Parallel()
		b := newBounded(1<<20, 1<<20)
		var second error
		err := b.serve(t, httptest.NewRecorder(), get(t, "/"), func(*httpx.ResponseWriter, *http.Request) error {
			httpx.Adapt(httpx.Chain(httpx.Admit(b.gate, func(*httpx.ResponseWriter, *http.Request) error {
				t.Error("two are inside")
				return nil
			}), httpx.Bound(b.bounds), httpx.Errors(func(_ *httpx.ResponseWriter, _ *http.Request, err error) { second = err }))).
				ServeHTTP(httptest.NewRecorder(), get(t, "/"))
			return nil
		})
		if err != nil || !errors.Is(second, httpx.ErrBusy) || len(b.refused) != 1 || b.refused[0] != httpx.RefusedWork {
			t.Errorf("%v, %v, %v", err, second, b.refused)
		}
	})
	t.Run("FullWhenTheBodyIsThere", func(t *testing.T) {
		t.Parallel()
		b := newBounded(1<<20, 1<<20)
		err := b.serve(t, httptest.NewRecorder(), post(&told{func() { b.gate.Enter(t.Context()) }, "a body"}), func(_ *httpx.ResponseWriter, r *http.Request) error {
			defer b.gate.Leave() // the other one
			_, err := io.ReadAll(r.Body)
			return err
		})
		if !errors.Is(err, httpx.ErrBusy) {
			t.Errorf("%v", err)
		}
	})
	t.Run("HungUpBeforeTheGate", func(t *testing.T) {
		t.Parallel()
		b := newBounded(1<<20, 1<<20)
		b.gate = overload.NewGate(1, 1, time.Hour)
		err := b.serve(t, httptest.NewRecorder(), get(t, "/"), func(*httpx.ResponseWriter, *http.Request) error {
			ctx, hangUp := context.WithCancel(t.Context())
			hangUp()
			var second error
			httpx.Adapt(httpx.Chain(httpx.Admit(b.gate, nil), httpx.Bound(b.bounds),
				httpx.Errors(func(_ *httpx.ResponseWriter, _ *http.Request, err error) { second = err }))).
				ServeHTTP(httptest.NewRecorder(), get(t, "/").WithContext(ctx))
			return second
		})
		if !errors.Is(err, context.Canceled) || errors.Is(err, httpx.ErrBusy) || len(b.refused) > 0 {
			t.Errorf("%v, refused %v", err, b.refused)
		}
	})
	t.Run("HungUpWhenTheBodyIsThere", func(t *testing.T) {
		t.Parallel()
		b := newBounded(1<<20, 1<<20)
		b.gate = overload.NewGate(1, 1, time.Hour)
		ctx, hangUp := context.WithCancel(t.Context())
		fill := func() {
			b.gate.Enter(t.Context())
			hangUp()
		}
		err := b.serve(t, httptest.NewRecorder(), post(&told{fill, "a body"}).WithContext(ctx), func(_ *httpx.ResponseWriter, r *http.Request) error {
			defer b.gate.Leave() // the other one
			_, err := io.ReadAll(r.Body)
			return err
		})
		if !errors.Is(err, context.Canceled) || len(b.refused) > 0 {
			t.Errorf("%v, refused %v", err, b.refused)
		}
	})
	t.Run("TooManyBytesOfBodies", func(t *testing.T) {
		t.Parallel()
		b := newBounded(100, 1<<20)
		b.bounds.Bodies.Take(50)
		read := func(_ *httpx.ResponseWriter, r *http.Request) error {
			defer b.bounds.Bodies.Give(50) // the other one's
			_, err := io.ReadAll(r.Body)
			return err
		}
		err := b.serve(t, httptest.NewRecorder(), post(strings.NewReader(strings.Repeat("x", 51))), read)
		if !errors.Is(err, httpx.ErrBusy) || len(b.refused) != 1 || b.refused[0] != httpx.RefusedBody {
			t.Errorf("%v, %v", err, b.refused)
		}
	})
	t.Run("TooManyBytesOfAnswers", func(t *testing.T) {
		t.Parallel()
		large := []byte(`{"a":"` + strings.Repeat("x", 100<<10) + `"}`)
		for method, refused := range map[string]bool{http.MethodGet: true, http.MethodPost: false, http.MethodDelete: false} {
			b := newBounded(1<<20, 200<<10)
			b.bounds.Answers.Take(150 << 10)
			r := get(t, "/")
			r.Method = method
			err := b.serve(t, httptest.NewRecorder(), r, func(w *httpx.ResponseWriter, _ *http.Request) error {
				defer b.bounds.Answers.Give(150 << 10)
				return httpx.WriteFlat(w, "OK", large)
			})
			if errors.Is(err, httpx.ErrBusy) != refused {
				t.Errorf("%s: %v", method, err)
			}
		}
	})
}
