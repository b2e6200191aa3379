// Package cli is the command line: its grammar, one file per command, and how
// results, progress and errors are shown to a person or a script.
//
// What commands do stands in library, and what they work on is opened by app.
// Those that need no database but a server stand in remote.
//
// Results go to stdout and everything else to stderr. Exit codes: 0 done, 1
// failed, 2 a wrong flag, argument or setting, or an address that cannot be had.
package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"personae.dev/client"
	"personae.dev/internal/app"
	"personae.dev/internal/cli/format"
	"personae.dev/internal/cli/remote"
	"personae.dev/internal/library"
	"personae.dev/internal/persona"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// Stdio is where the program reads and writes.
type Stdio = format.Stdio

// grammar is every command. A setting that PERSONAE_… can give has an env tag.
type grammar struct {
	Serve     serveCmd       `cmd:"" help:"Serve the API."`
	Import    importCmd      `cmd:"" help:"Read personas from JSON lines into a workspace."`
	Export    exportCmd      `cmd:"" help:"Write the personas of a workspace as JSON lines."`
	Copy      copyCmd        `cmd:"" help:"Copy a whole installation from one database to another."`
	Persona   remote.Persona `cmd:"" help:"List, show, create and change personas through a server."`
	Key       keyCmd         `cmd:"" help:"Create, list and revoke API keys."`
	Workspace workspaceCmd   `cmd:"" help:"Create and list workspaces."`
	User      userCmd        `cmd:"" help:"Create and list users."`
	Purge     purgeCmd       `cmd:"" help:"Remove personas for good that were deleted long ago."`
	Backup    backupCmd      `cmd:"" help:"Copy a database that is in use into one file."`
	Restore   restoreCmd     `cmd:"" help:"Put a backup in the place of a database."`
	Migrate   migrateCmd     `cmd:"" help:"Make a database, or bring it up to date."`
	Version   versionCmd     `cmd:"" help:"Show which build this is."`
}

const description = `Personae keeps a company's buyer personas and serves them over the v2 persona API.

Start with:

  personae serve --demo

Run "personae COMMAND --help" for the flags and examples of a command.`

// Main runs the program and returns its exit code.
func Main(ctx context.Context, args []string, stdio Stdio) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)

	exited := -1
	parser, err := kong.New(&grammar{},
		kong.Name("personae"),
		kong.Description(description),
		kong.Writers(stdio.Out, stdio.Err),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		panic(fmt.Sprintf("cli: grammar: %v", err))
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return exited // --help
	}
	if err != nil {
		fmt.Fprintf(stdio.Err, "personae: %s (see %s --help)\n", err, commandOf(err))
		return exitUsage
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	err = parsed.Run(stdio)
	if err == nil {
		return exitOK
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		fmt.Fprintln(stdio.Err, "personae: interrupted")
		return exitFailed
	}
	fmt.Fprintf(stdio.Err, "personae: %s\n", describe(err))
	if known, ok := errors.AsType[*persona.Error](err); ok && known.Code == persona.CodeBadSetting {
		return exitUsage
	}
	return exitFailed
}

// commandOf returns the command that could not be parsed, as far as it was.
func commandOf(err error) string {
	if parsing, ok := errors.AsType[*kong.ParseError](err); ok {
		if command := parsing.Context.Selected(); command != nil {
			return command.FullPath()
		}
	}
	return "personae"
}

// describe says what went wrong in one line: the message, and the cause where
// one helps an operator.
func describe(err error) string {
	if refused, ok := errors.AsType[*client.Error](err); ok {
		return describeAnswer(refused)
	}
	known, ok := errors.AsType[*persona.Error](err)
	if dial, isDial := errors.AsType[*net.OpError](err); isDial && dial.Op == "dial" && !ok { // or it is a database
		return fmt.Sprintf("There is no server: %s. Start one with `personae serve`, or name another with --server or PERSONAE_SERVER.", dial)
	}
	if errors.Is(err, http.ErrSchemeMismatch) {
		return "The server speaks HTTP, and not HTTPS: begin --server or PERSONAE_SERVER with http://."
	}
	if !ok {
		return strings.TrimPrefix(err.Error(), "client: ")
	}
	text := known.Message
	if len(known.Fields) > 0 {
		faults := make([]string, len(known.Fields))
		for i, fault := range known.Fields {
			faults[i] = fault.String()
		}
		text = strings.Join(faults, "; ")
	}
	if known.Err != nil && known.Kind == persona.Unavailable {
		text += fmt.Sprintf(" (%s)", known.Err)
	}
	return text
}

