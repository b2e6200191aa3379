package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"personae.dev/examples"
	"personae.dev/internal/account"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
	"personae.dev/internal/server"
)

const (
	demoKeyLasts = 24 * time.Hour // how long the key of a start with --demo is valid
	demoKeyName  = "serve --demo" // by which the next start finds it, to revoke it
)

type serveCmd struct {
	database
	Listen   string         `default:"127.0.0.1:7070" placeholder:"HOST:PORT" env:"PERSONAE_LISTEN" help:"The address to listen on. Port 0 takes a free one. Default: ${default}."`
	Demo     bool           `env:"PERSONAE_DEMO" help:"Fill an empty workspace with demo data, and show a link that signs in to the console, and a curl command with a key that is valid for a day."`
	CacheMiB int            `name:"cache-mib" default:"64" placeholder:"MIB" env:"PERSONAE_CACHE_MIB" help:"Memory for cached entities and keys, in MiB. 0 turns the cache off. Default: ${default}."`
	Retain   string         `name:"retain-deleted" default:"30d" placeholder:"TIME" env:"PERSONAE_RETAIN_DELETED" help:"How long deleted entities are kept before they are removed for good, such as 30d or 12h; 0 keeps them. Default: ${default}."`
	Count    bool           `name:"count-unmatched" default:"true" negatable:"" env:"PERSONAE_COUNT_UNMATCHED" help:"Count job titles that belong to no persona, for personae unmatched: titles only, never names. Turn it off with --no-count-unmatched."`
	MaxConns int            `name:"max-connections" default:"4096" placeholder:"N" env:"PERSONAE_MAX_CONNECTIONS" help:"Maximum number of connections; more are refused. Default: ${default}."`
	MaxWork  int            `name:"max-in-flight" default:"16" placeholder:"N" env:"PERSONAE_MAX_IN_FLIGHT" help:"Maximum concurrent list requests. Gets and writes may each use four times as many. Excess requests wait up to 1 s, then receive 503. Default: ${default}."`
	Drain    *time.Duration `placeholder:"TIME" env:"PERSONAE_DRAIN" help:"How long to go on serving after SIGTERM, while /readyz answers 503, so that a load balancer sends nothing more. Default: 5s, and 0s on a terminal and with --ephemeral."`

	PublicURL      string   `name:"public-url" group:"network" placeholder:"URL" env:"PERSONAE_PUBLIC_URL" help:"Where clients reach the server, such as https://personae.example.com. Links and mcpUrl show it."`
	TrustedProxies []string `group:"network" placeholder:"NETWORK" env:"PERSONAE_TRUSTED_PROXIES" help:"Networks of the proxies in front, such as 10.0.0.0/8, separated by commas. From them X-Forwarded-For is believed, and the log shows the address of the client."`
	CORSOrigin     []string `name:"cors-origin" group:"network" placeholder:"ORIGIN" env:"PERSONAE_CORS_ORIGIN" help:"Let web pages of this origin, such as https://app.example.com, call the API. Can be repeated; * allows all."`
	PrivateListen  string   `group:"network" placeholder:"HOST:PORT" env:"PERSONAE_PRIVATE_LISTEN" help:"A second address, for operators: /healthz, /readyz, /metrics and /debug/pprof/. With it, --listen does not serve /metrics."`

	TLSCert   string `name:"tls-cert" group:"network" type:"existingfile" placeholder:"FILE" env:"PERSONAE_TLS_CERT" help:"Serve HTTPS with this certificate chain (PEM)."`
	TLSKey    string `name:"tls-key" group:"network" type:"existingfile" placeholder:"FILE" env:"PERSONAE_TLS_KEY" help:"The private key of the certificate (PEM)."`
	H2C       bool   `name:"h2c" group:"network" env:"PERSONAE_H2C" help:"Also accept HTTP/2 without TLS, for a proxy that uses it."`
	LogFormat string `default:"auto" enum:"auto,text,json" placeholder:"FORMAT" env:"PERSONAE_LOG_FORMAT" help:"Format of the log on stderr: text, json, or auto (text on a terminal, else json). Default: ${default}."`
	LogLevel  string `default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL" env:"PERSONAE_LOG_LEVEL" help:"Minimum log level: debug, info (includes every request), warn or error. Default: ${default}."`

	model

	Organization string `group:"setup" placeholder:"NAME" env:"PERSONAE_ORGANIZATION" help:"The name of the organization. Default: My Organization."`
	Workspace    string `group:"setup" placeholder:"NAME" env:"PERSONAE_WORKSPACE_NAME" help:"The name of the workspace. Default: My Workspace."`
	OwnerEmail   string `group:"setup" placeholder:"ADDRESS" env:"PERSONAE_OWNER_EMAIL" help:"The email address of the owner, for whom the admin key acts."`

	Ephemeral bool      `group:"ephemeral" env:"PERSONAE_EPHEMERAL" help:"Keep everything in memory, where it is lost at the end, with the same ids in every run. --database is not used."`
	Key       string    `group:"ephemeral" placeholder:"KEY" env:"PERSONAE_KEY" help:"The admin key of --ephemeral. Default: a random one."`
	Clock     time.Time `group:"ephemeral" placeholder:"TIME" env:"PERSONAE_CLOCK" help:"The time of --ephemeral, such as 2025-01-01T00:00:00Z: the clock stands still. Default: the present."`
}

