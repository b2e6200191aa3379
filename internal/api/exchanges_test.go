package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"personae.dev/internal/account"
)

const exchangesDir = "../../contract/exchanges"

// TestExchanges plays what foreign clients send, and checks what they rely on.
// contract/exchanges/README.md tells how the files are read.
func TestExchanges(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(exchangesDir, "*.http"))
	must(t, err)
	if len(files) < 10 {
		t.Fatalf("%d files", len(files))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".http"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			must(t, err)
			var options []option
			if script := scriptIn(string(text)); len(script) > 0 {
				options = append(options, withScript(t, script...))
			}
			s := setup(t, options...)
			p := &player{t: t, server: s, caller: s.start(t), vars: map[string]string{
				"KEY": s.key(t, s.workspace, account.ScopeRead, account.ScopeWrite), "ADMIN": s.adminToken, "WORKSPACE": s.workspace.OID,
			}}
			p.play(string(text))
		})
	}
}

// scriptIn returns the lines of a file that are for a model.
func scriptIn(text string) (script []string) {
	for line := range strings.Lines(text) {
		if answer, ok := strings.CutPrefix(strings.TrimSpace(line), "model "); ok {
			script = append(script, answer)
		}
	}
	return script
}

// player plays one file.
type player struct {
	t      *testing.T
	server *server
	caller *caller
	vars   map[string]string

	at      int // the line
	request []string
	checks  []string
	loop    bool
}

func (p *player) play(text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		first, rest, _ := strings.Cut(line, " ")
		if first != "<" && len(p.checks) > 0 {
			p.exchange()
		}
		p.at++
		switch first {
		case "", "#", "model":
		case "seed":
			n, kind, named := strings.Cut(rest, " ")
			if !named {
				kind = "persona"
			}
			count, err := strconv.Atoi(n)
			must(p.t, err)
			p.seed(count, kind)
		case "loop":
			p.loop = true
		case ">":
			p.request = append(p.request, rest)
		case "<":
			p.checks = append(p.checks, rest)
		default:
			p.t.Fatalf("line %d: %q is nothing", p.at, line)
		}
	}
	p.exchange()
}

// seed imports entities, ten of each moment, so that order needs its ties.
func (p *player) seed(n int, kind string) {
	records := make([]string, n)
	for i := range records {
		records[i] = fmt.Sprintf(`{"kind":%q,"oId":"seed_%03d","name":"Entity %d","createdAt":"2024-01-01T00:%02d:%02dZ"}`, kind, i*7919%1000, i, i/600, i/10%60)
	}
	p.server.put(p.t, records...)
}

func (p *player) exchange() {
	if len(p.request) == 0 {
		p.t.Fatalf("line %d: no request", p.at)
	}
	collected, pages, offset := map[any]bool{}, 0, 0
	for more := true; more; {
		p.vars["OFFSET"] = strconv.Itoa(offset)
		status, body := p.send()
		pages++
		data, _ := lookup(body, "data").([]any)
		for _, item := range data {
			collected[lookup(item, "oId")] = true
		}
		object, _ := body.(map[string]any)
		if object == nil {
			p.t.Fatalf("line %d: the answer is no object", p.at)
		}
		more = p.loop && lookup(body, "hasNext") == true && len(data) >= p.limit()
		if !more {
			object["collected"], object["pages"] = float64(len(collected)), float64(pages)
		}
		for _, check := range p.checks {
			if last := strings.HasPrefix(check, "collected ") || strings.HasPrefix(check, "pages "); !last || !more {
				p.check(check, status, body)
			}
		}
		if message := lookup(body, "message"); message != nil && message != lookup(body, "_metadata.message") {
			p.t.Errorf("line %d: the messages differ: %v", p.at, body)
		}
		offset += len(data)
	}
	p.request, p.checks, p.loop = nil, nil, false
}

// limit is the one that the request asks for.
func (p *player) limit() int {
	_, rest, _ := strings.Cut(p.request[0], "limit=")
	digits, _, _ := strings.Cut(rest, "&")
	n, err := strconv.Atoi(digits)
	must(p.t, err)
	return n
}

func (p *player) send() (int, any) {
	method, target, _ := strings.Cut(p.expand(p.request[0]), " ")
	var header []string
	lines := p.request[1:]
	for len(lines) > 0 && lines[0] != "" {
		name, value, _ := strings.Cut(lines[0], ": ")
		header = append(header, name, p.expand(value))
		lines = lines[1:]
	}
	body := ""
	if len(lines) > 0 {
		body = p.expand(strings.Join(lines[1:], "\n"))
	}
	got := p.caller.send(p.t, method, target, body, header...)
	var v any
	must(p.t, json.Unmarshal([]byte(got.body), &v))
	return got.status, v
}

func (p *player) expand(text string) string {
	return os.Expand(text, func(name string) string {
		value, ok := p.vars[name]
		if !ok {
			p.t.Fatalf("line %d: there is no $%s", p.at, name)
		}
		return value
	})
}

func (p *player) check(check string, status int, body any) {
	path, rest, _ := strings.Cut(check, " ")
	operator, value, _ := strings.Cut(rest, " ")
	got := lookup(body, path)
	var want any
	switch operator {
	case "=", "~":
		must(p.t, json.Unmarshal([]byte(p.expand(value)), &want))
	}
	ok := true
	switch operator {
	case "":
		code, err := strconv.Atoi(path)
		must(p.t, err)
		got, ok = status, code == status
	case "=":
		ok = reflect.DeepEqual(got, want)
		if want == nil {
			ok = ok && has(body, path)
		}
	case "~":
		text, isText := got.(string)
		ok = isText && strings.Contains(text, want.(string))
	case "->":
		text, isText := got.(string)
		p.vars[value], ok = text, isText
	case "absent":
		ok = !has(body, path)
	default:
		p.t.Fatalf("line %d: %q is no check", p.at, check)
	}
	if !ok {
		shown, _ := json.Marshal(body) //nolint:errchkjson // it was read from JSON
		p.t.Errorf("before line %d: %s\nis not so, but %v\nstatus %d: %.1500s", p.at+1, check, got, status, shown)
	}
}

// lookup returns what stands at a path such as data[0].name in a JSON value, nil
// for nothing.
func lookup(v any, path string) any {
	for step := range strings.SplitSeq(strings.ReplaceAll(path, "[", "."), ".") {
		step = strings.TrimSuffix(step, "]")
		switch node := v.(type) {
		case map[string]any:
			v = node[step]
		case []any:
			if step == "#" {
				return float64(len(node))
			}
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(node) {
				return nil
			}
			v = node[i]
		default:
			return nil
		}
	}
	return v
}

// has tells whether there is anything at the path, null too.
func has(v any, path string) bool {
	i := strings.LastIndexByte(path, '.')
	if i >= 0 {
		v = lookup(v, path[:i])
	}
	object, _ := v.(map[string]any)
	_, ok := object[path[i+1:]]
	return ok
}

// send is call with a body.
func (c *caller) send(t *testing.T, method, target, body string, header ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, c.url+target, strings.NewReader(body))
	must(t, err)
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	return c.do(t, request)
}
