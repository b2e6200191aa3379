package cli

import (
	"context"
	"io"
	"log/slog"

	"personae.dev/internal/cli/format"
	"personae.dev/internal/cli/remote"
	"personae.dev/internal/entity"
	"personae.dev/internal/mcp"
	"personae.dev/internal/server"
)

type mcpCmd struct {
	remote.Server
}

// Help implements kong.HelpProvider.
func (mcpCmd) Help() string {
	return `For agents that start their tools as programs, and for those that ask HTTP servers for OAuth. Others
need no program: a server answers them at /mcp, with an API key. Both have the same tools; a key with
the scope read has those that read.

Messages are read from stdin and answered on stdout, until stdin ends; errors go to stderr.

Example:

  Claude Code starts it:
    claude mcp add personae --env PERSONAE_API_KEY=psk_… -- personae mcp --server https://personae.example.com`
}

// Run serves one agent.
func (c mcpCmd) Run(ctx context.Context, registry *entity.Registry, stdio format.Stdio) error {
	address, key, err := c.Credentials()
	if err != nil {
		return err
	}
	return mcp.Serve(ctx, mcp.Config{
		Registry: registry, Version: server.Version().Version, Log: slog.New(slog.NewTextHandler(stdio.Err, nil)),
	}, mcp.Remote{Address: address, Key: key}, io.NopCloser(stdio.In), keepOpen{stdio.Out})
}

// keepOpen is a stream that somebody else closes.
type keepOpen struct{ io.Writer }

// Close does nothing.
func (keepOpen) Close() error { return nil }
