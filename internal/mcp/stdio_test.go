package mcp_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"personae.dev/internal/kind"
	"personae.dev/internal/mcp"
)

func config() mcp.Config {
	return mcp.Config{Registry: kind.Registry(), Version: "test", Log: slog.New(slog.DiscardHandler)}
}

// pipe serves an agent on pipes, until the test closes its end.
func pipe(t *testing.T, remote mcp.Remote) (out io.WriteCloser, in io.ReadCloser, ended chan error) {
	t.Helper()
	serverIn, out := io.Pipe()
	in, serverOut := io.Pipe()
	ended = make(chan error, 1)
	go func() {
		err := mcp.Serve(context.Background(), config(), remote, serverIn, serverOut)
		_ = serverOut.CloseWithError(io.EOF)
		_ = serverIn.Close()
		ended <- err
	}()
	return out, in, ended
}

func TestStdio(t *testing.T) {
	t.Parallel()
	s := start(t)
	for key, tools := range map[string]string{s.read: "", s.write: "delete_entity"} {
		out, in, ended := pipe(t, mcp.Remote{Address: s.URL + "/", Key: key})
		session, err := sdk.NewClient(&sdk.Implementation{Name: "t", Version: "1"}, nil).Connect(t.Context(), &sdk.IOTransport{Reader: in, Writer: out}, nil)
		must(t, err)
		list, err := session.ListTools(t.Context(), nil)
		must(t, err)
		names := ""
		for _, tool := range list.Tools {
			names += tool.Name + " "
		}
		if !strings.Contains(names, "get_entity") || strings.Contains(names, "delete_entity") != (tools != "") {
			t.Errorf("the tools are %s", names)
		}
		if got := use(t, session, "get_entity", `{"oId":"demo-vp-of-sales"}`).ok()["name"]; got != "VP of Sales" {
			t.Errorf("got %v", got)
		}
		must(t, session.Close())
		must(t, <-ended)
	}
}

// TestStdioOfOldClients shows the handshake of the first version.
func TestStdioOfOldClients(t *testing.T) {
	t.Parallel()
	s := start(t)
	out, in, ended := pipe(t, mcp.Remote{Address: s.URL, Key: s.read})
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for _, message := range [][2]string{
		{`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"old","version":"1"}}}`, `"protocolVersion":"2024-11-05"`},
		{`{"jsonrpc":"2.0","method":"notifications/initialized"}`, ``},
		{`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"verify_connection","arguments":{}}}`, s.workspace.OID},
	} {
		_, err := io.WriteString(out, message[0]+"\n")
		must(t, err)
		if message[1] == "" {
			continue
		}
		if !lines.Scan() || !strings.Contains(lines.Text(), message[1]) {
			t.Errorf("%s is answered with %s", message[0], lines.Text())
		}
	}
	must(t, out.Close())
	must(t, <-ended)
}

// TestStdioWithoutServer shows what an agent, and before it its user, is told.
func TestStdioWithoutServer(t *testing.T) {
	t.Parallel()
	s := start(t)
	out, in, ended := pipe(t, mcp.Remote{Address: s.URL, Key: s.read})
	session, err := sdk.NewClient(&sdk.Implementation{Name: "t", Version: "1"}, nil).Connect(t.Context(), &sdk.IOTransport{Reader: in, Writer: out}, nil)
	must(t, err)
	_, err = s.library.RevokeKey(t.Context(), s.read)
	must(t, err)
	if got := use(t, session, "verify_connection", `{}`).refused(); got["code"] != "unauthorized" || !strings.Contains(got["next"].(string), "another API key") {
		t.Errorf("got %v", got)
	}
	s.Close()
	if got := use(t, session, "verify_connection", `{}`).refused(); got["code"] != "unreachable" || got["next"] == "" || strings.Contains(got["message"].(string), s.read) {
		t.Errorf("got %v", got)
	}
	must(t, session.Close())
	must(t, <-ended)
	for _, remote := range []mcp.Remote{{Address: s.URL, Key: s.read}, {Address: "http://127.0.0.1:1", Key: "k"}} {
		err := mcp.Serve(t.Context(), config(), remote, io.NopCloser(strings.NewReader("")), nopWriter{io.Discard})
		if err == nil || !strings.Contains(err.Error(), "cannot be reached") {
			t.Errorf("got %v, want an error before the first message", err)
		}
	}
}

type nopWriter struct{ io.Writer }

func (nopWriter) Close() error { return nil }
