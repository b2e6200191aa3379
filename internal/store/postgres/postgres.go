// Package postgres opens a PostgreSQL database for the store: connections that
// write, others that read, and a watch that hears of the writes of other
// servers. What is asked of the database stands in store.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/engine"
	"personae.dev/internal/store/migrations"
)

const (
	// oldest is the oldest version of PostgreSQL that is known to do.
	oldest = 130000
	// idleInTransaction is how long a transaction may do nothing: then its
	// server has gone, and what it holds is free again.
	idleInTransaction = time.Minute
	// A connection is given up after connectionLasts, so that servers follow a
	// database that has moved, or when it was not used for connectionRests.
	connectionLasts = 30 * time.Minute
	connectionRests = 5 * time.Minute
	// migrationLock is held by the one server that migrates.
	migrationLock = 0x50455253
)

// DB is an open PostgreSQL database.
type DB struct {
	name    string
	opts    engine.Options
	writer  *sql.DB
	readers *sql.DB
	watch   *watch
	prepare engine.Prepare
}

var _ engine.Engine = (*DB)(nil)

// Open opens the database at address, of which what prepare returns writes the search index. Its
// errors name the database and the way out.
func Open(ctx context.Context, address string, opts engine.Options, prepare engine.Prepare) (_ *DB, err error) {
	config, err := parse(address, opts.Settings)
	if err != nil {
		return nil, err
	}
	d := newDB(config, opts)
	d.prepare = prepare
	d.writer = pool(config, opts.Writers, map[string]string{
		"idle_in_transaction_session_timeout": milliseconds(idleInTransaction),
		// Those who wait for one persona do not keep all connections that write
		// until nobody else gets one.
		"lock_timeout": milliseconds(opts.StatementTimeout / 2),
	})
	d.readers = pool(config, opts.Readers, map[string]string{"default_transaction_read_only": "on"})
	defer func() {
		if err != nil {
			err = errors.Join(err, d.readers.Close(), d.writer.Close())
		}
	}()
	if err := d.checkServer(ctx); err != nil {
		return nil, err
	}
	if err := d.checkOurs(ctx); err != nil {
		return nil, err
	}
	if err := d.migrate(ctx, config); err != nil {
		return nil, err
	}
	d.watch = newWatch(ctx, config, opts.Warn)
	return d, nil
}

func newDB(config *pgx.ConnConfig, opts engine.Options) *DB {
	// An address may give each server longer.
	opts.ConnectTimeout = max(opts.ConnectTimeout, config.ConnectTimeout*time.Duration(hosts(config)))
	return &DB{name: name(config), opts: opts}
}

// pool returns connections to one database that are made when they are needed.
func pool(config *pgx.ConnConfig, size int, params map[string]string) *sql.DB {
	config = config.Copy()
	maps.Copy(config.RuntimeParams, params)
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(makeDurable))
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	db.SetConnMaxLifetime(connectionLasts)
	db.SetConnMaxIdleTime(connectionRests)
	return db
}

// makeDurable sees to it that a commit is on the disk before it is answered,
// whatever the database, the user or the address has set. What is stricter
// stays.
func makeDurable(ctx context.Context, conn *pgx.Conn) error {
	const query = `select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`
	_, err := conn.Exec(ctx, query)
	return err
}

// checkServer refuses a server that cannot keep what it is given, and warns of
// one that may not.
func (d *DB) checkServer(ctx context.Context) error {
	const query = `
		select current_setting('server_version_num')::int, current_setting('server_encoding'), pg_is_in_recovery(),
			coalesce(current_setting('fsync', true), 'on'), coalesce(current_setting('full_page_writes', true), 'on')`
	var (
		version                         int
		encoding, fsync, fullPageWrites string
		copied                          bool
	)
	ctx, cancel := context.WithTimeout(ctx, d.patience())
	defer cancel()
	if err := d.writer.QueryRowContext(ctx, query).Scan(&version, &encoding, &copied, &fsync, &fullPageWrites); err != nil {
		return d.Translate(err)
	}
	switch {
	case version < oldest:
		return persona.BadSettingf("The database %s is PostgreSQL %d, and Personae needs %d or newer.", d.name, version/10000, oldest/10000)
	case encoding != "UTF8":
		return persona.BadSettingf("The database %s keeps text as %s, and Personae needs UTF8: make one with `createdb --encoding=UTF8 --template=template0 NAME`.", d.name, encoding)
	case copied && d.opts.Create:
		return persona.UnavailableError(nil, "The database %s is a read-only copy. Name the primary server with --database, or all of them with target_session_attrs=primary.", d.name)
	}
	if fsync != "on" || fullPageWrites != "on" {
		d.opts.Warn("The PostgreSQL server does not write to its disk at once: what was answered may be lost in a crash of its machine. Set fsync and full_page_writes to on.",
			"database", d.name, "fsync", fsync, "full_page_writes", fullPageWrites)
	}
	return nil
}

