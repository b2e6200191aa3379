//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"personae.dev/internal/store/postgrestest"
)

// server is a program that serves HTTP.
type server struct {
	cmd     *exec.Cmd
	address string
	key     string // that it printed, or ""
	log     string // the file with what it wrote to stderr
	ended   chan struct{}
}

var (
	servingLine = regexp.MustCompile(`Serving http://(\S+?)(?:,|$)`)
	keyLine     = regexp.MustCompile(`^(?:Key|\s*admin key)\s+(\S+)$`)
)

// start starts a server on the servers' core, which prints "Serving http://…".
// It is stopped at the end of the measure.
func (b *bench) start(ctx context.Context, env []string, command ...string) (*server, error) {
	log, err := os.CreateTemp(b.folder, "log-")
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has its own
	s := &server{cmd: on(serverCore, exec.CommandContext(ctx, command[0], command[1:]...)), log: log.Name(), ended: make(chan struct{})}
	s.cmd.Env, s.cmd.Stderr = append(append(os.Environ(), "PERSONAE_DRAIN=0s"), env...), log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	b.servers = append(b.servers, s)
	lines := bufio.NewScanner(out)
	for s.address == "" && lines.Scan() {
		if found := keyLine.FindStringSubmatch(lines.Text()); found != nil {
			s.key = found[1]
		}
		if found := servingLine.FindStringSubmatch(lines.Text()); found != nil {
			s.address = found[1]
		}
	}
	go func() {
		_, _ = io.Copy(io.Discard, out)
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	if s.address == "" {
		<-s.ended
		text, _ := os.ReadFile(s.log)
		return nil, fmt.Errorf("%s did not serve: %s", filepath.Base(command[0]), last(text, 1000))
	}
	return s, nil
}

// on puts a command on a core, and everywhere on all of them.
func on(core string, cmd *exec.Cmd) *exec.Cmd {
	if os.Getenv(pinned) == "" {
		return cmd
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return cmd
	}
	cmd.Args = append([]string{"taskset", "-c", core}, append([]string{cmd.Path}, cmd.Args[1:]...)...)
	cmd.Path = taskset
	return cmd
}

func everywhere(cmd *exec.Cmd) *exec.Cmd {
	n, _ := strconv.Atoi(os.Getenv(pinned))
	return on("0-"+strconv.Itoa(max(n-1, 0)), cmd)
}

// stop ends a server; it has 10 s before it is killed.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
}

func (b *bench) stopServers() {
	for _, s := range b.servers {
		s.stop()
	}
	b.servers = nil
}

// residentMiB is how much of a server is in memory.
func (s *server) residentMiB() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("no VmRSS in /proc")
}

// cpu is how much processor time a server has used.
func (s *server) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(text), ") ") // of its name
	const user, system, tick = 11, 12, 10 * time.Millisecond
	fields := strings.Fields(after)
	u, err := strconv.Atoi(fields[user])
	if err != nil {
		return 0, err
	}
	k, err := strconv.Atoi(fields[system])
	return time.Duration(u+k) * tick, err
}

func last(text []byte, n int) []byte { return bytes.TrimSpace(text[max(0, len(text)-n):]) }

// serveBare is the ceiling: a handler of net/http that writes a body of so many
// bytes to every request. It checks no key, logs nothing and counts nothing.
func serveBare(size string) error {
	n, err := strconv.Atoi(size)
	if err != nil {
		return err
	}
	body := []byte(`"` + strings.Repeat("x", max(n-2, 0)) + `"`)
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("Serving http://%s\n", listener.Addr())
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	})
	return (&http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}).Serve(listener)
}

// bare starts the ceiling.
func (b *bench) bare(ctx context.Context, size int) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return b.start(ctx, nil, self, "bare", strconv.Itoa(size))
}

// pocketBase starts PocketBase with the documents, in a folder of its own.
func (b *bench) pocketBase(ctx context.Context) (*server, error) {
	binary := filepath.Join(b.folder, "pocketbase")
	if _, err := os.Stat(binary); err != nil {
		b.say("building PocketBase")
		if err := b.build(ctx, "pocketbase", binary, "."); err != nil {
			return nil, err
		}
	}
	folder, err := os.MkdirTemp(b.folder, "pocketbase-")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(b.folder, "pocketbase.jsonl")
	if err := b.lines.write(path, b.lines.count()); err != nil {
		return nil, err
	}
	return b.start(ctx, []string{"BENCH_LINES=" + path}, binary, "serve", "--http", "127.0.0.1:0", "--dir", folder)
}

// installation is a database of the product, with an admin key.
type installation struct{ database, key string }

// personae starts the product, as it ships but for flags.
func (b *bench) personae(ctx context.Context, i installation, flags ...string) (*server, error) {
	s, err := b.start(ctx, nil, append([]string{b.binary, "serve", "--listen", "127.0.0.1:0", "--database", i.database}, flags...)...)
	if err == nil && s.key == "" {
		s.key = i.key
	}
	return s, err
}

// install makes a database with so many personas, and says how long their
// import took, as a command on all cores.
func (b *bench) install(ctx context.Context, database string, personas int) (i installation, took time.Duration, err error) {
	s, err := b.personae(ctx, installation{database: database})
	if err != nil {
		return i, 0, err
	}
	i = installation{database, s.key}
	s.stop()
	if i.key == "" {
		return i, 0, errors.New("the first start showed no key")
	}
	path := filepath.Join(b.folder, fmt.Sprintf("personas-%d.jsonl", personas))
	if err := b.lines.write(path, personas); err != nil {
		return i, 0, err
	}
	began := time.Now()
	cmd := everywhere(exec.CommandContext(ctx, b.binary, "import", path, "--database", database))
	if out, err := cmd.CombinedOutput(); err != nil {
		return i, 0, fmt.Errorf("import: %w: %s", err, last(out, 500))
	}
	return i, time.Since(began), nil
}

// sqlite returns the address of a new SQLite database.
func (b *bench) sqlite(name string) string { return "sqlite:" + filepath.Join(b.folder, name+".db") }

// postgres returns the address of a new database on PostgreSQL, whose server is
// on the servers' core, durable, with its own settings but for shared_buffers.
func (b *bench) postgres(name string) (string, error) {
	if b.cluster == nil {
		if !postgrestest.Installed() {
			return "", errors.New("PostgreSQL is not installed: scripts/test-deps says how to get it")
		}
		cluster, err := postgrestest.Launch("shared_buffers = 256MB")
		if err != nil {
			return "", err
		}
		b.cluster = cluster
	}
	return b.cluster.Create(name)
}
