package llm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/errs"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		code    string
	}{
		"a refusal":         {chat("", "I cannot help with that.", "stop"), CodeRefused},
		"a content filter":  {chat("", "", "content_filter"), CodeFiltered},
		"an answer cut off": {chat(`{"count": 3`, "", "length"), CodeCutOff},
		"an error in a 200": {status(200, `{"error": {"message": "no such model"}}`), CodeRejected},
		"an empty object":   {status(200, `{}`), CodeUnreachable},
		"no choices":        {status(200, `{"choices": []}`), CodeUnreachable},
		"HTML":              {status(200, "<html><body>Log in</body></html>", "Content-Type", "text/html"), CodeUnreachable},
		"cut JSON":          {status(200, `{"choices": [{"mess`), CodeUnreachable},
		"nothing":           {status(200, ``), CodeUnreachable},
		"a body that breaks": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "{")
			_ = http.NewResponseController(w).Flush()
			abort(w, r)
		}, CodeUnreachable},
		"a wrong key":  {status(401, `{"error": {"message": "Incorrect API key provided: `+key+`"}}`), CodeRejected},
		"not allowed":  {status(403, ``), CodeRejected},
		"no such path": {status(404, `page not found`), CodeRejected},
		"too large":    {status(413, ``), CodeRejected},
		"a redirect":   {status(307, ``, "Location", "http://127.0.0.1:1/"), CodeRejected},
		"accepted":     {status(202, `{}`), CodeUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.handler)
			c, _ := client(t, Config{URL: s.url})
			got, err := c.Complete(t.Context(), request)
			if got != nil || errs.CodeOf(err) != test.code || len(s.requests()) != 1 {
				t.Errorf("%v (%s) after %d requests, want %s", err, errs.CodeOf(err), len(s.requests()), test.code)
			}
			if e, ok := errors.AsType[*errs.Error](err); !ok || len(e.Message) < 20 {
				t.Errorf("no words: %v", err)
			}
		})
	}
	t.Run("what a refusal took is counted", func(t *testing.T) {
		t.Parallel()
		s := serve(t, chat("", "No.", "stop"))
		var call Call
		c, _ := client(t, Config{URL: s.url})
		r := request
		r.Observe = func(c Call) { call = c }
		if _, err := c.Complete(t.Context(), r); err == nil || call.Usage != (Usage{100, 20}) || call.Outcome != CodeRefused {
			t.Errorf("%v, %+v", err, call)
		}
	})
}

