package postgres

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/engine"
)

// Addresses tells whether address names a PostgreSQL database.
func Addresses(address string) bool {
	return strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
}

// Name is an address as it may be shown: host, port and database, and neither
// user nor password.
func Name(address string) string {
	config, err := parse(address, engine.Settings{})
	if err != nil {
		return "postgres://…"
	}
	return name(config)
}

func name(config *pgx.ConnConfig) string {
	if strings.HasPrefix(config.Host, "/") { // the folder of a Unix socket
		return fmt.Sprintf("postgres:///%s?host=%s&port=%d", config.Database, config.Host, config.Port)
	}
	return fmt.Sprintf("postgres://%s:%d/%s", config.Host, config.Port, config.Database)
}

// parse reads an address. What it says goes before the settings, but for TLS.
// No error of it tells a password.
func parse(address string, settings engine.Settings) (*pgx.ConnConfig, error) {
	const form = "write postgres://USER:PASSWORD@HOST:PORT/NAME, with what is neither letter nor digit in the password as %%XX"
	u, err := url.Parse(address)
	if err != nil {
		return nil, persona.BadSettingf("The database address postgres://… cannot be read: " + form + ".")
	}
	query := u.Query()
	if settings.TLS != "" {
		query.Set("sslmode", settings.TLS)
		u.RawQuery = query.Encode()
	}
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, persona.BadSettingf("The database address postgres://… cannot be used (%s): "+form+".", withoutPassword(err, u))
	}
	if strings.Trim(u.Path, "/") == "" && !query.Has("dbname") && !query.Has("database") {
		return nil, persona.BadSettingf("The database address postgres://… names no database: " + form + ".")
	}
	if !query.Has("connect_timeout") && settings.ConnectTimeout > 0 {
		config.ConnectTimeout = settings.ConnectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "personae"
	}
	config.RuntimeParams["client_encoding"] = "UTF8"
	if config.RuntimeParams["statement_timeout"] == "" && settings.StatementTimeout > 0 {
		config.RuntimeParams["statement_timeout"] = milliseconds(settings.StatementTimeout)
	}
	return config, nil
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

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