// checkOurs refuses the tables of another program. A schema with no more than
// goose's own table is ours: a process that ended before its first migration.
func (d *DB) checkOurs(ctx context.Context) error {
	// What belongs to an extension, such as pg_stat_statements, is nobody's.
	const query = `
		select coalesce(current_schema(), ''),
			count(*) filter (where c.relname = 'personae_library'),
			count(*) filter (where c.relname <> 'goose_db_version')
		from pg_class c
		join pg_namespace n on n.oid = c.relnamespace
		where n.nspname = current_schema() and c.relkind in ('r', 'p', 'v', 'm', 'f')
			and not exists (select 1 from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')`
	var (
		schema       string
		ours, tables int
	)
	ctx, cancel := context.WithTimeout(ctx, d.patience())
	defer cancel()
	if err := d.writer.QueryRowContext(ctx, query).Scan(&schema, &ours, &tables); err != nil {
		return d.Translate(err)
	}
	switch {
	case schema == "":
		return persona.BadSettingf("The database %s has no schema for this user: create one that search_path names.", d.name)
	case tables > 0 && ours == 0:
		return persona.Invalidf("The schema %s of the database %s has the tables of another program, and was left as it is. Name another database with --database, or another schema with search_path.", schema, d.name)
	case tables == 0 && !d.opts.Create:
		return persona.NotFoundf("database_not_found", "The database %s is empty. Set it up with `personae migrate` or `personae serve`.", d.name)
	}
	return nil
}

// migrate brings the database up to date, if it may.
func (d *DB) migrate(ctx context.Context, config *pgx.ConnConfig) error {
	// A step may take longer than any statement of a request.
	db := pool(config, 2, map[string]string{"statement_timeout": "0"})
	return errors.Join(d.migrations(db).Up(ctx, d.opts.Create), db.Close())
}

// Steps tells which migrations the database at address has, without changing
// it.
func Steps(ctx context.Context, address string, opts engine.Options) (_ []migrations.Step, err error) {
	config, err := parse(address, opts.Settings)
	if err != nil {
		return nil, err
	}
	opts.Create = false
	d := newDB(config, opts)
	d.writer = pool(config, 1, map[string]string{"default_transaction_read_only": "on"})
	defer func() { err = errors.Join(err, d.writer.Close()) }()
	if err := d.checkServer(ctx); err != nil {
		return nil, err
	}
	if err := d.checkOurs(ctx); err != nil {
		return nil, err
	}
	return d.migrations(d.writer).Steps(ctx)
}

func (d *DB) migrations(db *sql.DB) migrations.Database {
	return migrations.Database{
		DB: db, Name: d.name, Folder: "postgres", Dialect: goose.DialectPostgres, Translate: d.Translate,
		HasVersions: `select count(*) > 0 from pg_tables where schemaname = current_schema() and tablename = 'goose_db_version'`,
		Options:     []goose.ProviderOption{goose.WithSessionLocker(locker{})},
	}
}

// locker lets one server at a time migrate. Goose's own asks every few seconds;
// this one waits.
type locker struct{}

// SessionLock implements goose's lock.SessionLocker.
func (locker) SessionLock(ctx context.Context, conn *sql.Conn) error {
	const query = `select pg_advisory_lock($1)`
	_, err := conn.ExecContext(ctx, query, migrationLock)
	return err
}

// SessionUnlock implements goose's lock.SessionLocker.
func (locker) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	const query = `select pg_advisory_unlock($1)`
	_, err := conn.ExecContext(ctx, query, migrationLock)
	return err
}

// Epoch implements engine.Engine.
func (d *DB) Epoch() (epoch uint64, ok bool) { return d.watch.now() }

// Watch implements engine.Engine.
func (d *DB) Watch(changed func(persona.Change)) { d.watch.tell(changed) }

// Close implements engine.Engine. A second time does no harm.
func (d *DB) Close() error {
	d.watch.stop()
	return errors.Join(d.readers.Close(), d.writer.Close())
}
