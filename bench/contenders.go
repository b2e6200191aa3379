//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"personae.dev/bench/data"
	"personae.dev/bench/load"
)

// contender is a server and what it is asked.
type contender struct {
	*process
	name string
	// Each is nil where the contender cannot do it.
	get, list, search, create load.Source
	// created is the status of a create.
	created int
}

// The names, as they stand in tables and plots.
const (
	bareName     = "ceiling: bare net/http"
	lookUpName   = "ceiling: map and _metadata"
	sqliteName   = "personae, SQLite"
	postgresName = "personae, PostgreSQL"
	uncached     = ", cache off"
	pocketName   = "PocketBase"
	jsonName     = "json-server"
	prismName    = "Prism"
)

// searches are what people look for; each is asked as often as the others.
var searches = []string{"nurse", "vp", "sales manager", "engineer", "C++ dev", "data", "a", "chief executive officer"}

// shown is how many personas a search shows.
const shown = 10

// draw gives the nth number below count, all equally often.
func draw(n uint64, count int) int {
	n += 0x9e3779b97f4a7c15 // splitmix64
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return int((n ^ n>>31) % uint64(count))
}

// head ends the request line and gives the fields; more are lines of fields.
func head(address, more string) string {
	return " HTTP/1.1\r\nHost: " + address + "\r\n" + more + "\r\n"
}

// oneOf asks for fixed targets in turn.
func oneOf(targets []string, address, fields string) load.Source {
	requests := make([][]byte, len(targets))
	for i, target := range targets {
		requests[i] = []byte("GET " + target + head(address, fields))
	}
	return func(buf []byte, n uint64) []byte { return append(buf, requests[n%uint64(len(requests))]...) }
}

// posting sends one body after the other.
func posting(bodies [][]byte, target, address, fields string) load.Source {
	requests := make([][]byte, len(bodies))
	for i, body := range bodies {
		length := "Content-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n"
		requests[i] = append([]byte("POST "+target+head(address, fields+length)), body...)
	}
	return func(buf []byte, n uint64) []byte { return append(buf, requests[n%uint64(len(requests))]...) }
}

// personae starts ourselves on a library, all as it ships but for args.
func (b *bench) personae(ctx context.Context, name string, l *data.Library, args ...string) (*contender, error) {
	binary, err := b.ours(ctx)
	if err != nil {
		return nil, err
	}
	p, err := b.start(ctx, nil, append([]string{binary, "serve", "--listen", "127.0.0.1:0", "--database", l.Database}, args...)...)
	if err != nil {
		return nil, err
	}
	bodies, err := l.Bodies()
	if err != nil {
		return nil, err
	}
	key := "api_key: " + l.Tokens[0] + "\r\n"
	var found []string
	for _, text := range searches {
		found = append(found, "/api/v2/persona/list?limit="+strconv.Itoa(shown)+"&text="+url.QueryEscape(text))
	}
	return &contender{
		process: p, name: name, created: http.StatusOK,
		get:    getting(l, p.address, nil),
		list:   oneOf([]string{"/api/v2/persona/list?limit=50"}, p.address, key),
		search: oneOf(found, p.address, key),
		create: posting(bodies, "/api/v2/persona/create", p.address, key),
	}, nil
}

// getting asks for any persona of a library, and if there are etags for a newer
// one than that.
func getting(l *data.Library, address string, etags []string) load.Source {
	middle := " HTTP/1.1\r\nHost: " + address + "\r\napi_key: "
	return func(buf []byte, n uint64) []byte {
		token, document := l.Persona(draw(n, l.Personas))
		buf = append(buf, "GET /api/v2/persona/get?oId="...)
		buf = l.AppendID(buf, document)
		buf = append(buf, middle...)
		buf = append(buf, token...)
		if etags != nil {
			buf = append(buf, "\r\nIf-None-Match: "...)
			buf = append(buf, etags[document]...)
		}
		return append(buf, "\r\n\r\n"...)
	}
}

