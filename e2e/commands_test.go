package e2e

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // a driver
	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // a driver
)

// commands are those of the scripts. doc.go says what they do.
var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"serve":       serve,
	"shutdown":    shutdown,
	"get":         get,
	"until":       until,
	"exits":       exits,
	"capture":     capture,
	"jsonlines":   jsonLines,
	"sql":         runSQL,
	"certificate": certificate,
}

// state is what the commands of one script share.
type state struct {
	server  *server        // nil where none runs
	trusted *x509.CertPool // nil for the system's
	client  *http.Client   // keeps its connections, as usual clients do
}

// connect begins with new connections, to a server that has just started.
func (s *state) connect() {
	s.hangUp()
	s.client = &http.Client{
		Timeout: patience,
		Transport: &http.Transport{
			ForceAttemptHTTP2: true,
			TLSClientConfig:   &tls.Config{RootCAs: s.trusted, MinVersion: tls.VersionTLS12},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (s *state) hangUp() { s.client.CloseIdleConnections() }

type stateKey struct{}

func stateOf(ts *testscript.TestScript) *state { return ts.Value(stateKey{}).(*state) }

// usage ends a script that misuses a command, or negates one.
func usage(ts *testscript.TestScript, ok, neg bool, text string) {
	if !ok || neg {
		ts.Fatalf("usage: %s", text)
	}
}

func serve(ts *testscript.TestScript, neg bool, args []string) {
	state := stateOf(ts)
	usage(ts, state.server == nil, neg, "serve [FLAG…], one at a time")
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "GOCOVERDIR", "PERSONAE_DATABASE"} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	s, err := startServer(ts.MkAbs("."), env, args...)
	ts.Check(err)
	state.server = s
	state.connect()
	ts.Setenv("URL", s.url)
	ts.Setenv("CURL", s.curl)
	if s.key != "" { // a later start may show none, and the first stays good
		ts.Setenv("KEY", s.key)
	}
	fmt.Fprint(ts.Stdout(), s.greeting)
}

func shutdown(ts *testscript.TestScript, neg bool, args []string) {
	state := stateOf(ts)
	usage(ts, len(args) == 0 && state.server != nil, neg, "shutdown, of a server that runs")
	err := state.server.shutdown()
	state.server = nil
	ts.Check(err)
}

// request is what get and until are asked for.
type request struct {
	method, path, body, output string
	header                     http.Header
}

// parseRequest reads the flags of get and until.
func parseRequest(args []string) (r request, ok bool) {
	r = request{method: http.MethodGet, header: http.Header{}}
	for len(args) > 1 {
		switch args[0] {
		case "-X":
			r.method = args[1]
		case "-o":
			r.output = args[1]
		case "-d":
			r.body = args[1]
			r.header.Set("Content-Type", "application/json")
		case "-H":
			name, value, found := strings.Cut(args[1], ": ")
			if !found {
				return r, false
			}
			r.header.Add(name, value)
		default:
			return r, false
		}
		args = args[2:]
	}
	if len(args) != 1 || !strings.HasPrefix(args[0], "/") {
		return r, false
	}
	r.path = args[0]
	return r, true
}

// send makes a request to $URL.
func (r request) send(ts *testscript.TestScript) (response *http.Response, body []byte) {
	httpRequest, err := http.NewRequest(r.method, ts.Getenv("URL")+r.path, strings.NewReader(r.body))
	ts.Check(err)
	httpRequest.Header = r.header
	response, err = stateOf(ts).client.Do(httpRequest)
	ts.Check(err)
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	ts.Check(err)
	return response, body
}

func get(ts *testscript.TestScript, neg bool, args []string) {
	r, ok := parseRequest(args)
	usage(ts, ok, neg, "get [-X METHOD] [-H 'NAME: VALUE']… [-d BODY] [-o FILE] PATH")
	response, body := r.send(ts)
	fmt.Fprintln(ts.Stdout(), response.Status)
	headers := []string{"Proto: " + response.Proto}
	for name, values := range response.Header {
		for _, value := range values {
			headers = append(headers, name+": "+value)
		}
	}
	slices.Sort(headers)
	fmt.Fprintf(ts.Stdout(), "%s\n\n%s\n", strings.Join(headers, "\n"), body)
	if r.output != "" {
		bare, err := withoutMetadata(body)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(r.output), bare, 0o600))
	}
}

