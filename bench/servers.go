package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// serverCore and loadCore are where server and generator run.
const serverCore, loadCore = "0", "1"

// process is a server under measurement.
type process struct {
	cmd     *exec.Cmd
	address string
}

// serving finds the address in what a server says when it is ready.
var serving = regexp.MustCompile(`Serving http://([^ ,\n]+)`)

// start runs a server, on its core if there are two, and waits until it says
// where it serves.
func start(ctx context.Context, stderr string, args ...string) (*process, error) {
	if canPin() {
		args = append([]string{"taskset", "-c", serverCore}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	log, err := os.Create(stderr)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := serving.FindStringSubmatch(lines.Text()); found != nil {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return &process{cmd: cmd, address: found[1]}, nil
		}
	}
	return nil, fmt.Errorf("%s ended before it served: %w", strings.Join(args, " "), cmd.Wait())
}

func startPersonae(ctx context.Context, binary, database, log string) (*process, error) {
	return start(ctx, log, binary, "serve", "--listen", "127.0.0.1:0", "--database", database)
}

func startCeiling(ctx context.Context, bodies string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, os.DevNull, self, "-ceiling", bodies)
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}

// residentMiB is the memory of the process that is in RAM.
func (p *process) residentMiB() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("memory is measured on Linux only: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("no VmRSS of process %d", p.cmd.Process.Pid)
}

// cpuSeconds is the processor time that the process has used.
func (p *process) cpuSeconds() (float64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	const ticksPerSecond = 100 // of Linux, whatever its kernel's own
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	user, err := strconv.ParseFloat(fields[11], 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseFloat(fields[12], 64)
	return (user + system) / ticksPerSecond, err
}

// canPin tells whether server and generator can have a core each.
func canPin() bool {
	_, err := exec.LookPath("taskset")
	return err == nil && runtime.NumCPU() >= 2
}

// pinSelf moves the generator to its core.
func pinSelf() {
	if !canPin() {
		fmt.Fprintln(os.Stderr, "server and generator share the cores: the ratio is nearer to 1 than it should be")
		return
	}
	if err := exec.Command("taskset", "-a", "-cp", loadCore, strconv.Itoa(os.Getpid())).Run(); err != nil { //nolint:noctx // it ends at once
		fmt.Fprintln(os.Stderr, "the generator could not be moved to a core of its own:", err)
	}
}

// serveCeiling is the bare handler: it writes one recorded body after the
// other.
func serveCeiling(ctx context.Context, file string) error {
	encoded, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var bodies [][]byte
	if err := json.Unmarshal(encoded, &bodies); err != nil {
		return err
	}
	var n atomic.Uint64
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("Serving http://%s\n", listener.Addr())
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { //nolint:gosec // timeouts would slow it down
		body := bodies[n.Add(1)%uint64(len(bodies))]
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}))
}
