// Package cli is the command line: its grammar, one file for each command that
// works on a database, and how results, progress and errors are shown.
//
// What commands do is in package library; package server opens what they work on.
// The commands that call a server are in package remote.
//
// Results go to stdout and everything else to stderr. Exit codes: 0 for success, 1
// for a failure, 2 for a wrong flag, argument or setting, or an address that the
// server cannot listen on; of `serve` that is 78, as a Go program that panics ends
// with 2, too.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/alecthomas/kong"

	"personae.dev/internal/cli/format"
	"personae.dev/internal/cli/remote"
	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
	"personae.dev/internal/kind"
	"personae.dev/internal/server"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitConfig = 78 // EX_CONFIG of sysexits.h, which supervisors know
)

// Stdio has the streams of the program.
type Stdio = format.Stdio

// grammar is every command but those of the kinds, which package remote adds. A
// setting that PERSONAE_… can give has an env tag.
type grammar struct {
	Search    remote.SearchCmd    `cmd:"" group:"library" help:"Search the entities of all kinds."`
	Changes   remote.ChangesCmd   `cmd:"" group:"library" help:"Show what was changed, as a feed."`
	Match     remote.MatchCmd     `cmd:"" group:"library" help:"Tell which personas job titles belong to."`
	Qualify   remote.QualifyCmd   `cmd:"" group:"library" help:"Score how well people fit, by qualifying questions and a formula."`
	Unmatched remote.UnmatchedCmd `cmd:"" group:"library" help:"List job titles that belong to no persona, and add them to one."`
	WhatIf    remote.WhatIfCmd    `cmd:"" name:"what-if" group:"library" help:"Show which leads a change of a persona would move."`
	Audit     remote.AuditCmd     `cmd:"" group:"library" help:"Show what could be better in the library."`
	Generate  remote.GenerateCmd  `cmd:"" group:"library" help:"Let a language model write an entity from texts and web pages."`
	Usage     remote.UsageCmd     `cmd:"" group:"library" help:"Show what the language model was asked, and what it took."`

	Serve   serveCmd   `cmd:"" group:"database" help:"Run the server."`
	Import  importCmd  `cmd:"" group:"database" help:"Read entities from a file into a workspace."`
	Export  exportCmd  `cmd:"" group:"database" help:"Write the entities of a workspace as JSON lines."`
	Revert  revertCmd  `cmd:"" group:"database" help:"Undo what one API key changed."`
	Purge   purgeCmd   `cmd:"" group:"database" help:"Remove entities for good that were deleted long ago."`
	Key     keyCmd     `cmd:"" group:"database" help:"Create, list and revoke API keys."`
	Org     orgCmd     `cmd:"" name:"organization" group:"database" help:"List and rename organizations."`
	Work    workCmd    `cmd:"" name:"workspace" group:"database" help:"Create, list and rename workspaces."`
	User    userCmd    `cmd:"" group:"database" help:"Create, invite, list, rename and remove users."`
	Backup  backupCmd  `cmd:"" group:"database" help:"Copy a running SQLite database into one file."`
	Restore restoreCmd `cmd:"" group:"database" help:"Put a backup in the place of a database."`
	Copy    copyCmd    `cmd:"" group:"database" help:"Copy everything from one database to another."`
	Check   checkCmd   `cmd:"" group:"database" help:"Look for damage in a database, and repair what can be derived."`
	Migrate migrateCmd `cmd:"" group:"database" help:"Create a database, or update its structure."`

	MCP     mcpCmd        `cmd:"" name:"mcp" group:"more" help:"Serve an AI agent on stdin and stdout (MCP)."`
	Health  healthCmd     `cmd:"" name:"healthcheck" group:"more" help:"Ask a server on this machine whether it is ready."`
	Compl   completionCmd `cmd:"" name:"completion" group:"more" help:"Print a script that completes commands in a shell."`
	Help    helpCmd       `cmd:"" group:"more" help:"Show the help of a command."`
	Version versionCmd    `cmd:"" group:"more" help:"Show the version."`
	Flag    versionFlag   `name:"version" hidden:"" help:"Show the version."`
}

const description = `Personae is the open library of a go-to-market team: personas, products and what belongs to them,
served to people, scripts and agents.

Start with:

  personae serve --demo`

// place is where a command stands in the help.
func place(node *kong.Node) int {
	return slices.Index([]string{"library", "database", "more"}, node.Group.Key)
}

// groups are the sections of the help.
func groups() kong.Option {
	return kong.ExplicitGroups([]kong.Group{
		{Key: "library", Title: "The library, through a server:"},
		{Key: "database", Title: "On the machine with the database:"},
		{Key: "more", Title: "More:"},
		{Key: "network", Title: "Network:"},
		{Key: "model", Title: "Language model:"},
		{Key: "setup", Title: "For a new database:"},
		{Key: "ephemeral", Title: "For tests:"},
		{Key: "tuning", Title: "Database tuning:"},
	})
}

