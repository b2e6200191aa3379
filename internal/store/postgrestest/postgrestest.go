// Package postgrestest gives tests a real PostgreSQL: a server of their own on a
// Unix socket in a temporary folder, one for each test process, and in it a
// database for each test. It stops with the process, however that ends.
//
// It is for tests only, and for measurements, and knows nothing of what they keep in it.
package postgrestest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"personae.dev/internal/machinetest"
)

// Server is a PostgreSQL server.
type Server struct {
	bin  string // the folder with its programs
	home string // the folder with its data and socket
	port string // which names the socket, too
	// alive is closed with the process; then what keeps the server stops it.
	alive io.Closer
	made  atomic.Int64
}

// unsafe are the settings of a server whose data nobody wants back.
const unsafe = "fsync = off\nfull_page_writes = off"

var shared = sync.OnceValues(func() (*Server, error) { return Launch("shared_buffers = 32MB", "autovacuum = off", unsafe) })

// New returns the address of an empty database on a server that the tests of a
// process share, and removes it at the end of t.
func New(t testing.TB) string {
	t.Helper()
	need(t)
	s, err := shared()
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	return s.New(t)
}

// Start returns a server of its own, for a test that stops it, and ends it with
// t. If durable, it can be stopped at once without loss.
func Start(t testing.TB, durable bool) *Server {
	t.Helper()
	need(t)
	settings := []string{"shared_buffers = 32MB", "autovacuum = off"}
	if !durable {
		settings = append(settings, unsafe)
	}
	s, err := Launch(settings...)
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	t.Cleanup(func() {
		s.Stop(t)
		s.Close()
	})
	return s
}

// Installed tells whether there is a PostgreSQL to start.
func Installed() bool { return programs() != "" }

// need ends a test where there is no PostgreSQL.
func need(t testing.TB) {
	t.Helper()
	if !Installed() {
		machinetest.Lacks(t, "no PostgreSQL is installed: scripts/test-deps says how to get it")
	}
}

// programs returns the folder with initdb, postgres and pg_ctl, "" for none.
// scripts/test-deps looks in the same places.
var programs = sync.OnceValue(func() string {
	var folders []string
	if path, err := exec.LookPath("initdb"); err == nil {
		if followed, err := filepath.EvalSymlinks(path); err == nil {
			path = followed
		}
		folders = append(folders, filepath.Dir(path))
	}
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		folders = append(folders, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
	} {
		found, _ := filepath.Glob(pattern)
		slices.Reverse(found) // the newest first
		folders = append(folders, found...)
	}
	for _, folder := range folders {
		if _, err := os.Stat(filepath.Join(folder, "initdb")); err == nil {
			if _, err := os.Stat(filepath.Join(folder, "pg_ctl")); err == nil {
				return folder
			}
		}
	}
	return ""
})

// Launch returns a server with lines of postgresql.conf, for what is no test.
// Close ends it.
func Launch(settings ...string) (*Server, error) {
	s, err := house()
	if err != nil {
		return nil, err
	}
	if err := s.run("initdb", "--no-sync", "--auth=trust", "--username=personae", "--encoding=UTF8", "--locale=C.UTF-8", "-D", s.data()); err != nil {
		// Not every system has that locale.
		if err := s.run("initdb", "--no-sync", "--auth=trust", "--username=personae", "--encoding=UTF8", "--locale=C", "-D", s.data()); err != nil {
			return nil, err
		}
	}
	settings = append(settings, "listen_addresses = ''", "max_connections = 300", "log_min_messages = fatal")
	return s, s.launch(settings...)
}

// Standby returns a read-only copy of a server, which follows it and ends with t.
func (s *Server) Standby(t testing.TB) *Server {
	t.Helper()
	standby, err := house()
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	if err := s.run("pg_basebackup", "--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--pgdata="+standby.data()); err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	if err := standby.launch(); err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	t.Cleanup(func() {
		standby.Stop(t)
		standby.Close()
	})
	return standby
}

// house returns a server that has a folder, and no data yet.
func house() (*Server, error) {
	// Not in TMPDIR, which may be long: a socket's path has 107 bytes at most.
	home, err := os.MkdirTemp("/tmp", "personae-pg-*")
	if err != nil {
		return nil, err
	}
	if err := give(home); err != nil {
		return nil, err
	}
	s := &Server{bin: programs(), home: home, port: "5432"}
	return s, s.keep()
}

// launch starts a server that has data for the first time.
func (s *Server) launch(settings ...string) error {
	if err := s.set(append(settings, "unix_socket_directories = '"+s.home+"'")...); err != nil {
		return err
	}
	return s.start()
}