// Help implements kong.HelpProvider.
func (serveCmd) Help() string {
	return `A new database is set up first: an organization, a workspace, its owner and an admin key, which is
shown once, on stdout. As long as nobody can sign in to the console, the first start and each start
on a terminal show a link to choose a password. SIGTERM and Ctrl-C stop the server: it goes on
serving for --drain, and then ends as soon as running requests have ended, after 10 s at the latest.
A second signal ends it at once.

Examples:

  Try it, with demo data:
    personae serve --demo

  Serve HTTPS to other machines:
    personae serve --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem --database /var/lib/personae/personae.db

  Several servers on one PostgreSQL database. The address has a password, so keep it out of the
  process list:
    PERSONAE_DATABASE=postgres://personae:secret@db.example/personae personae serve --database-tls verify-full

  Behind a proxy on the same machine, with metrics and profiles on an address of their own:
    personae serve --public-url https://personae.example.com --trusted-proxies 127.0.0.1 --private-listen 127.0.0.1:7071

  For tests: the demo library in memory, the same in every run (docs/testing-against-personae.md):
    personae serve --ephemeral --demo --listen 127.0.0.1:0 --clock 2025-01-01T00:00:00Z \
      --key ` + exampleKey + `

  The same settings from the environment:
    PERSONAE_LISTEN=127.0.0.1:8080 PERSONAE_DATABASE=/tmp/library.db personae serve`
}

// Run serves until a signal arrives.
func (c serveCmd) Run(ctx context.Context, stdio format.Stdio) error {
	if c.CacheMiB < 0 {
		return errs.BadSettingf("--cache-mib is %d: use 0 or more.", c.CacheMiB)
	}
	if c.MaxConns < 1 || c.MaxWork < 1 {
		return errs.BadSettingf("--max-connections is %d and --max-in-flight %d: use 1 or more.", c.MaxConns, c.MaxWork)
	}
	retain, err := parseSpan(c.Retain)
	if err != nil {
		return errs.BadSettingf("--retain-deleted is %q: write 30d, 12h, or 0 to keep deleted entities.", c.Retain)
	}
	settings, err := c.database.settings()
	if err != nil {
		return err
	}
	drain, err := c.drain(format.IsTerminal(stdio.Err))
	if err != nil {
		return err
	}
	model, err := c.model.settings()
	if err != nil {
		return err
	}
	log := c.logger(stdio.Err)
	cacheBytes := int64(c.CacheMiB) << 20
	server.LimitMemory(cacheBytes)
	cfg := server.Config{
		Listen: c.Listen, Database: c.Database, Settings: settings, CacheBytes: cacheBytes,
		RetainDeleted: retain, CountUnmatched: c.Count, MaxConnections: c.MaxConns, MaxInFlight: c.MaxWork,
		TLSCert: c.TLSCert, TLSKey: c.TLSKey, H2C: c.H2C,
		PublicURL: c.PublicURL, TrustedProxies: c.TrustedProxies, CORSOrigins: c.CORSOrigin, PrivateListen: c.PrivateListen,
		Model: model, Drain: drain, Log: log,
	}
	if err := c.forTests(&cfg); err != nil {
		return err
	}
	s, err := server.New(ctx, cfg)
	if err != nil {
		return err
	}
	greeting, err := c.prepare(ctx, s, format.IsTerminal(stdio.Out))
	if err != nil {
		_ = s.Close() // the first error is the one to report
		return err
	}
	if _, err := io.WriteString(stdio.Out, greeting); err != nil {
		log.Warn("the greeting could not be shown", "error", err)
	}
	if s.Exposed() {
		log.Warn("Other machines can reach the server in clear text, so that keys and content can be read on the way. Use --tls-cert and --tls-key or an HTTPS proxy, or listen on 127.0.0.1.", "listen", c.Listen)
	}
	if s.RefusesCookies() {
		log.Warn("Browsers on other machines cannot sign in to the console: over plain HTTP they refuse its cookie. Serve HTTPS with --tls-cert and --tls-key, or behind a proxy with --public-url https://…; or open a tunnel, ssh -L 7070:127.0.0.1:7070 SERVER, and use http://localhost:7070.")
	}
	log.Info("serving", "url", s.URL(), "private", s.PrivateURL(), "database", server.DatabaseName(cfg.Database), "version", server.Version().Version)
	if err := s.Run(ctx); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// prepare sets up a new database, and returns the text to show on stdout. Keys
// are shown there, and never logged.
func (c serveCmd) prepare(ctx context.Context, s *server.Server, terminal bool) (greeting string, err error) {
	var text strings.Builder
	setup, err := s.Library.SetUp(ctx, library.SetUpOptions{
		Organization: c.Organization, Workspace: c.Workspace, OwnerEmail: c.OwnerEmail, Token: c.Key,
	})
	if err != nil {
		return "", err
	}
	if setup != nil {
		where := server.DatabaseName(c.Database)
		if c.Ephemeral {
			where = "memory, until the server stops"
		}
		fmt.Fprintf(&text, "A new library was set up in %s:\n\n", where)
		fmt.Fprintf(&text, "  organization  %s (%s)\n", setup.Organization.Name, setup.Organization.OID)
		fmt.Fprintf(&text, "  workspace     %s (%s)\n", setup.Workspace.Name, setup.Workspace.OID)
		if c.OwnerEmail != "" {
			fmt.Fprintf(&text, "  owner         %s (%s)\n", c.OwnerEmail, setup.Owner.OID)
		}
		fmt.Fprintf(&text, "  admin key     %s\n\n", setup.Token)
		if !c.Ephemeral {
			text.WriteString("Keep the key: it is not shown again.\n\n")
		}
	}
	if c.Demo {
		token := ""
		if c.Ephemeral {
			token = setup.Token
		}
		err = c.prepareDemo(ctx, s, &text, token)
	} else {
		err = prepareSignIn(ctx, s, &text, terminal || setup != nil)
	}
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&text, "Serving %s, reference at %s/docs. Ctrl-C stops.\n", s.URL(), s.URL())
	return text.String(), nil
}

