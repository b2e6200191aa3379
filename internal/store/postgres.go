package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"personae.dev/internal/errs"
	"personae.dev/internal/store/migrations"
)

const (
	// oldestPostgres is the oldest version of PostgreSQL that is known to work.
	oldestPostgres = 130000
	// idleInTransaction is how long a transaction may do nothing: then its server
	// is gone, and what it has locked is free again. Long ones wait for a file.
	idleInTransaction     = time.Minute
	idleInLongTransaction = 10 * time.Minute
	// A connection is closed after connectionLasts, so that servers follow a
	// database that has moved, or when it was not used for connectionRests.
	connectionLasts = 30 * time.Minute
	connectionRests = 5 * time.Minute
	// migrationLock is held by the one server that migrates.
	migrationLock = 0x50455253
	// graceTime is how much longer than the server we wait for what has a timeout
	// there: its error says more.
	graceTime = time.Second
)

// postgresEngine is an open PostgreSQL database. No connection has settings of its
// own: each transaction sets what it needs, so that a pool between the two may
// give every transaction another connection.
type postgresEngine struct {
	name    string // for messages
	opts    Options
	options *engineOptions
	writes  *sql.DB
	reads   *sql.DB
}

// openPostgres opens the database at an address.
func openPostgres(ctx context.Context, address string, opts Options) (_ *Store, err error) {
	config, err := parsePostgres(address, opts.Settings)
	if err != nil {
		return nil, err
	}
	e := newPostgres(config, opts)
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close())
		}
	}()
	if err := e.checkServer(ctx); err != nil {
		return nil, err
	}
	if err := e.checkOurs(ctx); err != nil {
		return nil, err
	}
	if err := e.migrate(ctx); err != nil {
		return nil, err
	}
	return &Store{queries: queries{engineOptions: e.options, connect: e.connect}, engine: e}, nil
}

func newPostgres(config *pgx.ConnConfig, opts Options) *postgresEngine {
	// An address may give each server longer.
	opts.ConnectTimeout = max(opts.ConnectTimeout, config.ConnectTimeout*time.Duration(hosts(config)))
	e := &postgresEngine{name: nameOf(config), opts: opts, writes: postgresPool(config, opts.Writers), reads: postgresPool(config, opts.Readers)}
	e.options = &engineOptions{
		dialect: postgresDialect, timeout: opts.StatementTimeout + graceTime, translate: e.translate, observe: opts.Observe, warn: opts.Warn,
	}
	return e
}

// postgresPool returns connections that are made when they are needed.
func postgresPool(config *pgx.ConnConfig, size int) *sql.DB {
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	db.SetConnMaxLifetime(connectionLasts)
	db.SetConnMaxIdleTime(connectionRests)
	return db
}

// checkServer refuses a server that cannot keep what it is given, and warns of
// one that may not.
func (e *postgresEngine) checkServer(ctx context.Context) error {
	const query = `
		select current_setting('server_version_num')::int, current_setting('server_encoding'), pg_is_in_recovery(),
			coalesce(current_setting('fsync', true), 'on'), coalesce(current_setting('full_page_writes', true), 'on')`
	var (
		version                         int
		encoding, fsync, fullPageWrites string
		standby                         bool
	)
	ctx, cancel := context.WithTimeout(ctx, e.options.timeout)
	defer cancel()
	if err := e.writes.QueryRowContext(ctx, query).Scan(&version, &encoding, &standby, &fsync, &fullPageWrites); err != nil {
		return e.translate(err)
	}
	switch {
	case version < oldestPostgres:
		return errs.BadSettingf("The database %s is PostgreSQL %d, and Personae needs %d or newer.", e.name, version/10000, oldestPostgres/10000)
	case encoding != "UTF8":
		return errs.BadSettingf("The database %s keeps text as %s, and Personae needs UTF8: make one with `createdb --encoding=UTF8 --template=template0 NAME`.", e.name, encoding)
	case standby && e.opts.Create:
		return e.readOnly(nil)
	}
	if fsync != "on" || fullPageWrites != "on" {
		e.opts.Warn("The PostgreSQL server does not write to its disk at once: what was answered may be lost in a crash of its machine. Set fsync and full_page_writes to on.",
			"database", e.name, "fsync", fsync, "full_page_writes", fullPageWrites)
	}
	return nil
}