// set adds lines to postgresql.conf, of which the last counts.
func (s *Server) set(settings ...string) error {
	conf, err := os.OpenFile(filepath.Join(s.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = conf.WriteString(strings.Join(settings, "\n") + "\n")
	return errors.Join(err, conf.Close())
}

// Secure makes a server listen on 127.0.0.1 beside its socket, with TLS and a
// certificate and key in PEM, and returns the port. It starts the server again:
// addresses of databases are others from then on.
func (s *Server) Secure(t testing.TB, certificate, key []byte) (port string) {
	t.Helper()
	for name, text := range map[string][]byte{"server.crt": certificate, "server.key": key} {
		path := filepath.Join(s.data(), name)
		err := os.WriteFile(path, text, 0o600)
		if err := errors.Join(err, give(path)); err != nil {
			t.Fatalf("postgrestest: %v", err)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0") // it takes no port 0
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	_, s.port, err = net.SplitHostPort(free.Addr().String())
	if err := errors.Join(err, free.Close(), s.set("ssl = on", "listen_addresses = '127.0.0.1'", "port = "+s.port)); err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	s.Stop(t)
	s.Start(t)
	return s.port
}

// keep starts what stops the server and removes its folder as soon as this
// process has ended, by whatever.
func (s *Server) keep() error {
	const script = `trap '' INT TERM; cat; "$1/pg_ctl" stop -m immediate -D "$2/data" >/dev/null 2>&1; cd /; rm -rf "$2"`
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	keeper := exec.Command("/bin/sh", "-c", script, "sh", s.bin, s.home)
	keeper.Stdin, keeper.Dir = in, "/"
	asOther(keeper)
	if err := keeper.Start(); err != nil {
		return err
	}
	s.alive = out
	return nil
}

func (s *Server) data() string { return filepath.Join(s.home, "data") }

// run runs one of the programs.
func (s *Server) run(name string, args ...string) error {
	command := exec.Command(filepath.Join(s.bin, name), args...)
	command.Dir = "/"
	command.Env = append(os.Environ(), "PGHOST="+s.home, "PGUSER=personae", "PGPORT="+s.port, "LC_ALL=C")
	// A file, as a server holds on to a pipe.
	out, err := os.CreateTemp("", "personae-pg-*.log")
	if err != nil {
		return err
	}
	defer func() {
		_ = out.Close()
		_ = os.Remove(out.Name())
	}()
	command.Stdout, command.Stderr = out, out
	asOther(command)
	if err := command.Run(); err != nil {
		told, _ := os.ReadFile(out.Name())
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(told))
	}
	return nil
}

func (s *Server) start() error {
	return s.run("pg_ctl", "start", "--wait", "--timeout=60", "--silent", "-D", s.data(), "-l", filepath.Join(s.home, "log"))
}

// Start starts a server that was stopped.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
}

// Close ends the server and removes its folder, which may take a moment longer.
func (s *Server) Close() { _ = s.alive.Close() }

// Stop stops the server at once, as a crash would.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.run("pg_ctl", "stop", "--mode=immediate", "--wait", "--silent", "-D", s.data()); err != nil {
		t.Errorf("postgrestest: %v", err)
	}
}

// New returns the address of an empty database, and removes it at the end of t.
func (s *Server) New(t testing.TB) string {
	t.Helper()
	name := "test" + strconv.FormatInt(s.made.Add(1), 10)
	address, err := s.Create(name)
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	t.Cleanup(func() {
		// A server that was stopped takes its databases with it.
		_ = s.administer("drop database if exists " + name + " with (force)")
	})
	return address
}

// Create makes an empty database and returns its address.
func (s *Server) Create(name string) (string, error) {
	return s.Address(name), s.administer("create database " + name + " template template0")
}

// administer runs a statement that belongs to no test's database.
func (s *Server) administer(statement string) error {
	db, err := sql.Open("pgx", s.Address("postgres"))
	if err != nil {
		return err
	}
	_, err = db.Exec(statement)
	return errors.Join(err, db.Close())
}

// Address is that of a database.
func (s *Server) Address(database string) string {
	return "postgres:///" + database + "?host=" + s.home + "&user=personae&port=" + s.port
}

// Execute runs SQL text, such as what pg_dump wrote, in the database at an
// address, and returns what it answers, in rows and columns without headings.
func Execute(t testing.TB, address, text string) string {
	t.Helper()
	psql := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(programs(), "psql"),
		"--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", address)
	psql.Stdin = strings.NewReader(text)
	out, err := psql.CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}
