// Package mcp tests the server with MCP clients that others wrote.
package mcp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"personae.dev/examples"
	"personae.dev/internal/account"
	"personae.dev/internal/cli"
	"personae.dev/internal/library"
	"personae.dev/internal/machinetest"
	"personae.dev/internal/server"
)

// TestMain is the program itself where clients start it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "mcp" {
		os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}
	os.Exit(m.Run())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start runs a server with the demo library, and returns its address and a key.
func start(t *testing.T) (url, key string) {
	t.Helper()
	script := filepath.Join(t.TempDir(), "script.jsonl")
	must(t, os.WriteFile(script, []byte(`{"purpose":"generate objection","answer":{"name":"Generated","internalName":"","description":"From notes.","underlyingConcern":[],"assumptionsAndMisconceptions":[],"areasToProbeAndClarify":[],"reframeAndResponse":["Ask"]}}
{"answer":{"answers":[]}}`), 0o600))
	s, err := server.New(t.Context(), server.Config{
		Listen: "127.0.0.1:0", Database: "sqlite:" + filepath.Join(t.TempDir(), "personae.db"), CacheBytes: 1 << 20, Log: slog.New(slog.DiscardHandler),
		Model: server.ModelSettings{Provider: "scripted", Script: script},
	})
	must(t, err)
	made, err := s.Library.SetUp(t.Context(), library.SetUpOptions{})
	must(t, err)
	_, err = s.Library.Import(t.Context(), library.ImportOptions{Workspace: made.Workspace, Author: made.Owner}, library.ReadLines(strings.NewReader(examples.Demo())))
	must(t, err)
	key, _, err = s.Library.CreateKey(t.Context(), library.NewKey{Workspace: made.Workspace, User: made.Owner, Scopes: account.Scopes{account.ScopeWrite}})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-ran)
	})
	return s.URL(), key
}

// installed installs the clients of package-lock.json, where they are not.
func installed(t *testing.T) {
	t.Helper()
	version, err := exec.CommandContext(t.Context(), "node", "--version").Output()
	if major, _, _ := strings.Cut(strings.TrimPrefix(string(version), "v"), "."); err != nil || len(major) < 2 || major < "20" {
		machinetest.Lacks(t, "no Node.js 20 or newer, so no foreign MCP client is tried: scripts/test-deps says how to get one")
	}
	install(t, ".", "ci")
}

// install installs what the package-lock.json of a folder has, unless that is done.
func install(t *testing.T, folder string, how ...string) {
	t.Helper()
	lock, err := os.ReadFile(filepath.Join(folder, "package-lock.json"))
	must(t, err)
	sum := sha256.Sum256(lock)
	digest, stamp := hex.EncodeToString(sum[:]), filepath.Join(folder, "node_modules", ".personae-lock")
	if found, err := os.ReadFile(stamp); err == nil && string(found) == digest {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "npm", append(how, "--ignore-scripts", "--no-audit", "--no-fund")...)
	command.Dir = folder
	if out, err := command.CombinedOutput(); err != nil {
		machinetest.Lacks(t, "npm %s in e2e/mcp/%s failed, so nothing foreign is tried: %v\n%s", strings.Join(how, " "), folder, err, out)
	}
	must(t, os.WriteFile(stamp, []byte(digest), 0o600))
}

func TestForeignClients(t *testing.T) {
	t.Parallel()
	installed(t)
	binary, err := os.Executable()
	must(t, err)
	for _, arguments := range [][]string{
		{"client", "http"},
		{"client", "http", "2026-07-28"},
		{"client", "stdio"},
		{"sdk", "http"},
		{"sdk", "stdio"},
	} {
		t.Run(strings.Join(arguments, " "), func(t *testing.T) {
			t.Parallel()
			url, key := start(t)
			command := exec.CommandContext(t.Context(), "node", append([]string{"clients.mjs"}, arguments...)...)
			command.Env = append(os.Environ(), "PERSONAE_SERVER="+url, "PERSONAE_API_KEY="+key, "PERSONAE_BINARY="+binary)
			out, err := command.CombinedOutput()
			t.Log(string(out))
			must(t, err)
		})
	}
}
