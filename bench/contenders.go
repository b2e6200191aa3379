//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	get, list, search, create *call
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

// searches are what people look for: what is in the data as they write it, and
// what a page sends while they do. Each class has as many as the others.
var searches = []struct {
	class string
	texts [4]string
}{
	{"job titles", [...]string{"Sales Managers", "Registered Nurses", "Software Developers", "Chief Executives"}},
	{"one word", [...]string{"nurse", "engineer", "teacher", "accountant"}},
	{"two words", [...]string{"sales manager", "project manager", "software engineer", "data analyst"}},
	{"1 letter", [...]string{"a", "m", "s", "p"}},
	{"2 letters", [...]string{"ma", "en", "vp", "it"}},
	{"3 letters", [...]string{"dat", "sal", "mar", "dir"}},
	{"5 letters", [...]string{"manag", "engin", "techn", "analy"}},
}

// classOf tells which class the nth search is of: they come in turn.
func classOf(n uint64) int { return int(n % uint64(len(searches))) }

// mix says what is searched for.
func mix() string {
	var parts []string
	for _, s := range searches {
		parts = append(parts, fmt.Sprintf("%s (%s)", s.class, strings.Join(s.texts[:], ", ")))
	}
	return "Searches, by class in turn: " + strings.Join(parts, "; ")
}

// searching asks for all searches in turn; target is that of one.
func searching(s shape, target func(text string) string, address, fields string) *call {
	var targets []string
	for i := range searches[0].texts {
		for _, search := range searches {
			targets = append(targets, target(search.texts[i]))
		}
	}
	return oneOf(targets, s.has(1, shown), address, fields)
}

// shown is how many personas a search shows, and listed a list.
const (
	shown  = 10
	listed = 50
)

// looked is how many gets are looked at before the rounds.
const looked = 10

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
func oneOf(targets []string, right func(uint64, []byte) error, address, fields string) *call {
	requests := make([][]byte, len(targets))
	for i, target := range targets {
		requests[i] = []byte("GET " + target + head(address, fields))
	}
	return &call{source: inTurn(requests), status: http.StatusOK, kinds: len(requests), right: right}
}

func inTurn(requests [][]byte) load.Source {
	return func(buf []byte, n uint64) []byte { return append(buf, requests[n%uint64(len(requests))]...) }
}

// posting creates one persona after the other.
func posting(s shape, status int, bodies [][]byte, target, address, fields string) *call {
	requests := make([][]byte, len(bodies))
	for i, body := range bodies {
		length := "Content-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n"
		requests[i] = append([]byte("POST "+target+head(address, fields+length)), body...)
	}
	return &call{source: inTurn(requests), status: status, kinds: 1, right: s.made}
}

// ourShape is that of our answers.
var ourShape = shape{many: "data", created: "data", id: "oId"}

// serve starts the product on a library, all as it ships but for args.
func (b *bench) serve(ctx context.Context, l *data.Library, args ...string) (*process, error) {
	binary, err := b.ours(ctx)
	if err != nil {
		return nil, err
	}
	return b.start(ctx, nil, append([]string{binary, "serve", "--listen", "127.0.0.1:0", "--database", l.Database}, args...)...)
}

// personae starts ourselves.
func (b *bench) personae(ctx context.Context, name string, l *data.Library, args ...string) (*contender, error) {
	p, err := b.serve(ctx, l, args...)
	if err != nil {
		return nil, err
	}
	bodies, err := l.Bodies()
	if err != nil {
		return nil, err
	}
	key := "api_key: " + l.Tokens[0] + "\r\n"
	const list = "/api/v2/persona/list?limit="
	found := func(text string) string { return list + strconv.Itoa(shown) + "&text=" + url.QueryEscape(text) }
	return &contender{
		process: p, name: name,
		get:    drawing(l, getting(l, p.address, nil), ourShape.is(drawn(l.Documents, l.Personas))),
		list:   oneOf([]string{list + strconv.Itoa(listed)}, ourShape.has(listed, listed), p.address, key),
		search: searching(ourShape, found, p.address, key),
		create: posting(ourShape, http.StatusOK, bodies, "/api/v2/persona/create", p.address, key),
	}, nil
}

