package cli

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"personae.dev/contract"
)

// greeted is a writer that tells when a server has greeted.
type greeted struct {
	mu   sync.Mutex
	text strings.Builder
	url  chan string
}

var servingLine = regexp.MustCompile(`(?m)^Serving (http\S+), `)

// Write implements io.Writer.
func (g *greeted) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, err := g.text.Write(p)
	if match := servingLine.FindStringSubmatch(g.text.String()); match != nil {
		select {
		case g.url <- match[1]:
		default: // it was told before
		}
	}
	return n, err
}

func (g *greeted) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.String()
}

// served is `personae serve` in this process.
type served struct {
	url string
	// greeting is what it wrote to stdout.
	greeting string
	// stop ends it, and returns its exit code and its log.
	stop func() (code int, log string)
}

// serveNow runs `personae serve` with flags on a free port, and returns when it
// answers.
func serveNow(t testing.TB, flags ...string) *served {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, log := &greeted{url: make(chan string, 1)}, &greeted{}
	ended := make(chan int, 1)
	go func() {
		ended <- Main(ctx, append([]string{"serve", "--listen", "127.0.0.1:0", "--drain", "0s"}, flags...), Stdio{In: strings.NewReader(""), Out: out, Err: log})
	}()
	stop := sync.OnceValues(func() (int, string) {
		cancel()
		return <-ended, log.String()
	})
	t.Cleanup(func() { stop() })
	select {
	case url := <-out.url:
		return &served{url: url, greeting: out.String(), stop: stop}
	case code := <-ended:
		t.Fatalf("exit code %d: %s%s", code, out, log)
		return nil
	}
}

// ask calls the API of s, and returns the status and the body.
func (s *served) ask(t testing.TB, method, path, key, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("api_key", key)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// TestExamplesOfTheReference shows that every id in the examples of the API
// reference is answered with the demo library.
func TestExamplesOfTheReference(t *testing.T) {
	t.Parallel()
	s := serveNow(t, "--ephemeral", "--demo", "--key", exampleKey, "--log-level", "error")
	ids := regexp.MustCompile(`\bdemo-[a-z0-9-]+`).FindAllString(string(contract.OpenAPI()), -1)
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) < 15 {
		t.Fatalf("the reference has only the ids %q", ids)
	}
	for _, id := range ids {
		var found struct{ Data []struct{ Kind, OID string } }
		status, body := s.ask(t, "GET", "/api/v2/library/find?idOrName="+id, exampleKey, "")
		if err := json.Unmarshal([]byte(body), &found); status != http.StatusOK || err != nil || len(found.Data) != 1 || found.Data[0].OID != id {
			t.Errorf("%s: %d %s, %v", id, status, body, err)
			continue
		}
		if status, body := s.ask(t, "GET", "/api/v2/"+found.Data[0].Kind+"/get?oId="+id, exampleKey, ""); status != http.StatusOK {
			t.Errorf("%s: %d %s", id, status, body)
		}
	}
}

// TestEphemeralIsReadySoon shows that a start takes about 50 ms, and no seconds.
// BenchmarkEphemeral measures it; a machine that runs other tests is slower.
//
//nolint:paralleltest // it measures
func TestEphemeralIsReadySoon(t *testing.T) {
	const promise, bound = 50 * time.Millisecond, time.Second
	best := time.Hour
	for range 10 {
		began := time.Now()
		s := serveNow(t, "--ephemeral", "--demo", "--log-level", "error")
		best = min(best, time.Since(began))
		s.stop()
		if best < promise {
			break
		}
	}
	t.Logf("ready after %s", best)
	if best > bound {
		t.Errorf("it was ready after %s at the earliest, not %s", best, promise)
	}
}

// BenchmarkEphemeral measures from the command line to the greeting.
func BenchmarkEphemeral(b *testing.B) {
	for b.Loop() {
		s := serveNow(b, "--ephemeral", "--demo", "--log-level", "error")
		b.StopTimer()
		s.stop()
		b.StartTimer()
	}
}

