package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"personae.dev/examples"
	"personae.dev/internal/app"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/library"
	"personae.dev/internal/persona"
)

const (
	demoKeyLasts = 24 * time.Hour // how long the key of a start with --demo is good
	demoKeyName  = "serve --demo" // by which the next start finds it, to end it
)

type serveCmd struct {
	database
	Listen    string `default:"127.0.0.1:7070" placeholder:"HOST:PORT" env:"PERSONAE_LISTEN" help:"The address to listen on. Port 0 takes a free one. Default: ${default}."`
	Demo      bool   `env:"PERSONAE_DEMO" help:"Fill an empty workspace with twelve demo personas, and show a curl line with a key for a day."`
	CacheMiB  int    `name:"cache-mib" default:"64" placeholder:"MIB" env:"PERSONAE_CACHE_MIB" help:"Memory for personas and keys that were read, in MiB. 0 turns the cache off. Default: ${default}."`
	Retain    string `name:"retain-deleted" default:"30d" placeholder:"TIME" env:"PERSONAE_RETAIN_DELETED" help:"How long deleted personas are kept before they are removed for good, such as 30d or 12h; 0 keeps them. Default: ${default}."`
	MaxConns  int    `name:"max-connections" default:"16384" placeholder:"N" env:"PERSONAE_MAX_CONNECTIONS" help:"How many connections there are at once; more are refused. Default: ${default}."`
	MaxWork   int    `name:"max-in-flight" default:"16" placeholder:"N" env:"PERSONAE_MAX_IN_FLIGHT" help:"How many lists are in work at once, four times as many gets, and four times as many changes. More wait 1 s at most, and then get 503. Default: ${default}."`
	TLSCert   string `name:"tls-cert" type:"existingfile" placeholder:"FILE" env:"PERSONAE_TLS_CERT" help:"Serve HTTPS with this certificate chain (PEM)."`
	TLSKey    string `name:"tls-key" type:"existingfile" placeholder:"FILE" env:"PERSONAE_TLS_KEY" help:"The private key of the certificate (PEM)."`
	LogFormat string `default:"auto" enum:"auto,text,json" placeholder:"FORMAT" env:"PERSONAE_LOG_FORMAT" help:"Logs on stderr as auto (text on a terminal, else json), text or json. Default: ${default}."`
	LogLevel  string `default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL" env:"PERSONAE_LOG_LEVEL" help:"Log debug, info (every request), warn or error, and what is graver. Default: ${default}."`
}

// Help implements kong.HelpProvider.
func (serveCmd) Help() string {
	return `An empty database is set up first: an organization, a workspace, its owner and an admin key,
which is shown once, on stdout. SIGTERM and Ctrl-C stop the server after running requests have
ended, 10 s at most.

Examples:

  Try it, with demo personas:
    personae serve --demo

  Serve HTTPS to other machines:
    personae serve --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem --database sqlite:/var/lib/personae/personae.db

  Several servers on one PostgreSQL database; the address with its password is better kept out of
  the list of processes:
    PERSONAE_DATABASE=postgres://personae:secret@db.example/personae personae serve --database-tls verify-full

  The same settings from the environment:
    PERSONAE_LISTEN=127.0.0.1:8080 PERSONAE_DATABASE=sqlite:/tmp/library.db personae serve`
}

// Run serves until a signal comes.
func (c serveCmd) Run(ctx context.Context, stdio format.Stdio) error {
	if c.CacheMiB < 0 {
		return persona.BadSettingf("--cache-mib is %d: use 0 or more.", c.CacheMiB)
	}
	if c.MaxConns < 1 || c.MaxWork < 1 {
		return persona.BadSettingf("--max-connections is %d and --max-in-flight %d: use 1 or more.", c.MaxConns, c.MaxWork)
	}
	retain, err := parseSpan(c.Retain)
	if err != nil || retain < 0 {
		return persona.BadSettingf("--retain-deleted is %q: write 30d, 12h, or 0 to keep deleted personas.", c.Retain)
	}
	settings, err := c.settings()
	if err != nil {
		return err
	}
	log, flush := c.logger(stdio.Err)
	defer flush()
	defer runtime.KeepAlive(boundGarbage())
	server, err := app.New(ctx, app.Config{
		Listen: c.Listen, Database: c.Database, Settings: settings, CacheBytes: int64(c.CacheMiB) << 20,
		RetainDeleted: retain, MaxConnections: c.MaxConns, MaxInFlight: c.MaxWork,
		TLSCert: c.TLSCert, TLSKey: c.TLSKey, Log: log,
	})
	if err != nil {
		return err
	}
	greeting, err := c.prepare(ctx, server)
	if err != nil {
		_ = server.Close() // the first error is the one to tell
		return err
	}
	if _, err := io.WriteString(stdio.Out, greeting); err != nil {
		log.Warn("the greeting could not be shown", "error", err)
	}
	if server.Exposed() {
		log.Warn("The server can be reached from other machines in clear text: keys and personas can be read on the way. Use --tls-cert and --tls-key, or a proxy that speaks HTTPS, or listen on 127.0.0.1.", "listen", c.Listen)
	}
	log.Info("serving", "url", server.URL(), "database", app.DatabaseName(c.Database), "version", app.Version().Version)
	if err := server.Run(ctx); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// gcPercent of what is in use, and of an untouched ballast, may be garbage beside it:
// with a full cache, 100,000 keys and the collector at its laziest 148 MiB are resident.
const gcPercent, ballastBytes = 16, 64 << 20

func boundGarbage() (ballast []byte) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
		ballast = make([]byte, ballastBytes)
	}
	return ballast
}