// prepareDemo fills the oldest workspace if it is empty, and shows how to read
// from it, with the token or, where that is "", with a key for a day: the command
// to paste gets into the history of a shell.
func (c serveCmd) prepareDemo(ctx context.Context, s *server.Server, text *strings.Builder, token string) error {
	l := s.Library
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
		library.ReadLines(strings.NewReader(examples.Demo())))
	if err != nil {
		return err
	}
	if report.Created > 0 {
		fmt.Fprintf(text, "The workspace %s got demo data: %s.\n\n", workspace.Name, entities(report.Created))
	}
	if token == "" {
		if err := revokeDemoKeys(ctx, l, workspace); err != nil {
			return err
		}
		expires := time.Now().Add(demoKeyLasts)
		token, _, err = l.CreateKey(ctx, library.NewKey{
			Workspace: workspace, User: *owner, Name: demoKeyName, Scopes: account.Scopes{account.ScopeRead}, ExpiresAt: &expires,
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(text, "A key for reading, valid for a day:\n\n  %s\n\n", token)
	}
	link, err := l.DemoLink(ctx, *owner)
	if err != nil {
		return err
	}
	fmt.Fprintf(text, "Open the library in a browser. The link works once, within 10 minutes:\n\n  %s\n\n", s.ConsoleURL(link))
	for record, err := range l.Export(ctx, workspace, l.Registry().Kinds()[0]) {
		if err != nil {
			return err
		}
		var first struct {
			OID string `json:"oId"`
		}
		if err := json.Unmarshal(record, &first); err != nil {
			return fmt.Errorf("read a record: %w", err)
		}
		fmt.Fprintf(text, "Read a persona with:\n\n  curl -H 'api_key: %s' '%s/api/v2/persona/get?oId=%s'\n\n", token, s.URL(), url.QueryEscape(first.OID))
		break
	}
	return nil
}

// prepareSignIn shows how to set up the console, where nobody can sign in yet: by a
// link, or, where it would be kept with what a container prints, by a command.
func prepareSignIn(ctx context.Context, s *server.Server, text *strings.Builder, byLink bool) error {
	owner, err := s.Library.ToSetUp(ctx)
	if err != nil || owner == nil {
		return err
	}
	if !byLink {
		who := owner.OID + " --email ADDRESS"
		if owner.Email != nil {
			who = *owner.Email
		}
		fmt.Fprintf(text, "Nobody can sign in to the console yet. For a link to choose a password: personae user reset-link %s\n\n", who)
		return nil
	}
	link, err := s.Library.SetUpLink(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(text, "Open the console in a browser, and choose a password. The link works once, within 24 hours:\n\n  %s\n\n", s.ConsoleURL(link))
	return nil
}

// revokeDemoKeys revokes the keys of earlier starts.
func revokeDemoKeys(ctx context.Context, l *library.Library, workspace account.Workspace) error {
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

// logger returns the server's log.
func (c serveCmd) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		panic(fmt.Sprintf("cli: log level: %v", err)) // the grammar lists them
	}
	text := c.LogFormat == "text" || c.LogFormat == "auto" && format.IsTerminal(w)
	return server.NewLog(w, level, !text)
}