func TestServeSettings(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"--key " + exampleKey:                  "use them with --ephemeral",
		"--clock 2025-01-01T00:00:00Z":         "use them with --ephemeral",
		"--ephemeral --key psk_short":          exampleKey,
		"--ephemeral --clock yesterday":        "--clock",
		"--ephemeral --drain -1s":              "--drain",
		"--ephemeral --public-url example.com": "--public-url",
		"--ephemeral --trusted-proxies proxy":  "--trusted-proxies",
		"--ephemeral --cors-origin app":        "--cors-origin",
		"--ephemeral --private-listen 7071":    "Write --private-listen HOST:PORT",
		"--ephemeral --owner-email nobody":     "email: must look like name@example.com",
		"--listen 7171":                        "Write --listen HOST:PORT, such as 127.0.0.1:7070.",
	} {
		var out, log strings.Builder
		args := append([]string{"serve"}, strings.Fields(line)...)
		if !strings.Contains(line, "--listen") {
			args = append(args, "--listen", "127.0.0.1:0")
		}
		code := Main(t.Context(), args, Stdio{In: strings.NewReader(""), Out: &out, Err: &log})
		if code == exitOK || out.Len() > 0 || !strings.Contains(log.String(), want) {
			t.Errorf("%s: code %d, %s%s; want %q", line, code, &out, &log, want)
		}
	}
}

func TestHealthcheck(t *testing.T) {
	s := serveNow(t, "--ephemeral", "--private-listen", "127.0.0.1:0")
	address := strings.TrimPrefix(s.url, "http://")
	check := func(args ...string) (int, string) {
		var out, log strings.Builder
		code := Main(t.Context(), append([]string{"healthcheck"}, args...), Stdio{In: strings.NewReader(""), Out: &out, Err: &log})
		return code, out.String() + log.String()
	}
	if code, text := check("--server", address); code != exitOK || !strings.Contains(text, "is ready") {
		t.Errorf("--server: %d, %s", code, text)
	}
	t.Setenv("PERSONAE_LISTEN", "0.0.0.0:"+address[strings.LastIndexByte(address, ':')+1:])
	if code, text := check(); code != exitOK || !strings.Contains(text, s.url) {
		t.Errorf("PERSONAE_LISTEN: %d, %s", code, text)
	}
	t.Setenv("PERSONAE_LISTEN", "nonsense")
	if code, text := check(); code != exitFailed || !strings.Contains(text, "HOST:PORT") {
		t.Errorf("nonsense: %d, %s", code, text)
	}
	if code, text := check("--server", "ftp://x"); code != exitFailed || !strings.Contains(text, "--server") {
		t.Errorf("no address: %d, %s", code, text)
	}
	if _, log := s.stop(); !strings.Contains(log, `"private":"http://127.0.0.1:`) {
		t.Errorf("the log does not name the address for operators: %s", log)
	}
	t.Setenv("PERSONAE_PRIVATE_LISTEN", address)
	if code, text := check(); code != exitFailed || !strings.Contains(text, "The server is not ready: ") || strings.Contains(text, "PERSONAE_SERVER") {
		t.Errorf("stopped: %d, %s", code, text)
	}
}

// TestDrainDefaults shows how long a server drains where nothing is said, and that
// what is said counts.
func TestDrainDefaults(t *testing.T) {
	t.Parallel()
	said := time.Minute
	for _, test := range []struct {
		cmd      serveCmd
		terminal bool
		want     time.Duration
	}{
		{serveCmd{}, false, 5 * time.Second},
		{serveCmd{}, true, 0},
		{serveCmd{Ephemeral: true}, false, 0},
		{serveCmd{Ephemeral: true, Drain: &said}, true, said},
	} {
		if got, err := test.cmd.drain(test.terminal); got != test.want || err != nil {
			t.Errorf("ephemeral %t, terminal %t: %s, %v; want %s", test.cmd.Ephemeral, test.terminal, got, err, test.want)
		}
	}
}