// withoutMetadata returns an answer without the value of "_metadata", which
// must stand first: everything else byte for byte.
func withoutMetadata(body []byte) ([]byte, error) {
	const start = `{"_metadata":`
	rest, found := bytes.CutPrefix(body, []byte(start))
	if !found {
		return nil, fmt.Errorf("the answer does not start with %s", start)
	}
	decoder := json.NewDecoder(bytes.NewReader(rest))
	var metadata struct{ RequestID, Timestamp string }
	if err := decoder.Decode(&metadata); err != nil {
		return nil, err
	}
	if metadata.RequestID == "" || metadata.Timestamp == "" {
		return nil, errors.New("the answer's metadata are not complete")
	}
	return slices.Concat([]byte(start), rest[decoder.InputOffset():]), nil
}

func until(ts *testscript.TestScript, neg bool, args []string) {
	const text = "until STATUS TIME [-H 'NAME: VALUE']… PATH"
	usage(ts, len(args) > 2, neg, text)
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	within, err := time.ParseDuration(args[1])
	ts.Check(err)
	r, ok := parseRequest(args[2:])
	usage(ts, ok, neg, text)
	deadline := time.Now().Add(within)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		// A request that begins in time may end late: the machine is busy.
		last := time.Now().After(deadline)
		response, _ := r.send(ts)
		if response.StatusCode == status {
			return
		}
		if last {
			ts.Fatalf("still %s after %s", response.Status, within)
		}
		<-tick.C
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) > 1, neg, "exits CODE COMMAND [ARG…]")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

func capture(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 1 || len(args) == 2, neg, "capture NAME [REGEXP]")
	value := strings.TrimSpace(ts.ReadFile("stdout"))
	if len(args) == 2 {
		re, err := regexp.Compile(`(?m)` + args[1])
		ts.Check(err)
		if value = firstGroup(re, value); value == "" {
			ts.Fatalf("no match for %s in stdout", args[1])
		}
	}
	ts.Setenv(args[0], value)
}

func jsonLines(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 1, neg, "jsonlines FILE")
	lines := bufio.NewScanner(strings.NewReader(ts.ReadFile(args[0])))
	n := 0
	for lines.Scan() {
		n++
		var object map[string]any
		if err := json.Unmarshal(lines.Bytes(), &object); err != nil {
			ts.Fatalf("%s:%d: %v: %s", args[0], n, err, lines.Text())
		}
	}
	ts.Check(lines.Err())
	if n == 0 {
		ts.Fatalf("%s is empty", args[0])
	}
}

func runSQL(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 2, neg, "sql DATABASE STATEMENT")
	driver, source := "sqlite", "file:"+ts.MkAbs(strings.TrimPrefix(args[0], "sqlite:"))+"?_pragma=busy_timeout(5000)"
	if strings.HasPrefix(args[0], "postgres:") {
		driver, source = "pgx", args[0]
	}
	values, err := query(driver, source, args[1])
	ts.Check(err)
	for _, value := range values {
		fmt.Fprintln(ts.Stdout(), value)
	}
}

// query runs a statement, and returns its first column.
func query(driver, source, statement string) (values []string, err error) {
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.Query(statement)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, rows.Err()
}

func certificate(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 2, neg, "certificate CERT KEY")
	certificate, err := makeCertificate(ts.MkAbs(args[0]), ts.MkAbs(args[1]))
	ts.Check(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	stateOf(ts).trusted = pool
}

// makeCertificate writes a certificate for 127.0.0.1 and its key, and returns the
// certificate.
func makeCertificate(certFile, keyFile string) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return certificate, errors.Join(
		os.WriteFile(certFile, certificate, 0o600),
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600),
	)
}
