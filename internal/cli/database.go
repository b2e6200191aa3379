package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/errs"
	"personae.dev/internal/library"
	"personae.dev/internal/server"
)

// database is the flags of every command that works on one.
type database struct {
	Database string `default:"personae.db" placeholder:"FILE" env:"PERSONAE_DATABASE" help:"The database: an SQLite file, or postgres://USER:PASSWORD@HOST:PORT/NAME. Default: ${default}."`
	tuning
}

// tuning is the flags that few need.
type tuning struct {
	Readers          int           `name:"database-readers" group:"tuning" default:"8" placeholder:"N" env:"PERSONAE_DATABASE_READERS" help:"Maximum concurrent reads. Default: ${default}."`
	Writers          int           `name:"database-writers" group:"tuning" default:"8" placeholder:"N" env:"PERSONAE_DATABASE_WRITERS" help:"Maximum concurrent writes on PostgreSQL; SQLite has one writer. Default: ${default}."`
	StatementTimeout time.Duration `name:"database-statement-timeout" group:"tuning" default:"5s" placeholder:"TIME" env:"PERSONAE_DATABASE_STATEMENT_TIMEOUT" help:"Timeout of a statement on PostgreSQL. Default: ${default}."`
	ConnectTimeout   time.Duration `name:"database-connect-timeout" group:"tuning" default:"5s" placeholder:"TIME" env:"PERSONAE_DATABASE_CONNECT_TIMEOUT" help:"Timeout for connecting to PostgreSQL. Default: ${default}."`
	TLS              string        `name:"database-tls" group:"tuning" default:"" enum:",disable,allow,prefer,require,verify-ca,verify-full" placeholder:"MODE" env:"PERSONAE_DATABASE_TLS" help:"TLS to PostgreSQL: disable, allow, prefer, require, verify-ca or verify-full. It overrides the sslmode of the address."`
}

// settings checks the flags.
func (t tuning) settings() (server.DatabaseSettings, error) {
	if t.Readers < 1 || t.Writers < 1 || t.StatementTimeout < time.Millisecond || t.ConnectTimeout < time.Millisecond {
		return server.DatabaseSettings{}, errs.BadSettingf("--database-readers and --database-writers must be 1 or more, --database-statement-timeout and --database-connect-timeout 1ms or more.")
	}
	return server.DatabaseSettings{
		Readers: t.Readers, Writers: t.Writers, StatementTimeout: t.StatementTimeout, ConnectTimeout: t.ConnectTimeout, TLS: t.TLS,
	}, nil
}

// open opens the database for use, and closes it afterwards.
func (d database) open(ctx context.Context, use func(*library.Library) error) (err error) {
	settings, err := d.settings()
	if err != nil {
		return err
	}
	l, store, err := server.Open(ctx, d.Database, settings)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return use(l)
}

// inWorkspace is the flags of every command that works on one workspace.
type inWorkspace struct {
	database
	Workspace string `short:"w" placeholder:"NAME" env:"PERSONAE_WORKSPACE" help:"The workspace, by name or id. Not needed if there is only one."`
}

func (i inWorkspace) open(ctx context.Context, use func(*library.Library, account.Workspace) error) error {
	return i.database.open(ctx, func(l *library.Library) error {
		workspace, err := l.Workspace(ctx, i.Workspace)
		if err != nil {
			return err
		}
		return use(l, *workspace)
	})
}

// entities is a number of entities in words.
func entities(n int) string {
	if n == 1 {
		return "1 entity"
	}
	return fmt.Sprintf("%d entities", n)
}
