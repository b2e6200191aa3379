package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// patience is how long a server may take to greet or to stop before the test
// gives up. No test waits for it where all is well.
const patience = 30 * time.Second

// server is `personae serve` in a process of its own.
type server struct {
	cmd      *exec.Cmd
	greeting string // what it wrote to stdout up to "Serving …"
	url      string
	key      string        // that the greeting shows, "" where there is none
	curl     string        // the command that the greeting shows, "" where there is none
	ended    chan struct{} // closed when the process has ended
}

var (
	servingLine = regexp.MustCompile(`^Serving (https?://\S+), `)
	shownKey    = regexp.MustCompile(`(?m)^  (?:admin key +)?(psk_[0-9A-Za-z]{50})$`)
	shownCurl   = regexp.MustCompile(`(?m)^  (curl .*)$`)
)

// startServer runs the binary in dir, and returns when it has greeted. Its log
// goes to server.log there.
func startServer(dir string, env []string, args ...string) (_ *server, err error) {
	log, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has its own
	s := &server{cmd: exec.Command(binary, append([]string{"serve"}, args...)...), ended: make(chan struct{})}
	s.cmd.Dir, s.cmd.Env, s.cmd.Stderr = dir, append(env, "PERSONAE_DRAIN=0s"), log // no load balancer has to see the end
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	// A server that hangs is ended, which ends the reading below.
	impatience := time.AfterFunc(patience, s.kill)
	defer impatience.Stop()
	lines := bufio.NewReader(stdout)
	for s.url == "" {
		line, err := lines.ReadString('\n')
		s.greeting += line
		if match := servingLine.FindStringSubmatch(line); match != nil {
			s.url = match[1]
		}
		if err != nil {
			_ = s.cmd.Wait()
			log, _ := os.ReadFile(log.Name())
			return nil, fmt.Errorf("the server did not greet: %s\nstdout:\n%s\nstderr:\n%s", s.cmd.ProcessState, s.greeting, log)
		}
	}
	s.key, s.curl = firstGroup(shownKey, s.greeting), firstGroup(shownCurl, s.greeting)
	go func() {
		defer close(s.ended)
		_, _ = io.Copy(io.Discard, lines)
		_ = s.cmd.Wait()
	}()
	return s, nil
}

func firstGroup(re *regexp.Regexp, text string) string {
	if match := re.FindStringSubmatch(text); match != nil {
		return match[1]
	}
	return ""
}

// kill ends the server without a word of warning.
func (s *server) kill() { _ = s.cmd.Process.Kill() }

// crash kills the server and waits until it is gone.
func (s *server) crash() {
	s.kill()
	<-s.ended
}

// shutdown asks the server to stop, and is an error unless it does so with exit
// code 0.
func (s *server) shutdown() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	select {
	case <-s.ended:
	case <-ctx.Done():
		s.crash()
		return errors.New("the server did not stop")
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("the server exited with %d (%s)", code, strings.TrimSpace(s.cmd.ProcessState.String()))
	}
	return nil
}
