package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"personae.dev/internal/account"
	"personae.dev/internal/library"
	"personae.dev/internal/mcp"
)

// maxListTokens is what tools/list may cost a conversation, at 4 bytes a token.
const maxListTokens = 6000

func TestToolsAreListed(t *testing.T) {
	t.Parallel()
	s := start(t)
	writer, err := s.connect(t, s.write).ListTools(t.Context(), nil)
	must(t, err)
	b, err := json.Marshal(writer)
	must(t, err)
	t.Logf("%d tools, %d bytes, %d tokens", len(writer.Tools), len(b), len(b)/4)
	if len(b)/4 > maxListTokens {
		t.Errorf("tools/list has %d tokens, more than %d", len(b)/4, maxListTokens)
	}
	must(t, json.Unmarshal(b, new(any)))
	golden(t, "tools_list", result{t: t, Text: string(b)})
	for _, tool := range writer.Tools {
		if tool.Title == "" || tool.Description == "" {
			t.Errorf("%s lacks a title or a description", tool.Name)
		}
		schema, err := json.Marshal(tool.InputSchema)
		must(t, err)
		var parsed jsonschema.Schema
		must(t, json.Unmarshal(schema, &parsed))
		if _, err := parsed.Resolve(&jsonschema.ResolveOptions{ValidateDefaults: true}); err != nil {
			t.Errorf("%s: its input schema is not one of JSON Schema 2020-12: %v", tool.Name, err)
		}
	}

	reader, err := s.connect(t, s.read).ListTools(t.Context(), nil)
	must(t, err)
	var writes []string
	for _, tool := range writer.Tools {
		seen := slices.ContainsFunc(reader.Tools, func(other *sdk.Tool) bool { return other.Name == tool.Name })
		if seen != tool.Annotations.ReadOnlyHint {
			t.Errorf("a read key sees %s: %t, and it only reads: %t", tool.Name, seen, tool.Annotations.ReadOnlyHint)
		}
		if !tool.Annotations.ReadOnlyHint {
			writes = append(writes, tool.Name)
		}
	}
	if len(writes) < 4 {
		t.Errorf("the tools that write are %q", writes)
	}
}

func TestReadKeyCannotWrite(t *testing.T) {
	t.Parallel()
	s := start(t)
	_, err := s.connect(t, s.read).CallTool(t.Context(), &sdk.CallToolParams{Name: "delete_entity", Arguments: map[string]any{"oId": "demo-vp-of-sales"}})
	if err == nil || !strings.Contains(err.Error(), "unknown tool") {
		t.Errorf("got %v, want that there is no such tool", err)
	}
}

func TestKeyIsTaken(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, header := range []withKey{{"Authorization", "Bearer " + s.read}, {"X-API-Key", s.read}, {"api_key", s.read}} {
		session := connectWith(t, s.URL+mcp.Path, header)
		if got := use(t, session, "verify_connection", `{}`).ok()["workspaceOId"]; got != s.workspace.OID {
			t.Errorf("%s: got the workspace %v", header.name, got)
		}
	}
	wrong := []byte(s.read)
	slices.Reverse(wrong[len(wrong)-8:])
	for _, header := range []withKey{{"Authorization", "Bearer " + string(wrong)}, {"X-API-Key", "nonsense"}, {"Accept-Language", "en"}} {
		response, body := s.post(t, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, header.name, header.value)
		if response.StatusCode != http.StatusUnauthorized || !strings.Contains(body, `"unauthorized"`) {
			t.Errorf("%s: got %d %s", header.name, response.StatusCode, body)
		}
		if got := response.Header.Get("Www-Authenticate"); strings.Contains(got, "resource_metadata") || got == "" {
			t.Errorf("got WWW-Authenticate %q, which would send clients to OAuth", got)
		}
	}
}

// post sends a message as it is.
func (s *server) post(t testing.TB, message string, header ...string) (*http.Response, string) {
	t.Helper()
	return s.send(t, http.MethodPost, message, header...)
}

