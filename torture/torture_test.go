package torture

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"personae.dev/internal/machinetest"
)

var (
	torture  = flag.Bool("torture", false, "run what takes minutes")
	loadFor  = flag.Duration("for", 30*time.Second, "how long each load lasts")
	inFlight = flag.Int("in-flight", 16, "what the overloaded server has for --max-in-flight")
)

// sized is how much of something a run has.
func sized[T any](short, long T) T {
	if *torture {
		return long
	}
	return short
}

// long leaves a test out whose short form stands elsewhere.
func long(t *testing.T, short string) {
	t.Helper()
	if !*torture {
		t.Skipf("takes minutes: run it with -torture; its short form is %s", short)
	}
}

// binary is the program as it is shipped.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if runtime.GOOS == "windows" {
		fmt.Fprintln(os.Stderr, "torture: nothing to run on Windows")
		return 0
	}
	dir, err := os.MkdirTemp("", "personae-torture-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	_ = os.Chmod(dir, 0o755) // the server may be another user's
	if binary, err = machinetest.Build(dir); err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		return 1
	}
	return m.Run()
}

// figure prints a line for docs/guarantees.md.
func figure(t *testing.T, format string, args ...any) {
	t.Helper()
	//nolint:forbidigo // t.Log is shown at the end only
	fmt.Printf("FIGURE %s: %s\n", t.Name(), fmt.Sprintf(format, args...))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// server is `personae serve` on personae.db in a folder.
type server struct {
	dir, url, address, key string
	cmd                    *exec.Cmd
	ended                  chan struct{}
}

var (
	serving = regexp.MustCompile(`^Serving (http://(\S+)), `)
	admin   = regexp.MustCompile(`^  admin key +(psk_\w+)$`)
)

// start runs a server until the test ends; key is what a first start showed.
func start(t *testing.T, dir, key string, flags ...string) *server {
	t.Helper()
	s := &server{dir: dir, key: key, ended: make(chan struct{})}
	s.cmd = exec.Command(binary, append([]string{"serve", "--listen", "127.0.0.1:0", "--log-level", "error", "--drain", "0s"}, flags...)...)
	s.cmd.Dir = dir
	log, err := os.Create(filepath.Join(t.TempDir(), "server.log"))
	must(t, err)
	s.cmd.Stderr = log
	out, err := s.cmd.StdoutPipe()
	must(t, err)
	must(t, s.cmd.Start())
	t.Cleanup(func() {
		s.kill()
		_ = log.Close()
		if text, _ := os.ReadFile(log.Name()); t.Failed() && len(text) > 0 {
			t.Logf("the server's log ends with: %s", text[max(0, len(text)-2000):])
		}
	})
	lines := bufio.NewScanner(out)
	for s.url == "" && lines.Scan() {
		if match := admin.FindStringSubmatch(lines.Text()); match != nil {
			s.key = match[1]
		}
		if match := serving.FindStringSubmatch(lines.Text()); match != nil {
			s.url, s.address = match[1], match[2]
		}
	}
	go func() {
		defer close(s.ended)
		_, _ = io.Copy(io.Discard, out)
		_ = s.cmd.Wait()
	}()
	if s.url == "" {
		<-s.ended
		text, _ := os.ReadFile(log.Name())
		t.Fatalf("the server did not greet: %s", text)
	}
	return s
}

func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.ended
}

func (s *server) stop(t *testing.T) {
	t.Helper()
	must(t, s.cmd.Process.Signal(syscall.SIGTERM))
	<-s.ended
}

// fill imports personas.
func (s *server) fill(t *testing.T) {
	t.Helper()
	file, err := filepath.Abs("../examples/onet/personas.jsonl")
	must(t, err)
	cmd := exec.Command(binary, "import", file)
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
}

// onePath answers one of fill's personas, and listPath a hundred.
const (
	onePath  = "/api/v2/persona/get?oId=onet-11-1011.00"
	listPath = "/api/v2/persona/list?limit=100"
)

// status reads a number of /proc/PID/status, in KiB or as it is.
func (s *server) status(name string) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(name+":")); ok {
			n, _ := strconv.Atoi(strings.Fields(string(rest))[0])
			return n
		}
	}
	return 0
}

func (s *server) residentMiB() int { return s.status("VmRSS") >> 10 }

// metric reads one line of /metrics.
func (s *server) metric(t *testing.T, name string) float64 {
	t.Helper()
	response, err := http.Get(s.url + "/metrics")
	must(t, err)
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			n, err := strconv.ParseFloat(rest, 64)
			must(t, err)
			return n
		}
	}
	t.Fatalf("/metrics lacks %s", name)
	return 0
}

// until waits for a condition, in the goroutine of the test.
func until(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	if !comes(within, holds) {
		t.Fatalf("after %s there is not: %s", within, what)
	}
}

// comes waits for a condition, and tells whether it came to hold.
func comes(within time.Duration, holds func() bool) bool {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(within); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// latencies is how long answers took.
type latencies struct {
	mu   sync.Mutex
	took []time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, d)
}

func (l *latencies) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.took)
}

// at returns the latency that a share of the answers was within.
func (l *latencies) at(share float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.took) == 0 {
		return 0
	}
	slices.Sort(l.took)
	return l.took[min(len(l.took)-1, int(share*float64(len(l.took))))].Round(10 * time.Microsecond)
}

func (l *latencies) String() string {
	return fmt.Sprintf("%d answers, p50 %s, p99 %s, worst %s", len(l.took), l.at(.5), l.at(.99), l.at(1))
}

// ask makes a request and returns its status.
func (s *server) ask(client *http.Client, method, path, body string) (status int, answer []byte, err error) {
	response, err := s.send(client, method, path, body)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// statusOf gets path, and reads the answer without keeping it: many clients that
// keep large ones are slower than the server.
func (s *server) statusOf(client *http.Client, path string) (status int, err error) {
	response, err := s.send(client, http.MethodGet, path, "")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

func (s *server) send(client *http.Client, method, path, body string) (*http.Response, error) {
	request, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header["api_key"] = []string{s.key}
	return client.Do(request)
}

// probe is a client like any other, that asks every 10 ms until stop, and must
// be answered with 200.
func (s *server) probe(t *testing.T) (stop func() *latencies) {
	t.Helper()
	done, found := make(chan struct{}), make(chan *latencies)
	go func() {
		l := &latencies{}
		client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
		defer client.CloseIdleConnections()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				found <- l
				return
			case <-tick.C:
			}
			began := time.Now()
			status, _, err := s.ask(client, http.MethodGet, onePath, "")
			if err != nil || status != http.StatusOK {
				t.Error(errors.Join(fmt.Errorf("the probe got %d", status), err))
			}
			l.add(time.Since(began))
		}
	}()
	return func() *latencies {
		close(done)
		return <-found
	}
}
