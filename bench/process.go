//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"personae.dev/bench/load"
)

// process is a contender that runs.
type process struct {
	cmd     *exec.Cmd
	ended   chan struct{} // closed when it has
	address string
	// said is what it wrote to stdout before it served.
	said string
	// log is where its stderr goes.
	log string
}

// serving finds the address in what our own contenders say.
var serving = regexp.MustCompile(`Serving http://([^ ,\n]+)`)

// onServerCore runs fn so that the processes that it starts are on the
// contenders' core.
func (b *bench) onServerCore(fn func() error) error {
	if b.serverCore < 0 {
		return fn()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	restore, err := load.Pin(b.serverCore)
	if err != nil {
		return err
	}
	defer restore()
	return fn()
}

// start starts a server that says where it serves, and waits until it does.
func (b *bench) start(ctx context.Context, env []string, args ...string) (*process, error) {
	p, out, err := b.launch(ctx, env, args...)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		p.said += lines.Text() + "\n"
		if found := serving.FindStringSubmatch(lines.Text()); found != nil {
			p.address = found[1]
			go func() { _, _ = io.Copy(io.Discard, out) }() // until it ends
			return p, nil
		}
	}
	p.stop()
	told, _ := os.ReadFile(p.log) // for the error only
	return nil, fmt.Errorf("%s ended before it served: %s%s", args[0], p.said, last(told, 2000))
}

// startAt starts a server on a port that is free, which args have as %PORT, and
// waits until it can be connected to.
func (b *bench) startAt(ctx context.Context, args ...string) (*process, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	if err := listener.Close(); err != nil {
		return nil, err
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "%PORT", port)
	}
	p, out, err := b.launch(ctx, nil, args...)
	if err != nil {
		return nil, err
	}
	p.address = address
	go func() { _, _ = io.Copy(io.Discard, out) }() // until it ends
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return p, conn.Close()
		}
		select {
		case <-p.ended:
			told, _ := os.ReadFile(p.log) // for the error only
			return nil, fmt.Errorf("%s ended before it served: %s", args[0], last(told, 2000))
		case <-ctx.Done():
			return nil, fmt.Errorf("%s does not serve: %w", args[0], err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func last(text []byte, n int) []byte { return text[max(0, len(text)-n):] }

// launch starts a process on the contenders' core.
func (b *bench) launch(ctx context.Context, env []string, args ...string) (*process, io.Reader, error) {
	p := &process{cmd: exec.CommandContext(ctx, args[0], args[1:]...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = 15 * time.Second
	// Ctrl-C is ours, and so is the end of it when we are killed.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	log, err := os.CreateTemp(b.folder, filepath.Base(args[0])+"-*.log")
	if err != nil {
		return nil, nil, err
	}
	defer log.Close() // the process has its own
	p.log, p.cmd.Stderr = log.Name(), log
	in, out, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer out.Close()
	p.cmd.Stdout = out
	if err := b.onServerCore(p.cmd.Start); err != nil {
		return nil, nil, errors.Join(err, in.Close())
	}
	go func() {
		_ = p.cmd.Wait() // that it ended is enough
		close(p.ended)
	}()
	b.running = append(b.running, p)
	return p, in, nil
}

// stop ends the process and waits for it. Its log stays until stopAll.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.ended:
	case <-time.After(15 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// stopAll ends whatever runs and removes the logs, which are large.
func (b *bench) stopAll() {
	for _, p := range slices.Backward(b.running) {
		p.stop()
		_ = os.Remove(p.log)
	}
	b.running = nil
}

// residentMiB is the memory of the process that is in RAM.
func (p *process) residentMiB() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("no VmRSS of process %d", p.cmd.Process.Pid)
}

// cpuSeconds is the processor time that the process has used, by its threads.
func (p *process) cpuSeconds() (seconds float64, err error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	if err != nil || len(threads) == 0 {
		return 0, errors.Join(err, fmt.Errorf("process %d has ended", p.cmd.Process.Pid))
	}
	for _, thread := range threads {
		stat, err := os.ReadFile(thread)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			return 0, err
		}
		onCore, _, _ := strings.Cut(string(stat), " ")
		nanoseconds, err := strconv.ParseFloat(onCore, 64)
		if err != nil {
			return 0, err
		}
		seconds += nanoseconds / 1e9
	}
	return seconds, nil
}