// describeAnswer says what a server refused, and how its operator finds the
// request if the fault is the server's.
func describeAnswer(refused *client.Error) string {
	text := refused.Message
	if len(refused.Fields) > 0 {
		faults := make([]string, len(refused.Fields))
		for i, fault := range refused.Fields {
			faults[i] = fault.Field + ": " + fault.Message
		}
		text = strings.Join(faults, "; ")
	}
	if refused.StatusCode == http.StatusUnauthorized {
		text = "The server refuses the API key in PERSONAE_API_KEY or --api-key-file: it is of another server, or it has ended. Make one with `personae key create`."
	}
	if refused.StatusCode >= http.StatusInternalServerError && refused.RequestID != "" {
		text += fmt.Sprintf(" (request %s)", refused.RequestID)
	}
	return text
}

// database is the flags of every command that works on one.
type database struct {
	Database string `default:"sqlite:personae.db" placeholder:"URL" env:"PERSONAE_DATABASE" help:"The database: sqlite: and a file name, or postgres://USER:PASSWORD@HOST:PORT/NAME. Default: ${default}."`
	databaseSettings
	bulk bool // see store.Options
}

// databaseSettings are the flags that say how to work on a database, and not on
// which.
type databaseSettings struct {
	Readers          int           `name:"database-readers" default:"8" placeholder:"N" env:"PERSONAE_DATABASE_READERS" help:"How many reads the database is asked for at once. Default: ${default}."`
	Writers          int           `name:"database-writers" default:"4" placeholder:"N" env:"PERSONAE_DATABASE_WRITERS" help:"How many changes PostgreSQL is asked for at once; SQLite makes one. Default: ${default}."`
	StatementTimeout time.Duration `name:"database-statement-timeout" default:"5s" placeholder:"TIME" env:"PERSONAE_DATABASE_STATEMENT_TIMEOUT" help:"How long PostgreSQL may take for a statement. Default: ${default}."`
	ConnectTimeout   time.Duration `name:"database-connect-timeout" default:"5s" placeholder:"TIME" env:"PERSONAE_DATABASE_CONNECT_TIMEOUT" help:"How long a connection to PostgreSQL may take to be had. Default: ${default}."`
	TLS              string        `name:"database-tls" default:"" enum:",disable,allow,prefer,require,verify-ca,verify-full" placeholder:"MODE" env:"PERSONAE_DATABASE_TLS" help:"TLS to PostgreSQL: disable, allow, prefer, require, verify-ca or verify-full, in place of the sslmode in the address."`
}

// settings checks the flags.
func (d databaseSettings) settings() (app.DatabaseSettings, error) {
	if d.Readers < 1 || d.Writers < 1 || d.StatementTimeout < time.Millisecond || d.ConnectTimeout < time.Millisecond {
		return app.DatabaseSettings{}, persona.BadSettingf("--database-readers and --database-writers must be 1 or more, --database-statement-timeout and --database-connect-timeout 1ms or more.")
	}
	return app.DatabaseSettings{
		Readers: d.Readers, Writers: d.Writers, StatementTimeout: d.StatementTimeout, ConnectTimeout: d.ConnectTimeout, TLS: d.TLS,
	}, nil
}

// open opens the database for use, which ends with close.
func (d database) open(ctx context.Context, use func(*library.Library) error) (err error) {
	settings, err := d.settings()
	if err != nil {
		return err
	}
	l, store, err := app.Open(ctx, d.Database, settings, d.bulk)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return use(l)
}

// inWorkspace is the flag of every command that works on one workspace.
type inWorkspace struct {
	database
	Workspace string `short:"w" placeholder:"NAME" env:"PERSONAE_WORKSPACE" help:"The workspace, by name or id. It can be left out where there is one only."`
}

func (i inWorkspace) open(ctx context.Context, use func(*library.Library, persona.Workspace) error) error {
	return i.database.open(ctx, func(l *library.Library) error {
		workspace, err := l.Workspace(ctx, i.Workspace)
		if err != nil {
			return err
		}
		return use(l, *workspace)
	})
}

type versionCmd struct{}

// Help implements kong.HelpProvider.
func (versionCmd) Help() string { return "Example:\n\n  personae version" }

// Run shows which build this is.
func (versionCmd) Run(stdio Stdio) error {
	v := app.Version()
	_, err := fmt.Fprintf(stdio.Out, "personae %s (revision %s, %s, %s/%s)\n", v.Version, v.Revision, v.Go, runtime.GOOS, runtime.GOARCH)
	return err
}