func (s *server) send(t testing.TB, method, message string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+mcp.Path, strings.NewReader(message))
	must(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	must(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	return response, string(body)
}

func TestProtocol(t *testing.T) {
	t.Parallel()
	s := start(t)
	list := `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}`
	initialize := func(version string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"` + version + `","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`
	}
	for _, c := range []struct {
		name, method, message string
		header                []string
		status                int
		has                   string
	}{
		{"2025-03-26", "POST", initialize("2025-03-26"), nil, 200, `"protocolVersion":"2025-03-26"`},
		{"2025-06-18", "POST", initialize("2025-06-18"), nil, 200, `"protocolVersion":"2025-06-18"`},
		{"2025-11-25", "POST", initialize("2025-11-25"), nil, 200, `"protocolVersion":"2025-11-25"`},
		{
			"2026-07-28", "POST",
			`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`,
			[]string{"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/list"},
			200, `"verify_connection"`,
		},
		{"an unknown version gets one that there is", "POST", initialize("2099-01-01"), nil, 200, `"protocolVersion":"2025-11-25"`},
		{"without initialize", "POST", list, nil, 200, `"verify_connection"`},
		{"no stream", "GET", "", nil, 405, `"method_not_allowed"`},
		{"no session to end", "DELETE", "", nil, 405, `"method_not_allowed"`},
		{"unknown method", "POST", `{"jsonrpc":"2.0","id":1,"method":"nope"}`, nil, 400, ``},
		{"not JSON", "POST", `{"jsonrpc"`, nil, 400, `malformed`},
		{"too large", "POST", strings.Repeat(" ", mcp.MaxBodyBytes+1), nil, 413, `"body_too_large"`},
		{"a page of another site", "POST", list, []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403, `"cross_origin"`},
		{"a page that the operator allows", "POST", list, []string{"Origin", "https://app.example", "Sec-Fetch-Site", "cross-site"}, 200, `"verify_connection"`},
		{"DNS rebinding", "POST", list, []string{"Host", "evil.example"}, 403, `--public-url`},
		{"behind a proxy", "POST", list, []string{"Host", "personae.example"}, 200, `"verify_connection"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			response, body := s.send(t, c.method, c.message, append(c.header, "api_key", s.read)...)
			if response.StatusCode != c.status || !strings.Contains(body, c.has) {
				t.Errorf("got %d %s, want %d and %s", response.StatusCode, body, c.status, c.has)
			}
			if c.status == 200 && response.Header.Get("Content-Type") != "application/json" {
				t.Errorf("got the type %s, want JSON", response.Header.Get("Content-Type"))
			}
		})
	}
}

func TestTwoWorkspacesAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	ours, theirs := s.connect(t, s.write), s.connect(t, s.other)
	done := make(chan error)
	for i := range 8 {
		session, want := ours, 12
		if i%2 == 1 {
			session, want = theirs, 0
		}
		go func() {
			for range 10 {
				got, err := session.CallTool(context.Background(), &sdk.CallToolParams{Name: "list_entities", Arguments: map[string]any{"entityType": "persona"}})
				if err == nil && got.StructuredContent.(map[string]any)["total"] != float64(want) {
					err = fmt.Errorf("got %v, want %d", got.StructuredContent, want)
				}
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 8 {
		must(t, <-done)
	}
	for _, tool := range []string{"get_entity", "delete_entity"} {
		if got := use(t, theirs, tool, `{"oId":"demo-vp-of-sales"}`).refused()["code"]; got != "not_found" {
			t.Errorf("%s of another workspace's entity answers %v", tool, got)
		}
	}
}

func TestKeyIsRevokedInBetween(t *testing.T) {
	t.Parallel()
	s := start(t)
	session := s.connect(t, s.write)
	use(t, session, "verify_connection", `{}`).ok()
	_, err := s.library.RevokeKey(t.Context(), s.write)
	must(t, err)
	_, err = session.CallTool(t.Context(), &sdk.CallToolParams{Name: "verify_connection"})
	if err == nil || !strings.Contains(err.Error(), "Unauthorized") {
		t.Errorf("got %v, want that the key is refused", err)
	}
}

// TestServerIsRestarted shows that a client does not notice: there is no session
// to lose.
func TestServerIsRestarted(t *testing.T) {
	t.Parallel()
	s := start(t)
	address := s.Listener.Addr().String()
	session := s.connect(t, s.read)
	use(t, session, "verify_connection", `{}`).ok()
	s.Close()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	must(t, err)
	again := httptest.NewUnstartedServer(handler(s.library, nil, slog.New(slog.DiscardHandler)))
	must(t, again.Listener.Close())
	again.Listener = l
	again.Start()
	t.Cleanup(again.Close)
	use(t, session, "verify_connection", `{}`).ok()
}

// TestAfternoonIsUndone shows that what an agent did is told by its source and its
// key, and undone by it.
func TestAfternoonIsUndone(t *testing.T) {
	t.Parallel()
	s := start(t)
	session := s.connect(t, s.write)
	before := s.export(t)
	use(t, session, "update_entity", `{"oId":"demo-vp-of-sales","changes":{"description":"Nonsense","painPoints":null}}`).ok()
	use(t, session, "create_entity", `{"entityType":"persona","name":"Made up","description":"Not from a person"}`).ok()
	use(t, session, "delete_entity", `{"oId":"demo-sdr-manager"}`).ok()
	revisions := use(t, session, "list_revisions", `{"limit":3}`).ok()["rows"].([]any)
	for _, r := range revisions {
		if got := r.(map[string]any)["source"]; got != "mcp" {
			t.Errorf("a revision has the source %v", got)
		}
	}
	keys, err := s.library.Keys(t.Context(), s.workspace)
	must(t, err)
	i := slices.IndexFunc(keys, func(k account.APIKey) bool { return k.Scopes.Allow(account.ScopeWrite) && k.Name == "agent" })
	_, err = s.library.RevertKey(t.Context(), library.RevertKeyOptions{Workspace: s.workspace, By: s.owner, KeyOID: keys[i].OID})
	must(t, err)
	dates := func(record string) string { return now.ReplaceAllString(record, "now") }
	after := slices.DeleteFunc(s.export(t), func(r string) bool { return strings.Contains(r, "Made up") })
	for i := range after {
		if strings.Contains(before[i], "demo-vp-of-sales") || strings.Contains(before[i], "demo-sdr-manager") {
			var a, b map[string]any
			must(t, json.Unmarshal([]byte(before[i]), &a))
			must(t, json.Unmarshal([]byte(after[i]), &b))
			delete(a, "updatedAt")
			delete(b, "updatedAt")
			if diff := cmp.Diff(a, b); diff != "" {
				t.Errorf("-before +after\n%s", diff)
			}
			continue
		}
		if diff := cmp.Diff(dates(before[i]), dates(after[i])); diff != "" {
			t.Errorf("-before +after\n%s", diff)
		}
	}
}

func (s *server) export(t *testing.T) (records []string) {
	t.Helper()
	for record, err := range s.library.Export(t.Context(), s.workspace) {
		must(t, err)
		records = append(records, string(record))
	}
	return records
}

// TestManyCalls shows that calls leave nothing behind, and no key in the log.
//
//nolint:paralleltest // it counts goroutines
func TestManyCalls(t *testing.T) {
	s := start(t)
	call := func() {
		response, body := s.post(t, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_entity","arguments":{"oId":"demo-vp-of-sales"}}}`, "api_key", s.write)
		if response.StatusCode != http.StatusOK || !strings.Contains(body, `"structuredContent"`) {
			t.Fatalf("got %d %s", response.StatusCode, body)
		}
	}
	for range 20 {
		call()
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	goroutines, before := runtime.NumGoroutine(), heap()
	s.log.Reset()
	began := time.Now()
	const calls = 1000
	for range calls {
		call()
	}
	t.Logf("%s a call", time.Since(began)/calls)
	logged := s.log.String()
	s.log.Reset()
	if after := heap(); after > before+4<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
	if after := runtime.NumGoroutine(); after > goroutines+5 {
		t.Errorf("there were %d goroutines, and are %d", goroutines, after)
	}
	for _, secret := range []string{s.write, s.write[len(s.write)-20:]} {
		if strings.Contains(logged, secret) {
			t.Error("the log has a key")
		}
	}
	if !strings.Contains(logged, `"path":"/mcp"`) || !strings.Contains(logged, `"externalRequestId":"req_`) {
		t.Error("the log does not lead from an agent's request to the calls of the API")
	}
}

// BenchmarkCalls measures what a server does for a call, without a network.
func BenchmarkCalls(b *testing.B) {
	s := start(b)
	silent := handler(s.library, nil, slog.New(slog.DiscardHandler))
	for name, message := range map[string]string{
		"ToolsList": `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`,
		"GetEntity": `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_entity","arguments":{"oId":"demo-vp-of-sales"}}}`,
		"Search":    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_knowledge_base","arguments":{"query":"forecast"}}}`,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, mcp.Path, strings.NewReader(message))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Accept", "application/json, text/event-stream")
				r.Header.Set("api_key", s.read)
				w := httptest.NewRecorder()
				silent.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatalf("got %d %s", w.Code, w.Body)
				}
			}
		})
	}
}
