//go:build linux

package load

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// setup returns the address of a server.
func setup(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func asking(target string) Source {
	return func(buf []byte, _ uint64) []byte { return append(buf, "GET "+target+" HTTP/1.1\r\nHost: x\r\n\r\n"...) }
}

func TestRun(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"Length":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("short")) },
		"Empty":   func(http.ResponseWriter, *http.Request) {},
		"Chunked": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 300<<10)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var served atomic.Int64
			address := setup(t, func(w http.ResponseWriter, r *http.Request) {
				served.Add(1)
				handler(w, r)
			})
			for _, rate := range []float64{0, 200} {
				served.Store(0)
				result, err := Run(t.Context(), Plan{
					Address: address, Source: asking("/"), Clients: 4, Lasts: 200 * time.Millisecond, Rate: rate, Core: -1,
				})
				if err != nil {
					t.Fatal(err)
				}
				if got := served.Load(); got == 0 || uint64(got) != result.Sent || len(result.took) != int(got) {
					t.Errorf("rate %v: %d sent, %d served, %d times", rate, result.Sent, got, len(result.took))
				}
				if rate > 0 && result.Sent != 40 {
					t.Errorf("%d sent, want all 40 that fell due", result.Sent)
				}
				if p50, p99 := result.Quantile(0.5), result.Quantile(0.99); p50 <= 0 || p99 < p50 {
					t.Errorf("p50 %v, p99 %v", p50, p99)
				}
			}
		})
	}
}

func TestRunStatus(t *testing.T) {
	t.Parallel()
	address := setup(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) })
	plan := Plan{Address: address, Source: asking("/"), Clients: 2, Lasts: 50 * time.Millisecond, Status: 304, Core: -1}
	if _, err := Run(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	plan.Status = 0
	if _, err := Run(t.Context(), plan); err == nil || !strings.Contains(err.Error(), "want status 200") {
		t.Fatalf("got %v, want an error of the status", err)
	}
}

func TestRunCountsRefusals(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	address := setup(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1)%2 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	result, err := Run(t.Context(), Plan{Address: address, Source: asking("/"), Clients: 1, Lasts: 50 * time.Millisecond, Core: -1})
	if err != nil {
		t.Fatal(err)
	}
	if result.Refused != result.Sent/2 || result.Refused+uint64(len(result.took)) != result.Sent {
		t.Errorf("%d sent, %d refused, %d times", result.Sent, result.Refused, len(result.took))
	}
}

// TestRunCountsFromWhenDue shows that a server that stops for a while costs
// every request that fell due in it.
func TestRunCountsFromWhenDue(t *testing.T) {
	t.Parallel()
	var first atomic.Bool
	address := setup(t, func(http.ResponseWriter, *http.Request) {
		if first.CompareAndSwap(false, true) {
			<-time.After(200 * time.Millisecond)
		}
	})
	result, err := Run(t.Context(), Plan{Address: address, Source: asking("/"), Clients: 1, Lasts: 400 * time.Millisecond, Rate: 100, Core: -1})
	if err != nil {
		t.Fatal(err)
	}
	// Half of them fell due while it stood still, and waited 100 ms on average.
	if got := result.Quantile(0.75); got < 50*time.Millisecond {
		t.Errorf("a quarter of the requests took longer than %v, want what they waited", got)
	}
}

// TestRunSendsAllThatFellDue shows that what no client was free for before the
// end is not forgotten with it.
func TestRunSendsAllThatFellDue(t *testing.T) {
	t.Parallel()
	var first atomic.Bool
	address := setup(t, func(http.ResponseWriter, *http.Request) {
		if first.CompareAndSwap(false, true) {
			<-time.After(300 * time.Millisecond)
		}
	})
	result, err := Run(t.Context(), Plan{Address: address, Source: asking("/"), Clients: 1, Lasts: 200 * time.Millisecond, Rate: 100, Core: -1})
	if err != nil {
		t.Fatal(err)
	}
	if result.Sent != 20 || len(result.took) != 20 {
		t.Errorf("%d sent, %d times; want the 20 that fell due", result.Sent, len(result.took))
	}
	if got := result.Quantile(0); got < 100*time.Millisecond {
		t.Errorf("the least time is %v, want what the last waited after the end", got)
	}
}

func TestRunEndsWithContext(t *testing.T) {
	t.Parallel()
	address := setup(t, func(http.ResponseWriter, *http.Request) {})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Run(ctx, Plan{Address: address, Source: asking("/"), Clients: 1, Lasts: time.Hour, Rate: 1, Core: -1}); err == nil {
		t.Fatal("got no error")
	}
}

func TestIdle(t *testing.T) {
	t.Parallel()
	var served atomic.Int64
	address := setup(t, func(http.ResponseWriter, *http.Request) { served.Add(1) })
	done, err := Idle(t.Context(), address, asking("/"), 50)
	if err != nil {
		t.Fatal(err)
	}
	done()
	if served.Load() != 50 {
		t.Errorf("%d were asked, want 50", served.Load())
	}
}

func TestIdleFailsWithARefusal(t *testing.T) {
	t.Parallel()
	var served atomic.Int64
	address := setup(t, func(w http.ResponseWriter, _ *http.Request) {
		if served.Add(1) == 7 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	if _, err := Idle(t.Context(), address, asking("/"), 50); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v, want an error of the refusal", err)
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"Length":     "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
		"None":       "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"Chunked":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0A\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n",
		"ManyFields": "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 1\r\nETag: \"x\"\r\n\r\n!",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// In parts of every size, and two in a row.
			for size := 1; size <= len(text); size++ {
				a := answer{wanted: 200}
				for range 2 {
					for at := 0; at < len(text); at += size {
						end := min(at+size, len(text))
						whole, err := a.add([]byte(text[at:end]))
						if err != nil || whole != (end == len(text)) {
							t.Fatalf("in parts of %d: after %d of %d bytes: whole %v, %v", size, end, len(text), whole, err)
						}
					}
				}
			}
		})
	}
	for name, text := range map[string]string{
		"OtherStatus":   "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
		"NoHTTP":        "SSH-2.0\r\n\r\n",
		"NoLength":      "HTTP/1.1 200 OK\r\n\r\n",
		"MoreThanOne":   "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!HTTP/1.1",
		"BadChunk":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
		"EndlessHeader": "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", longestHead),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := answer{wanted: 200}
			if _, err := a.add([]byte(text)); err == nil {
				t.Error("got no error")
			}
		})
	}
}