// answers asks for up to count personas of a library, one by one, and returns
// their answers and entity tags in its order.
func answers(ctx context.Context, c *contender, l *data.Library, count int) (bodies [][]byte, etags []string, err error) {
	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	for i := range min(count, l.Personas) {
		token, document := l.Persona(i)
		request, err := http.NewRequestWithContext(ctx, http.MethodGet,
			"http://"+c.address+"/api/v2/persona/get?oId="+string(l.AppendID(nil, document)), http.NoBody)
		if err != nil {
			return nil, nil, err
		}
		request.Header["api_key"] = []string{token}
		response, err := client.Do(request)
		if err != nil {
			return nil, nil, err
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err == nil && response.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s: %s", request.URL, response.Status, body)
		}
		if err != nil {
			return nil, nil, err
		}
		bodies, etags = append(bodies, body), append(etags, response.Header.Get("ETag"))
	}
	return bodies, etags, nil
}

// bare starts the ceiling, with a body as long as those on average.
func (b *bench) bare(ctx context.Context, bodies [][]byte, l *data.Library, args ...string) (*contender, error) {
	size := len(bytes.Join(bodies, nil)) / len(bodies)
	return b.ceiling(ctx, bareName, l, append(args, "-size", strconv.Itoa(size))...)
}

// lookUp starts the ceiling that looks an answer up.
func (b *bench) lookUp(ctx context.Context, bodies [][]byte, l *data.Library) (*contender, error) {
	byID := map[string]json.RawMessage{}
	for i, body := range bodies {
		// Its own _metadata takes the place of the one that stands first.
		_, rest, found := bytes.Cut(body, []byte("},"))
		if !found {
			return nil, fmt.Errorf("an answer without _metadata: %.100s", body)
		}
		byID[string(l.AppendID(nil, i))] = append([]byte("{"), rest...)
	}
	text, err := json.Marshal(byID)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(b.folder, "bodies.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return nil, err
	}
	return b.ceiling(ctx, lookUpName, l, "-bodies", path)
}

func (b *bench) ceiling(ctx context.Context, name string, l *data.Library, args ...string) (*contender, error) {
	binary, err := b.build(ctx, "ceiling", "bench", "./ceiling")
	if err != nil {
		return nil, err
	}
	p, err := b.start(ctx, nil, append([]string{binary}, args...)...)
	if err != nil {
		return nil, err
	}
	return &contender{process: p, name: name, get: getting(l, p.address, nil)}, nil
}

// printed finds the key that PocketBase's command prints.
var printed = regexp.MustCompile(`(?m)^Key (\S+)$`)

// pocketBase starts PocketBase with so many documents, on a folder of its own.
func (b *bench) pocketBase(ctx context.Context, count int) (*contender, error) {
	binary, err := b.build(ctx, "pocketbase", "bench/pocketbase", ".")
	if err != nil {
		return nil, err
	}
	lines, err := b.lines(count)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(b.folder, "pocketbase-")
	if err != nil {
		return nil, err
	}
	b.say("PocketBase with %d documents", count)
	p, err := b.start(ctx, []string{"BENCH_LINES=" + lines}, binary, "serve", "--http", "127.0.0.1:0", "--dir", folder)
	if err != nil {
		return nil, err
	}
	found := printed.FindStringSubmatch(p.said)
	if found == nil {
		return nil, errors.New("PocketBase printed no key")
	}
	bodies, err := b.pocketBodies()
	if err != nil {
		return nil, err
	}
	const records = "/api/collections/personas/records"
	key := "Authorization: " + found[1] + "\r\n"
	var targets []string
	for _, text := range searches {
		// All words, anywhere: it has no index of words.
		var all []string
		for word := range strings.FieldsSeq(text) {
			word = strconv.Quote(word)
			all = append(all, "(name ~ "+word+" || internalName ~ "+word+" || description ~ "+word+" || data ~ "+word+")")
		}
		targets = append(targets, records+"?perPage="+strconv.Itoa(shown)+"&filter="+url.QueryEscape(strings.Join(all, " && ")))
	}
	return &contender{
		process: p, name: pocketName, created: http.StatusOK,
		get:    byID(b.documents, count, records+"/", p.address, key),
		list:   oneOf([]string{records + "?perPage=50&sort=-created,id"}, p.address, key),
		search: oneOf(targets, p.address, key),
		create: posting(bodies, records, p.address, key),
	}, nil
}

// byID asks for any document by its id at the end of a path.
func byID(d *data.Documents, count int, path, address, fields string) load.Source {
	end := head(address, fields)
	return func(buf []byte, n uint64) []byte {
		buf = append(buf, "GET "+path...)
		buf = d.AppendID(buf, draw(n, count))
		return append(buf, end...)
	}
}

