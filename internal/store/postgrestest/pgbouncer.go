package postgrestest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"personae.dev/internal/machinetest"
)

// bouncer is a PgBouncer before the shared server, which gives every transaction
// another connection. It ends with the process.
type bouncer struct {
	home  string // the folder with its socket
	alive *os.File
}

var sharedBouncer = sync.OnceValues(func() (*bouncer, error) {
	s, err := shared()
	if err != nil {
		return nil, err
	}
	return s.bounce()
})

// NewBouncer returns the address of an empty database on a server that the tests
// of a process share, through PgBouncer in transaction mode.
func NewBouncer(t testing.TB) string {
	t.Helper()
	if bouncerProgram() == "" {
		machinetest.Lacks(t, "no PgBouncer is installed: scripts/test-deps says how to get it")
	}
	address := New(t)
	s, _ := shared()
	b, err := sharedBouncer()
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	return (&Server{home: b.home, port: s.port}).Address(databaseOf(address))
}

// bounce starts a PgBouncer before a server.
func (s *Server) bounce() (*bouncer, error) {
	home, err := os.MkdirTemp("/tmp", "personae-pgbouncer-*")
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(home, "pgbouncer.ini")
	text := fmt.Sprintf(`
[databases]
* = host=%s port=%s user=personae
[pgbouncer]
pool_mode = transaction
default_pool_size = 20
max_client_conn = 1000
auth_type = any
listen_addr =
unix_socket_dir = %s
listen_port = %s
logfile = %s/log
server_round_robin = 1
`, s.home, s.port, home, s.port, home)
	if err := errors.Join(os.WriteFile(conf, []byte(text), 0o644), give(home)); err != nil {
		return nil, err
	}
	// It ends as soon as this process has ended, by whatever.
	const script = `trap '' INT TERM; "$1" --quiet "$2/pgbouncer.ini" & cat; kill "$!"; wait; cd /; rm -rf "$2"`
	in, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	keeper := exec.Command("/bin/sh", "-c", script, "sh", bouncerProgram(), home)
	keeper.Stdin, keeper.Dir = in, "/"
	asOther(keeper)
	if err := keeper.Start(); err != nil {
		return nil, err
	}
	const patience = 10 * time.Second
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) { //nolint:forbidigo // another process tells of nothing to wait for
		conn, err := net.Dial("unix", home+"/.s.PGSQL."+s.port)
		if err == nil {
			return &bouncer{home, out}, conn.Close()
		}
		if time.Since(began) > patience {
			log, _ := os.ReadFile(home + "/log")
			return nil, fmt.Errorf("PgBouncer does not start: %w: %s", err, log)
		}
	}
}

// bouncerProgram returns the path of PgBouncer, "" for none.
func bouncerProgram() string {
	if path, err := exec.LookPath("pgbouncer"); err == nil {
		return path
	}
	const debian = "/usr/sbin/pgbouncer" // where PATH may not lead
	if _, err := os.Stat(debian); err == nil {
		return debian
	}
	return ""
}