// prepare sets up what is new, and returns what the person at the terminal is
// to know of it. Keys are shown there, and not in a log.
func (c serveCmd) prepare(ctx context.Context, server *app.Server) (greeting string, err error) {
	var text strings.Builder
	setup, err := server.Library.SetUp(ctx)
	if err != nil {
		return "", err
	}
	if setup != nil {
		fmt.Fprintf(&text, "A new library was set up in %s:\n\n", app.DatabaseName(c.Database))
		fmt.Fprintf(&text, "  organization  %s (%s)\n", setup.Organization.Name, setup.Organization.OID)
		fmt.Fprintf(&text, "  workspace     %s (%s)\n", setup.Workspace.Name, setup.Workspace.OID)
		fmt.Fprintf(&text, "  admin key     %s\n\n", setup.Token)
		text.WriteString("Keep the key: it is shown this once.\n\n")
	}
	if c.Demo {
		if err := c.prepareDemo(ctx, server, &text); err != nil {
			return "", err
		}
	}
	fmt.Fprintf(&text, "Serving %s, reference at %s/docs. Ctrl-C stops.\n", server.URL(), server.URL())
	return text.String(), nil
}

// prepareDemo fills the oldest workspace if it is empty, and shows how to read
// a persona of it, with a key for a day: the line to paste ends up in the
// history of a shell.
func (c serveCmd) prepareDemo(ctx context.Context, server *app.Server, text *strings.Builder) error {
	l := server.Library
	workspaces, err := l.Workspaces(ctx)
	if err != nil {
		return err
	}
	workspace := workspaces[0] // SetUp made one
	owner, err := l.User(ctx, workspace, "")
	if err != nil {
		return err
	}
	report, err := l.Import(ctx,
		library.ImportOptions{Workspace: workspace, Author: *owner, OnlyIfEmpty: true},
		readLines(strings.NewReader(examples.Demo()), nil))
	if err != nil {
		return err
	}
	if report.Created > 0 {
		fmt.Fprintf(text, "%d demo personas were put into %s.\n\n", report.Created, workspace.Name)
	}
	if err := revokeDemoKeys(ctx, l, workspace); err != nil {
		return err
	}
	expires := time.Now().Add(demoKeyLasts)
	token, _, err := l.CreateKey(ctx, library.NewKey{
		Workspace: workspace, User: *owner, Name: demoKeyName, Scopes: persona.Scopes{persona.ScopeRead}, ExpiresAt: &expires,
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(text, "A key to read with, good for a day:\n\n  %s\n\n", token)
	for p, err := range l.Export(ctx, workspace) {
		if err != nil {
			return err
		}
		fmt.Fprintf(text, "Read a persona with:\n\n  curl -H 'api_key: %s' '%s/api/v2/persona/get?oId=%s'\n\n", token, server.URL(), url.QueryEscape(p.OID))
		break
	}
	return nil
}

// revokeDemoKeys ends the keys of earlier starts.
func revokeDemoKeys(ctx context.Context, l *library.Library, workspace persona.Workspace) error {
	keys, err := l.Keys(ctx, workspace)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if key.Name == demoKeyName && key.RevokedAt == nil {
			if _, err := l.RevokeKey(ctx, key.OID); err != nil {
				return err
			}
		}
	}
	return nil
}

// logger returns the server's log, and what writes out the rest at the end.
func (c serveCmd) logger(w io.Writer) (*slog.Logger, func()) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		panic(fmt.Sprintf("cli: log level: %v", err)) // the grammar lists them
	}
	text := c.LogFormat == "text" || c.LogFormat == "auto" && format.IsTerminal(w)
	return app.NewLog(w, level, !text)
}