// Main runs the program and returns its exit code.
func Main(ctx context.Context, args []string, stdio Stdio) int {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stdio.Lent = new(atomic.Bool)
	stopAtSignal(ctx, stop, stdio.Lent)

	registry := kind.Registry()
	exited := -1
	parser := func(only func(kind string) bool) *kong.Kong {
		parser, err := newParser(registry, stdio, func(code int) { exited = code }, only)
		if err != nil {
			panic(fmt.Sprintf("cli: grammar: %v", err))
		}
		return parser
	}
	if line, ok := completing(); ok {
		for _, offer := range complete(parser(nil).Model, line) {
			fmt.Fprintln(stdio.Out, offer)
		}
		return exitOK
	}
	only := onlyKinds(args)
	parsed, err := parser(only).Parse(expandHelp(args))
	if err != nil && only != nil && exited < 0 { // what was meant may be a command of any kind
		parsed, err = parser(nil).Parse(expandHelp(args))
	}
	if exited >= 0 {
		return exited // --help or --version
	}
	if err != nil {
		fmt.Fprintf(stdio.Err, "personae: %s\n", describeUsage(err, args, registry))
		return misused(args)
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.Bind(registry)
	err = parsed.Run(stdio)
	if err == nil {
		return exitOK
	}
	text, code := describe(err), exitFailed
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		text = "interrupted"
	case errs.CodeOf(err) == errs.CodeBadSetting:
		code = misused(args)
	}
	if coded, ok := errors.AsType[*format.ExitError](err); ok {
		code = coded.Code
	}
	fmt.Fprintf(stdio.Err, "personae: %s\n", text)
	return code
}

// misused is the exit code for a wrong flag, argument or setting. A supervisor of
// `serve` tells it from a panic, and Docker gives 2 no meaning for `healthcheck`.
func misused(args []string) int {
	switch args[0] {
	case "serve":
		return exitConfig
	case "healthcheck":
		return exitFailed
	}
	return exitUsage
}

// stopAtSignal calls stop at the first signal that is not a Ctrl-C while the
// terminal is lent. A second one ends the program at once.
func stopAtSignal(ctx context.Context, stop func(), lent *atomic.Bool) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		defer signal.Stop(signals)
		defer stop()
		for {
			select {
			case <-ctx.Done():
				return
			case got := <-signals:
				if got != os.Interrupt || !lent.Load() {
					return
				}
			}
		}
	}()
}

// onlyKinds tells of which kinds a command line needs the commands, nil for all:
// to build them takes longer than most commands.
func onlyKinds(args []string) func(kind string) bool {
	if len(args) == 0 || args[0] == "help" || strings.HasPrefix(args[0], "-") {
		return nil
	}
	return func(kind string) bool { return kind == args[0] }
}

// newParser returns the parser of the command line. onlyKinds is as in
// remote.Options.
func newParser(registry *entity.Registry, stdio Stdio, exit func(int), onlyKinds func(kind string) bool) (*kong.Kong, error) {
	options := append(remote.Options(registry, "library", onlyKinds),
		kong.Name("personae"),
		kong.Description(description),
		kong.Writers(stdio.Out, stdio.Err),
		kong.Exit(exit),
		groups(),
		kong.PostBuild(func(app *kong.Kong) error { // in the order of groups
			slices.SortStableFunc(app.Model.Children, func(a, b *kong.Node) int { return place(a) - place(b) })
			return nil
		}),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 100}),
	)
	return kong.New(&grammar{}, options...)
}

// Model returns the grammar, for the documentation that is made of it.
func Model() (*kong.Application, error) {
	parser, err := newParser(kind.Registry(), Stdio{Out: io.Discard, Err: io.Discard}, func(int) {}, nil)
	if err != nil {
		return nil, err
	}
	return parser.Model, nil
}

// expandHelp turns "help COMMAND" and an empty command line into "--help".
func expandHelp(args []string) []string {
	if len(args) == 0 {
		return []string{"--help"}
	}
	if args[0] == "help" {
		return append(args[1:len(args):len(args)], "--help")
	}
	return args
}

// helpCmd is for the list of commands: see expandHelp.
type helpCmd struct {
	Command []string `arg:"" optional:"" help:"The command."`
}

// Help implements kong.HelpProvider.
func (helpCmd) Help() string { return "Example:\n\n  personae help persona list" }

// Run does nothing: expandHelp has replaced the command.
func (helpCmd) Run() error { return nil }

type versionCmd struct{}

// Help implements kong.HelpProvider.
func (versionCmd) Help() string { return "Example:\n\n  personae version" }

// Run shows the version.
func (versionCmd) Run(stdio Stdio) error {
	_, err := fmt.Fprintln(stdio.Out, version())
	return err
}

func version() string {
	v := server.Version()
	return fmt.Sprintf("personae %s (revision %s, %s, %s/%s)", v.Version, v.Revision, v.Go, runtime.GOOS, runtime.GOARCH)
}

// versionFlag is --version.
type versionFlag bool

// BeforeReset shows the version and ends the program.
func (versionFlag) BeforeReset(app *kong.Kong) error {
	_, err := fmt.Fprintln(app.Stdout, version())
	app.Exit(exitOK)
	return err
}
