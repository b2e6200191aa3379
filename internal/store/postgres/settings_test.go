package postgres

import (
	"reflect"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"personae.dev/internal/store/engine"
)

func TestParseTargetSessionAttrs(t *testing.T) {
	const one, two = "postgres://u@a/p?sslmode=prefer", "postgres://u@a,b/p?sslmode=prefer"
	primary := pgconn.ValidateConnectTargetSessionAttrsPrimary
	tests := map[string]struct {
		address, env string
		want         pgconn.ValidateConnectFunc
	}{
		"OneServer":      {address: one},
		"SeveralServers": {address: two, want: primary},
		"SeveralPorts":   {address: "postgres://u@a:1,a:2/p", want: primary},
		"Sockets":        {address: "postgres:///p?user=u&host=/a,/b", want: primary},
		"ReadWrite":      {address: one + "&target_session_attrs=read-write", want: primary},
		"ReadWriteByEnv": {address: one, env: "read-write", want: primary},
		"Primary":        {address: two + "&target_session_attrs=primary", want: primary},
		"Standby":        {address: two + "&target_session_attrs=standby", want: pgconn.ValidateConnectTargetSessionAttrsStandby},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PGTARGETSESSIONATTRS", test.env)
			config, err := parse(test.address, engine.Settings{})
			if err != nil {
				t.Fatal(err)
			}
			if reflect.ValueOf(config.ValidateConnect).Pointer() != reflect.ValueOf(test.want).Pointer() {
				t.Error("connections are checked for something else")
			}
		})
	}
}

func TestParseTimeouts(t *testing.T) {
	t.Parallel()
	settings := engine.Settings{ConnectTimeout: 7 * time.Second, StatementTimeout: 6 * time.Second}
	for address, want := range map[string]struct{ server, all time.Duration }{
		"postgres://u@a/p":                                       {7 * time.Second, 7 * time.Second},
		"postgres://u@a,b,a/p?sslmode=prefer":                    {3 * time.Second, 7 * time.Second},
		"postgres://u@a:1,a:2,b:1/p":                             {2 * time.Second, 7 * time.Second},
		"postgres://u@a,b/p?connect_timeout=2":                   {2 * time.Second, 7 * time.Second},
		"postgres://u@a,b/p?connect_timeout=9":                   {9 * time.Second, 18 * time.Second},
		"postgres://u@a/p?connect_timeout=0&statement_timeout=0": {0, 7 * time.Second},
	} {
		config, err := parse(address, settings)
		if err != nil {
			t.Fatal(err)
		}
		d := newDB(config, engine.Options{Settings: settings})
		if config.ConnectTimeout != want.server || d.opts.ConnectTimeout != want.all {
			t.Errorf("%s: %s for each server, %s for all; want %v", address, config.ConnectTimeout, d.opts.ConnectTimeout, want)
		}
		if got := config.RuntimeParams["statement_timeout"]; got != "6000" {
			t.Errorf("%s: statement_timeout is %s, and we wait for 6 s", address, got)
		}
	}
}