func TestRetries(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]http.HandlerFunc{
		"408": status(408, ""), "409": status(409, ""), "429": status(429, ""), "500": status(500, "<html>"), "502": status(502, ""), "503": status(503, ""), "529": status(529, `{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}`), "a reset before the first byte": abort,
	} {
		t.Run(name+" is asked again", func(t *testing.T) {
			t.Parallel()
			s := serve(t, first, first, says(right))
			c, pauses := client(t, Config{URL: s.url})
			if _, err := c.Complete(t.Context(), request); err != nil || len(s.requests()) != 3 || len(*pauses) != 2 || (*pauses)[0] < firstPause || (*pauses)[1] < 2*firstPause {
				t.Errorf("%v after %d requests, pauses %v", err, len(s.requests()), *pauses)
			}
		})
		t.Run(name+" three times is an error", func(t *testing.T) {
			t.Parallel()
			s := serve(t, first)
			c, _ := client(t, Config{URL: s.url})
			if _, err := c.Complete(t.Context(), request); err == nil || len(s.requests()) != 3 {
				t.Errorf("%v after %d requests", err, len(s.requests()))
			}
		})
	}
	t.Run("Retry-After is waited for", func(t *testing.T) {
		t.Parallel()
		s := serve(t, status(429, "", "Retry-After", "7"), status(503, "", "Retry-After", "0.5"), says(right))
		c, pauses := client(t, Config{URL: s.url})
		_, err := c.Complete(t.Context(), request)
		if diff := cmp.Diff([]time.Duration{7 * time.Second, time.Second / 2}, *pauses); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
	t.Run("Retry-After as a date", func(t *testing.T) {
		t.Parallel()
		s := serve(t, status(429, "", "Retry-After", time.Now().Add(30*time.Second).UTC().Format(http.TimeFormat)), says(right))
		c, pauses := client(t, Config{URL: s.url})
		if _, err := c.Complete(t.Context(), request); err != nil || len(*pauses) != 1 || (*pauses)[0] < 20*time.Second || (*pauses)[0] > 31*time.Second {
			t.Error(err, *pauses)
		}
	})
	for _, after := range []string{"61", "3600", "99999999999999999999"} {
		t.Run("Retry-After of "+after+" is not", func(t *testing.T) {
			t.Parallel()
			s := serve(t, status(429, "", "Retry-After", after))
			c, pauses := client(t, Config{URL: s.url})
			_, err := c.Complete(t.Context(), request)
			e, ok := errors.AsType[*errs.Error](err)
			if !ok || e.Code != CodeUnreachable || e.RetryAfter < 61 || len(s.requests()) != 1 || len(*pauses) != 0 {
				t.Errorf("%+v after %d requests, pauses %v", err, len(s.requests()), *pauses)
			}
		})
	}
	t.Run("no pause is longer than there is time", func(t *testing.T) {
		t.Parallel()
		s := serve(t, status(429, "", "Retry-After", "30"))
		c, pauses := client(t, Config{URL: s.url})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if _, err := c.Complete(ctx, request); errs.CodeOf(err) != CodeUnreachable || len(*pauses) != 0 {
			t.Error(err, *pauses)
		}
	})
	t.Run("a server that is not there", func(t *testing.T) {
		t.Parallel()
		s := serve(t, says(right))
		c, pauses := client(t, Config{URL: "http://127.0.0.1:1"})
		if _, err := c.Complete(t.Context(), request); errs.CodeOf(err) != CodeUnreachable || len(*pauses) != 2 || len(s.requests()) != 0 {
			t.Error(err, *pauses)
		}
	})
}

func TestBodiesWithoutEnd(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	done := make(chan struct{}, 1)
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		chunk := bytes.Repeat([]byte(" "), 1<<20)
		for range 1024 { // 1 GiB
			n, err := w.Write(chunk)
			if sent.Add(int64(n)); err != nil {
				break
			}
		}
		done <- struct{}{}
	})
	c, _ := client(t, Config{URL: s.url})
	_, err := c.Complete(t.Context(), request)
	if errs.CodeOf(err) != CodeUnreachable || !strings.Contains(err.Error(), "more than 8 MiB") || len(s.requests()) != 1 {
		t.Errorf("%v after %d requests", err, len(s.requests()))
	}
	<-done
	if sent.Load() > 100<<20 {
		t.Errorf("%d MiB were taken", sent.Load()>>20)
	}
}

func TestSlowServers(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]string{"before the first byte": "", "in the body": "{"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if first != "" {
					_, _ = io.WriteString(w, first)
					_ = http.NewResponseController(w).Flush()
				}
				<-release
			})
			defer close(release)
			c, _ := client(t, Config{URL: s.url, Timeout: 100 * time.Millisecond})
			var call Call
			r := request
			r.Observe = func(c Call) { call = c }
			_, err := c.Complete(t.Context(), r)
			if errs.CodeOf(err) != CodeUnreachable || !strings.Contains(err.Error(), "in time") || len(s.requests()) > 1 || call.Usage.InputTokens < 50 {
				t.Errorf("%v after %d requests, %+v", err, len(s.requests()), call)
			}
		})
	}
	t.Run("a caller who leaves", func(t *testing.T) {
		t.Parallel()
		asked, release := make(chan struct{}), make(chan struct{})
		s := serve(t, func(http.ResponseWriter, *http.Request) { close(asked); <-release })
		defer close(release)
		c, _ := client(t, Config{URL: s.url})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-asked; cancel() }()
		if _, err := c.Complete(ctx, request); err == nil || !strings.Contains(err.Error(), "ended before") || len(s.requests()) != 1 {
			t.Errorf("%v", err)
		}
	})
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	var running, most atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := running.Add(1)
		defer running.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		says(right)(w, r)
	})
	c, _ := client(t, Config{URL: s.url, Concurrency: 2})
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := c.Complete(t.Context(), request); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if most.Load() > 2 {
		t.Errorf("%d requests at once", most.Load())
	}
}
