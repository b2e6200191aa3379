package postgrestest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"personae.dev/internal/machinetest"
)

// Bouncer returns the address of the database at an address through a PgBouncer
// of its own, which gives every transaction another connection and ends with t.
func Bouncer(t testing.TB, address string) string {
	t.Helper()
	program := bouncer()
	if program == "" {
		machinetest.Lacks(t, "no PgBouncer is installed: scripts/test-deps says how to get it")
	}
	database, rest, _ := strings.Cut(strings.TrimPrefix(address, "postgres:///"), "?host=")
	socket, _, _ := strings.Cut(rest, "&")
	home, err := os.MkdirTemp("/tmp", "personae-pgbouncer-*")
	if err == nil {
		err = give(home)
	}
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	conf := filepath.Join(home, "pgbouncer.ini")
	text := fmt.Sprintf(`
[databases]
* = host=%s port=5432 user=personae
[pgbouncer]
pool_mode = transaction
default_pool_size = 20
max_client_conn = 200
auth_type = any
listen_addr =
unix_socket_dir = %s
listen_port = 5432
logfile = %s/log
server_round_robin = 1
`, socket, home, home)
	if err := errors.Join(os.WriteFile(conf, []byte(text), 0o644)); err != nil { //nolint:gosec // another user reads it
		t.Fatalf("postgrestest: %v", err)
	}
	command := exec.Command(program, "--quiet", conf)
	command.Dir = "/"
	asOther(command)
	if err := command.Start(); err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("unix", home+"/.s.PGSQL.5432")
		if err == nil {
			conn.Close()
			break
		}
		if time.Since(began) > 10*time.Second {
			log, _ := os.ReadFile(home + "/log")
			t.Fatalf("postgrestest: PgBouncer does not start: %v: %s", err, log)
		}
	}
	return "postgres:///" + database + "?host=" + home + "&user=personae&port=5432"
}

// BouncerInstalled tells whether there is a PgBouncer to start.
func BouncerInstalled() bool { return bouncer() != "" }

func bouncer() string {
	if path, err := exec.LookPath("pgbouncer"); err == nil {
		return path
	}
	if _, err := os.Stat("/usr/sbin/pgbouncer"); err == nil {
		return "/usr/sbin/pgbouncer"
	}
	return ""
}
