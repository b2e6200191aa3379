package mcp

import (
	"flag"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"personae.dev/internal/machinetest"
)

var conformance = flag.Bool("conformance", false, "run the conformance tests and the inspector (make mcp-conformance)")

// TestConformance runs the scenarios of the protocol's own tests that need no
// tools made for them, and calls a tool with the inspector.
func TestConformance(t *testing.T) {
	t.Parallel()
	if !*conformance {
		t.Skip("it installs 185 MB: use make mcp-conformance")
	}
	install(t, "conformance", "install", "--no-save") // its lock file lacks packages for Windows, which npm ci refuses
	nodes, err := filepath.Glob("conformance/node_modules/node-*/bin/node")
	must(t, err)
	if len(nodes) == 0 {
		machinetest.Lacks(t, "no Node.js 22 for this platform in e2e/mcp/conformance/package.json")
	}
	node, err := filepath.Abs(nodes[0])
	must(t, err)
	upstream, key := start(t)
	target, err := url.Parse(upstream)
	must(t, err)
	// The tests cannot send a key.
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
		r.Out.Header.Set("Authorization", "Bearer "+key)
	}})
	t.Cleanup(proxy.Close)
	run := func(t *testing.T, program string, arguments ...string) string {
		t.Helper()
		command := exec.CommandContext(t.Context(), node, append([]string{"node_modules/.bin/" + program}, arguments...)...)
		command.Dir = "conformance"
		out, err := command.CombinedOutput()
		if err != nil {
			t.Errorf("%s %s: %v\n%s", program, strings.Join(arguments, " "), err, out)
		}
		return string(out)
	}
	for _, scenario := range []string{
		"server-initialize", "ping", "tools-list", "resources-list", "prompts-list", "dns-rebinding-protection", "server-sse-multiple-streams",
	} {
		t.Run(scenario, func(t *testing.T) {
			t.Parallel()
			run(t, "conformance", "server", "--url", proxy.URL+"/mcp", "--scenario", scenario)
		})
	}
	t.Run("inspector", func(t *testing.T) {
		t.Parallel()
		out := run(t, "mcp-inspector", "--cli", upstream+"/mcp", "--transport", "http", "--header", "Authorization: Bearer "+key,
			"--method", "tools/call", "--tool-name", "get_entity", "--tool-arg", "oId=demo-vp-of-sales")
		if !strings.Contains(out, "VP of Sales") {
			t.Errorf("got %s", out)
		}
	})
}