// pocketBodies are the bodies of creates in the form that PocketBase keeps.
func (b *bench) pocketBodies() ([][]byte, error) {
	bodies, err := b.documents.Bodies()
	if err != nil {
		return nil, err
	}
	for i, body := range bodies {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(body, &fields); err != nil {
			return nil, err
		}
		record := map[string]any{"workspace": "wa_bench"}
		for _, name := range []string{"name", "internalName", "description"} {
			record[name] = fields[name]
			delete(fields, name)
		}
		record["data"] = fields
		if bodies[i], err = json.Marshal(record); err != nil {
			return nil, err
		}
	}
	return bodies, nil
}

// lines returns a file of so many JSON lines.
func (b *bench) lines(count int) (string, error) {
	path := filepath.Join(b.folder, fmt.Sprintf("documents-%d.jsonl", count))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	return path, b.documents.WriteLines(path, count)
}

// npm returns the folder with the commands from npm, "" where there is no Node,
// or no way to its packages.
func (b *bench) npm(ctx context.Context) string {
	if found, ok := b.binaries["npm"]; ok {
		return found
	}
	b.binaries["npm"] = ""
	folder := filepath.Join(b.folder, "npm")
	install := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder)
	err := os.MkdirAll(folder, 0o755)
	for _, name := range []string{"package.json", "package-lock.json"} {
		err = errors.Join(err, copyFile(filepath.Join(b.root, "bench", "npm", name), filepath.Join(folder, name)))
	}
	b.say("installing json-server and Prism from npm")
	if out, failed := install.CombinedOutput(); failed != nil {
		err = errors.Join(err, fmt.Errorf("%w %s", failed, last(out, 500)))
	}
	if err != nil {
		b.say("json-server and Prism are left out, as npm could not install them: %v", err)
		return ""
	}
	b.binaries["npm"] = filepath.Join(folder, "node_modules", ".bin")
	return b.binaries["npm"]
}

// jsonServer starts json-server with so many documents, or returns nil where it
// is not to be had. It checks no key.
func (b *bench) jsonServer(ctx context.Context, count int) (*contender, error) {
	commands := b.npm(ctx)
	if commands == "" {
		return nil, ctx.Err()
	}
	lines, err := b.lines(count)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(lines)
	if err != nil {
		return nil, err
	}
	text = bytes.ReplaceAll(bytes.TrimSpace(text), []byte("\n"), []byte(",\n"))
	text = bytes.ReplaceAll(text, []byte(`{"oId":`), []byte(`{"id":`))
	database := filepath.Join(b.folder, fmt.Sprintf("json-server-%d.json", time.Now().UnixNano()))
	if err := os.WriteFile(database, append(append([]byte(`{"personas":[`), text...), "]}"...), 0o600); err != nil {
		return nil, err
	}
	p, err := b.startAt(ctx, filepath.Join(commands, "json-server"), "--host", "127.0.0.1", "--port", "%PORT", "--quiet", database)
	if err != nil {
		return nil, err
	}
	bodies, err := b.documents.Bodies()
	if err != nil {
		return nil, err
	}
	var targets []string
	for _, text := range searches {
		targets = append(targets, "/personas?_limit="+strconv.Itoa(shown)+"&q="+url.QueryEscape(text))
	}
	return &contender{
		process: p, name: jsonName, created: http.StatusCreated,
		get:    byID(b.documents, count, "/personas/", p.address, ""),
		list:   oneOf([]string{"/personas?_page=1&_limit=50"}, p.address, ""),
		search: oneOf(targets, p.address, ""),
		create: posting(bodies, "/personas", p.address, ""),
	}, nil
}

// prism starts Prism on our contract, or returns nil where it is not to be had.
// It answers with the example of the document, whatever the id.
func (b *bench) prism(ctx context.Context, l *data.Library) (*contender, error) {
	commands := b.npm(ctx)
	if commands == "" {
		return nil, ctx.Err()
	}
	p, err := b.startAt(ctx, filepath.Join(commands, "prism"), "mock", "--host", "127.0.0.1", "--port", "%PORT",
		filepath.Join(b.root, "contract", "openapi.yaml"))
	if err != nil {
		return nil, err
	}
	return &contender{process: p, name: prismName, get: getting(l, p.address, nil)}, nil
}
