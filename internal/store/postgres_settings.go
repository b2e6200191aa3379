package store

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"personae.dev/internal/errs"
)

// isPostgres tells whether an address names a PostgreSQL database.
func isPostgres(address string) bool {
	return strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
}

// postgresName is an address as it may be shown: host, port and database, and
// neither user nor password.
func postgresName(address string) string {
	config, err := parsePostgres(address, Settings{})
	if err != nil {
		return "postgres://…"
	}
	return nameOf(config)
}

func nameOf(config *pgx.ConnConfig) string {
	if strings.HasPrefix(config.Host, "/") { // the folder of a Unix socket
		return fmt.Sprintf("postgres:///%s?host=%s&port=%d", config.Database, config.Host, config.Port)
	}
	return fmt.Sprintf("postgres://%s:%d/%s", config.Host, config.Port, config.Database)
}

// parsePostgres reads an address. No error of it has a password.
func parsePostgres(address string, settings Settings) (*pgx.ConnConfig, error) {
	const form = "write postgres://USER:PASSWORD@HOST:PORT/NAME, with what is neither letter nor digit in the password as %%XX"
	u, err := url.Parse(address)
	if err != nil {
		return nil, errs.BadSettingf("The database address postgres://… cannot be read: " + form + ".")
	}
	query := u.Query()
	if settings.TLS != "" {
		query.Set("sslmode", settings.TLS)
		u.RawQuery = query.Encode()
	}
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, errs.BadSettingf("The database address postgres://… cannot be used (%s): "+form+".", withoutPassword(err, u))
	}
	if strings.Trim(u.Path, "/") == "" && !query.Has("dbname") && !query.Has("database") {
		return nil, errs.BadSettingf("The database address postgres://… names no database: " + form + ".")
	}
	servers := hosts(config)
	if !query.Has("connect_timeout") && settings.ConnectTimeout > 0 {
		config.ConnectTimeout = settings.ConnectTimeout
		if servers > 1 {
			// The driver gives it to each: one that is silent leaves time for the
			// next, also in the time of a statement that needs a connection.
			config.ConnectTimeout = min(settings.ConnectTimeout, settings.StatementTimeout) / time.Duration(servers)
		}
	}
	if asksReadWrite(config) || servers > 1 && config.ValidateConnect == nil {
		// Where it may not be clear which server is meant, it is the one that is
		// written to: a copy may be any time behind.
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "personae"
	}
	config.RuntimeParams["client_encoding"] = "UTF8"
	// Statements are not prepared: another connection may get the next one.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.StatementCacheCapacity, config.DescriptionCacheCapacity = 0, 0
	return config, nil
}

// hosts counts the servers that an address names. Fallbacks has a server twice
// where it is to be tried with TLS and without.
func hosts(config *pgx.ConnConfig) int {
	type host struct {
		name string
		port uint16
	}
	all := map[host]bool{{config.Host, config.Port}: true}
	for _, fallback := range config.Fallbacks {
		all[host{fallback.Host, fallback.Port}] = true
	}
	return len(all)
}

// asksReadWrite tells whether target_session_attrs is read-write: in the address,
// the environment or a service file. The driver tells by its function alone.
func asksReadWrite(config *pgx.ConnConfig) bool {
	readWrite := reflect.ValueOf(pgconn.ValidateConnectTargetSessionAttrsReadWrite)
	return reflect.ValueOf(config.ValidateConnect).Pointer() == readWrite.Pointer()
}

// withoutPassword is the reason why an address cannot be used.
func withoutPassword(err error, u *url.URL) string {
	text := err.Error()
	if _, reason, found := strings.Cut(text, "`: "); found {
		text = reason // before it stands the address
	}
	secrets := []string{u.Query().Get("password"), u.Query().Get("sslpassword")}
	if password, set := u.User.Password(); set {
		secrets = append(secrets, password)
	}
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(strings.ReplaceAll(text, secret, "…"), url.QueryEscape(secret), "…")
		}
	}
	return text
}