// checkOurs refuses the tables of another program, or of a build before this
// structure. A schema with no more than goose's own table is ours: a process that
// ended before its first migration.
func (e *postgresEngine) checkOurs(ctx context.Context) error {
	// What belongs to an extension, such as pg_stat_statements, does not count.
	const query = `
		select coalesce(current_schema(), ''),
			count(*) filter (where c.relname in ('meta', 'entities')),
			count(*) filter (where c.relname = 'personae_library'),
			count(*) filter (where c.relname <> 'goose_db_version')
		from pg_class c
		join pg_namespace n on n.oid = c.relnamespace
		where n.nspname = current_schema() and c.relkind in ('r', 'p', 'v', 'm', 'f')
			and not exists (select 1 from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')`
	var (
		schema              string
		ours, older, tables int
	)
	ctx, cancel := context.WithTimeout(ctx, e.options.timeout)
	defer cancel()
	if err := e.writes.QueryRowContext(ctx, query).Scan(&schema, &ours, &older, &tables); err != nil {
		return e.translate(err)
	}
	switch {
	case schema == "":
		return errs.BadSettingf("The database %s has no schema for this user: create one that search_path names.", e.name)
	case older > 0:
		return OfEarlierBuild("database " + e.name)
	case tables > 0 && ours < 2:
		return errs.Invalidf("The schema %s of the database %s has the tables of another program, and was left as it is. Name another database with --database, or another schema with search_path.", schema, e.name)
	case tables == 0 && !e.opts.Create:
		return errs.NotFoundf("database_not_found", "The database %s is empty. Set it up with `personae migrate` or `personae serve`.", e.name)
	}
	return nil
}

// migrate brings the database up to date, if it may, one server at a time: the
// lock is that of a transaction, which is under way meanwhile.
func (e *postgresEngine) migrate(ctx context.Context) error {
	m := e.migrations()
	if !e.opts.Create {
		return m.Up(ctx, false)
	}
	conn, err := e.acquire(ctx, e.reads)
	if err != nil {
		return err
	}
	defer conn.Close()
	const lock = `begin; set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0; select pg_advisory_xact_lock(%d)`
	if _, err := conn.ExecContext(ctx, fmt.Sprintf(lock, migrationLock)); err != nil {
		return e.translate(err)
	}
	defer e.rollback(ctx, conn)
	return m.Up(ctx, true)
}

// postgresSteps tells which migrations the database at address has, without
// changing it.
func postgresSteps(ctx context.Context, address string, opts Options) (_ []migrations.Step, err error) {
	config, err := parsePostgres(address, opts.Settings)
	if err != nil {
		return nil, err
	}
	opts.Create = false
	e := newPostgres(config, opts)
	defer func() { err = errors.Join(err, e.close()) }()
	if err := e.checkServer(ctx); err != nil {
		return nil, err
	}
	if err := e.checkOurs(ctx); err != nil {
		return nil, err
	}
	return e.migrations().Steps(ctx)
}

func (e *postgresEngine) migrations() migrations.Database {
	return migrations.Database{
		DB: e.writes, Name: e.name, Folder: "postgres", Dialect: goose.DialectPostgres, Translate: e.translate,
		HasVersions: `select count(*) > 0 from pg_tables where schemaname = current_schema() and tablename = 'goose_db_version'`,
	}
}

// acquire takes a connection of a pool, which may have to be made.
func (e *postgresEngine) acquire(ctx context.Context, pool *sql.DB) (*sql.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, e.opts.ConnectTimeout)
	defer cancel()
	conn, err := pool.Conn(ctx)
	return conn, e.translate(err)
}

// connect implements engine.
func (e *postgresEngine) connect(ctx context.Context) (runner, func(), error) {
	conn, err := e.acquire(ctx, e.reads)
	if err != nil {
		return nil, nil, err
	}
	return conn, func() { _ = conn.Close() }, nil
}

// snapshot implements engine.
func (e *postgresEngine) snapshot(ctx context.Context, fn func(runner) error) error {
	conn, err := e.acquire(ctx, e.reads)
	if err != nil {
		return err
	}
	defer conn.Close()
	begin := "begin isolation level repeatable read read only; set local statement_timeout = " + milliseconds(e.opts.StatementTimeout) +
		"; set local idle_in_transaction_session_timeout = " + milliseconds(idleInLongTransaction)
	if _, err := e.send(ctx, conn, begin); err != nil {
		return e.translate(err)
	}
	defer e.rollback(ctx, conn)
	return fn(conn)
}