// getting asks for the ith persona of a library, and if there are etags for a
// newer one than that.
func getting(l *data.Library, address string, etags []string) func(buf []byte, i int) []byte {
	middle := " HTTP/1.1\r\nHost: " + address + "\r\napi_key: "
	return func(buf []byte, i int) []byte {
		token, document := l.Persona(i)
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

// drawing asks for any persona of a library.
func drawing(l *data.Library, get func(buf []byte, i int) []byte, right func(uint64, []byte) error) *call {
	return &call{
		source: func(buf []byte, n uint64) []byte { return get(buf, draw(n, l.Personas)) },
		status: http.StatusOK, kinds: looked, right: right,
	}
}

// drawn returns the id that the nth get asks for.
func drawn(d *data.Documents, count int) func(n uint64) []byte {
	return func(n uint64) []byte { return d.AppendID(nil, draw(n, count)) }
}

// answers asks for up to count personas of a library, one by one, and returns
// their answers and entity tags in its order.
func answers(ctx context.Context, c *contender, l *data.Library, count int) (bodies [][]byte, etags []string, err error) {
	a, err := dial(ctx, c.address)
	if err != nil {
		return nil, nil, err
	}
	defer a.Close()
	get := getting(l, c.address, nil)
	for i := range min(count, l.Personas) {
		body, header, err := a.ask(get(nil, i), http.StatusOK)
		if err != nil {
			return nil, nil, fmt.Errorf("persona %d: %w: %s", i, err, last(body, 500))
		}
		bodies, etags = append(bodies, body), append(etags, header.Get("ETag"))
	}
	return bodies, etags, nil
}

// bare starts the ceiling, with a body as long as those on average.
func (b *bench) bare(ctx context.Context, bodies [][]byte, l *data.Library, args ...string) (*contender, error) {
	size := len(bytes.Join(bodies, nil)) / len(bodies)
	whole := func(_ uint64, body []byte) error {
		if len(body) != size {
			return fmt.Errorf("%d bytes, want %d", len(body), size)
		}
		return nil
	}
	return b.ceiling(ctx, bareName, l, whole, append(args, "-size", strconv.Itoa(size))...)
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
	return b.ceiling(ctx, lookUpName, l, ourShape.is(drawn(l.Documents, l.Personas)), "-bodies", path)
}

func (b *bench) ceiling(ctx context.Context, name string, l *data.Library, right func(uint64, []byte) error, args ...string) (*contender, error) {
	binary, err := b.build(ctx, "ceiling", "bench", "./ceiling")
	if err != nil {
		return nil, err
	}
	p, err := b.start(ctx, nil, append([]string{binary}, args...)...)
	if err != nil {
		return nil, err
	}
	return &contender{process: p, name: name, get: drawing(l, getting(l, p.address, nil), right)}, nil
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
	matching := func(text string) string {
		// All words, anywhere: it has no index of words.
		var all []string
		for word := range strings.FieldsSeq(text) {
			word = strconv.Quote(word)
			all = append(all, "(name ~ "+word+" || internalName ~ "+word+" || description ~ "+word+" || data ~ "+word+")")
		}
		return records + "?perPage=" + strconv.Itoa(shown) + "&filter=" + url.QueryEscape(strings.Join(all, " && "))
	}
	its := shape{many: "items", id: "id"}
	return &contender{
		process: p, name: pocketName,
		get:    byID(its, b.documents, count, records+"/", p.address, key),
		list:   oneOf([]string{records + "?sort=-created,id&perPage=" + strconv.Itoa(listed)}, its.has(listed, listed), p.address, key),
		search: searching(its, matching, p.address, key),
		create: posting(its, http.StatusOK, bodies, records, p.address, key),
	}, nil
}

// byID asks for any document by its id at the end of a path.
func byID(s shape, d *data.Documents, count int, path, address, fields string) *call {
	end := head(address, fields)
	return &call{
		source: func(buf []byte, n uint64) []byte {
			buf = append(buf, "GET "+path...)
			buf = d.AppendID(buf, draw(n, count))
			return append(buf, end...)
		},
		status: http.StatusOK, kinds: looked, right: s.is(drawn(d, count)),
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
		err = errors.Join(err, fmt.Errorf("%w\n%s", failed, last(out, 500)))
	}
	if err != nil {
		err = fmt.Errorf("npm could not install it: %w", err)
		b.leaveOut(jsonName, err)
		b.leaveOut(prismName, err)
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
	database := filepath.Join(b.folder, fmt.Sprintf("json-server-%d.json", time.Now().UnixNano()))
	if err := os.WriteFile(database, jsonDatabase(text), 0o600); err != nil {
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
	found := func(text string) string {
		return "/personas?_limit=" + strconv.Itoa(shown) + "&q=" + url.QueryEscape(text)
	}
	its := shape{id: "id"}
	return &contender{
		process: p, name: jsonName,
		get:    byID(its, b.documents, count, "/personas/", p.address, ""),
		list:   oneOf([]string{"/personas?_sort=createdAt&_order=desc&_page=1&_limit=" + strconv.Itoa(listed)}, its.has(listed, listed), p.address, ""),
		search: searching(its, found, p.address, ""),
		create: posting(its, http.StatusCreated, bodies, "/personas", p.address, ""),
	}, nil
}

// jsonDatabase makes json-server's file of JSON lines. Each document gets the
// time that it was created at, to be sorted by.
func jsonDatabase(lines []byte) []byte {
	database := []byte(`{"personas":[`)
	created := time.Now()
	for line := range bytes.Lines(lines) {
		if created = created.Add(time.Millisecond); database[len(database)-1] == '}' {
			database = append(database, ",\n"...)
		}
		database = created.UTC().AppendFormat(append(database, `{"createdAt":"`...), `2006-01-02T15:04:05.000Z","id":`)
		database = append(database, bytes.TrimPrefix(bytes.TrimSpace(line), []byte(`{"oId":`))...)
	}
	return append(database, "]}"...)
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
	return &contender{process: p, name: prismName, get: drawing(l, getting(l, p.address, nil), shape{id: "oId"}.made)}, nil
}