// beginWrite begins a transaction that writes. Its commit waits for the disk,
// whatever the database, the user or the address has set; what is stricter stays.
// What waits for a lock does not keep its connection for as long as a statement may
// take.
func (e *postgresEngine) beginWrite(long bool) string {
	idle := idleInTransaction
	if long {
		idle = idleInLongTransaction
	}
	return "begin isolation level read committed read write" +
		"; select set_config('synchronous_commit', 'on', true) where current_setting('synchronous_commit') in ('on', 'off')" +
		"; set local statement_timeout = " + milliseconds(e.opts.StatementTimeout) +
		"; set local lock_timeout = " + milliseconds(e.opts.StatementTimeout/2) +
		"; set local idle_in_transaction_session_timeout = " + milliseconds(idle)
}

// write implements engine. Transactions run side by side: a statement sees what
// others have committed, and what must not change between two is locked.
func (e *postgresEngine) write(ctx context.Context, long bool, fn func(context.Context, *tx) error) error {
	conn, err := e.acquire(ctx, e.writes)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := e.send(ctx, conn, e.beginWrite(long)); err != nil {
		e.rollback(ctx, conn)
		return e.translate(err)
	}
	ctx = context.WithoutCancel(ctx)
	t := &tx{queries: *queries{engineOptions: e.options, writing: true}.on(conn)}
	if err := protect(func() error { return fn(ctx, t) }); err != nil {
		e.rollback(ctx, conn)
		return err
	}
	return e.commit(ctx, conn)
}

// commit ends a transaction. Once something was sent, only an error that
// PostgreSQL itself sent tells that nothing was kept.
func (e *postgresEngine) commit(ctx context.Context, conn *sql.Conn) error {
	if isClosed(conn) {
		return e.translate(driver.ErrBadConn)
	}
	tag, err := e.send(ctx, conn, "commit")
	if err == nil && tag == "COMMIT" {
		return nil
	}
	e.rollback(ctx, conn)
	if err == nil { // a statement had failed, and its error was passed over
		return errs.Unavailablef(fmt.Errorf("commit was answered with %q", tag), "The database %s did not take the change. Nothing of it was kept; try again.", e.name)
	}
	if told, ok := errors.AsType[*pgconn.PgError](err); ok && told.SeverityUnlocalized == "ERROR" {
		return e.translate(err)
	}
	return e.outcomeUnknown(err)
}

func isClosed(conn *sql.Conn) bool {
	closed := true
	_ = conn.Raw(func(driverConn any) error {
		closed = driverConn.(*stdlib.Conn).Conn().PgConn().IsClosed()
		return nil
	})
	return closed
}

// send sends constant statements, all at once, and returns what the last of them
// was answered with.
func (e *postgresEngine) send(ctx context.Context, conn *sql.Conn, text string) (tag string, err error) {
	ctx, cancel := context.WithTimeout(ctx, e.options.timeout)
	defer cancel()
	err = conn.Raw(func(driverConn any) error {
		results, err := driverConn.(*stdlib.Conn).Conn().PgConn().Exec(ctx, text).ReadAll()
		if len(results) > 0 {
			tag = results[len(results)-1].CommandTag.String()
		}
		return err
	})
	return tag, err
}

// rollback ends a transaction. A connection on which that cannot be done is not
// used again, and then the server ends the transaction.
func (e *postgresEngine) rollback(ctx context.Context, conn *sql.Conn) {
	if _, err := e.send(context.WithoutCancel(ctx), conn, "rollback"); err != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}

// compact implements engine. PostgreSQL frees the space of dead rows by itself.
func (e *postgresEngine) compact(context.Context) error { return nil }

// ping implements engine.
func (e *postgresEngine) ping(context.Context) error { return nil }

// pingWrite implements engine.
func (e *postgresEngine) pingWrite(ctx context.Context) error {
	const query = `select pg_is_in_recovery() or current_setting('transaction_read_only') = 'on'`
	ctx, cancel := context.WithTimeout(ctx, e.options.timeout)
	defer cancel()
	var readOnly bool
	if err := e.writes.QueryRowContext(ctx, query).Scan(&readOnly); err != nil {
		return e.translate(err)
	}
	if readOnly {
		return e.readOnly(nil)
	}
	return nil
}

// close implements engine.
func (e *postgresEngine) close() error { return errors.Join(e.reads.Close(), e.writes.Close()) }
